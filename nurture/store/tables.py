"""The tables. What must never be true twice is a constraint here before it is code anywhere."""

from datetime import datetime
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from nurture.store.types import Document, Instant, Key

LIVE_STATES = "'waiting', 'awaiting', 'holding', 'sending', 'exhausted'"
OVER_STATES = "'completed', 'exited', 'moved', 'failed'"
SEND_STATES = (
    "'queued', 'claimed', 'accepted', 'refused', 'failed', 'uncertain', 'skipped', 'cancelled',"
    " 'held'"
)


class Base(DeclarativeBase):
    """The metadata, with constraint names that migrations can rely on."""

    metadata = sa.MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Instant,
        dict[str, Any]: Document,
        list[Any]: Document,
    }


def identity() -> Mapped[int]:
    """A surrogate key."""
    return mapped_column(Key, primary_key=True)


def reference(column: str, *, index: bool = False) -> Mapped[Any]:
    """A foreign key."""
    return mapped_column(Key, sa.ForeignKey(column), index=index)


def partial(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    """An index of the rows for which `where` holds; a query must say so in these very words."""
    only = sa.text(where)
    return sa.Index(name, *columns, unique=unique, sqlite_where=only, postgresql_where=only)


class Contact(Base):
    """One person, one normalised address. `address_key` is a keyed hash of it.

    Who was erased (`erased_at`) keeps a row for totals to count, with nothing personal in it: the
    hash stands on the suppression list alone, and leads to no row here.
    """

    __tablename__ = "contact"
    id: Mapped[int] = identity()
    email: Mapped[str]
    address: Mapped[str] = mapped_column(unique=True)
    address_key: Mapped[str] = mapped_column(index=True)
    language: Mapped[str]
    timezone: Mapped[str] = mapped_column(default="")
    source: Mapped[str] = mapped_column(default="")
    fields: Mapped[dict[str, Any]]
    tags: Mapped[list[Any]]
    consents: Mapped[dict[str, Any]]
    search: Mapped[str] = mapped_column(default="")
    persona: Mapped[str] = mapped_column(default="", server_default="")
    soft_bounces: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    erased_at: Mapped[datetime | None]
    __table_args__ = (partial("ix_contact_erased", "id", where="erased_at IS NOT NULL"),)


class Standing(Base):
    """Where a contact stands in the funnel, with the score as last computed (`scored_at`).

    That is one row a contact, under the one programme there is (`track`), however many tracks
    their runs are of. `sales` is what sales said of them in this stage: nothing yet, accepted or
    rejected. Until `rests_until` no rule promotes them.
    """

    __tablename__ = "standing"
    contact_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("contact.id"), primary_key=True)
    track: Mapped[str] = mapped_column(primary_key=True)
    stage: Mapped[str]
    highest: Mapped[str]
    since: Mapped[datetime]
    engagement: Mapped[float] = mapped_column(default=0.0)
    fit: Mapped[float] = mapped_column(default=0.0)
    grade: Mapped[str] = mapped_column(default="D")
    temperature: Mapped[str] = mapped_column(default="cold")
    scored_at: Mapped[datetime]
    crosses_at: Mapped[datetime | None]
    rests_until: Mapped[datetime | None]
    sales: Mapped[str] = mapped_column(default="", server_default="")
    sales_at: Mapped[datetime | None]
    sales_reason: Mapped[str] = mapped_column(default="", server_default="")
    sales_by: Mapped[str] = mapped_column(default="", server_default="")
    __table_args__ = (
        sa.Index("ix_standing_stage", "track", "stage", "contact_id"),
        partial("ix_standing_crosses_at", "crosses_at", where="crosses_at IS NOT NULL"),
    )


class Consent(Base):
    """The log of consent: one line for each asking, giving or withdrawing.

    Consent that was `asked` for waits until the mailbox confirms it, by a line of its own.
    """

    __tablename__ = "consent"
    id: Mapped[int] = identity()
    contact_id: Mapped[int] = reference("contact.id", index=True)
    topic: Mapped[str]
    granted: Mapped[bool]
    asked: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    at: Mapped[datetime]
    source: Mapped[str]
    wording: Mapped[str] = mapped_column(default="")
    by: Mapped[str] = mapped_column(default="")
    ip: Mapped[str] = mapped_column(default="")


