"""One transaction's worth of deciding: read many runs, tell them what happened, write once."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from nurture.domain import enrollment as e
from nurture.domain.contact import Contact, whoever
from nurture.domain.decide import Situation, decided
from nurture.domain.enrollment import Enrollment, Event
from nurture.domain.stages import NOBODY, Actor, Said, StageChange, StageRefused, asked_change
from nurture.engine import trail
from nurture.engine.admission import takers
from nurture.engine.definitions import TRACK, Catalog, Definition, Definitions, asks_history
from nurture.engine.doors import Doors
from nurture.engine.effects import Effects
from nurture.engine.entering import Entry
from nurture.engine.looks import Looks
from nurture.engine.moves import Asked, Moves
from nurture.engine.places import Places, is_capped, wanted_send
from nurture.engine.trial_words import heard, seen
from nurture.engine.weighing import Weighing
from nurture.store import ledger, people, runs, sends
from nurture.store.batches import new_batch
from nurture.store.database import Transaction
from nurture.store.people import Need
from nurture.store.runs import Run

__all__ = ["Entry", "Work"]

# Moves that lead to moves: more than this in one go is a circle.
MOST_ROUNDS = 12

log = logging.getLogger(__name__)


@dataclass
class Work:
    """What one transaction has read and decided so far. `finish` writes it."""

    tx: Transaction
    definitions: Definitions
    now: datetime
    wall: datetime
    contacts: dict[int, Contact] = field(default_factory=dict)
    addressees: dict[int, people.Addressee] = field(default_factory=dict)
    runs: dict[int, Run] = field(default_factory=dict)
    places: Places = field(default_factory=Places)
    scores: Weighing = field(default_factory=Weighing)
    crossed: set[tuple[int, int]] = field(default_factory=set)  # borders of segments
    _storied: set[int] = field(default_factory=set)
    _changed: dict[int, Enrollment] = field(default_factory=dict)
    _openings: list[sends.Opening] = field(default_factory=list)
    _decisions: list[dict[str, Any]] = field(default_factory=list)
    _left: dict[int, sends.Left] = field(default_factory=dict)
    doors: Doors = field(default_factory=Doors)
    _moves: Moves = field(default_factory=Moves)
    looks: Looks = field(default_factory=Looks)
    _effects: Effects = field(default_factory=Effects)

    def __post_init__(self) -> None:
        self.catalog: Catalog = self.definitions.catalog(self.tx)

    def see(self, contact_ids: Iterable[int], *, history: bool) -> None:
        """Read what the rules may ask of these contacts, unless it was read already."""
        wanted = set(contact_ids)
        missing = wanted - self.contacts.keys()
        if missing:
            catalog = self.catalog
            need = Need(sequences=catalog.asks_membership, segments=catalog.asks_segments)
            read = people.with_addressees(self.tx, missing, need)
            found = {key: contact for key, (contact, _) in read.items()}
            self.contacts.update(found)
            self.addressees.update((key, one) for key, (_, one) in read.items())
            self.places.see(self.tx, self.catalog, found, self.now)
        if history and (bare := (wanted & self.contacts.keys()) - self._storied):
            self._storied |= bare
            histories = people.history(self.tx, bare)
            for key in bare:
                past = tuple(histories.get(key, ()))
                self.contacts[key] = replace(self.contacts[key], history=past)

    def know(self, found: Iterable[Run]) -> list[Run]:
        """Make runs known, with the versions that they are pinned to."""
        some = list(found)
        versions = {run.version_id for run in some}
        if not versions <= self.catalog.versions.keys():
            self.catalog = self.definitions.including(self.tx, versions)
        self.runs.update((run.enrollment.id, run) for run in some)
        return some

    def take_up(self, found: Iterable[Run]) -> list[Run]:
        """Make runs known, and their contacts, with as much history as their sequences ask for."""
        some = self.know(found)
        versions = {run.version_id for run in some}
        history = any(asks_history(self.catalog.version(key).sequence) for key in versions)
        self.see({run.enrollment.contact_id for run in some}, history=history)
        told = (run.enrollment for run in some)
        self.scores.of_runs(self, some)
        self.places.see_paced(self.tx, self.catalog, self.contacts, told, self.now)
        return some

    def definition(self, run: Run) -> Definition:
        """Return the version that a run is pinned to."""
        return self.catalog.version(run.version_id)

    def situation(self, run_id: int) -> Situation:
        """Return all that may be looked at when deciding for a run."""
        run = self.runs[run_id]
        sequence = (definition := self.definition(run)).sequence
        contact = whoever(self.contacts, run.enrollment.contact_id)
        contact = self.places.situated(contact, run.enrollment, sequence, self.catalog, self.now)
        return Situation(run.enrollment, sequence, seen(contact) if definition.trial else contact)

    def tell(
        self, run_id: int, event: Event, *, event_id: int | None = None, send_id: int | None = None
    ) -> Enrollment:
        """Decide what follows from `event` for one run, and return the run as it then is."""
        situation = self.situation(run_id)
        if self.definition(self.runs[run_id]).trial:
            event = heard(event)
        decisions, after = decided(situation, event, self.now)
        before = situation.enrollment
        run = self.runs[run_id]
        self.runs[run_id] = run.at(after)
        if after != before:
            self._changed[run_id] = after
            self.places.decided(situation, event, decisions, after, self.catalog, self.now)
        if trail.is_worth_a_line(decisions, event):
            line = trail.line(before, trail.cause_of(event), decisions, self.now)
            self._decisions.append({**line, "event_id": event_id, "send_id": send_id})
        place = wanted_send(after)
        had_send = isinstance(before.state, e.Sending | e.Holding)
        if had_send and place != wanted_send(before) and not isinstance(event, e.SendOutcome):
            self._left[run_id] = sends.Left(trail.cause_of(event), place)
        self._follow(run, after, decisions, event_id)
        return after

    def ask_stage(
        self, contact_id: int, to: str, actor: Actor, said: Said = NOBODY,
        *, event_id: int | None = None,
    ) -> StageChange | StageRefused:  # fmt: skip
        """Ask for a contact's stage to change, under the guards that everybody obeys."""
        self.see([contact_id], history=bool(self.catalog.funnel.asks_history_in))
        self.scores.see(self, [contact_id])
        contact = self.contacts[contact_id]
        answer = asked_change(contact, to, actor, self.catalog.funnel.edges, self.now, said)
        self.note_stage(contact_id, answer, actor, said, event_id=event_id)
        if isinstance(answer, StageChange):
            # The edges out of the new stage have not been looked at; the rules do so by and by.
            self.looks.again.add(contact_id)
        return answer

    def note_stage(
        self,
        contact_id: int,
        answer: StageChange | StageRefused,
        actor: Actor,
        said: Said = NOBODY,
        *,
        event_id: int | None = None,
    ) -> None:
        """Record a change of stage, or its refusal; a change takes effect in `finish`."""
        self.contacts[contact_id] = self._moves.note(
            self.contacts[contact_id], answer, Asked(actor, said, event_id),
            order=self.catalog.funnel.order, now=self.now,
        )  # fmt: skip

    def remark(
        self, contact_id: int, run_id: int | None, cause: str, told: e.Decision,
        event_id: int | None = None,
    ) -> None:  # fmt: skip
        """Log something about a contact, or about a run of theirs, that changes no state."""
        line = trail.remark(contact_id, run_id, cause, [told], self.now)
        self._decisions.append({**line, "event_id": event_id})

    def wish(self, entry: Entry) -> None:
        """Wish a contact enrolled; whether they may is looked at in `finish`."""
        self.doors.entries.append(entry)

    def wish_stage_sequences(self, contact_id: int, track: str = "") -> None:
        """Wish a contact into the first sequence of their stage, in each track or in `track`."""
        for line, definition in self._takers(self.contacts[contact_id]).items():
            if track in ("", line):
                self.wish(Entry(contact_id, definition))

    def finish(self) -> list[int]:
        """Write everything, following moves to their end; return the batches to wake workers for.

        Raises Conflict when another transaction was first with one of the runs.
        """
        for _ in range(MOST_ROUNDS):
            self._use_freed_places()
            self._move_stages()
            self.doors.leave(self)
            self._save()
            if not self.doors.entries and not self.places.freed:
                break
            self._open()
        else:
            # What was decided so far is kept; only the next round of the circle is not.
            self._move_stages()
            self._save()
            keys = sorted({entry.definition.sequence.key for entry in self.doors.entries})
            log.error("sequences lead into each other without end: %s", ", ".join(keys))
        self._effects.write(self.tx, self.now)
        ledger.add_stage_changes(self.tx, self._moves.rows)
        self.looks.write(self.tx, self.now)
        batches = []
        if self._openings:
            batches.append(new_batch(self.tx, self.now, self.wall))
            sends.open_sends(self.tx, self._openings, batches[0], self.now)
        ledger.add_decisions(self.tx, self._decisions)
        return batches

    def _follow(
        self, run: Run, after: Enrollment, decisions: Sequence[e.Decision], event_id: int | None
    ) -> None:
        contact_id, trial = after.contact_id, self.definition(run).trial
        for decision in decisions:
            match decision:
                case e.Send() if isinstance(after.state, e.Sending):
                    self._openings.append(sends.Opening.of(run, after, decision))
                case _ if trial:
                    pass  # Nothing but emails comes of a trial.
                case e.SetStage(_, stage):
                    self.ask_stage(after.contact_id, stage, Actor.RULES, event_id=event_id)
                case e.EnterSequence() | e.EnterBeside() | e.LeaveBeside():
                    self.doors.ask(self, after, decision, event_id)
                case e.SetFact() | e.Expose() | e.Tell():
                    contact, sequence = self.contacts[contact_id], self.definition(run).sequence
                    noted = self._effects.note(run, sequence, contact, decision, self.now)
                    self.contacts[contact_id] = noted
                    if isinstance(decision, e.SetFact):
                        # Segments, fit and edges may follow from it; the rules look by and by.
                        self.looks.again.add(contact_id)
                case _:
                    pass

    def _use_freed_places(self) -> None:
        """Let what a cap holds back go, where an email before it gave up its place."""
        found = runs.live_of(self.tx, freed) if (freed := self.places.take_freed()) else []
        self.take_up(run for run in found if run.enrollment.id not in self.runs)
        for key in [run.enrollment.id for run in found if is_capped(self.runs[run.enrollment.id])]:
            self.tell(key, e.Reconsider())

    def _takers(self, contact: Contact) -> dict[str, Definition]:
        stage = contact.standing.stage if contact.standing else ""
        candidates = (one.sequence for one in self.catalog.by_stage.get(stage, ()))
        found = takers(candidates, contact, self.now)
        return {track: self.catalog.current[one.key] for track, one in found.items()}

    def _move_stages(self) -> None:
        """Leave the old stage's sequences and wish for the new one's: the whole of a move."""
        changes = self._moves.take()
        if not changes:
            return
        self.see(changes, history=self.catalog.entries_ask_history)
        self.scores.see(self, changes if self.catalog.stages_ask_score else ())
        ledger.set_stages(self.tx, TRACK, self._moves.take_standings())
        live = [run for run in runs.live_of(self.tx, changes) if run.track]
        self.take_up(run for run in live if run.enrollment.id not in self.runs)
        for run in live:
            contact_id = run.enrollment.contact_id
            target = self._takers(self.contacts[contact_id]).get(run.track)
            goal = target.sequence.key if target else changes[contact_id].edge.to
            if self.runs[run.enrollment.id].enrollment.is_live:
                self.tell(run.enrollment.id, e.MovedAway(goal))
        for contact_id in changes:
            self.wish_stage_sequences(contact_id)

    def _save(self) -> None:
        changed, self._changed = self._changed, {}
        if changed:
            runs.save(self.tx, list(changed.values()), self.now)
            for key in changed:
                run = self.runs[key]
                self.looks.changed(self, run)
                then = replace(run.enrollment, revision=run.enrollment.revision + 1)
                self.runs[key] = run.at(then)
            self.doors.next_in_line(self, changed.values())
            self.looks.again |= self.catalog.whose_sequences_changed(changed.values(), self.now)
        left, self._left = self._left, {}
        sends.cancel_unstarted(self.tx, left, self.now)
        self._openings = [
            one
            for one in self._openings
            if one.enrollment_id not in left
            or left[one.enrollment_id].keeps == (one.step, one.pass_no)
        ]

    def _open(self) -> None:
        """Enroll those who are wished in and may come, and let them take their first steps."""
        found = self.doors.look_at(self)
        if found.restarted:
            # A run that begins anew has to be over before the next one may be opened.
            self._save()
        self.doors.go_through(self, found)
