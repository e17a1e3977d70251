"""What a recipient may see of an email they got: the email itself, and what it was about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from nurture.domain.contact import GLOBAL, Contact
from nurture.engine.dependencies import Dependencies
from nurture.engine.letters import Letter, Post
from nurture.errors import NotFound
from nurture.mailer.render import Rendered, TemplateFailed
from nurture.store import consents, gone, people, runs
from nurture.store.database import Transaction
from nurture.store.people import Addressee, Need
from nurture.store.places import Place, places_of
from nurture.store.sends import Claimed

ERASED: Final = Addressee(0, "", "", {})


@dataclass(frozen=True, slots=True)
class Correspondence:
    """What the unsubscribe page tells: whose email it was, on which topic, and how that stands.

    `topic_names` are by language. `address` is shown in part, for emails get forwarded. Of somebody
    who `is_erased` there is none, nor a language. `may_return` is whether nothing but their own
    word keeps our mail from them. A letter that asks `asked` about a topic of its own, and gets
    through as long as `may_ask`; a no to it is a no to both.
    """

    sender: str
    site: str
    address: str
    language: str
    topic: str
    topic_names: Mapping[str, str]
    is_subscribed: bool
    is_erased: bool = False
    may_return: bool = False
    asked: str = ""
    asked_names: Mapping[str, str] = field(default_factory=dict)
    may_ask: bool = True


def correspondence(deps: Dependencies, send_id: int) -> Correspondence:
    """Return what an email was about. Raises NotFound for a send or a contact that is gone."""
    with deps.database.read() as tx:
        place, addressee = _found(tx, send_id, erased=ERASED)
        funnel = deps.definitions.catalog(tx).funnel
        if addressee is ERASED:
            account, names = funnel.account, funnel.topics.get(place.topic, {})
            return Correspondence(
                sender=account.name, site=account.site, address="", language="",
                topic=place.topic, topic_names=names, is_subscribed=False, is_erased=True,
            )  # fmt: skip
        contact = people.contacts(tx, [place.contact_id], Need(received=False))[place.contact_id]
        asked = consents.asked_by(tx, place.enrollment_id)
    may_ask = not _is_withdrawn(contact, place.topic)
    return Correspondence(
        sender=funnel.account.name,
        site=funnel.account.site,
        address=in_part(addressee.email),
        language=addressee.language,
        topic=place.topic,
        topic_names=funnel.topics.get(place.topic, {}),
        is_subscribed=may_ask or (asked is not None and not _is_withdrawn(contact, asked.topic)),
        may_return=GLOBAL not in contact.suppressions,
        asked=asked.topic if asked else "",
        asked_names=funnel.topics.get(asked.topic, {}) if asked else {},
        may_ask=may_ask,
    )


def _is_withdrawn(contact: Contact, topic: str) -> bool:
    return topic in contact.suppressions or contact.consents.get(topic) is False


def view(deps: Dependencies, email_id: int, send_id: int, now: datetime) -> Rendered:
    """Render the email that a contact got, untracked, with their fields as they are today.

    Raises NotFound for a send, contact or email that is gone, and where it cannot be rendered
    any more.
    """
    with deps.database.read() as tx:
        place, addressee = _found(tx, send_id)
        email = deps.definitions.email(tx, email_id)
        catalog = deps.definitions.catalog(tx)
        run = runs.by_ids(tx, [place.enrollment_id])[place.enrollment_id]
        contact = people.contacts(tx, [place.contact_id], Need(received=False))[place.contact_id]
    letter = Letter(
        send=Claimed(
            id=place.id,
            enrollment_id=place.enrollment_id,
            contact_id=place.contact_id,
            sequence_id=run.sequence_id,
            version_id=place.version_id,
            step=place.step,
            pass_no=place.pass_no,
            content=place.content,
            topic=place.topic,
            email_id=email_id,
            attempts=0,
            created_at=place.claimed_at or now,
        ),
        addressee=addressee,
        enrollment=run.enrollment,
        email_id=email_id,
        stage=contact.standing.stage if contact.standing else "",
    )
    # "Today" in an email is the day it was sent.
    written_at = place.claimed_at or now
    try:
        return Post(deps, catalog.funnel).render(letter, email, written_at, tracked=False)
    except TemplateFailed as error:
        raise NotFound("this email cannot be shown any more") from error


def in_part(address: str) -> str:
    """Return an address as its owner recognises it and a stranger does not learn it."""
    local, _, domain = address.rpartition("@")
    return f"{local[:1]}…@{domain}"


def _found(
    tx: Transaction, send_id: int, erased: Addressee | None = None
) -> tuple[Place, Addressee]:
    """Return a send's place and whom it went to; `erased` for somebody who was."""
    place = places_of(tx, [send_id]).get(send_id)
    if place is None:
        raise NotFound("this email is not known here")
    addressee = people.addressees(tx, [place.contact_id]).get(place.contact_id)
    if addressee is None and gone.among(tx, [place.contact_id]):
        addressee = erased
    if addressee is None:
        raise NotFound("this contact is not known here")
    return place, addressee
