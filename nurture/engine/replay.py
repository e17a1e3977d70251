"""Replay: every score and every state built again from what was recorded, and compared.

Scores: each event is scored again by the rules of the funnel that was published when it was
recorded, and a machine's counts for nothing; the ledger must hold exactly that, and the number
shown must be its sum. Runs: each is walked through its stored decisions, from its beginning.
Stages: each change leads from where the last one led to.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from nurture.campaigns.parse import parse_funnel
from nurture.domain import enrollment as e
from nurture.domain.contact import Occurrence
from nurture.domain.enrollment import Enrollment
from nurture.domain.evolve import evolve
from nurture.domain.funnel import Funnel
from nurture.domain.scoring import Entry, award, engagement
from nurture.domain.stages import highest
from nurture.engine import trail
from nurture.engine.dependencies import Dependencies
from nurture.store import examination, ledger, replaying, runs
from nurture.store.database import Transaction
from nurture.store.replaying import Stands

PAGE = 500
# Scores are floating-point sums; two orders of adding differ by less than this.
ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that is not what was recorded leads to. `what` is ledger, score, stage or run."""

    what: str
    id: int
    told: str


@dataclass(frozen=True, slots=True)
class Replayed:
    """What was built again, and where it differs from what stands."""

    contacts: int
    events: int
    entries: int
    runs: int
    decisions: int
    differences: tuple[Difference, ...]


def replay(deps: Dependencies, now: datetime, contact_id: int | None = None) -> Replayed:
    """Build everything again, of one contact or of all; reads only."""
    with deps.database.snapshot() as tx:
        past = Past(tx)
        contacts = events = entries = 0
        found: list[Difference] = []
        for page in replaying.standings(tx, now, PAGE, contact_id):
            ids = [one.contact_id for one in page]
            done = replaying.events(tx, ids)
            lines = ledger.entries(tx, ids)
            changes = replaying.stage_changes(tx, ids)
            for one in page:
                mine = done.get(one.contact_id, [])
                kept = lines.get(one.contact_id, [])
                found += past.contact(one, mine, kept)
                found += _stage(one, changes.get(one.contact_id, []), past.now)
                events, entries = events + len(mine), entries + len(kept)
            contacts += len(page)
        count = decisions = 0
        for run, led_to, many in replayed_runs(tx, contact_id):
            count, decisions = count + 1, decisions + many
            if differs(run, led_to):
                told = (
                    f"{run.state} at {run.step or 'no step'}, its decisions lead to {led_to.state}"
                )
                found.append(Difference("run", run.id, told))
    return Replayed(contacts, events, entries, count, decisions, tuple(found))


class Past:
    """Every funnel there ever was, and what events earned under it."""

    def __init__(self, tx: Transaction) -> None:
        stored = replaying.funnels(tx)
        self._since = [(at, number) for number, at, _ in stored]
        self._funnels: dict[int, Funnel] = {
            number: parse_funnel(document, version=number) for number, _, document in stored
        }

    @property
    def now(self) -> Funnel | None:
        """The funnel that is published now."""
        return self._funnels[max(self._funnels)] if self._funnels else None

    def contact(
        self, stands: Stands, events: Sequence[tuple[Occurrence, datetime]], kept: Sequence[Entry]
    ) -> Iterator[Difference]:
        """Yield where the ledger of a contact, and the score shown, differ from the events."""
        funnel = self.now
        if funnel is None:
            return
        of_event: dict[int, list[Entry]] = defaultdict(list)
        for entry in kept:
            of_event[entry.event_id].append(entry)
        rebuilt: list[Entry] = []
        for occurrence, recorded_at in events:
            lines = of_event.pop(occurrence.id, [])
            earned = award(occurrence, *self._rules(lines, recorded_at))
            rebuilt += earned
            if _net(lines) != _net(earned):
                told = f"{occurrence.name} of {occurrence.occurred_at:%Y-%m-%d %H:%M} earned"
                told = f"{told} {_net(earned)}, the ledger has {_net(lines)}"
                yield Difference("ledger", stands.contact_id, told)
        for event_id in of_event:
            told = f"the ledger has points for the event {event_id}, which is not there"
            yield Difference("ledger", stands.contact_id, told)
        if stands.is_due:
            return
        total = engagement(rebuilt, funnel.groups, funnel.limits, stands.scored_at).total
        if abs(total - stands.engagement) > ROUNDING:
            told = f"stands at {stands.engagement:.3f}, the events give {total:.3f}"
            yield Difference("score", stands.contact_id, told)

    def _rules(self, lines: Sequence[Entry], at: datetime) -> tuple[Any, int]:
        """Return the rules under which an event was scored: those its lines name, else of then."""
        number = max((line.rule_version for line in lines), default=0)
        if number not in self._funnels:
            earlier = [one for since, one in self._since if since <= at]
            number = max(earlier, default=min(self._funnels))
        return self._funnels[number].rules, number


def replayed_runs(
    tx: Transaction, contact_id: int | None = None
) -> Iterator[tuple[Enrollment, Enrollment, int]]:
    """Yield each run as it stands, as its decisions lead to, and how many those are."""
    after = 0
    while page := examination.decided(tx, after, PAGE, contact_id):
        stored = runs.by_ids(tx, [key for key, _ in page])
        for key, decisions in page:
            run = stored[key].enrollment
            yield run, led_to(run, decisions), len(decisions)
        after = page[-1][0]


def led_to(run: Enrollment, decisions: Iterable[Any]) -> Enrollment:
    """Return where the stored decisions of a run lead, from its beginning."""
    begun = Enrollment(
        run.contact_id, run.sequence, run.version, e.Waiting(run.entered_at), run.entered_at,
        entry_key=run.entry_key, properties=run.properties, id=run.id, revision=run.revision,
        again=run.again,
    )  # fmt: skip
    return evolve(begun, [trail.load(one) for one in decisions])


def differs(run: Enrollment, other: Enrollment) -> bool:
    """Return whether two states of one run are not the same."""
    return (run.state, run.step, dict(run.passes), dict(run.accepted)) != (
        other.state, other.step, dict(other.passes), dict(other.accepted)
    )  # fmt: skip


def _net(entries: Iterable[Entry]) -> dict[str, float]:
    """Return the points by rule, without what was taken back."""
    sums: dict[str, float] = defaultdict(float)
    for entry in entries:
        sums[entry.rule] += entry.points
    return {rule: points for rule, points in sorted(sums.items()) if abs(points) > ROUNDING}


def _stage(
    stands: Stands, changes: Sequence[tuple[str, str]], funnel: Funnel | None
) -> Iterator[Difference]:
    for (_, led), (start, _) in pairwise(changes):
        if led != start:
            told = f"a change leads from {start}, and the one before it led to {led}"
            yield Difference("stage", stands.contact_id, told)
    if changes and changes[-1][1] != stands.stage:
        told = f"stands in {stands.stage}, the changes lead to {changes[-1][1]}"
        yield Difference("stage", stands.contact_id, told)
    top = changes[0][0] if changes else stands.stage
    for _, to in changes:
        top = highest(to, top, funnel.order if funnel else ())
    if top != stands.highest:
        told = f"the highest stage is {stands.highest}, the changes make it {top}"
        yield Difference("stage", stands.contact_id, told)
