"""What a run watches: looking at the computed instants alone is the same as always looking."""

from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.campaigns.parse import parse_funnel, parse_sequence
from nurture.domain import enrollment as e
from nurture.domain.contact import Change, Contact, Fact, Occurrence, Standing
from nurture.domain.folding import LongLedger
from nurture.domain.scoring import award
from nurture.domain.sequence import Sequence
from nurture.engine.life import Life
from nurture.engine.world import World
from tests.domain.build import DAY, MINUTE, NOW, a_contact
from tests.engine.world import FUNNEL

DOCUMENT = {
    **FUNNEL,
    # A short half-life, so that a few days hold many crossings.
    "engagement": {
        "groups": [{"key": "all", "half_life": "9h"}],
        "rules": [
            {
                "key": "click", "name": {"vi": "b", "en": "b"}, "event": "click",
                "points": 12, "group": "all",
            },
        ],
    },
    "edges": [],
    "fields": [{"key": "ends", "name": {"vi": "hết", "en": "ends"}, "type": "date"}],
}  # fmt: skip
RULES = parse_funnel(DOCUMENT, version=1)
STEP = 15 * MINUTE
LENGTH = 4 * DAY


def a_trial(exit_: Any, until: Any, goal: Any) -> Sequence:
    """A stage's sequence with one exit, one awaited condition and one goal."""
    document = {
        "key": "trial", "name": {"vi": "Thử", "en": "Trial"}, "stage": "lead",
        "exits": [{"reason": "out", "when": exit_}],
        "steps": [
            {"key": "hello", "email": "hello"},
            {"key": "until", "wait_for": {"when": until, "within": "30h", "yes": "y", "no": "n"}},
            {"key": "y", "email": "thanks", "next": "rest"},
            {"key": "n", "email": "again"},
            {"key": "rest", "wait": "2d"},
            {"key": "late", "email": "offer"},
            {"key": "won", "goal": {"when": goal}, "next": "prize"},
            {"key": "prize", "email": "case"},
        ],
    }  # fmt: skip
    return parse_sequence(document, funnel=RULES, version=1)


hours = st.integers(1, 90)
parts = st.one_of(
    hours.map(lambda n: {"hours_in_stage": {"at_least": n}}),
    hours.map(lambda n: {"did": "click", "within": f"{n}h"}),
    hours.map(lambda n: {"did": "visit", "at_least": 2, "within": f"{n}h"}),
    hours.map(lambda n: {"field": "ends", "in_next": f"{n}h"}),
    hours.map(lambda n: {"field": "ends", "within_last": f"{n}h"}),
    st.just({"field": "ends", "before": "now"}),
    st.integers(2, 20).map(lambda n: {"score": "engagement", "below": n}),
    st.integers(2, 20).map(lambda n: {"score": "engagement", "at_least": n}),
)
conditions = parts | parts.map(lambda one: {"not": one}) | st.tuples(parts, parts).map(
    lambda two: {"all": list(two)}
)  # fmt: skip
# On whole steps, so that both ways of looking see everything at the same instants.
moments = st.integers(1, LENGTH // STEP)
acts = st.lists(st.tuples(st.sampled_from(("click", "visit")), moments), max_size=5)
dates = st.integers(-8, LENGTH // STEP).map(lambda n: (NOW + n * STEP).isoformat())


def lead(ends: str = "") -> Contact:
    fields = MappingProxyType({"ends": ends} if ends else {})
    return a_contact(fields=fields, standing=Standing("lead", "lead", NOW))


def play(
    sequence: Sequence, contact: Contact, acts: list[tuple[str, int]], *, always: bool
) -> list[tuple[datetime, str, object]]:
    """Live four days, looking at every step, or at the computed instants alone."""
    # They begin with points that fade.
    clicks = [Occurrence("click", NOW, {}, dedupe_key=f"before.{n}") for n in range(2)]
    entries = [entry for one in clicks for entry in award(one, RULES.rules, 1)]
    past = replace(contact, history=tuple(clicks))
    life = Life(World(RULES, {sequence.key: sequence}), past, NOW, ledger=LongLedger(entries))
    life.begin()
    coming = sorted(acts, key=lambda one: one[1])
    for number in range(1, LENGTH // STEP + 1):
        now = NOW + number * STEP
        happened = [name for name, at in coming if at == number]
        if not (always or happened):
            continue
        life.advance(now)
        for place, name in enumerate(happened):
            life.happen(Occurrence(name, now, {}, dedupe_key=f"{number}.{place}"))
        if always:
            life.change(Change(Fact.UNTAG, "nothing"))
    life.advance(NOW + LENGTH)
    return [
        (moment.at, moment.cause if isinstance(one, e.Finish) else "", one)
        for moment in life.moments
        for one in moment.decisions
        if isinstance(one, e.Send | e.Take | e.Finish)
    ]


# Few, because each looks four hundred times at a score.
@settings(max_examples=20, deadline=None)
@given(conditions, conditions, conditions, dates, acts)
def test_looking_at_the_computed_instants_alone_is_the_same_as_always_looking(
    exit_: Any, until: Any, goal: Any, ends: str, acts: list[tuple[str, int]]
) -> None:
    sequence = a_trial(exit_, until, goal)
    always = play(sequence, lead(ends), acts, always=True)
    seldom = play(sequence, lead(ends), acts, always=False)
    assert [_plain(one) for _, _, one in seldom] == [_plain(one) for _, _, one in always]
    # A crossing of the score is computed to the minute.
    assert all(abs(a - b) <= STEP for (a, *_), (b, *_) in zip(always, seldom, strict=True))


def _plain(one: object) -> object:
    """Return a decision without the instant that it holds."""
    if isinstance(one, e.Finish) and isinstance(one.state, e.Exhausted):
        return "exhausted"
    return one
