"""The ways into sequences and out of them, for one transaction's work: asked, then gone through."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nurture.domain import enrollment as e
from nurture.domain.enrollment import Enrollment
from nurture.domain.sequence import WhileActive
from nurture.engine.admission import Why
from nurture.engine.coming_back import ways_back
from nurture.engine.definitions import asks_history
from nurture.engine.entering import Entry, Plan, at_its_place, begin, beside, plan, remember
from nurture.errors import Conflict
from nurture.store import queued, runs

if TYPE_CHECKING:
    from nurture.engine.work import Work

RESTARTED = "restarted"


@dataclass(slots=True)
class Doors:
    """The wishes of this transaction to enter sequences, and to leave them."""

    entries: list[Entry] = field(default_factory=list)
    _leavings: dict[tuple[int, str], str] = field(default_factory=dict)

    def ask(
        self,
        work: "Work",
        run: Enrollment,
        one: e.EnterSequence | e.EnterBeside | e.LeaveBeside,
        event_id: int | None,
    ) -> None:
        """Note what a step of `run` wishes."""
        if isinstance(one, e.LeaveBeside):
            self._leavings[run.contact_id, one.sequence] = run.sequence
            # What the same walk entered before is left with the rest.
            self.entries = [
                entry for entry in self.entries
                if (entry.contact_id, entry.definition.sequence.key)
                != (run.contact_id, one.sequence)
            ]  # fmt: skip
            return
        definition = work.catalog.current.get(one.sequence)
        entry = None if definition is None else beside(run, definition, event_id, work.now)
        if entry is not None:
            self.entries.append(entry)
        else:
            why = Why.NOT_PUBLISHED if definition is None else Why.NO_KEY
            work.remark(run.contact_id, run.id, "NotEntered", e.NotEntered(one.sequence, why))

    def leave(self, work: "Work") -> None:
        """End the runs through other sequences that steps asked to end, and what waits for them."""
        leavings, self._leavings = self._leavings, {}
        if not leavings:
            return
        current = work.catalog.current
        known = {place for place in leavings if place[1] in current}
        queued.forget(work.tx, ((one, current[key].sequence_id) for one, key in known))
        found = runs.live_of(work.tx, {contact_id for contact_id, _ in leavings})
        work.take_up(run for run in found if run.enrollment.id not in work.runs)
        for key in [run.enrollment.id for run in found]:
            now = work.runs[key].enrollment
            by = leavings.get((now.contact_id, now.sequence))
            if by is not None and now.is_live:
                work.tell(key, e.Withdrawn(f"left by {by}"))

    def look_at(self, work: "Work") -> Plan:
        """Return what becomes of the wishes; runs that begin anew have ended then."""
        wishes, self.entries = self.entries, []
        sequences = [wish.definition.sequence for wish in wishes]
        history = any(
            asks_history(one) or (one.trigger and one.trigger.cancel) for one in sequences
        )
        work.see({wish.contact_id for wish in wishes}, history=history)
        asking = (wish for wish in wishes if wish.definition.sequence.asks_score)
        work.scores.see(work, (wish.contact_id for wish in asking))
        found = plan(work.tx, wishes, work.contacts, work.now)
        missing = [key for key in found.restarted if key not in work.runs]
        if missing:
            work.take_up(runs.by_ids(work.tx, missing).values())
        for key in found.restarted:
            work.tell(key, e.Withdrawn(RESTARTED))
        return found

    def go_through(self, work: "Work", found: Plan) -> None:
        """Enroll those who may come, and let them take their first steps.

        Raises Conflict where a run that another transaction opened meanwhile has to be asked.
        """
        remember(work.tx, (entry for entry, _ in found.waiting), work.now)
        for entry, run_id in found.waiting:
            self._refuse(work, entry, Why.QUEUED, run_id)
        for entry, why in found.refused:
            self._refuse(work, entry, why, 0)
        back = ways_back(work.tx, found.entering)
        opened = [
            begin(entry, work.now, way.again)
            for entry, way in zip(found.entering, back, strict=True)
        ]
        ids = runs.open_runs(work.tx, opened, frozen=work.catalog.frozen)
        for entry, run, way, run_id in zip(found.entering, opened, back, ids, strict=True):
            trigger = entry.definition.sequence.trigger
            if run_id:
                work.runs[run_id] = at_its_place(run, run_id)
                work.tell(run_id, way.entered, event_id=entry.event_id)
            elif trigger and trigger.while_active is not WhileActive.IGNORE:
                raise Conflict("another transaction opened a run that this event is about")
            else:
                # Whom a sequence takes although a run of its own is under way was refused before.
                of_stage = bool(entry.definition.sequence.stage)
                self._refuse(work, entry, Why.TRACK if of_stage else Why.ACTIVE, 0)

    def next_in_line(self, work: "Work", changed: Iterable[Enrollment]) -> None:
        """Wish those in whose turn has come, because the run before theirs is over."""
        waited_for = work.catalog.waited_for
        if not waited_for:
            return
        over = [run for run in changed if not run.is_live and run.sequence in waited_for]
        current = work.catalog.current
        self.enqueue_again(
            work,
            queued.take(
                work.tx,
                (
                    (run.contact_id, current[run.sequence].sequence_id, run.entry_key)
                    for run in over
                ),
            ),
        )

    def enqueue_again(self, work: "Work", taken: Sequence[queued.Queued]) -> None:
        """Wish in who was taken out of the queue."""
        by_id = {one.sequence_id: one for one in work.catalog.current.values()}
        self.entries += [
            Entry.out_of(one, by_id[one.sequence_id]) for one in taken if one.sequence_id in by_id
        ]

    def _refuse(self, work: "Work", entry: Entry, why: Why, run_id: int) -> None:
        """Log that somebody does not enter, where a step or the queue promised it to them."""
        told = e.NotEntered(entry.definition.sequence.key, why)
        if entry.asked_by or entry.queued or run_id:
            work.remark(
                entry.contact_id, entry.asked_by or run_id or None, "NotEntered", told,
                entry.event_id,
            )  # fmt: skip
