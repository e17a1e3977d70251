"""A mark is planted in every column that knows of a contact; after the erasure none is left.

A column that is added later is planted by itself: it must be erased, or be named below with why it
may stay. So must a table.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.addresses import address_key
from nurture.engine.doctor import examine
from nurture.engine.erasing import erase, foresee
from nurture.engine.replay import replay
from nurture.store import erasing, tables
from nurture.store.database import Database
from nurture.store.tables import Base
from tests.engine.world import DAY, NOW, World, opened

MARK = "zanzibar"
ADDRESS = f"{MARK}@example.com"

# Tables in which no row is about a contact, and why nothing of a contact stands in them.
ABOUT_NOBODY: Mapping[str, str] = {
    "funnel_version": "campaigns, as their authors wrote them",
    "sequence": "campaigns, as their authors wrote them",
    "sequence_version": "campaigns, as their authors wrote them",
    "segment": "campaigns, as their authors wrote them",
    "segment_draft": "campaigns, as their authors write them",
    "email": "templates: merge fields stand where something is personal",
    "version_email": "which template belongs to which step",
    "batch": "three instants",
    "user_account": "our own people, who log in",
    "subscription_try": "networks, and keyed hashes of tagged mailboxes; forgotten after a day",
    "login_attempt": "who tried to log in to the admin, as our own people do",
    "ended_session": "log-ins of our own people",
    "import_run": "counts, options and paths; the command says which files name the address",
    "worker": "processes",
    "experiment": "figures",
    "alembic_version": "the schema's number",
}
# Columns whose texts are codes of ours, keys of campaigns, or our own people: what is planted.
KEPT: Mapping[str, Mapping[str, Any]] = {
    "standing": {"stage": "lead", "highest": "lead", "track": "default"},
    "consent": {"topic": "news", "wording": f"I, {ADDRESS.upper()}, agree"},
    "suppression": {"scope": "news", "reason": "unsubscribed", "lifted_by": ""},
    "enrollment": {
        "track": "", "state": "failed", "step": "hello", "passes": {"hello": 1}, "accepted": {},
        "again": [],
    },
    "send": {
        "step": "hello", "content": "hello", "topic": "news", "status": "failed",
        "claimed_by": "w1", "provider": "smtp", "provider_message_id": "<5@nurture>",
    },
    "received": {"content": "hello"},
    "decision": {"cause": "TimerFired"},
    "event": {"name": "form", "verdict": "human", "source": "api"},
    "hit": {
        "hit_key": "random", "kind": "open", "method": "GET", "verdict": "human", "reasons": [],
    },
    "score_entry": {},
    "stage_change": {
        "track": "default", "start": "lead", "to": "mql", "kind": "promote", "actor": "rules",
        "refused": "the guard does not hold", "reason": "no_budget",
    },
    "webhook_event": {
        "provider": "postmark", "kind": "bounced", "raw_kind": "HardBounce",
        "provider_message_id": "<5@nurture>", "outcome": "bounced",
    },
    "queued_entry": {},
    "segment_member": {},
    "segment_recheck": {},
    "bant_entry": {},
    "quarantined": {},
    "exposure": {"experiment": "colour", "arm": "a"},
    "subscription_wish": {"address": ADDRESS},
    "delivery": {
        "step": "tell", "kind": "webhook", "target": "crm", "message_id": "msg_1",
        "status": "waiting", "claimed_by": "", "reason": "refused",
    },
    "contact": {},
    "audit": {"by": "lan", "what": "qualify"},
    "finding": {"kind": "uncertain", "subject": "77", "repaired_by": ""},
    "provider_state": {"provider": "smtp", "state": "ok"},
    "endpoint_state": {"key": "crm"},
}  # fmt: skip


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        made.enroll("ben")
        yield made


class Planting:
    """Writes rows about one contact with the mark in every text and document that is not kept."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.ids: dict[str, int] = {}

    def plant(self, name: str, /, **given: Any) -> int:
        table = Base.metadata.tables[name]
        values = {column.name: self._value(column) for column in table.columns}
        values |= {**KEPT[name], **given}
        row = {key: value for key, value in values.items() if value is not None}
        with self.world.deps.database.begin() as tx:
            done = tx.execute(sa.insert(table).values(row))
            self.ids[name] = int((done.inserted_primary_key or [0])[0] or 0) if (
                "id" in table.c
            ) else 0  # fmt: skip
        return self.ids[name]

    def _value(self, column: sa.Column[Any]) -> Any:
        if column.name == "id" and column.primary_key:
            return None
        if column.name == "contact_id" or column.name == "contact":
            return self.ids.get("contact", 1)
        if column.name.endswith("_id") and isinstance(column.type, sa.Integer):
            return self.ids.get(column.name.removesuffix("_id"), 1)
        if isinstance(column.type, sa.JSON):
            is_list = column.name in ("tags", "decided", "reasons", "again")
            return [MARK] if is_list else {MARK: MARK, "deep": {MARK: [MARK, ADDRESS]}}
        if isinstance(column.type, sa.String):
            return f"{MARK} of {column.table.name}.{column.name}"
        if isinstance(column.type, sa.Boolean):
            return False
        if isinstance(column.type, sa.Integer | sa.Float):
            return 1
        return None if column.nullable else NOW


