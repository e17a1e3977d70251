"""What the hits of one send say about each other.

Every function takes all hits, in any order, and gives the places in that sequence which its
evidence touches. All of them take n log n steps, for anybody may hammer one address.
"""

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final

from nurture.tracking.hits import Hit, HitKind

TRAP_SPAN: Final = timedelta(seconds=60)
BURST_SPAN: Final = timedelta(seconds=2)
BURST_LINKS: Final = 3
ALL_LINKS_SPAN: Final = timedelta(seconds=10)
SCAN_SPAN: Final = timedelta(seconds=1)

Source = tuple[str, str]


def near_trap(hits: Sequence[Hit]) -> set[int]:
    """Hits within `TRAP_SPAN` of one by the same source that followed the hidden link.

    Address *and* program must be the same: a whole office may share the one, and half of all
    people the other.
    """
    traps: dict[Source, list[datetime]] = defaultdict(list)
    for hit in hits:
        if hit.is_trap:
            traps[hit.source].append(hit.at)
    for times in traps.values():
        times.sort()
    return {
        place
        for place, hit in enumerate(hits)
        if not hit.is_trap and _any_within(traps.get(hit.source, []), hit.at, TRAP_SPAN)
    }


def bursts(hits: Sequence[Hit]) -> set[int]:
    """Hits of one address in the span in which it followed several links, opens included."""
    by_address: dict[str, list[int]] = defaultdict(list)
    for place, hit in enumerate(hits):
        if hit.ip:
            by_address[hit.ip].append(place)
    found: set[int] = set()
    for places in by_address.values():
        found |= _dense(hits, places, BURST_SPAN, BURST_LINKS)
    return found


def sweeps(hits: Sequence[Hit], links: int) -> set[int]:
    """Clicks in the span in which every link was followed, whoever followed it.

    An email with one or two links says nothing: a person may well follow both.
    """
    if links < BURST_LINKS:
        return set()
    clicks = [place for place, hit in enumerate(hits) if hit.kind is HitKind.CLICK]
    return _dense(hits, clicks, ALL_LINKS_SPAN, links)


def scans(hits: Sequence[Hit], clear: Collection[int], doubtful: Collection[int]) -> set[int]:
    """Clicks that were a security service's check at the moment of a person's click.

    Two sources follow the same link within `SCAN_SPAN`: one person clicked. The check is the
    doubtful one of the two, else the earlier. A lone click never counts as a check.
    """
    by_link: dict[int | None, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for group, places in enumerate((clear, doubtful)):
        for place in places:
            by_link[hits[place].link_index][group].append(place)
    found: set[int] = set()
    for clear_here, doubtful_here in by_link.values():
        persons = _Clicks(hits, clear_here)
        others = _Clicks(hits, doubtful_here)
        found.update(place for place in clear_here if persons.has_later(hits[place]))
        found.update(
            place
            for place in doubtful_here
            if persons.has_near(hits[place]) or others.has_later(hits[place])
        )
    return found


def after_scan(hits: Sequence[Hit], clear: Iterable[int], machines: Iterable[int]) -> set[int]:
    """Of the clear clicks, those beside which a machine's click followed the same link."""
    times: dict[int | None, list[datetime]] = defaultdict(list)
    for place in machines:
        times[hits[place].link_index].append(hits[place].at)
    for each in times.values():
        each.sort()
    return {
        place
        for place in clear
        if _any_within(times.get(hits[place].link_index, []), hits[place].at, SCAN_SPAN)
    }


class _Clicks:
    """Clicks on one link in order of time, asked for neighbours of another source."""

    def __init__(self, hits: Sequence[Hit], places: Iterable[int]) -> None:
        # Clicks of the same moment are ordered by source, so that the order in which the hits
        # were handed in never decides.
        self._clicks = sorted((hits[place].at, hits[place].source) for place in places)
        self._next_source = [len(self._clicks)] * len(self._clicks)
        for at in range(len(self._clicks) - 2, -1, -1):
            same = self._clicks[at][1] == self._clicks[at + 1][1]
            self._next_source[at] = self._next_source[at + 1] if same else at + 1

    def has_later(self, hit: Hit) -> bool:
        return self._has_other(bisect_left(self._clicks, (hit.at, hit.source)), hit)

    def has_near(self, hit: Hit) -> bool:
        start = bisect_left(self._clicks, hit.at - SCAN_SPAN, key=lambda click: click[0])
        return self._has_other(start, hit)

    def _has_other(self, start: int, hit: Hit) -> bool:
        stop = bisect_right(self._clicks, hit.at + SCAN_SPAN, key=lambda click: click[0])
        if start >= stop:
            return False
        return self._clicks[start][1] != hit.source or self._next_source[start] < stop


def _any_within(times: Sequence[datetime], at: datetime, span: timedelta) -> bool:
    """Whether one of the sorted times is at most the span away, before or after."""
    return bisect_left(times, at - span) < bisect_right(times, at + span)


def _dense(hits: Sequence[Hit], places: Iterable[int], span: timedelta, links: int) -> set[int]:
    """The places inside any span that holds so many different links, the hidden one aside."""
    order = sorted(places, key=lambda place: hits[place].at)
    followed: Counter[int] = Counter()
    found: set[int] = set()
    first = done = 0
    for last, place in enumerate(order):
        if index := hits[place].link_index:
            followed[index] += 1
        while hits[place].at - hits[order[first]].at > span:
            if index := hits[order[first]].link_index:
                followed[index] -= 1
                if not followed[index]:
                    del followed[index]
            first += 1
        if len(followed) >= links:
            found.update(order[max(first, done) : last + 1])
            done = last + 1
    return found
