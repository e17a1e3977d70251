"""Death at every line: afterwards nobody is lost, nobody is mailed twice, few are in doubt."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine import deliver as delivering
from nurture.engine.claiming import claim
from nurture.engine.reconcile import MOST_CLAIMS, Recovered, decide_uncertain, recover
from nurture.store import tables
from nurture.store.database import Database, Transaction
from tests.engine.scripted_post import HARD, LATER, SOFT, Killed
from tests.engine.world import DAY, HOUR, NOW, S, World, opened

PEOPLE = ("ana", "bo", "cleo")
PLACES_PER_EMAIL = 4
# Place everybody, advance, claim, record, find nothing to advance.
TRANSACTIONS = 5


class Mortal:
    """A database whose process dies at the k-th transaction, just before or just after it."""

    def __init__(self, database: Database, dies_at: int, *, after_commit: bool) -> None:
        self._database = database
        self._left = dies_at
        self._after = after_commit

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        self._left -= 1
        if self._left == 0 and not self._after:
            raise Killed
        with self._database.begin() as transaction:
            yield transaction
        if self._left == 0:
            raise Killed

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def settle_the_doubtful(world: World) -> int:
    """Answer for every uncertain send by what the recipient's mailbox says; return how many."""
    got = {email.send_id for email in world.post.taken}
    doubtful = world.column(sa.select(S.id).where(S.status == "uncertain"))
    for send_id in doubtful:
        decide_uncertain(world.deps, send_id, send_id in got, world.now)
    return len(doubtful)


def assert_all_is_well_after(world: World, *, doubtful: int) -> None:
    """Let another worker take over, and hold that nobody was lost or mailed twice."""
    recover(world.deps, "w1", world.now)
    assert world.column(sa.select(S.id).where(S.status == "claimed")) == []
    world.work("w2")
    assert settle_the_doubtful(world) <= doubtful
    world.drive(NOW + 20 * DAY, "w2")
    world.assert_sound()
    for name in PEOPLE:
        mail = world.mailed(name)
        assert mail in (["hello", "again"], ["again"]), (name, mail)
    lost = [name for name in PEOPLE if world.mailed(name) == ["again"]]
    assert len(lost) <= doubtful
    assert {state for name in PEOPLE for _, state, _ in states_of(world, name)} == {"exhausted"}


def states_of(world: World, name: str) -> list[tuple[str, str, str]]:
    (key,) = world.column(sa.select(tables.Contact.id).filter_by(address=f"{name}@example.com"))
    return world.states(key)


@pytest.mark.parametrize("place", range(1, PLACES_PER_EMAIL * len(PEOPLE) + 1))
def test_a_provider_that_dies_anywhere_loses_nobody(
    settings: Settings, sqlite_url: str, place: int
) -> None:
    with opened(settings, sqlite_url) as world:
        world.add_many(list(PEOPLE))
        world.place()
        world.post.dies_at = place
        with pytest.raises(Killed):
            world.work()
        at = (place - 1) % PLACES_PER_EMAIL
        # In doubt is only what was handed over and not answered.
        assert_all_is_well_after(world, doubtful=1 if at in (1, 2) else 0)


@pytest.mark.parametrize("after_commit", [False, True])
@pytest.mark.parametrize("transaction", range(1, TRANSACTIONS + 2))
def test_a_death_at_any_transaction_loses_nobody(
    settings: Settings, sqlite_url: str, transaction: int, after_commit: bool
) -> None:
    with opened(settings, sqlite_url) as world:
        world.add_many(list(PEOPLE))
        whole = world.deps
        mortal = Mortal(whole.database, transaction, after_commit=after_commit)
        world.deps = replace(whole, database=cast(Database, mortal))
        died = False
        try:
            world.place()
            world.work()
        except Killed:
            died = True
        world.deps = whole
        assert died == (transaction <= TRANSACTIONS), "the test reaches every transaction there is"
        world.place()
        assert_all_is_well_after(world, doubtful=0)


@pytest.mark.parametrize("transaction", range(1, 4))
def test_a_death_during_the_recovery_is_recovered_from(
    settings: Settings, sqlite_url: str, transaction: int
) -> None:
    with opened(settings, sqlite_url) as world:
        world.add_many(list(PEOPLE))
        world.place()
        world.post.dies_at = PLACES_PER_EMAIL + 3  # ana answered, bo handed over, cleo neither
        with pytest.raises(Killed):
            world.work()
        mortal = Mortal(world.deps.database, transaction, after_commit=True)
        dying = replace(world.deps, database=cast(Database, mortal))
        with pytest.raises(Killed):
            recover(dying, "w1", world.now)
        assert_all_is_well_after(world, doubtful=1)


