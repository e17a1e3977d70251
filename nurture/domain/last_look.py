"""What is looked at again right before an email is handed over, since much may have happened."""

from dataclasses import dataclass
from datetime import datetime

from nurture.domain import enrollment as e
from nurture.domain.contact import refusal
from nurture.domain.decide import exit_reason
from nurture.domain.pacing import paced
from nurture.domain.sequence import Email
from nurture.domain.situation import Situation
from nurture.domain.waiting import delay
from nurture.domain.walk import RECEIVED_BEFORE, is_repeated


@dataclass(frozen=True, slots=True)
class Touch:
    """One email that is wanted: of which step and pass, on which topic, with which content.

    `since` is when it was first decided.
    """

    step: str
    pass_no: int
    topic: str
    content: str
    since: datetime


Hindrance = e.Withdrawn | e.Unsent | e.Held


def hindrance(situation: Situation, touch: Touch, now: datetime) -> Hindrance | None:
    """Return what keeps an email from going out at `now`; None when it may.

    Its run ends where an exit holds or the contact may not get it, goes on without it where they
    had its content already or it came too late, and waits for a better time with it.
    """
    run, sequence, contact = situation.enrollment, situation.sequence, situation.contact
    reason = exit_reason(situation, now)
    if reason is None and (refused := refusal(contact, touch.topic, sequence.transactional)):
        reason = refused.value
    if reason is not None:
        return e.Withdrawn(reason)
    if is_repeated(sequence, run, touch.content, contact.received, touch.pass_no):
        return e.Unsent(touch.step, touch.pass_no, RECEIVED_BEFORE)
    step = sequence.by_key.get(touch.step)
    own = paced(sequence, run)
    held = delay(own, contact, step, now, touch.since) if isinstance(step, Email) else None
    if held is None:
        return None
    if held.forgone:
        return e.Unsent(touch.step, touch.pass_no, held.reason)
    return e.Held(touch.step, touch.pass_no, held.reason, held.release, touch.since, held.zone)
