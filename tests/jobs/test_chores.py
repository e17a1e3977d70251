"""Chores are isolated from each other, and one that fails is tried ever less often."""

from dataclasses import replace

import pytest

from nurture.config import Settings
from nurture.jobs.chores import LONGEST_WAIT, Chore, Chores
from nurture.jobs.ticker import MOST_CHUNKS, chores, drain
from nurture.wiring import build


class Watch:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


class Task:
    """Fails when told to, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0
        self.broken = False

    def __call__(self) -> int:
        self.asked += 1
        if self.broken:
            raise ValueError("broken")
        return 2


def test_a_chore_that_fails_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    bad, good = Task(), Task()
    bad.broken = True
    assert Chores([Chore("bad", bad), Chore("good", good)]).round() == 2
    assert (bad.asked, good.asked) == (1, 1)
    assert "bad failed and is tried again in 1.0 seconds" in caplog.text


def test_a_chore_that_fails_waits_twice_as_long_each_time_up_to_a_minute() -> None:
    watch, task = Watch(), Task()
    task.broken = True
    chore = Chore("task", task)
    chores = Chores([chore], 1.0, watch)
    waits = []
    for _ in range(9):
        chores.round()
        waits.append(chore.not_before - watch.seconds)
        watch.seconds = chore.not_before - 0.001
        chores.round()
        watch.seconds = chore.not_before
    assert task.asked == 9
    assert waits == [1, 2, 4, 8, 16, 32, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT]
    task.broken = False
    assert chores.round() == 2
    assert chore.failures == 0


def test_a_chore_with_a_pace_of_its_own_keeps_it() -> None:
    watch, task = Watch(), Task()
    chores = Chores([Chore("task", task, every=5)], 1.0, watch)
    for _ in range(10):
        chores.round()
        watch.seconds += 1
    assert task.asked == 2


def test_draining_ends_when_a_chunk_is_not_full_or_there_were_many() -> None:
    sizes = iter([10, 10, 3, 10])
    assert drain(lambda: next(sizes), 10) == 23
    assert drain(lambda: 10, 10) == 10 * MOST_CHUNKS


def test_before_anything_is_published_every_chore_finds_nothing_to_do(
    settings: Settings, database_url: str
) -> None:
    deps = build(replace(settings, database_url=database_url))
    try:
        assert {chore.name: chore.do() for chore in chores(deps)} == {
            chore.name: 0 for chore in chores(deps)
        }
    finally:
        deps.database.close()
