"""A small published campaign and many contacts, for tests that run the real processes."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.dependencies import Dependencies, Wake
from nurture.engine.publish import apply
from nurture.store import bulk, tables
from nurture.wiring import build, nobody_to_wake

FUNNEL = """\
account:
  name: Post Office
  email: hello@post.example.com
  address: 1 Test Street, Da Nang, Vietnam
  site: https://post.example.com
  language: en
stages:
  - {key: lead, name: {vi: Khách, en: Lead}}
engagement:
  groups:
    - {key: reading, cap: 50, half_life: 14d}
  rules:
    - {key: click, name: {vi: Bấm, en: Clicks}, event: click, points: 5, group: reading}
fit:
  grades:
    - {grade: D}
temperature:
  - {key: warm, enter: 15, leave: 8}
  - {key: cold}
topics:
  - {key: marketing, name: {vi: Thư, en: Letters}}
fields:
  - {key: first_name, name: {vi: Tên, en: First name}, defaults: {vi: bạn, en: there}}
"""

# Two emails at once: the second is opened by the receipt of the first.
SEQUENCE = """\
key: letters
name: {vi: Thư, en: Letters}
stage: lead
steps:
  - {key: first, email: first-letter}
  - {key: second, email: second-letter}
  - {key: done, exit: all was sent}
"""

BODY = """\
<mjml lang="en"><mj-body><mj-section><mj-column><mj-text>
<p>Hi {{ contact.first_name | default('there') }}, this is the NAME.</p>
<p><a href="https://post.example.com/read">Read on</a></p>
<p>{{ sender.name }}, {{ sender.address }} <a href="{{ unsubscribe_url }}">Unsubscribe</a></p>
</mj-text></mj-column></mj-section></mj-body></mjml>
"""


def write_campaign(folder: Path) -> tuple[Path, Path]:
    """Write the campaign and its emails; return where campaigns and templates lie."""
    campaigns, templates = folder / "campaigns", folder / "templates"
    campaigns.mkdir()
    (campaigns / "funnel.yaml").write_text(FUNNEL)
    (campaigns / "letters.yaml").write_text(SEQUENCE)
    for name in ("first-letter", "second-letter"):
        email = templates / name
        email.mkdir(parents=True)
        for language in ("en", "vi"):
            (email / f"subject.{language}.txt").write_text(f"{name} in {language}")
            (email / f"body.{language}.mjml").write_text(BODY.replace("NAME", name))
    return campaigns, templates


class World:
    """A published campaign on a real database. Times are the wall's, as for the processes."""

    def __init__(
        self, settings: Settings, url: str, folder: Path, wake: Wake = nobody_to_wake
    ) -> None:
        campaigns, templates = write_campaign(folder)
        self.settings = replace(
            settings,
            database_url=url,
            campaigns=campaigns,
            templates=templates,
            public_url="https://nurture.test",  # Mail without one-click unsubscribing is refused.
        )
        self.deps: Dependencies = build(self.settings, wake)
        apply(self.deps, "test", self.now())

    def now(self) -> datetime:
        return datetime.now(UTC)

    def close(self) -> None:
        self.deps.provider.close()
        self.deps.database.close()

    def enroll(self, count: int) -> list[int]:
        """Add contacts who stand in the stage and are due to get their first letter."""
        now = self.now()
        with self.deps.database.begin() as tx:
            rows = bulk.insert(
                tx,
                tables.Contact,
                [
                    {
                        "email": f"p{number}@example.org",
                        "address": f"p{number}@example.org",
                        "address_key": f"key-{number}",
                        "language": "vi" if number % 2 else "en",
                        "timezone": "",
                        "source": "",
                        "fields": {"first_name": f"Lan {number}"},
                        "tags": [],
                        "consents": {"marketing": True},
                        "search": "",
                        "soft_bounces": 0,
                        "created_at": now,
                        "updated_at": now,
                    }
                    for number in range(count)
                ],
                returning=("id",),
            )
            ids = sorted(row.id for row in rows)
            standing = {"track": "default", "stage": "lead", "highest": "lead", "since": now}
            score = {"engagement": 0.0, "fit": 0.0, "grade": "D", "temperature": "cold"}
            bulk.insert(
                tx,
                tables.Standing,
                [
                    {"contact_id": key, **standing, **score, "scored_at": now, "crosses_at": None}
                    for key in ids
                ],
            )
            version = tx.execute(
                sa.select(tables.SequenceVersion.id, tables.SequenceVersion.sequence_id)
            ).one()
            bulk.insert(
                tx,
                tables.Enrollment,
                [
                    {
                        "contact_id": key,
                        "sequence_id": version.sequence_id,
                        "version_id": version.id,
                        "track": "default",
                        "entry_key": "",
                        "state": "waiting",
                        "state_data": {},
                        "step": "",
                        "wake_at": now,
                        "frozen_at": None,
                        "passes": {},
                        "accepted": {},
                        "properties": {},
                        "entered_at": now,
                        "ended_at": None,
                        "end_reason": "",
                        "revision": 0,
                    }
                    for key in ids
                ],
            )
        return ids

    def rows(self, statement: sa.Select[*tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        with self.deps.database.read() as tx:
            return list(tx.execute(statement))

    def sends(self) -> Counter[str]:
        """How many sends there are in each state."""
        send = tables.Send
        grouped = sa.select(send.status, sa.func.count()).group_by(send.status)
        return Counter(dict(self.rows(grouped)))

    def runs(self) -> Counter[str]:
        """How many runs there are in each state."""
        run = tables.Enrollment
        grouped = sa.select(run.state, sa.func.count()).group_by(run.state)
        return Counter(dict(self.rows(grouped)))

    def workers(self, kind: str = "worker") -> list[tuple[str, int]]:
        """The name and process id of those that have not ended, as far as is known."""
        row = tables.Worker
        found = sa.select(row.name, row.pid).where(row.stopped_at.is_(None), row.kind == kind)
        return [(name, pid) for name, pid in self.rows(found)]
