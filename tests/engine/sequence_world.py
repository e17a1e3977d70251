"""Parts on a real database, published sequences and contacts, for tests of drafts and pauses."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.advance import advance
from nurture.engine.deliver import Courier, deliver
from nurture.engine.dependencies import Dependencies
from nurture.engine.journal import Journal
from nurture.providers.base import (
    HandingOver,
    Outcome,
    OutgoingEmail,
    ProviderEvent,
    Receipt,
    WebhookRequest,
)
from nurture.store import bulk, tables
from nurture.wiring import build

# A Tuesday, nine in the morning in Ho Chi Minh City: inside every window that ships.
NOW = datetime(2026, 3, 3, 2, 0, tzinfo=UTC)


class Clock:
    """Tells what it was told."""

    def __init__(self, moment: datetime) -> None:
        self.moment = moment

    def now(self) -> datetime:
        return self.moment


class Letterbox:
    """A provider that takes everything and keeps it."""

    name = "letterbox"

    def __init__(self) -> None:
        self.taken: list[OutgoingEmail] = []

    def send(
        self, batch: Sequence[OutgoingEmail], now: datetime
    ) -> Iterator[HandingOver | Receipt]:  # fmt: skip
        for email in batch:
            yield HandingOver((email.send_id,))
            self.taken.append(email)
            yield Receipt(email.send_id, Outcome.ACCEPTED, f"m{email.send_id}", 250)

    def verify(self, request: WebhookRequest) -> None:
        raise AssertionError

    def parse(self, request: WebhookRequest) -> tuple[ProviderEvent, ...]:
        raise AssertionError

    def close(self) -> None:
        return None


class World:
    """A running Nurture without processes: time passes when a test says so."""

    def __init__(self, settings: Settings, url: str) -> None:
        self.clock = Clock(NOW)
        self.box = Letterbox()
        built = build(replace(settings, database_url=url, public_url="https://nurture.test"))
        self.deps: Dependencies = replace(
            built, clock=self.clock, wall=self.clock, provider=self.box
        )
        self._courier = Courier(self.deps, "w1", Journal(settings.home, "w1"))

    def close(self) -> None:
        self.deps.database.close()

    def pass_time(self, by: timedelta) -> datetime:
        """Move the clock, then let everything that is due happen."""
        self.clock.moment += by
        self.work()
        return self.clock.moment

    def work(self) -> None:
        """Do all that is due now: timers, and every batch that lies in the queue."""
        while advance(self.deps, self.clock.now()):
            pass
        for batch in self.column(sa.select(tables.Batch.id)):
            deliver(self._courier, batch)

    def add_contacts(
        self, count: int, stage: str, *, first: int = 1, tags: Sequence[str] = ()
    ) -> list[int]:
        """Put consenting contacts into the database, in no sequence yet."""
        return add_contacts(self.deps, self.clock.now(), count, stage, first=first, tags=tags)

    def rows(self, statement: Any) -> list[sa.Row[Any]]:
        with self.deps.database.read() as tx:
            return list(tx.execute(statement))

    def column(self, statement: Any) -> list[Any]:
        return [row[0] for row in self.rows(statement)]


def add_contacts(
    deps: Dependencies, now: datetime, count: int, stage: str, *, first: int = 1,
    tags: Sequence[str] = (),
) -> list[int]:  # fmt: skip
    """Put consenting contacts into the database, in no sequence yet."""
    numbers = range(first, first + count)
    with deps.database.begin() as tx:
        rows = bulk.insert(
            tx,
            tables.Contact,
            [
                {
                    "email": f"p{n}@example.com",
                    "address": f"p{n}@example.com",
                    "address_key": f"key-{n}",
                    "language": "vi" if n % 2 else "en",
                    "timezone": "Asia/Ho_Chi_Minh",
                    "source": "form",
                    "fields": {"first_name": f"Lan {n}"},
                    "tags": list(tags),
                    "consents": {"marketing": True},
                    "search": "",
                    "soft_bounces": 0,
                    "created_at": now,
                    "updated_at": now,
                }
                for n in numbers
            ],
            returning=("id",),
        )
        ids = sorted(row.id for row in rows)
        bulk.insert(
            tx,
            tables.Standing,
            [
                {
                    "contact_id": key, "track": "default", "stage": stage, "highest": stage,
                    "since": now, "engagement": 0.0, "fit": 0.0, "grade": "D",
                    "temperature": "cold", "scored_at": now,
                }
                for key in ids
            ],
        )  # fmt: skip
    return ids


FUNNEL = """
account:
  name: Lotus Desk
  email: hello@lotusdesk.example.com
  address: 18 Hoa Sen, TP. Hồ Chí Minh
  site: https://lotusdesk.example.com
stages:
  - {key: lead, name: {vi: Khách, en: Lead}, journey: subscribed}
  - {key: mql, name: {vi: Tiềm năng, en: MQL}, journey: subscribed}
edges:
  - {kind: promote, from: lead, to: mql, when: {did: purchase}}
engagement:
  groups: [{key: all, cap: 50, half_life: 14d}]
  rules:
    - {key: click, name: {vi: Bấm, en: Clicks}, event: click, points: 5, group: all}
fit:
  rules: []
  grades: [{grade: A, at_least: 45}, {grade: D}]
temperature: [{key: warm, enter: 15, leave: 8}, {key: cold}]
fields:
  - {key: first_name, name: {vi: Tên, en: First name}, defaults: {vi: bạn, en: there}}
topics: [{key: marketing, name: {vi: Thư, en: Letters}}]
"""
WELCOME = """
key: welcome
name: {vi: Chào mừng, en: Welcome}
stage: lead
steps:
  - {key: hello, email: hello}
  - {key: pause, wait: 3d}
  - {key: answer, wait_for: {event: click, within: 4d, yes: end, no: again}}
  - {key: again, email: again}
"""
CART = """
key: cart
name: {vi: Giỏ hàng, en: Cart}
trigger: {event: cart_updated, key: cart_id, cancel: [purchase]}
reentry: keyed
steps:
  - {key: patience, wait: 4h}
  - {key: remind, email: again}
"""
BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>Chào {{{{ contact.first_name }}}}, {word}. {{{{ sender.address }}}}</mj-text>
<mj-text><a href="https://lotusdesk.example.com/{word}">Go</a></mj-text>
<mj-text><a href="{{{{ unsubscribe_url }}}}">Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""


def write_campaigns(folder: Path) -> tuple[Path, Path]:
    """Write a small funnel, two sequences and two emails; return both folders."""
    campaigns, templates = folder / "campaigns", folder / "templates"
    campaigns.mkdir()
    for name, text in (("funnel", FUNNEL), ("welcome", WELCOME), ("cart", CART)):
        (campaigns / f"{name}.yaml").write_text(text, "utf-8")
    for name in ("hello", "again"):
        (templates / name).mkdir(parents=True)
        for language in ("vi", "en"):
            write_email(templates, name, language)
    return campaigns, templates


def write_email(templates: Path, name: str, language: str, word: str = "xin-chao") -> None:
    """Write one email in one language."""
    (templates / name).mkdir(parents=True, exist_ok=True)
    subject = f"{name} {language}: {word} {{{{ contact.first_name }}}}\n"
    (templates / name / f"subject.{language}.txt").write_text(subject, "utf-8")
    body = BODY.format(word=word)
    (templates / name / f"body.{language}.mjml").write_text(body, "utf-8")
