"""Publishing: all of it or nothing, and nothing again when nothing changed."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.funnel_telling import begin, tell
from nurture.engine.publish import apply, check_files, place_contacts
from nurture.engine.record import fallen
from nurture.engine.replay import replay
from nurture.errors import Invalid
from nurture.store import tables
from tests.engine.sequence_world import write_campaigns, write_email
from tests.engine.world import NOW, S, World

T = tables.Standing


@pytest.fixture
def world(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[World]:
    campaigns, templates = write_campaigns(tmp_path)
    made = World(replace(settings, campaigns=campaigns, templates=templates), database_url)
    yield made
    made.close()


def edit(world: World, name: str, old: str, new: str) -> None:
    path = world.deps.settings.campaigns / name
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new), "utf-8")


def counts(world: World) -> list[int]:
    models = (tables.FunnelVersion, tables.SequenceVersion, tables.Email, tables.VersionEmail)
    return [int(world.column(sa.select(sa.func.count()).select_from(model))[0]) for model in models]


def test_publishing_twice_changes_nothing_the_second_time(world: World) -> None:
    first = apply(world.deps, "lan", NOW)
    assert (first.funnel, first.sequences) == (1, (("cart", 1), ("welcome", 1)))
    before = counts(world)
    again = apply(world.deps, "lan", NOW)
    assert (again.funnel, again.sequences, again.unchanged) == (None, (), ("cart", "welcome"))
    assert counts(world) == before
    assert world.column(sa.select(tables.Audit.what)) == ["apply"]


def test_one_fault_anywhere_publishes_nothing_and_all_are_told(world: World) -> None:
    edit(world, "welcome.yaml", "stage: lead", "stage: led")
    edit(world, "cart.yaml", "email: again", "email: nothing")
    with pytest.raises(Invalid) as refused:
        apply(world.deps, "lan", NOW)
    files = {Path(problem.file).name for problem in refused.value.problems}
    assert files >= {"welcome.yaml", "cart.yaml"}
    assert counts(world) == [0, 0, 0, 0]


def test_a_merge_field_that_nobody_has_is_told_with_the_file_and_line_it_stands_in(
    world: World,
) -> None:
    templates = world.deps.settings.templates
    body = templates / "again" / "body.vi.mjml"
    lines = body.read_text("utf-8").splitlines()
    at = next(number for number, line in enumerate(lines) if "<mj-text>" in line)
    lines[at] = lines[at].replace("<mj-text>", "<mj-text>{{ contact.firstname }} ")
    body.write_text("\n".join(lines), "utf-8")
    (templates / "again" / "subject.en.txt").write_text("Hi {{ contact.frst_name }}", "utf-8")
    told = [one.message for one in check_files(world.deps.settings.campaigns, templates).problems]
    assert any(f"`contact.firstname` in {body}:{at + 1} is a field" in one for one in told)
    assert any("subject.en.txt:1 is a field" in one for one in told)


def test_a_fault_of_the_funnel_asks_no_notice_for_a_way_out(world: World) -> None:
    notice = world.deps.settings.templates / "tell-owner"
    notice.mkdir()
    for language in ("vi", "en"):
        (notice / f"subject.{language}.txt").write_text("Call them", "utf-8")
        (notice / f"body.{language}.mjml").write_text(
            "<mjml><mj-body><mj-section><mj-column><mj-text>Call them. {{ sender.name }},"
            " {{ sender.address }}</mj-text></mj-column></mj-section></mj-body></mjml>",
            "utf-8",
        )
    edit(world, "funnel.yaml", "points: ", "points: ten")
    problems = check_files(world.deps.settings.campaigns, world.deps.settings.templates).problems
    assert problems
    assert {Path(one.file).name for one in problems} == {"funnel.yaml"}


def test_a_changed_email_makes_new_versions_of_the_sequences_that_send_it(world: World) -> None:
    apply(world.deps, "lan", NOW)
    write_email(world.deps.settings.templates, "again", "en", "something-new")
    assert apply(world.deps, "lan", NOW).sequences == (("cart", 2), ("welcome", 2))
    write_email(world.deps.settings.templates, "hello", "en", "something-else")
    assert apply(world.deps, "lan", NOW).sequences == (("welcome", 3),)


def test_who_waits_in_a_stage_is_reached_by_its_first_sequence(world: World) -> None:
    welcome = world.deps.settings.campaigns / "welcome.yaml"
    text = welcome.read_text("utf-8")
    welcome.unlink()
    apply(world.deps, "lan", NOW)
    ana = world.enroll("ana")
    assert world.states(ana) == []
    welcome.write_text(text, "utf-8")
    apply(world.deps, "lan", NOW)
    assert world.states(ana) == [("welcome", "sending", "hello")]
    assert place_contacts(world.deps, NOW) == 0


def test_queued_emails_are_sent_as_their_version_was_published(world: World) -> None:
    apply(world.deps, "lan", NOW)
    world.enroll("ana")
    write_email(world.deps.settings.templates, "hello", "en", "too-late")
    apply(world.deps, "lan", NOW)
    world.enroll("bo")
    world.work()
    subjects = [subject for _, subject in sorted(world.post.mailed)]
    assert subjects == ["hello en: xin-chao ana", "hello en: too-late bo"]
    assert world.column(sa.select(S.status)) == ["accepted", "accepted"]


def test_a_new_funnel_is_felt_by_every_score(world: World) -> None:
    apply(world.deps, "lan", NOW)
    ana = world.enroll("ana")
    for _ in range(4):
        world.happen(ana, "click")
    assert world.score(ana) == 20.0
    edit(world, "funnel.yaml", "cap: 50", "cap: 16")
    assert apply(world.deps, "lan", NOW).funnel == 2
    assert world.column(sa.select(T.crosses_at)) == [NOW]
    assert not world.examine().violations
    assert fallen(world.deps, world.now) == 1
    assert world.score(ana) == 16.0
    assert not world.examine().violations


def test_a_new_funnel_reaches_many_in_parts_and_those_who_wait_are_no_finding(
    world: World,
) -> None:
    apply(world.deps, "lan", NOW)
    people = [world.enroll(name) for name in ("ana", "bo", "cleo")]
    for one in people:
        for _ in range(4):
            world.happen(one, "click")
    edit(world, "funnel.yaml", "cap: 50", "cap: 16")
    apply(world.deps, "lan", NOW)
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(T).values(crosses_at=None))
        begin(tx, 2, NOW, size=1)
    numbers = []
    for _ in range(4):
        # Whoever has yet to be told stands by the old funnel, and that is as it should be.
        assert not world.examine().violations
        assert not replay(world.deps, world.now).differences
        numbers.append(tell(world.deps, world.now, size=1))
    assert numbers == [1, 1, 0, 0]
    fallen(world.deps, world.now)
    assert [world.score(one) for one in people] == [16.0, 16.0, 16.0]
    assert world.column(sa.select(tables.FunnelVersion.told_to)) == [None, None]
