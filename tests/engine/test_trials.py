"""Drafts walked by test contacts: real emails, and nothing that counts."""

import json
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.domain.contact import Occurrence
from nurture.engine.drafts import discard, load, publish_draft, save, start
from nurture.engine.hits import record_hits, settle_hits
from nurture.engine.migrating import overview
from nurture.engine.pausing import pause, standstill
from nurture.engine.publish import place_contacts
from nurture.engine.record import record
from nurture.engine.trial_ends import STOPPED, end_trials
from nurture.engine.trials import Way, fast_document, marked, try_draft, walking
from nurture.errors import Invalid, NotFound
from nurture.store import ledger, origins, progress, reports_overview, sequence_reports, tables
from nurture.store.ledger import NewEvent
from nurture.store.mailings import mailings
from tests.engine.hit_world import BROWSER, PERSON
from tests.engine.sequence_world import NOW, World

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
E, S, V = tables.Enrollment, tables.Send, tables.SequenceVersion
ANSWER = {"event": "click", "of": "hello", "within": "4d", "yes": "again", "no": "end"}
STEPS: list[dict[str, Any]] = [
    {"key": "hello", "email": "hello"},
    {"key": "pause", "wait": "3d"},
    {"key": "answer", "wait_for": ANSWER},
    {"key": "again", "email": "again"},
]


def drafted(world: World, steps: list[dict[str, Any]] = STEPS) -> None:
    """A draft of welcome."""
    draft = load(world.deps, "welcome")
    document = {**draft.document, "steps": steps}
    save(world.deps, "welcome", document, draft.revision, "lan", world.clock.now())


def a_marked(world: World, number: int = 1) -> tuple[int, str]:
    """A contact with the tag `test`, in no sequence."""
    (key,) = world.add_contacts(1, "mql", first=number, tags=["test"])
    return key, f"p{number}@example.com"


def begin(world: World, *addresses: str, fast: bool = False) -> int:
    """Begin a trial; return its number."""
    return try_draft(
        world.deps, "welcome", addresses, "lan", world.clock.now(), Way(fast)
    ).number  # fmt: skip


def clicked(world: World, send_id: int) -> None:
    """A person clicks in the email of a send."""
    hit = {
        "hit_key": f"h{send_id}", "send_id": send_id, "kind": "click", "link_index": 1,
        "at": world.clock.now().isoformat(), "method": "GET", "ip": "203.0.113.7", "ua": BROWSER,
        "headers": dict(PERSON),
    }  # fmt: skip
    assert record_hits(world.deps, [json.dumps(hit).encode()], world.clock.now()) == 1


def test_a_test_contact_gets_the_emails_of_the_draft(world: World) -> None:
    drafted(world)
    key, address = a_marked(world)
    assert begin(world, address) == -1
    world.work()
    assert [email.recipient for email in world.box.taken] == [address]
    (row,) = world.rows(sa.select(E.track, E.entry_key, E.state, E.step).where(E.contact_id == key))
    track, entry_key, state, step = tuple(row)
    assert (track, state, step) == ("", "waiting", "pause")
    assert entry_key.startswith("trial:")
    (walk,) = walking(world.deps, "welcome")
    assert (walk.address, walk.number, walk.state) == (address, -1, "waiting")


def test_a_fast_trial_waits_a_minute_and_leaves_time_to_answer(world: World) -> None:
    document = {
        "window": {"days": ["mon"], "from": "09:00", "to": "10:00"}, "spread": "4h",
        "steps": [
            *STEPS, {"key": "date", "wait_until": {"field": "renewal"}, "next": "hello"},
            {"key": "thu", "wait": {"until": {"days": ["thu"]}}},
        ],
    }  # fmt: skip
    fast = fast_document(document)
    assert fast["window"] == {"from": "00:00", "to": "00:00"}
    assert "spread" not in fast
    assert fast["steps"][1:] == [
        {"key": "pause", "wait": "1m"},
        {"key": "answer", "wait_for": {**ANSWER, "within": "5m"}},
        STEPS[3],
        {"key": "date", "wait": "1m", "next": "hello"},
        {"key": "thu", "wait": "1m"},
    ]
    assert document["spread"] == "4h", "the draft stays as it is"
    drafted(world)
    key, address = a_marked(world)
    begin(world, address, fast=True)
    world.work()
    world.pass_time(MINUTE)
    assert world.column(sa.select(E.state).where(E.contact_id == key)) == ["awaiting"]
    world.pass_time(5 * MINUTE)
    assert world.column(sa.select(E.state).where(E.contact_id == key)) == ["exhausted"]