class SubscriptionTry(Base):
    """A use of the public sign-up page, kept a day to slow down whoever uses it on others."""

    __tablename__ = "subscription_try"
    id: Mapped[int] = identity()
    network: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    __table_args__ = (sa.Index("ix_subscription_try_network", "network", "at"),)


class SubscriptionWish(Base):
    """A wish that somebody left on the public sign-up page, until it is answered in a moment."""

    __tablename__ = "subscription_wish"
    id: Mapped[int] = identity()
    address: Mapped[str]
    said: Mapped[dict[str, Any]]
    at: Mapped[datetime]
    not_before: Mapped[datetime]


class Suppression(Base):
    """An address we must not write to. `scope` is "global" or a topic. Lifted, never deleted."""

    __tablename__ = "suppression"
    id: Mapped[int] = identity()
    address_key: Mapped[str]
    scope: Mapped[str]
    reason: Mapped[str]
    source: Mapped[str]
    detail: Mapped[str] = mapped_column(default="")
    contact_id: Mapped[int | None] = mapped_column(Key, index=True)
    at: Mapped[datetime]
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str] = mapped_column(default="")
    __table_args__ = (
        partial(
            "uq_suppression_live", "address_key", "scope", unique=True, where="lifted_at IS NULL"
        ),
    )


class FunnelVersion(Base):
    """One published funnel.

    `told_to` is the contact up to whom everybody is looked at anew under it; None when all are.
    """

    __tablename__ = "funnel_version"
    id: Mapped[int] = identity()
    number: Mapped[int] = mapped_column(unique=True)
    document: Mapped[dict[str, Any]]
    digest: Mapped[str]
    published_at: Mapped[datetime]
    published_by: Mapped[str]
    told_to: Mapped[int | None] = mapped_column(Key)


class Sequence(Base):
    """A sequence by its key, with the draft somebody is working on and its pause.

    A retired one takes nobody any more; the runs that are under way go on to their ends. `file` is
    what its file said when somebody chose the admin's version over it.
    """

    __tablename__ = "sequence"
    id: Mapped[int] = identity()
    key: Mapped[str] = mapped_column(unique=True)
    stage: Mapped[str] = mapped_column(default="")
    track: Mapped[str] = mapped_column(default="")
    current_id: Mapped[int | None] = mapped_column(Key)
    draft: Mapped[dict[str, Any] | None]
    draft_revision: Mapped[int] = mapped_column(default=0)
    draft_at: Mapped[datetime | None]
    draft_by: Mapped[str] = mapped_column(default="")
    paused_at: Mapped[datetime | None]
    pause_reason: Mapped[str] = mapped_column(default="")
    retired_at: Mapped[datetime | None]
    file: Mapped[dict[str, Any] | None]


class SequenceVersion(Base):
    """One immutable published version, from a `file` or the `admin`.

    A trial is a draft that test contacts walk; nobody else ever enters it, and no report counts it.
    """

    __tablename__ = "sequence_version"
    id: Mapped[int] = identity()
    sequence_id: Mapped[int] = reference("sequence.id")
    number: Mapped[int]
    document: Mapped[dict[str, Any]]
    digest: Mapped[str]
    published_at: Mapped[datetime]
    published_by: Mapped[str]
    origin: Mapped[str] = mapped_column(default="file", server_default="file")
    trial: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    __table_args__ = (sa.UniqueConstraint("sequence_id", "number"),)


class Email(Base):
    """One compiled email in one language, by the digest of its content."""

    __tablename__ = "email"
    id: Mapped[int] = identity()
    name: Mapped[str]
    language: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    compiled: Mapped[dict[str, Any]]
    compiled_at: Mapped[datetime]


