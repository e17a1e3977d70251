"""Whether a contact may enter a sequence now, and what becomes of a run that is under way."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nurture.domain.conditions import counts, holds
from nurture.domain.contact import GLOBAL, Contact, Occurrence
from nurture.domain.sequence import Reentry, Trigger, WhileActive
from nurture.domain.sequence import Sequence as Steps
from nurture.domain.text import short_key


class Answer(StrEnum):
    """What becomes of the wish to enter."""

    ENTER = "enter"
    RESTART = "restart"
    QUEUE = "queue"
    REFUSE = "refuse"


class Why(StrEnum):
    """Why a contact does not enter now, as the log of decisions keeps it."""

    SUPPRESSED = "suppressed"
    ENTRY = "entry rule"
    STAGE = "other stage"
    CANCELLED = "cancelled before"
    ACTIVE = "under way"
    QUEUED = "queued"
    OLDER = "older event"
    NEVER_AGAIN = "was there before"
    TOO_EARLY = "too early"
    KEY_AGAIN = "key was there before"
    TRACK = "track taken"
    NO_KEY = "no key"
    NOT_PUBLISHED = "not published"


@dataclass(frozen=True, slots=True)
class Admission:
    """The answer to a wish to enter, and the reason when it is no."""

    answer: Answer
    why: Why | None = None


Before = tuple[str, datetime | None]
ENTER = Admission(Answer.ENTER)


def admission(  # noqa: PLR0913 - each is a fact of its own that the rules of entry look at
    sequence: Steps,
    contact: Contact,
    entry_key: str,
    before: Iterable[Before],
    now: datetime,
    *,
    at: datetime | None = None,
    queued: bool = False,
) -> Admission:
    """Return what becomes of the wish to enroll `contact` in `sequence` under `entry_key`.

    `before` are (entry key, end) of earlier runs through this sequence, end None while live; `at`
    is when the event behind the wish occurred, and `queued` that it waited for a run to end. A
    stage's sequence takes everybody who comes back to the stage: the content ledger keeps them
    from getting anything twice. A suppressed contact enters nothing.
    """
    if GLOBAL in contact.suppressions:
        return _refused(Why.SUPPRESSED)
    if sequence.stage and (contact.standing is None or contact.standing.stage != sequence.stage):
        return _refused(Why.STAGE)
    if not holds(sequence.entry, contact, now):
        return _refused(Why.ENTRY)
    trigger = sequence.trigger
    if trigger and at is not None and is_over(trigger, contact.history, entry_key, at):
        return _refused(Why.CANCELLED)
    earlier = list(before)
    keyed = sequence.reentry is Reentry.KEYED
    if any(end is None and (key == entry_key or not keyed) for key, end in earlier):
        return _while_active(trigger)
    return _again(sequence, entry_key, earlier, now, queued=queued)


def admitted(
    sequence: Steps, contact: Contact, entry_key: str, before: Iterable[Before], now: datetime
) -> bool:
    """Return whether `contact` enters `sequence` under `entry_key` beside what is under way."""
    return admission(sequence, contact, entry_key, before, now).answer is Answer.ENTER


def takers(sequences: Iterable[Steps], contact: Contact, now: datetime) -> dict[str, Steps]:
    """Return for each track the first of a stage's `sequences` that takes the contact.

    They come with the highest priority first, which decides within a track. Tracks run side by
    side: what one of them has for the contact neither lets in nor keeps out in another.
    """
    found: dict[str, Steps] = {}
    for one in sequences:
        if one.track not in found and admitted(one, contact, "", (), now):
            found[one.track] = one
    return found


def is_over(trigger: Trigger, history: Sequence[Occurrence], entry_key: str, at: datetime) -> bool:
    """Return whether what cancels a run under `entry_key` happened at `at` or later.

    A cart and its purchase may arrive in one call, or in the wrong order.
    """
    for known in reversed(history):
        if known.occurred_at < at:
            break
        cancels = any(counts(known, name) for name in trigger.cancel)
        if cancels and (not trigger.key or key_of(trigger, known) == entry_key):
            return True
    return False


def key_of(trigger: Trigger, occurrence: Occurrence) -> str:
    """Return what tells the run of this occurrence from others; empty when nothing does."""
    found = occurrence.properties.get(trigger.key) if trigger.key else None
    return "" if found is None else short_key(str(found))


def _while_active(trigger: Trigger | None) -> Admission:
    match trigger.while_active if trigger else WhileActive.IGNORE:
        case WhileActive.IGNORE:
            return _refused(Why.ACTIVE)
        case WhileActive.RESTART:
            return Admission(Answer.RESTART)
        case WhileActive.QUEUE:
            return Admission(Answer.QUEUE, Why.QUEUED)


def _again(
    sequence: Steps, entry_key: str, earlier: Sequence[Before], now: datetime, *, queued: bool
) -> Admission:
    """Apply the rule of re-entry; none of the earlier runs stands in the way any more."""
    if sequence.stage or not earlier:
        return ENTER
    match sequence.reentry:
        case Reentry.NEVER:
            return _refused(Why.NEVER_AGAIN)
        case Reentry.AFTER:
            ends = [end for _, end in earlier if end is not None]
            early = any(now - end < sequence.reentry_after for end in ends)
            return _refused(Why.TOO_EARLY) if early else ENTER
        case Reentry.ONE_AT_A_TIME:
            return ENTER
        case Reentry.KEYED:
            # What came while the run of its key was under way was promised a run of its own.
            again = not queued and any(key == entry_key for key, _ in earlier)
            return _refused(Why.KEY_AGAIN) if again else ENTER


def _refused(why: Why) -> Admission:
    return Admission(Answer.REFUSE, why)
