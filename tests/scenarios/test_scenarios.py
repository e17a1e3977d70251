"""The words that scenarios are written in. Each is played in memory and by the real thing.

The scenarios are the `.feature` files beside this one, one for each rule of how the engine
behaves. It is Monday, 2 March 2026, ten in the morning in Ho Chi Minh City, unless one says
otherwise; times are told on that city's clocks.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pytest_bdd import given, parsers, scenarios, then, when

from nurture.campaigns.yaml_text import load
from nurture.domain.contact import Value
from nurture.domain.migrating import Choices
from nurture.domain.resuming import How, Resumption
from nurture.engine.migrating import carry_out
from nurture.engine.pausing import pause, resume
from nurture.store import tables
from tests.engine.world import sequence
from tests.scenarios.player import HERE, RULES, Did, Document, Person, Player, Run
from tests.scenarios.real import Real

pytestmark = pytest.mark.usefixtures("player")

UNITS = {"minute": 60, "hour": 3600, "day": 86_400, "week": 7 * 86_400}


def span(text: str) -> timedelta:
    """5 days, 1 hour, 30 minutes."""
    count, unit = text.split()
    return timedelta(seconds=int(count) * UNITS[unit.removesuffix("s")])


def listed(text: str) -> list[str]:
    """a, b and c; nothing."""
    return [] if text == "nothing" else re.split(r", | and ", text)


def with_(text: str | None) -> dict[str, Value]:
    """with cart_id 42 and total 30"""
    if not text:
        return {}
    pairs = (one.split(" ", 1) for one in text.removeprefix(" with ").split(" and "))
    return {key: int(value) if value.isdigit() and key == "n" else value for key, value in pairs}


def document_of(key: str, text: str) -> Document:
    """A sequence's document from what a scenario says of it."""
    told: dict[str, Any] = read(text)
    return sequence(key, told.pop("steps"), **told)


def read(text: str) -> Any:
    """What a campaign file would say with this text."""
    loaded = load(text, "scenario")
    assert not loaded.problems, loaded.problems
    assert isinstance(loaded.document, dict)
    return loaded.document


@dataclass
class Stage:
    """What a scenario has said so far."""

    player: Player
    funnel: dict[str, Any] = field(default_factory=lambda: dict(RULES))
    sequences: dict[str, Document] = field(default_factory=dict)
    published: bool = False
    told: list[tuple[str, Did]] = field(default_factory=list)
    written: list[Path] = field(default_factory=list)

    @property
    def real(self) -> Real:
        """The player, for what only the real thing has."""
        assert isinstance(self.player, Real), "tag this scenario @stored"
        return self.player

    def enter(self, *people: Person) -> None:
        if not self.published:
            self.player.publish(self.funnel, *self.sequences.values())
            self.published = True
        self.player.add(*people)

    def last_run(self, name: str, key: str) -> Run:
        mine = [run for run in self.player.runs(name) if run.sequence == key]
        assert mine, f"{name} never entered {key}"
        return mine[-1]


@pytest.fixture
def stage(player: Player) -> Stage:
    return Stage(player)


# ---- what is so at the beginning ------------------------------------------------------------


@given(parsers.parse("it is {day} at {clock}"))
def it_is(stage: Stage, day: str, clock: str) -> None:
    stage.player.begin(datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=HERE))


@given(parsers.parse("the sequence {key}:"))
def a_sequence(stage: Stage, key: str, docstring: str) -> None:
    stage.sequences[key] = document_of(key, docstring)


@given("the funnel says:")
def the_funnel(stage: Stage, docstring: str) -> None:
    stage.funnel |= read(docstring)


@given(parsers.re(r"(?P<names>[A-Z][\w, ]*?) (?:is|are) (?:a |an |in )?(?P<key>lead|mql|sql)s?"))
def people(stage: Stage, names: str, key: str) -> None:
    stage.enter(*(Person(name, key) for name in listed(names)))


@given(parsers.re(r"(?P<name>[A-Z]\w*) is an? (?P<key>lead|mql|sql), with:"))
def somebody(stage: Stage, name: str, key: str, docstring: str) -> None:
    told: Mapping[str, Any] = read(docstring)
    stage.enter(Person(name, key, **told))


@given(parsers.parse("{count:d} people are {key}s"))
def many(stage: Stage, count: int, key: str) -> None:
    stage.enter(*(Person(f"P{number}", key) for number in range(count)))


# ---- what happens ---------------------------------------------------------------------------


@when(parsers.re(r"(?P<text>\d+ \w+) pass(?:es)?"))
def time_passes(stage: Stage, text: str) -> None:
    stage.player.let_pass(span(text))


