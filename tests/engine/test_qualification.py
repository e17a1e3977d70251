"""BANT with who said so, sales' word, rests, personas and refusals, through the store."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.conditions import Compare, Op, Subject, holds
from nurture.domain.stages import Actor, Said, StageChange, StageRefused
from nurture.engine.intake import take_events
from nurture.engine.qualification import accept, change_stage, qualify, reject
from nurture.engine.record import fallen, score_again
from nurture.errors import Invalid, NotFound, Refused
from nurture.store import ledger, people, qualification, tables
from nurture.store.people import Need
from tests.engine.world import DAY, FUNNEL, HOUR, NOW, World, opened, sequence

QUALIFIED: dict[str, Any] = {
    **FUNNEL,
    "edges": [
        {
            "kind": "promote", "from": "lead", "to": "mql",
            "when": {"score": "engagement", "at_least": 20},
        },
        {
            "kind": "promote", "from": "mql", "to": "sql",
            "when": {"all": [{"bant": "budget", "is": "yes"}, {"persona": "owner"}]},
            "by": ["rules", "sales"],
        },
        {
            "kind": "recycle", "from": "mql", "to": "lead", "by": ["sales"],
            "reasons": ["no_budget", "not_now"], "cooldown": "30d",
        },
        {"kind": "override", "from": "lead", "to": "sql", "by": ["sales"]},
        {
            "kind": "demote", "from": "sql", "to": "mql",
            "when": {"not": {"did": "form", "within": "20d"}}, "dwell": "5d",
        },
    ],
    "fields": [
        *FUNNEL["fields"],
        {"key": "motivation", "name": {"vi": "Động lực", "en": "Motivation"}},
        {"key": "job", "name": {"vi": "Việc", "en": "Job"}},
    ],
    "personas": [
        {
            "key": "owner", "name": {"vi": "Chủ quán", "en": "Owner"},
            "when": {"field": "job", "is": "owner"},
        },
        {
            "key": "quiet", "name": {"vi": "Im", "en": "Quiet"},
            "when": {"not": {"did": "click", "within": "9d"}},
        },
    ],
}  # fmt: skip
LAN = Said(by="lan@example.com", reason="no_budget", note="Next year, perhaps.")


@pytest.fixture
def world(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[World]:
    with opened(replace(settings, home=tmp_path), database_url) as made:
        made.publish(funnel=QUALIFIED)
        yield made


def contact(world: World, key: int) -> Any:
    with world.deps.database.read() as tx:
        return people.contacts(tx, [key], Need())[key]


def log(world: World, key: int) -> list[tuple[str, str, str, str]]:
    """(letter, value, source, by), the newest first."""
    with world.deps.database.read() as tx:
        found = qualification.answers(tx, [key])
    return [(one.letter, one.value, one.source, one.by) for one in found]


def changes(world: World, key: int) -> list[tuple[str, str, str, str, str]]:
    """(start, to, kind or refusal, reason, by) of every change and refusal, oldest first."""
    t = tables.StageChange
    rows = world.rows(
        sa.select(t.start, t.to, t.kind, t.refused, t.reason, t.by)
        .where(t.contact_id == key)
        .order_by(t.id)
    )
    return [(a, b, kind or refused, reason, by) for a, b, kind, refused, reason, by in rows]


def standing(world: World, key: int) -> Any:
    t = tables.Standing
    return world.rows(
        sa.select(t.stage, t.highest, t.rests_until, t.sales, t.sales_reason, t.sales_by).where(
            t.contact_id == key
        )
    )[0]


def audit(world: World) -> list[tuple[str, str, str]]:
    t = tables.Audit
    return [
        one
        for one in world.rows(sa.select(t.by, t.what, t.subject).order_by(t.id))
        if one[1] in ("qualify", "change stage", "accept lead")
    ]


def an_mql(world: World, name: str = "ana") -> int:
    key = world.enroll(name)
    world.happen(key, "form")
    assert world.stage(key) == "mql"
    return key


# ---- BANT ------------------------------------------------------------------------------------


def test_an_answer_is_kept_with_who_gave_it_and_the_latest_counts(world: World) -> None:
    ana = world.enroll("ana")
    assert qualify(world.deps, ana, {"budget": "partial", "need": "yes"}, LAN, "admin", NOW) == 2
    world.clock.moment = NOW + DAY
    by = Said(by="minh@example.com")
    assert qualify(world.deps, ana, {"budget": "yes", "need": "yes"}, by, "sales", world.now) == 1
    assert dict(contact(world, ana).bant) == {"budget": "yes", "need": "yes"}
    assert log(world, ana) == [
        ("budget", "yes", "sales", "minh@example.com"),
        ("need", "yes", "admin", "lan@example.com"),
        ("budget", "partial", "admin", "lan@example.com"),
    ]
    assert audit(world) == [
        ("lan@example.com", "qualify", str(ana)),
        ("minh@example.com", "qualify", str(ana)),
    ]


def test_an_answer_opens_an_edge_at_once(world: World) -> None:
    ana = an_mql(world)
    with world.deps.database.begin() as tx:
        tx.execute(
            sa.update(tables.Contact)
            .where(tables.Contact.id == ana)
            .values(fields={"first_name": "ana", "job": "owner"})
        )
    qualify(world.deps, ana, {"budget": "yes"}, LAN, "admin", world.now)
    assert world.stage(ana) == "sql"
    assert contact(world, ana).persona == "owner"


def test_questions_are_answered_in_words_and_only_where_they_are_declared(world: World) -> None:
    ana = world.enroll("ana")
    given = {"motivation": " Mở quán thứ hai ", "fit_note": "good"}
    assert qualify(world.deps, ana, given, LAN, "admin", NOW) == 1
    assert contact(world, ana).fields["motivation"] == "Mở quán thứ hai"
    assert "fit_note" not in contact(world, ana).fields
    assert qualify(world.deps, ana, {"motivation": ""}, LAN, "admin", NOW) == 1
    assert "motivation" not in contact(world, ana).fields


@pytest.mark.parametrize(
    "given",
    [{"budjet": "yes"}, {"budget": "maybe"}, {"motivation": "x" * 3000}, {"motivation": "\0"}],
)
def test_what_is_no_answer_changes_nothing(world: World, given: dict[str, str]) -> None:
    ana = world.enroll("ana")
    with pytest.raises(Invalid):
        qualify(world.deps, ana, {"need": "yes", **given}, LAN, "admin", NOW)
    assert log(world, ana) == []
    with pytest.raises(NotFound):
        qualify(world.deps, 999, {"need": "yes"}, LAN, "admin", NOW)


def test_a_form_answers_by_its_properties_and_an_older_one_changes_nothing(world: World) -> None:
    ana = world.enroll("ana")
    first: dict[str, Any] = {"bant.budget": "Yes", "bant.timing": False}
    older: dict[str, Any] = {"bant.budget": "no", "bant.need": "partial"}
    world.happen(ana, "form", **first)
    world.happen(ana, "form", at=NOW - DAY, **older)
    assert dict(contact(world, ana).bant) == {"budget": "yes", "timing": "no", "need": "partial"}
    assert ("budget", "no", "event:form", "") in log(world, ana)


def test_the_api_says_what_is_wrong_with_an_answer(world: World) -> None:
    world.enroll("ana")
    for properties in ({"bant.budget": "perhaps"}, {"bant.money": "yes"}):
        event = {"email": "ana@example.com", "event": "form", "id": "1", "properties": properties}
        with pytest.raises(Invalid, match="bant"):
            take_events(world.deps, [event], NOW)
    good = {"email": "ana@example.com", "event": "x", "id": "2", "properties": {"bant.need": "yes"}}
    assert take_events(world.deps, [good], NOW).new == 1


# ---- sales -----------------------------------------------------------------------------------


def test_sales_accept_a_lead_and_a_change_of_stage_forgets_it(world: World) -> None:
    ana = an_mql(world)
    accept(world.deps, ana, Said(by="lan@example.com"), world.now)
    assert standing(world, ana)[3:] == ("accepted", "", "lan@example.com")
    assert audit(world)[-1] == ("lan@example.com", "accept lead", str(ana))
    reject(world.deps, ana, LAN, world.now)
    assert standing(world, ana)[3:] == ("rejected", "no_budget", "lan@example.com")


def test_a_rejected_lead_goes_back_to_nurturing_and_rests(world: World) -> None:
    ana = an_mql(world)
    answer = reject(world.deps, ana, LAN, world.now)
    assert isinstance(answer, StageChange)
    rests = NOW + 30 * DAY
    assert standing(world, ana)[:3] == ("lead", "mql", rests)
    assert changes(world, ana)[-1] == ("mql", "lead", "recycle", "no_budget", "lan@example.com")
    # Never dropped: in the sequence of the stage they are in now.
    assert [one[:1] for one in world.states(ana)][-1] == ("welcome",)
    world.happen(ana, "form")
    assert world.stage(ana) == "lead"
    assert changes(world, ana)[-1][:3] == ("lead", "mql", "resting")


def test_the_rest_ends_by_itself_and_the_rules_go_on(world: World) -> None:
    ana = an_mql(world)
    reject(world.deps, ana, LAN, world.now)
    world.work()
    world.clock.moment = NOW + 29 * DAY
    world.happen(ana, "form")
    world.happen(ana, "form")
    assert world.stage(ana) == "lead"
    world.clock.moment = NOW + 30 * DAY
    assert fallen(world.deps, world.now) == 1
    assert world.stage(ana) == "mql"
    assert standing(world, ana)[2] is None


def test_a_rejection_needs_one_of_the_reasons_and_records_nothing_without(world: World) -> None:
    ana = an_mql(world)
    for reason in ("", "bored"):
        with pytest.raises(Invalid, match="no_budget, not_now"):
            reject(world.deps, ana, Said(by="lan", reason=reason), world.now)
    assert changes(world, ana) == [("lead", "mql", "promote", "", "")]
    ben = world.enroll("ben")
    with pytest.raises(Refused, match="recycle"):
        reject(world.deps, ben, LAN, world.now)


def test_an_override_needs_a_name_and_a_why_and_leaves_both(world: World) -> None:
    ana = world.enroll("ana")
    with pytest.raises(Invalid):
        change_stage(world.deps, ana, "sql", Actor.SALES, Said(by="lan"), NOW)
    assert changes(world, ana) == []
    said = Said(by="lan", note="Their director called.")
    answer = change_stage(world.deps, ana, "sql", Actor.SALES, said, NOW)
    assert isinstance(answer, StageChange)
    assert changes(world, ana) == [("lead", "sql", "override", "", "lan")]
    assert audit(world) == [("lan", "change stage", str(ana))]


def test_a_refused_wish_is_recorded_with_who_wished_it(world: World) -> None:
    ana = an_mql(world)
    answer = change_stage(world.deps, ana, "sql", Actor.SALES, LAN, world.now)
    assert answer == StageRefused("sql", "the guard does not hold")
    assert changes(world, ana)[-1] == (
        "mql", "sql", "the guard does not hold", "no_budget", "lan@example.com",
    )  # fmt: skip
    assert world.stage(ana) == "mql"


# ---- personas, refusals, time ----------------------------------------------------------------


def test_a_persona_is_matched_by_rules_and_time_alone_may_change_it(world: World) -> None:
    ana = world.enroll("ana")
    world.click(ana, "hello")
    assert contact(world, ana).persona == ""
    world.clock.moment = NOW + 9 * DAY
    fallen(world.deps, world.now)
    quiet = contact(world, ana)
    assert quiet.persona == "quiet"
    assert holds(Compare(Subject("persona"), Op.IS, "quiet"), quiet, world.now)
    with world.deps.database.read() as tx:
        assert qualification.personas(tx) == {"quiet": 1}


def test_a_changed_persona_lets_a_run_leave_by_its_exit(world: World) -> None:
    world.publish(
        sequence(
            "silent", [{"key": "wait", "wait": "60d"}, {"key": "again", "email": "again"}],
            trigger={"event": "click"}, exits=[{"reason": "quiet", "when": {"persona": "quiet"}}],
        )
    )  # fmt: skip
    ana = world.add("ana")
    world.click(ana, "hello")
    assert [one[1] for one in world.states(ana)] == ["waiting"]
    world.clock.moment = NOW + 9 * DAY
    fallen(world.deps, world.now)
    assert [one[1] for one in world.states(ana)] == ["exited"]


def test_what_the_rules_may_not_do_yet_is_recorded_once(world: World) -> None:
    ana = world.add("ana", "sql")
    for hour in (1, 2, 3):
        world.clock.moment = NOW + hour * HOUR
        score_again(world.deps, [ana], world.now)
    assert changes(world, ana) == [("sql", "mql", "dwell", "", "")]
    world.drive(NOW + 6 * DAY)
    assert changes(world, ana)[1][:3] == ("sql", "mql", "demote")


def test_a_window_that_runs_out_is_scheduled_and_not_scanned_for(world: World) -> None:
    ana = world.add("ana", "sql")
    world.happen(ana, "form")
    for day in (6, 19):
        world.clock.moment = NOW + day * DAY
        assert fallen(world.deps, world.now) == 0 or world.stage(ana) == "sql"
    world.clock.moment = NOW + 20 * DAY
    assert fallen(world.deps, world.now) == 1
    assert world.stage(ana) == "mql"
    assert world.column(sa.select(tables.StageChange.at).where(tables.StageChange.to == "mql")) == [
        NOW + 20 * DAY
    ]


def test_a_backlog_drains_with_those_first_who_wait_longest(world: World) -> None:
    names = [f"c{number}" for number in range(30)]
    keys = world.add_many(names)
    with world.deps.database.begin() as tx:
        for number, key in enumerate(keys):
            ledger.look_again(tx, [key], NOW - timedelta(minutes=number))
    with world.deps.database.read() as tx:
        assert ledger.crossing(tx, NOW, 10) == keys[:-11:-1]
    looked = [fallen(world.deps, NOW, limit=10) for _ in range(4)]
    assert looked == [10, 10, 10, 0]