def sown(world: World) -> Planting:
    """A contact who has touched everything."""
    one = Planting(world)
    key = address_key(world.deps.secrets, ADDRESS)
    one.plant("contact", address=ADDRESS, email=ADDRESS.upper(), address_key=key)
    one.plant("standing", crosses_at=None)
    one.plant("consent")
    one.plant("suppression", address_key=key, lifted_at=None)
    one.plant("suppression", address_key=key, scope="global", reason="complaint", lifted_at=None)
    error = {"do": "Finish", "state": {"is": "Failed", "error": MARK}}
    one.plant(
        "enrollment", sequence_id=1, version_id=1, wake_at=None, frozen_at=None, ended_at=NOW,
        state_data={"error": MARK},
    )  # fmt: skip
    sent = {"sequence_id": 1, "version_id": 1, "email_id": 1}
    one.plant("send", **sent, status="refused", step="a", detail=MARK, reason="hard bounce")
    one.plant("send", **sent)
    one.plant("received")
    decided = [
        {"do": "Meet", "step": "hello", "pass_no": 1},
        {"do": "Take", "step": "hello", "to": "end", "path": "yes", "why": MARK},
        {"do": "SetFact", "step": "hello", "fact": "field", "name": MARK, "value": MARK},
        {"do": "Hold", "step": "hello", "reason": "window", "release": NOW.isoformat(),
         "since": None, "zone": MARK},
        {"do": "Note", "what": MARK, "why": MARK},
        {"do": "NotEntered", "sequence": "cart", "why": MARK},
        error,
    ]  # fmt: skip
    one.plant("decision", decided=decided, send_id=None, event_id=None)
    one.plant("event", send_id=None)
    one.plant("event", name="click", source="tracking", dedupe_key="k2",
              properties={"step": "hello", "link": f"https://x.test/{MARK}"})  # fmt: skip
    one.plant("hit")
    one.plant("hit", hit_key="other", settle_at=None)
    one.plant("score_entry")
    one.plant("stage_change")
    one.plant("webhook_event")
    one.plant("webhook_event", send_id=None, provider_message_id="", dedupe_key=MARK,
              recipient=f" {ADDRESS.upper()} ", settled_at=None)  # fmt: skip
    one.plant("queued_entry", sequence_id=1)
    with world.deps.database.begin() as tx:
        row = {"key": "vip", "document": {}, "digest": "", "published_at": NOW, "published_by": "",
               "retired_at": NOW}  # fmt: skip
        tx.execute(sa.insert(tables.Segment).values(row))
    one.plant("segment_member", segment_id=1)
    one.plant("segment_recheck", segment_id=1)
    one.plant("bant_entry")
    one.plant("quarantined")
    one.plant("exposure")
    one.plant("subscription_wish")
    one.plant("delivery", version_id=1, claimed_at=None, settled_at=None)
    me = str(one.ids["contact"])
    one.plant("audit", subject=me)
    one.plant("audit", subject=me, what="change stage")
    one.plant("audit", subject=me, what="accept lead")
    one.plant("audit", what="accept event", subject=str(one.ids["quarantined"]))
    one.plant("audit", what="lift suppression", subject=str(one.ids["suppression"]))
    send = str(one.ids["send"])
    said = {"code": "uncertain", "detail": MARK}
    one.plant("audit", what="repair", subject=send, data=said)
    one.plant("audit", what="anything", subject=ADDRESS.title(), data={"about": [ADDRESS.upper()]})
    one.plant("finding", subject=send, cleared_at=None)
    one.plant("finding", kind="unknown_zone", subject=me)
    queued = str(one.ids["queued_entry"])
    one.plant("finding", kind="waiting_for_nothing", subject=queued)
    one.plant("finding", kind="overdue", subject="77", detail=f"quotes {ADDRESS}")
    one.plant("provider_state", detail=f"550 <{ADDRESS}> no")
    one.plant("endpoint_state", detail=f"422 {MARK} of delivery.detail")
    return one


