"""Publishing segments: everybody is looked at once; after that, only whose time has come."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from nurture.campaigns.folder import digest
from nurture.campaigns.parse import parse_segment
from nurture.campaigns.segment_shape import segment_document
from nurture.domain.conditions import Did
from nurture.domain.contact import Contact
from nurture.domain.segments import Segment, in_order, recall_of
from nurture.domain.turning import next_turn
from nurture.engine.definitions import TRACK, SegmentDefinition
from nurture.engine.dependencies import Dependencies
from nurture.engine.isolation import around_bad_runs, isolate
from nurture.engine.score import rescore
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.store import ledger, people, segment_looks, segments
from nurture.store.condition_members import EVERYTHING, members, turning
from nurture.store.database import Transaction
from nurture.store.people import Need
from nurture.store.segment_looks import Place

# Contacts that one transaction of a build looks at, and holds where it must.
PART = 2_000
# Transactions of a build in one round of a ticker, which has other work to do.
PARTS = 5
# Contacts whose time has come, in one transaction.
CHUNK = 200
# One whom no rule can be applied to is looked at again after this long.
PATIENCE = timedelta(hours=1)

NEED = replace(EVERYTHING, track=TRACK)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the build of one segment has come; how many `members` there are, at its end."""

    key: str
    share: float
    members: int | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """What one transaction of a build did."""

    looked_at: int
    progress: Progress | None


Told = Callable[[Progress], None]


def publish_segments(
    tx: Transaction, wanted: Sequence[Segment], by: str, now: datetime
) -> tuple[str, ...]:
    """Publish segments, to be built by `build`; return the keys of those that changed.

    One that is gone from the files is retired; what rests on a changed one is built anew, too.
    """
    known = {one.key: one for one in segments.published(tx)}
    ordered, _ = in_order(wanted)
    gone = [one for key, one in known.items() if key not in {one.key for one in wanted}]
    changed: set[str] = set()
    again: set[int] = set()
    for one in ordered:
        document = segment_document(one)
        mark = digest(document)
        old = known.get(one.key)
        if old is None or old.digest != mark:
            segments.save(tx, one.key, document, mark, by, now)
            changed.add(one.key)
        elif one.rests_on(changed):
            again.add(old.id)
            changed.add(one.key)
    for old in gone:
        segments.retire(tx, old.id, now)
    segments.build_anew(tx, again)
    return tuple(sorted(changed | {one.key for one in gone}))


def build(
    deps: Dependencies,
    now: datetime,
    told: Told = lambda _: None,
    *,
    size: int = PART,
    most: int = PARTS,
) -> int:
    """Look at the next contacts for the segments that were published; return at how many.

    `size` contacts in each transaction and `most` transactions, from where it was left. Whoever is
    in or out by the new definition did nothing, so that no event tells of it. Contacts that change
    meanwhile are seen to by their own transactions, which hold them.
    """
    looked_at = 0
    # A ticker asks in every round, and most often only this.
    if not _are_open(deps):
        return 0
    for _ in range(most):
        part = committed(deps, now, partial(_build_part, size=size))
        if part is None:
            break
        looked_at += part.looked_at
        if part.progress is not None:
            told(part.progress)
    return looked_at


def build_all(deps: Dependencies, told: Told = lambda _: None) -> None:
    """Look at everybody for the segments that were published, however long it takes.

    Each look is as of its own moment: of what happened meanwhile nothing is in its future.
    """
    while _are_open(deps):
        build(deps, deps.clock.now(), told)


def _are_open(deps: Dependencies) -> bool:
    with deps.database.read() as tx:
        return bool(segments.unbuilt(tx))