class VersionEmail(Base):
    """Which compiled email a step of a version sends in a language."""

    __tablename__ = "version_email"
    version_id: Mapped[int] = mapped_column(
        Key, sa.ForeignKey("sequence_version.id"), primary_key=True
    )
    step: Mapped[str] = mapped_column(primary_key=True)
    language: Mapped[str] = mapped_column(primary_key=True)
    email_id: Mapped[int] = reference("email.id")


class Enrollment(Base):
    """One contact's run through one version; `wake_at` is when the clock alone moves it on.

    `began_at` is when the event occurred that started it, where an event did. `track` is empty
    where an event did: such runs stand in nobody's way.
    """

    __tablename__ = "enrollment"
    id: Mapped[int] = identity()
    contact_id: Mapped[int] = reference("contact.id")
    sequence_id: Mapped[int] = reference("sequence.id")
    version_id: Mapped[int] = reference("sequence_version.id")
    track: Mapped[str] = mapped_column(default="")
    entry_key: Mapped[str] = mapped_column(default="")
    state: Mapped[str]
    state_data: Mapped[dict[str, Any]]
    step: Mapped[str] = mapped_column(default="")
    wake_at: Mapped[datetime | None]
    frozen_at: Mapped[datetime | None]
    exhausted_at: Mapped[datetime | None]
    passes: Mapped[dict[str, Any]]
    accepted: Mapped[dict[str, Any]]
    properties: Mapped[dict[str, Any]]
    again: Mapped[list[Any]] = mapped_column(default=list, server_default="[]")
    gap_seconds: Mapped[int] = mapped_column(default=0, server_default="0")
    entered_at: Mapped[datetime]
    began_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    end_reason: Mapped[str] = mapped_column(default="")
    revision: Mapped[int] = mapped_column(default=0)
    __table_args__ = (
        sa.CheckConstraint(f"state IN ({LIVE_STATES}, {OVER_STATES})", name="state"),
        sa.CheckConstraint(f"(ended_at IS NULL) = (state IN ({LIVE_STATES}))", name="ended"),
        sa.CheckConstraint(
            "(wake_at IS NOT NULL) = (state IN ('waiting', 'awaiting', 'holding'))", name="wakes"
        ),
        partial(
            "uq_enrollment_live_stage",
            "contact_id",
            "track",
            unique=True,
            where="ended_at IS NULL AND track <> ''",
        ),
        partial(
            "uq_enrollment_live_entry",
            "contact_id",
            "sequence_id",
            "entry_key",
            unique=True,
            where="ended_at IS NULL",
        ),
        partial(
            "ix_enrollment_due", "wake_at", "id", where="wake_at IS NOT NULL AND frozen_at IS NULL"
        ),
        partial(
            "ix_enrollment_exhausted",
            "sequence_id",
            "version_id",
            "exhausted_at",
            where="state = 'exhausted'",
        ),
        sa.Index("ix_enrollment_contact", "contact_id", "id"),
        sa.Index("ix_enrollment_place", "sequence_id", "state", "step"),
    )


class Batch(Base):
    """Sends that travel to a worker together; jobs carry its id.

    `enqueued_at` is when Redis was told last, by the wall clock, and `woken_at` the same moment
    in the contacts' time: a send that was put off beyond it has to be woken again.
    """

    __tablename__ = "batch"
    id: Mapped[int] = identity()
    created_at: Mapped[datetime]
    enqueued_at: Mapped[datetime]
    woken_at: Mapped[datetime]


