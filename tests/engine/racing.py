"""Processes of their own that do things to one database at the same moment."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from multiprocessing.synchronize import Barrier
from typing import Any

import sqlalchemy as sa

from nurture.campaigns.parse import parse_sequence
from nurture.config import Settings
from nurture.domain.contact import Occurrence
from nurture.domain.resuming import How, Resumption
from nurture.engine.deliver import Courier, deliver
from nurture.engine.dependencies import Dependencies
from nurture.engine.journal import Journal
from nurture.engine.pausing import pause, resume
from nurture.engine.publish import place_contacts, publish_sequence
from nurture.engine.record import record
from nurture.engine.suppress import unsubscribe
from nurture.errors import Refused
from nurture.jobs import ticker
from nurture.store import tables
from nurture.store.ledger import NewEvent
from nurture.wiring import build
from tests.engine.scripted_post import ScriptedPost
from tests.engine.world import EMAILS, Document, SetClock, compiled
from tests.processes import APART

# (recipient, subject, send) of an email that a process mailed.
Mailed = tuple[str, str, int]
ROUNDS = 4

_start: Barrier | None = None


@dataclass(frozen=True)
class Arena:
    """The database that they race on, and what time it is there."""

    settings: Settings
    url: str
    now: datetime


Act = tuple[Callable[..., None], Arena, tuple[Any, ...]]


@contextmanager
def racers(count: int) -> Iterator[Callable[..., list[Mailed]]]:
    """Start so many processes; yields what has as many acts done at once, and returns the mail."""
    barrier = APART.Barrier(count)
    with ProcessPoolExecutor(
        count, mp_context=APART, initializer=_line_up, initargs=(barrier,)
    ) as pool:

        def race(arena: Arena, *acts: tuple[Callable[..., None], tuple[Any, ...]]) -> list[Mailed]:
            assert len(acts) == count
            done = [pool.submit(_run, act, arena, given) for act, given in acts]
            return [one for each in done for one in each.result(120)]

        yield race


def _line_up(barrier: Barrier) -> None:
    global _start
    _start = barrier


def _run(act: Callable[..., None], arena: Arena, given: tuple[Any, ...]) -> list[Mailed]:
    post = ScriptedPost()
    clock = SetClock(arena.now)
    made = replace(arena.settings, database_url=arena.url, public_url="https://nurture.test")
    deps = replace(build(made), clock=clock, wall=clock, provider=post)
    try:
        with deps.database.read() as tx:  # Connected, and with the definitions read.
            deps.definitions.catalog(tx)
        assert _start is not None
        _start.wait(60)
        act(deps, *given)
    finally:
        deps.database.close()
    return [(email.recipient, email.subject, email.send_id) for email in post.taken]


# ---- what a process may do ------------------------------------------------------------------


def tick(deps: Dependencies) -> None:
    """Be a scheduler: everything that a ticker does, several times."""
    for _ in range(ROUNDS):
        for chore in ticker.chores(deps):
            chore.do()


def work(deps: Dependencies, name: str) -> None:
    """Be a worker: deliver whatever batch there is."""
    courier = Courier(deps, name, Journal(deps.settings.home, name))
    for _ in range(ROUNDS):
        with deps.database.read() as tx:
            batches = list(tx.execute(sa.select(tables.Batch.id)).scalars())
        for batch in batches:
            deliver(courier, batch)
    courier.journal.close()


def tell(deps: Dependencies, events: Sequence[NewEvent]) -> None:
    """Be the web: record what people did, one call for each."""
    for event in events:
        record(deps, [event], deps.clock.now())


def publish(deps: Dependencies, document: Document) -> None:
    """Be the marketer."""
    emails = compiled(*EMAILS)
    with deps.database.begin() as tx:
        publish_sequence(tx, parse_sequence(document), document, emails, "lan", deps.clock.now())


def place(deps: Dependencies) -> None:
    """Be whoever has just published something: let in who waits for it."""
    place_contacts(deps, deps.clock.now())


def meddle(deps: Dependencies, seed: int, contacts: Sequence[int]) -> None:
    """Be all who meddle: contacts who answer, buy and leave, and a marketer who pauses."""
    chance, now = random.Random(seed), deps.clock.now()  # noqa: S311 - nothing is kept secret
    for _ in range(len(contacts)):
        contact = chance.choice(contacts)
        match chance.randrange(8):
            case 0:
                pause(deps, "welcome", "let us see", "lan", now)
            case 1:
                with suppress(Refused):  # It goes on already.
                    resume(deps, "welcome", "lan", now, Resumption(chance.choice(list(How))))
            case 2:
                with deps.database.read() as tx:
                    of = sa.select(tables.Send.id).where(tables.Send.contact_id == contact)
                    sent = list(tx.execute(of).scalars())
                if sent and chance.random() < 0.3:
                    unsubscribe(deps, sent[-1], now)
            case _:
                name = chance.choice(["click", "click", "form", "demo", "purchase"])
                told = {"step": "hello", "sequence": "welcome"} if name == "click" else {}
                key = f"{seed}:{contact}:{name}:{chance.random()}"
                tell(deps, [NewEvent(contact, Occurrence(name, now, told, dedupe_key=key), "api")])
