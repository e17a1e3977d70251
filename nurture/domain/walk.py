"""Walking a run forward, step after step, until something has to be waited for."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import assert_never

from nurture.domain import enrollment as e
from nurture.domain.conditions import could_hold, holds
from nurture.domain.contact import Change, Engaged, Verdict, changed, refusal
from nurture.domain.enrollment import Decision, Enrollment
from nurture.domain.evolve import evolve_one
from nurture.domain.experiments import (
    HELD_OUT,
    MAILED,
    arm_of,
    experiment_key,
    hold_out_key,
    is_held_out,
)
from nurture.domain.pacing import paced
from nurture.domain.sequence import (
    END,
    Branch,
    ChangeStage,
    Email,
    Enter,
    Exit,
    Goal,
    Leave,
    MoveTo,
    Notify,
    Sequence,
    Split,
    Step,
    Update,
    Wait,
    WaitFor,
    WaitUntil,
    Webhook,
)
from nurture.domain.situation import Situation, answered, answers, asked, reached
from nurture.domain.waiting import date_comes, delay, wait_ends

# A run can pass this many instantaneous steps at one moment, or each step once where a sequence
# has more. The check at publish refuses loops without a wait, so reaching this means that the
# check was passed by.
MOST_HOPS = 200

NEVER_SENT = "never sent"
RECEIVED_BEFORE = "received before"
NOTICE = "notice"
WEBHOOK = "webhook"


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
                self.act(step)

    def attempt(self, step: Email) -> None:
        """Mail the step at the cursor, hold it, pass over it, or leave."""
        contact, sequence = self.situation.contact, self.situation.sequence
        pass_no = self.run.passes.get(step.key, 1)
        transactional = step.topic in sequence.transactional
        refused = refusal(contact, step.topic, sequence.transactional)
        if refused is not None:
            self.add(e.Finish(e.Exited(refused.value)))
        elif is_repeated(sequence, self.run, step.content, contact.received, pass_no):
            self.add(e.Skip(step.key, RECEIVED_BEFORE))
            self.go_on()
        elif not transactional and is_held_out(sequence, contact):
            self._take_part(step, HELD_OUT)
            self.add(e.WouldSend(step.key, pass_no, step.template, step.topic))
            # The clock of a wait for an answer runs for the control group, too.
            self.add(e.Remember(step.key, self.now))
            self.go_on()
        else:
            self._send_or_hold(step, pass_no)

    def _send_or_hold(self, step: Email, pass_no: int) -> None:
        state = self.run.state
        since = state.since if isinstance(state, e.Holding) else None
        sequence = paced(self.situation.sequence, self.run)
        held = delay(sequence, self.situation.contact, step, self.now, since)
        if held is None:
            if sequence.hold_out and step.topic not in sequence.transactional:
                self._take_part(step, MAILED)
            self.add(e.Send(step.key, pass_no, step.template, step.topic))
        elif held.forgone:
            self.add(e.Skip(step.key, held.reason))
            self.go_on()
        else:
            begun = since or self.now
            self.add(e.Hold(step.key, held.reason, held.release, begun, held.zone))

    def _take_part(self, step: Email, arm: str) -> None:
        """Note which side of the hold-out the contact is on, with the first email of a run."""
        if not self.run.accepted:
            track = self.situation.sequence.track
            self.add(e.Expose(step.key, hold_out_key(track), arm))

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

    def act(self, step: Step) -> None:
        """Do what the step at the cursor asks for."""
        match step:
            case Email():
                self.attempt(step)
            case Wait():
                due, zone = wait_ends(
                    step, self.situation.contact, self.situation.sequence, self.now
                )
                if due <= self.now:
                    self.go_on()
                else:
                    self.add(e.WaitUntil(step.key, due, zone))
            case WaitUntil():
                self.look_at_date(step)
            case WaitFor():
                self._wait_for(step)
            case Branch():
                self._branch(step)
            case Split():
                self._split(step)
            case Goal():
                met = reached(self.situation, step, self.now)
                self.take("reached" if met else "not reached", step.next)
            case MoveTo():
                self.add(e.EnterSequence(step.key, step.sequence))
            case ChangeStage():
                # The edge's guard answers outside this run. Taken, it moves the run away;
                # refused, the timer that is due at once lets the run go on.
                self.add(e.SetStage(step.key, step.stage))
                self.add(e.WaitUntil(step.key, self.now))
            case Exit(reason=reason):
                self.add(e.Finish(e.Exited(reason)))
            case _:
                self._do(step)
                self.go_on()

    def _do(self, step: Update | Notify | Webhook | Enter | Leave) -> None:
        """Do what takes no time and leads on."""
        pass_no = self.run.passes.get(step.key, 1)
        match step:
            case Update(changes=changes):
                for change in changes:
                    self._set(step.key, change)
            case Notify(to=to):
                self.add(e.Tell(step.key, pass_no, NOTICE, to))
            case Webhook(endpoint=endpoint):
                self.add(e.Tell(step.key, pass_no, WEBHOOK, endpoint))
            case Enter(sequence=sequence):
                self.add(e.EnterBeside(step.key, sequence))
            case Leave(sequence=sequence):
                self.add(e.LeaveBeside(step.key, sequence))
            case _:
                assert_never(step)

    def _set(self, step: str, change: Change) -> None:
        # What follows in this walk, such as a branch, must see the contact as they now are.
        self.add(e.SetFact(step, change.fact.value, change.name, change.value))
        contact = changed(self.situation.contact, change)
        self.situation = replace(self.situation, contact=contact)

    def look_at_date(self, step: WaitUntil) -> None:
        """Wait for the date of `step`, or take the path for a date that is over or missing."""
        contact, sequence = self.situation.contact, self.situation.sequence
        comes, zone = date_comes(step, contact, self.run, sequence)
        if comes is None:
            self.take("missing", step.missing or step.next, "there is no such date")
        elif comes <= self.now:
            self.take("past", step.past or step.next, "the date is over")
        elif self.run.state != e.Waiting(comes):
            self.add(e.WaitUntil(step.key, comes, zone))

    def _split(self, step: Split) -> None:
        sequence = self.situation.sequence
        arm = arm_of(sequence, step, self.situation.contact)
        experiment = experiment_key(sequence, step)
        if experiment not in sequence.winners:
            self.add(e.Expose(step.key, experiment, arm.key))
        self.take(arm.key, arm.to, experiment)

    def _branch(self, step: Branch) -> None:
        contact, now = self.situation.contact, self.now
        for number, case in enumerate(step.cases, start=1):
            when = asked(self.situation, case.when)
            known = holds(when, contact, now)
            if step.unknowable and known != could_hold(when, contact, now):
                self.take("unknowable", step.unknowable, "a privacy proxy hides opens")
                return
            if known:
                self.take(f"case {number}", case.to)
                return
        self.take("else", step.otherwise)

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


def is_repeated(
    sequence: Sequence, run: Enrollment, content: str, received: frozenset[str], pass_no: int
) -> bool:
    """Return whether a run must not send `content` at its cursor: it was received before.

    By another door, or by another step of this very run; a run that was asked to start over may
    send again what its own earlier runs sent.
    """
    if pass_no > 1 or content not in received:
        return False
    return content not in run.again or any(
        isinstance(step, Email)
        and step.content == content
        and step.key != run.step
        and (step.key in run.accepted or run.passes.get(step.key, 0) > 1)
        for step in sequence.steps
    )