def test_what_became_of_a_dead_workers_sends_is_told(world: World) -> None:
    ana, bo, cleo = world.add_many(list(PEOPLE))
    world.place()
    world.post.dies_at = PLACES_PER_EMAIL + 3
    with pytest.raises(Killed):
        world.work()
    assert world.column(sa.select(S.status)) == ["claimed"] * 3
    world.woken.clear()
    assert recover(world.deps, "w1", world.now) == Recovered(settled=1, uncertain=1, requeued=1)
    assert [world.sends(key)[0][1] for key in (ana, bo, cleo)] == [
        "accepted", "uncertain", "queued",
    ]  # fmt: skip
    assert world.woken == world.column(sa.select(tables.Batch.id))
    assert recover(world.deps, "w1", world.now) == Recovered()


def test_without_its_journal_everything_claimed_is_in_doubt(world: World) -> None:
    world.add_many(list(PEOPLE))
    world.place()
    (batch,) = world.column(sa.select(tables.Batch.id))
    world.do(lambda work: claim(work, world.deps, "far", batch))
    done = recover(world.deps, "far", world.now, journal_is_here=False)
    assert done == Recovered(uncertain=3)
    world.work("w2")
    assert world.post.mailed == []


def test_answers_of_every_kind_survive_in_the_journal(world: World) -> None:
    for name, reply in (("ana", HARD), ("bo", SOFT), ("cleo", LATER), ("dung", None)):
        world.add(name)
        if reply is not None:
            world.post.script[f"{name}@example.com"] = [reply]
    world.place()
    world.post.dies_at = PLACES_PER_EMAIL * 4
    with pytest.raises(Killed):
        world.work()
    recover(world.deps, "w1", world.now)
    assert world.column(sa.select(S.status).order_by(S.id)) == [
        "refused", "queued", "queued", "accepted",
    ]  # fmt: skip
    assert world.column(sa.select(tables.Suppression.reason)) == ["hard bounce"]
    assert world.column(sa.select(S.attempts).order_by(S.id)) == [1, 1, 0, 1]


def test_a_run_that_moved_while_its_worker_was_dead_gets_no_late_email(world: World) -> None:
    ana = world.enroll("ana")
    (batch,) = world.column(sa.select(tables.Batch.id))
    world.do(lambda work: claim(work, world.deps, "w1", batch))
    world.happen(ana, "form")
    assert recover(world.deps, "w1", world.now) == Recovered()
    assert world.sends(ana)[0] == ("hello", "cancelled", "the run went on")
    assert not world.examine().violations


def test_a_send_that_takes_its_workers_down_is_given_up_by_name(world: World) -> None:
    ana = world.enroll("ana")
    for number in range(MOST_CLAIMS):
        (batch,) = world.column(sa.select(tables.Batch.id))
        world.do(lambda work, batch=batch, n=number: claim(work, world.deps, f"w{n}", batch))
        done = recover(world.deps, f"w{number}", world.now)
    assert done == Recovered(failed=1)
    ((_, status, reason),) = world.sends(ana)
    assert (status, reason) == ("failed", f"claimed {MOST_CLAIMS} times and never handed over")
    assert world.states(ana) == [("welcome", "failed", "hello")]


def test_a_provider_with_a_bug_leaves_what_it_had_to_the_recovery(world: World) -> None:
    world.add_many(list(PEOPLE))
    world.place()
    world.post.raises_at = PLACES_PER_EMAIL + 2
    with pytest.raises(RuntimeError, match="a bug"):
        world.work()
    assert recover(world.deps, "w1", world.now) == Recovered(1, 1, 1)
    world.clock.moment += HOUR
    world.work("w2")
    assert sorted(world.mailed(name) for name in PEOPLE) == [[], ["hello"], ["hello"]]


def test_receipts_are_written_in_small_groups(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(delivering, "RECORD", 2)
    world.add_many([f"p{n}" for n in range(5)])
    world.place()
    world.post.dies_at = PLACES_PER_EMAIL * 5
    with pytest.raises(Killed):
        world.work()
    statuses = world.column(sa.select(S.status).order_by(S.id))
    assert statuses == ["accepted"] * 4 + ["claimed"]
    assert recover(world.deps, "w1", world.now) == Recovered(settled=1)
