"""Erasing somebody while they are mailed, imported, told of, and erased by somebody else."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.consent import Answer
from nurture.engine.addresses import ERASURE
from nurture.engine.erasing import Outcome, erase
from nurture.engine.record import record
from nurture.engine.replay import replay
from nurture.store import people, tables
from nurture.store.database import Transaction
from tests.engine.importing_world import contacts, import_world, imported
from tests.engine.signing_up import opened_for_sign_up
from tests.engine.test_erasing_everywhere import everything
from tests.engine.test_races import at_once, delivering
from tests.engine.world import NOW, E, S, World, opened

PEOPLE = 12
C, T = tables.Contact, tables.Suppression


@pytest.fixture
def world(settings: Settings, postgresql_url: str) -> Iterator[World]:
    with opened(settings, postgresql_url) as made:
        yield made


def address(number: int) -> str:
    return f"zan{number}@example.com"


def gone_of(world: Any, which: list[int], now: Any = NOW, **more: Any) -> list[Outcome]:
    return [
        erase(world.deps, address(n), by="lan", why="", now=now, **more).outcome for n in which
    ]  # fmt: skip


def test_erased_while_workers_send_and_events_come_in(world: World) -> None:
    ids = world.add_many([f"zan{n}" for n in range(PEOPLE)])
    world.place()
    forms = [world.event(key, "form", key=f"zan-{key}", who="zan") for key in ids]
    everybody = list(range(PEOPLE))
    outcomes: Counter[Outcome] = Counter()
    at_once(
        delivering(world, "w1"),
        lambda: outcomes.update(gone_of(world, everybody)),
        lambda: record(world.deps, forms, world.now),
        lambda: outcomes.update(gone_of(world, everybody[::-1])),
        delivering(world, "w2"),
    )
    assert outcomes == {Outcome.ERASED: PEOPLE, Outcome.ALREADY: PEOPLE}
    before = len(world.post.taken)
    world.clock.moment = NOW.replace(month=4)
    world.work("w3")
    assert len(world.post.taken) == before
    assert world.column(sa.select(E.id).where(E.ended_at.is_(None))) == []
    assert set(world.column(sa.select(S.status))) <= {"accepted", "cancelled"}
    assert [place for place, text in everything(world.deps.database).items() if "zan" in text] == []
    assert Counter(world.column(sa.select(T.reason))) == {ERASURE: PEOPLE}
    assert replay(world.deps, world.now).differences == ()
    world.assert_sound()


def test_a_sign_up_that_waited_for_the_erasure_leaves_nobody_behind(
    settings: Settings, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened_for_sign_up(settings, postgresql_url) as world:
        world.known()
        lock, outcomes = people.lock, list[Outcome]()
        begun: list[bool] = []

        def late(tx: Transaction, contact_ids: Iterable[int]) -> None:
            # Between the look at who has the address and the hold on them.
            if not begun:
                begun.append(True)
                done = erase(world.deps, "ana@example.com", by="lan", why="", now=world.now)
                outcomes.append(done.outcome)
            lock(tx, contact_ids)

        monkeypatch.setattr(people, "lock", late)
        assert world.wish() is Answer.REFUSED
        assert outcomes == [Outcome.ERASED]
        assert world.mailed("ana") == []
        assert world.column(sa.select(C.email)) == [""]


@pytest.mark.parametrize("known", [True, False])
def test_erased_while_an_import_brings_them(
    settings: Settings, postgresql_url: str, tmp_path: Path, *, known: bool
) -> None:
    shop = import_world(settings, postgresql_url, tmp_path)
    lines = "".join(f"{address(n)},Zan {n}\n" for n in range(PEOPLE))
    text = f"email,name\n{lines}"
    if known:
        imported(shop.deps, text)
        text = text.replace("Zan", "Zan again")
    everybody = list(range(PEOPLE))
    at_once(
        lambda: gone_of(shop, everybody, bar=True),
        lambda: imported(shop.deps, text, overwrite=True),
        lambda: gone_of(shop, everybody[::-1], bar=True),
    )
    # Whoever the import brought after the look of an erasure is barred, and not there.
    gone_of(shop, everybody)
    assert contacts(shop.deps).keys() & {address(n) for n in everybody} == set()
    assert imported(shop.deps, text, again=True).counts["rejected"] == PEOPLE
    found = [place for place, told in everything(shop.deps.database).items() if "zan" in told]
    shop.close()
    assert found == []