class Send(Base):
    """One email to one contact: one row, one claim. Unique for each enrollment, step and pass."""

    __tablename__ = "send"
    id: Mapped[int] = identity()
    enrollment_id: Mapped[int] = reference("enrollment.id")
    contact_id: Mapped[int] = reference("contact.id")
    sequence_id: Mapped[int] = reference("sequence.id")
    version_id: Mapped[int] = reference("sequence_version.id")
    step: Mapped[str]
    pass_no: Mapped[int]
    content: Mapped[str]
    topic: Mapped[str]
    email_id: Mapped[int | None] = mapped_column(Key)
    batch_id: Mapped[int | None] = mapped_column(Key)
    status: Mapped[str]
    reason: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    not_before: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    claimed_at: Mapped[datetime | None]
    claimed_by: Mapped[str] = mapped_column(default="")
    settled_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    bounced_at: Mapped[datetime | None]
    complained_at: Mapped[datetime | None]
    provider: Mapped[str] = mapped_column(default="")
    provider_message_id: Mapped[str] = mapped_column(default="")
    code: Mapped[int] = mapped_column(default=0)
    detail: Mapped[str] = mapped_column(default="")
    __table_args__ = (
        sa.UniqueConstraint("enrollment_id", "step", "pass_no"),
        sa.CheckConstraint(f"status IN ({SEND_STATES})", name="status"),
        sa.Index("ix_send_contact", "contact_id", "id"),
        # One for each state, led by no state: a queue that was empty when the server last counted
        # rows would else look like one row, and be read whole for every row that is asked for.
        partial("ix_send_queued", "batch_id", "id", where="status = 'queued'"),
        partial(
            "ix_send_put_off", "not_before", where="status = 'queued' AND not_before IS NOT NULL"
        ),
        partial("ix_send_claimed", "claimed_by", "id", where="status = 'claimed'"),
        partial("ix_send_uncertain", "id", where="status = 'uncertain'"),
        partial(
            "ix_send_provider_message", "provider_message_id", where="provider_message_id <> ''"
        ),
        sa.Index("ix_send_settled", "sequence_id", "settled_at"),
    )


class Received(Base):
    """The content ledger: what reached a contact, by any door."""

    __tablename__ = "received"
    contact_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("contact.id"), primary_key=True)
    content: Mapped[str] = mapped_column(primary_key=True)
    send_id: Mapped[int] = mapped_column(Key)
    at: Mapped[datetime]


class Decision(Base):
    """What was decided for a contact, when and because of what: one line for each `decide`."""

    __tablename__ = "decision"
    id: Mapped[int] = identity()
    contact_id: Mapped[int] = mapped_column(Key)
    enrollment_id: Mapped[int | None] = mapped_column(Key)
    at: Mapped[datetime]
    cause: Mapped[str]
    event_id: Mapped[int | None] = mapped_column(Key)
    send_id: Mapped[int | None] = mapped_column(Key)
    decided: Mapped[list[Any]]
    __table_args__ = (
        sa.Index("ix_decision_contact", "contact_id", "id"),
        sa.Index("ix_decision_enrollment", "enrollment_id", "id"),
    )


class Event(Base):
    """An occurrence: something a contact did or that happened to them, once by its dedupe key."""

    __tablename__ = "event"
    id: Mapped[int] = identity()
    contact_id: Mapped[int] = mapped_column(Key)
    name: Mapped[str]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    dedupe_key: Mapped[str] = mapped_column(unique=True)
    send_id: Mapped[int | None] = mapped_column(Key, index=True)
    verdict: Mapped[str]
    source: Mapped[str] = mapped_column(default="")
    properties: Mapped[dict[str, Any]]
    __table_args__ = (
        sa.Index("ix_event_contact", "contact_id", "occurred_at"),
        # Who crossed the borders of segments lately, among millions of other events.
        partial("ix_event_border", "occurred_at", where="source = 'segment'"),
    )


class Hit(Base):
    """One fetch of a pixel or link, as it came. Kept raw; the verdict is derived from it."""

    __tablename__ = "hit"
    id: Mapped[int] = identity()
    hit_key: Mapped[str] = mapped_column(unique=True)
    send_id: Mapped[int] = mapped_column(Key)
    kind: Mapped[str]
    link_index: Mapped[int] = mapped_column(default=0)
    at: Mapped[datetime]
    method: Mapped[str]
    ip: Mapped[str] = mapped_column(default="")
    user_agent: Mapped[str] = mapped_column(default="")
    headers: Mapped[dict[str, Any]]
    settle_at: Mapped[datetime | None]
    verdict: Mapped[str] = mapped_column(default="")
    reasons: Mapped[list[Any]]
    classifier: Mapped[int] = mapped_column(default=0)
    event_id: Mapped[int | None] = mapped_column(Key)
    __table_args__ = (
        sa.Index("ix_hit_send", "send_id", "id"),
        partial("ix_hit_settle", "settle_at", where="settle_at IS NOT NULL"),
    )


