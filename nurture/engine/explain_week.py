"""A contact's next days: all their runs walked ahead together, under the caps they share.

The core itself is asked, moment after moment, as if the provider took every email at once and
the contact did nothing. What depends on that says so: it names the questions that would have to
stay unanswered. Scores are not aged ahead, and sequences that are yet to be entered are named and
not walked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from nurture.domain import enrollment as e
from nurture.domain.caps import Rank
from nurture.domain.contact import Change, Contact, Fact, changed
from nurture.domain.decide import Situation, decide
from nurture.domain.enrollment import Event
from nurture.domain.evolve import evolve
from nurture.domain.sequence import Email
from nurture.domain.waiting import CAP, delay
from nurture.domain.watching import comes
from nurture.domain.zones import Clock, clock_of
from nurture.engine.definitions import Catalog
from nurture.engine.explain_ahead import Foreseen, seen
from nurture.engine.places import Places, rank_of
from nurture.store.runs import Run

WEEK = timedelta(days=7)
# Turns of one contact's runs followed ahead: an end for whatever turns in a circle.
MOST_TURNS = 500

_TOLD = frozenset({
    "sends", "withheld", "held", "skips", "awaits", "moves", "asks_stage", "leaves", "completes",
    "exhausted", "fails",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Coming:
    """One thing to come in one run. It comes only if the steps `unless` get no answer."""

    enrollment_id: int
    sequence: str
    one: Foreseen
    unless: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Week:
    """What comes until `until`, in order, by whose clock. `standing` are paused sequences."""

    until: datetime
    clock: Clock
    coming: tuple[Coming, ...]
    standing: tuple[str, ...] = ()


@dataclass(slots=True)
class Known:
    """A run as it is now. `waits` says that its send is in the queue and may still give way."""

    situation: Situation
    rank: Rank
    frozen: bool = False
    waits: bool = False


@dataclass(slots=True)
class _Track:
    situation: Situation
    rank: Rank
    unless: tuple[str, ...] = ()


@dataclass(slots=True)
class _Ahead:
    contact: Contact
    mailed: list[datetime]
    tracks: list[_Track]
    coming: list[Coming] = field(default_factory=list)
    turns: int = 0

    def tell(self, track: _Track, event: Event, at: datetime) -> None:
        """Let something happen to a run, and the provider take what it then sends."""
        self.turns += 1
        run = track.situation.enrollment
        contact = replace(self.contact, mailed=tuple(sorted(self.mailed)))
        situation = replace(track.situation, contact=contact)
        decisions = decide(situation, event, at)
        if isinstance(run.state, e.Awaiting) and isinstance(event, e.TimerFired):
            track.unless = (*track.unless, run.step)
        for decision in decisions:
            self.note(track, seen(decision, at))
            if isinstance(decision, e.SetFact):
                change = Change(Fact(decision.fact), decision.name, decision.value)
                self.contact = changed(self.contact, change)
        track.situation = replace(situation, enrollment=evolve(run, decisions))
        sending = track.situation.enrollment.state
        if isinstance(sending, e.Sending) and self.turns < MOST_TURNS:
            step = situation.sequence.by_key[sending.step]
            if isinstance(step, Email):
                self.contact = replace(
                    self.contact, received=self.contact.received | {step.content}
                )
            self.mailed.append(at)
            self.tell(track, e.Accepted(sending.step, sending.pass_no, at), at)

    def note(self, track: _Track, found: Iterable[Foreseen]) -> None:
        run = track.situation.enrollment
        self.coming += [
            Coming(run.id, run.sequence, one, track.unless) for one in found if one.what in _TOLD
        ]

    def run_until(self, now: datetime, until: datetime) -> None:
        """Let the clock run up to `until`; what falls due at one moment goes by its rank."""
        while self.turns < MOST_TURNS:
            coming = [(found, one) for one in self.tracks if (found := self.comes(one, now))]
            due = min((at for (at, _), _ in coming), default=None)
            if due is None or due > until:
                return
            now = max(now, due)
            event, first = min(
                ((event, one) for (at, event), one in coming if at <= now),
                key=lambda pair: pair[1].rank,
            )
            self.tell(first, event, now)

    def comes(self, track: _Track, now: datetime) -> tuple[datetime, Event] | None:
        """Return what the clock alone does next to a run."""
        return comes(replace(track.situation, contact=self.contact), now)


def week_of(
    places: Places,
    catalog: Catalog,
    contact: Contact,
    live: Sequence[Run],
    now: datetime,
    length: timedelta = WEEK,
) -> Week:
    """Return what comes for a contact with these live runs within `length` of `now`.

    `contact.mailed` is what went out so far, as `places` knows it.
    """
    known = []
    for run in live:
        enrollment, sequence = run.enrollment, catalog.version(run.version_id).sequence
        step = sequence.by_key.get(enrollment.step)
        topic = step.topic if isinstance(step, Email) else ""
        held = enrollment.state.since if isinstance(enrollment.state, e.Holding) else None
        due = held or e.wakes_at(enrollment.state) or now
        known.append(
            Known(
                Situation(enrollment, sequence, contact),
                rank_of(catalog, contact, sequence, topic, due, enrollment.id),
                run.frozen or run.sequence_id in catalog.frozen,
                not places.is_claimed(contact.id, enrollment.id),
            )
        )
    clock = clock_of(contact, catalog.funnel.account.timezone)
    return foresee(contact, known, clock, now, now + length)


def foresee(
    contact: Contact, known: Sequence[Known], clock: Clock, now: datetime, until: datetime
) -> Week:
    """Walk all live runs of a contact ahead together; `contact.mailed` is what went out so far.

    Pure, and decided by the same functions that decide when the time has come.
    """
    moving = sorted((one for one in known if not one.frozen), key=lambda one: one.rank)
    ahead = _Ahead(
        contact, list(contact.mailed), [_Track(one.situation, one.rank) for one in moving]
    )
    for one, track in zip(moving, ahead.tracks, strict=True):
        _begin(ahead, one, track, now)
    ahead.run_until(now, until)
    ordered = sorted(ahead.coming, key=lambda one: one.one.at)
    standing = tuple(one.situation.sequence.key for one in known if one.frozen)
    return Week(until, clock, tuple(ordered), standing)


def _begin(ahead: _Ahead, one: Known, track: _Track, now: datetime) -> None:
    """Tell what is so already, and what a worker is about to do."""
    run, sequence = one.situation.enrollment, one.situation.sequence
    step = sequence.by_key.get(run.step)
    match run.state:
        case e.Holding(reason, release):
            ahead.note(track, [Foreseen("held", now, run.step, reason=reason, until=release)])
        case e.Awaiting(deadline):
            ahead.note(track, [Foreseen("awaits", now, run.step, until=deadline)])
        case e.Sending(key, pass_no) if isinstance(step, Email):
            contact = replace(ahead.contact, mailed=tuple(sorted(ahead.mailed)))
            held = delay(sequence, contact, step, now, None) if one.waits else None
            if held is not None and held.forgone:
                ahead.tell(track, e.Unsent(key, pass_no, CAP), now)
            elif held is not None:
                event = e.Held(key, pass_no, held.reason, held.release, now, held.zone)
                ahead.tell(track, event, now)
            else:
                ahead.note(track, [Foreseen("sends", now, key, step.template)])
                ahead.mailed.append(now)
                ahead.tell(track, e.Accepted(key, pass_no, now), now)
        case _:
            pass
