"""Notices: emails to our own people about a contact, taken, written, handed over, written down."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from nurture.domain.contact import Contact
from nurture.domain.endpoints import LONGEST_REST
from nurture.domain.funnel import Account, Funnel
from nurture.domain.retries import next_try
from nurture.engine.definitions import Catalog
from nurture.engine.deliveries import again, delivered, failed
from nurture.engine.dependencies import Dependencies
from nurture.engine.isolation import OF_THE_MOMENT, describe
from nurture.engine.letters import contact_fields, sender_of
from nurture.engine.notice_readers import Reader, readers_of, wished
from nurture.errors import Invalid
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.compose import Envelope, compose
from nurture.mailer.links import Links
from nurture.mailer.render import Rendered, TemplateFailed
from nurture.providers.base import Outcome, OutgoingEmail, Receipt
from nurture.providers.calling import Answered
from nurture.store import deliveries, operations, people, runs
from nurture.store.database import Transaction
from nurture.store.deliveries import NOTICE, Claimed
from nurture.store.people import Addressee, Need
from nurture.store.reports import name_of

# Notices handed to the provider at a time.
PART = 20
# Trying again cannot help before a person has changed something.
_FINAL = frozenset({Outcome.HARD, Outcome.POLICY})


@dataclass(frozen=True, slots=True)
class About:
    """The contact that a notice tells of, as rules and as emails know them, and its reader."""

    contact: Contact
    addressee: Addressee
    reader: Reader


@dataclass(frozen=True, slots=True)
class Notice:
    """A claimed notice with all that it is written from, read while the transaction was open."""

    claimed: Claimed
    about: About
    account: Account
    email: CompiledEmail
    merge: Mapping[str, object]


def take_notices(deps: Dependencies, worker: str, now: datetime) -> list[Notice]:
    """Claim notices that are due, and read what they tell; none while the provider is paused."""
    with deps.database.read() as tx:
        if not deliveries.are_notices_due(tx, now):
            return []
        health = operations.provider_health(tx, deps.provider.name)
    if health is not None and _keeps_mail(health, now):
        return []
    with deps.database.begin() as tx:
        found = deliveries.claim(tx, NOTICE, None, worker, now, PART)
        catalog = deps.definitions.including(tx, {one.version_id for one in found})
        notices, lost = _read(deps, tx, catalog, found, now)
        deliveries.settle(tx, worker, lost, now)
    return notices


def _keeps_mail(health: operations.Health, now: datetime) -> bool:
    """Return whether the provider takes no mail now; one that was away may be back."""
    is_away = health.until is None or health.until > now
    return health.state == "paused" or (health.state == "down" and is_away)


def write_notice(deps: Dependencies, notice: Notice, now: datetime) -> OutgoingEmail:
    """Return the email of a notice; raises TemplateFailed or Invalid for one that cannot be."""
    account, reader = notice.account, notice.about.reader
    rendered = render_notice(deps, notice.email, notice.merge, account)
    domain = account.email.rpartition("@")[2]
    one = notice.claimed
    envelope = Envelope(
        send_id=one.id,
        # The same in every try, so that a reader's mailbox can tell a repetition.
        message_id=f"<{one.message_id}@{domain}>",
        sender=sender_of(account),
        reply_to=account.reply_to,
        recipient=reader.email,
        recipient_name=reader.name,
        date=now,
        unsubscribe_url=None,
        list_id="",
        feedback_id="",
        language=notice.email.language,
    )
    return OutgoingEmail(
        send_id=one.id,
        key=one.message_id,
        # What comes back concerns a person of ours: no token, and no verdict on a contact.
        mail_from=account.email,
        recipient=reader.email,
        message=compose(rendered, envelope),
        subject=rendered.subject,
        html=rendered.html,
        text=rendered.text,
        tag="notice",
        metadata={"notice": one.message_id},
    )


def render_notice(
    deps: Dependencies, email: CompiledEmail, merge: Mapping[str, object], account: Account
) -> Rendered:
    """Return a rendered notice: true links, and nothing that tells us of its reader."""
    rendered = deps.renderer.render(email, merge)
    links = Links(deps.settings.public_url, deps.tokens, site=account.site)
    return links.fill(rendered, email, 0, 0, tracked=False)


def hand_over_notices(
    deps: Dependencies, worker: str, notices: Sequence[Notice], now: datetime
) -> int:
    """Write, hand over and record notices; return how many the provider took."""
    if not notices:
        return 0
    by_id = {notice.claimed.id: notice for notice in notices}
    rows: list[dict[str, Any]] = []
    emails: list[OutgoingEmail] = []
    for notice in notices:
        try:
            emails.append(write_notice(deps, notice, now))
        except OF_THE_MOMENT:
            raise
        except (TemplateFailed, Invalid) as error:
            rows.append(failed(notice.claimed, now, "template", str(error)))
        except Exception as error:  # noqa: BLE001 - one notice must not keep the others back
            rows.append(failed(notice.claimed, now, "template", describe(error)))
    open_ids = {email.send_id for email in emails}
    for item in deps.provider.send(emails, now):
        if isinstance(item, Receipt):
            open_ids.discard(item.send_id)
            rows.append(_row(by_id[item.send_id].claimed, item, deps.clock.now()))
    for delivery_id in sorted(open_ids):
        lost = Receipt(delivery_id, Outcome.UNCERTAIN, detail="the provider gave no receipt")
        rows.append(_row(by_id[delivery_id].claimed, lost, deps.clock.now()))
    told = {email.send_id: email.subject for email in emails}
    with deps.database.begin() as tx:
        deliveries.settle(
            tx, worker, [{**row, "payload": _kept(by_id[row["id"]], told)} for row in rows], now
        )
    return sum(row["status"] == "delivered" for row in rows)


def _row(one: Claimed, receipt: Receipt, now: datetime) -> dict[str, Any]:
    if receipt.outcome is Outcome.ACCEPTED:
        return delivered(one, now, receipt.code, receipt.detail)
    if receipt.outcome in _FINAL:
        return failed(one, now, f"email {receipt.outcome.value}", receipt.detail, receipt.code)
    asked = LONGEST_REST if receipt.outcome is Outcome.SENDER else None
    answer = Answered(f"email {receipt.outcome.value}", receipt.code, receipt.detail)
    return again(one, now, answer, next_try(one.message_id, one.attempts, now, asked))


def _kept(notice: Notice, subjects: Mapping[int, str]) -> dict[str, Any]:
    """Return what is kept of a notice for people to look at: whom it went to, and why them."""
    return {
        **notice.claimed.payload,
        "to": notice.about.reader.email,
        "why": notice.about.reader.why,
        "subject": subjects.get(notice.claimed.id, ""),
    }


def _read(
    deps: Dependencies, tx: Transaction, catalog: Catalog, found: Sequence[Claimed], now: datetime
) -> tuple[list[Notice], list[dict[str, Any]]]:
    """Return the notices that can be written, and the rows of those that cannot."""
    ids = {one.contact_id for one in found}
    contacts = people.contacts(tx, ids, Need(received=False))
    addressees = people.addressees(tx, ids)
    stored = runs.by_ids(tx, {one.enrollment_id for one in found})
    wanted = {one.id: wished(one.target, addressees[one.contact_id]) for one in found}
    readers = readers_of(deps, tx, wanted, catalog.funnel.account)
    notices: list[Notice] = []
    lost: list[dict[str, Any]] = []
    for one in found:
        email = _email(deps, tx, one, catalog.funnel.account.language)
        reader = readers[one.id]
        if email is None:
            lost.append(failed(one, now, "template", f"the step {one.step!r} has no email"))
        elif not reader.email:
            lost.append(failed(one, now, "no_reader", reader.why))
        else:
            sequence = catalog.version(one.version_id).sequence.key
            about = About(contacts[one.contact_id], addressees[one.contact_id], reader)
            merge = notice_fields(deps, catalog.funnel, about, email.language, now)
            event = dict(stored[one.enrollment_id].enrollment.properties)
            whole = {**merge, "event": event, "sequence": sequence, "step": one.step}
            notices.append(Notice(one, about, catalog.funnel.account, email, whole))
    return notices, lost


def notice_fields(
    deps: Dependencies, funnel: Funnel, about: About, language: str, now: datetime
) -> dict[str, object]:
    """Return the merge fields of a notice, but for what tells of its run."""
    contact, addressee, reader = about.contact, about.addressee, about.reader
    name = name_of(addressee.fields, addressee.language)
    return {
        "contact": contact_fields(addressee, funnel, language),
        "sender": sender_of(funnel.account).merge(),
        "owner": {"name": reader.name, "email": reader.email},
        "person": {"name": name or addressee.email, "email": addressee.email},
        "stage": contact.standing.stage if contact.standing else "",
        "persona": contact.persona,
        "score": round(contact.engagement),
        "fit": round(contact.fit),
        "grade": contact.grade,
        "temperature": contact.temperature,
        "contact_url": f"{deps.settings.public_url}/contacts/{contact.id}",
        "today": now,
        "language": language,
    }


def _email(
    deps: Dependencies, tx: Transaction, one: Claimed, language: str
) -> CompiledEmail | None:
    """Return the compiled notice: in the account's language, else in any."""
    choices = deps.definitions.choices(tx, one.version_id)
    of_step = {known: email for (step, known), email in choices.items() if step == one.step}
    chosen = of_step.get(language) or next(iter(_sorted(of_step)), None)
    return None if chosen is None else deps.definitions.email(tx, chosen)


def _sorted(of_step: Mapping[str, int]) -> Iterable[int]:
    return (email for _, email in sorted(of_step.items()))
