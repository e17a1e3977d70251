"""Giving consent, for every door at which a person's own word is taken."""

from dataclasses import dataclass, replace
from types import MappingProxyType

from nurture.domain.contact import Contact, Engaged, Occurrence
from nurture.engine.dependencies import Dependencies
from nurture.engine.record import take_in
from nurture.engine.suppress import UNSUBSCRIBED
from nurture.engine.work import Work
from nurture.errors import NotFound
from nurture.store import consents, people, suppressions
from nurture.store.ledger import NewEvent
from nurture.store.places import Place, places_of
from nurture.store.suppressions import NewConsent


@dataclass(frozen=True, slots=True)
class Witness:
    """By which words, and from where, somebody pressed a button of ours."""

    wording: str
    ip: str = ""


def grant(work: Work, said: NewConsent, key: str) -> None:
    """Log consent, lift what their own word suppressed, and let them into their sequences."""
    contact_id, topic = said.contact_id, said.topic
    contact = work.contacts[contact_id]
    suppressions.log_consents(work.tx, [said], work.now)
    suppressions.lift_own(work.tx, contact_id, topic, UNSUBSCRIBED, said.by, work.now)
    contact = replace(
        contact,
        consents=MappingProxyType({**contact.consents, topic: True}),
        suppressions=contact.suppressions - {topic},
    )
    work.contacts[contact_id] = contact
    stage = contact.standing.stage if contact.standing else ""
    lines = consents.log(work.tx, contact_id)
    event = Occurrence(
        Engaged.SUBSCRIBED, work.now, {"topic": topic},
        dedupe_key=key or f"subscribed:{lines[-1].id}",
    )  # fmt: skip
    # Segments may ask for consent; scoring the event makes the rules look at the contact.
    take_in(work, [NewEvent(contact_id, event, said.by)])
    standing = work.contacts[contact_id].standing
    # Whom the rules move on at once is enrolled by that move, and not again by us.
    if standing is not None and standing.stage == stage:
        work.wish_stage_sequences(contact_id)


def is_barred(work: Work, contact_id: int, topic: str) -> bool:
    """Return whether something else than their own word keeps mail on the topic from them."""
    return suppressions.reasons(work.tx, contact_id).get(topic, UNSUBSCRIBED) != UNSUBSCRIBED


def whose(deps: Dependencies, send_id: int) -> list[int]:
    """Return the contact of a send, as a list: empty when it is not ours."""
    with deps.database.read() as tx:
        place = places_of(tx, [send_id]).get(send_id)
    return [place.contact_id] if place else []


def recipient(work: Work, send_id: int, *, lock: bool = True) -> tuple[Place, Contact]:
    """Return a send and its contact, held until the transaction ends; raises NotFound."""
    place = places_of(work.tx, [send_id]).get(send_id)
    if place is None:
        raise NotFound("this email is not known here")
    if lock:
        people.lock(work.tx, [place.contact_id])
    work.see([place.contact_id], history=False)
    contact = work.contacts.get(place.contact_id)
    if contact is None:
        raise NotFound("this contact is not known here")
    return place, contact
