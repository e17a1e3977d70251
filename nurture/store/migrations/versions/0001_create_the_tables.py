"""Create the tables."""

import sqlalchemy as sa
from alembic import op

from nurture.store import types

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("data", types.Document, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_table(
        "batch",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("enqueued_at", types.Instant(), nullable=False),
        sa.Column("woken_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    op.create_table(
        "contact",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("address_key", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("timezone", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("fields", types.Document, nullable=False),
        sa.Column("tags", types.Document, nullable=False),
        sa.Column("consents", types.Document, nullable=False),
        sa.Column("search", sa.String(), nullable=False),
        sa.Column("soft_bounces", sa.Integer(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("updated_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("address", name=op.f("uq_contact_address")),
    )
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contact_address_key"), ["address_key"], unique=False)

    op.create_table(
        "decision",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("enrollment_id", types.Key, nullable=True),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("event_id", types.Key, nullable=True),
        sa.Column("send_id", types.Key, nullable=True),
        sa.Column("decided", types.Document, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_decision")),
    )
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.create_index("ix_decision_contact", ["contact_id", "id"], unique=False)
        batch_op.create_index("ix_decision_enrollment", ["enrollment_id", "id"], unique=False)

    op.create_table(
        "email",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("compiled", types.Document, nullable=False),
        sa.Column("compiled_at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_email")),
        sa.UniqueConstraint("digest", name=op.f("uq_email_digest")),
    )
    op.create_table(
        "ended_session",
        sa.Column("session_id", sa.String(), nullable=False),
        sa.Column("until", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_ended_session")),
    )
    op.create_table(
        "event",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("recorded_at", types.Instant(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("send_id", types.Key, nullable=True),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("properties", types.Document, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_event_dedupe_key")),
    )
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.create_index("ix_event_contact", ["contact_id", "occurred_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_event_send_id"), ["send_id"], unique=False)

    op.create_table(
        "funnel_version",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", types.Document, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("published_at", types.Instant(), nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_funnel_version")),
        sa.UniqueConstraint("number", name=op.f("uq_funnel_version_number")),
    )
    op.create_table(
        "hit",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("hit_key", sa.String(), nullable=False),
        sa.Column("send_id", types.Key, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("link_index", sa.Integer(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("ip", sa.String(), nullable=False),
        sa.Column("user_agent", sa.String(), nullable=False),
        sa.Column("headers", types.Document, nullable=False),
        sa.Column("settle_at", types.Instant(), nullable=True),
        sa.Column("verdict", sa.String(), nullable=False),
        sa.Column("reasons", types.Document, nullable=False),
        sa.Column("classifier", sa.Integer(), nullable=False),
        sa.Column("event_id", types.Key, nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hit")),
        sa.UniqueConstraint("hit_key", name=op.f("uq_hit_hit_key")),
    )
    with op.batch_alter_table("hit", schema=None) as batch_op:
        batch_op.create_index("ix_hit_send", ["send_id", "id"], unique=False)
        batch_op.create_index(
            "ix_hit_settle",
            ["settle_at"],
            unique=False,
            sqlite_where=sa.text("settle_at IS NOT NULL"),
            postgresql_where=sa.text("settle_at IS NOT NULL"),
        )

    op.create_table(
        "import_run",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("mapping", types.Document, nullable=False),
        sa.Column("done_rows", sa.Integer(), nullable=False),
        sa.Column("created", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("started_at", types.Instant(), nullable=False),
        sa.Column("finished_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_import_run")),
        sa.UniqueConstraint("digest", name=op.f("uq_import_run_digest")),
    )
    op.create_table(
        "login_attempt",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("ip", sa.String(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("succeeded", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_attempt")),
    )
    with op.batch_alter_table("login_attempt", schema=None) as batch_op:
        batch_op.create_index("ix_login_attempt_email", ["email", "at"], unique=False)
        batch_op.create_index("ix_login_attempt_ip", ["ip", "at"], unique=False)

    op.create_table(
        "provider_state",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("until", types.Instant(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("provider", name=op.f("pk_provider_state")),
    )
    op.create_table(
        "score_entry",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("rule_version", sa.Integer(), nullable=False),
        sa.Column("score_group", sa.String(), nullable=False),
        sa.Column("points", sa.Double(), nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("recorded_at", types.Instant(), nullable=False),
        sa.Column("event_id", types.Key, nullable=True),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("compensates", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_score_entry")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_score_entry_dedupe_key")),
    )
    with op.batch_alter_table("score_entry", schema=None) as batch_op:
        batch_op.create_index("ix_score_entry_contact", ["contact_id", "occurred_at"], unique=False)

    op.create_table(
        "sequence",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("track", sa.String(), nullable=False),
        sa.Column("current_id", types.Key, nullable=True),
        sa.Column("draft", types.Document, nullable=True),
        sa.Column("draft_revision", sa.Integer(), nullable=False),
        sa.Column("draft_at", types.Instant(), nullable=True),
        sa.Column("draft_by", sa.String(), nullable=False),
        sa.Column("paused_at", types.Instant(), nullable=True),
        sa.Column("pause_reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sequence")),
        sa.UniqueConstraint("key", name=op.f("uq_sequence_key")),
    )
    op.create_table(
        "stage_change",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("track", sa.String(), nullable=False),
        sa.Column("start", sa.String(), nullable=False),
        sa.Column("to", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("refused", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("why", sa.String(), nullable=False),
        sa.Column("event_id", types.Key, nullable=True),
        sa.Column("at", types.Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stage_change")),
    )
    with op.batch_alter_table("stage_change", schema=None) as batch_op:
        batch_op.create_index("ix_stage_change_at", ["at"], unique=False)
        batch_op.create_index("ix_stage_change_contact", ["contact_id", "id"], unique=False)

    op.create_table(
        "suppression",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("address_key", sa.String(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("contact_id", types.Key, nullable=True),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("lifted_at", types.Instant(), nullable=True),
        sa.Column("lifted_by", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppression")),
    )
    with op.batch_alter_table("suppression", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_suppression_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index(
            "uq_suppression_live",
            ["address_key", "scope"],
            unique=True,
            sqlite_where=sa.text("lifted_at IS NULL"),
            postgresql_where=sa.text("lifted_at IS NULL"),
        )

    op.create_table(
        "user_account",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("logged_in_at", types.Instant(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_user_account")),
        sa.UniqueConstraint("email", name=op.f("uq_user_account_email")),
    )
    op.create_table(
        "webhook_event",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("dedupe_key", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("raw_kind", sa.String(), nullable=False),
        sa.Column("send_id", types.Key, nullable=True),
        sa.Column("provider_message_id", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("occurred_at", types.Instant(), nullable=False),
        sa.Column("received_at", types.Instant(), nullable=False),
        sa.Column("data", types.Document, nullable=False),
        sa.Column("settled_at", types.Instant(), nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_event")),
        sa.UniqueConstraint(
            "provider", "dedupe_key", name=op.f("uq_webhook_event_provider_dedupe_key")
        ),
    )
    with op.batch_alter_table("webhook_event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_webhook_event_open",
            ["id"],
            unique=False,
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )

    op.create_table(
        "worker",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("started_at", types.Instant(), nullable=False),
        sa.Column("beat_at", types.Instant(), nullable=False),
        sa.Column("stopped_at", types.Instant(), nullable=True),
        sa.Column("sent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_worker")),
    )
    op.create_table(
        "consent",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("granted", sa.Boolean(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("wording", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("ip", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_consent_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
    )
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_consent_contact_id"), ["contact_id"], unique=False)

    op.create_table(
        "received",
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("send_id", types.Key, nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_received_contact_id")
        ),
        sa.PrimaryKeyConstraint("contact_id", "content", name=op.f("pk_received")),
    )
    op.create_table(
        "sequence_version",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("sequence_id", types.Key, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", types.Document, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("published_at", types.Instant(), nullable=False),
        sa.Column("published_by", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sequence_id"], ["sequence.id"], name=op.f("fk_sequence_version_sequence_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sequence_version")),
        sa.UniqueConstraint(
            "sequence_id", "number", name=op.f("uq_sequence_version_sequence_id_number")
        ),
    )
    op.create_table(
        "standing",
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("track", sa.String(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("highest", sa.String(), nullable=False),
        sa.Column("since", types.Instant(), nullable=False),
        sa.Column("engagement", sa.Double(), nullable=False),
        sa.Column("fit", sa.Double(), nullable=False),
        sa.Column("grade", sa.String(), nullable=False),
        sa.Column("temperature", sa.String(), nullable=False),
        sa.Column("scored_at", types.Instant(), nullable=False),
        sa.Column("crosses_at", types.Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_standing_contact_id")
        ),
        sa.PrimaryKeyConstraint("contact_id", "track", name=op.f("pk_standing")),
    )
    with op.batch_alter_table("standing", schema=None) as batch_op:
        batch_op.create_index(
            "ix_standing_crosses_at",
            ["crosses_at"],
            unique=False,
            sqlite_where=sa.text("crosses_at IS NOT NULL"),
            postgresql_where=sa.text("crosses_at IS NOT NULL"),
        )
        batch_op.create_index("ix_standing_stage", ["track", "stage", "contact_id"], unique=False)

    op.create_table(
        "enrollment",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("sequence_id", types.Key, nullable=False),
        sa.Column("version_id", types.Key, nullable=False),
        sa.Column("track", sa.String(), nullable=False),
        sa.Column("entry_key", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("state_data", types.Document, nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("wake_at", types.Instant(), nullable=True),
        sa.Column("frozen_at", types.Instant(), nullable=True),
        sa.Column("passes", types.Document, nullable=False),
        sa.Column("accepted", types.Document, nullable=False),
        sa.Column("properties", types.Document, nullable=False),
        sa.Column("entered_at", types.Instant(), nullable=False),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (state IN ('waiting', 'awaiting', 'holding', 'sending', 'exhausted'))",
            name=op.f("ck_enrollment_ended"),
        ),
        sa.CheckConstraint(
            "(wake_at IS NOT NULL) = (state IN ('waiting', 'awaiting', 'holding'))",
            name=op.f("ck_enrollment_wakes"),
        ),
        sa.CheckConstraint(
            "state IN ('waiting', 'awaiting', 'holding', 'sending', 'exhausted', 'completed', 'exited', 'moved', 'failed')",
            name=op.f("ck_enrollment_state"),
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_enrollment_contact_id")
        ),
        sa.ForeignKeyConstraint(
            ["sequence_id"], ["sequence.id"], name=op.f("fk_enrollment_sequence_id")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["sequence_version.id"], name=op.f("fk_enrollment_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enrollment")),
    )
    with op.batch_alter_table("enrollment", schema=None) as batch_op:
        batch_op.create_index("ix_enrollment_contact", ["contact_id", "id"], unique=False)
        batch_op.create_index(
            "ix_enrollment_due",
            ["wake_at", "id"],
            unique=False,
            sqlite_where=sa.text("wake_at IS NOT NULL AND frozen_at IS NULL"),
            postgresql_where=sa.text("wake_at IS NOT NULL AND frozen_at IS NULL"),
        )
        batch_op.create_index("ix_enrollment_place", ["sequence_id", "state", "step"], unique=False)
        batch_op.create_index(
            "uq_enrollment_live_entry",
            ["contact_id", "sequence_id", "entry_key"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.create_index(
            "uq_enrollment_live_stage",
            ["contact_id", "track"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL AND track <> ''"),
            postgresql_where=sa.text("ended_at IS NULL AND track <> ''"),
        )

    op.create_table(
        "version_email",
        sa.Column("version_id", types.Key, nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("email_id", types.Key, nullable=False),
        sa.ForeignKeyConstraint(["email_id"], ["email.id"], name=op.f("fk_version_email_email_id")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["sequence_version.id"], name=op.f("fk_version_email_version_id")
        ),
        sa.PrimaryKeyConstraint("version_id", "step", "language", name=op.f("pk_version_email")),
    )
    op.create_table(
        "send",
        sa.Column("id", types.Key, nullable=False),
        sa.Column("enrollment_id", types.Key, nullable=False),
        sa.Column("contact_id", types.Key, nullable=False),
        sa.Column("sequence_id", types.Key, nullable=False),
        sa.Column("version_id", types.Key, nullable=False),
        sa.Column("step", sa.String(), nullable=False),
        sa.Column("pass_no", sa.Integer(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("email_id", types.Key, nullable=True),
        sa.Column("batch_id", types.Key, nullable=True),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("created_at", types.Instant(), nullable=False),
        sa.Column("not_before", types.Instant(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_at", types.Instant(), nullable=True),
        sa.Column("claimed_by", sa.String(), nullable=False),
        sa.Column("settled_at", types.Instant(), nullable=True),
        sa.Column("delivered_at", types.Instant(), nullable=True),
        sa.Column("bounced_at", types.Instant(), nullable=True),
        sa.Column("complained_at", types.Instant(), nullable=True),
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("provider_message_id", sa.String(), nullable=False),
        sa.Column("code", sa.Integer(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.CheckConstraint(
            "status IN ('queued', 'claimed', 'accepted', 'refused', 'failed', 'uncertain', 'skipped', 'cancelled', 'held')",
            name=op.f("ck_send_status"),
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_send_contact_id")),
        sa.ForeignKeyConstraint(
            ["enrollment_id"], ["enrollment.id"], name=op.f("fk_send_enrollment_id")
        ),
        sa.ForeignKeyConstraint(["sequence_id"], ["sequence.id"], name=op.f("fk_send_sequence_id")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["sequence_version.id"], name=op.f("fk_send_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_send")),
        sa.UniqueConstraint(
            "enrollment_id", "step", "pass_no", name=op.f("uq_send_enrollment_id_step_pass_no")
        ),
    )
    with op.batch_alter_table("send", schema=None) as batch_op:
        batch_op.create_index("ix_send_contact", ["contact_id", "id"], unique=False)
        batch_op.create_index(
            "ix_send_open",
            ["status", "batch_id", "id"],
            unique=False,
            sqlite_where=sa.text("status IN ('queued', 'claimed', 'uncertain')"),
            postgresql_where=sa.text("status IN ('queued', 'claimed', 'uncertain')"),
        )
        batch_op.create_index(
            "ix_send_provider_message",
            ["provider_message_id"],
            unique=False,
            sqlite_where=sa.text("provider_message_id <> ''"),
            postgresql_where=sa.text("provider_message_id <> ''"),
        )
        batch_op.create_index("ix_send_settled", ["sequence_id", "settled_at"], unique=False)
        batch_op.create_index("ix_send_step", ["version_id", "step", "status"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("send", schema=None) as batch_op:
        batch_op.drop_index("ix_send_step")
        batch_op.drop_index("ix_send_settled")
        batch_op.drop_index(
            "ix_send_provider_message",
            sqlite_where=sa.text("provider_message_id <> ''"),
            postgresql_where=sa.text("provider_message_id <> ''"),
        )
        batch_op.drop_index(
            "ix_send_open",
            sqlite_where=sa.text("status IN ('queued', 'claimed', 'uncertain')"),
            postgresql_where=sa.text("status IN ('queued', 'claimed', 'uncertain')"),
        )
        batch_op.drop_index("ix_send_contact")

    op.drop_table("send")
    op.drop_table("version_email")
    with op.batch_alter_table("enrollment", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_enrollment_live_stage",
            sqlite_where=sa.text("ended_at IS NULL AND track <> ''"),
            postgresql_where=sa.text("ended_at IS NULL AND track <> ''"),
        )
        batch_op.drop_index(
            "uq_enrollment_live_entry",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index("ix_enrollment_place")
        batch_op.drop_index(
            "ix_enrollment_due",
            sqlite_where=sa.text("wake_at IS NOT NULL AND frozen_at IS NULL"),
            postgresql_where=sa.text("wake_at IS NOT NULL AND frozen_at IS NULL"),
        )
        batch_op.drop_index("ix_enrollment_contact")

    op.drop_table("enrollment")
    with op.batch_alter_table("standing", schema=None) as batch_op:
        batch_op.drop_index("ix_standing_stage")
        batch_op.drop_index(
            "ix_standing_crosses_at",
            sqlite_where=sa.text("crosses_at IS NOT NULL"),
            postgresql_where=sa.text("crosses_at IS NOT NULL"),
        )

    op.drop_table("standing")
    op.drop_table("sequence_version")
    op.drop_table("received")
    with op.batch_alter_table("consent", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_consent_contact_id"))

    op.drop_table("consent")
    op.drop_table("worker")
    with op.batch_alter_table("webhook_event", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_webhook_event_open",
            sqlite_where=sa.text("settled_at IS NULL"),
            postgresql_where=sa.text("settled_at IS NULL"),
        )

    op.drop_table("webhook_event")
    op.drop_table("user_account")
    with op.batch_alter_table("suppression", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_suppression_live",
            sqlite_where=sa.text("lifted_at IS NULL"),
            postgresql_where=sa.text("lifted_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_suppression_contact_id"))

    op.drop_table("suppression")
    with op.batch_alter_table("stage_change", schema=None) as batch_op:
        batch_op.drop_index("ix_stage_change_contact")
        batch_op.drop_index("ix_stage_change_at")

    op.drop_table("stage_change")
    op.drop_table("sequence")
    with op.batch_alter_table("score_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_score_entry_contact")

    op.drop_table("score_entry")
    op.drop_table("provider_state")
    with op.batch_alter_table("login_attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_login_attempt_ip")
        batch_op.drop_index("ix_login_attempt_email")

    op.drop_table("login_attempt")
    op.drop_table("import_run")
    with op.batch_alter_table("hit", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_hit_settle",
            sqlite_where=sa.text("settle_at IS NOT NULL"),
            postgresql_where=sa.text("settle_at IS NOT NULL"),
        )
        batch_op.drop_index("ix_hit_send")

    op.drop_table("hit")
    op.drop_table("funnel_version")
    with op.batch_alter_table("event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_event_send_id"))
        batch_op.drop_index("ix_event_contact")

    op.drop_table("event")
    op.drop_table("ended_session")
    op.drop_table("email")
    with op.batch_alter_table("decision", schema=None) as batch_op:
        batch_op.drop_index("ix_decision_enrollment")
        batch_op.drop_index("ix_decision_contact")

    op.drop_table("decision")
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contact_address_key"))

    op.drop_table("contact")
    op.drop_table("batch")
    op.drop_table("audit")