def _build_part(work: Work, size: int) -> Part | None:
    """Look at the next contacts for the first segment that is not built; None when all are.

    Whoever rests on another one comes behind it, and is looked at when that one is complete.
    """
    first = _first_unbuilt(work)
    if first is None:
        return None
    held = segments.hold_unbuilt(work.tx, first.id)
    again = _first_unbuilt(work)
    if held is None or again is None or again.id != first.id:
        # Somebody has built it or published others meanwhile; now nobody can any more.
        return Part(0, None)
    ids = people.lock_next(work.tx, held.built_to, size)
    if ids:
        _build_range(work.tx, again, ids, work.now)
        if again.segment.asks("engagement"):
            # When the score crosses its thresholds is computed by the next look at each contact.
            ledger.look_again(work.tx, ids, work.now)
        segments.built_to(work.tx, again.id, ids[-1])
    if len(ids) < size:
        segments.mark_built(work.tx, again.id, work.now)
        return Part(len(ids), Progress(held.key, 1.0, segments.count(work.tx, again.id)))
    return Part(len(ids), Progress(held.key, ids[-1] / segments.last_contact(work.tx)))


def _first_unbuilt(work: Work) -> SegmentDefinition | None:
    open_ = segments.unbuilt(work.tx)
    if not open_:
        return None
    catalog = work.definitions.catalog(work.tx)
    return next((one for one in catalog.segments if one.id in open_), None)


def _build_range(
    tx: Transaction, one: SegmentDefinition, ids: Sequence[int], now: datetime
) -> None:
    """Bring these contacts up to date, who are held, so that nobody changes them meanwhile."""
    everybody, between = set(ids), (ids[0], ids[-1])
    wanted = members(tx, one.segment.when, now, between=between, need=NEED) & everybody
    known = segments.members_between(tx, one.id, *between) & everybody
    segment_looks.enter(tx, ((one.id, key) for key in wanted - known), now)
    segment_looks.leave(tx, ((one.id, key) for key in known - wanted))
    if one.segment.is_timed:
        planned = segments.rechecks_between(tx, one.id, *between)
        turns = _turns(tx, one, ids, now)
        never: dict[Place, datetime | None] = dict.fromkeys(planned)
        segment_looks.plan(tx, never | turns, planned, now)


def _turns(
    tx: Transaction, one: SegmentDefinition, ids: Sequence[int], now: datetime
) -> dict[Place, datetime | None]:
    """Return when time alone may change whether contacts are in a segment."""
    parts = one.segment.timed_parts
    histories = segment_looks.recalled(tx, ids, recall_of([one.segment]), now)
    if all(isinstance(part, Did) for part in parts):
        # Most often the past is all that a clock is asked about; reading the rest takes longer.
        found = {key: Contact(key, "") for key in histories}
    else:
        some = turning(tx, one.segment.when, now, (ids[0], ids[-1]), NEED)
        found = people.contacts(tx, some, Need(received=False, track=TRACK))
    return {
        (one.id, key): next_turn(parts, replace(contact, history=histories.get(key, ())), now)
        for key, contact in found.items()
    }


def turn(deps: Dependencies, now: datetime, limit: int = CHUNK) -> int:
    """Look at contacts whom time alone may bring into a segment or out of it; return how many."""
    with deps.database.read() as tx:
        ids = segments.due(tx, now, limit)
    bad = isolate(ids, lambda part: _turn(deps, part, now))
    if len(bad) == len(ids) > 1:
        raise bad[0].error
    if bad:
        with deps.database.begin() as tx:
            segments.put_off(tx, [one.item for one in bad], now, now + PATIENCE)
    return len(ids)


def stored_segments(tx: Transaction) -> tuple[Segment, ...]:
    """Return the published segments."""
    return tuple(parse_segment(one.document) for one in segments.published(tx))


def _turn(deps: Dependencies, contact_ids: Sequence[int], now: datetime) -> None:
    def body(work: Work) -> None:
        people.lock(work.tx, contact_ids)
        work.see(contact_ids, history=False)
        rescore(work, contact_ids)

    around_bad_runs(deps, contact_ids, now, partial(committed, deps, now, body))
