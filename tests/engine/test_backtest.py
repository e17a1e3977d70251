"""A draft is lived with the past before it is published: who would have moved, and why."""

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest

from nurture.campaigns.parse import parse_funnel, parse_sequence
from nurture.config import Settings
from nurture.engine.backtest import BackTest, backtest
from nurture.engine.simulate import published_world, with_sequence
from nurture.engine.world import World as Rules
from tests.engine.world import DAY, FUNNEL, HOUR, WELCOME, World, opened


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    """Ana clicks twice in thirty days, Bo fills a form and reaches MQL, Cleo does nothing."""
    with opened(settings, database_url) as made:
        ana, bo, _ = (made.enroll(name) for name in ("ana", "bo", "cleo"))
        made.drive(made.now + DAY)
        made.click(ana, "hello")
        made.drive(made.now + HOUR)
        made.click(ana, "hello")
        made.happen(bo, "form")
        made.drive(made.now + 28 * DAY)
        yield made


def with_points(points: int) -> Rules:
    document: dict[str, Any] = deepcopy(dict(FUNNEL))
    document["engagement"]["rules"][0]["points"] = points
    funnel = parse_funnel(document, version=2)
    return Rules(funnel, {})


def run(world: World, after: Rules) -> BackTest:
    before = published_world(world.deps)
    wanted = Rules(after.funnel, {**before.sequences, **after.sequences})
    return backtest(world.deps, before, wanted, 90 * DAY, world.now)


def test_the_rules_of_today_change_nothing(world: World) -> None:
    found = run(world, Rules(published_world(world.deps).funnel, {}))
    assert (found.contacts, found.differing, found.told) == (3, 0, ())


def test_the_rules_of_today_lead_to_what_happened(world: World) -> None:
    found = run(world, Rules(published_world(world.deps).funnel, {}))
    assert found.moves == {"lead→mql": (1, 1), "mql→lead": (1, 1)}
    assert found.mails[0] == len(world.post.mailed)


def test_more_points_for_a_click_would_have_moved_ana_with_the_reason(world: World) -> None:
    found = run(world, with_points(15))
    assert found.moves["lead→mql"] == (1, 2)
    (ana,) = found.told
    assert ana.address == "ana@example.com"
    assert ana.moves_before == ()
    assert ana.moves_after[0][0] == "lead→mql"
    assert "engagement 30" in ana.moves_after[0][1] or "engagement 2" in ana.moves_after[0][1]
    assert dict(ana.points) == {"click": (10.0, 30.0)}


def test_a_draft_of_a_sequence_is_counted_in_mails(world: World) -> None:
    before = published_world(world.deps)
    document = {**WELCOME, "steps": WELCOME["steps"][:1]}
    short = with_sequence(before, parse_sequence(document, funnel=before.funnel))
    found = backtest(world.deps, before, short, 90 * DAY, world.now)
    assert found.mails[1] < found.mails[0]
    assert found.moves["lead→mql"] == (1, 1)


def test_progress_is_told(world: World) -> None:
    seen: list[tuple[int, int]] = []
    rules = published_world(world.deps)
    backtest(
        world.deps, rules, rules, 90 * DAY, world.now,
        progress=lambda done, of: seen.append((done, of)),
    )  # fmt: skip
    assert seen == [(3, 3)]