class ScoreEntry(Base):
    """One line of the engagement ledger. Nothing edits a number; undoing is another line."""

    __tablename__ = "score_entry"
    id: Mapped[int] = identity()
    contact_id: Mapped[int] = mapped_column(Key)
    rule: Mapped[str]
    rule_version: Mapped[int]
    group: Mapped[str] = mapped_column("score_group")
    points: Mapped[float]
    occurred_at: Mapped[datetime]
    recorded_at: Mapped[datetime]
    event_id: Mapped[int | None] = mapped_column(Key)
    dedupe_key: Mapped[str] = mapped_column(unique=True)
    compensates: Mapped[str] = mapped_column(default="")
    __table_args__ = (sa.Index("ix_score_entry_contact", "contact_id", "occurred_at"),)


class StageChange(Base):
    """A change of stage, or one that was refused. `reason` is the code a person gave."""

    __tablename__ = "stage_change"
    id: Mapped[int] = identity()
    contact_id: Mapped[int] = mapped_column(Key)
    track: Mapped[str]
    start: Mapped[str]
    to: Mapped[str]
    kind: Mapped[str]
    refused: Mapped[str] = mapped_column(default="")
    actor: Mapped[str]
    why: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="", server_default="")
    by: Mapped[str] = mapped_column(default="", server_default="")
    event_id: Mapped[int | None] = mapped_column(Key)
    at: Mapped[datetime]
    __table_args__ = (
        sa.Index("ix_stage_change_contact", "contact_id", "id"),
        sa.Index("ix_stage_change_at", "at"),
    )


class WebhookEvent(Base):
    """A provider's event as it came, once by its dedupe key."""

    __tablename__ = "webhook_event"
    id: Mapped[int] = identity()
    provider: Mapped[str]
    dedupe_key: Mapped[str]
    kind: Mapped[str]
    raw_kind: Mapped[str] = mapped_column(default="")
    send_id: Mapped[int | None] = mapped_column(Key)
    provider_message_id: Mapped[str] = mapped_column(default="")
    recipient: Mapped[str] = mapped_column(default="")
    occurred_at: Mapped[datetime]
    received_at: Mapped[datetime]
    data: Mapped[dict[str, Any]]
    settled_at: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(default="")
    __table_args__ = (
        sa.UniqueConstraint("provider", "dedupe_key"),
        partial("ix_webhook_event_open", "id", where="settled_at IS NULL"),
    )


class User(Base):
    """Somebody who may log in."""

    __tablename__ = "user_account"
    id: Mapped[int] = identity()
    email: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str] = mapped_column(default="")
    password_hash: Mapped[str]
    language: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    logged_in_at: Mapped[datetime | None]


class LoginAttempt(Base):
    """A try to log in, kept to slow down guessing."""

    __tablename__ = "login_attempt"
    id: Mapped[int] = identity()
    email: Mapped[str]
    ip: Mapped[str]
    at: Mapped[datetime]
    succeeded: Mapped[bool]
    __table_args__ = (
        sa.Index("ix_login_attempt_email", "email", "at"),
        sa.Index("ix_login_attempt_ip", "ip", "at"),
    )


class EndedSession(Base):
    """A log-in session that was ended; kept until it would have run out by itself."""

    __tablename__ = "ended_session"
    session_id: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime]


class ImportRun(Base):
    """One import of one file, resumable at `done_rows`."""

    __tablename__ = "import_run"
    id: Mapped[int] = identity()
    digest: Mapped[str] = mapped_column(unique=True)
    file_name: Mapped[str]
    mapping: Mapped[dict[str, Any]]
    done_rows: Mapped[int] = mapped_column(default=0)
    created: Mapped[int] = mapped_column(default=0)
    updated: Mapped[int] = mapped_column(default=0)
    rejected: Mapped[int] = mapped_column(default=0)
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]


