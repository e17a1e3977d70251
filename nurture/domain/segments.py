"""Segments: groups of contacts that a condition describes, and that change by themselves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from types import MappingProxyType

from nurture.domain.comparing import compares
from nurture.domain.conditions import Compare, Condition, Did, holds, matches_properties, walk
from nurture.domain.contact import Contact, Value
from nurture.domain.turning import Timed, timed_parts

# What happens to contacts at the border of a segment; its key is the property `segment`.
ENTERED, LEFT = "segment_entered", "segment_left"
BORDER = frozenset({ENTERED, LEFT})


@dataclass(frozen=True)
class Segment:
    """Everybody of whom `when` is true."""

    key: str
    when: Condition
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    description: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @cached_property
    def timed_parts(self) -> tuple[Timed, ...]:
        """The parts of the condition that look at the clock."""
        return timed_parts(self.when)

    @property
    def is_timed(self) -> bool:
        """Whether time alone can bring a contact in or out, the score left aside."""
        return bool(self.timed_parts)

    @cached_property
    def asked(self) -> tuple[Did, ...]:
        """What the condition asks of what contacts did."""
        return tuple(part for part in walk(self.when) if isinstance(part, Did))

    def asks(self, kind: str) -> bool:
        """Return whether the condition looks at the subject called `kind`."""
        parts = (part for part in walk(self.when) if isinstance(part, Compare))
        return any(part.subject.kind == kind for part in parts)

    def rests_on(self, keys: Iterable[str]) -> frozenset[str]:
        """Return which of the segments `keys` can change who is in this one.

        By asking for membership, or for what happened at their border.
        """
        found: set[str] = set()
        for part in walk(self.when):
            match part:
                case Compare(subject) if subject.kind == "segment":
                    found |= {key for key in keys if _names(part, key)}
                case Did(event, where=where) if event in BORDER:
                    named = where.get("segment")
                    some = named if isinstance(named, tuple) else (named,)
                    found |= set(keys) if named is None else {key for key in keys if key in some}
                case _:
                    pass
        return frozenset(found)


def names_segment(condition: Condition, key: str) -> bool:
    """Return whether `condition` asks for the segment `key`, or for what happens at its border.

    Asking for any segment at all names none.
    """
    for part in walk(condition):
        match part:
            case Compare(subject, value=value) if subject.kind == "segment":
                if not isinstance(value, bool) and _names(part, key):
                    return True
            case Did(event, where=where) if names_border(event, where, key):
                return True
            case _:
                pass
    return False


def names_border(event: str, where: Mapping[str, Value], key: str) -> bool:
    """Return whether an event with these properties is about the border of the segment `key`."""
    if event not in BORDER or "segment" not in where:
        return False
    return matches_properties({"segment": where["segment"]}, {"segment": key})


def _names(compare: Compare, key: str) -> bool:
    wanted: Value = compare.value
    # Whether somebody is in any segment at all depends on every one.
    if isinstance(wanted, bool):
        return True
    return compares(compare.op, (key,), wanted, _ANY_TIME)


# Keys are compared whatever the time.
_ANY_TIME = datetime.max.replace(tzinfo=UTC)


def in_order(segments: Sequence[Segment]) -> tuple[tuple[Segment, ...], tuple[str, ...]]:
    """Return segments such that each stands behind those it rests on, and a circle if there is one.

    Segments in a circle, or that rest on one, are not among the first.
    """
    keys = {one.key for one in segments}
    needs = {one.key: set(one.rests_on(keys)) for one in segments}
    left = {one.key: one for one in segments}
    done: list[Segment] = []
    while ready := sorted(key for key in left if not needs[key] & left.keys()):
        done += [left.pop(key) for key in ready]
    return tuple(done), _circle(needs, set(left))


def _circle(needs: Mapping[str, set[str]], left: set[str]) -> tuple[str, ...]:
    if not left:
        return ()
    way = [min(left)]
    # Everybody who is left needs somebody who is left, so that walking on must come round.
    while (following := min(needs[way[-1]] & left)) not in way:
        way.append(following)
    return tuple(way[way.index(following) :])


def inside(
    segments: Iterable[Segment],
    contact: Contact,
    now: datetime,
    known: Mapping[str, bool] = MappingProxyType({}),
) -> frozenset[str]:
    """Return the keys of the segments that `contact` is in, looked at in this order.

    Those that others rest on come first (`in_order`). Of a segment that is `known` it is not asked
    again whether the contact is in it.
    """
    found: frozenset[str] = frozenset()
    for one in segments:
        looking = replace(contact, segments=found)
        belongs = known[one.key] if one.key in known else holds(one.when, looking, now)
        found |= {one.key} if belongs else set()
    return found


@dataclass(frozen=True, slots=True)
class Recall:
    """What segments ask of the past: events by these names, and how far back (None for ever).

    Only of the `detailed` ones the properties matter.
    """

    names: frozenset[str]
    detailed: frozenset[str]
    span: timedelta | None


def recall_of(segments: Iterable[Segment]) -> Recall:
    """Return how much of a history decides who is in these segments, and until when."""
    asked = [did for one in segments for did in one.asked]
    spans = [did.within for did in asked]
    longest = None if None in spans else max((one for one in spans if one), default=timedelta())
    return Recall(
        frozenset(did.event for did in asked),
        frozenset(did.event for did in asked if did.where),
        longest,
    )
