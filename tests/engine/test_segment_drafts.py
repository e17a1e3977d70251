"""Segments written in the admin: kept in any state, counted, published, refused, taken away."""

import threading
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.campaigns.parse import parse_segment
from nurture.domain.contact import Occurrence
from nurture.engine.dependencies import Dependencies
from nurture.engine.drafts import DraftMoved
from nurture.engine.drafts import load as load_sequence
from nurture.engine.drafts import publish_draft as publish_sequence
from nurture.engine.drafts import save as save_sequence
from nurture.engine.record import record
from nurture.engine.segment_building import build
from nurture.engine.segment_drafts import (
    InUse,
    check,
    discard,
    load,
    publish_draft,
    remove,
    save,
    start,
)
from nurture.engine.segment_effect import Effect, effect
from nurture.engine.segment_reports import around, lines, segment, segments
from nurture.engine.segment_uses import By, Use
from nurture.errors import Invalid, NotFound
from nurture.store import segment_reports, tables
from nurture.store.ledger import NewEvent
from tests.engine.sequence_world import NOW, World

LATER = NOW + timedelta(hours=1)
REGULARS: dict[str, Any] = {
    "key": "regulars",
    "name": {"vi": "Khách quen", "en": "Regulars"},
    "when": {"did": "visit", "at_least": 2, "within": "30d"},
}


def published(deps: Dependencies, document: Mapping[str, Any], now: Any = NOW) -> None:
    """Write a segment in the admin and publish it; everybody is looked at."""
    key = str(document["key"])
    try:
        draft = save(deps, key, document, load(deps, key).revision, "lan", now)
    except NotFound:
        draft = start(deps, document, "lan", now)
    publish_draft(deps, key, draft.revision, "lan", now)
    build(deps, now)


def visit(world: World, contact_id: int, times: int = 1) -> None:
    for number in range(times):
        at = world.clock.now() - timedelta(minutes=number)
        seen = Occurrence("visit", at, {}, dedupe_key=f"visit:{contact_id}:{at}")
        record(world.deps, [NewEvent(contact_id, seen, "api")], world.clock.now())


def inside(world: World, key: str) -> list[str]:
    return sorted(member.email for member in segment(world.deps, key).page)


def fields(error: Invalid) -> set[str]:
    return {problem.field for problem in error.problems}


def test_a_segment_begins_as_a_draft_that_nothing_sees(world: World) -> None:
    draft = start(world.deps, REGULARS, "lan", NOW)
    assert (draft.key, draft.saved, draft.revision, draft.number) == ("regulars", True, 1, 0)
    assert segments(world.deps) == []
    (line,) = lines(world.deps, NOW)
    assert (line.shown, line.draft, line.document["key"]) == (None, REGULARS, "regulars")


def test_a_key_that_is_taken_or_no_key_is_refused_at_its_field(world: World) -> None:
    start(world.deps, REGULARS, "lan", NOW)
    for key in ("regulars", "Hai Bà", "", None, "a" * 65):
        with pytest.raises(Invalid) as told:
            start(world.deps, {**REGULARS, "key": key}, "lan", NOW)
        assert fields(told.value) == {"key"}, key


def test_a_segments_draft_is_kept_however_unfinished_it_is(world: World) -> None:
    document = {"key": "regulars", "name": {"vi": ""}, "when": "any: [{"}
    draft = start(world.deps, document, "lan", NOW)
    assert draft.document == document
    checked = check(world.deps, document)
    assert checked.segment is None
    assert {one.field for one in checked.problems} == {"name.vi", "name.en", "when"}
    with pytest.raises(Invalid, match="Nothing was published"):
        publish_draft(world.deps, "regulars", draft.revision, "lan", NOW)
    assert load(world.deps, "regulars") == draft


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"segment": "nobody"}, "when.segment", "there is no segment 'nobody'"),
    ({"all": [{"stage": "lead"}, {"field": "shoe", "is": 1}]}, "when.all[1].field", "no field"),
    ({"not": {"segment": "regulars"}}, "when", "rest on each other"),
    ({"received": "nothing"}, "when.received", "there is no email 'nothing'"),
    ({"stage": "vip"}, "when.stage", "there is no stage 'vip'"),
]


def test_what_is_wrong_with_a_segment_is_told_by_its_place(world: World) -> None:
    for when, field, told in WRONG:
        (problem,) = check(world.deps, {**REGULARS, "when": when}).problems
        assert (problem.field, told in problem.message) == (field, True), when


