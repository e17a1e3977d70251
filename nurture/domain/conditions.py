"""The one condition language, evaluated in memory for one contact."""

from bisect import bisect_right
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import assert_never

from nurture.domain.comparing import Op as Op
from nurture.domain.comparing import as_instant as as_instant
from nurture.domain.comparing import as_number as as_number
from nurture.domain.comparing import compares, matches, tagged
from nurture.domain.contact import NOTHING, Contact, Engaged, Occurrence, Value, Verdict
from nurture.domain.history import History


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at: a contact's field, score, stage, tag and so on.

    `kind` is one of SUBJECTS; `name` says which field, BANT letter or topic.
    """

    kind: str
    name: str = ""


SUBJECTS = (
    "field", "engagement", "fit", "grade", "stage", "highest_stage", "temperature", "persona",
    "tag", "bant", "consent", "sequence", "segment", "received", "language", "timezone",
    "hours_in_stage",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Compare:
    """One subject against one value."""

    subject: Subject
    op: Op
    value: Value


@dataclass(frozen=True, slots=True)
class Asker:
    """The run through `sequence` that asks. What its siblings under other keys mailed is not its.

    `entry_key` is what tells it from them.
    """

    sequence: str
    entry_key: str

    def disowns(self, properties: Mapping[str, Value]) -> bool:
        """Return whether these are an occurrence's that answers an email of a sibling.

        What carries no key, such as what was recorded before there was one, is nobody else's.
        """
        key = properties.get("entry_key")
        own = properties.get("sequence") == self.sequence
        return own and isinstance(key, str) and key != self.entry_key


@dataclass(frozen=True, slots=True)
class Did:
    """At least `at_least`, at most `at_most` occurrences of `event` by a person within `within`.

    None sets no bound. Never is `at_most` 0 with `at_least` 0. With an `asker` answers to emails
    of other runs are left out; that is never written in a file, a run asks so (see `asked_by`).
    """

    event: str
    at_least: int = 1
    within: timedelta | None = None
    where: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    at_most: int | None = None
    asker: Asker | None = None

    def fits(self, properties: Mapping[str, Value]) -> bool:
        """Return whether an occurrence with these properties is what is asked for."""
        if self.asker is not None and self.asker.disowns(properties):
            return False
        return not self.where or matches_properties(self.where, properties)

    @property
    def question(self) -> Hashable:
        """What is asked of an occurrence; how many there are to be, and how late, left aside."""
        return self.event, tuple(self.where.items()), self.asker

    @property
    def bound(self) -> int:
        """The number of occurrences that any more make no difference beyond."""
        return max(self.at_least, self.at_most or 0)


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds; empty is true."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part holds; empty is false."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Condition"


Condition = Compare | Did | All | Any | Not

ALWAYS = All(())


def could_hold(condition: Condition, contact: Contact, now: datetime) -> bool:
    """Return whether `condition` is true of `contact` if opens nobody can know of were theirs.

    Where this differs from `holds`, the answer is unknowable.
    """
    return holds(condition, contact, now, unknown_opens=True)


def holds(
    condition: Condition, contact: Contact, now: datetime, *, unknown_opens: bool = False
) -> bool:
    """Return whether `condition` is true of `contact` at `now`.

    A missing subject (None, or an empty text) makes every comparison false except
    `exists: false`; `not` therefore turns "missing" into true, as a reader expects. As in SQL,
    nothing equals null, so that a contact whose name is "None" does not.
    """
    match condition:
        case Compare():
            return _compare(condition, contact, now)
        case Did():
            return _did(condition, contact, now, unknown_opens=unknown_opens)
        case All(parts) | Any(parts):
            # A loop, since this is asked of everybody for everything that happens.
            stops = isinstance(condition, Any)
            for part in parts:
                if holds(part, contact, now, unknown_opens=unknown_opens) is stops:
                    return stops
            return not stops
        case Not(part):
            return not holds(part, contact, now, unknown_opens=unknown_opens)
        case _:
            assert_never(condition)


def walk(condition: Condition) -> Iterator[Condition]:
    """Yield the condition and every part of it, outermost first."""
    yield condition
    match condition:
        case All(parts) | Any(parts):
            for part in parts:
                yield from walk(part)
        case Not(part):
            yield from walk(part)
        case _:
            pass


def matches_properties(where: Mapping[str, Value], properties: Mapping[str, Value]) -> bool:
    """Return whether every wanted property is there; texts may hold * and ? wildcards."""
    for name, want in where.items():  # noqa: SIM110 - every event of everybody comes by here
        if not _wanted(want, properties.get(name)):
            return False
    return True


def may_count(occurrence: Occurrence, event: str) -> bool:
    """Return whether `occurrence` is an open that may have been theirs: nobody can know."""
    return occurrence.name == event == Engaged.OPEN and occurrence.verdict is Verdict.UNKNOWN


def counts(occurrence: Occurrence, event: str) -> bool:
    """Return whether `occurrence` counts as a person's `event`; machines never do."""
    return occurrence.name == event and occurrence.verdict is Verdict.HUMAN


