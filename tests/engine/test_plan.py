"""Files against what is published: told first, applied whole, and nobody's edit is lost."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from nurture.campaigns.documents import write_sequence
from nurture.campaigns.yaml_writing import dump
from nurture.config import Settings
from nurture.engine import drafts
from nurture.engine.differing import What
from nurture.engine.email_differing import EmailChange
from nurture.engine.export import export_files
from nurture.engine.plan import Plan, plan
from nurture.engine.publish import apply
from nurture.engine.tagging import tag
from nurture.engine.trials import try_draft
from nurture.errors import Invalid
from tests.engine.world import DAY, FUNNEL, HOUR, WELCOME, C, World

POINTS = {**FUNNEL["engagement"]["rules"][0], "points": 15}

BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>{{ contact.first_name }} {{ sender.address }}</mj-text>
<mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of campaigns and emails: a funnel, and one sequence of the stage lead."""
    campaigns, templates = tmp_path / "campaigns", tmp_path / "templates"
    campaigns.mkdir()
    for name in ("hello", "thanks", "again"):
        for language in ("vi", "en"):
            folder = templates / name
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"subject.{language}.txt").write_text(name)
            (folder / f"body.{language}.mjml").write_text(BODY)
    (campaigns / "funnel.yaml").write_text(dump(FUNNEL))
    (campaigns / "welcome.yaml").write_text(f"# Kept as it is.\n{write_sequence(WELCOME)}")
    return tmp_path


@pytest.fixture
def world(settings: Settings, database_url: str, files: Path) -> Iterator[World]:
    placed = replace(settings, campaigns=files / "campaigns", templates=files / "templates")
    made = World(placed, database_url)
    yield made
    made.close()


def told(world: World) -> Plan:
    return plan(world.deps, world.now, 30 * DAY)


def what(world: World) -> dict[str, What]:
    return {one.key: one.what for one in told(world).sequences}


def publish(world: World) -> None:
    apply(world.deps, "test", world.now)


def write(files: Path, **rest: object) -> None:
    (files / "campaigns" / "welcome.yaml").write_text(write_sequence({**WELCOME, **rest}))


def edit_in_admin(world: World, **rest: object) -> None:
    draft = drafts.load(world.deps, "welcome")
    document = {**draft.document, **rest}
    saved = drafts.save(world.deps, "welcome", document, draft.revision, "lan", world.now)
    drafts.publish_draft(world.deps, "welcome", saved.revision, "lan", world.now)


def test_the_first_plan_is_all_new_and_after_applying_nothing_is_left(world: World) -> None:
    assert what(world) == {"welcome": What.NEW}
    publish(world)
    assert what(world) == {"welcome": What.SAME}
    assert not told(world)


def test_a_changed_rule_is_told_with_the_contacts_it_would_move(world: World, files: Path) -> None:
    publish(world)
    ana = world.enroll("ana")
    world.enroll("bo")
    world.work()
    world.click(ana, "hello")
    world.click(ana, "hello")
    world.drive(world.now + DAY)
    rules = [POINTS, *FUNNEL["engagement"]["rules"][1:]]
    document = {**FUNNEL, "engagement": {**FUNNEL["engagement"], "rules": rules}}
    (files / "campaigns" / "funnel.yaml").write_text(dump(document))
    found = told(world)
    (one,) = found.funnel
    assert one.change.words == (("points", 5, 15),)
    assert one.effect is not None
    assert one.effect.moves["lead→mql"] == (0, 1)
    assert found.whole is not None
    assert found.whole.moves["lead→mql"] == (0, 1)


def test_removed_steps_are_told_with_those_who_stand_there(world: World, files: Path) -> None:
    publish(world)
    world.enroll("ana")
    world.work()
    steps = [WELCOME["steps"][0], *WELCOME["steps"][2:]]
    write(files, steps=steps)
    (one,) = told(world).sequences
    assert (one.what, one.changes.removed, one.runs) == (What.CHANGED, ("pause",), 1)
    assert one.removed == {"pause": 1}