def test_a_click_in_a_trial_answers_the_trial_and_counts_for_nothing(world: World) -> None:
    drafted(world)
    key, address = a_marked(world)
    begin(world, address, fast=True)
    world.work()
    (send_id,) = world.column(sa.select(S.id))
    world.clock.moment += 30 * timedelta(seconds=1)
    clicked(world, send_id)
    world.pass_time(2 * MINUTE)
    assert settle_hits(world.deps, world.clock.now()) == 1
    world.work()
    assert len(world.box.taken) == 2, "the click led to the next email"
    t = tables.Event
    assert world.column(sa.select(t.name).where(t.contact_id == key)) == ["trial:click"]
    assert world.column(sa.select(tables.ScoreEntry.id)) == []
    with world.deps.database.read() as tx:
        assert sequence_reports.reading(tx, NOW - DAY) == {}
        assert reports_overview.sent_since(tx, NOW - DAY) == 0
        assert reports_overview.busy_sequences(tx, NOW - DAY) == []


def test_a_trial_is_in_no_count_no_ledger_and_no_cap(world: World) -> None:
    drafted(world)
    key, address = a_marked(world)
    begin(world, address)
    world.work()
    with world.deps.database.read() as tx:
        assert sequence_reports.live_counts(tx) == {}
        live = origins.live_counts(tx)["welcome"]
        assert (live.steps, live.versions, live.exhausted, live.trials) == ({}, {}, 0, 1)
        (listed,) = sequence_reports.sequences(tx, "welcome")
        assert sequence_reports.places(tx, listed.id) == {}
        assert [one.number for one in sequence_reports.versions(tx, listed.id)] == [1]
        totals = progress.totals(tx)
        assert (totals.sends, totals.runs) == ({}, {})
        assert mailings(tx, [key], NOW - DAY) == {}
    assert world.column(sa.select(tables.Received.content)) == []
    assert overview(world.deps, "welcome").standing == ()


def test_whoever_got_everything_before_gets_it_again_in_a_trial(world: World) -> None:
    key, address = a_marked(world)
    with world.deps.database.begin() as tx:
        ledger.add_received(tx, [(key, "hello", 1, NOW)])
    drafted(world)
    begin(world, address)
    world.work()
    assert len(world.box.taken) == 1


def test_a_trial_stands_in_nobodys_way(world: World) -> None:
    drafted(world)
    key, address = a_marked(world)
    begin(world, address)
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(tables.Standing).values(stage="lead"))
    place_contacts(world.deps, world.clock.now())
    world.work()
    live = world.rows(sa.select(E.track, E.state).where(E.contact_id == key).order_by(E.id))
    assert [tuple(row) for row in live] == [("", "waiting"), ("default", "waiting")]
    assert len(world.box.taken) == 2
    bought = Occurrence("purchase", world.clock.now(), {}, dedupe_key="b")
    record(world.deps, [NewEvent(key, bought, "test")], world.clock.now())
    states = world.column(sa.select(E.state).where(E.contact_id == key).order_by(E.id))
    assert states == ["waiting", "moved"], "the real one follows the stage, the trial does not"


def test_nothing_but_emails_comes_of_a_trial(world: World) -> None:
    drafted(
        world,
        [
            {"key": "mark", "update": {"tag": ["hot"], "set": {"first_name": "X"}}},
            {"key": "up", "change_stage": "mql"},
            {"key": "cart", "leave": "cart"},
            {"key": "hello", "email": "hello"},
        ],
    )
    key, address = a_marked(world)
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(tables.Standing).values(stage="lead"))
    begin(world, address)
    world.work()
    assert len(world.box.taken) == 1
    (row,) = world.rows(sa.select(tables.Contact.tags, tables.Contact.fields))
    tags, fields = tuple(row)
    assert (tags, fields) == (["test"], {"first_name": "Lan 1"})
    assert world.column(sa.select(tables.Standing.stage)) == ["lead"]
    assert world.column(sa.select(E.sequence_id).where(E.contact_id == key).distinct()) == (
        world.column(sa.select(tables.Sequence.id).where(tables.Sequence.key == "welcome"))
    )


