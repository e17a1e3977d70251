"""When time alone changes the answer of a condition: computed, so that nobody has to scan for it.

What depends on the score is not looked at here; the score's own crossings are computed from the
ledger (`scoring.leaves`).
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from nurture.domain.comparing import Op, as_instant, as_number, span
from nurture.domain.conditions import Compare, Condition, Did, Not, holds, times_of, walk
from nurture.domain.contact import Contact, Engaged

# A clock counts in these: "more than two hours" is true one of them after "two hours or more".
_TICK = timedelta(microseconds=1)

Timed = Did | Compare


def turns_at(condition: Condition, contact: Contact, now: datetime) -> datetime | None:
    """Return when a part of `condition` that looks at the clock next changes its answer.

    None when time alone never changes it. The whole may well stay as it is then: who looks at
    that instant asks it anew, and again for the next one.
    """
    return next_turn(timed_parts(condition), contact, now)


def next_turn(parts: Iterable[Timed], contact: Contact, now: datetime) -> datetime | None:
    """Return what `turns_at` does for the condition whose timed parts these are."""
    found = [_part_turns_at(part, contact, now) for part in parts]
    return min((one for one in found if one is not None), default=None)


def holds_until(
    condition: Condition, parts: Iterable[Timed], contact: Contact, now: datetime
) -> tuple[bool, datetime | None]:
    """Return what `holds` says of a condition, and `next_turn` of `parts`, its timed ones.

    What somebody did is looked for once for both where nothing else is asked.
    """
    did = condition.part if isinstance(condition, Not) else condition
    # Opens of which nobody can know turn at instants of their own.
    if not isinstance(did, Did) or did.event == Engaged.OPEN:
        return holds(condition, contact, now), next_turn(parts, contact, now)
    times = times_of(did, contact.history, now)
    return _enough(did, times, now) is (did is condition), _number_turns_at(did, times, now)


def timed_parts(condition: Condition) -> tuple[Timed, ...]:
    """Return the parts of `condition` that look at the clock."""
    return tuple(
        part
        for part in walk(condition)
        if isinstance(part, Did) or (isinstance(part, Compare) and _is_timed(part))
    )


def looks_at_clock(condition: Condition) -> bool:
    """Return whether time alone can change the answer of `condition`, the score left aside."""
    return bool(timed_parts(condition))


def thresholds(condition: Condition) -> frozenset[float]:
    """Return every engagement at which the answer of `condition` could change."""
    found = (
        part.value
        for part in walk(condition)
        if isinstance(part, Compare) and part.subject.kind == "engagement"
    )
    return frozenset(float(one) for one in found if isinstance(one, int | float))


def _is_timed(compare: Compare) -> bool:
    return (
        compare.subject.kind == "hours_in_stage"
        or compare.op in (Op.WITHIN_LAST, Op.IN_NEXT)
        or (compare.op in (Op.AFTER, Op.BEFORE) and compare.value == "now")
    )


def _part_turns_at(part: Timed, contact: Contact, now: datetime) -> datetime | None:
    if isinstance(part, Did):
        return _did_turns_at(part, contact, now)
    before = holds(part, contact, now)
    instants = sorted(_instants(part, contact))
    later = (one for one in instants if one > now)
    return next((one for one in later if holds(part, contact, one) != before), None)


def _instants(compare: Compare, contact: Contact) -> Iterator[datetime]:
    """Yield the instants around which a comparison with the clock can turn."""
    if compare.subject.kind == "hours_in_stage":
        yield from _hours(compare, contact)
        return
    field = contact.fields.get(compare.subject.name)
    instant = as_instant(field) if compare.subject.kind == "field" else None
    if instant is None:
        return
    length = span(compare.value) or timedelta()
    for shift in (-length, timedelta(), length):
        try:
            yield from (instant + shift, instant + shift + _TICK)
        except OverflowError:  # A date at an end of the calendar: it never comes.
            continue


def _hours(compare: Compare, contact: Contact) -> Iterator[datetime]:
    if contact.standing is None:
        return
    values = compare.value if isinstance(compare.value, tuple) else (compare.value,)
    for value in values:
        hours = as_number(value)
        # Longer than a thousand years is never, and more than a duration can say.
        if hours is not None and 0 <= hours < 24 * 365_000:
            at = contact.standing.since + timedelta(hours=hours)
            # Hours are rounded to the clock's ticks, so the tick before and after count, too.
            yield from (at - _TICK, at, at + _TICK, at + 2 * _TICK)


def _did_turns_at(did: Did, contact: Contact, now: datetime) -> datetime | None:
    """Return when the number of occurrences in the window next makes another answer.

    Of what nobody can know only opens may count; they are asked for beside what is sure.
    """
    known = times_of(did, contact.history, now)
    unknown: Sequence[datetime] = ()
    if did.event == Engaged.OPEN:
        unknown = times_of(did, contact.history, now, unknown=True)
    sure = _number_turns_at(did, known, now)
    if not unknown:
        return sure
    possible = _number_turns_at(did, sorted((*known, *unknown)), now)
    return min((one for one in (sure, possible) if one is not None), default=None)


def _number_turns_at(did: Did, times: Sequence[datetime], now: datetime) -> datetime | None:
    """Return when the answer next changes, of `times` in the window or to come, ascending."""
    within = did.within
    if not times or times[-1] <= now:
        return None if within is None else _falls_at(did, times, within)
    ends = [] if within is None else [at + within for at in times]
    before = _enough(did, times, now)
    for at in sorted({at for at in (*times, *ends) if at > now}):
        if _enough(did, times, at) != before:
            return at
    return None


def _falls_at(did: Did, times: Sequence[datetime], within: timedelta) -> datetime | None:
    """Return when the answer changes as all of `times`, one after the other, leave the window."""
    number, most = len(times), did.at_most
    if most is not None and number > most:
        # So many are left when as many as are too many have gone; or fewer, if some go at once.
        at = times[number - most - 1] + within
        return at if _enough(did, times, at) else None
    if number < did.at_least or did.at_least <= 0:
        return None
    return times[number - did.at_least] + within


def _enough(did: Did, times: Sequence[datetime], at: datetime) -> bool:
    past = bisect_right(times, at)
    gone = 0 if did.within is None else bisect_right(times, at - did.within)
    found = past - gone
    return found >= did.at_least and (did.at_most is None or found <= did.at_most)