def test_who_is_under_way_who_has_run_out_and_who_only_tries_a_draft_are_told_apart(
    world: World, files: Path
) -> None:
    publish(world)
    world.enroll("ana")
    world.drive(world.now + 10 * DAY)
    world.enroll("bo")
    world.work()
    edit_in_admin(world, priority=7)
    world.enroll("cuc")
    dung = world.enroll("dung")
    tag(world.deps, dung, "test", "lan", world.now)
    world.work()
    drafts.save(world.deps, "welcome", dict(WELCOME), _revision(world), "lan", world.now)
    try_draft(world.deps, "welcome", ["dung@example.com"], "lan", world.now)
    world.work()
    (one,) = told(world).sequences
    assert (one.under_way, one.exhausted, one.trials) == ({1: 1, 2: 2}, 1, 1)
    # Nobody who has run out or tries a draft stands at a step that the files remove.
    write(files, priority=9, steps=[WELCOME["steps"][0], *WELCOME["steps"][2:]])
    (one,) = told(world).sequences
    assert one.removed == {"pause": 3}
    (files / "campaigns" / "welcome.yaml").unlink()
    (one,) = told(world).sequences
    assert (one.what, one.under_way, one.exhausted) == (What.RETIRED, {1: 1, 2: 2}, 1)


def _revision(world: World) -> int:
    return drafts.load(world.deps, "welcome").revision


def test_a_changed_email_makes_a_new_version(world: World, files: Path) -> None:
    publish(world)
    (files / "templates" / "hello" / "subject.en.txt").write_text("Good morning")
    assert what(world) == {"welcome": What.EMAILS}
    publish(world)
    assert what(world) == {"welcome": What.SAME}


def emails(world: World) -> tuple[EmailChange, ...]:
    return told(world).emails.get("welcome", ())


def test_changed_emails_are_told_with_what_differs_and_who_has_not_been_sent_them(
    world: World, files: Path
) -> None:
    publish(world)
    world.enroll("ana")
    world.work()
    world.add("bo")
    with world.deps.database.begin() as tx:
        in_vietnamese = sa.update(C).where(C.address == "bo@example.com").values(language="vi")
        tx.execute(in_vietnamese)
    world.place()
    assert emails(world) == ()
    hello, thanks = files / "templates" / "hello", files / "templates" / "thanks"
    (hello / "subject.en.txt").write_text("Good morning")
    (hello / "subject.vi.txt").write_text("Chào buổi sáng")
    for language in ("vi", "en"):
        changed = BODY.replace("{{ contact.first_name }}", "Dear {{ contact.first_name }}")
        (thanks / f"body.{language}.mjml").write_text(changed)
    # Ana has been sent hello already, in English; nobody has been sent thanks.
    assert emails(world) == (
        EmailChange("hello", "hello", ("en", "vi"), ("subject",), to_come=1),
        EmailChange("thanks", "thanks", ("en", "vi"), ("body", "text"), to_come=2),
    )
    publish(world)
    assert emails(world) == ()
    # Each language is told by itself where not the same of it is changed.
    (hello / "subject.en.txt").write_text("Good evening")
    (hello / "body.vi.mjml").write_text(BODY.replace("Unsubscribe", "Hủy đăng ký"))
    assert [(one.languages, one.parts, one.to_come) for one in emails(world)] == [
        (("en",), ("subject",), 0),
        (("vi",), ("body", "text"), 1),
    ]
    publish(world)
    # Both stay on their version, with the emails of then.
    (hello / "subject.vi.txt").write_text("Chào")
    assert emails(world) == (EmailChange("hello", "hello", ("vi",), ("subject",), to_come=1),)