def _wanted(want: Value, have: Value) -> bool:
    if isinstance(have, str) and isinstance(want, str):
        return matches(have, want)  # Nearly always.
    if have is None:
        return False
    if isinstance(want, tuple):
        return any(_wanted(one, have) for one in want)
    if isinstance(have, tuple | list):
        return any(_wanted(want, one) for one in have)
    if isinstance(have, Mapping):
        return False  # The items of a cart travel along for emails; no rule looks into one.
    if isinstance(want, str):
        return matches(have, want)
    return want == have


def times_of(
    did: Did, history: Sequence[Occurrence], now: datetime, *, unknown: bool = False
) -> Sequence[datetime]:
    """Return when what `did` asks for was done or is to come, ascending: as many as matter.

    Of what had happened by `now` that is what lies in the window, and of that the newest; with
    `unknown` the opens of which nobody can know, and only those.
    """
    counted = may_count if unknown else counts
    since, most = None if did.within is None else now - did.within, did.bound
    if isinstance(history, History):
        times = history.times(
            (did.question, unknown),
            did.event,
            lambda one: counted(one, did.event) and did.fits(one.properties),
        )
        first = 0 if since is None else bisect_right(times, since)
        return times[max(first, bisect_right(times, now) - most - 1) :]
    found: list[datetime] = []
    past = 0
    # From the newest on, so that a long history is read only as far back as it matters: what left
    # the window never comes back into it, and beyond so many more make no difference.
    for one in reversed(history):
        at = one.occurred_at
        if past > most or (since is not None and at <= since):
            break
        # The name first: most of a history is about something else.
        if one.name == did.event and counted(one, did.event) and did.fits(one.properties):
            found.append(at)
            past += at <= now
    found.reverse()
    return found


def _did(did: Did, contact: Contact, now: datetime, *, unknown_opens: bool) -> bool:
    found = bisect_right(times_of(did, contact.history, now), now)
    if unknown_opens and did.event == Engaged.OPEN:
        found += bisect_right(times_of(did, contact.history, now, unknown=True), now)
    return found >= did.at_least and (did.at_most is None or found <= did.at_most)


def _look(subject: Subject, contact: Contact, now: datetime) -> Value:
    standing = contact.standing
    match subject.kind:
        case "field":
            return contact.fields.get(subject.name)
        case "tag":
            return tuple(sorted(contact.tags))
        case "sequence":
            return tuple(sorted(contact.sequences))
        case "segment":
            return tuple(sorted(contact.segments))
        case "received":
            return tuple(sorted(contact.received))
        case "bant":
            return contact.bant.get(subject.name, "unknown")
        case "consent":
            return bool(contact.consents.get(subject.name, False))
        case "stage":
            return standing.stage if standing else None
        case "highest_stage":
            return standing.highest if standing else None
        case "hours_in_stage":
            return (now - standing.since) / timedelta(hours=1) if standing else None
        case _:
            value: Value = getattr(contact, subject.kind)
            return value


def _compare(compare: Compare, contact: Contact, now: datetime) -> bool:
    return meets(compare, _look(compare.subject, contact, now), now)


def meets(compare: Compare, have: Value, now: datetime) -> bool:
    """Return whether what was found at the subject of `compare` is as it says."""
    missing = have is None or have == "" or have == ()
    if compare.op is Op.EXISTS:
        return missing is not bool(compare.value)
    if missing or compare.value is None:
        return False
    if compare.subject.kind == "tag":
        tags = have if isinstance(have, tuple) else ()
        return tagged(compare.op, tags, compare.value)
    return compares(compare.op, have, compare.value, now)
