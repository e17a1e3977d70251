"""A ledger that was folded is worth what it was, now and at all times after it."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.folding import FOLDS_AFTER, LongLedger, folded
from nurture.domain.scoring import Entry, engagement
from tests.domain.build import DAY, HOUR, NOW
from tests.domain.test_scoring import GROUPS, LIMITS, an_entry, ledgers

later = st.lists(
    st.tuples(st.sampled_from(["open", "click", "visit"]), st.integers(0, 60 * 48)), max_size=6
)


def worth(entries: list[Entry], after: timedelta) -> float:
    return engagement(entries, GROUPS, LIMITS, NOW + after).total


@given(ledgers(), later, st.integers(0, 60 * 24 * 30))
def test_folded_or_not_it_is_worth_the_same_whatever_comes(
    known: tuple[Entry, ...], coming: list[tuple[str, int]], minutes: int
) -> None:
    more = [
        Entry(rule, 1, "email", 7, NOW + timedelta(minutes=at), f"m{number}")
        for number, (rule, at) in enumerate(coming)
    ]
    short = folded(known, GROUPS, LIMITS, NOW)
    for after in (timedelta(), timedelta(minutes=minutes)):
        for new in ([], more):
            whole = worth([*known, *new], after)
            assert worth([*short, *new], after) == pytest.approx(whole, abs=1e-9)


def test_a_long_ledger_stays_short_and_keeps_every_entry() -> None:
    ledger = LongLedger()
    for hour in range(2_000):
        now = NOW + hour * HOUR
        ledger.add([an_entry(1, NOW - now, group="web", rule="visit")])
        assert len(ledger.short(GROUPS, LIMITS, now)) <= 3 * FOLDS_AFTER
    assert len(ledger.entries) == 2_000
    whole = engagement(ledger.entries, GROUPS, LIMITS, now).total
    short = engagement(ledger.short(GROUPS, LIMITS, now), GROUPS, LIMITS, now).total
    assert short == pytest.approx(whole)


def test_what_is_told_late_still_meets_the_limits_of_its_day() -> None:
    ledger = LongLedger(an_entry(1, timedelta(minutes=n), "web", "visit") for n in range(999))
    ledger.add([an_entry(4, 10 * DAY), an_entry(9, 10 * DAY - HOUR / 4)])
    assert len(ledger.short(GROUPS, LIMITS, NOW)) < 9
    # A click between the two, of which one an hour counts: now the first alone is counted.
    ledger.add([an_entry(2, 10 * DAY - HOUR / 8)])
    short = engagement(ledger.short(GROUPS, LIMITS, NOW), GROUPS, LIMITS, NOW).total
    assert short == pytest.approx(engagement(ledger.entries, GROUPS, LIMITS, NOW).total)
