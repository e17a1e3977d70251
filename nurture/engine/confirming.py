"""The button of a letter that asks: it confirms the line of the log that the letter is about."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nurture.domain.consent import Confirmed, Line, confirmed
from nurture.domain.contact import Contact
from nurture.engine.dependencies import Dependencies
from nurture.engine.granting import Witness, grant, is_barred, recipient, whose
from nurture.engine.isolation import around_bad_runs
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import NotFound
from nurture.store import consents
from nurture.store.places import Place
from nurture.store.suppressions import NewConsent


@dataclass(frozen=True, slots=True)
class Asked:
    """What the page to confirm tells: on which topic, and what pressing the button would do."""

    topic: str
    topic_names: Mapping[str, str]
    would: Confirmed


def asked(deps: Dependencies, send_id: int, now: datetime) -> Asked:
    """Return what the letter of a send asked about. Changes nothing; raises NotFound."""
    with deps.database.read() as tx:
        work = Work(tx, deps.definitions, now, deps.wall.now())
        place, contact, line = _asked(work, send_id, lock=False)
        log = consents.log(tx, contact.id)
        would = confirmed(contact, line, log, _left_at(place, line), now)
        return Asked(line.topic, work.catalog.funnel.topics.get(line.topic, {}), would)


def confirm(deps: Dependencies, send_id: int, witness: Witness, now: datetime) -> Confirmed:
    """Confirm what the letter of this send asked about. Idempotent.

    Raises NotFound for a send that asked nothing.
    """

    def body(work: Work) -> Confirmed:
        place, contact, asked = _asked(work, send_id)
        log = consents.log(work.tx, contact.id)
        answer = confirmed(contact, asked, log, _left_at(place, asked), work.now)
        if answer is not Confirmed.GRANTED:
            return answer
        if is_barred(work, contact.id, asked.topic):
            return Confirmed.REFUSED
        source = f"confirmed by send {send_id}"
        grant(
            work,
            NewConsent(
                contact.id, asked.topic, granted=True, source=source, wording=witness.wording,
                by="recipient", ip=witness.ip,
            ),
            f"confirm:{asked.id}",
        )  # fmt: skip
        return answer

    theirs = whose(deps, send_id)
    return around_bad_runs(deps, theirs, now, lambda: committed(deps, now, body))


def _asked(work: Work, send_id: int, *, lock: bool = True) -> tuple[Place, Contact, Line]:
    """Return the send, its contact, and the line of the log that its letter asked about."""
    place, contact = recipient(work, send_id, lock=lock)
    line = consents.asked_by(work.tx, place.enrollment_id)
    if line is None:
        raise NotFound("this email asked nothing")
    return place, contact, line


def _left_at(place: Place, asked: Line) -> datetime:
    return place.claimed_at or asked.at
