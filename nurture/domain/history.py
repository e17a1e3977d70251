"""What a contact did, kept so that a long past answers as quickly as a short one."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import overload

from nurture.domain.contact import Occurrence


@dataclass(slots=True)
class _Found:
    """Those of one name that pass one test: their places, and when they were, both ascending.

    `seen` is how many of that name were looked at.
    """

    places: list[int] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    seen: int = 0


@dataclass(slots=True)
class _Log:
    """What histories that grew out of each other share."""

    items: list[Occurrence] = field(default_factory=list)
    named: dict[str, list[int]] = field(default_factory=dict)
    found: dict[Hashable, _Found] = field(default_factory=dict)

    def add(self, one: Occurrence) -> None:
        self.named.setdefault(one.name, []).append(len(self.items))
        self.items.append(one)


class History(Sequence[Occurrence]):
    """Occurrences, oldest first: a value like a tuple, that remembers what it was asked.

    A life of thousands of events asks the same questions after each of them. Every occurrence is
    tested once for each question, and counting is a look into times that are in order.
    """

    __slots__ = ("_length", "_log")

    def __init__(self, occurrences: Iterable[Occurrence] = ()) -> None:
        self._log = _Log()
        for one in occurrences:
            self._log.add(one)
        self._length = len(self._log.items)

    def and_then(self, occurrence: Occurrence) -> "History":
        """Return the history with one more: behind all that happened by then."""
        items, length = self._log.items, self._length
        is_newest = not length or items[length - 1].occurred_at <= occurrence.occurred_at
        if is_newest and length == len(items):
            self._log.add(occurrence)
            longer = History()
            longer._log, longer._length = self._log, length + 1
            return longer
        # Told late, or another history has grown out of this one already: begun anew.
        place = bisect_right(items, occurrence.occurred_at, hi=length, key=_when)
        return History((*items[:place], occurrence, *items[place:length]))

    def times(
        self, question: Hashable, name: str, test: Callable[[Occurrence], bool]
    ) -> Sequence[datetime]:
        """Return when what is called `name` and passes `test` happened, ascending.

        `question` stands for the test: the same one always for the same. What is returned is
        good until the history grows.
        """
        log = self._log
        found = log.found.get(question)
        if found is None:
            found = log.found[question] = _Found()
        own = log.named.get(name, ())
        while found.seen < len(own):
            one = log.items[own[found.seen]]
            if test(one):
                found.places.append(own[found.seen])
                found.times.append(one.occurred_at)
            found.seen += 1
        if not found.places or found.places[-1] < self._length:
            return found.times
        return found.times[: bisect_left(found.places, self._length)]

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, place: int) -> Occurrence: ...
    @overload
    def __getitem__(self, place: slice) -> tuple[Occurrence, ...]: ...
    def __getitem__(self, place: int | slice) -> Occurrence | tuple[Occurrence, ...]:
        if isinstance(place, slice):
            chosen = range(*place.indices(self._length))
            return tuple(self._log.items[number] for number in chosen)
        if not -self._length <= place < self._length:
            raise IndexError(place)
        return self._log.items[place % self._length]

    def __iter__(self) -> Iterator[Occurrence]:
        return (self._log.items[place] for place in range(self._length))

    def __reversed__(self) -> Iterator[Occurrence]:
        return (self._log.items[place] for place in range(self._length - 1, -1, -1))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # As for a list: what it is made of has no hash.


def with_one(history: Sequence[Occurrence], occurrence: Occurrence) -> Sequence[Occurrence]:
    """Return a history that has one more, in the order of time."""
    if isinstance(history, History):
        return history.and_then(occurrence)
    place = bisect_right(history, occurrence.occurred_at, key=_when)
    return (*history[:place], occurrence, *history[place:])


def _when(occurrence: Occurrence) -> datetime:
    return occurrence.occurred_at
