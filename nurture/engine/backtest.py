"""Back-testing a draft: the same past, lived once under the rules of today and once under others.

Each contact begins as they stood at the start of the days looked at, and does what they did. Both
lives are simulated, so that what the simulation does not know (an email that came late, a pause)
is missing on both sides alike and only the rules make a difference. Fields and tags are those of
today; what contacts did in answer to emails stays what it was. In which segments they begin, and
what becomes of that, is told in `nurture.engine.backtest_segments`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from nurture.domain.contact import Contact, Engaged, Standing
from nurture.domain.folding import LongLedger
from nurture.domain.scoring import award
from nurture.domain.stages import StageChange
from nurture.domain.standing import assessed
from nurture.engine.backtest_segments import Recorded, began_in
from nurture.engine.definitions import TRACK
from nurture.engine.dependencies import Dependencies
from nurture.engine.life import Life
from nurture.engine.world import World
from nurture.store import backdating, people
from nurture.store.backdating import Stood
from nurture.store.people import Need

CHUNK = 200
# Contacts who differ, told one by one; all of them are counted.
MOST_TOLD = 200


@dataclass(frozen=True, slots=True)
class Differs:
    """A contact who would have fared otherwise: stages as (edge, why), mails, and points by rule.

    `points` are what rules would have given in the days looked at, before and after, where
    the two differ.
    """

    contact_id: int
    address: str
    before: str
    after: str
    moves_before: tuple[tuple[str, str], ...]
    moves_after: tuple[tuple[str, str], ...]
    mails_before: int
    mails_after: int
    points: Mapping[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class BackTest:
    """What a draft would have changed. `moves` are (before, after) by edge."""

    contacts: int
    differing: int
    moves: Mapping[str, tuple[int, int]]
    stages: Mapping[str, tuple[int, int]]
    mails: tuple[int, int]
    told: tuple[Differs, ...]


def unseen(_done: int, _of: int) -> None:
    """Show nobody how far a back-test has come."""


def backtest(
    deps: Dependencies,
    before: World,
    after: World,
    length: timedelta,
    now: datetime,
    *,
    progress: Callable[[int, int], None] = unseen,
) -> BackTest:
    """Live the last `length` under both worlds for every contact; nothing is written."""
    (found,) = backtests(deps, before, [after], length, now, progress=progress)
    return found


def backtests(
    deps: Dependencies,
    before: World,
    others: Sequence[World],
    length: timedelta,
    now: datetime,
    *,
    progress: Callable[[int, int], None] = unseen,
) -> tuple[BackTest, ...]:
    """Hold each of `others` against `before`, which every contact lives under only once."""
    start = now - length
    counted = [Counted() for _ in others]
    with deps.database.read() as tx:
        total = backdating.count(tx)
    last = done = 0
    while True:
        with deps.database.read() as tx:
            ids = backdating.contact_ids(tx, last, CHUNK)
            if not ids:
                return tuple(one.result() for one in counted)
            contacts = people.contacts(tx, ids, Need(history=True))
            stood = backdating.stood(tx, ids, start, TRACK)
        for contact_id in ids:
            if contact_id in stood:
                contact, then = contacts[contact_id], stood[contact_id]
                usual = lived(before, contact, then, start, now, before)
                for tally, world in zip(counted, others, strict=True):
                    tally.add(contact, usual, lived(world, contact, then, start, now, before))
        last, done = ids[-1], done + len(ids)
        progress(done, total)


def lived(
    world: World, contact: Contact, then: Stood, start: datetime, now: datetime, published: World
) -> Life:
    """Return the life of a contact under a world from `start`, or from when they came, to now.

    The record is one of segments as they are `published`.
    """
    begins = max(start, then.created_at)
    consents = {**contact.consents, **dict.fromkeys(then.withdrawn_later, True)}
    for topic in _given_later(contact, begins):
        consents.pop(topic, None)
    known = set(world.funnel.order)
    stage = then.stage if then.stage in known else world.funnel.first_stage(then.source)
    # What happened in the very moment in which they came, such as signing up, is lived again.
    came = then.created_at if then.created_at > start else None
    past = tuple(
        one for one in contact.history if one.occurred_at <= begins and one.occurred_at != came
    )
    standing = Standing(stage, then.highest if then.highest in known else stage, then.since)
    if then.created_at > start:
        first = world.funnel.first_stage(then.source)
        standing = Standing(first, first, begins)
    young = replace(
        contact,
        standing=standing,
        history=past,
        consents=MappingProxyType(consents),
        suppressions=then.suppressions,
        received=then.received,
        temperature="cold",
        sequences=frozenset(),
    )
    rules, version = world.funnel.rules, world.funnel.version
    entries = [entry for one in past for entry in award(one, rules, version)]
    recorded = Recorded.of(contact.history, world, published, begins, is_new=came is not None)
    scored = assessed(young, entries, world.funnel, begins)
    young = replace(young, segments=began_in(world, scored, recorded, begins))
    life = Life(world, young, begins, ledger=LongLedger(entries))
    life.segments.assumed |= recorded.followed
    life.begin(then.source)
    for occurrence in contact.history[len(past) :]:
        if occurrence.occurred_at <= now and not recorded.tells(life, occurrence):
            life.happen(occurrence)
    life.advance(now)
    return life


def _given_later(contact: Contact, begins: datetime) -> set[str]:
    """Return the topics on which consent began after `begins`: before, nobody had written."""
    first: dict[str, str] = {}
    for one in contact.history:
        if one.occurred_at > begins and one.name in (Engaged.SUBSCRIBED, Engaged.UNSUBSCRIBE):
            first.setdefault(str(one.properties.get("topic", "")), one.name)
    return {topic for topic, name in first.items() if name == Engaged.SUBSCRIBED}


class Counted:
    """What differed so far."""

    def __init__(self) -> None:
        self._contacts = self._differing = 0
        self._moves: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._stages: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
        self._mails = [0, 0]
        self._told: list[Differs] = []

    def add(self, contact: Contact, before: Life, after: Life) -> None:
        """Count a contact's two lives."""
        self._contacts += 1
        moves = (_moves(before), _moves(after))
        for side, life in enumerate((before, after)):
            self._moves[side].update(edge for edge, _ in moves[side])
            self._stages[side][_stage(life)] += 1
            self._mails[side] += len(life.sent)
        same = [edge for edge, _ in moves[0]] == [edge for edge, _ in moves[1]]
        sent = [template for _, template in before.sent] == [one for _, one in after.sent]
        if same and sent:
            return
        self._differing += 1
        if len(self._told) < MOST_TOLD:
            self._told.append(
                Differs(
                    contact.id,
                    contact.address,
                    _stage(before),
                    _stage(after),
                    *moves,
                    len(before.sent),
                    len(after.sent),
                    _points(before, after),
                )
            )

    def result(self) -> BackTest:
        """Return the whole, the contacts whose moves differ first."""
        told = sorted(self._told, key=lambda one: (one.before == one.after, one.contact_id))
        return BackTest(
            self._contacts, self._differing, _pairs(*self._moves), _pairs(*self._stages),
            (self._mails[0], self._mails[1]), tuple(told),
        )  # fmt: skip


def _stage(life: Life) -> str:
    return life.contact.standing.stage if life.contact.standing else ""


def _moves(life: Life) -> tuple[tuple[str, str], ...]:
    return tuple(
        (moment.stage.edge.key, moment.stage.why)
        for moment in life.moments
        if isinstance(moment.stage, StageChange)
    )


def _points(before: Life, after: Life) -> Mapping[str, tuple[float, float]]:
    """Return what each rule gave in both lives, where that differs."""
    sums: tuple[Counter[str], Counter[str]] = (Counter(), Counter())
    for side, life in enumerate((before, after)):
        for entry in life.entries:
            sums[side][entry.rule] += entry.points  # type: ignore[assignment]
    return MappingProxyType(
        {
            rule: (float(sums[0][rule]), float(sums[1][rule]))
            for rule in sorted({*sums[0], *sums[1]})
            if sums[0][rule] != sums[1][rule]
        }
    )


def _pairs(before: Mapping[str, int], after: Mapping[str, int]) -> Mapping[str, tuple[int, int]]:
    keys: Iterable[str] = sorted({*before, *after})
    return MappingProxyType({key: (before.get(key, 0), after.get(key, 0)) for key in keys})
