"""One sent email and the hits it gets, on a real database, for tests of hits and webhooks."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.advance import advance
from nurture.engine.deliver import Courier, deliver
from nurture.engine.journal import Journal
from nurture.engine.publish import apply, place_contacts
from nurture.errors import Invalid, Retryable
from nurture.providers.base import (
    Forged,
    HandingOver,
    Outcome,
    OutgoingEmail,
    ProviderEvent,
    Receipt,
    WebhookRequest,
)
from nurture.store import bulk, tables
from nurture.store.database import Database, Transaction
from nurture.tracking.tokens import Purpose
from nurture.wiring import build

START = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)
SITE = "https://lotus.example.com"
PRICE = "https://lotus.example.com/pricing?a=1&b=%2F#top"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PERSON = {"Accept-Language": "vi-VN,vi;q=0.9", "Sec-Fetch-Mode": "navigate"}

FUNNEL = """
account:
  name: Lotus
  email: hello@lotus.example.com
  address: 18 Hoa Sen, TP. Hồ Chí Minh
  site: https://lotus.example.com
stages:
  - {key: lead, name: {vi: Khách, en: Lead}, journey: subscribed}
  - {key: mql, name: {vi: Tiềm năng, en: MQL}, journey: subscribed}
  - {key: customer, name: {vi: Khách hàng, en: Customer}, journey: bought}
edges:
  - {kind: promote, from: lead, to: mql, when: {did: click, where: {link: "*/pricing*"}}}
  - {kind: promote, from: mql, to: customer, when: {did: purchase}}
engagement:
  groups: [{key: all, cap: 50, half_life: 14d}]
  rules:
    - {key: open, name: {vi: Mở, en: Opens}, event: open, points: 1, group: all}
    - {key: click, name: {vi: Bấm, en: Clicks}, event: click, points: 5, group: all}
fit:
  rules: []
  grades: [{grade: A, at_least: 45}, {grade: D}]
temperature: [{key: warm, enter: 15, leave: 8}, {key: cold}]
fields:
  - {key: first_name, name: {vi: Tên, en: First name}, defaults: {vi: bạn, en: there}}
  - {key: website, name: {vi: Trang, en: Site}, defaults: {vi: "https://a.example", en: "https://a.example"}}
topics: [{key: marketing, name: {vi: Thư ngỏ, en: Letters}}]
"""
WELCOME = """
key: welcome
name: {vi: Chào mừng, en: Welcome}
stage: lead
steps:
  - {key: hello, email: hello}
  - {key: answer, wait_for: {event: click, within: 4d, yes: end, no: again}}
  - {key: again, email: again}
