"""Segments, experiments, deliveries, findings, and what qualification and versions need."""

from datetime import datetime

import sqlalchemy as sa
from alembic import op

from nurture.store import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SENDS_BY_STATE = {
    "ix_send_queued": (["batch_id", "id"], "status = 'queued'"),
    "ix_send_put_off": (["not_before"], "status = 'queued' AND not_before IS NOT NULL"),
    "ix_send_claimed": (["claimed_by", "id"], "status = 'claimed'"),
    "ix_send_uncertain": (["id"], "status = 'uncertain'"),
}


def upgrade() -> None:
    op.create_table(
        "experiment",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("started_at", types.Instant(), nullable=False),
        sa.Column("looked_at", types.Instant(), nullable=True),
        sa.Column("stopped_at", types.Instant(), nullable=True),
        sa.Column("winner", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_by", sa.String(), nullable=False),
        sa.Column("result", types.Document, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_experiment")),
    )
    op.create_table(
        "finding",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("first_seen_at", types.Instant(), nullable=False),
        sa.Column("last_seen_at", types.Instant(), nullable=False),
        sa.Column("cleared_at", types.Instant(), nullable=True),
        sa.Column("repaired_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding")),
    )
    op.create_index(
        "uq_finding_live",
        "finding",
        ["kind", "subject"],
        unique=True,
        sqlite_where=sa.text("cleared_at IS NULL"),
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.create_table(
        "quarantined",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("contact_id", types.Key, nullable=True),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("event", types.Document, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("received_at", types.Instant(), nullable=False),
        sa.Column("settled_at", types.Instant(), nullable=True),
        sa.Column("settled_by", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantined")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_quarantined_dedupe_key")),
    )
    op.create_table(
        "segment",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("document", types.Document, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("published_at", types.Instant(), nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.Column("built_at", types.Instant(), nullable=True),
        sa.Column("built_to", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("retired_at", types.Instant(), nullable=True),
        sa.Column("file", types.Document, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_segment")),
        sa.UniqueConstraint("key", name=op.f("uq_segment_key")),
    )
    op.create_table(
        "segment_draft",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("document", types.Document, nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("saved_at", types.Instant(), nullable=False),
        sa.Column("saved_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_segment_draft")),
    )
    op.create_index(
        "ix_event_border",
        "event",
        ["occurred_at"],
        sqlite_where=sa.text("source = 'segment'"),
        postgresql_where=sa.text("source = 'segment'"),
    )
    op.create_table(
        "bant_entry",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("letter", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_bant_entry_contact_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bant_entry")),
    )
    op.create_index(op.f("ix_bant_entry_contact_id"), "bant_entry", ["contact_id"], unique=False)
    op.create_table(
        "exposure",
        sa.Column("experiment", sa.String(), nullable=False),
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("arm", sa.String(), nullable=False),
        sa.Column("enrollment_id", types.Key, nullable=True),
        sa.Column("at", types.Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_exposure_contact_id")
        ),
        sa.PrimaryKeyConstraint("experiment", "contact_id", name=op.f("pk_exposure")),
    )
    op.create_index("ix_exposure_arm", "exposure", ["experiment", "arm", "at"], unique=False)
    op.create_table(
        "queued_entry",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("sequence_id", types.Key, nullable=False),
        sa.Column("entry_key", sa.String(), nullable=False),
        sa.Column("properties", types.Document, nullable=False),
        sa.Column("event_id", types.Key, nullable=True),
        sa.Column("at", types.Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_queued_entry_contact_id")
        ),
        sa.ForeignKeyConstraint(
            ["sequence_id"], ["sequence.id"], name=op.f("fk_queued_entry_sequence_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_queued_entry")),
        sa.UniqueConstraint(
            "contact_id",
            "sequence_id",
            "entry_key",
            name=op.f("uq_queued_entry_contact_id_sequence_id_entry_key"),
        ),
    )
    op.create_table(
        "segment_member",
        sa.Column("segment_id", types.Key, nullable=False),
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("since", types.Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_segment_member_contact_id")
        ),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segment.id"], name=op.f("fk_segment_member_segment_id")
        ),
        sa.PrimaryKeyConstraint("segment_id", "contact_id", name=op.f("pk_segment_member")),
    )
    op.create_index("ix_segment_member_contact", "segment_member", ["contact_id"], unique=False)
    op.create_table(
        "segment_recheck",
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("segment_id", types.Key, nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_segment_recheck_contact_id")
        ),
        sa.ForeignKeyConstraint(
            ["segment_id"], ["segment.id"], name=op.f("fk_segment_recheck_segment_id")
        ),
        sa.PrimaryKeyConstraint("contact_id", "segment_id", name=op.f("pk_segment_recheck")),
    )
    op.create_index(op.f("ix_segment_recheck_at"), "segment_recheck", ["at"], unique=False)
    op.create_table(
        "delivery",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("enrollment_id", types.Key, nullable=False),
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("version_id", types.Key, nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("pass_no", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("payload", types.Document, nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("not_before", types.Instant(), nullable=True),
        sa.Column("claimed_at", types.Instant(), nullable=True),
        sa.Column("claimed_by", sa.String(), nullable=False),
        sa.Column("settled_at", types.Instant(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.CheckConstraint("kind IN ('notice', 'webhook')", name=op.f("ck_delivery_kind")),
        sa.CheckConstraint(
            "status IN ('waiting', 'claimed', 'delivered', 'failed', 'cancelled')",
            name=op.f("ck_delivery_status"),
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_delivery_contact_id")
        ),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollment.id"], name=op.f("fk_delivery_enrollment_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["sequence_version.id"], name=op.f("fk_delivery_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint(
            "enrollment_id", "step", "pass_no", name=op.f("uq_delivery_enrollment_id_step_pass_no")
        ),
        sa.UniqueConstraint("message_id", name=op.f("uq_delivery_message_id")),
    )
    op.create_index(op.f("ix_delivery_contact_id"), "delivery", ["contact_id"], unique=False)
    op.create_index(
        "ix_delivery_open",
        "delivery",
        ["kind", "target", "not_before", "id"],
        unique=False,
        sqlite_where=sa.text("status IN ('waiting', 'claimed')"),
        postgresql_where=sa.text("status IN ('waiting', 'claimed')"),
    )
    op.create_index("ix_delivery_status", "delivery", ["status", "id"], unique=False)
    op.create_table(
        "endpoint_state",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("until", types.Instant(), nullable=True),
        sa.Column("gone", sa.Boolean(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("at", types.Instant(), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("rotated_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_endpoint_state")),
    )
    op.create_table(
        "subscription_try",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_try")),
    )
    op.create_index("ix_subscription_try_network", "subscription_try", ["network", "at"])
    op.create_index("ix_audit_subject", "audit", ["subject", "at"])
    op.create_index("ix_subscription_try_at", "subscription_try", ["at"])
    op.create_table(
        "subscription_wish",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("said", types.Document, nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("not_before", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_subscription_wish")),
    )
    op.add_column(
        "consent", sa.Column("asked", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("contact", sa.Column("persona", sa.String(), server_default="", nullable=False))
    op.add_column("contact", sa.Column("erased_at", types.Instant(), nullable=True))
    op.create_index(
        "ix_contact_erased",
        "contact",
        ["id"],
        sqlite_where=sa.text("erased_at IS NOT NULL"),
        postgresql_where=sa.text("erased_at IS NOT NULL"),
    )
    op.add_column(
        "enrollment", sa.Column("again", types.Document, server_default="[]", nullable=False)
    )
    op.add_column(
        "enrollment", sa.Column("gap_seconds", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column("funnel_version", sa.Column("told_to", types.Key, nullable=True))
    op.add_column("sequence", sa.Column("retired_at", types.Instant(), nullable=True))
    op.add_column("sequence", sa.Column("file", types.Document, nullable=True))
    op.add_column("enrollment", sa.Column("began_at", types.Instant(), nullable=True))
    op.add_column("enrollment", sa.Column("exhausted_at", types.Instant(), nullable=True))
    _tell_since(op.get_bind())
    op.create_index(
        "ix_enrollment_exhausted",
        "enrollment",
        ["sequence_id", "version_id", "exhausted_at"],
        sqlite_where=sa.text("state = 'exhausted'"),
        postgresql_where=sa.text("state = 'exhausted'"),
    )
    op.add_column(
        "sequence_version", sa.Column("origin", sa.String(), server_default="file", nullable=False)
    )
    op.add_column(
        "sequence_version",
        sa.Column("trial", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column(
        "stage_change", sa.Column("reason", sa.String(), server_default="", nullable=False)
    )
    op.add_column("stage_change", sa.Column("by", sa.String(), server_default="", nullable=False))
    op.add_column("standing", sa.Column("rests_until", types.Instant(), nullable=True))
    op.add_column("standing", sa.Column("sales", sa.String(), server_default="", nullable=False))
    op.add_column("standing", sa.Column("sales_at", types.Instant(), nullable=True))
    op.add_column(
        "standing", sa.Column("sales_reason", sa.String(), server_default="", nullable=False)
    )
    op.add_column("standing", sa.Column("sales_by", sa.String(), server_default="", nullable=False))

    # No query ever used it, and each send was written to it three times.
    op.drop_index("ix_send_step", table_name="send")
    # One index for each state instead, which both databases' planners understand.
    op.drop_index("ix_send_open", table_name="send")
    for name, (columns, where) in _SENDS_BY_STATE.items():
        only = sa.text(where)
        op.create_index(name, "send", columns, sqlite_where=only, postgresql_where=only)

    # Whoever is under way is looked at once, which computes when time alone moves them on.
    op.execute(
        "UPDATE standing SET crosses_at = scored_at"
        " WHERE contact_id IN (SELECT contact_id FROM enrollment WHERE ended_at IS NULL)"
    )

    # Runs stood under one track, whatever their sequence said, and none beside another.
    theirs = (
        "SELECT sequence.track FROM sequence"
        " WHERE sequence.id = enrollment.sequence_id AND sequence.track <> ''"
    )
    op.execute(
        f"UPDATE enrollment SET track = ({theirs})"  # noqa: S608 - nothing in it is anybody's text
        f" WHERE track <> '' AND EXISTS ({theirs} AND sequence.track <> enrollment.track)"
    )


def _tell_since(connection: sa.Connection, *, back: bool = False) -> None:
    """Put since when runs are exhausted into the column, out of what is kept of their state."""
    e = sa.table(
        "enrollment",
        sa.column("id", types.Key),
        sa.column("state", sa.String()),
        sa.column("state_data", types.Document),
        sa.column("exhausted_at", types.Instant()),
    )
    page = sa.select(e.c.id, e.c.state_data, e.c.exhausted_at).where(e.c.state == "exhausted")
    changed = sa.update(e).where(e.c.id == sa.bindparam("of"))
    last = 0
    while rows := connection.execute(page.where(e.c.id > last).order_by(e.c.id).limit(5000)).all():
        last = rows[-1].id
        told = [
            {"of": id_, "state_data": {"since": at.isoformat()}, "exhausted_at": None}
            if back
            else {
                "of": id_,
                "state_data": {},
                "exhausted_at": datetime.fromisoformat(data["since"]),
            }
            for id_, data, at in rows
        ]
        connection.execute(changed, told)


def downgrade() -> None:
    op.drop_index("ix_audit_subject", table_name="audit")
    for name in _SENDS_BY_STATE:
        op.drop_index(name, table_name="send")
    are_open = sa.text("status IN ('queued', 'claimed', 'uncertain')")
    op.create_index(
        "ix_send_open", "send", ["status", "batch_id", "id"],
        sqlite_where=are_open, postgresql_where=are_open,
    )  # fmt: skip
    op.create_index("ix_send_step", "send", ["version_id", "step", "status"])
    op.drop_column("standing", "sales_by")
    op.drop_column("standing", "sales_reason")
    op.drop_column("standing", "sales_at")
    op.drop_column("standing", "sales")
    op.drop_column("standing", "rests_until")
    op.drop_column("stage_change", "by")
    op.drop_column("stage_change", "reason")
    op.drop_column("sequence_version", "trial")
    op.drop_column("sequence_version", "origin")
    op.drop_column("funnel_version", "told_to")
    op.drop_column("sequence", "file")
    op.drop_column("sequence", "retired_at")
    op.drop_column("consent", "asked")
    op.drop_table("subscription_wish")
    op.drop_table("subscription_try")
    op.drop_index(
        "ix_enrollment_exhausted",
        table_name="enrollment",
        sqlite_where=sa.text("state = 'exhausted'"),
        postgresql_where=sa.text("state = 'exhausted'"),
    )
    _tell_since(op.get_bind(), back=True)
    op.drop_column("enrollment", "exhausted_at")
    op.drop_column("enrollment", "began_at")
    op.drop_column("enrollment", "gap_seconds")
    op.drop_column("enrollment", "again")
    op.drop_index(
        "ix_contact_erased",
        table_name="contact",
        sqlite_where=sa.text("erased_at IS NOT NULL"),
        postgresql_where=sa.text("erased_at IS NOT NULL"),
    )
    op.drop_column("contact", "erased_at")
    op.drop_column("contact", "persona")
    op.drop_table("endpoint_state")
    op.drop_index("ix_delivery_status", table_name="delivery")
    op.drop_index(
        "ix_delivery_open",
        table_name="delivery",
        sqlite_where=sa.text("status IN ('waiting', 'claimed')"),
        postgresql_where=sa.text("status IN ('waiting', 'claimed')"),
    )
    op.drop_index(op.f("ix_delivery_contact_id"), table_name="delivery")
    op.drop_table("delivery")
    op.drop_index(op.f("ix_segment_recheck_at"), table_name="segment_recheck")
    op.drop_table("segment_recheck")
    op.drop_index("ix_segment_member_contact", table_name="segment_member")
    op.drop_table("segment_member")
    op.drop_table("queued_entry")
    op.drop_index("ix_exposure_arm", table_name="exposure")
    op.drop_table("exposure")
    op.drop_index(op.f("ix_bant_entry_contact_id"), table_name="bant_entry")
    op.drop_table("bant_entry")
    op.drop_index(
        "ix_event_border",
        table_name="event",
        sqlite_where=sa.text("source = 'segment'"),
        postgresql_where=sa.text("source = 'segment'"),
    )
    op.drop_table("segment_draft")
    op.drop_table("segment")
    op.drop_table("quarantined")
    op.drop_index(
        "uq_finding_live",
        table_name="finding",
        sqlite_where=sa.text("cleared_at IS NULL"),
        postgresql_where=sa.text("cleared_at IS NULL"),
    )
    op.drop_table("finding")
    op.drop_table("experiment")
