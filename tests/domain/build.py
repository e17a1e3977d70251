"""People, runs and sequences for the tests of the pure core, and a way to play them."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from nurture.domain.contact import Contact, Occurrence, Value, Verdict
from nurture.domain.decide import Situation, decide
from nurture.domain.enrollment import (
    Accepted,
    Decision,
    Enrollment,
    Entered,
    Event,
    Happened,
    Send,
    Sending,
    TimerFired,
    Waiting,
    wakes_at,
)
from nurture.domain.evolve import evolve
from nurture.domain.invariant import violations
from nurture.domain.sequence import Sequence, Step

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)  # A Monday.
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def a_contact(**changes: Any) -> Contact:
    """A contact who consents to marketing, unless `changes` say otherwise."""
    given: dict[str, Any] = {
        "id": 1,
        "address": "ana@example.com",
        "consents": {"marketing": True},
        **changes,
    }
    return Contact(**given)


ANA = a_contact()
BEN = a_contact(id=2, address="ben@example.com", consents={"marketing": False})
CLEO = a_contact(id=3, address="cleo@example.com", suppressions=frozenset({"global"}))


def an_enrollment(**changes: Any) -> Enrollment:
    """A run of Ana through `welcome` that has not begun."""
    given: dict[str, Any] = {
        "contact_id": 1,
        "sequence": "welcome",
        "version": 1,
        "state": Waiting(NOW),
        "entered_at": NOW,
        **changes,
    }
    return Enrollment(**given)


def a_sequence(*steps: Step, **changes: Any) -> Sequence:
    """A sequence bound to the stage `lead`, unless `changes` name a trigger."""
    stage = "" if "trigger" in changes else "lead"
    given: dict[str, Any] = {"key": "welcome", "names": {}, "stage": stage, **changes}
    return Sequence(steps=steps, **given)


def an_occurrence(name: str, at: datetime = NOW, **changes: Any) -> Occurrence:
    """Something a person did at `at`."""
    return Occurrence(name, at, **changes)


def click(of: str, at: datetime, link: str = "", verdict: Verdict = Verdict.HUMAN) -> Occurrence:
    """A click in the email of step `of` of `welcome`."""
    properties: dict[str, Value] = {"sequence": "welcome", "step": of, "link": link}
    return Occurrence("click", at, properties, verdict)


def an_open(of: str, at: datetime, verdict: Verdict = Verdict.HUMAN) -> Occurrence:
    """An open of the email of step `of` of `welcome`."""
    return Occurrence("open", at, {"sequence": "welcome", "step": of}, verdict)


@dataclass
class Story:
    """One run, played event by event; after every event the run must be sound."""

    sequence: Sequence
    contact: Contact = ANA
    run: Enrollment = field(default_factory=an_enrollment)
    now: datetime = NOW
    log: list[Decision] = field(default_factory=list)

    def tell(self, event: Event, after: timedelta = timedelta()) -> tuple[Decision, ...]:
        """Let `event` happen `after` the last one, and return what was decided."""
        self.now += after
        decided = decide(Situation(self.run, self.sequence, self.contact), event, self.now)
        self.run = evolve(self.run, decided)
        self.log += decided
        assert violations(self.run, self.sequence) == ()
        return decided

    def enter(self) -> tuple[Decision, ...]:
        return self.tell(Entered())

    def accept(self, after: timedelta = timedelta()) -> tuple[Decision, ...]:
        """Let the provider accept the send under way."""
        state = self.run.state
        assert isinstance(state, Sending), state
        content = next(one.template for one in reversed(self.log) if isinstance(one, Send))
        self.contact = replace(self.contact, received=self.contact.received | {content})
        return self.tell(Accepted(state.step, state.pass_no, self.now + after), after)

    def happen(self, occurrence: Occurrence) -> tuple[Decision, ...]:
        """Let the contact do something, told at the instant at which it occurred, or now."""
        self.now = max(self.now, occurrence.occurred_at)
        return self.tell(Happened(occurrence))

    def sleep(self) -> tuple[Decision, ...]:
        """Let the clock run until the run wakes."""
        due = wakes_at(self.run.state)
        assert due is not None, self.run.state
        self.now = max(self.now, due)
        return self.tell(TimerFired())

    @property
    def sent(self) -> list[tuple[str, int]]:
        """The steps and passes for which a send was decided, in order."""
        return [(one.step, one.pass_no) for one in self.log if isinstance(one, Send)]
