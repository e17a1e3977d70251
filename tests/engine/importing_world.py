"""A funnel with typed fields, files to import into it, and what is in the database afterwards."""

import io
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.addresses import address_key
from nurture.engine.dependencies import Dependencies
from nurture.engine.importing import ImportOptions, ImportResult, Table, import_contacts
from nurture.engine.importing_plan import Progress, silent
from nurture.engine.publish import apply
from nurture.store import tables
from tests.engine.sequence_world import NOW, World, write_email

FUNNEL = """
account:
  name: Lotus Desk
  email: hello@lotusdesk.example.com
  address: 18 Hoa Sen, TP. Hồ Chí Minh
  site: https://lotusdesk.example.com
stages:
  - {key: lead, name: {vi: Khách để lại thông tin, en: Lead}, journey: subscribed}
  - {key: mql, name: {vi: Tiềm năng, en: Qualified}, journey: subscribed}
  - {key: customer, name: {vi: Khách hàng, en: Customer}, journey: bought}
edges:
  - {kind: promote, from: lead, to: mql, when: {tag: hot}}
  - {kind: promote, from: mql, to: customer, when: {did: purchase}}
engagement:
  groups: [{key: all, cap: 50, half_life: 14d}]
  rules:
    - {key: click, name: {vi: Bấm, en: Clicks}, event: click, points: 5, group: all}
fit:
  rules:
    - {key: size, name: {vi: Lớn, en: Big}, when: {field: seats, at_least: 10}, points: 50}
  grades: [{grade: A, at_least: 45}, {grade: D}]
temperature: [{key: warm, enter: 15, leave: 8}, {key: cold}]
fields:
  - {key: first_name, name: {vi: Tên, en: First name}, defaults: {vi: bạn, en: there}}
  - {key: company, name: {vi: Cửa hàng, en: Company}, defaults: {vi: shop, en: shop}}
  - {key: seats, type: number, name: {vi: Số chỗ ngồi, en: Seats}, defaults: {vi: 1, en: 1}}
  - {key: renewal, type: date, name: {vi: Ngày gia hạn, en: Renewal}, defaults: {vi: "", en: ""}}
  - {key: products, type: list, name: {vi: Sản phẩm, en: Products}}
  - {key: chain, type: boolean, name: {vi: Có chi nhánh, en: Chain}}
  - {key: source, name: {vi: Nguồn, en: Source}, defaults: {vi: "", en: ""}}
topics:
  - {key: marketing, name: {vi: Thư, en: Letters}}
  - {key: product, name: {vi: Tin sản phẩm, en: Product news}}
first_stage: {referral: mql}
"""
SEQUENCE = """
key: {stage}-letters
name: {{vi: Thư, en: Letters}}
stage: {stage}
steps:
  - {{key: hello, email: hello}}
  - {{key: pause, wait: 3d}}
"""


def import_world(settings: Settings, url: str, folder: Path) -> World:
    """Publish the funnel above, with a sequence for each stage but the last."""
    campaigns, templates = folder / "campaigns", folder / "templates"
    campaigns.mkdir()
    (campaigns / "funnel.yaml").write_text(FUNNEL, "utf-8")
    for stage in ("lead", "mql"):
        (campaigns / f"{stage}-letters.yaml").write_text(SEQUENCE.format(stage=stage), "utf-8")
    for language in ("vi", "en"):
        write_email(templates, "hello", language)
    made = World(replace(settings, campaigns=campaigns, templates=templates), url)
    apply(made.deps, "test", NOW)
    return made


def table_of(text: str | bytes, name: str = "contacts.csv") -> Table:
    """A file with this content."""
    return Table.open(io.BytesIO(text.encode() if isinstance(text, str) else text), name)


def imported(
    deps: Dependencies,
    text: str | bytes,
    now: datetime = NOW,
    progress: Progress = silent,
    **options: Any,
) -> ImportResult:
    """Import a file with this content; the consent comes from a fair unless a test says else."""
    wanted = ImportOptions(**{"source": "fair", **options})
    return import_contacts(deps, table_of(text), wanted, now, progress)


def contacts(deps: Dependencies) -> dict[str, Mapping[str, Any]]:
    """All contacts with their stage, grade and number of live runs, by compared address."""
    c, s, e = tables.Contact, tables.Standing, tables.Enrollment
    runs = sa.select(sa.func.count()).where(e.contact_id == c.id, e.ended_at.is_(None))
    statement = sa.select(c.__table__, s.stage, s.grade, runs.scalar_subquery().label("runs")).join(
        s, s.contact_id == c.id, isouter=True
    )
    with deps.database.read() as tx:
        return {row["address"]: dict(row) for row in tx.execute(statement).mappings()}


def consents(deps: Dependencies) -> list[tuple[str, str, bool, str]]:
    """The log of consent: (address, topic, granted, source)."""
    t, c = tables.Consent, tables.Contact
    statement = (
        sa.select(c.address, t.topic, t.granted, t.source)
        .join(c, c.id == t.contact_id)
        .order_by(t.id)
    )
    with deps.database.read() as tx:
        return [(row[0], row[1], row[2], row[3]) for row in tx.execute(statement)]


def suppress(deps: Dependencies, address: str, scope: str, reason: str) -> None:
    """Suppress an address by its key alone, as it stays behind when the contact is gone."""
    with deps.database.begin() as tx:
        tx.execute(
            sa.insert(tables.Suppression).values(
                address_key=address_key(deps.secrets, address), scope=scope, reason=reason,
                source="test", detail="", contact_id=None, at=NOW, lifted_by="",
            )
        )  # fmt: skip
