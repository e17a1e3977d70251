"""When time alone changes the answer of a condition: computed, so that nobody has to scan for it.

What depends on the score is not looked at here; the score's own crossings are computed from the
ledger (`scoring.leaves`).
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from nurture.domain.comparing import Op, as_instant, as_number, span
from nurture.domain.conditions import (
    Compare,
    Condition,
    Did,
    counts,
    holds,
    matches_properties,
    may_count,
    walk,
)
from nurture.domain.contact import Contact

# A clock counts in these: "more than two hours" is true one of them after "two hours or more".
_TICK = timedelta(microseconds=1)


def turns_at(condition: Condition, contact: Contact, now: datetime) -> datetime | None:
    """Return when a part of `condition` that looks at the clock next changes its answer.

    None when time alone never changes it. The whole may well stay as it is then: who looks at
    that instant asks it anew, and again for the next one.
    """
    found = (_part_turns_at(part, contact, now) for part in walk(condition))
    return min((one for one in found if one is not None), default=None)


def looks_at_clock(condition: Condition) -> bool:
    """Return whether time alone can change the answer of `condition`, the score left aside."""
    return any(
        isinstance(part, Did) or (isinstance(part, Compare) and _is_timed(part))
        for part in walk(condition)
    )


def _is_timed(compare: Compare) -> bool:
    return (
        compare.subject.kind == "hours_in_stage"
        or compare.op in (Op.WITHIN_LAST, Op.IN_NEXT)
        or (compare.op in (Op.AFTER, Op.BEFORE) and compare.value == "now")
    )


def _part_turns_at(part: Condition, contact: Contact, now: datetime) -> datetime | None:
    match part:
        case Did():
            return _did_turns_at(part, contact, now)
        case Compare() if _is_timed(part):
            before = holds(part, contact, now)
            instants = sorted(_instants(part, contact))
            later = (one for one in instants if one > now)
            return next((one for one in later if holds(part, contact, one) != before), None)
        case _:
            return None


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
    known, possible = [], []
    gone = None if did.within is None else now - did.within
    past = 0
    for one in reversed(contact.history):
        # What left the window never comes back into it, and beyond so many more make no
        # difference: the newest leave it last.
        if (gone is not None and one.occurred_at <= gone) or past > did.bound:
            break
        if one.name != did.event or not matches_properties(did.where, one.properties):
            continue
        if counts(one, did.event):
            known.append(one.occurred_at)
            possible.append(one.occurred_at)
            past += one.occurred_at <= now
        elif may_count(one, did.event):
            possible.append(one.occurred_at)
    known.sort()
    possible.sort()
    ends = [] if did.within is None else [at + did.within for at in possible]
    instants = sorted({at for at in (*possible, *ends) if at > now})
    if not instants:
        return None
    before = (_enough(did, known, now), _enough(did, possible, now))
    for at in instants:
        if (_enough(did, known, at), _enough(did, possible, at)) != before:
            return at
    return None


def _enough(did: Did, times: Sequence[datetime], at: datetime) -> bool:
    past = bisect_right(times, at)
    gone = 0 if did.within is None else bisect_right(times, at - did.within)
    found = past - gone
    return found >= did.at_least and (did.at_most is None or found <= did.at_most)
