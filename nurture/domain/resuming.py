"""How a run goes on after a pause: shifted, caught up, or with what was missed expired. Pure.

While a sequence is paused its runs stand still. `shift` moves every timer by as long as the run
stood still. The other two play the time of the pause over again, timers and events in order:
`catch_up` stops at the first email, which leaves in its turn, and keeps a gap before any other;
`expire` passes over every email whose time has gone by. A date that somebody waits for is a date:
a pause does not move it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from nurture.domain import enrollment as e
from nurture.domain.contact import Change, Fact, Occurrence, changed
from nurture.domain.decide import decide
from nurture.domain.enrollment import Decision, Event
from nurture.domain.evolve import evolve
from nurture.domain.pacing import SPREAD, softened, spread_out
from nurture.domain.sequence import WaitUntil
from nurture.domain.situation import Situation
from nurture.domain.walk import Walk

RESUMED = "resumed"
EXPIRED = "expired"
GAP = timedelta(days=1)


class How(StrEnum):
    """How the runs of a sequence go on after a pause."""

    SHIFT = "shift"
    CATCH_UP = "catch_up"
    EXPIRE = "expire"


@dataclass(frozen=True, slots=True)
class Resumption:
    """How to go on; who is due at once is spread `over` a while, emails kept a `gap` apart."""

    how: How = How.SHIFT
    over: timedelta = SPREAD
    gap: timedelta = GAP


@dataclass(frozen=True, slots=True)
class Pause:
    """One run's pause: from when to when it stood still, and what the contact did meanwhile.

    `turn` counts the runs of the same contact that are let go together, from 0. `under_way`: the
    provider has the send of the run, or may have it.
    """

    since: datetime
    until: datetime
    missed: tuple[Occurrence, ...] = ()
    turn: int = 0
    under_way: bool = False


def turn_of(situation: Situation, pause: Pause, plan: Resumption) -> datetime:
    """Return when this run may mail after the pause at the earliest."""
    start = pause.until
    if plan.how is How.CATCH_UP:
        start += plan.gap * pause.turn
    run, over = situation.enrollment, plan.over
    return spread_out(situation.sequence, situation.contact, run, start, over)


def resumed(situation: Situation, pause: Pause, plan: Resumption) -> tuple[Decision, ...]:
    """Return how a run goes on after its pause. Nothing here sends at once where it is spread."""
    play = _Play(situation, pause, plan, turn_of(situation, pause, plan))
    if plan.how is How.SHIFT:
        play.shift()
        play.tell(map(e.Happened, pause.missed), pause.until)
        return play.decided
    if plan.how is How.CATCH_UP and plan.gap and play.is_behind():
        play.decide([e.Pace(int(plan.gap.total_seconds()))])
    state = situation.enrollment.state
    if isinstance(state, e.Sending) and plan.how is How.EXPIRE and not pause.under_way:
        play.tell([e.Unsent(state.step, state.pass_no, EXPIRED)], pause.since)
    for occurrence in pause.missed:
        at = min(max(occurrence.occurred_at, pause.since), pause.until)
        play.run_until(at)
        play.tell([e.Happened(occurrence)], at)
    play.run_until(pause.until)
    return play.decided


class _Play:
    """The time of the pause, played over again."""

    def __init__(
        self, situation: Situation, pause: Pause, plan: Resumption, turn: datetime
    ) -> None:  # fmt: skip
        self.situation, self.pause, self.plan, self.turn = situation, pause, plan, turn
        self.decisions: list[Decision] = []

    def decide(self, decisions: Iterable[Decision]) -> None:
        some = list(decisions)
        self.decisions += some
        contact = self.situation.contact
        for one in some:
            if isinstance(one, e.SetFact):
                contact = changed(contact, Change(Fact(one.fact), one.name, one.value))
        after = evolve(self.situation.enrollment, some)
        self.situation = replace(self.situation, enrollment=after, contact=contact)

    @property
    def decided(self) -> tuple[Decision, ...]:
        """Everything that was decided, without sends that were overtaken before they left."""
        state = self.situation.enrollment.state
        return tuple(
            one
            for one in self.decisions
            if not isinstance(one, e.Send) or state == e.Sending(one.step, one.pass_no)
        )

    def is_behind(self) -> bool:
        state = self.situation.enrollment.state
        due = e.wakes_at(state)
        return isinstance(state, e.Sending) or (due is not None and due <= self.pause.until)

    def shift(self) -> None:
        run, until = self.situation.enrollment, self.pause.until
        by = until - self.pause.since
        due = e.wakes_at(run.state)
        if due is None:
            return
        if run.step and isinstance(self.situation.sequence.by_key.get(run.step), WaitUntil):
            if due <= until:
                walk = Walk.begin(self.situation, until)
                walk.go_on()
                self.decide(softened(walk.decisions, RESUMED, self.turn, until))
            return
        # Who was due when the pause began, or came during it, is due now: all at once.
        later = due + by if due + by > until else self.turn
        match run.state:
            case e.Waiting():
                self.decide([e.WaitUntil(run.step, later)])
            case e.Awaiting(since=since):
                self.decide([e.Await(run.step, later, since)])
            case e.Holding(reason=reason, since=since):
                self.decide([e.Hold(run.step, reason, later, since)])
            case _:
                pass

    def run_until(self, end: datetime) -> None:
        """Let timers fire at their instants, up to `end`."""
        while True:
            due = e.wakes_at(self.situation.enrollment.state)
            if due is None or due > end:
                return
            before = self.situation.enrollment
            self.tell([e.TimerFired()], max(due, self.pause.since))
            if self.situation.enrollment == before:
                return

    def tell(self, events: Iterable[Event], at: datetime) -> None:
        """Decide what follows from events at an instant of the pause; no email leaves by it."""
        for event in events:
            run = self.situation.enrollment
            if not run.is_live:
                return
            decided = decide(self.situation, event, at)
            while isinstance(decided[-1], e.Send):
                send = decided[-1]
                if self.plan.how is not How.EXPIRE:
                    decided = softened(decided, RESUMED, self.turn, self.pause.until)
                    break
                wanted = replace(self.situation, enrollment=evolve(run, decided))
                unsent = e.Unsent(send.step, send.pass_no, EXPIRED)
                decided = (*decided[:-1], *decide(wanted, unsent, at))
            if all(isinstance(one, e.Note) for one in decided):
                continue
            self.decide(decided)