def test_another_address_of_a_link_is_told_and_a_file_that_compiles_to_the_same_is_not(
    world: World, files: Path
) -> None:
    body = files / "templates" / "hello" / "body.en.mjml"
    linked = BODY.replace("Unsubscribe", "Out").replace(
        "<mj-text><a", '<mj-text><a href="https://lotusdesk.example.com/one">Go</a></mj-text>'
        "<mj-text><a", 1,
    )  # fmt: skip
    body.write_text(linked)
    publish(world)
    body.write_text(linked.replace("</mj-section>", "</mj-section><!-- {# said to us #} -->"))
    before = told(world)
    assert not before
    assert before.emails == {}
    body.write_text(linked.replace("/one", "/two"))
    assert emails(world) == (EmailChange("hello", "hello", ("en",), ("links",), to_come=0),)


def test_new_emails_and_others_in_their_place_are_told(world: World, files: Path) -> None:
    publish(world)
    steps = [dict(step) for step in WELCOME["steps"]]
    steps[3]["email"] = "again"
    write(files, steps=[*steps, {"key": "late", "wait": "9d"}, {"key": "last", "email": "thanks"}])
    assert emails(world) == (
        EmailChange("thanks", "again", ("en", "vi"), instead="thanks", to_come=0),
        EmailChange("last", "thanks", ("en", "vi"), to_come=0),
    )
    (one,) = told(world).sequences
    assert one.changes.added == ("late", "last")


def test_whoever_has_run_out_or_never_had_the_email_before_them_is_not_counted(
    world: World, files: Path
) -> None:
    publish(world)
    world.enroll("ana")
    world.drive(world.now + 10 * DAY)
    # Ana took the way of those who did not click and has run out of emails.
    (files / "templates" / "thanks" / "subject.en.txt").write_text("Thank you")
    assert emails(world) == (EmailChange("thanks", "thanks", ("en",), ("subject",), to_come=0),)


def test_a_notice_that_is_changed_is_told_and_reaches_no_contact(world: World, files: Path) -> None:
    notice = {"key": "tell", "notify": {"email": "again", "to": "owner"}}
    write(files, steps=[*WELCOME["steps"][:4], notice])
    path = files / "campaigns" / "welcome.yaml"
    path.write_text(path.read_text().replace("no: again", "no: tell"))
    for language in ("vi", "en"):
        body = BODY.replace("{{ unsubscribe_url }}", "{{ contact_url }}")
        (files / "templates" / "again" / f"body.{language}.mjml").write_text(body)
    publish(world)
    (files / "templates" / "again" / "subject.en.txt").write_text("Look")
    assert emails(world) == (EmailChange("tell", "again", ("en",), ("subject",)),)


def test_what_the_admin_published_stands_while_the_file_is_as_it_was(
    world: World, files: Path
) -> None:
    publish(world)
    edit_in_admin(world, priority=7)
    assert what(world) == {"welcome": What.AHEAD}
    done = apply(world.deps, "test", world.now)
    assert (done.sequences, done.kept) == ((), ("welcome",))
    assert drafts.load(world.deps, "welcome").document["priority"] == 7


def test_a_conflict_is_shown_and_refused_until_somebody_chooses(world: World, files: Path) -> None:
    publish(world)
    edit_in_admin(world, priority=7)
    write(files, priority=9)
    found = told(world)
    assert found.conflicts == ("welcome",)
    (one,) = found.sequences
    assert (one.changes.settings, one.theirs.settings) == (("priority",), ("priority",))
    with pytest.raises(Invalid, match="Nothing was published") as refused:
        publish(world)
    assert "welcome.yaml" in refused.value.problems[0].file
    assert "--take" in refused.value.problems[0].remedy
    assert apply(world.deps, "test", world.now, {"welcome": "admin"}).kept == ("welcome",)
    assert drafts.load(world.deps, "welcome").document["priority"] == 7
    assert apply(world.deps, "test", world.now, {"welcome": "file"}).sequences == (("welcome", 3),)
    assert drafts.load(world.deps, "welcome").document["priority"] == 9


