"""Wishes to enroll contacts, and the runs that come of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType

from nurture.domain import enrollment as e
from nurture.domain.contact import NOTHING, Contact, Value
from nurture.domain.enrollment import Enrollment
from nurture.domain.sequence import Reentry
from nurture.domain.text import short_key
from nurture.engine.admission import Admission, Answer, Why, admission
from nurture.engine.definitions import Definition
from nurture.store import queued
from nurture.store.coming_back import Passage, passages
from nurture.store.database import Transaction
from nurture.store.queued import Queued
from nurture.store.runs import Run


@dataclass(frozen=True, slots=True)
class Entry:
    """A wish to enroll a contact, with the event behind it and when that occurred.

    `asked_by` is the run whose step wishes it; `queued` that it waited for a run to end.
    """

    contact_id: int
    definition: Definition
    entry_key: str = ""
    properties: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    event_id: int | None = None
    at: datetime | None = None
    asked_by: int | None = None
    queued: bool = False

    @classmethod
    def out_of(cls, waiting: Queued, definition: Definition) -> "Entry":
        """Return the wish that waited in the queue."""
        return cls(
            waiting.contact_id, definition, waiting.entry_key, waiting.properties,
            waiting.event_id, waiting.at, queued=True,
        )  # fmt: skip


@dataclass(slots=True)
class Plan:
    """What becomes of wishes: who enters, which runs end for it, and who does not enter."""

    entering: list[Entry] = field(default_factory=list)
    restarted: list[int] = field(default_factory=list)
    waiting: list[tuple[Entry, int]] = field(default_factory=list)
    refused: list[tuple[Entry, Why]] = field(default_factory=list)


@dataclass(slots=True)
class _Past:
    """One run as the next wish finds it: in the database, or wished in this transaction."""

    entry_key: str
    began: datetime | None
    ended: datetime | None = None
    run_id: int = 0
    wish: Entry | None = None


def plan(
    tx: Transaction, wishes: Sequence[Entry], contacts: Mapping[int, Contact], now: datetime
) -> Plan:
    """Return what becomes of each wish, in their order, by every run the contacts had there.

    Two wishes in one transaction get what they would have got one after the other.
    """
    before: dict[tuple[int, int], list[_Past]] = {}
    contact_ids = {wish.contact_id for wish in wishes}
    for one in passages(tx, contact_ids, {wish.definition.sequence_id for wish in wishes}):
        before.setdefault((one.contact_id, one.sequence_id), []).append(_past(one))
    found = Plan()
    for wish in wishes:
        earlier = before.setdefault((wish.contact_id, wish.definition.sequence_id), [])
        _settle(found, wish, earlier, contacts[wish.contact_id], now)
    return found


def _past(one: Passage) -> _Past:
    return _Past(one.entry_key, one.began, one.ended, one.run_id)


def _settle(
    found: Plan, wish: Entry, earlier: list[_Past], contact: Contact, now: datetime
) -> None:
    sequence = wish.definition.sequence
    keyed = sequence.reentry is Reentry.KEYED
    live = [
        one for one in earlier
        if one.ended is None and (one.entry_key == wish.entry_key or not keyed)
    ]  # fmt: skip
    answer = admission(
        sequence, contact, wish.entry_key, [(one.entry_key, one.ended) for one in earlier], now,
        at=wish.at, queued=wish.queued,
    )  # fmt: skip
    if answer.answer is Answer.RESTART and _is_older(wish, live):
        answer = Admission(Answer.REFUSE, Why.OLDER)
    match answer.answer:
        case Answer.REFUSE:
            found.refused.append((wish, answer.why or Why.ENTRY))
            return
        case Answer.QUEUE:
            found.waiting.append((wish, live[0].run_id))
            return
        case Answer.RESTART:
            for one in live:
                one.ended = now
                if one.wish is None:
                    found.restarted.append(one.run_id)
                else:
                    found.entering.remove(one.wish)
                    # It never was: the rule of re-entry must not count it.
                    earlier.remove(one)
        case Answer.ENTER:
            pass
    found.entering.append(wish)
    earlier.append(_Past(wish.entry_key, wish.at, wish=wish))


def _is_older(wish: Entry, live: Iterable[_Past]) -> bool:
    """Return whether the event is older than the one that a run began with: it was told late."""
    return wish.at is not None and any(
        one.began is not None and wish.at < one.began for one in live
    )


def begin(wish: Entry, now: datetime, again: frozenset[str] = frozenset()) -> Run:
    """Return the run that a wish opens: at no step yet, and due at once."""
    sequence = wish.definition.sequence
    return Run(
        Enrollment(
            contact_id=wish.contact_id,
            sequence=sequence.key,
            version=sequence.version,
            state=e.Waiting(now),
            entered_at=now,
            entry_key=wish.entry_key,
            properties=MappingProxyType(dict(wish.properties)),
            again=again,
            began=wish.at,
        ),
        wish.definition.sequence_id,
        wish.definition.version_id,
        sequence.track if sequence.stage else "",
    )


def remember(tx: Transaction, waiting: Iterable[Entry], now: datetime) -> None:
    """Put wishes into the queue, until the run that is under way ends."""
    queued.put(
        tx,
        [
            Queued(
                one.contact_id, one.definition.sequence_id, one.entry_key, dict(one.properties),
                one.event_id, one.at or now,
            )
            for one in waiting
        ],
    )  # fmt: skip


def beside(
    run: Enrollment, definition: Definition, event_id: int | None, now: datetime
) -> Entry | None:
    """Return the wish of a step of `run` for another sequence; None when it has not the key.

    The other sequence sees the event that this run began with, and is keyed by it.
    """
    sequence = definition.sequence
    key = ""
    if sequence.reentry is Reentry.KEYED:
        named = run.properties.get(sequence.trigger.key) if sequence.trigger else None
        key = "" if named is None else short_key(str(named))
        if not key:
            return None
    return Entry(
        run.contact_id, definition, key, run.properties, event_id, run.began or now, run.id
    )


def at_its_place(run: Run, run_id: int) -> Run:
    """Return a run that was opened, under the id that it got."""
    return run.at(replace(run.enrollment, id=run_id))
