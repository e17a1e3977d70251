"""Tracks: lines of a stage's sequences that run side by side, and one stage per contact."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.campaigns.parse import parse_sequence
from nurture.config import Settings
from nurture.domain.consent import Answer
from nurture.domain.contact import Contact, Standing
from nurture.domain.experiments import HELD_OUT, MAILED, hold_out_key
from nurture.domain.migrating import Choices
from nurture.engine.admission import takers
from nurture.engine.granting import Witness
from nurture.engine.migrating import carry_out
from nurture.engine.pausing import pause, resume
from nurture.engine.record import record
from nurture.engine.repairs import check_everybody, repair_all
from nurture.engine.replay import replay
from nurture.engine.subscribing import Wish, come_back, subscribe
from nurture.engine.suppress import unsubscribe
from nurture.engine.waking import wake_exhausted
from nurture.store import tables
from tests.engine.importing_world import imported
from tests.engine.test_entering import told
from tests.engine.test_races import at_once
from tests.engine.world import (
    DAY,
    EMAILS,
    FUNNEL,
    HOUR,
    NOW,
    WELCOME,
    E,
    S,
    World,
    compiled,
    opened,
    sequence,
)

T = tables.Standing

TIPS = sequence(
    "tips",
    [
        {"key": "tip", "email": "tip"},
        {"key": "pause", "wait": "3d"},
        {"key": "trick", "email": "trick"},
    ],
    stage="lead",
    track="side",
)
SECRETS = sequence("secrets", [{"key": "secret", "email": "secret"}], stage="mql", track="side")
SPARE = sequence("spare", [{"key": "spare", "email": "spare"}], stage="lead", track="side")


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        made.emails = compiled(*EMAILS, "tip", "trick", "secret", "spare")
        # More emails a day than the usual maximum, which is not what is looked at here.
        made.publish(TIPS, SECRETS, funnel={**FUNNEL, "guards": {"contact_daily": 9}})
        yield made
        made.assert_sound()
        assert replay(made.deps, made.now).differences == ()


def live(world: World, contact_id: int) -> dict[str, str]:
    """The sequence of each track that a contact is in."""
    q = tables.Sequence
    statement = sa.select(E.track, q.key).join(q, q.id == E.sequence_id)
    found = world.rows(statement.where(E.contact_id == contact_id, E.ended_at.is_(None)))
    assert len({track for track, _ in found}) == len(found)
    return dict(found)


def endings(world: World, contact_id: int) -> list[tuple[str, str, str]]:
    """(sequence, state, why) of the runs of a contact that are over."""
    q = tables.Sequence
    statement = sa.select(q.key, E.state, E.end_reason).join(q, q.id == E.sequence_id)
    over = statement.where(E.contact_id == contact_id, E.ended_at.is_not(None))
    return world.rows(over.order_by(E.id))


# ---- entering ------------------------------------------------------------------------------


def test_the_highest_priority_that_takes_the_contact_is_theirs_in_each_track() -> None:
    for_tagged: dict[str, Any] = {**TIPS, "key": "tagged", "priority": 9, "entry": {"tag": "vip"}}
    some = [parse_sequence(one) for one in (for_tagged, TIPS, WELCOME, SPARE)]
    contact = Contact(1, "ana@example.com", standing=Standing("lead", "lead", NOW))
    chosen = {track: one.key for track, one in takers(some, contact, NOW).items()}
    assert chosen == {"side": "tips", "default": "welcome"}
    mql = Contact(1, "ana@example.com", standing=Standing("mql", "mql", NOW))
    assert takers(some, mql, NOW) == {}


def test_a_contact_is_in_one_sequence_of_each_track(world: World) -> None:
    world.publish({**SPARE, "priority": -1})
    ana = world.enroll("ana")
    assert live(world, ana) == {"default": "welcome", "side": "tips"}
    world.drive(NOW + 30 * DAY)
    assert world.mailed("ana") == ["hello", "tip", "trick", "again"]
    assert live(world, ana) == {"default": "welcome", "side": "tips"}
    assert world.column(sa.select(T.stage).where(T.contact_id == ana)) == ["lead"]


def test_a_change_of_stage_ends_the_runs_of_all_tracks_and_begins_the_next(world: World) -> None:
    ana = world.enroll("ana")
    world.drive(NOW + HOUR)
    world.happen(ana, "form")
    assert endings(world, ana) == [("welcome", "moved", "deepen"), ("tips", "moved", "secrets")]
    assert live(world, ana) == {"default": "deepen", "side": "secrets"}
    world.work()
    assert world.mailed("ana") == ["hello", "tip", "case", "secret"]
    # Two days from the demo on they are in sales' hands, where no track has a sequence.
    world.clock.moment += 3 * DAY
    world.happen(ana, "demo")
    assert world.stage(ana) == "sql"
    assert live(world, ana) == {}
    assert endings(world, ana)[2:] == [("deepen", "moved", "sql"), ("secrets", "moved", "sql")]


def test_a_track_that_a_stage_has_no_sequence_of_ends_there_alone(world: World) -> None:
    world.publish(sequence("side-deal", [{"key": "spare", "email": "spare"}], stage="sql"))
    ana = world.enroll("ana")
    world.happen(ana, "form")
    assert live(world, ana) == {"default": "deepen", "side": "secrets"}
    world.clock.moment += 3 * DAY
    world.happen(ana, "demo")
    assert live(world, ana) == {"default": "side-deal"}
    assert ("secrets", "moved", "sql") in endings(world, ana)


def test_a_new_track_reaches_who_waits_and_leaves_alone_who_has_left_another(world: World) -> None:
    world.publish({**WELCOME, "exits": [{"reason": "quiet", "when": {"tag": "quiet"}}]})
    world.publish({**TIPS, "exits": [{"reason": "quiet", "when": {"tag": "quiet"}}]})
    (ana,) = world.add_many(["ana"])
    tagged = sa.update(tables.Contact).where(tables.Contact.id == ana)
    with world.deps.database.begin() as tx:
        tx.execute(tagged.values(tags=["quiet"]))
    world.place()
    assert live(world, ana) == {}
    with world.deps.database.begin() as tx:
        tx.execute(tagged.values(tags=[]))
    third = [{"key": "spare", "email": "spare"}]
    world.publish(sequence("third", third, stage="lead", track="third"))
    assert live(world, ana) == {"third": "third"}


def test_who_agrees_again_goes_on_in_every_track(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    (letter, *_) = world.post.taken
    unsubscribe(world.deps, letter.send_id, world.now)
    assert live(world, ana) == {}
    come_back(world.deps, letter.send_id, Witness("I agree."), world.now)
    assert live(world, ana) == {"default": "welcome", "side": "tips"}
    world.drive(NOW + 10 * DAY)
    assert sorted(world.mailed("ana")) == ["again", "hello", "tip", "trick"]


def test_who_is_imported_or_signs_up_begins_in_every_track(world: World) -> None:
    imported(world.deps, "email\nbo@example.com\n", world.now)
    wish = Wish(
        email="cleo@example.com", topic="marketing", wording="I agree.", source="page", by="form"
    )  # fmt: skip
    assert subscribe(world.deps, wish, world.now) is Answer.GRANTED
    for contact_id in world.column(sa.select(tables.Contact.id)):
        assert live(world, contact_id) == {"default": "welcome", "side": "tips"}
    world.work()
    assert sorted(world.mailed("bo")) == sorted(world.mailed("cleo")) == ["hello", "tip"]


def test_many_who_enter_and_move_at_once_are_in_one_sequence_of_each_track(world: World) -> None:
    ids = world.add_many([f"p{number}" for number in range(16)])
    forms = [world.event(key, "form") for key in ids[:8]]
    at_once(world.place, lambda: record(world.deps, forms, world.now), world.place)
    for key in ids[:8]:
        assert live(world, key) == {"default": "deepen", "side": "secrets"}
    for key in ids[8:]:
        assert live(world, key) == {"default": "welcome", "side": "tips"}
    assert world.column(sa.select(sa.func.count()).select_from(E).where(E.track == "")) == [0]


# ---- moving between tracks -----------------------------------------------------------------


def moving(to: str, **more: Any) -> dict[str, Any]:
    """A sequence of the usual track that leads to another after an hour."""
    steps = [{"key": "nap", "wait": "1h"}, {"key": "on", "move_to": to}]
    return sequence("moving", steps, stage="lead", priority=9, **more)


def test_a_move_into_a_free_track_goes_there(world: World) -> None:
    world.publish({**TIPS, "entry": {"tag": "nobody"}}, SPARE)
    world.publish({**SPARE, "entry": {"did": "visit"}}, moving("spare"))
    ana = world.enroll("ana")
    assert live(world, ana) == {"default": "moving"}
    world.happen(ana, "visit")
    world.drive(NOW + 2 * HOUR)
    assert live(world, ana) == {"side": "spare"}
    assert world.mailed("ana") == ["spare"]


def test_a_move_into_a_track_that_is_taken_is_told_and_breaks_nothing(world: World) -> None:
    world.publish({**SPARE, "priority": -1}, moving("spare"))
    ana = world.enroll("ana")
    world.drive(NOW + 2 * HOUR)
    assert live(world, ana) == {"side": "tips"}
    assert told(world, ana) == [("spare", "track taken")]
    assert world.mailed("ana") == ["tip"]


def test_entering_beside_a_track_that_is_taken_is_told_and_the_run_goes_on(world: World) -> None:
    steps = [{"key": "on", "enter": "spare"}, {"key": "nap", "wait": "1h"}]
    world.publish({**SPARE, "priority": -1})
    world.publish(sequence("visits", steps, trigger={"event": "visit"}))
    ana = world.enroll("ana")
    world.happen(ana, "visit")
    assert told(world, ana) == [("spare", "track taken")]
    assert live(world, ana) == {"default": "welcome", "side": "tips", "": "visits"}


# ---- a sequence that changes its track -----------------------------------------------------


def test_runs_follow_their_sequence_to_another_track(world: World) -> None:
    world.publish({**SPARE, "track": "third", "priority": 9})
    ana = world.enroll("ana")
    world.work()
    assert live(world, ana) == {"default": "welcome", "side": "tips", "third": "spare"}
    # The run through tips follows into the track that nobody was in, and its place is free.
    world.publish({**TIPS, "track": "fourth"})
    assert live(world, ana) == {"default": "welcome", "third": "spare", "fourth": "tips"}
    # Into a track that is taken it cannot follow.
    world.publish({**TIPS, "track": "third"})
    assert live(world, ana) == {"default": "welcome", "third": "spare", "fourth": "tips"}
    world.happen(ana, "form")
    assert live(world, ana) == {"default": "deepen", "side": "secrets"}
    assert ("tips", "moved", "mql") in endings(world, ana)


def test_who_has_left_a_sequence_has_left_it_in_its_new_track_too(world: World) -> None:
    world.publish({**TIPS, "exits": [{"reason": "seen", "when": {"did": "visit"}}]}, SPARE)
    world.publish({**SPARE, "priority": -1})
    ana = world.enroll("ana")
    world.happen(ana, "visit")
    assert live(world, ana) == {"default": "welcome"}
    world.publish({**TIPS, "track": "third"})
    assert live(world, ana) == {"default": "welcome", "side": "spare"}
    assert endings(world, ana) == [("tips", "exited", "seen")]


def test_who_is_exhausted_or_migrated_stays_in_the_track_of_their_sequence(world: World) -> None:
    ana = world.enroll("ana")
    world.drive(NOW + 10 * DAY)
    longer = [*TIPS["steps"], {"key": "spare", "email": "spare"}]
    world.publish({**TIPS, "track": "third", "steps": longer})
    assert live(world, ana) == {"default": "welcome", "third": "tips"}
    assert wake_exhausted(world.deps, world.now) == 1
    bo = world.enroll("bo")
    world.publish({**TIPS, "track": "fourth", "steps": longer})
    carry_out(world.deps, "tips", Choices(), "lan", world.now)
    assert live(world, ana) == live(world, bo) == {"default": "welcome", "fourth": "tips"}
    world.drive(NOW + 30 * DAY)
    assert world.mailed("ana") == ["hello", "tip", "trick", "again", "spare"]


# ---- what contacts get ---------------------------------------------------------------------


def test_a_pause_of_one_track_lets_the_other_go_on(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    pause(world.deps, "tips", "a typo", "lan", world.now)
    world.drive(NOW + 10 * DAY)
    assert world.mailed("ana") == ["hello", "tip", "again"]
    world.happen(ana, "form")
    assert live(world, ana) == {"default": "deepen", "side": "secrets"}
    resume(world.deps, "tips", "lan", world.now)
    world.work()
    assert "trick" not in world.mailed("ana")


def test_tracks_share_the_caps_of_the_contact(world: World) -> None:
    world.publish(funnel={**FUNNEL, "caps": [{"times": 1, "per": "1d"}]})
    world.publish({**TIPS, "priority": 3})
    world.enroll("ana")
    world.work()
    assert world.mailed("ana") == ["tip"]
    world.drive(NOW + 2 * DAY)
    assert world.mailed("ana") == ["tip", "hello"]


def test_only_the_track_that_is_held_out_is(world: World) -> None:
    world.publish(funnel={**FUNNEL, "hold_out": {"side": 50}})
    names = [f"p{number}" for number in range(20)]
    ids = world.add_many(names)
    world.place()
    world.work()
    x = tables.Exposure
    arms = dict(
        world.rows(sa.select(x.contact_id, x.arm).where(x.experiment == hold_out_key("side")))
    )
    assert set(arms.values()) == {HELD_OUT, MAILED}
    assert arms.keys() == set(ids)
    got = {key: world.mailed(name) for key, name in zip(ids, names, strict=True)}
    assert got == {
        key: ["hello"] if arm == HELD_OUT else ["hello", "tip"] for key, arm in arms.items()
    }
    assert world.column(sa.select(x.experiment).distinct()) == [hold_out_key("side")]


# ---- the doctor ----------------------------------------------------------------------------


def test_the_doctor_finds_runs_of_another_stage_in_every_track_and_mends_them(
    world: World,
) -> None:
    ana = world.enroll("ana")
    world.work()
    assert check_everybody(world.deps, world.now) == 0
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(T).where(T.contact_id == ana).values(stage="mql", highest="mql"))
    codes = [finding.code for finding in world.examine().findings]
    assert codes == ["run_of_another_stage"] * 2
    repair_all(world.deps, "lan", world.now)
    assert live(world, ana) == {"default": "deepen", "side": "secrets"}
    world.work()
    assert world.mailed("ana") == ["hello", "tip", "case", "secret"]
    with world.deps.database.begin() as tx:
        # What was planted is no change that a replay could know of.
        tx.execute(sa.update(T).where(T.contact_id == ana).values(stage="lead", highest="lead"))
    repair_all(world.deps, "lan", world.now)
    assert live(world, ana) == {"default": "welcome", "side": "tips"}
    assert world.column(sa.select(S.id).where(S.status == "queued")) == []


def test_what_the_doctor_mends_in_one_track_leaves_the_others_alone(world: World) -> None:
    world.publish({**SECRETS, "exits": [{"reason": "seen", "when": {"did": "visit"}}]})
    ana = world.enroll("ana")
    world.happen(ana, "form")
    world.happen(ana, "visit")
    assert live(world, ana) == {"default": "deepen"}
    changes = tables.StageChange
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(T).where(T.contact_id == ana).values(stage="lead", highest="lead"))
        tx.execute(sa.delete(changes).where(changes.contact_id == ana))
    repair_all(world.deps, "lan", world.now)
    assert live(world, ana) == {"default": "welcome"}