def test_whoever_chose_the_admins_version_is_not_asked_about_the_same_file_again(
    world: World, files: Path
) -> None:
    publish(world)
    edit_in_admin(world, priority=7)
    write(files, priority=9)
    apply(world.deps, "test", world.now, {"welcome": "admin"})
    assert what(world) == {"welcome": What.AHEAD}
    assert apply(world.deps, "test", world.now).kept == ("welcome",)
    edit_in_admin(world, priority=8)
    assert what(world) == {"welcome": What.AHEAD}, "the file is still as it was seen"
    write(files, priority=10)
    assert what(world) == {"welcome": What.CONFLICT}, "the file says something new"
    apply(world.deps, "test", world.now, {"welcome": "file"})
    assert what(world) == {"welcome": What.SAME}
    # What was seen then says nothing about a later edit in the admin.
    edit_in_admin(world, priority=7)
    write(files, priority=9)
    assert what(world) == {"welcome": What.CONFLICT}


def test_a_choice_for_the_admin_is_over_once_the_file_holds_the_same(
    world: World, files: Path
) -> None:
    publish(world)
    edit_in_admin(world, priority=7)
    write(files, priority=9)
    apply(world.deps, "test", world.now, {"welcome": "admin"})
    export_files(world.deps, world.deps.settings.campaigns)
    assert what(world) == {"welcome": What.SAME}
    edit_in_admin(world, priority=8)
    write(files, priority=9)
    assert what(world) == {"welcome": What.CONFLICT}


def test_a_file_that_is_gone_retires_its_sequence_and_one_that_is_back_brings_it_back(
    world: World, files: Path
) -> None:
    publish(world)
    ana = world.enroll("ana")
    world.work()
    path = files / "campaigns" / "welcome.yaml"
    text = path.read_text()
    path.unlink()
    assert what(world) == {"welcome": What.RETIRED}
    assert apply(world.deps, "test", world.now).retired == ("welcome",)
    bo = world.enroll("bo")
    world.drive(world.now + 10 * DAY)
    assert [state for _, state, _ in world.states(ana)] == ["exhausted"]
    assert world.states(bo) == []
    path.write_text(text)
    assert what(world) == {"welcome": What.BACK}
    publish(world)
    world.place()
    assert world.states(bo) != []


def test_what_only_the_admin_knows_is_never_retired(world: World) -> None:
    publish(world)
    document = {**WELCOME, "key": "other", "stage": "mql"}
    draft = drafts.start(world.deps, document, "lan", world.now)
    drafts.publish_draft(world.deps, "other", draft.revision, "lan", world.now)
    assert what(world) == {"welcome": What.SAME}


def test_export_round_trips_leaves_equal_files_alone_and_is_the_same_twice(
    world: World, files: Path
) -> None:
    publish(world)
    folder = files / "campaigns"
    assert export_files(world.deps, folder) == []
    assert "Kept as it is." in (folder / "welcome.yaml").read_text()
    edit_in_admin(world, priority=7)
    assert export_files(world.deps, folder, write=False) == [folder / "welcome.yaml"]
    assert "Kept as it is." in (folder / "welcome.yaml").read_text()
    assert export_files(world.deps, folder) == [folder / "welcome.yaml"]
    assert what(world) == {"welcome": What.SAME}
    # The file has caught up: a change of it is no conflict any more.
    write(files, priority=9)
    assert what(world) == {"welcome": What.CHANGED}
    other, again = files / "one", files / "two"
    export_files(world.deps, other)
    export_files(world.deps, again)
    names = sorted(path.name for path in other.iterdir())
    assert names == ["funnel.yaml", "welcome.yaml"]
    assert [(other / name).read_bytes() for name in names] == [
        (again / name).read_bytes() for name in names
    ]


def test_applying_an_exported_folder_changes_nothing(world: World, files: Path) -> None:
    publish(world)
    world.clock.moment += HOUR
    export_files(world.deps, files / "one")
    for path in (files / "one").iterdir():
        (files / "campaigns" / path.name).write_bytes(path.read_bytes())
    done = apply(world.deps, "test", world.now)
    assert (done.funnel, done.sequences) == (None, ())
