"""Recording an accepted email reads its contact only where the way on asks for one."""

from typing import Any

import pytest

from nurture.campaigns.parse import parse_sequence
from nurture.engine.definitions import goes_on_unasked

PLAIN: dict[str, Any] = {
    "key": "tips",
    "name": {"vi": "Mẹo", "en": "Tips"},
    "stage": "lead",
    "steps": [
        {"key": "touch", "email": "tip"},
        {"key": "pause", "wait": "3d"},
        {"key": "again", "email": "tip-2"},
        {"key": "read", "wait_for": {"event": "click", "of": "again", "within": "3d"}},
        {"key": "last", "email": "tip-3"},
        {"key": "monday", "wait": {"until": {"days": ["mon"], "at": "09:00"}}},
        {"key": "done", "exit": "read"},
    ],
}


def test_a_plain_wait_behind_an_email_asks_nothing_of_the_contact() -> None:
    assert goes_on_unasked(parse_sequence(PLAIN), "touch")


@pytest.mark.parametrize("step", ["again", "last", "done", "no such step"])
def test_an_awaited_answer_a_weekday_in_their_zone_or_the_end_asks(step: str) -> None:
    assert not goes_on_unasked(parse_sequence(PLAIN), step)


@pytest.mark.parametrize(
    "more",
    [
        {"exits": [{"reason": "customer", "when": {"did": "purchase"}}]},
        {"steps": [*PLAIN["steps"], {"key": "bought", "goal": {"event": "purchase"}}]},
    ],
)
def test_an_exit_or_a_goal_is_looked_at_before_any_wait(more: dict[str, Any]) -> None:
    assert not goes_on_unasked(parse_sequence({**PLAIN, **more}), "touch")
