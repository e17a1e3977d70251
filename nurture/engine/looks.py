"""Who is to be looked at again and when, as far as one transaction knows.

Whoever looks at a contact computes when time alone may change something for them, in their stage
and in all of their runs (`engine.score`). Here that instant is kept in step with runs that begin to
watch something meanwhile: those that were just opened, that wait for a condition now, that stood
still in a pause, or that were taken over to another version.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from nurture.domain import enrollment as e
from nurture.domain.sequence import Sequence
from nurture.domain.watching import thresholds, turns
from nurture.store import ledger
from nurture.store.database import Transaction
from nurture.store.runs import Run

if TYPE_CHECKING:
    from nurture.engine.work import Work


@dataclass(slots=True)
class Looks:
    """The contacts to be looked at: those of `again` at once, others by an instant."""

    again: set[int] = field(default_factory=set)
    _by: dict[int, datetime] = field(default_factory=dict)

    def changed(self, work: "Work", run: Run) -> None:
        """Note what a run watches that changed, and that is about to be written.

        Where the score decides, the contact is looked at at once: its crossings are computed from
        the whole ledger.
        """
        sequence, now_is = work.definition(run).sequence, run.enrollment
        begins = not now_is.revision or isinstance(now_is.state, e.Awaiting)
        if not sequence.watches or not begins or run.frozen:
            return
        some = thresholds(sequence, now_is)
        turn = work.now if some else turns(work.situation(now_is.id), work.now)
        if turn is not None:
            self._by[now_is.contact_id] = min(turn, self._by.get(now_is.contact_id, turn))

    def watching(self, sequence: Sequence, contact_ids: Iterable[int]) -> None:
        """Note whose runs may watch other things now: in a new version, or after a pause."""
        if sequence.watches:
            self.again.update(contact_ids)

    def write(self, tx: Transaction, now: datetime) -> None:
        """Have the rules look at everybody at their time."""
        by = {key: at for key, at in self._by.items() if key not in self.again}
        ledger.look_by(tx, by)
        ledger.look_again(tx, self.again, now)
