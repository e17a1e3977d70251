"""The doctor finds what others planted, each by its name, and nothing in a sound world."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.doctor import MEANINGS, examine
from nurture.store import tables
from nurture.wiring import build
from tests.engine.scripted_post import UNCERTAIN
from tests.engine.world import DAY, FUNNEL, HOUR, NOW, WELCOME, E, S, World, opened

T = tables.Standing


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        for name in ("ana", "bo"):
            made.enroll(name)
        made.drive(NOW + HOUR)
        made.add("cleo")
        made.place()
        yield made


def plant(world: World, *statements: Any) -> None:
    with world.deps.database.begin() as tx:
        for statement in statements:
            tx.execute(statement)


def codes(world: World) -> set[str]:
    return {finding.code for finding in world.examine().findings}


def test_a_sound_world_has_no_findings(world: World) -> None:
    examined = world.examine()
    assert examined.findings == ()
    assert (examined.enrollments, examined.contacts) == (3, 3)


def suppression_before(world: World) -> None:
    values = {
        "address_key": "key-ana", "scope": "global", "reason": "list", "source": "test",
        "at": NOW - DAY,
    }  # fmt: skip
    plant(world, sa.insert(tables.Suppression).values(**values))


def received_twice(world: World) -> None:
    first = sa.select(sa.func.min(S.id)).where(S.status == "accepted").scalar_subquery()
    plant(
        world,
        sa.update(S).where(S.id != first, S.status == "accepted").values(contact_id=1),
    )


PLANTED: dict[str, Callable[[World], None]] = {
    "sending_without_send": lambda world: plant(
        world, sa.update(S).where(S.status == "queued").values(status="refused")
    ),
    "send_without_run": lambda world: plant(
        world,
        sa.update(E).where(E.state == "sending").values(state="exited", ended_at=NOW),
    ),
    "overdue": lambda world: plant(
        world, sa.update(E).where(E.state == "waiting").values(wake_at=NOW - DAY)
    ),
    "mailed_after_suppression": suppression_before,
    "content_twice": received_twice,
    "run_of_another_stage": lambda world: plant(world, sa.update(T).values(stage="sql")),
    "state_differs": lambda world: plant(
        world, sa.update(E).where(E.state == "waiting").values(wake_at=NOW + 99 * DAY)
    ),
    "score_differs": lambda world: plant(world, sa.update(T).values(engagement=17.0)),
    "uncertain": lambda world: plant(
        world, sa.update(S).where(S.status == "queued").values(status="uncertain")
    ),
}


@pytest.mark.parametrize("code", sorted(PLANTED))
def test_what_was_planted_is_found(world: World, code: str) -> None:
    PLANTED[code](world)
    assert code in codes(world)
    assert set(MEANINGS[code]) == {"vi", "en"}


def test_examining_changes_nothing(world: World) -> None:
    before = world.rows(sa.select(E.id, E.revision, E.state).order_by(E.id))
    for _ in range(2):
        examine(world.deps, world.now)
    assert world.rows(sa.select(E.id, E.revision, E.state).order_by(E.id)) == before


def test_an_uncertain_send_is_told_and_is_no_violation(world: World) -> None:
    world.post.script["cleo@example.com"] = [UNCERTAIN]
    world.work()
    assert codes(world) == {"uncertain"}
    assert world.examine().violations == ()


def test_a_score_that_waits_for_another_funnel_is_no_violation(world: World) -> None:
    world.happen(1, "form")
    assert codes(world) == set()
    groups = [{"key": "all", "cap": 3, "half_life": "10d"}]
    engagement = {**FUNNEL["engagement"], "groups": groups}
    world.publish(funnel={**FUNNEL, "engagement": engagement})
    assert "score_differs" in codes(world), "a funnel that went in by the back door"


def test_a_version_that_cannot_be_read_is_told_and_hides_nothing_else(
    world: World, settings: Settings, database_url: str
) -> None:
    old = sa.select(tables.SequenceVersion.id).where(tables.SequenceVersion.number == 1)
    steps = [*WELCOME["steps"], {"key": "more", "wait": "9d"}]
    world.publish({**WELCOME, "steps": steps})
    welcome = old.join(tables.Sequence, tables.Sequence.id == tables.SequenceVersion.sequence_id)
    wanted = welcome.where(tables.Sequence.key == "welcome").scalar_subquery()
    broken = sa.update(tables.SequenceVersion).where(tables.SequenceVersion.id == wanted)
    plant(world, broken.values(document={"key": "welcome", "nonsense": 1}))
    PLANTED["score_differs"](world)
    deps = build(replace(settings, database_url=database_url))
    try:
        found = {one.code for one in examine(deps, world.now).findings}
    finally:
        deps.database.close()
    assert found == {"invariant", "score_differs"}
