"""Lives that are led on from the database: contacts as they are now, with the runs they are in.

What is foretold of a contact is such a life, in which nothing happens but what time brings. It goes
on from what the database knows of them: what they received and when, their ledger, their segments,
the earlier runs that rules of entry ask for, and when the rules look at them next.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from nurture.domain import enrollment as e
from nurture.domain.contact import Contact
from nurture.domain.daily import account_day
from nurture.domain.folding import LongLedger
from nurture.domain.scoring import Entry
from nurture.engine.definitions import TRACK, Catalog
from nurture.engine.life import Life
from nurture.engine.life_stages import LifeStages
from nurture.engine.places import Places
from nurture.engine.world import Wish, World
from nurture.store import coming_back, guarding, ledger, people, queued
from nurture.store.coming_back import LastRun, Passage
from nurture.store.database import Transaction
from nurture.store.people import Need
from nurture.store.queued import Queued
from nurture.store.runs import Run

NEED = Need(history=True, sequences=True, segments=True)


@dataclass(slots=True)
class GoingOn:
    """What the lives of some contacts go on from, as of `now`; runs and so on are by contact."""

    catalog: Catalog
    world: World
    now: datetime
    contacts: Mapping[int, Contact]
    runs: Mapping[int, Sequence[Run]]
    places: Places = field(default_factory=Places)
    entries: Mapping[int, list[Entry]] = field(default_factory=dict)
    looks: Mapping[int, datetime] = field(default_factory=dict)
    mailed: Mapping[int, int] = field(default_factory=dict)
    passages: Mapping[int, list[Passage]] = field(default_factory=dict)
    doors: Mapping[int, Mapping[str, int]] = field(default_factory=dict)
    stopped: Mapping[int, Mapping[tuple[int, str], LastRun]] = field(default_factory=dict)
    queued: Mapping[int, Sequence[Queued]] = field(default_factory=dict)

    @classmethod
    def read(
        cls, tx: Transaction, catalog: Catalog, runs: Iterable[Run], ids: Iterable[int],
        now: datetime,
    ) -> "GoingOn":  # fmt: skip
        """Read these contacts, who are in these live runs."""
        wanted = sorted(set(ids))
        by_contact: dict[int, list[Run]] = {}
        for run in runs:
            by_contact.setdefault(run.enrollment.contact_id, []).append(run)
        contacts, places = people.contacts(tx, wanted, NEED), Places()
        places.see(tx, catalog, contacts, now)
        live = [run.enrollment for some in by_contact.values() for run in some]
        places.see_paced(tx, catalog, contacts, live, now)
        day = account_day(catalog.funnel.account.timezone, now)
        sequence_ids = [one.sequence_id for one in catalog.current.values()]
        passages: dict[int, list[Passage]] = {}
        for one in coming_back.passages(tx, wanted, sequence_ids):
            passages.setdefault(one.contact_id, []).append(one)
        stopped: dict[int, dict[tuple[int, str], LastRun]] = {}
        for (one_of, place, key), last in coming_back.last_runs(tx, wanted, sequence_ids).items():
            stopped.setdefault(one_of, {})[place, key] = last
        return cls(
            catalog, world_of(catalog), now, contacts, by_contact, places,
            ledger.entries(tx, wanted), ledger.looks(tx, wanted, TRACK),
            guarding.mailed_since(tx, wanted, day.begins, ()), passages,
            coming_back.received_by_door(tx, wanted),
            stopped, queued.waiting(tx, wanted),
        )  # fmt: skip

    def life(self, contact_id: int, only: int | None = None) -> Life:
        """Return a contact's life, in all of their runs; those of paused sequences stand still.

        With `only` it is led in the run of this id alone, and in no pause.
        """
        contact = self.contacts[contact_id]
        runs = [r for r in self.runs.get(contact_id, ()) if only in (None, r.enrollment.id)]
        frozen = self.catalog.frozen
        life = Life(
            self.world if only is None else replace(self.world, paused=frozenset()),
            replace(contact, mailed=self.places.went_out(contact_id)),
            self.now,
            [run.enrollment for run in runs],
            LongLedger(self.entries.get(contact_id, ())),
            pinned={r.enrollment.id: self.catalog.version(r.version_id).sequence for r in runs},
            trials=frozenset(
                number
                for number, run in enumerate(runs)
                if self.catalog.version(run.version_id).trial
            ),
            stages=LifeStages(self.looks.get(contact_id)),
        )
        if only is None:
            still = (n for n, run in enumerate(runs) if run.frozen or run.sequence_id in frozen)
            life.still.update(still)
            self._line_up(life)
        self._remember(life)
        self._queue(life)
        return life

    def in_line(self, contact_id: int) -> list[tuple[str, Queued]]:
        """Return what waits for a contact's runs to end, each with the key of its sequence."""
        keys = {one.sequence_id: key for key, one in self.catalog.current.items()}
        return [
            (keys[one.sequence_id], one)
            for one in self.queued.get(contact_id, ())
            if one.sequence_id in keys
        ]

    def _line_up(self, life: Life) -> None:
        """Let what waits begin when the run before it has ended, on whose end it depends."""
        for key, one in self.in_line(life.contact.id):
            before = (
                number
                for number, run in enumerate(life.runs)
                if number not in life.trials
                and (run.sequence, run.entry_key) == (key, one.entry_key)
            )
            life.doors.queue[key, one.entry_key] = Wish(
                self.world.sequences[key], one.entry_key, one.properties, one.at,
                queued=True, by=next(before, None),
            )  # fmt: skip

    def _queue(self, life: Life) -> None:
        """Put what is in the queue, and in the hands of workers, where workers look next."""
        day = account_day(self.world.funnel.account.timezone, self.now)
        life.post.mailed_on[day.begins] += self.mailed.get(life.contact.id, 0)
        for number in life.moving:
            state = life.runs[number].state
            if isinstance(state, e.Sending):
                in_hand = self.places.is_claimed(life.contact.id, life.runs[number].id)
                life.post.queue(number, state.step, state.pass_no, in_hand=in_hand)

    def _remember(self, life: Life) -> None:
        keys = {one.sequence_id: key for key, one in self.catalog.current.items()}
        for one in self.passages.get(life.contact.id, ()):
            if one.ended is not None:
                sequence = self.world.sequences[keys[one.sequence_id]]
                life.doors.remember(sequence, one.entry_key, one.ended)
        for content, sequence_id in self.doors.get(life.contact.id, {}).items():
            if sequence_id in keys:
                life.post.through(keys[sequence_id], content)
        for (sequence_id, entry_key), last in self.stopped.get(life.contact.id, {}).items():
            life.doors.stopped[keys[sequence_id], entry_key] = last


def world_of(catalog: Catalog) -> World:
    """Return the rules that are published now, with the sequences that stand still."""
    current = catalog.current
    return World.of(
        catalog.funnel,
        {key: one.sequence for key, one in current.items()},
        (one.segment for one in catalog.segments),
        frozenset(key for key, one in current.items() if one.paused),
    )