class Worker(Base):
    """A process that works, and when it was last heard of."""

    __tablename__ = "worker"
    name: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    host: Mapped[str]
    pid: Mapped[int]
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]
    sent: Mapped[int] = mapped_column(default=0)


class ProviderState(Base):
    """Whether a provider takes mail just now; `until` is when it is tried again."""

    __tablename__ = "provider_state"
    provider: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    failures: Mapped[int] = mapped_column(default=0)
    until: Mapped[datetime | None]
    detail: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]


class Audit(Base):
    """What people did in the admin or on the command line."""

    __tablename__ = "audit"
    id: Mapped[int] = identity()
    at: Mapped[datetime]
    by: Mapped[str]
    what: Mapped[str]
    subject: Mapped[str] = mapped_column(default="")
    data: Mapped[dict[str, Any]]
    __table_args__ = (sa.Index("ix_audit_subject", "subject", "at"),)


class QueuedEntry(Base):
    """A trigger that came while the contact's run under the same key was under way."""

    __tablename__ = "queued_entry"
    id: Mapped[int] = identity()
    contact_id: Mapped[int] = reference("contact.id")
    sequence_id: Mapped[int] = reference("sequence.id")
    entry_key: Mapped[str] = mapped_column(default="")
    properties: Mapped[dict[str, Any]]
    event_id: Mapped[int | None] = mapped_column(Key)
    at: Mapped[datetime]
    __table_args__ = (sa.UniqueConstraint("contact_id", "sequence_id", "entry_key"),)


class Segment(Base):
    """A segment by its key. `built_at` is when all of its members were last looked for.

    While it is being built, everybody with an id up to `built_to` was looked at. `file` is what
    segments.yaml said of it when it was last applied; null where no file has it.
    """

    __tablename__ = "segment"
    id: Mapped[int] = identity()
    key: Mapped[str] = mapped_column(unique=True)
    document: Mapped[dict[str, Any]]
    digest: Mapped[str]
    published_at: Mapped[datetime]
    published_by: Mapped[str]
    built_at: Mapped[datetime | None]
    built_to: Mapped[int] = mapped_column(sa.BigInteger, default=0, server_default="0")
    retired_at: Mapped[datetime | None]
    file: Mapped[dict[str, Any] | None]


class SegmentDraft(Base):
    """What somebody is writing of a segment; `document` is null when nobody is.

    The row stays, so that `revision` counts every save and never comes back to an old value.
    """

    __tablename__ = "segment_draft"
    key: Mapped[str] = mapped_column(primary_key=True)
    document: Mapped[dict[str, Any] | None]
    revision: Mapped[int]
    saved_at: Mapped[datetime]
    saved_by: Mapped[str]


class SegmentMember(Base):
    """A contact in a segment, since when."""

    __tablename__ = "segment_member"
    segment_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("segment.id"), primary_key=True)
    contact_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("contact.id"), primary_key=True)
    since: Mapped[datetime]
    __table_args__ = (sa.Index("ix_segment_member_contact", "contact_id"),)


class SegmentRecheck(Base):
    """When time alone may change whether a contact is in a segment; looked up by contact."""

    __tablename__ = "segment_recheck"
    contact_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("contact.id"), primary_key=True)
    segment_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("segment.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)


class BantEntry(Base):
    """The log of BANT: one line for each answer, with who said so."""

    __tablename__ = "bant_entry"
    id: Mapped[int] = identity()
    contact_id: Mapped[int] = reference("contact.id", index=True)
    letter: Mapped[str]
    value: Mapped[str]
    source: Mapped[str]
    by: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime]


