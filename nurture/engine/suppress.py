"""The single door to the suppression list, and the ways of withdrawing consent."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from nurture.domain import enrollment as e
from nurture.domain.contact import GLOBAL, Engaged, Occurrence
from nurture.domain.sequence import Email
from nurture.engine.addresses import address_key, parse_address
from nurture.engine.dependencies import Dependencies
from nurture.engine.isolation import around_bad_runs
from nurture.engine.record import take_in
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Invalid, NotFound
from nurture.store import (
    consents,
    gone,
    ledger,
    operations,
    people,
    reports_contact,
    runs,
    suppressions,
)
from nurture.store.ledger import NewEvent
from nurture.store.places import Place, places_of
from nurture.store.suppressions import NewConsent, NewSuppression

UNSUBSCRIBED = "unsubscribed"


def suppress(work: Work, wanted: Iterable[NewSuppression]) -> None:
    """Suppress addresses and end every run that could still mail them. Idempotent."""
    some = list(wanted)
    if not some:
        return
    wanted_of: dict[int, list[NewSuppression]] = {}
    for one in some:
        wanted_of.setdefault(one.contact_id, []).append(one)
    people.lock(work.tx, wanted_of)
    suppressions.add(work.tx, some, work.now)
    for one in some:
        # What is decided later in this transaction must know of it, too.
        contact = work.contacts.get(one.contact_id)
        if contact is not None:
            scopes = contact.suppressions | {one.scope}
            work.contacts[one.contact_id] = replace(contact, suppressions=scopes)
    live = runs.live_of(work.tx, wanted_of)
    work.take_up(run for run in live if run.enrollment.id not in work.runs)
    for run in live:
        run_id = run.enrollment.id
        for one in wanted_of[run.enrollment.contact_id]:
            if work.runs[run_id].enrollment.is_live and _mails(work, run_id, one.scope):
                work.tell(run_id, e.Withdrawn(one.reason))


def unsubscribe(
    deps: Dependencies, send_id: int, now: datetime, *, ip: str = "", by: str = "recipient"
) -> str:
    """Withdraw a contact's consent on the topic of a send they got; return the topic.

    Idempotent: a second time changes nothing. Raises NotFound for a send that is not ours.
    """

    def body(work: Work) -> str:
        place = places_of(work.tx, [send_id]).get(send_id)
        if place is None:
            raise NotFound("this email is not known here")
        people.lock(work.tx, [place.contact_id])
        work.see([place.contact_id], history=False)
        if place.contact_id not in work.contacts:
            if gone.among(work.tx, [place.contact_id]):
                return place.topic  # Whoever was erased is written to no more, on any topic.
            raise NotFound("this contact is not known here")
        say_no(work, place, by=by, ip=ip)
        take_in(
            work,
            [
                NewEvent(
                    place.contact_id,
                    Occurrence(
                        Engaged.UNSUBSCRIBE,
                        now,
                        {
                            "topic": place.topic,
                            "sequence": place.sequence,
                            "step": place.step,
                        },
                        dedupe_key=f"unsubscribe:{send_id}",
                    ),
                    "recipient",
                    send_id,
                )
            ],
        )
        return place.topic

    with deps.database.read() as tx:
        place = places_of(tx, [send_id]).get(send_id)
    theirs = [place.contact_id] if place else []
    return around_bad_runs(deps, theirs, now, lambda: committed(deps, now, body))


def say_no(work: Work, place: Place, *, by: str, ip: str = "") -> None:
    """Withdraw consent on the topic of a letter, and on the one that it asked about if it asked.

    Whoever says no to a letter that asks says no to what it asks, too: its button grants nothing
    any more, and what it granted before is taken back.
    """
    asked = consents.asked_by(work.tx, place.enrollment_id)
    for topic in dict.fromkeys([place.topic, *([asked.topic] if asked else [])]):
        withdraw(work, place.contact_id, topic, f"send {place.id}", by=by, ip=ip)


def withdraw(
    work: Work, contact_id: int, topic: str, source: str, *, by: str, ip: str = ""
) -> None:
    """Log the withdrawal where consent stood or is asked for, suppress the topic, end its runs."""
    contact = work.contacts[contact_id]
    withdrawn = contact.consents.get(topic) is False and topic in contact.suppressions
    # A no after a letter that asks is news though nothing stands: its button must not undo it.
    if not withdrawn or topic in consents.waiting(consents.log(work.tx, contact_id)):
        suppressions.log_consents(
            work.tx, [NewConsent(contact_id, topic, granted=False, source=source, by=by, ip=ip)],
            work.now,
        )  # fmt: skip
        given = MappingProxyType({**contact.consents, topic: False})
        work.contacts[contact_id] = replace(contact, consents=given)
        # Segments may ask for consent; the rules look at the contact by and by.
        ledger.look_again(work.tx, [contact_id], work.now)
        suppress(work, [NewSuppression(contact_id, topic, UNSUBSCRIBED, by, source)])


def lift(deps: Dependencies, suppression_id: int, by: str, why: str, now: datetime) -> None:
    """Lift a suppression on a person's word, with an audit line; nothing else ever lifts one.

    The contact goes back into their stage's sequences, where what they got is passed over.
    """

    def body(work: Work) -> None:
        contact_id = suppressions.lift(work.tx, suppression_id, by, now)
        if contact_id is None:
            raise NotFound("this suppression does not stand any more")
        operations.note(work.tx, by, "lift suppression", str(suppression_id), {"why": why}, now)
        people.lock(work.tx, [contact_id])
        work.see([contact_id], history=False)
        if contact_id in work.contacts:
            work.wish_stage_sequences(contact_id)

    committed(deps, now, body)


def lift_address(
    deps: Dependencies, address: str, scope: str, by: str, why: str, now: datetime
) -> str:
    """Lift what stands against an address in a scope, GLOBAL or a topic; return why it stood.

    This is how somebody who was erased may sign up again: nothing leads from them to a contact.
    Raises Invalid for what is no address or without a why, and NotFound where nothing stands.
    """
    compared = parse_address(address).compared
    if not why.strip() or compared in f"{by} {why}".lower():
        told = "Say how you know that they wish it, without their address: it stays on record."
        raise Invalid("a suppression is lifted for a reason", remedy=told)
    with deps.database.read() as tx:
        standing = reports_contact.suppressions(tx, address_key(deps.secrets, compared))
    for one in standing:
        if one.scope == scope:
            lift(deps, one.id, by, why.strip(), now)
            return one.reason
    scopes = ", ".join(one.scope for one in standing)
    raise NotFound(
        f"nothing stands against this address in the scope {scope}",
        remedy=f"Standing are: {scopes}." if scopes else "It may be written to, given consent.",
    )


def _mails(work: Work, run_id: int, scope: str) -> bool:
    sequence = work.definition(work.runs[run_id]).sequence
    return scope == GLOBAL or any(
        isinstance(step, Email) and step.topic == scope for step in sequence.steps
    )