@when(
    parsers.re(r"(?P<name>[A-Z]\w*) does (?P<event>\w+)(?P<more> with .*?)?(?:, (?P<ago>.+) ago)?")
)
def does(stage: Stage, name: str, event: str, more: str | None, ago: str | None) -> None:
    at = stage.player.now - (span(ago) if ago else timedelta())
    did = Did(event, at, f"{event}-{len(stage.told)}", with_(more))
    stage.told.append((name, did))
    stage.player.happen(name, did)


@when(parsers.parse("that is told {count:d} times more"))
def told_again(stage: Stage, count: int) -> None:
    for _ in range(count):
        stage.player.happen(*stage.told[-1])


@when(parsers.re(r"(?P<name>[A-Z]\w*) clicks in (?P<email>\S+)"))
def clicks(stage: Stage, name: str, email: str) -> None:
    stage.player.click(name, email)


@when(parsers.re(r"(?P<name>[A-Z]\w*) opens (?P<email>\S+)"))
def opens(stage: Stage, name: str, email: str) -> None:
    stage.player.open(name, email)


@when(parsers.parse("a privacy proxy opens {email} of {name}"))
def hidden_open(stage: Stage, email: str, name: str) -> None:
    stage.real.hide_open(name, email)


@when(parsers.parse("a scanner follows every link in {email} of {name}"))
def scan(stage: Stage, email: str, name: str) -> None:
    stage.real.scan(name, email)


@when(parsers.re(r"(?P<name>[A-Z]\w*) unsubscribes"))
def unsubscribes(stage: Stage, name: str) -> None:
    stage.player.unsubscribe(name)


@when(parsers.re(r"(?P<name>[A-Z]\w*) signs up for (?P<topic>\S+)"))
def signs_up(stage: Stage, name: str, topic: str) -> None:
    stage.player.sign_up(name, topic)


@when(parsers.re(r"(?P<name>[A-Z]\w*) confirms"))
def confirms(stage: Stage, name: str) -> None:
    stage.player.confirm(name)


@when(parsers.re(r"(?P<name>[A-Z]\w*) complains"))
def complains(stage: Stage, name: str) -> None:
    stage.player.complain(name)


@when(parsers.parse("the provider tells {count:d} times of a {kind} of {name}"))
def reported(stage: Stage, count: int, kind: str, name: str) -> None:
    stage.real.report(name, kind, count)


@when(parsers.re(r"(?P<who>sales|marketing) moves? (?P<name>\w+) to (?P<to>\w+), for (?P<why>.+)"))
def moved_by(stage: Stage, who: str, name: str, to: str, why: str) -> None:
    stage.player.ask_stage(name, to, who, why)


@when(parsers.parse("the sequence {key} is published anew:"))
def published_anew(stage: Stage, key: str, docstring: str) -> None:
    stage.real.publish(None, document_of(key, docstring))


@when(parsers.parse("{key} is paused"))
def paused(stage: Stage, key: str) -> None:
    pause(stage.real.deps, key, "a typo", "lan", stage.player.now)


@when(parsers.parse("{key} goes on by {how}"))
def resumed(stage: Stage, key: str, how: str) -> None:
    plan = Resumption(How(how))
    resume(stage.real.deps, key, "lan", stage.player.now, plan)
    stage.real.work()


@when(parsers.re(r"everybody in (?P<key>\w+) is migrated(?:, from (?P<old>\w+) to (?P<new>\w+))?"))
def migrated(stage: Stage, key: str, old: str | None, new: str | None) -> None:
    choices = Choices({old: new} if old and new else {})
    carry_out(stage.real.deps, key, choices, "lan", stage.player.now)
    stage.real.work()


@given(parsers.re(r'the mail server says "(?P<reply>[^"]*)" to (?P<name>\w+)'))
@when(parsers.re(r'the mail server says "(?P<reply>[^"]*)" to (?P<name>\w+)'))
def refused(stage: Stage, name: str, reply: str) -> None:
    stage.real.refuse(name, reply)


@when(parsers.parse("the mail server takes mail for {name} again"))
def taken_again(stage: Stage, name: str) -> None:
    stage.real.refuse(name, "")


@when(parsers.parse("Redis loses everything before any worker looks, after {text}"))
def redis_loses(stage: Stage, text: str) -> None:
    stage.real.lose_the_queue(span(text))


@when("everything is exported")
def exported(stage: Stage) -> None:
    stage.written = stage.real.export()


@when(parsers.parse("the file of {key} is edited:"))
def edited(stage: Stage, key: str, docstring: str) -> None:
    stage.real.edit_file(document_of(key, docstring))


# ---- what is so then ------------------------------------------------------------------------


@then(parsers.re(r"(?P<names>[A-Z][\w, ]*?) (?:has|have) got (?P<emails>[^\"]+)"))
def has_got(stage: Stage, names: str, emails: str) -> None:
    expected = listed(emails)
    found = {name: [one for _, one in stage.player.got(name)] for name in listed(names)}
    assert found == dict.fromkeys(listed(names), expected)


