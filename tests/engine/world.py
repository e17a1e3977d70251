"""A small Nurture on a real database: tiny campaigns, known people, a clock that is set."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nurture.campaigns.folder import digest
from nurture.campaigns.parse import parse_funnel, parse_sequence
from nurture.config import Settings
from nurture.domain.contact import Occurrence, Value, Verdict
from nurture.engine.advance import advance
from nurture.engine.deliver import Courier, deliver
from nurture.engine.dependencies import Dependencies
from nurture.engine.doctor import Examined, examine
from nurture.engine.journal import Journal
from nurture.engine.publish import Compiled, place_contacts, publish_sequence
from nurture.engine.record import fallen, record
from nurture.engine.transactions import committed
from nurture.mailer.compile import compile_email
from nurture.mailer.sources import EmailSource
from nurture.store import bulk, ledger, published, tables
from nurture.store.ledger import NewEvent
from nurture.wiring import build
from tests.engine.scripted_post import ScriptedPost

# A Monday at ten in the morning in Ho Chi Minh City.
NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

E, S, C = tables.Enrollment, tables.Send, tables.Contact

Document = Mapping[str, Any]

FUNNEL: Document = {
    "account": {
        "name": "Lotus Desk",
        "email": "hello@lotusdesk.example.com",
        "address": "18 Hoa Sen",
        "site": "https://lotusdesk.example.com",
    },
    "stages": [
        {"key": key, "name": {"vi": key, "en": key}, "journey": "subscribed"}
        for key in ("lead", "mql", "sql")
    ],
    # Promoted at 20, demoted below 10, and not on the first day: nobody wavers.
    "edges": [
        {
            "kind": "promote", "from": "lead", "to": "mql",
            "when": {"score": "engagement", "at_least": 20},
        },
        {
            "kind": "demote", "from": "mql", "to": "lead",
            "when": {"score": "engagement", "below": 10}, "dwell": "1d",
        },
        {"kind": "promote", "from": "mql", "to": "sql", "when": {"did": "demo"}, "dwell": "2d"},
    ],
    "engagement": {
        "groups": [{"key": "all", "cap": 60, "half_life": "10d"}],
        "rules": [
            {
                "key": "click", "name": {"vi": "Bấm", "en": "Clicks"}, "event": "click",
                "points": 5, "group": "all",
            },
            {
                "key": "form", "name": {"vi": "Điền", "en": "Form"}, "event": "form",
                "points": 20, "group": "all",
            },
        ],
    },
    "fit": {"rules": [], "grades": [{"grade": "A", "at_least": 45}, {"grade": "D"}]},
    "temperature": [{"key": "warm", "enter": 15, "leave": 8}, {"key": "cold"}],
    "fields": [
        {
            "key": "first_name", "name": {"vi": "Tên", "en": "First name"},
            "defaults": {"vi": "bạn", "en": "there"},
        }
    ],
    "topics": [
        {"key": "marketing", "name": {"vi": "Thư", "en": "Letters"}},
        {"key": "news", "name": {"vi": "Tin", "en": "News"}},
    ],
}  # fmt: skip


def sequence(key: str, steps: list[dict[str, Any]], **rest: Any) -> dict[str, Any]:
    """A sequence's document."""
    return {"key": key, "name": {"vi": key, "en": key}, "steps": steps, **rest}


WELCOME = sequence(
    "welcome",
    [
        {"key": "hello", "email": "hello"},
        {"key": "pause", "wait": "2d"},
        {
            "key": "answer",
            "wait_for": {
                "event": "click", "of": "hello", "within": "5d", "yes": "thanks", "no": "again",
            },
        },
        {"key": "thanks", "email": "thanks", "next": "end"},
        {"key": "again", "email": "again"},
    ],
    stage="lead",
)  # fmt: skip
DEEPEN = sequence(
    "deepen",
    [
        {"key": "case", "email": "case"},
        {"key": "pause", "wait": "3d"},
        {"key": "offer", "email": "offer"},
    ],
    stage="mql",
)
CART = sequence(
    "cart",
    [{"key": "patience", "wait": "4h"}, {"key": "remind", "email": "basket"}],
    trigger={"event": "cart_updated", "key": "cart_id", "cancel": ["purchase"]},
    reentry="keyed",
)

EMAILS = ("hello", "thanks", "again", "case", "offer", "basket")

_BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>{text} {{{{ contact.first_name }}}} {{{{ sender.address }}}}</mj-text>
<mj-text><a href="https://lotusdesk.example.com/{name}">Go</a></mj-text>
<mj-text><a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""


