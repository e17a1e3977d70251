"""The whole behaviour as a table: every state meets every event, and the answer is kept.

A change of behaviour shows as a difference of `states_events.txt`. When it is meant, renew the
file with `RENEW_SNAPSHOTS=1 pytest tests/domain/test_states_events.py` and commit it.
"""

import os
from collections.abc import Iterator
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import get_args

from nurture.domain import decisions, states
from nurture.domain import enrollment as e
from nurture.domain.conditions import Compare, Op, Subject
from nurture.domain.contact import Verdict
from nurture.domain.decide import Situation, decide
from nurture.domain.evolve import evolve
from nurture.domain.invariant import violations
from nurture.domain.sequence import Email, Goal, Match, Wait, WaitFor
from tests.domain.build import ANA, DAY, HOUR, NOW, a_sequence, an_enrollment, an_occurrence, click

KEPT = Path(__file__).with_name("states_events.txt")

GONE = Compare(Subject("tag"), Op.CONTAINS, "gone")
SEQUENCE = a_sequence(
    Email("hello", "hello"),
    Wait("pause", DAY),
    WaitFor("answer", 2 * DAY, Match("click", of="hello"), yes="gift", no="tip"),
    Email("gift", "gift", next="bought"),
    Email("tip", "tip"),
    Goal("bought", Match("purchase")),
    exits=(("gone", GONE),),
)
THEN = NOW - DAY
MET = {"hello": 1, "pause": 1}
ANSWER = {"step": "answer", "passes": {**MET, "answer": 1}, "accepted": {"hello": THEN}}
TIP = {"step": "tip", "passes": {**MET, "answer": 1, "tip": 1}, "accepted": {"hello": THEN}}

STATES = {
    "not begun": an_enrollment(),
    "waiting, not due": an_enrollment(
        state=e.Waiting(NOW + HOUR), step="pause", passes=MET, accepted={"hello": THEN}
    ),
    "waiting, due": an_enrollment(
        state=e.Waiting(NOW), step="pause", passes=MET, accepted={"hello": THEN}
    ),
    "awaiting, in time": an_enrollment(state=e.Awaiting(THEN + 2 * DAY, THEN), **ANSWER),
    "awaiting, overdue": an_enrollment(state=e.Awaiting(NOW - HOUR, THEN), **ANSWER),
    "holding, not due": an_enrollment(state=e.Holding("window", NOW + HOUR), **TIP),
    "holding, due": an_enrollment(state=e.Holding("window", NOW), **TIP),
    "sending": an_enrollment(state=e.Sending("hello", 1), step="hello", passes={"hello": 1}),
    "exhausted": an_enrollment(state=e.Exhausted(THEN), **TIP),
    "completed": an_enrollment(state=e.Completed("end"), **TIP),
    "exited": an_enrollment(state=e.Exited("gone"), **TIP),
    "moved": an_enrollment(state=e.Moved("other"), **TIP),
    "failed": an_enrollment(state=e.Failed("broken"), **TIP),
}
EVENTS: dict[str, e.Event] = {
    "entered": e.Entered(),
    "timer fired": e.TimerFired(),
    "accepted hello": e.Accepted("hello", 1, NOW),
    "accepted hello, pass 2": e.Accepted("hello", 2, NOW),
    "unsent hello": e.Unsent("hello", 1, "cap"),
    "held hello": e.Held("hello", 1, "cap", NOW + HOUR),
    "broken hello": e.Broken("hello", 1, "no template"),
    "clicked in hello": e.Happened(click("hello", NOW - 2 * HOUR)),
    "clicked in hello, by machine": e.Happened(click("hello", NOW - 2 * HOUR, "", Verdict.MACHINE)),
    "clicked in hello, just now": e.Happened(click("hello", NOW)),
    "purchased": e.Happened(an_occurrence("purchase")),
    "visited": e.Happened(an_occurrence("visit")),
    "reconsider": e.Reconsider(),
    "reconsider, gone": e.Reconsider(),
    "withdrawn": e.Withdrawn("unsubscribed"),
    "moved away": e.MovedAway("other"),
    "content added: gift": e.ContentAdded("gift"),
    "content added: tip": e.ContentAdded("tip"),
    "content added: unknown": e.ContentAdded("unknown"),
    "decided elsewhere": e.Decided("Migrated", (e.Rebase(2, {}),)),
}


def instant(at: datetime) -> str:
    hours = (at - NOW) / HOUR
    return "now" if not hours else f"now{hours:+g}h"


def shown(value: object) -> str:
    """A decision or state on one line, with instants told from now."""
    if isinstance(value, datetime):
        return instant(value)
    if type(value).__module__ in (decisions.__name__, states.__name__):
        inner = (shown(getattr(value, one.name)) for one in fields(value))  # type: ignore[arg-type]
        return f"{type(value).__name__}({', '.join(part for part in inner if part)})"
    return str(value)


def table() -> Iterator[str]:
    for state, run in STATES.items():
        yield f"{state}: {shown(run.state)} at {run.step or 'no step'}\n"
        for name, event in EVENTS.items():
            contact = replace(ANA, tags=frozenset({"gone"})) if name.endswith("gone") else ANA
            decided = decide(Situation(run, SEQUENCE, contact), event, NOW)
            yield f"  + {name} -> {' '.join(map(shown, decided))}\n"
        yield "\n"


def test_every_state_answers_every_event_as_kept() -> None:
    now = "".join(table())
    if os.environ.get("RENEW_SNAPSHOTS"):
        KEPT.write_text(now, "utf-8")
    assert now == KEPT.read_text("utf-8"), (
        "The behaviour differs from tests/domain/states_events.txt. If that is meant, renew it: "
        "RENEW_SNAPSHOTS=1 pytest tests/domain/test_states_events.py"
    )


def test_the_table_leaves_out_no_state_and_no_event() -> None:
    assert {type(run.state) for run in STATES.values()} == set(get_args(e.State))
    assert {type(event) for event in EVENTS.values()} == set(get_args(e.Event))


def test_every_state_of_the_table_is_sound_before_and_after() -> None:
    for run in STATES.values():
        assert violations(run, SEQUENCE) == ()
        for event in EVENTS.values():
            after = evolve(run, decide(Situation(run, SEQUENCE, ANA), event, NOW))
            assert violations(after, SEQUENCE) == ()
