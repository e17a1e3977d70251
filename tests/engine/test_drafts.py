"""Drafts: kept in any state, never overwritten unseen, published like a file."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.engine.draft_changes import changes_between
from nurture.engine.draft_check import check_draft
from nurture.engine.drafts import DraftMoved, discard, load, publish_draft, save, start
from nurture.engine.publish import apply, place_contacts
from nurture.errors import Invalid, NotFound
from nurture.store import tables
from tests.engine.sequence_world import NOW, World, write_email

LATER = NOW + timedelta(hours=1)
NEW: dict[str, Any] = {
    "key": "mql-tips",
    "name": {"vi": "Mẹo hay", "en": "Tips"},
    "stage": "mql",
    "steps": [{"key": "tip", "email": "again"}],
}


def edited(world: World, **changes: Any) -> dict[str, Any]:
    return {**load(world.deps, "welcome").document, **changes}


def fields(error: Invalid) -> set[str]:
    return {problem.field for problem in error.problems}


def test_a_draft_begins_as_what_is_published(world: World) -> None:
    draft = load(world.deps, "welcome")
    assert (draft.saved, draft.revision, draft.number) == (False, 0, 1)
    assert draft.document == draft.published
    assert [step["key"] for step in draft.document["steps"]] == [
        "hello",
        "pause",
        "answer",
        "again",
    ]


def test_a_draft_is_kept_however_unfinished_it_is(world: World) -> None:
    document = edited(world, steps=[{"key": "hello"}, {"key": "x", "branch": {"cases": "[{"}}])
    saved = save(world.deps, "welcome", document, 0, "lan", NOW)
    assert saved.document == document
    assert (saved.revision, saved.saved_by, saved.saved_at) == (1, "lan", NOW)
    assert load(world.deps, "welcome") == saved


def test_who_saves_over_somebody_else_is_shown_theirs_and_overwrites_nothing(world: World) -> None:
    save(world.deps, "welcome", edited(world, priority=1), 0, "minh", NOW)
    with pytest.raises(DraftMoved) as told:
        save(world.deps, "welcome", edited(world, priority=2), 0, "lan", LATER)
    theirs = told.value.theirs
    assert (theirs.document["priority"], theirs.saved_by, theirs.revision) == (1, "minh", 1)
    assert load(world.deps, "welcome") == theirs
    again = save(world.deps, "welcome", edited(world, priority=2), theirs.revision, "lan", LATER)
    assert again.document["priority"] == 2


def test_a_draft_cannot_change_its_key(world: World) -> None:
    saved = save(world.deps, "welcome", edited(world, key="other"), 0, "lan", NOW)
    assert saved.document["key"] == "welcome"


def test_a_discarded_draft_leaves_what_is_published_and_its_text_on_record(world: World) -> None:
    save(world.deps, "welcome", edited(world, priority=9), 0, "lan", NOW)
    assert discard(world.deps, "welcome", "lan", LATER)
    draft = load(world.deps, "welcome")
    assert (draft.saved, draft.document) == (False, draft.published)
    with pytest.raises(DraftMoved):
        save(world.deps, "welcome", edited(world), 1, "minh", LATER)
    t = tables.Audit
    (data,) = world.column(sa.select(t.data).where(t.what == "discard draft"))
    assert data["draft"]["priority"] == 9


def test_a_new_sequence_is_a_draft_until_it_is_published(world: World) -> None:
    draft = start(world.deps, NEW, "lan", NOW)
    assert (draft.saved, draft.number, draft.published) == (True, 0, {})
    assert not discard(world.deps, "mql-tips", "lan", NOW)
    with pytest.raises(NotFound):
        load(world.deps, "mql-tips")


@pytest.mark.parametrize("key", ["welcome", "Hai Bà", "", None, "a" * 65, "funnel", "segments"])
def test_a_key_that_is_taken_or_no_key_is_refused_at_its_field(world: World, key: object) -> None:
    with pytest.raises(Invalid) as told:
        start(world.deps, {**NEW, "key": key}, "lan", NOW)
    assert fields(told.value) == {"key"}


def test_publishing_makes_a_version_and_reaches_who_waits_in_the_stage(world: World) -> None:
    (contact_id,) = world.add_contacts(1, "mql")
    draft = start(world.deps, NEW, "lan", NOW)
    assert publish_draft(world.deps, "mql-tips", draft.revision, "lan", NOW) == 1
    after = load(world.deps, "mql-tips")
    assert (after.saved, after.number) == (False, 1)
    t = tables.Enrollment
    assert world.column(sa.select(t.contact_id)) == [contact_id]
    world.work()
    assert [email.recipient for email in world.box.taken] == ["p1@example.com"]


def test_contacts_under_way_stay_on_their_version(world: World) -> None:
    world.add_contacts(1, "lead")
    place_contacts(world.deps, NOW)
    draft = save(world.deps, "welcome", edited(world, steps=[{"key": "z", "email": "again"}]), 0,
                 "lan", NOW)  # fmt: skip
    assert publish_draft(world.deps, "welcome", draft.revision, "lan", NOW) == 2
    world.work()
    assert [email.subject.split()[0] for email in world.box.taken] == ["hello"]


def test_publishing_refuses_with_every_fault_by_its_field_and_keeps_the_draft(world: World) -> None:
    steps = [
        {"key": "a", "email": "nothing", "topic": "sport"},
        {"key": "b", "wait_for": {"event": "click", "of": "z", "within": "1d", "no": "q"}},
        {"key": "c", "change_stage": "vip"},
        {"key": "d", "branch": {"cases": [{"when": {"field": "shoe", "is": 1}, "to": "end"}]}},
    ]
    draft = save(world.deps, "welcome", edited(world, steps=steps), 0, "lan", NOW)
    with pytest.raises(Invalid) as told:
        publish_draft(world.deps, "welcome", draft.revision, "lan", NOW)
    assert fields(told.value) == {
        "steps[0].email",
        "steps[0].topic",
        "steps[1].wait_for.of",
        "steps[1].wait_for.no",
        "steps[2].change_stage",
        "steps[3].branch.cases[0].when.field",
    }
    assert load(world.deps, "welcome") == draft


def test_an_email_that_cannot_be_compiled_is_a_fault_of_the_step_that_sends_it(
    world: World,
) -> None:
    body = world.deps.settings.templates / "hello" / "body.vi.mjml"
    body.write_text(body.read_text("utf-8").replace("unsubscribe_url", "contact.nothing"), "utf-8")
    checked = check_draft(world.deps, load(world.deps, "welcome").document)
    assert {problem.field for problem in checked.problems} == {"steps[0].email"}


def test_a_draft_that_rivals_a_published_sequence_is_refused(world: World) -> None:
    checked = check_draft(world.deps, {**NEW, "stage": "lead"})
    assert [problem.field for problem in checked.problems] == ["stage"]
    assert "'welcome' takes the same stage" in checked.problems[0].message


def test_the_same_text_is_no_new_version_and_a_changed_email_is_one(world: World) -> None:
    draft = save(world.deps, "welcome", edited(world), 0, "lan", NOW)
    assert publish_draft(world.deps, "welcome", draft.revision, "lan", NOW) is None
    assert not load(world.deps, "welcome").saved
    write_email(world.deps.settings.templates, "hello", "vi", "tam-biet")
    draft = save(world.deps, "welcome", edited(world), 2, "lan", NOW)
    assert publish_draft(world.deps, "welcome", draft.revision, "lan", NOW) == 2


def test_a_draft_and_a_file_with_the_same_words_are_the_same_version(world: World) -> None:
    draft = start(world.deps, NEW, "lan", NOW)
    publish_draft(world.deps, "mql-tips", draft.revision, "lan", NOW)
    text = "key: mql-tips\nname: {en: Tips, vi: Mẹo hay}\nstage: mql\ntrack: default\nsteps:\n"
    file = world.deps.settings.campaigns / "mql-tips.yaml"
    file.write_text(text + "  - {key: tip, email: again, topic: marketing}\n", "utf-8")
    assert apply(world.deps, "file", LATER).sequences == ()


def test_a_draft_that_changed_since_it_was_looked_at_is_not_published(world: World) -> None:
    save(world.deps, "welcome", edited(world), 0, "lan", NOW)
    save(world.deps, "welcome", edited(world, priority=3), 1, "minh", NOW)
    with pytest.raises(DraftMoved):
        publish_draft(world.deps, "welcome", 1, "lan", NOW)
    assert load(world.deps, "welcome").number == 1


def test_changes_are_told_by_step_and_by_setting() -> None:
    before = {"priority": 1, "steps": [{"key": "a", "wait": "1d"}, {"key": "b"}, {"key": "c"}]}
    after = {"spread": "1h", "steps": [{"key": "c"}, {"key": "a", "wait": "2d"}, {"key": "d"}]}
    changes = changes_between(before, after)
    assert (changes.added, changes.removed, changes.changed) == (("d",), ("b",), ("a",))
    assert (changes.reordered, changes.settings) == (True, ("priority", "spread"))
    assert changes
    assert not changes_between(before, before)
    assert changes_between({}, {"steps": "broken"}).added == ()
