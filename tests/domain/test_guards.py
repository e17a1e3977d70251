"""What pauses a sequence, in numbers."""

from datetime import timedelta

import pytest

from nurture.domain.guards import Guards, Pace, Record, bad_record, strange_pace

USUAL = Guards()
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (Record(199, 50, 50), None),
        (Record(200, 0, 5), None),
        (Record(200, 1, 0), "complaints:1:200"),
        (Record(1000, 0, 29), None),
        (Record(1000, 0, 30), "bounces:30:1000"),
        (Record(1000, 1, 30), "complaints:1:1000"),
    ],
)
def test_a_bad_record_is_one_in_a_thousand_or_three_in_a_hundred(
    record: Record, told: str | None
) -> None:
    assert bad_record(USUAL, record) == told


def test_a_guard_that_is_switched_off_sees_nothing() -> None:
    assert bad_record(Guards(complaints=None, bounces=None), Record(1000, 900, 900)) is None
    assert strange_pace(Guards(surge=None), Pace(10_000, 1, 9 * DAY)) is None


@pytest.mark.parametrize(
    ("pace", "told"),
    [
        (Pace(5_000, 0, 2 * DAY), None),
        (Pace(499, 1, 9 * DAY), None),
        (Pace(500, 50, 9 * DAY), None),
        (Pace(501, 50, 9 * DAY), "surge:501:50"),
        (Pace(600, 0, 3 * DAY), "surge:600:0"),
    ],
)
def test_a_strange_pace_is_ten_times_the_usual_one(pace: Pace, told: str | None) -> None:
    assert strange_pace(USUAL, pace) == told