def email(
    name: str, text: str = "Hi", language: str = "en"
) -> dict[tuple[str, str], Any]:  # fmt: skip
    """One compiled email whose subject is its name."""
    source = EmailSource(
        name, language, name, _BODY.format(name=name, text=text), None, "subject", "body", "text",
        (), (),
    )  # fmt: skip
    return {(name, language): compile_email(source)}


def compiled(*names: str) -> Compiled:
    """Compiled emails by these names."""
    found: dict[tuple[str, str], Any] = {}
    for name in names:
        found |= email(name)
    return found


class SetClock:
    """Tells what it was told."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


class World:
    """One Nurture without processes: time passes, and work is done, when a test says so."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.clock = SetClock(NOW)
        self.post = ScriptedPost()
        self.woken: list[int] = []
        built = build(replace(settings, database_url=url, public_url="https://nurture.test"))
        self.deps: Dependencies = replace(
            built, clock=self.clock, wall=self.clock, provider=self.post, wake=self.woken.extend
        )
        self.emails: Compiled = {}
        self._couriers: dict[str, Courier] = {}
        self._events = 0

    @property
    def now(self) -> datetime:
        return self.clock.moment

    def close(self) -> None:
        self.deps.database.close()

    # ---- what is published ----------------------------------------------------------------

    def publish(self, *documents: Document, funnel: Document | None = None) -> None:
        """Publish sequences, and a funnel where one is given, as one transaction; then place."""
        if not self.emails:
            self.emails = compiled(*EMAILS)
        with self.deps.database.begin() as tx:
            if funnel is not None:
                parse_funnel(funnel)
                number = published.funnel_number(tx) + 1
                published.add_funnel(tx, number, funnel, digest(dict(funnel)), "test", self.now)
            for document in documents:
                parsed = parse_sequence(document)
                publish_sequence(tx, parsed, document, self.emails, "test", self.now)
        place_contacts(self.deps, self.now)

    # ---- who is there ---------------------------------------------------------------------

    def add(
        self, name: str, stage: str = "lead", *, consents: Mapping[str, bool] | None = None,
        timezone: str = "Asia/Ho_Chi_Minh",
    ) -> int:  # fmt: skip
        """Add a contact called `name`, in no sequence yet; return the id."""
        return self.add_many([name], stage, consents=consents, timezone=timezone)[0]

    def add_many(
        self, names: list[str], stage: str = "lead", *, consents: Mapping[str, bool] | None = None,
        timezone: str = "Asia/Ho_Chi_Minh",
    ) -> list[int]:  # fmt: skip
        """Add contacts, who consent to marketing where nothing else is said; return their ids."""
        given = {"marketing": True, "news": True} if consents is None else dict(consents)
        with self.deps.database.begin() as tx:
            rows = bulk.insert(
                tx,
                C,
                [
                    {
                        "email": f"{name}@example.com", "address": f"{name}@example.com",
                        "address_key": f"key-{name}", "language": "en", "timezone": timezone,
                        "source": "form", "fields": {"first_name": name}, "tags": [],
                        "consents": given, "search": "", "soft_bounces": 0,
                        "created_at": self.now, "updated_at": self.now,
                    }
                    for name in names
                ],
                returning=("id", "address"),
            )  # fmt: skip
            ids = {row.address: row.id for row in rows}
            found = [int(ids[f"{name}@example.com"]) for name in names]
            ledger.add_standings(tx, [(key, "default", stage, self.now) for key in found])
        return found

    def place(self) -> None:
        """Enroll everybody who stands in a stage and is in no sequence of it."""
        place_contacts(self.deps, self.now)

    def enroll(self, name: str, stage: str = "lead") -> int:
        """Add a contact and enroll them; return the contact's id."""
        key = self.add(name, stage)
        self.place()
        return key

    # ---- what happens ---------------------------------------------------------------------

    def happen(
        self, contact_id: int, name: str, *, at: datetime | None = None, key: str = "",
        verdict: Verdict = Verdict.HUMAN, **properties: Value,
    ) -> int:  # fmt: skip
        """A contact does something; return how many events were new."""
        return record(
            self.deps, [self.event(contact_id, name, at, key, verdict, **properties)], self.now
        )

    def event(
        self, contact_id: int, name: str, at: datetime | None = None, key: str = "",
        verdict: Verdict = Verdict.HUMAN, **properties: Value,
    ) -> NewEvent:  # fmt: skip
        """An event that is not recorded yet."""
        self._events += 1
        occurrence = Occurrence(
            name, at or self.now, properties, verdict, dedupe_key=key or f"e{self._events}"
        )
        return NewEvent(contact_id, occurrence, "test")

    def click(self, contact_id: int, step: str, sequence: str = "welcome") -> int:
        """A contact clicks in an email."""
        return self.happen(contact_id, "click", step=step, sequence=sequence)

    # ---- work that is done ----------------------------------------------------------------

    def courier(self, name: str = "w1") -> Courier:
        """The worker called `name`; its journal stays open."""
        if name not in self._couriers:
            journal = Journal(self.deps.settings.home, name)
            self._couriers[name] = Courier(self.deps, name, journal)
        return replace(self._couriers[name], deps=self.deps)

    def advance(self) -> int:
        """Move all due runs on."""
        moved = 0
        while part := advance(self.deps, self.now):
            moved += part
        return moved

    def deliver(self, worker: str = "w1") -> int:
        """Deliver every batch with queued sends; return how many sends were handed over."""
        batches = self.column(sa.select(S.batch_id).where(S.status == "queued").distinct())
        courier = self.courier(worker)
        return sum(deliver(courier, batch) for batch in sorted(batches))

    def work(self, worker: str = "w1") -> None:
        """Do all that is due now."""
        for _ in range(50):
            fallen(self.deps, self.now)
            if not self.advance() + self.deliver(worker):
                return
        raise AssertionError("work makes no progress")

    def drive(self, until: datetime, worker: str = "w1") -> None:
        """Let time pass, stopping wherever something is due."""
        self.work(worker)
        for _ in range(500):
            following = self._next_moment()
            if following is None or following > until:
                self.clock.moment = max(until, self.now)
                self.work(worker)
                return
            self.clock.moment = following
            self.work(worker)
        raise AssertionError("time makes no progress")

    def _next_moment(self) -> datetime | None:
        p, t = tables.ProviderState, tables.Standing
        moments = [
            self.column(sa.select(sa.func.min(E.wake_at)).where(E.frozen_at.is_(None))),
            self.column(sa.select(sa.func.min(S.not_before)).where(S.status == "queued")),
            self.column(sa.select(sa.func.min(t.crosses_at))),
            self.column(sa.select(sa.func.min(p.until)).where(p.state == "down")),
        ]
        later = [one for (one,) in moments if one is not None and one > self.now]
        return min(later, default=None)

    # ---- what is to be seen ---------------------------------------------------------------

    def rows(self, statement: sa.Select[*tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        with self.deps.database.read() as tx:
            return [tuple(row) for row in tx.execute(statement)]

    def column(self, statement: sa.Select[*tuple[Any, ...]]) -> list[Any]:
        return [row[0] for row in self.rows(statement)]

    def states(self, contact_id: int) -> list[tuple[str, str, str]]:
        """(sequence, state, step) of every run of a contact, oldest first."""
        key = tables.Sequence.key
        return self.rows(
            sa.select(key, E.state, E.step)
            .join(tables.Sequence, tables.Sequence.id == E.sequence_id)
            .where(E.contact_id == contact_id)
            .order_by(E.id)
        )

    def sends(self, contact_id: int) -> list[tuple[str, str, str]]:
        """(step, status, reason) of every send to a contact, oldest first."""
        return self.rows(
            sa.select(S.step, S.status, S.reason).where(S.contact_id == contact_id).order_by(S.id)
        )

    def stage(self, contact_id: int) -> str:
        t = tables.Standing
        return str(self.column(sa.select(t.stage).where(t.contact_id == contact_id))[0])

    def score(self, contact_id: int) -> float:
        t = tables.Standing
        return float(self.column(sa.select(t.engagement).where(t.contact_id == contact_id))[0])

    def scopes(self, contact_id: int) -> list[tuple[str, str, str]]:
        """(scope, reason, source) of every suppression of a contact that stands."""
        t = tables.Suppression
        return self.rows(
            sa.select(t.scope, t.reason, t.source)
            .where(t.contact_id == contact_id, t.lifted_at.is_(None))
            .order_by(t.scope)
        )

    def mailed(self, name: str) -> list[str]:
        """The subjects of everything that `name` got."""
        return [
            subject for recipient, subject in self.post.mailed if recipient == f"{name}@example.com"
        ]

    def examine(self) -> Examined:
        return examine(self.deps, self.now)

    def assert_sound(self) -> None:
        """Hold that the doctor finds nothing, and that nobody got the same email twice."""
        violations = self.examine().violations
        assert not violations, violations
        twice = [one for one in set(self.post.mailed) if self.post.mailed.count(one) > 1]
        assert not twice, twice

    def do(self, body: Any) -> Any:
        """Run `body` (Work → anything) as one committed piece of work."""
        return committed(self.deps, self.now, body)


@contextmanager
def opened(settings: Settings, url: str, home: Path | None = None) -> Iterator[World]:
    """A world with the tiny campaigns published and nobody in it."""
    made = World(settings if home is None else replace(settings, home=home), url)
    try:
        made.publish(WELCOME, DEEPEN, CART, funnel=FUNNEL)
        yield made
    finally:
        made.close()