def test_publishing_looks_at_everybody_once_and_begins_nothing(world: World) -> None:
    ana, bo = world.add_contacts(2, "lead")
    visit(world, ana, times=2)
    published(world.deps, REGULARS)
    assert inside(world, "regulars") == ["p1@example.com"]
    assert world.column(sa.select(tables.Event.id).where(tables.Event.source == "segment")) == []
    visit(world, bo, times=2)
    assert inside(world, "regulars") == ["p1@example.com", "p2@example.com"]
    beside = around(world.deps, "regulars", NOW)
    assert (beside.entered, beside.left) == (1, 0)
    assert [(turn.contact_id, turn.entered) for turn in beside.turns] == [(bo, True)]
    assert not beside.has_draft


def test_what_a_week_brought_is_counted_by_segment(world: World) -> None:
    (ana,) = world.add_contacts(1, "lead")
    published(world.deps, REGULARS)
    published(world.deps, {**REGULARS, "key": "others", "when": {"not": {"did": "visit"}}})
    visit(world, ana, times=2)
    found = {one.key: (one.entered, one.left) for one in lines(world.deps, NOW)}
    assert found == {"regulars": (1, 0), "others": (0, 1)}
    with world.deps.database.read() as tx:
        assert segment_reports.crossings(tx, NOW + timedelta(seconds=1)) == {}


def test_the_effect_is_counted_before_and_nothing_is_changed(world: World) -> None:
    ids = world.add_contacts(3, "lead")
    visit(world, ids[0], times=2)
    visit(world, ids[1])
    published(world.deps, REGULARS)
    wider = parse_segment({**REGULARS, "when": {"did": "visit"}})
    assert effect(world.deps, wider, NOW) == Effect(1, 0, 1, 3, None)
    none = parse_segment({**REGULARS, "when": {"did": "purchase"}})
    assert effect(world.deps, none, NOW) == Effect(0, 1, 0, 3, None)
    new = parse_segment({**REGULARS, "key": "new", "when": {"stage": "lead"}})
    assert effect(world.deps, new, NOW).inside == 3
    assert inside(world, "regulars") == ["p1@example.com"]


def test_the_count_goes_on_where_it_stopped(world: World) -> None:
    ids = world.add_contacts(5, "lead")
    everybody = parse_segment({**REGULARS, "when": {"stage": "lead"}})
    first = effect(world.deps, everybody, NOW, most=3, size=2)
    assert first == Effect(4, 0, 0, 4, ids[3])
    assert effect(world.deps, everybody, NOW, first, most=3, size=2) == Effect(5, 0, 0, 5, None)


def test_what_was_published_is_changed_by_a_draft_of_its_own(world: World) -> None:
    (ana,) = world.add_contacts(1, "lead")
    visit(world, ana)
    published(world.deps, REGULARS)
    draft = load(world.deps, "regulars")
    assert (draft.saved, draft.number, dict(draft.document)) == (False, 1, REGULARS)
    saved = save(world.deps, "regulars", {**REGULARS, "when": {"did": "visit"}},
                 draft.revision, "lan", NOW)  # fmt: skip
    assert inside(world, "regulars") == []
    assert publish_draft(world.deps, "regulars", saved.revision, "lan", LATER)
    build(world.deps, LATER)
    assert inside(world, "regulars") == ["p1@example.com"]
    again = save(world.deps, "regulars", saved.document, saved.revision + 1, "lan", LATER)
    assert not publish_draft(world.deps, "regulars", again.revision, "lan", LATER)
    assert not load(world.deps, "regulars").saved


def test_who_saves_a_segment_over_somebody_else_is_shown_theirs(world: World) -> None:
    start(world.deps, REGULARS, "lan", NOW)
    renamed = {**REGULARS, "name": {"vi": "Khác", "en": "Other"}}
    save(world.deps, "regulars", renamed, 1, "minh", NOW)
    with pytest.raises(DraftMoved) as told:
        save(world.deps, "regulars", REGULARS, 1, "lan", LATER)
    assert (told.value.theirs.document, told.value.theirs.saved_by) == (renamed, "minh")
    with pytest.raises(DraftMoved):
        publish_draft(world.deps, "regulars", 1, "lan", LATER)
    assert segments(world.deps) == []


def test_two_who_begin_a_draft_at_once_are_told_apart(world: World) -> None:
    published(world.deps, REGULARS)
    discarded = load(world.deps, "regulars").revision
    save(world.deps, "regulars", REGULARS, discarded, "minh", NOW)
    with pytest.raises(DraftMoved):
        save(world.deps, "regulars", REGULARS, discarded, "lan", NOW)


