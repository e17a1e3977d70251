"""Some rows of a file into the database: what one transaction of an import does."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nurture.domain.contact import GLOBAL
from nurture.domain.funnel import Funnel
from nurture.engine.addresses import ERASURE, AddressKeys
from nurture.engine.definitions import TRACK
from nurture.engine.importing_merge import Person
from nurture.engine.importing_rows import Draft, Rejected
from nurture.engine.importing_words import Remark
from nurture.engine.score import rescore
from nurture.engine.work import Work
from nurture.errors import Conflict
from nurture.store import imports, ledger, people, qualification, suppressions
from nurture.store.database import Transaction
from nurture.store.suppressions import NewConsent


@dataclass(frozen=True, slots=True)
class Terms:
    """Under which terms rows are taken: the same for a whole file.

    `begun_at` is when the import of this file began; a contact created since then stood in it
    before. `file_name` is named in the log of consent.
    """

    funnel: Funnel
    keys: AddressKeys
    topics: tuple[str, ...]
    overwrite: bool
    file_name: str
    by: str
    begun_at: datetime


@dataclass
class Taken:
    """What became of the drafts of one transaction: `fates` counts rows by what they did.

    A fate is created, updated, unchanged, duplicates or rejected. `warnings` are (line, remark).
    """

    fates: Counter[str] = field(default_factory=Counter)
    rejected: list[Rejected] = field(default_factory=list)
    warnings: list[tuple[int, Remark]] = field(default_factory=list)
    people: dict[str, Person] = field(default_factory=dict)

    def codes(self) -> Counter[str]:
        """Return how many warnings there are by their code."""
        return Counter(remark.code for _, remark in self.warnings)

    def with_rejected(self, others: Iterable[Rejected]) -> list[Rejected]:
        """Return what was rejected here and before, in the order of the lines."""
        return sorted((*others, *self.rejected), key=lambda one: one.row.line)


def consider(tx: Transaction, drafts: Sequence[Draft], terms: Terms, *, lock: bool) -> Taken:
    """Lay drafts upon what is known of their contacts, in their order; nothing is written."""
    addresses = {draft.address.compared for draft in drafts}
    stored = imports.by_address(tx, addresses, TRACK, lock=lock) if addresses else {}
    keys = {address: terms.keys.of(address) for address in addresses}
    suppressed = imports.suppressions(tx, keys.values()) if addresses else {}
    taken = Taken()
    taken.people = {address: Person.known(one) for address, one in stored.items()}
    for draft in drafts:
        address = draft.address.compared
        scopes = suppressed.get(keys[address], {})
        person = taken.people.get(address)
        reason = _refused(draft, person, scopes, terms)
        if reason is not None:
            taken.fates["rejected"] += 1
            taken.rejected.append(Rejected(draft.row, reason))
            continue
        if person is None:
            person = taken.people[address] = Person.new(draft, terms.funnel)
            fate = "created"
        else:
            changed = person.lay(draft, overwrite=terms.overwrite)
            is_again = person.created_at is None or person.created_at >= terms.begun_at
            fate = "duplicates" if is_again else "updated" if changed else "unchanged"
        taken.fates[fate] += 1
        person.place(draft, terms.funnel)
        remarks = [*draft.warnings, *_grant(person, draft, scopes, terms.topics)]
        taken.warnings += [(draft.row.line, remark) for remark in remarks]
    return taken


def take(work: Work, drafts: Sequence[Draft], terms: Terms) -> Taken:
    """Write drafts as contacts with their consents and standings, score them, enroll them."""
    while True:
        taken = consider(work.tx, drafts, terms, lock=True)
        everybody = [person for person in taken.people.values() if _is_touched(person)]
        new = [person for person in everybody if not person.id]
        _add(work, new, terms)
        if not _erased_meanwhile(work, new, terms):
            break
        # From now on whoever would erase one of them waits for us, so that one more look is enough.
        imports.remove_contacts(work.tx, [person.id for person in new])
    known = [person for person in everybody if person.id and person.is_changed]
    imports.save_contacts(
        work.tx, [{"id": person.id, **person.values(work.now)} for person in known]
    )
    ids = [person.id for person in everybody]
    people.lock(work.tx, ids)
    _log_consents(work, everybody, terms)
    _log_answers(work, everybody, terms)
    placed = [person for person in everybody if not person.has_standing]
    ledger.add_standings(work.tx, [(person.id, TRACK, person.stage, work.now) for person in placed])
    work.see(ids, history=False)
    rescore(work, ids)
    for person in placed:
        standing = work.contacts[person.id].standing
        # Whom the rules move on at once is enrolled by that move, and not again by us.
        if standing is not None and standing.stage == person.stage:
            work.wish_stage_sequences(person.id)
    return taken


def _refused(
    draft: Draft, person: Person | None, scopes: Mapping[str, str], terms: Terms
) -> Remark | None:
    if scopes.get(GLOBAL) == ERASURE:
        return Remark("erased")
    consents = person.consents if person else {}
    if all(consents.get(topic) for topic in terms.topics):
        return None
    if not draft.agreed:
        return Remark("no_consent")
    return None if draft.consent_source else Remark("no_consent_source")


def _grant(
    person: Person, draft: Draft, scopes: Mapping[str, str], topics: Iterable[str]
) -> list[Remark]:
    """Note the consents that a row gives; what was withdrawn stays withdrawn."""
    remarks = [Remark("suppressed")] if GLOBAL in scopes else []
    for topic in topics:
        if person.consents.get(topic) is False or topic in scopes:
            remarks.append(Remark("withdrawn", topic))
        elif not person.consents.get(topic):
            person.consents[topic] = True
            person.granted[topic] = draft.consent_source
    return remarks


def _is_touched(person: Person) -> bool:
    is_new = not person.id or not person.has_standing
    return is_new or person.is_changed or bool(person.granted)


def _add(work: Work, new: Sequence[Person], terms: Terms) -> None:
    ids = imports.add_contacts(
        work.tx,
        [
            {
                "email": person.email,
                "address": person.address,
                "address_key": terms.keys.of(person.address),
                # The log of consent below brings these up to date.
                "consents": {},
                "soft_bounces": 0,
                "created_at": work.now,
                **person.values(work.now),
            }
            for person in new
        ],
    )
    if len(ids) < len(new):
        raise Conflict(f"{len(new) - len(ids)} contacts were created by somebody else meanwhile")
    for person in new:
        person.id = ids[person.address]


def _erased_meanwhile(work: Work, new: Sequence[Person], terms: Terms) -> bool:
    """Return whether anybody was erased between our look at the list and their row."""
    if not new:
        return False
    keys = {terms.keys.of(person.address) for person in new}
    found = imports.suppressions(work.tx, keys)
    return any(scopes.get(GLOBAL) == ERASURE for scopes in found.values())


def _log_consents(work: Work, everybody: Iterable[Person], terms: Terms) -> None:
    suppressions.log_consents(
        work.tx,
        [
            NewConsent(
                person.id,
                topic,
                granted=True,
                source=f"import: {terms.file_name}: {source}",
                by=terms.by,
            )
            for person in everybody
            for topic, source in person.granted.items()
        ],
        work.now,
    )


def _log_answers(work: Work, everybody: Iterable[Person], terms: Terms) -> None:
    """Write to the log of BANT what the rows changed; the contacts hold it already."""
    qualification.add_answers(
        work.tx,
        [
            {
                "contact_id": person.id,
                "letter": letter,
                "value": value,
                "source": f"import: {terms.file_name}",
                "by": terms.by,
                "note": "",
                "at": work.now,
            }
            for person in everybody
            for letter, value in person.answered.items()
        ],
    )