def test_who_is_no_test_contact_is_refused(world: World) -> None:
    drafted(world)
    world.add_contacts(1, "mql")
    with pytest.raises(Invalid, match="Nothing was tried") as raised:
        begin(world, "p1@example.com", "nobody@example.com")
    told = [problem.message for problem in raised.value.problems]
    assert told == [
        "p1@example.com is no test contact",
        "there is no contact 'nobody@example.com'",
    ]
    with pytest.raises(Invalid, match="nobody is named"):
        begin(world)
    with pytest.raises(NotFound):
        try_draft(world.deps, "nothing", ["p1@example.com"], "lan", NOW)
    assert world.column(sa.select(V.id).where(V.trial)) == []


def test_a_draft_that_is_wrong_is_not_tried(world: World) -> None:
    drafted(world, [{"key": "hello", "email": "nowhere"}])
    a_marked(world)
    with pytest.raises(Invalid, match="Nothing was tried"):
        begin(world, "p1@example.com")


def test_who_has_unsubscribed_gets_nothing_in_a_trial_either(world: World) -> None:
    drafted(world)
    key, address = a_marked(world)
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(tables.Contact).values(consents={"marketing": False}))
    begin(world, address)
    world.work()
    assert world.box.taken == []
    assert world.column(sa.select(E.state).where(E.contact_id == key)) == ["exited"]


def test_a_trial_goes_on_while_the_sequence_is_paused(world: World) -> None:
    pause(world.deps, "welcome", "a typo", "lan", NOW)
    drafted(world)
    _, address = a_marked(world)
    begin(world, address)
    pause(world.deps, "welcome", "a typo", "lan", NOW)
    world.work()
    assert len(world.box.taken) == 1
    assert standstill(world.deps, "welcome", NOW + 9 * DAY).runs == 0


def test_a_new_trial_begins_anew_for_the_same_contact(world: World) -> None:
    drafted(world)
    _, address = a_marked(world)
    assert begin(world, address) == -1
    assert begin(world, address) == -2
    ended = world.column(sa.select(E.end_reason).order_by(E.id))
    assert ended == ["tried again", ""]


@pytest.mark.parametrize("how", ["published", "discarded", "stopped"])
def test_trials_end_with_their_draft(world: World, how: str) -> None:
    drafted(world)
    _, address = a_marked(world)
    begin(world, address)
    draft = load(world.deps, "welcome")
    if how == "published":
        assert publish_draft(world.deps, "welcome", draft.revision, "lan", NOW) == 2
    elif how == "discarded":
        assert discard(world.deps, "welcome", "lan", NOW)
    else:
        assert end_trials(world.deps, "welcome", STOPPED, NOW) == 1
    world.work()
    assert world.box.taken == []
    (reason,) = world.column(sa.select(E.end_reason).where(E.entry_key.startswith("trial")))
    assert how in reason


def test_a_draft_that_was_never_published_can_be_tried_and_thrown_away(world: World) -> None:
    document = {"key": "fresh", "name": {"vi": "M", "en": "F"}, "stage": "lead", "priority": 5,
                "steps": STEPS}  # fmt: skip
    start(world.deps, document, "lan", NOW)
    _, address = a_marked(world)
    try_draft(world.deps, "fresh", [address], "lan", NOW)
    world.work()
    assert len(world.box.taken) == 1
    assert not discard(world.deps, "fresh", "lan", NOW)
    with pytest.raises(NotFound):
        load(world.deps, "fresh")
    with world.deps.database.read() as tx:
        assert "fresh" not in [one.key for one in sequence_reports.sequences(tx)]
    again = start(world.deps, document, "lan", NOW)
    assert publish_draft(world.deps, "fresh", again.revision, "lan", NOW) == 1


def test_only_marked_contacts_are_offered(world: World) -> None:
    world.add_contacts(1, "mql", first=5, tags=["tested"])
    _, address = a_marked(world)
    assert marked(world.deps) == [address]
