"""What must be true of the way into a sequence: its trigger, re-entry and return."""

from collections.abc import Iterator

from nurture.domain.check import Fault
from nurture.domain.sequence import Leave, Reentry, Returning, Sequence, WhileActive


def check_ways_in(sequence: Sequence) -> Iterator[Fault]:
    """Yield the rules that the way into one sequence breaks, and the way back."""
    yield from _keys(sequence)
    yield from _while_active(sequence)
    yield from _returning(sequence)
    for number, step in enumerate(sequence.steps):
        if isinstance(step, Leave) and step.sequence == sequence.key:
            told = "a sequence cannot make contacts leave itself beside it"
            yield Fault(told, "Write `exit: <reason>` instead.", ("steps", number, "leave"))


def _keys(sequence: Sequence) -> Iterator[Fault]:
    trigger = sequence.trigger
    keyed = sequence.reentry is Reentry.KEYED
    if keyed and (trigger is None or not trigger.key):
        told = "`reentry: keyed` needs a trigger whose `key` tells one run from another"
        yield Fault(told, "Add `key: cart_id` (or the like) to the trigger.", ("reentry",))
    if trigger is not None and trigger.key and not keyed:
        told = f"the trigger tells runs apart by {trigger.key!r}, and re-entry does not"
        yield Fault(told, "Write `reentry: keyed`.", ("trigger", "key"))
    if trigger is not None and trigger.event in trigger.cancel:
        told = f"the event {trigger.event!r} would cancel the run that it starts"
        yield Fault(told, "Name another event in `cancel`.", ("trigger", "cancel"))


def _while_active(sequence: Sequence) -> Iterator[Fault]:
    trigger = sequence.trigger
    if trigger is None:
        return
    place = ("trigger", "while_active")
    closed = sequence.reentry in (Reentry.NEVER, Reentry.AFTER)
    if trigger.while_active is WhileActive.QUEUE and closed:
        told = "what is queued begins when the run ends, and `reentry` does not let it in then"
        yield Fault(told, "Write `reentry: one_at_a_time`, or `while_active: ignore`.", place)
    if trigger.while_active is WhileActive.RESTART and sequence.returning is Returning.RESUME:
        told = "a restart begins anew, and `returning: resume` goes on where the run stopped"
        yield Fault(told, "Write `returning: skip`, or `while_active: ignore`.", place)


def _returning(sequence: Sequence) -> Iterator[Fault]:
    """Yield a way back that nobody can ever take."""
    if sequence.stage or sequence.returning is Returning.SKIP:
        return
    active = sequence.trigger.while_active if sequence.trigger else WhileActive.IGNORE
    word = sequence.returning.value
    if active is not WhileActive.IGNORE:
        return
    if sequence.reentry is Reentry.NEVER:
        told = f"`returning: {word}` is for contacts who come back, and `reentry` lets nobody"
        yield Fault(told, "Write `reentry: {after: 30d}`, or remove `returning`.", ("returning",))
    elif sequence.reentry is Reentry.KEYED and sequence.returning is Returning.RESUME:
        told = "`returning: resume` has nothing to go on with: each key is entered once"
        yield Fault(told, "Remove `returning`.", ("returning",))
