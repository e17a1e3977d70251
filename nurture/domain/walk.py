"""Walking a run forward, step after step, until something has to be waited for."""

from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import assert_never
from zoneinfo import ZoneInfo

from nurture.domain import enrollment as e
from nurture.domain.conditions import holds
from nurture.domain.contact import Contact, Engaged, Verdict, refusal
from nurture.domain.enrollment import Decision, Enrollment
from nurture.domain.evolve import evolve_one
from nurture.domain.sequence import (
    END,
    Branch,
    ChangeStage,
    Email,
    Exit,
    Goal,
    MoveTo,
    Sequence,
    Step,
    Wait,
    WaitFor,
)
from nurture.domain.situation import Situation, answered, answers, reached
from nurture.domain.timing import jitter, next_open, next_weekday
from nurture.domain.zones import zone_of

# A run can pass this many instantaneous steps at one moment, or each step once where a sequence
# has more. The check at publish refuses loops without a wait, so reaching this means that the
# check was passed by.
MOST_HOPS = 200

NEVER_SENT = "never sent"
RECEIVED_BEFORE = "received before"
WINDOW = "window"


@dataclass(slots=True)
class Walk:
    """One walk: the decisions so far and the run as they leave it."""

    situation: Situation
    now: datetime
    run: Enrollment
    decisions: list[Decision] = field(default_factory=list)
    _targets: list[str] = field(default_factory=list)

    @classmethod
    def begin(cls, situation: Situation, now: datetime) -> "Walk":
        """Stand where the enrollment stands."""
        return cls(situation, now, situation.enrollment)

    def add(self, decision: Decision) -> None:
        """Decide, and see the run as it then is."""
        self.decisions.append(decision)
        self.run = evolve_one(self.run, decision)

    def take(self, path: str, target: str, why: str = "") -> None:
        """Follow a named path from the step at the cursor, and go on from there."""
        to = self.situation.sequence.after(self.run.step, target)
        self.add(e.Take(self.run.step, to, path, why))
        self.go(to)

    def go_on(self) -> None:
        """Go on to the step that follows the one at the cursor."""
        step = self.situation.sequence.by_key.get(self.run.step)
        target = getattr(step, "next", "")
        self.go(self.situation.sequence.after(self.run.step, target))

    def go(self, target: str) -> None:
        """Arrive at `target`, and pass on through whatever takes no time."""
        self._targets.append(target)
        if len(self._targets) > 1:
            return  # The loop below is under way: a long walk must not become a deep stack.
        for target in self._targets:  # Grows while steps pass on.
            self._arrive(target)
        self._targets.clear()

    def _arrive(self, target: str) -> None:
        sequence = self.situation.sequence
        step = sequence.by_key.get(target)
        if target == END:
            self._end()
        elif step is None:
            self.add(e.Finish(e.Failed(f"the step {target!r} is not in this version")))
        elif len(self._targets) > max(MOST_HOPS, len(sequence.steps)):
            self.add(e.Finish(e.Failed(f"the sequence turns in a circle at {target!r}")))
        else:
            pass_no = self.run.passes.get(target, 0) + 1
            if pass_no > step.passes:
                self.add(e.Note("pass limit", f"{target} was met {step.passes} times already"))
                self._end()
            else:
                self.add(e.Meet(target, pass_no))
                self._act(step)

    def attempt(self, step: Email) -> None:
        """Mail the step at the cursor, hold it, pass over it, or leave."""
        contact, sequence = self.situation.contact, self.situation.sequence
        pass_no = self.run.passes.get(step.key, 1)
        refused = refusal(contact, step.topic)
        if refused is not None:
            self.add(e.Finish(e.Exited(refused.value)))
        elif pass_no == 1 and step.content in contact.received:
            self.add(e.Skip(step.key, RECEIVED_BEFORE))
            self.go_on()
        else:
            release = opening(sequence, contact, step.key, self.now)
            if release > self.now:
                self.add(e.Hold(step.key, WINDOW, release))
            else:
                self.add(e.Send(step.key, pass_no, step.template, step.topic))

    def time_out(self, step: WaitFor, since: datetime, until: datetime) -> None:
        """Take the path for an answer that did not come in time, or cannot be known."""
        if step.unknowable and step.match and step.match.event == Engaged.OPEN:
            for occurrence in self.situation.contact.history:
                unknown = occurrence.verdict is Verdict.UNKNOWN
                if unknown and answers(
                    self.situation, step, occurrence, since, until, person=False
                ):
                    self.take("unknowable", step.unknowable, "a privacy proxy hides opens")
                    return
        self.take("no", step.no, "timed out")

    def _end(self) -> None:
        if self.situation.sequence.stage:
            self.add(e.Finish(e.Exhausted(self.now)))
        else:
            self.add(e.Finish(e.Completed("end")))

    def _act(self, step: Step) -> None:
        match step:
            case Email():
                self.attempt(step)
            case Wait():
                self._wait(step)
            case WaitFor():
                self._wait_for(step)
            case Branch():
                self._branch(step)
            case MoveTo():
                self.add(e.EnterSequence(step.key, step.sequence))
            case ChangeStage():
                # The edge's guard answers outside this run. Taken, it moves the run away;
                # refused, the timer that is due at once lets the run go on.
                self.add(e.SetStage(step.key, step.stage))
                self.add(e.WaitUntil(step.key, self.now))
            case Exit(reason=reason):
                self.add(e.Finish(e.Exited(reason)))
            case Goal():
                met = reached(self.situation, step, self.now)
                self.take("reached" if met else "not reached", step.next)
            case _:
                assert_never(step)

    def _branch(self, step: Branch) -> None:
        for number, case in enumerate(step.cases, start=1):
            if holds(case.when, self.situation.contact, self.now):
                self.take(f"case {number}", case.to)
                return
        self.take("else", step.otherwise)

    def _wait(self, step: Wait) -> None:
        due = self.now + step.duration
        zone = zone_of(self.situation.contact, self.situation.sequence)
        days = step.days or frozenset(range(1, 8))
        # Without a time of day, the hour at which the duration ends will do on a named day.
        if step.at is not None or due.astimezone(zone).isoweekday() not in days:
            due = next_weekday(days, step.at or time(0), zone, due)
        if due <= self.now:
            self.go_on()
        else:
            self.add(e.WaitUntil(step.key, due))

    def _wait_for(self, step: WaitFor) -> None:
        since = self.now
        if step.match and step.match.of:
            accepted = self.run.accepted.get(step.match.of)
            if accepted is None:
                self.take("no", step.no, NEVER_SENT)
                return
            since = accepted
        deadline = since + step.within
        if answered(self.situation, step, since, deadline, self.now):
            self.take("yes", step.yes)
        elif deadline <= self.now:
            self.time_out(step, since, deadline)
        else:
            self.add(e.Await(step.key, deadline, since))


def opening(sequence: Sequence, contact: Contact, step: str, now: datetime) -> datetime:
    """Return when `step` may be mailed to `contact`: `now`, or the next opening with its jitter.

    Nobody is mailed at the very stroke of an opening hour together with everybody else: the
    delay inside `sequence.spread` is a hash of the contact and the step.
    """
    zone: ZoneInfo = zone_of(contact, sequence)
    holidays: frozenset[date] = sequence.holidays
    release = next_open(sequence.window, zone, now, holidays)
    if release <= now:
        return now
    late = release + jitter(sequence.spread, contact.id, sequence.key, step)
    return next_open(sequence.window, zone, late, holidays)