@then(parsers.parse("{name} got {email} on {day} at {clock}"))
def got_at(stage: Stage, name: str, email: str, day: str, clock: str) -> None:
    got = [at.astimezone(HERE) for at, one in stage.player.got(name) if one == email]
    times = [f"{at:%Y-%m-%d %H:%M}" for at in got]
    assert times == [f"{day} {clock}"]


@then("nobody got anything twice")
def nothing_twice(stage: Stage) -> None:
    for name in stage.player.names():
        got = Counter(email for _, email in stage.player.got(name))
        assert [email for email, times in got.items() if times > 1] == []


@then(parsers.parse("nobody got two emails within {text}"))
def no_burst(stage: Stage, text: str) -> None:
    for name in stage.player.names():
        times = [at for at, _ in stage.player.got(name)]
        gaps = [later - at for at, later in pairwise(times)]
        assert [gap for gap in gaps if gap < span(text)] == []


@then(parsers.re(r"(?P<name>[A-Z]\w*) stands in (?P<key>\w+)(?:, and once stood in (?P<top>\w+))?"))
def stands_in(stage: Stage, name: str, key: str, top: str | None) -> None:
    found = stage.player.stage(name)
    assert found == (key, top or found[1])


@then(
    parsers.re(
        r"(?P<name>[A-Z]\w*)'s run through (?P<key>[\w-]+) is (?P<state>\w+)"
        r"(?: at (?P<step>\w+))?(?:, (?:because of|to) (?P<why>.+))?"
    )
)
def run_is(
    stage: Stage, name: str, key: str, state: str, step: str | None, why: str | None
) -> None:
    run = stage.last_run(name, key)
    assert run == replace(run, state=state, step=step or run.step, why=why or run.why)


@then(parsers.re(r"(?P<name>[A-Z]\w*) has (?P<count>\d+) runs? through (?P<key>[\w-]+)"))
def runs_through(stage: Stage, name: str, count: str, key: str) -> None:
    found = [run for run in stage.player.runs(name) if run.sequence == key]
    assert len(found) == int(count)


@then(parsers.re(r"(?P<name>[A-Z]\w*)'s score is (?P<points>[\d.]+)"))
def score_is(stage: Stage, name: str, points: str) -> None:
    assert stage.player.score(name) == pytest.approx(float(points), abs=0.05)


@then(parsers.parse("{name} was refused {to}"))
def was_refused(stage: Stage, name: str, to: str) -> None:
    assert to in stage.player.refusals(name)


@then(parsers.parse("some of them got {one}, and the others {other}"))
def divided(stage: Stage, one: str, other: str) -> None:
    found = Counter(
        ", ".join(email for _, email in stage.player.got(name)) or "nothing"
        for name in stage.player.names()
    )
    assert found.keys() == {one, other}
    # Hashes are no dice: these are the same people in every run of this test.
    assert min(found.values()) >= len(stage.player.names()) // 4


@then(parsers.parse("it is noted of {arm} what they would have got"))
def noted(stage: Stage, arm: str) -> None:
    t = tables.Exposure
    kept = stage.real.rows(sa.select(t.contact_id, t.arm).where(t.arm == arm))
    without = [name for name in stage.player.names() if not stage.player.got(name)]
    assert {key for key, _ in kept} == {stage.real.id_of(name) for name in without}


@then(parsers.re(r"(?P<name>[A-Z]\w*) is suppressed in (?P<scopes>.+)"))
def suppressed(stage: Stage, name: str, scopes: str) -> None:
    found = {scope for scope, _, _ in stage.real.scopes(stage.real.id_of(name))}
    assert found == set(listed(scopes))


@then(parsers.re(r"the sequence (?P<key>\w+) stands still(?:, because of (?P<why>.+))?"))
def stands_still(stage: Stage, key: str, why: str | None) -> None:
    t = tables.Sequence
    ((since, reason),) = stage.real.rows(
        sa.select(t.paused_at, t.pause_reason).where(t.key == key)
    )  # fmt: skip
    assert since is not None
    assert (why or "") in reason


@then("a plan of the files has nothing to tell")
def nothing_planned(stage: Stage) -> None:
    assert stage.written
    assert not stage.real.plan()


@then("no file was written")
def nothing_written(stage: Stage) -> None:
    assert stage.written == []


@then(parsers.parse("a plan of the files tells that {count:d} contact stands on {step}"))
def planned(stage: Stage, count: int, step: str) -> None:
    (one,) = (one for one in stage.real.plan().sequences if one.changes.removed)
    assert one.removed == {step: count}


for path in sorted(Path(__file__).parent.glob("*.feature")):
    scenarios(path.name)
