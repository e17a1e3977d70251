"""The places under the frequency caps: who holds one, and who comes first where there are few.

A contact may be mailed so often in any so long a time. An email that went out or that a worker has
claimed holds its place. Of those that wait in the queue each gives way only to the ones ranked
before it: what is transactional first, then the later stage, the higher priority of the sequence,
and what has been due for longer. A worker looks again when it claims a send, with the contact's row
locked, so that no two of them together pass a cap; what must give way by then is held.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from nurture.domain import enrollment as e
from nurture.domain.caps import Rank
from nurture.domain.contact import Contact
from nurture.domain.decide import Situation
from nurture.domain.enrollment import Enrollment
from nurture.domain.sequence import Sequence
from nurture.domain.waiting import CAP
from nurture.engine.definitions import Catalog
from nurture.store.database import Transaction
from nurture.store.mailings import Mailing, mailings
from nurture.store.runs import Run


@dataclass(frozen=True, slots=True)
class Place:
    """One email to a contact; `at` is when it went out, None while it is on its way.

    One that is not `sure` waits in the queue, and may still give way.
    """

    run_id: int
    send_id: int
    rank: Rank
    sure: bool
    at: datetime | None = None


@dataclass(slots=True)
class Places:
    """What one transaction knows about the places of its contacts.

    `claiming` are the sends that this transaction has just claimed and still looks at; `freed`
    the contacts with a place that somebody else may now take.
    """

    claiming: frozenset[int] = frozenset()
    freed: set[int] = field(default_factory=set)
    _known: dict[int, list[Place]] = field(default_factory=dict)

    def see(
        self, tx: Transaction, catalog: Catalog, contacts: Mapping[int, Contact], now: datetime
    ) -> None:
        """Read the places of these contacts, where the funnel has caps at all."""
        longest = max((cap.per for cap in catalog.funnel.caps), default=None)
        if longest is None or not contacts:
            return
        found = mailings(tx, contacts, now - longest)
        for key, contact in contacts.items():
            some = found.get(key, ())
            self._known[key] = [self._place(one, catalog, contact) for one in some]

    def see_paced(
        self,
        tx: Transaction,
        catalog: Catalog,
        contacts: Mapping[int, Contact],
        runs: Iterable[Enrollment],
        now: datetime,
    ) -> None:
        """Read the places of contacts with a run that catches up: its gap is a cap of its own."""
        gaps: dict[int, timedelta] = {}
        for run in runs:
            if run.gap and run.is_live and run.contact_id in contacts:
                gaps[run.contact_id] = max(run.gap, gaps.get(run.contact_id, run.gap))
        if not gaps:
            return
        longest = max([*gaps.values(), *(cap.per for cap in catalog.funnel.caps)])
        found = mailings(tx, gaps, now - longest)
        for key in gaps:
            some = found.get(key, ())
            self._known[key] = [self._place(one, catalog, contacts[key]) for one in some]

    def _place(self, one: Mailing, catalog: Catalog, contact: Contact) -> Place:
        rank = _rank(
            catalog, contact, (one.sequence, one.stage), one.topic, one.created_at,
            one.enrollment_id,
        )  # fmt: skip
        waits = one.status == "queued" or one.id in self.claiming
        return Place(one.enrollment_id, one.id, rank, not waits, one.at)

    def situated(
        self, contact: Contact, run: Enrollment, sequence: Sequence, catalog: Catalog, now: datetime
    ) -> Contact:
        """Return the contact with the emails that leave `run` fewer places."""
        places = self._known.get(contact.id)
        if not places:
            return contact
        own = self._rank(contact, run, sequence, catalog, now)
        mailed = sorted(
            place.at or now
            for place in places
            if place.sure or (place.run_id != run.id and place.rank < own)
        )
        return replace(contact, mailed=tuple(mailed))

    def _rank(
        self, contact: Contact, run: Enrollment, sequence: Sequence, catalog: Catalog, now: datetime
    ) -> Rank:
        for place in self._known[contact.id]:
            if place.run_id == run.id and not place.sure:
                return place.rank
        held = run.state.since if isinstance(run.state, e.Holding) else None
        return rank_of(catalog, contact, sequence, "", held or now, run.id)

    def went_out(self, contact_id: int) -> tuple[datetime, ...]:
        """Return when the emails went out that still count, ascending."""
        known = self._known.get(contact_id, ())
        return tuple(sorted(one.at for one in known if one.at is not None))

    def is_claimed(self, contact_id: int, run_id: int) -> bool:
        """Return whether a worker has the send of a run in hand, so that nothing holds it back."""
        known = self._known.get(contact_id, ())
        return any(one.run_id == run_id and one.sure and one.at is None for one in known)

    def take(self, contact_id: int, send_id: int) -> None:
        """Note that a claimed send may go: its place is taken."""
        if contact_id in self._known:
            self._known[contact_id] = [
                replace(one, sure=True) if one.send_id == send_id else one
                for one in self._known[contact_id]
            ]

    def rank(self, contact_id: int, send_id: int) -> tuple[Rank, ...]:
        """Return the rank of a send, to sort by; empty where there are no caps."""
        known = self._known.get(contact_id, ())
        return tuple(one.rank for one in known if one.send_id == send_id)

    def take_freed(self) -> set[int]:
        """Return the contacts with a place that was given up, and forget them."""
        freed, self.freed = self.freed, set()
        return freed

    def decided(
        self,
        situation: Situation,
        event: e.Event,
        decisions: Iterable[e.Decision],
        after: Enrollment,
        catalog: Catalog,
        now: datetime,
    ) -> None:
        """Note what decisions for a run mean for the places of its contact."""
        before, contact = situation.enrollment, situation.contact
        if contact.id not in self._known:
            return
        if isinstance(before.state, e.Sending) and after.state != before.state:
            self._left(before, event)
        held = before.state.since if isinstance(before.state, e.Holding) else None
        for one in decisions:
            if isinstance(one, e.Send):
                rank = rank_of(
                    catalog, contact, situation.sequence, one.topic, held or now, before.id
                )
                self._known[contact.id].append(Place(before.id, 0, rank, sure=False))

    def _left(self, run: Enrollment, event: e.Event) -> None:
        places = self._known[run.contact_id]
        if isinstance(event, e.Accepted):
            self._known[run.contact_id] = [
                replace(one, sure=True, at=event.at)
                if one.run_id == run.id and one.at is None
                else one
                for one in places
            ]
            return
        # What a worker has in hand goes out though its run went elsewhere.
        settled = isinstance(event, e.SendOutcome)
        kept = [
            one
            for one in places
            if one.run_id != run.id or one.at is not None or (one.sure and not settled)
        ]
        if len(kept) < len(places):
            self._known[run.contact_id] = kept
            if not isinstance(event, e.Held):
                self.freed.add(run.contact_id)


def is_capped(run: Run) -> bool:
    """Return whether a frequency cap holds the email of a run that is not frozen."""
    state = run.enrollment.state
    return isinstance(state, e.Holding) and state.reason == CAP and not run.frozen


def wanted_send(run: Enrollment) -> tuple[str, int] | None:
    """Return the step and pass whose send a run waits for, None when it waits for none."""
    if isinstance(run.state, e.Sending | e.Holding):
        return run.step, run.passes.get(run.step, 1)
    return None


def rank_of(
    catalog: Catalog, contact: Contact, sequence: Sequence, topic: str, due: datetime, run_id: int
) -> Rank:
    """Return where an email stands among those that compete for a place."""
    return _rank(catalog, contact, (sequence.key, sequence.stage), topic, due, run_id)


def _rank(
    catalog: Catalog, contact: Contact, of: tuple[str, str], topic: str, due: datetime, run_id: int
) -> Rank:
    """Return the rank of an email by the key and the stage of its sequence.

    A sequence that an event triggers belongs to no stage: it counts for the one in which the
    contact stands. The priority is the current one, the same for everybody who compares.
    """
    key, stage = of
    order = catalog.funnel.order
    stands = stage or (contact.standing.stage if contact.standing else "")
    current = catalog.current.get(key)
    return Rank(
        topic not in catalog.funnel.transactional,
        -order.index(stands) if stands in order else 0,
        -current.sequence.priority if current else 0,
        due,
        run_id,
    )
