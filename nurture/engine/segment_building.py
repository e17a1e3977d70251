"""Publishing segments: everybody is looked at once; after that, only whose time has come."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from nurture.campaigns.folder import digest
from nurture.campaigns.parse import parse_segment
from nurture.campaigns.segment_shape import segment_document
from nurture.domain.segments import Segment, in_order
from nurture.domain.turning import turns_at
from nurture.engine.definitions import TRACK, SegmentDefinition
from nurture.engine.dependencies import Dependencies
from nurture.engine.isolation import around_bad_runs, isolate
from nurture.engine.score import rescore
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.store import ledger, people, segments
from nurture.store.condition_members import EVERYTHING, members, turning
from nurture.store.database import Transaction

# Contacts that one transaction of a build looks at.
BATCH = 10_000
# Contacts whose time has come, in one transaction.
CHUNK = 200
# One whom no rule can be applied to is looked at again after this long.
PATIENCE = timedelta(hours=1)

NEED = replace(EVERYTHING, track=TRACK)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the build of one segment has come."""

    key: str
    looked_at: int
    members: int


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
    if any(one.key in changed and one.asks("engagement") for one in ordered):
        # When the score crosses their thresholds is computed by the next look at each contact.
        ledger.look_again(tx, None, now)
    return tuple(sorted(changed | {one.key for one in gone}))


def build(deps: Dependencies, now: datetime, told: Told = lambda _: None, size: int = BATCH) -> int:
    """Look at everybody for the segments that were published; return how many were built.

    Whoever is in or out by the new definition did nothing, so that no event tells of it. Contacts
    that change meanwhile are seen to by their own transactions, which hold them. `size` is how many
    contacts one transaction looks at.
    """
    with deps.database.read() as tx:
        open_ = set(segments.unbuilt(tx))
        if not open_:
            return 0
        catalog = deps.definitions.catalog(tx)
    done = 0
    for one in catalog.segments:
        if one.id in open_:
            done += _build_one(deps, one, now, told, size)
    return done


def _build_one(
    deps: Dependencies, one: SegmentDefinition, now: datetime, told: Told, size: int
) -> int:
    after = looked = inside = 0
    with deps.database.read() as tx:
        begun = segments.by_key(tx, one.segment.key)
    while True:
        with deps.database.begin() as tx:
            part = segments.contact_range(tx, after, size)
            if part is None:
                break
            inside += _build_range(tx, one, (part[0], part[1]), now)
        after, looked = part[1], looked + part[2]
        told(Progress(one.segment.key, looked, inside))
    with deps.database.begin() as tx:
        return int(begun is not None and segments.mark_built(tx, one.id, begun.digest, now))


def _build_range(
    tx: Transaction, one: SegmentDefinition, between: tuple[int, int], now: datetime
) -> int:
    """Bring the members in a range of contacts up to date; return how many they are."""
    when = one.segment.when
    wanted = members(tx, when, now, between=between, need=NEED)
    known = segments.members_between(tx, one.id, *between)
    doubtful = wanted ^ known
    if doubtful:
        # Somebody may have changed since; whoever is held does not any more.
        people.lock(tx, doubtful)
        sure = members(tx, when, now, ids=doubtful, need=NEED)
        known = segments.members_between(tx, one.id, *between)
        segments.enter(tx, ((one.id, key) for key in sure - known), now)
        segments.leave(tx, ((one.id, key) for key in (doubtful - sure) & known))
        wanted = (wanted - doubtful) | sure
    if one.segment.is_timed:
        _plan(tx, one, turning(tx, when, now, between, NEED), now)
    return len(wanted)


def _plan(
    tx: Transaction, one: SegmentDefinition, contact_ids: Sequence[int], now: datetime
) -> None:
    for start in range(0, len(contact_ids), CHUNK * 5):
        ids = contact_ids[start : start + CHUNK * 5]
        people.lock(tx, ids)
        found = people.contacts(tx, ids, NEED)
        wanted = {
            (one.id, key): turns_at(one.segment.when, contact, now)
            for key, contact in found.items()
        }
        segments.save_rechecks(tx, wanted, segments.rechecks(tx, [one.id], ids))


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
