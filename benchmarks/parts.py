"""CPU time of each part of an email, in one process, around the product's own functions."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure
from benchmarks.postgres import Postgres
from benchmarks.sink import Sink
from benchmarks.world import Seed, environment, plant, publish
from nurture.config import Settings
from nurture.domain import enrollment as e
from nurture.domain.contact import Contact
from nurture.domain.decide import Situation, decide
from nurture.domain.enrollment import Enrollment
from nurture.domain.evolve import evolve
from nurture.engine.advance import CHUNK, advance
from nurture.engine.claiming import PART, Bag, claim
from nurture.engine.deliver import Courier
from nurture.engine.dependencies import Dependencies
from nurture.engine.journal import Journal
from nurture.engine.letters import merge_fields
from nurture.engine.receipts import Answer, record_receipts
from nurture.engine.transactions import committed
from nurture.jobs.roles import spare_the_collector
from nurture.providers.base import HandingOver
from nurture.tracking.tokens import Purpose, Tokens

GROUP: Final = "CPU of one email by part, one process"
QUEUE: Final = "due run to queued send"
CLAIM: Final = "claim, with every rule again"
RENDER: Final = "render subject, HTML and text"
RENDER_AND_LINKS: Final = "render and links"
WRITE: Final = "render, links and message"
TOKENS: Final = "7 tokens"
DECIDE: Final = "decide and evolve, both cycles of an email"
ROUNDS: Final = 500


class Watch:
    """Adds up process time by name. The least of the rounds counts: noise only ever adds."""

    def __init__(self) -> None:
        self._rounds: dict[str, list[float]] = {}

    @contextmanager
    def __call__(self, name: str, emails: int) -> Iterator[None]:
        """Measure the block, which works on so many emails."""
        started = time.process_time_ns()
        yield
        self._rounds.setdefault(name, []).append((time.process_time_ns() - started) / 1000 / emails)

    def forget(self, name: str) -> None:
        """Take back what was measured last: there was nothing to do."""
        self._rounds[name].pop()

    def least(self) -> dict[str, float]:
        """Microseconds per email of each name, in the order of first use."""
        return {name: min(rounds) for name, rounds in self._rounds.items()}


def measure(home: Path, emails: int) -> list[Figure]:
    """Send `emails` part by part; return a figure for each part and one for their sum."""
    batches: list[int] = []
    with Sink() as sink, Postgres() as database:
        settings = Settings.from_environment(
            environment(
                home,
                DATABASE_URL=database.url,
                NURTURE_PROVIDER="smtp",
                NURTURE_SMTP_URL=f"smtp://127.0.0.1:{sink.port}",
            )
        )
        now = datetime.now(UTC)
        deps = publish(settings, now, batches.extend)
        try:
            plant(deps, Seed(emails, emails, now), now)
            watch = Watch()
            spare_the_collector()  # As each of the processes does whose work this is.
            found = CHUNK
            while found:
                with watch(QUEUE, CHUNK):
                    found = advance(deps, now, CHUNK)
            watch.forget(QUEUE)
            size = _deliver(deps, batches, watch, now)
            _decide(deps, watch, now)
        finally:
            deps.provider.close()
            deps.database.close()
        assert sink.count == emails, f"{emails} were due, the sink counted {sink.count}"
    parts = _parts(watch.least())
    inside = {TOKENS, DECIDE}
    whole = sum(value for name, value in parts.items() if name not in inside)
    return [
        *(
            Figure(GROUP, name, value, "µs", limit="part of others" if name in inside else "")
            for name, value in parts.items()
        ),
        Figure(GROUP, "all of it", whole, "µs", note=f"The last message has {size:,} octets."),
    ]


def _deliver(deps: Dependencies, batches: Sequence[int], watch: Watch, now: datetime) -> int:
    courier = Courier(deps, "benchmark", Journal(deps.settings.home, "benchmark"))
    size = 0
    for batch_id in batches:
        while True:
            body = partial(claim, deps=deps, worker=courier.name, batch_id=batch_id, limit=PART)
            with watch(CLAIM, PART):
                bag = committed(deps, now, body)
            if not bag.letters:
                watch.forget(CLAIM)
                break
            size = _one_part(courier, bag, watch, now)
    courier.journal.close()
    return size


def _one_part(courier: Courier, bag: Bag, watch: Watch, now: datetime) -> int:
    """Do with a claimed part what `hand_over` does, each kind of work by itself."""
    deps, post, count = courier.deps, bag.post, len(bag.letters)
    assert post is not None
    pairs = [(letter, bag.emails[letter.email_id]) for letter in bag.letters]
    own = {"unsubscribe_url": deps.settings.public_url, "view_url": deps.settings.public_url}
    with deps.database.read() as tx:
        funnel = deps.definitions.catalog(tx).funnel
    merges = [
        merge_fields(one.addressee, one.enrollment, one.stage, funnel, email.language, now, own)
        for one, email in pairs
    ]
    with watch(RENDER, count):
        for (_, email), merge in zip(pairs, merges, strict=True):
            deps.renderer.render(email, merge)
    with watch(RENDER_AND_LINKS, count):
        for letter, email in pairs:
            post.render(letter, email, now)
    with watch(WRITE, count):
        emails = [post.write(letter, email, now) for letter, email in pairs]
    with watch(TOKENS, count):
        for letter in bag.letters:
            _seal(deps.tokens, letter.email_id, letter.send.id)
    sends = {letter.send.id: letter for letter in bag.letters}
    answers = []
    with watch("hand over by SMTP, noted in the journal", count):
        for item in deps.provider.send(emails, now):
            if isinstance(item, HandingOver):
                courier.journal.handing_over(item.send_ids)
                continue
            courier.journal.settled(item)
            letter = sends[item.send_id]
            answers.append(Answer(letter.send, item, deps.clock.now(), letter.email_id))
    with watch("record answers, runs go on", count):
        record_receipts(deps, courier.name, answers, now)
    courier.journal.empty()
    return len(emails[-1].message)


def _seal(tokens: Tokens, email_id: int, send_id: int) -> None:
    for purpose in (Purpose.OPEN, Purpose.CLICK, Purpose.UNSUBSCRIBE, Purpose.VIEW):
        tokens.seal(purpose, email_id, send_id)
    tokens.seal(Purpose.UNSUBSCRIBE, email_id, send_id)
    tokens.seal_address(0, send_id)
    tokens.seal_address(email_id, send_id, prefix="b+")


def _decide(deps: Dependencies, watch: Watch, now: datetime) -> None:
    """A due wait that leads to an email, and its receipt that leads to the next wait."""
    with deps.database.read() as tx:
        sequence = deps.definitions.catalog(tx).current["measured"].sequence
    contact = Contact(1, "reader@readers.example.com", consents={"marketing": True})
    run = Enrollment(
        1, sequence.key, sequence.version, e.Waiting(now), now, "start", {"start": 1}, id=1
    )
    with watch(DECIDE, ROUNDS):
        for _ in range(ROUNDS):
            decisions = decide(Situation(run, sequence, contact), e.TimerFired(), now)
            sending = evolve(run, decisions)
            receipt = e.Accepted("touch", 1, now)
            decisions = decide(Situation(sending, sequence, contact), receipt, now)
            after = evolve(sending, decisions)
    assert isinstance(after.state, e.Waiting), after.state


def _parts(found: dict[str, float]) -> dict[str, float]:
    """Tell apart what can only be measured together: each of three contains the one before."""
    render, links, write = (found.pop(name) for name in (RENDER, RENDER_AND_LINKS, WRITE))
    queued = found.pop(QUEUE)
    claimed = found.pop(CLAIM)
    return {
        QUEUE: queued,
        CLAIM: claimed,
        RENDER: render,
        "merge fields, 12 links, pixel, honeypot": links - render,
        "compose the message": write - links,
        **found,
    }