class Delivery(Base):
    """A notice to a person of ours, or a webhook to another system: once for each step and pass.

    `message_id` stays the same through all tries, so that the receiver can tell them apart.
    `payload` is what is told, as it was when the step was met; `reason` why the last try failed.
    """

    __tablename__ = "delivery"
    id: Mapped[int] = identity()
    enrollment_id: Mapped[int] = reference("enrollment.id")
    contact_id: Mapped[int] = reference("contact.id", index=True)
    version_id: Mapped[int] = reference("sequence_version.id")
    step: Mapped[str]
    pass_no: Mapped[int]
    kind: Mapped[str]
    target: Mapped[str]
    message_id: Mapped[str] = mapped_column(unique=True)
    payload: Mapped[dict[str, Any]]
    status: Mapped[str]
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime]
    not_before: Mapped[datetime | None]
    claimed_at: Mapped[datetime | None]
    claimed_by: Mapped[str] = mapped_column(default="")
    settled_at: Mapped[datetime | None]
    reason: Mapped[str] = mapped_column(default="")
    code: Mapped[int] = mapped_column(default=0)
    detail: Mapped[str] = mapped_column(default="")
    __table_args__ = (
        sa.UniqueConstraint("enrollment_id", "step", "pass_no"),
        sa.CheckConstraint(
            "status IN ('waiting', 'claimed', 'delivered', 'failed', 'cancelled')", name="status"
        ),
        sa.CheckConstraint("kind IN ('notice', 'webhook')", name="kind"),
        partial(
            "ix_delivery_open",
            "kind",
            "target",
            "not_before",
            "id",
            where="status IN ('waiting', 'claimed')",
        ),
        sa.Index("ix_delivery_status", "status", "id"),
    )


class EndpointState(Base):
    """How an endpoint is: failures in a row, until when it is let alone, which secret is its own.

    `generation` counts the changes of its secret; the one before signs, too, for a while.
    """

    __tablename__ = "endpoint_state"
    key: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(default=0)
    until: Mapped[datetime | None]
    gone: Mapped[bool] = mapped_column(default=False)
    detail: Mapped[str] = mapped_column(default="")
    at: Mapped[datetime | None]
    generation: Mapped[int] = mapped_column(default=0)
    rotated_at: Mapped[datetime | None]


class Exposure(Base):
    """The arm of an experiment that a contact was first shown; hold-outs of a track, too."""

    __tablename__ = "exposure"
    experiment: Mapped[str] = mapped_column(primary_key=True)
    contact_id: Mapped[int] = mapped_column(Key, sa.ForeignKey("contact.id"), primary_key=True)
    arm: Mapped[str]
    enrollment_id: Mapped[int | None] = mapped_column(Key)
    at: Mapped[datetime]
    __table_args__ = (sa.Index("ix_exposure_arm", "experiment", "arm", "at"),)


class Experiment(Base):
    """What became of an experiment: when it began, when it stopped, and what it showed."""

    __tablename__ = "experiment"
    key: Mapped[str] = mapped_column(primary_key=True)
    started_at: Mapped[datetime]
    looked_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    winner: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    decided_by: Mapped[str] = mapped_column(default="")
    result: Mapped[dict[str, Any]]


class Finding(Base):
    """Something the doctor found: seen first, seen last, and mended or gone."""

    __tablename__ = "finding"
    id: Mapped[int] = identity()
    kind: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[str] = mapped_column(default="")
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    cleared_at: Mapped[datetime | None]
    repaired_by: Mapped[str] = mapped_column(default="")
    __table_args__ = (
        partial("uq_finding_live", "kind", "subject", unique=True, where="cleared_at IS NULL"),
    )


class Quarantined(Base):
    """An event that was not taken in, because its time cannot be true; a person decides."""

    __tablename__ = "quarantined"
    id: Mapped[int] = identity()
    contact_id: Mapped[int | None] = mapped_column(Key)
    dedupe_key: Mapped[str] = mapped_column(unique=True)
    event: Mapped[dict[str, Any]]
    reason: Mapped[str]
    received_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    settled_by: Mapped[str] = mapped_column(default="")
    outcome: Mapped[str] = mapped_column(default="")