def test_a_discarded_segment_leaves_what_is_published_and_its_text_on_record(
    world: World,
) -> None:
    start(world.deps, REGULARS, "lan", NOW)
    assert not discard(world.deps, "regulars", "lan", NOW)
    with pytest.raises(NotFound):
        load(world.deps, "regulars")
    a = tables.Audit
    (data,) = world.column(sa.select(a.data).where(a.what == "discard segment draft"))
    assert data["draft"] == REGULARS
    # The old revision never comes back: a form left open publishes nothing.
    assert start(world.deps, REGULARS, "lan", NOW).revision == 3


def test_a_segment_that_something_asks_for_cannot_be_deleted_and_says_what(world: World) -> None:
    published(world.deps, REGULARS)
    rests = {**REGULARS, "key": "rests", "when": {"not": {"segment": "regulars"}}}
    published(world.deps, rests)
    welcome = load_sequence(world.deps, "welcome")
    document = {**welcome.document, "entry": {"not": {"segment": "regulars"}}}
    draft = save_sequence(world.deps, "welcome", document, 0, "lan", NOW)
    publish_sequence(world.deps, "welcome", draft.revision, "lan", NOW)
    uses = (Use(By.SEQUENCE, "welcome"), Use(By.SEGMENT, "rests"))
    assert around(world.deps, "regulars", NOW).uses == uses
    with pytest.raises(InUse, match="sequence welcome, segment rests") as told:
        remove(world.deps, "regulars", "lan", NOW)
    assert told.value.uses == uses
    assert [one.key for one in segments(world.deps)] == ["regulars", "rests"]
    # Nobody is under way in the older version that asked, so that it holds nothing up.
    draft = save_sequence(world.deps, "welcome", welcome.document, 2, "lan", NOW)
    publish_sequence(world.deps, "welcome", draft.revision, "lan", NOW)
    remove(world.deps, "rests", "lan", NOW)
    remove(world.deps, "regulars", "lan", NOW)
    assert segments(world.deps) == []
    with pytest.raises(NotFound):
        remove(world.deps, "regulars", "lan", NOW)


def test_an_older_version_with_contacts_under_way_asks_too(world: World) -> None:
    published(world.deps, REGULARS)
    welcome = load_sequence(world.deps, "welcome")
    leave = {"reason": "a regular", "when": {"segment": "regulars"}}
    draft = save_sequence(
        world.deps, "welcome", {**welcome.document, "exits": [leave]}, 0, "lan", NOW
    )
    world.add_contacts(1, "lead")
    publish_sequence(world.deps, "welcome", draft.revision, "lan", NOW)
    back = save_sequence(world.deps, "welcome", welcome.document, 2, "lan", NOW)
    publish_sequence(world.deps, "welcome", back.revision, "lan", NOW)
    (use,) = around(world.deps, "regulars", NOW).uses
    assert use == Use(By.VERSION, "welcome", 2, 1)
    with pytest.raises(InUse, match="version 2, with 1 contact under way"):
        remove(world.deps, "regulars", "lan", NOW)


def test_the_border_of_a_segment_is_asked_for_by_triggers_and_waits(world: World) -> None:
    published(world.deps, REGULARS)
    published(world.deps, {**REGULARS, "key": "others"})
    cart = load_sequence(world.deps, "cart")
    border = {"event": "segment_left", "where": {"segment": ["regulars", "none*"]}}
    waits = {"key": "gone", "wait_for": {**border, "within": "1d", "yes": "end", "no": "end"}}
    published(world.deps, {**REGULARS, "key": "none-yet"})
    steps = [*cart.document["steps"], waits]
    draft = save_sequence(world.deps, "cart", {**cart.document, "steps": steps}, 0, "lan", NOW)
    publish_sequence(world.deps, "cart", draft.revision, "lan", NOW)
    uses = {one.key: [use.key for use in one.uses] for one in lines(world.deps, NOW)}
    assert uses == {"regulars": ["cart"], "others": [], "none-yet": ["cart"]}


def test_two_who_publish_segments_at_once_both_stay(world: World) -> None:
    keys = ["one", "two", "three", "four"]
    drafts = [start(world.deps, {**REGULARS, "key": key}, "lan", NOW) for key in keys]
    ready = threading.Barrier(len(keys))

    def run(key: str, revision: int) -> None:
        ready.wait()
        publish_draft(world.deps, key, revision, "lan", NOW)

    threads = [
        threading.Thread(target=run, args=(key, draft.revision))
        for key, draft in zip(keys, drafts, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [one.key for one in segments(world.deps)] == sorted(keys)