"""
BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>{hi} {{{{ contact.first_name }}}}, {{{{ sender.address }}}}</mj-text>
<mj-text><a href="https://lotus.example.com/pricing?a=1&amp;b=%2F#top">1</a></mj-text>
<mj-text><a href="https://lotus.example.com/story">2</a></mj-text>
<mj-text><a href="https://lotus.example.com/guide">3</a></mj-text>
<mj-text><a href="{{{{ contact.website }}}}">4</a></mj-text>
<mj-text><a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""


class Clock:
    """Tells what it was told."""

    def __init__(self, moment: datetime = START) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


class Carrier:
    """A provider whose answers and webhook events a test decides."""

    name = "carrier"

    def __init__(self) -> None:
        self.taken: list[OutgoingEmail] = []
        self.outcome = Outcome.ACCEPTED
        self.events: tuple[ProviderEvent, ...] = ()

    def send(
        self, batch: Sequence[OutgoingEmail], now: datetime
    ) -> Iterator[HandingOver | Receipt]:
        for email in batch:
            yield HandingOver((email.send_id,))
            self.taken.append(email)
            number = f"m{email.send_id}" if self.outcome is Outcome.ACCEPTED else ""
            yield Receipt(email.send_id, self.outcome, number, 250)

    def verify(self, request: WebhookRequest) -> None:
        if request.header("X-Secret") != "right":
            raise Forged("no secret")

    def parse(self, request: WebhookRequest) -> tuple[ProviderEvent, ...]:
        if request.body == b"garbage":
            raise Invalid("no JSON")
        return self.events

    def close(self) -> None:
        return None


class FlakyDatabase(Database):
    """A database that counts how often it is asked, and is away until it is said to be back."""

    asked = 0
    away = True

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        self._answer()
        with super().begin() as tx:
            yield tx

    @contextmanager
    def read(self) -> Iterator[Transaction]:
        self._answer()
        with super().read() as tx:
            yield tx

    def _answer(self) -> None:
        self.asked += 1
        if self.away:
            raise Retryable("the database does not answer")


class HitWorld:
    """A published funnel and a contact (or more) to whom "hello" was sent at START."""

    def __init__(
        self, settings: Settings, url: str, folder: Path, *, contacts: int = 1,
        outcome: Outcome = Outcome.ACCEPTED,
    ) -> None:  # fmt: skip
        self.clock = Clock()
        self.carrier = Carrier()
        self.carrier.outcome = outcome
        campaigns, templates = folder / "campaigns", folder / "templates"
        _write(campaigns, templates)
        settings = replace(
            settings, campaigns=campaigns, templates=templates, database_url=url,
            public_url="https://mail.example.com",
        )  # fmt: skip
        self.deps = replace(
            build(settings), clock=self.clock, wall=self.clock, provider=self.carrier,
            webhooks={"carrier": self.carrier},
        )  # fmt: skip
        self._hits = 0
        apply(self.deps, "test", START)
        self.contacts = [self._contact(number) for number in range(1, contacts + 1)]
        place_contacts(self.deps, START)
        self.work()
        self.sends = self.column(sa.select(tables.Send.id).order_by(tables.Send.id))
        self.contact, self.send = self.contacts[0], self.sends[0]

    def close(self) -> None:
        self.deps.database.close()

    def work(self) -> None:
        """Let everything that is due now happen."""
        while advance(self.deps, self.clock.now()):
            pass
        courier = Courier(self.deps, "w1", Journal(self.deps.settings.home, "w1"))
        for batch in self.column(sa.select(tables.Batch.id)):
            deliver(courier, batch)
        courier.journal.close()

    def after(self, by: timedelta) -> datetime:
        """Move the clock."""
        self.clock.moment += by
        return self.clock.moment

    def hit(
        self, kind: str = "click", *, link: int = 1, after: float = 3600, method: str = "GET",
        ip: str = "203.0.113.7", ua: str = BROWSER, headers: Mapping[str, str] = PERSON,
        key: str = "", send: int = 0,
    ) -> bytes:  # fmt: skip
        """A raw hit, so many seconds after START, as a person's browser sends it."""
        self._hits += 1
        return json.dumps(
            {
                "hit_key": key or f"{self._hits:032x}", "send_id": send or self.send,
                "kind": kind, "link_index": link if kind == "click" else 0,
                "at": (START + timedelta(seconds=after)).isoformat(), "method": method,
                "ip": ip, "ua": ua, "headers": dict(headers),
            }
        ).encode()  # fmt: skip

    def token(self, purpose: Purpose, send: int | None = None) -> str:
        """The token of the email that was sent."""
        wanted = self.send if send is None else send
        return self.deps.tokens.seal(purpose, self.email_id, wanted)

    @property
    def email_id(self) -> int:
        found: int = self.one(sa.select(tables.Send.email_id).where(tables.Send.id == self.send))
        return found

    def rows(self, statement: Any) -> list[sa.Row[Any]]:
        with self.deps.database.read() as tx:
            return list(tx.execute(statement))

    def column(self, statement: Any) -> list[Any]:
        return [row[0] for row in self.rows(statement)]

    def one(self, statement: Any) -> Any:
        (value,) = self.column(statement)
        return value

    def change(self, statement: Any) -> None:
        with self.deps.database.begin() as tx:
            tx.execute(statement)

    def events(self, name: str = "") -> list[tuple[str, str]]:
        """(name, verdict) of the events there are, oldest first; only of one name if given."""
        t = tables.Event
        rows = self.rows(sa.select(t.name, t.verdict).order_by(t.id))
        return [(row.name, row.verdict) for row in rows if name in ("", row.name)]

    def engagement(self) -> float:
        """The contact's score as it stands in the database."""
        t = tables.Standing
        found: float = self.one(sa.select(t.engagement).where(t.contact_id == self.contact))
        return found

    def stage(self) -> str:
        """The contact's stage."""
        t = tables.Standing
        found: str = self.one(sa.select(t.stage).where(t.contact_id == self.contact))
        return found

    def suppressions(self) -> list[tuple[str, str, str]]:
        """(scope, reason, source) of what stands against anybody."""
        t = tables.Suppression
        statement = sa.select(t.scope, t.reason, t.source).where(t.lifted_at.is_(None))
        return [(row.scope, row.reason, row.source) for row in self.rows(statement.order_by(t.id))]

    def sent(self, column: str, send: int = 0) -> Any:
        """One column of a send."""
        t = tables.Send.__table__
        return self.one(sa.select(t.c[column]).where(t.c["id"] == (send or self.send)))

    def run_state(self) -> str:
        """The state of the contact's newest run."""
        t = tables.Enrollment
        statement = sa.select(t.state).where(t.contact_id == self.contact).order_by(t.id)
        found: str = self.column(statement)[-1]
        return found

    def _contact(self, number: int) -> int:
        address = f"p{number}@example.com"
        with self.deps.database.begin() as tx:
            (row,) = bulk.insert(
                tx,
                tables.Contact,
                [
                    {
                        "email": address, "address": address, "address_key": f"key-{number}",
                        "language": "vi", "timezone": "", "source": "form",
                        "fields": {"first_name": "Lan", "website": "https://lan.example/tôi"},
                        "tags": [], "consents": {"marketing": True}, "search": "",
                        "soft_bounces": 0, "created_at": START, "updated_at": START,
                    }
                ],
                returning=("id",),
            )  # fmt: skip
            bulk.insert(
                tx,
                tables.Standing,
                [
                    {
                        "contact_id": row.id, "track": "default", "stage": "lead",
                        "highest": "lead", "since": START, "engagement": 0.0, "fit": 0.0,
                        "grade": "D", "temperature": "cold", "scored_at": START,
                    }
                ],
            )  # fmt: skip
        key: int = row.id
        return key


def _write(campaigns: Path, templates: Path) -> None:
    campaigns.mkdir(parents=True)
    (campaigns / "funnel.yaml").write_text(FUNNEL, "utf-8")
    (campaigns / "welcome.yaml").write_text(WELCOME, "utf-8")
    for name in ("hello", "again"):
        folder = templates / name
        folder.mkdir(parents=True)
        for language, hi in (("vi", "Chào"), ("en", "Hello")):
            (folder / f"subject.{language}.txt").write_text(f"{hi}: {name}\n", "utf-8")
            (folder / f"body.{language}.mjml").write_text(BODY.format(hi=hi), "utf-8")
