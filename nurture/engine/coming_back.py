"""How a contact who comes back to a sequence goes through it: past, on, or all over again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nurture.domain import enrollment as e
from nurture.domain.sequence import ChangeStage, Email, Reentry, Returning, WaitFor
from nurture.domain.sequence import Sequence as Steps
from nurture.engine.definitions import Definition
from nurture.engine.entering import Entry
from nurture.store import coming_back
from nurture.store.coming_back import LastRun
from nurture.store.database import Transaction

# Runs that came to their end leave nothing to go on with.
AT_ITS_END = "completed"


@dataclass(frozen=True, slots=True)
class WayBack:
    """Where a run begins, and which contents it may send although they were received."""

    entered: e.Entered = e.Entered()  # noqa: RUF009 - it is a value
    again: frozenset[str] = frozenset()


FROM_THE_START = WayBack()


def ways_back(tx: Transaction, entries: Sequence[Entry]) -> list[WayBack]:
    """Return for each entry how its run begins, by the contact's earlier runs there.

    `skip` needs no look at them: the content ledger passes over what was received. Under a key
    of its own nothing is resumed, because nothing under that key was ever begun.
    """
    resuming = [one for one in entries if _returning(one) is Returning.RESUME]
    restarting = [one for one in entries if _returning(one) is Returning.RESTART]
    last = coming_back.last_runs(tx, *_of(resuming)) if resuming else {}
    people = {one.contact_id for one in restarting}
    received = coming_back.received_by_door(tx, people) if restarting else {}
    found = []
    for one in entries:
        place = (one.contact_id, one.definition.sequence_id)
        match _returning(one):
            case Returning.SKIP:
                found.append(FROM_THE_START)
            case Returning.RESUME:
                stopped = last.get((*place, one.entry_key))
                found.append(WayBack(resumed(one.definition.sequence, stopped)))
            case Returning.RESTART:
                doors = received.get(one.contact_id, {})
                found.append(WayBack(again=_again(one.definition, doors)))
    return found


def _again(definition: Definition, doors: Mapping[str, int]) -> frozenset[str]:
    """Return which contents a run that starts over may send again.

    Runs of a keyed sequence stand side by side: what one of them sends later on must not keep
    the other from it, so there it is every email of the sequence that came by no other door.
    """
    mine, sequence = definition.sequence_id, definition.sequence
    received = frozenset(content for content, door in doors.items() if door == mine)
    if sequence.reentry is not Reentry.KEYED:
        return received
    return received | (contents(sequence) - doors.keys())


def contents(sequence: Steps) -> frozenset[str]:
    """Return the contents of all emails of a sequence."""
    return frozenset(step.content for step in sequence.steps if isinstance(step, Email))


def resumed(sequence: Steps, last: LastRun | None) -> e.Entered:
    """Return where a run goes on that stopped at `last`; at the start when there is nothing.

    The step itself is taken again: an email that was not sent is sent then, one that was is
    passed over. A step that asked for the stage to change has done so; what follows it is next.
    """
    if last is None or last.state == AT_ITS_END:
        return e.Entered()
    step = sequence.by_key.get(last.step)
    if isinstance(step, ChangeStage):
        return e.Entered(sequence.after(step.key, step.next))
    if isinstance(step, WaitFor) and step.match and step.match.of:
        return e.Entered(step.key, last.accepted.get(step.match.of))
    return e.Entered(step.key if step else "")


def _returning(entry: Entry) -> Returning:
    return entry.definition.sequence.returning


def _of(entries: Sequence[Entry]) -> tuple[set[int], set[int]]:
    return (
        {one.contact_id for one in entries},
        {one.definition.sequence_id for one in entries},
    )
