"""When a run has no more content, if nothing happens. Pure: the core is asked, event by event."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from nurture.domain import enrollment as e
from nurture.domain.contact import Change, Contact, Fact, changed
from nurture.domain.decide import Situation, decide
from nurture.domain.enrollment import Decision, Event
from nurture.domain.evolve import evolve
from nurture.domain.sequence import Email, Step
from nurture.domain.watching import comes

# Events of one run that are looked at: the longest sequence has fewer, loops end here.
MOST_EVENTS = 2_000


class Fate(StrEnum):
    """What becomes of a run if nothing happens."""

    DRY = "dry"
    OVER = "over"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of a run, and when; for `LATER` the end of what was looked at."""

    fate: Fate
    at: datetime


def outlook(situation: Situation, now: datetime, until: datetime) -> Outlook:
    """Return what becomes of a live run by `until`.

    Nothing happens means: the contact answers nothing and stays as they are, every email that is
    decided is taken by the provider at once, and the changes of stage that steps ask for are
    refused. A timer that is overdue fires now.
    """
    run, at = situation.enrollment, now
    for _ in range(MOST_EVENTS):
        event: Event
        contact = situation.contact
        match run.state:
            case e.Exhausted(since):
                return Outlook(Fate.DRY, since)
            case e.Completed() | e.Exited() | e.Moved() | e.Failed():
                return Outlook(Fate.OVER, at)
            case e.Sending(step, pass_no):
                event = e.Accepted(step, pass_no, at)
                contact = _mailed(contact, situation.sequence.by_key.get(step), at)
            case e.Waiting() | e.Awaiting() | e.Holding():
                coming = comes(replace(situation, enrollment=run), at)
                at, event = coming or (at, e.TimerFired())
        if at > until:
            break
        decisions = decide(replace(situation, enrollment=run, contact=contact), event, at)
        run = evolve(run, decisions)
        situation = replace(situation, contact=_then(contact, decisions))
    return Outlook(Fate.LATER, until)


def _mailed(contact: Contact, step: Step | None, at: datetime) -> Contact:
    """Return the contact who got the email of `step`, which this version may not have."""
    if not isinstance(step, Email):
        return contact
    received, mailed = contact.received | {step.template}, (*contact.mailed, at)
    return replace(contact, received=received, mailed=mailed)


def _then(contact: Contact, decisions: Iterable[Decision]) -> Contact:
    """Return the contact as they are once these decisions were carried out."""
    for one in decisions:
        if isinstance(one, e.SetFact):
            contact = changed(contact, Change(Fact(one.fact), one.name, one.value))
    return contact