def everything(database: Database) -> dict[str, str]:
    """All that the database holds, as text: table.column → what stands there."""
    found: dict[str, str] = {}
    with database.read() as tx:
        names = sa.inspect(tx).get_table_names()
        for name in names:
            table = sa.Table(name, sa.MetaData(), autoload_with=tx)
            for column in table.columns:
                shown = sa.cast(column, sa.Text)
                values = tx.execute(sa.select(shown).where(shown.is_not(None))).scalars()
                found[f"{name}.{column.name}"] = "\n".join(values).casefold()
    return found


def marked(world: World) -> set[str]:
    return {place for place, text in everything(world.deps.database).items() if MARK in text}


def test_every_table_is_planted_or_named_as_about_nobody() -> None:
    names = set(Base.metadata.tables) | {"alembic_version"}
    assert names == KEPT.keys() | ABOUT_NOBODY.keys()
    assert not KEPT.keys() & ABOUT_NOBODY.keys()


def test_of_every_column_that_was_planted_nothing_is_left(world: World) -> None:
    sown(world)
    planted = {
        f"{name}.{column.name}"
        for name, kept in KEPT.items()
        for column in Base.metadata.tables[name].columns
        if isinstance(column.type, sa.String | sa.JSON) and column.name not in kept
        and not column.name.endswith("_id") and (name, column.name) != ("contact", "address_key")
        and (name, column.name) != ("suppression", "address_key")
    }  # fmt: skip
    assert planted <= marked(world), planted - marked(world)
    rows = dict(foresee(world.deps, ADDRESS).rows)
    done = erase(world.deps, ADDRESS, by="lan", why="request 7", now=world.now)
    assert marked(world) == set()
    assert done.rows == rows
    assert rows.keys() >= {
        *erasing.EMPTIED,
        *erasing.DELETED,
        "hit",
        "webhook_event",
        "subscription_wish",
    }


def test_what_is_left_leads_from_the_hash_to_nothing(world: World) -> None:
    sown(world)
    key = address_key(world.deps.secrets, ADDRESS)
    erase(world.deps, ADDRESS, by="lan", why="", now=world.now)
    holding = {place for place, text in everything(world.deps.database).items() if key in text}
    assert holding == {"suppression.address_key"}
    t = tables.Suppression
    lines = world.rows(
        sa.select(t.scope, t.reason, t.contact_id, t.source, t.detail, t.lifted_at.is_(None))
        .where(t.address_key == key)
        .order_by(t.id)
    )
    assert lines == [
        ("news", "unsubscribed", None, "", "", True),
        ("global", "complaint", None, "", "", False),
        ("global", "erasure", None, "", "", True),
    ]


def test_the_line_of_the_audit_says_who_and_why_and_not_whom(world: World) -> None:
    contact = sown(world).ids["contact"]
    erase(world.deps, ADDRESS, by="lan", why="request 7", now=world.now)
    t = tables.Audit
    ((by, subject, data),) = world.rows(
        sa.select(t.by, t.subject, t.data).where(t.what == "erase contact")
    )
    assert (by, subject, data["why"]) == ("lan", str(contact), "request 7")
    assert data["rows"]["send"] == 2


def test_documents_that_were_emptied_are_still_read(world: World) -> None:
    sown(world)
    erase(world.deps, ADDRESS, by="lan", why="", now=world.now)
    later: datetime = world.now + DAY
    assert replay(world.deps, later).differences == ()
    assert {one.code for one in examine(world.deps, later).findings} <= {"overdue"}


def test_others_keep_what_is_theirs(world: World) -> None:
    before = world.rows(sa.select(tables.Contact.__table__).where(tables.Contact.id == 1))
    runs = world.states(1)
    sown(world)
    erase(world.deps, ADDRESS, by="lan", why="", now=world.now)
    after = world.rows(sa.select(tables.Contact.__table__).where(tables.Contact.id == 1))
    assert (after, world.states(1)) == (before, runs)
