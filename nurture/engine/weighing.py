"""Scores as they are now, for whoever is asked about them before anything else is decided.

A score is kept as it was at the last look, and fades between looks; only the crossings of known
thresholds are computed ahead. A branch may name any score, so it is added up anew for it.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nurture.domain.standing import weighed
from nurture.store import ledger
from nurture.store.runs import Run

if TYPE_CHECKING:
    from nurture.engine.work import Work


@dataclass(slots=True)
class Weighing:
    """Whose scores are those of now, with every line of the ledger."""

    _done: set[int] = field(default_factory=set)

    def earned(self, contact_ids: Iterable[int]) -> None:
        """Note that the ledgers of these contacts have grown."""
        self._done.difference_update(contact_ids)

    def of_runs(self, work: "Work", some: Iterable[Run]) -> None:
        """Add up the scores that these runs may ask for."""
        asking = (run for run in some if work.definition(run).sequence.asks_score)
        self.see(work, (run.enrollment.contact_id for run in asking))

    def see(self, work: "Work", contact_ids: Iterable[int]) -> None:
        """Add up the scores of these contacts as of now, unless that was done already."""
        contacts = work.contacts
        ids = [
            key
            for key in set(contact_ids) - self._done
            if key in contacts and contacts[key].standing is not None
        ]
        if not ids:
            return
        self._done.update(ids)
        found, funnel = ledger.entries(work.tx, ids), work.catalog.funnel
        for key in ids:
            contacts[key] = weighed(contacts[key], found.get(key, ()), funnel, work.now)
