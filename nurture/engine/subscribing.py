"""How somebody comes to get mail on a topic: they ask for it, or come back after they left.

A wish that has to be confirmed is a line of the log of consent and an event, `subscription_asked`.
The letter that asks is sent by the sequence which that event starts, on a transactional topic, and
so by the same claims and guarantees as every other email; `nurture.engine.confirming` takes what
its button says.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from nurture.domain.consent import Answer, Proof, plain_name, wished
from nurture.domain.contact import Engaged, Occurrence, Value
from nurture.domain.funnel import LANGUAGES, Funnel
from nurture.domain.text import search_text
from nurture.engine.addresses import Address, AddressKeys, parse_address
from nurture.engine.definitions import TRACK
from nurture.engine.dependencies import Dependencies
from nurture.engine.granting import Witness, grant, is_barred, recipient, whose
from nurture.engine.isolation import around_bad_runs
from nurture.engine.record import take_in
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Conflict, Invalid
from nurture.store import consents, imports, ledger, people, runs, suppressions
from nurture.store.database import Transaction
from nurture.store.ledger import NewEvent
from nurture.store.suppressions import NewConsent

# Where a contact came from who was not known before they signed up.
SOURCE = "form"

# So many uses of the public page from one network in an hour; an office may share one.
MOST_TRIES = 20
TRIES_WITHIN = timedelta(hours=1)
TRIES_KEPT = timedelta(days=1)

# Addresses that differ by a +tag are one mailbox: so many letters that ask reach it in a day.
MOST_TAGGED = 10


@dataclass(frozen=True, slots=True)
class Wish:
    """Somebody wishes mail on a topic: all that a regulator would ask of it.

    `wording` is what they were shown, `source` where they said it, `by` who tells us, `ip` where
    they sat. Name and language are kept for somebody new alone: nobody changes another's.
    """

    email: str
    topic: str
    wording: str
    source: str
    by: str
    ip: str = ""
    name: str = ""
    language: str = ""
    proof: Proof = Proof.NONE


def may_try(deps: Dependencies, network: str, wall: datetime) -> bool:
    """Count a use of the public page, and return whether this network may use it now."""
    with deps.database.begin() as tx:
        count = consents.count_try(
            tx, network, wall, since=wall - TRIES_WITHIN, forget_before=wall - TRIES_KEPT
        )
    return count <= MOST_TRIES


def readable(wish: Wish) -> tuple[Address, Wish]:
    """Return the address of a wish, and the wish with its name tidied.

    Looks at what was typed alone, and never at who is known. Raises Invalid for an address or a
    name that cannot be.
    """
    address = parse_address(wish.email)
    name = plain_name(wish.name)
    if name is None:
        raise Invalid(
            "this is no name that we can write", remedy="Use letters and spaces, 60 at most."
        )
    return address, replace(wish, name=name)


def unreadable(wish: Wish) -> frozenset[str]:
    """Return which of `email` and `name` cannot be, for whoever asks to be told of both."""
    found = {"name"} if plain_name(wish.name) is None else set()
    try:
        parse_address(wish.email)
    except Invalid:
        found.add("email")
    return frozenset(found)


def subscribe(
    deps: Dependencies,
    wish: Wish,
    now: datetime,
    is_ours: Callable[[Transaction], bool] = lambda _: True,
) -> Answer:
    """Take a wish: grant it, ask the mailbox to confirm it, or leave all as it is.

    `is_ours` is asked in the same transaction whether nobody else has answered it meanwhile.
    Raises Invalid for an address, a name or a topic that cannot be.
    """
    address, wish = readable(wish)

    def body(work: Work) -> Answer:
        if not is_ours(work.tx):
            return Answer.STANDS
        contact_id, mailbox = _known(work.tx, address), _mailbox(deps, address)
        if contact_id is None:
            if _must_be_asked(work, wish) and mailbox:
                # Nobody is made of whom there would be nothing but an address that nobody asked.
                if not _may_ask_again(work, mailbox):
                    return Answer.WAITS
                mailbox = ""
            contact_id = _made(deps, work, address, wish)
        if contact_id is None:
            return Answer.REFUSED
        return _take(work, contact_id, wish, mailbox)

    with deps.database.read() as tx:
        topics = offered(deps.definitions.catalog(tx).funnel)
        theirs = list(people.ids_by_address(tx, [address.compared]).values())
    if wish.topic not in topics:
        told = f"nobody signs up for {wish.topic!r}"
        raise Invalid(told, remedy=f"Use one of: {', '.join(topics)}.")
    return around_bad_runs(deps, theirs, now, lambda: committed(deps, now, body))


def offered(funnel: Funnel) -> tuple[str, ...]:
    """Return the topics that somebody can sign up for: all that need consent."""
    return tuple(key for key in funnel.topics if key not in funnel.transactional)


def come_back(deps: Dependencies, send_id: int, witness: Witness, now: datetime) -> Answer:
    """Let somebody get mail again on the topic of a send that they unsubscribed from. Idempotent.

    The link only went to their mailbox, so nothing is left to confirm. Raises NotFound for a send
    that is not ours.
    """

    def body(work: Work) -> Answer:
        place, contact = recipient(work, send_id)
        wish = Wish(
            "", place.topic, witness.wording, f"send {send_id}", "recipient", witness.ip,
            proof=Proof.MAILBOX,
        )  # fmt: skip
        return _take(work, contact.id, wish)

    theirs = whose(deps, send_id)
    return around_bad_runs(deps, theirs, now, lambda: committed(deps, now, body))


def _take(work: Work, contact_id: int, wish: Wish, mailbox: str = "") -> Answer:
    """Answer a wish in a transaction that is open; the contact is locked here.

    `mailbox` is under which name the letters to a mailbox with +tags are counted; empty without.
    """
    people.lock(work.tx, [contact_id])
    work.see([contact_id], history=False)
    contact, funnel = work.contacts.get(contact_id), work.catalog.funnel
    if contact is None:
        # Read again: their hash is on the list by now.
        raise Conflict("this contact was erased by somebody meanwhile")
    answer = wished(
        contact,
        wish.topic,
        wish.proof,
        consents.log(work.tx, contact_id),
        work.now,
        confirm=wish.topic in funnel.confirmed,
        under_way=_is_being_asked(work, contact_id, wish.topic),
    )
    if answer not in (Answer.GRANTED, Answer.PENDING):
        return answer
    if is_barred(work, contact_id, wish.topic):
        return Answer.REFUSED
    if answer is Answer.PENDING and mailbox and not _may_ask_again(work, mailbox):
        return Answer.WAITS
    said = NewConsent(
        contact_id, wish.topic, granted=answer is Answer.GRANTED, source=wish.source,
        wording=wish.wording, by=wish.by, ip=wish.ip,
    )  # fmt: skip
    if answer is Answer.PENDING:
        _ask(work, said, funnel)
    else:
        grant(work, said, "")
    return answer


def _mailbox(deps: Dependencies, address: Address) -> str:
    """Return by what the letters to the mailbox behind a +tag are counted; empty without a tag."""
    local, _at, domain = address.compared.rpartition("@")
    plain, plus, _tag = local.partition("+")
    return f"mailbox {AddressKeys(deps.secrets).of(f'{plain}@{domain}')}" if plus else ""


def _may_ask_again(work: Work, mailbox: str) -> bool:
    """Count a letter to a mailbox with +tags, and return whether it may be asked once more."""
    since = work.wall - TRIES_KEPT
    count = consents.count_try(work.tx, mailbox, work.wall, since=since, forget_before=since)
    return count <= MOST_TAGGED


def _ask(work: Work, said: NewConsent, funnel: Funnel) -> None:
    """Log that consent is asked for, and tell it as the event that starts the letter."""
    line = consents.ask(work.tx, said, work.now)
    names = funnel.topics.get(said.topic, {})
    properties: dict[str, Value] = {"ask": line, "topic": said.topic}
    properties |= {f"topic_{one}": names.get(one) or said.topic for one in LANGUAGES}
    event = Occurrence(Engaged.SUBSCRIPTION_ASKED, work.now, properties, dedupe_key=f"asked:{line}")
    take_in(work, [NewEvent(said.contact_id, event, said.by)])


def _known(tx: Transaction, address: Address) -> int | None:
    return people.ids_by_address(tx, [address.compared]).get(address.compared)


def _must_be_asked(work: Work, wish: Wish) -> bool:
    """Return whether somebody new is asked to confirm this wish, by the rule of `wished`."""
    return wish.topic in work.catalog.funnel.confirmed and wish.proof is Proof.NONE


def _made(deps: Dependencies, work: Work, address: Address, wish: Wish) -> int | None:
    """Return a new contact with this address; None where none may be."""
    key = AddressKeys(deps.secrets).of(address.compared)
    if suppressions.globally_suppressed(work.tx, [key]):
        # Erased, or complained and gone: nothing is stored of them again.
        return None
    funnel = work.catalog.funnel
    fields = {"first_name": wish.name} if wish.name and "first_name" in funnel.fields else {}
    made = imports.add_contacts(
        work.tx,
        [
            {
                "email": address.email, "address": address.compared, "address_key": key,
                "language": wish.language if wish.language in LANGUAGES
                else funnel.account.language,
                "timezone": "", "source": SOURCE, "fields": fields, "tags": [],
                "search": search_text(address.email, fields), "consents": {}, "soft_bounces": 0,
                "created_at": work.now, "updated_at": work.now,
            }
        ],
    )  # fmt: skip
    if not made:
        raise Conflict("this contact was made by somebody else meanwhile")
    (contact_id,) = made.values()
    stage = funnel.first_stage(SOURCE)
    ledger.add_standings(work.tx, [(contact_id, TRACK, stage, work.now)])
    return contact_id


def _is_being_asked(work: Work, contact_id: int, topic: str) -> bool:
    """Return whether a letter that asks about this topic is on its way and has not left yet."""
    letters = {
        definition.sequence.key
        for definition in work.catalog.by_trigger.get(Engaged.SUBSCRIPTION_ASKED, ())
    }
    live = (run.enrollment for run in runs.live_of(work.tx, [contact_id]))
    return any(
        run.sequence in letters and run.properties.get("topic") == topic and not run.accepted
        for run in live
    )
