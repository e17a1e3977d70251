"""Segments: built once, then brought up to date for whom something happened to, and nobody else."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.campaigns.parse import parse_segments
from nurture.config import Settings
from nurture.domain.conditions import holds
from nurture.engine.record import fallen, score_again
from nurture.engine.segment_building import Progress, build, build_all, publish_segments, turn
from nurture.engine.segment_reports import segments
from nurture.engine.suppress import unsubscribe
from nurture.store import people, tables
from nurture.store.condition_members import EVERYTHING
from tests.engine.world import DAY, FUNNEL, HOUR, NOW, World, opened, sequence

M, R, E = tables.SegmentMember, tables.SegmentRecheck, tables.Event

CLICKERS = {"did": "click", "at_least": 2, "within": "7d"}
QUIET = {"not": {"did": "click", "within": "7d"}}


def segment(key: str, when: dict[str, Any]) -> dict[str, Any]:
    return {"key": key, "name": {"vi": key, "en": key}, "when": when}


def publish(world: World, **conditions: dict[str, Any]) -> tuple[str, ...]:
    """Publish these segments, by their keys, and build them."""
    written = [segment(key, when) for key, when in conditions.items()]
    with world.deps.database.begin() as tx:
        changed = publish_segments(tx, parse_segments({"segments": written}), "test", world.now)
    build(world.deps, world.now)
    return changed


def inside(world: World, key: str) -> set[int]:
    with world.deps.database.read() as tx:
        statement = sa.select(M.contact_id).join(tables.Segment, tables.Segment.id == M.segment_id)
        return set(tx.execute(statement.where(tables.Segment.key == key)).scalars())


def crossings(world: World) -> list[tuple[int, str, str]]:
    """What happened at the borders of segments: (contact, event, segment), in order."""
    with world.deps.database.read() as tx:
        statement = sa.select(E.contact_id, E.name, E.properties).where(E.source == "segment")
        rows = tx.execute(statement.order_by(E.id)).all()
    return [(row.contact_id, row.name, row.properties["segment"]) for row in rows]


def pass_time(world: World, span: timedelta) -> None:
    """Let time pass, and have the ticker look at whose time has come."""
    world.clock.moment += span
    while turn(world.deps, world.now):
        pass


class Place(World):
    """A world with nothing but a funnel in it."""

    def clicks(self, contact_id: int) -> None:
        self.happen(contact_id, "click")

    def tell(self, contact_id: int, name: str) -> None:
        self.happen(contact_id, name)

    def fall(self) -> None:
        while fallen(self.deps, self.now):
            pass


@pytest.fixture
def ready(settings: Settings, database_url: str) -> Iterator[Place]:
    made = Place(settings, database_url)
    made.publish(funnel=FUNNEL)
    yield made
    made.close()


def test_publishing_finds_everybody_and_tells_of_nobody(ready: Place) -> None:
    names = ("ana", "bo", "chi")
    ana, bo, chi = (ready.add(name) for name in names)
    ready.clicks(ana)
    heard: list[Progress] = []
    publish(ready, clicked={"did": "click"}, others={"not": {"did": "click"}})
    assert (inside(ready, "clicked"), inside(ready, "others")) == ({ana}, {bo, chi})
    assert crossings(ready) == []
    assert build(ready.deps, ready.now, heard.append) == 0
    assert heard == []


def test_a_build_goes_on_where_it_was_left_and_says_how_far_it_is(ready: Place) -> None:
    ids = ready.add_many([f"p{n}" for n in range(5)])
    heard: list[Progress] = []
    written = [segment("all", {"language": "en"})]
    with ready.deps.database.begin() as tx:
        publish_segments(tx, parse_segments({"segments": written}), "test", ready.now)

    def part() -> int:
        return build(ready.deps, ready.now, heard.append, size=2, most=1)

    assert (part(), inside(ready, "all")) == (2, set(ids[:2]))
    assert [one.built for one in segments(ready.deps)] == [0.4]
    # Who is looked at by the build no more, and who not yet, are seen to by what happens to them.
    ready.clicks(ids[0])
    ready.clicks(ids[4])
    assert inside(ready, "all") == {*ids[:2], ids[4]}
    assert (part(), part(), part()) == (2, 1, 0)
    assert [one.built for one in segments(ready.deps)] == [1]
    assert inside(ready, "all") == set(ids)
    assert [(one.share, one.members) for one in heard] == [(0.4, None), (0.8, None), (1.0, 5)]


def test_before_anything_is_published_there_is_nothing_to_build(
    settings: Settings, database_url: str
) -> None:
    bare = Place(settings, database_url)
    assert build(bare.deps, NOW) == 0
    bare.close()


def test_a_segment_published_anew_while_it_is_built_is_built_from_the_first_contact(
    ready: Place,
) -> None:
    ids = ready.add_many([f"p{n}" for n in range(5)])
    for when in ({"language": "en"}, {"language": "vi"}):
        with ready.deps.database.begin() as tx:
            found = parse_segments({"segments": [segment("some", when)]})
            publish_segments(tx, found, "test", ready.now)
        build(ready.deps, ready.now, size=2, most=2)
    assert inside(ready, "some") == set()
    build_all(ready.deps)
    assert inside(ready, "some") == set()
    with ready.deps.database.begin() as tx:
        found = parse_segments({"segments": [segment("some", {"language": "en"})]})
        publish_segments(tx, found, "test", ready.now)
    build_all(ready.deps)
    assert inside(ready, "some") == set(ids)


def test_what_rests_on_another_segment_waits_until_that_one_is_built(ready: Place) -> None:
    ids = ready.add_many([f"p{n}" for n in range(3)])
    documents = [
        segment("a", {"segment": "z"}),
        segment("z", {"language": "en"}),
    ]
    with ready.deps.database.begin() as tx:
        publish_segments(tx, parse_segments({"segments": documents}), "test", ready.now)
    while inside(ready, "z") != set(ids):
        assert inside(ready, "a") == set()
        assert build(ready.deps, ready.now, size=1, most=1) == 1
    build_all(ready.deps)
    assert inside(ready, "a") == set(ids)


def test_an_event_brings_its_contact_in_and_time_alone_takes_them_out(ready: Place) -> None:
    ana, bo = ready.add("ana"), ready.add("bo")
    publish(ready, regulars=CLICKERS)
    ready.clicks(ana)
    assert inside(ready, "regulars") == set()
    ready.clock.moment += DAY
    ready.clicks(ana)
    ready.clicks(bo)
    assert inside(ready, "regulars") == {ana}
    assert crossings(ready) == [(ana, "segment_entered", "regulars")]
    pass_time(ready, 6 * DAY - timedelta(microseconds=1))
    assert inside(ready, "regulars") == {ana}
    pass_time(ready, timedelta(microseconds=1))
    assert inside(ready, "regulars") == set()
    assert crossings(ready)[1:] == [(ana, "segment_left", "regulars")]


def test_silence_brings_contacts_in_at_the_instant_it_is_long_enough(ready: Place) -> None:
    ana, bo = ready.add("ana"), ready.add("bo")
    ready.clicks(ana)
    publish(ready, quiet=QUIET)
    assert inside(ready, "quiet") == {bo}
    pass_time(ready, 7 * DAY)
    assert inside(ready, "quiet") == {ana, bo}
    assert crossings(ready) == [(ana, "segment_entered", "quiet")]


def test_a_date_of_the_contact_is_waited_for_and_not_looked_for(ready: Place) -> None:
    ana = ready.add("ana")
    soon = {"field": "ends", "in_next": "2d"}
    with ready.deps.database.begin() as tx:
        ends = (NOW + 5 * DAY).isoformat()
        tx.execute(sa.update(tables.Contact).values(fields={"ends": ends}))
    publish(ready, ending=soon)
    with ready.deps.database.read() as tx:
        assert list(tx.execute(sa.select(R.at)).scalars()) == [NOW + 3 * DAY]
    assert turn(ready.deps, NOW + 2 * DAY) == 0
    pass_time(ready, 3 * DAY)
    assert inside(ready, "ending") == {ana}
    pass_time(ready, 2 * DAY)
    assert inside(ready, "ending") == set()
    with ready.deps.database.read() as tx:
        assert list(tx.execute(sa.select(R.at)).scalars()) == []


def test_a_segment_asks_for_another_and_follows_it_in_the_same_moment(ready: Place) -> None:
    ana = ready.add("ana")
    publish(
        ready,
        # The first by its name rests on the last.
        all_but={"all": [{"not": {"segment": "regulars"}}, {"did": "visit"}]},
        regulars={"did": "click"},
    )
    ready.tell(ana, "visit")
    assert inside(ready, "all_but") == {ana}
    ready.clicks(ana)
    assert (inside(ready, "all_but"), inside(ready, "regulars")) == (set(), {ana})


def test_entering_triggers_a_sequence_and_scores(ready: Place) -> None:
    scoring = {
        **FUNNEL,
        "engagement": {
            "groups": FUNNEL["engagement"]["groups"],
            "rules": [
                *FUNNEL["engagement"]["rules"],
                {
                    "key": "regular", "name": {"vi": "r", "en": "r"}, "event": "segment_entered",
                    "where": {"segment": "regulars"}, "points": 7, "group": "all",
                },
            ],
        },
    }  # fmt: skip
    thanks = sequence(
        "thanks",
        [{"key": "pause", "wait": "1h"}, {"key": "hello", "email": "hello"}],
        trigger={"event": "segment_entered", "where": {"segment": "regulars"}},
    )
    ready.publish(thanks, funnel=scoring)
    publish(ready, regulars={"did": "visit"})
    ana = ready.add("ana")
    ready.tell(ana, "visit")
    with ready.deps.database.read() as tx:
        runs = tx.execute(sa.select(tables.Enrollment.contact_id, tables.Enrollment.state)).all()
        score = tx.execute(sa.select(tables.Standing.engagement)).scalar_one()
    assert [tuple(run) for run in runs] == [(ana, "waiting")]
    assert score == 7.0


def test_rules_see_the_segments_they_ask_for(ready: Place) -> None:
    inviting = sequence(
        "inviting",
        [{"key": "pause", "wait": "1h"}],
        trigger={"event": "form"},
        entry={"segment": "regulars"},
    )
    ready.publish(inviting)
    publish(ready, regulars={"did": "visit"})
    ana, bo = ready.add("ana"), ready.add("bo")
    ready.tell(ana, "visit")
    ready.tell(ana, "form")
    ready.tell(bo, "form")
    with ready.deps.database.read() as tx:
        assert list(tx.execute(sa.select(tables.Enrollment.contact_id)).scalars()) == [ana]


def test_a_score_that_falls_by_itself_takes_contacts_out(ready: Place) -> None:
    publish(ready, warm={"score": "engagement", "at_least": 4})
    ana = ready.add("ana")
    ready.clicks(ana)
    assert inside(ready, "warm") == {ana}
    # Five points with a half-life of ten days are four after three and a quarter.
    for _ in range(4):
        ready.clock.moment += DAY
        ready.fall()
    assert inside(ready, "warm") == set()


def test_a_segment_on_scores_has_everybody_looked_at_part_by_part(ready: Place) -> None:
    everybody = [ready.add(name) for name in ("ana", "bo", "cleo")]
    t = tables.Standing

    def looked_at() -> list[int]:
        with ready.deps.database.read() as tx:
            asked = sa.select(t.contact_id).where(t.crosses_at == ready.now).order_by(t.contact_id)
            return list(tx.execute(asked).scalars())

    written = {"segments": [segment("warm", {"score": "engagement", "at_least": 4})]}
    with ready.deps.database.begin() as tx:
        publish_segments(tx, parse_segments(written), "test", ready.now)
    assert looked_at() == [], "publishing holds nobody"
    for number in range(1, 4):
        build(ready.deps, ready.now, size=1, most=1)
        assert looked_at() == everybody[:number]


def test_segments_whose_events_feed_the_score_do_not_turn_in_a_circle(ready: Place) -> None:
    rule = {
        "key": "in", "name": {"vi": "r", "en": "r"}, "event": "segment_entered", "points": -9,
        "group": "all",
    }  # fmt: skip
    engagement = dict(FUNNEL["engagement"])
    engagement["rules"] = [*engagement["rules"], rule]
    ready.publish(funnel={**FUNNEL, "engagement": engagement})
    publish(ready, warm={"score": "engagement", "at_least": 5})
    ana = ready.add("ana")
    ready.clicks(ana)
    assert [name for _, name, _ in crossings(ready)] == ["segment_entered"]
    # What the event did to the score counts, though it is not told of a second time.
    assert inside(ready, "warm") == set()


def test_a_changed_segment_is_built_anew_with_what_rests_on_it(ready: Place) -> None:
    ana, bo = ready.add("ana"), ready.add("bo")
    ready.clicks(ana)
    ready.tell(bo, "visit")
    rests = {"not": {"segment": "base"}}
    assert publish(ready, base={"did": "click"}, rest=rests) == ("base", "rest")
    assert inside(ready, "rest") == {bo}
    assert publish(ready, base={"did": "click"}, rest=rests) == ()
    assert publish(ready, base={"did": "visit"}, rest=rests) == ("base", "rest")
    assert (inside(ready, "base"), inside(ready, "rest")) == ({bo}, {ana})
    assert crossings(ready) == []


def test_a_segment_that_asks_the_clock_no_more_is_looked_at_for_it_once_and_not_for_ever(
    ready: Place,
) -> None:
    ana = ready.add("ana")
    ready.clicks(ana)
    publish(ready, recent={"did": "click", "within": "2d"})
    publish(ready, recent={"language": "en"})
    ready.clock.moment += 3 * DAY
    assert [turn(ready.deps, ready.now) for _ in range(2)] == [1, 0]
    assert inside(ready, "recent") == {ana}


def test_a_segment_that_is_gone_from_the_files_is_empty_and_forgotten(ready: Place) -> None:
    ana = ready.add("ana")
    ready.clicks(ana)
    publish(ready, regulars=CLICKERS, clicked={"did": "click"})
    assert publish(ready, clicked={"did": "click"}) == ("regulars",)
    ready.clicks(ana)
    assert (inside(ready, "regulars"), inside(ready, "clicked")) == (set(), {ana})
    with ready.deps.database.read() as tx:
        assert list(tx.execute(sa.select(R.contact_id)).scalars()) == []
    assert publish(ready, regulars=CLICKERS, clicked={"did": "click"}) == ("regulars",)
    assert inside(ready, "regulars") == {ana}


def test_whatever_happens_the_members_are_those_of_whom_the_condition_is_true(
    ready: Place,
) -> None:
    conditions: dict[str, dict[str, Any]] = {
        "regulars": CLICKERS, "quiet": QUIET, "lead": {"stage": "lead"},
        "warm": {"score": "engagement", "at_least": 12},
        "long": {"hours_in_stage": {"at_least": 48}},
        "both": {"all": [{"segment": "quiet"}, {"segment": "long"}]},
    }  # fmt: skip
    publish(ready, **conditions)
    ids = [ready.add(name) for name in ("ana", "bo", "chi", "dung")]
    ready.place()
    for day in range(12):
        for number, contact_id in enumerate(ids):
            if day % (number + 2) == 0:
                ready.clicks(contact_id)
        if day == 4:
            ready.tell(ids[3], "form")
        pass_time(ready, DAY + HOUR)
        ready.fall()
        with ready.deps.database.read() as tx:
            found = people.contacts(tx, ids, EVERYTHING)
            segments = {one.segment.key: one.segment for one in
                        ready.deps.definitions.catalog(tx).segments}  # fmt: skip
        for key, one in segments.items():
            wanted = {
                contact.id for contact in found.values() if holds(one.when, contact, ready.now)
            }
            assert inside(ready, key) == wanted, (key, day)


def test_what_contacts_receive_and_where_they_are_brings_them_in(
    settings: Settings, database_url: str
) -> None:
    with opened(settings, database_url) as world:
        publish(world, greeted={"received": "hello"}, welcomed={"sequence": "welcome"})
        ana = world.enroll("ana")
        world.work()
        assert (inside(world, "greeted"), inside(world, "welcomed")) == ({ana}, {ana})
        (send,) = world.column(sa.select(tables.Send.id))
        unsubscribe(world.deps, send, world.now)
        world.work()
        assert inside(world, "welcomed") == set()


def test_withdrawing_consent_takes_contacts_out_of_whom_it_asks_for(
    settings: Settings, database_url: str
) -> None:
    with opened(settings, database_url) as world:
        publish(world, willing={"consent": "marketing"})
        ana = world.enroll("ana")
        score_again(world.deps, [ana], world.now)
        world.work()
        assert inside(world, "willing") == {ana}
        (send,) = world.column(sa.select(tables.Send.id))
        unsubscribe(world.deps, send, world.now)
        world.work()
        assert inside(world, "willing") == set()
