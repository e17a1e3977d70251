"""A small garden to look at: the shipped campaigns, forty contacts, and three weeks of their life.

Everything goes through the engine's own use cases; only contacts, workers and the import are
written as rows, because the tests of pages need no import of their own.
"""

import csv
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nurture.demo
from nurture.config import Settings
from nurture.domain.contact import Occurrence, Verdict
from nurture.domain.text import fold
from nurture.domain.timing import share
from nurture.engine.advance import advance, wake_waiting
from nurture.engine.definitions import TRACK
from nurture.engine.deliver import Courier, deliver
from nurture.engine.dependencies import Dependencies
from nurture.engine.journal import Journal
from nurture.engine.publish import apply, place_contacts
from nurture.engine.record import record, score_again
from nurture.engine.suppress import unsubscribe
from nurture.providers.base import HandingOver, Outcome, OutgoingEmail, Receipt
from nurture.providers.inbox import InboxProvider
from nurture.providers.inbox_mail import FILE, Arrival, Inbox
from nurture.store import bulk, ledger, operations, people, tables
from nurture.store.ledger import NewEvent
from nurture.store.places import Place, places_of
from nurture.wiring import build
from tests.web.people import StandingClock

AUDIENCE = Path(nurture.demo.__file__).parent / "audience.csv"
DAYS = 24
CONTACTS = 44
# What becomes of mail to the contacts with these ids; everybody else gets theirs.
FATES = {5: Outcome.HARD, 9: Outcome.UNCERTAIN, 17: Outcome.POLICY}
UNSUBSCRIBES = 12
# Who sends a form in the last days, so that something is moving when one looks.
FORMS = {3: "newsletter", 7: "guide", 14: "demo", 25: "quote", 31: "trial", 38: "event"}


class Carrier(InboxProvider):
    """The local inbox without its server: mail is kept, and a few addresses have their fate."""

    def __init__(self, inbox: Inbox) -> None:
        super().__init__("127.0.0.1", 1, secret=b"secret")
        self._inbox = inbox
        self.fates: Mapping[str, Outcome] = {}
        self.accepted: list[int] = []

    def send(
        self, batch: Sequence[OutgoingEmail], now: datetime
    ) -> Iterator[HandingOver | Receipt]:
        kept = []
        for email in batch:
            yield HandingOver((email.send_id,))
            outcome = self.fates.get(email.recipient, Outcome.ACCEPTED)
            code = {Outcome.HARD: 550, Outcome.POLICY: 554, Outcome.UNCERTAIN: 0}.get(outcome, 250)
            detail = {550: "5.1.1 No such user here", 554: "5.7.1 Blocked by policy"}.get(code, "")
            if outcome is Outcome.ACCEPTED:
                kept.append(Arrival(now, email.mail_from, (email.recipient,), email.message))
                self.accepted.append(email.send_id)
            yield Receipt(email.send_id, outcome, f"<{email.send_id}@nurture>", code, "", detail)
        self._inbox.keep(kept)


class Gardener:
    """Lets time pass: what is due goes out, and the audience reads some of it."""

    step = timedelta(hours=3)

    def __init__(self, deps: Dependencies, clock: StandingClock, carrier: Carrier) -> None:
        self.batches: list[int] = []
        self.clock = clock
        self.carrier = carrier
        self.deps = replace(
            deps, clock=clock, wall=clock, provider=carrier, wake=self.batches.extend
        )
        self.courier = Courier(self.deps, "worker-1", Journal(deps.settings.home, "worker-1"))

    def grow(self, days: int) -> None:
        end = self.clock.now() + timedelta(days=days)
        while self.clock.now() < end:
            self.clock.advance(self.step)
            now = self.clock.now()
            while advance(self.deps, now):
                pass
            wake_waiting(self.deps, now)
            while self.batches:
                deliver(self.courier, self.batches.pop())
            self.read_mail(now)

    def receive_forms(self) -> None:
        now = self.clock.now()
        events = [
            NewEvent(key, Occurrence("form", now, {"form": form}, dedupe_key=f"form:{key}"), "api")
            for key, form in FORMS.items()
        ]
        record(self.deps, events, now)

    def read_mail(self, now: datetime) -> None:
        accepted, self.carrier.accepted = self.carrier.accepted, []
        with self.deps.database.read() as tx:
            places = places_of(tx, accepted)
            links = {
                place.id: self.deps.definitions.email(tx, place.email_id).links
                for place in places.values()
                if place.email_id
            }
        events = []
        for place in places.values():
            mood = share("mood", place.contact_id, place.id)
            own = {"sequence": place.sequence, "step": place.step}
            real = [link.url for link in links.get(place.id, ()) if link.url.startswith("http")]
            if mood > 0.35:
                seen = Verdict.MACHINE if mood > 0.93 else Verdict.HUMAN
                events.append(_event(place, "open", now + timedelta(minutes=7), own, seen))
            if mood > 0.6 and real:
                link = real[int(share("link", place.id) * len(real))]
                clicked = now + timedelta(minutes=9)
                events.append(_event(place, "click", clicked, {**own, "link": link}))
        self.clock.advance(timedelta(minutes=10))
        record(self.deps, events, self.clock.now())
        for place in places.values():
            if place.contact_id == UNSUBSCRIBES:
                unsubscribe(self.deps, place.id, self.clock.now(), ip="192.0.2.7")


def _event(
    place: Place,
    name: str,
    at: datetime,
    properties: Mapping[str, str],
    verdict: Verdict = Verdict.HUMAN,
) -> NewEvent:
    occurrence = Occurrence(name, at, properties, verdict, dedupe_key=f"{name}:{place.id}")
    return NewEvent(place.contact_id, occurrence, "tracking", place.id)


def add_contacts(deps: Dependencies, now: datetime, many: int = CONTACTS) -> None:
    """The first contacts of the shipped audience, with their consent and their first stage."""
    with AUDIENCE.open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))[:many]
    with deps.database.begin() as tx:
        funnel = deps.definitions.catalog(tx).funnel
        rows, consents, standings = [], [], []
        for number, line in enumerate(lines, start=1):
            email, tags = line.pop("email"), line.pop("tags")
            zone, language, stage = line.pop("timezone"), line.pop("language"), line.pop("stage")
            fields = {name: value for name, value in line.items() if value}
            rows.append(
                _contact(number, email, now, fields, language=language, zone=zone, tags=tags)
            )
            consents.append(
                {
                    "contact_id": number, "topic": "marketing", "granted": True, "at": now,
                    "source": "import", "wording": "I agree to the weekly letter.", "by": "seed",
                    "ip": "",
                }
            )  # fmt: skip
            standings.append((number, TRACK, stage or funnel.first_stage(line["source"]), now))
        bulk.insert(tx, tables.Contact, rows)
        bulk.insert(tx, tables.Consent, consents)
        ledger.add_standings(tx, standings)


def _contact(
    number: int,
    email: str,
    now: datetime,
    fields: dict[str, str],
    *,
    language: str,
    zone: str,
    tags: str,
) -> dict[str, Any]:
    found = " ".join((email, *fields.values()))
    return {
        "id": number, "email": email, "address": email.lower(), "address_key": f"key-{number}",
        "language": language or "vi", "timezone": zone, "source": fields.get("source", ""),
        "fields": fields, "tags": [tag for tag in tags.split(";") if tag],
        "consents": {"marketing": True}, "search": fold(found), "soft_bounces": 0,
        "created_at": now, "updated_at": now,
    }  # fmt: skip


def sow(deps: Dependencies, clock: StandingClock) -> None:
    """Publish, add contacts, and let `DAYS` days pass; `deps.settings.home` gets the inbox."""
    began = clock.now()
    apply(deps, "seed", began)
    add_contacts(deps, began)
    with closing(Inbox(deps.settings.home / FILE)) as inbox:
        carrier = Carrier(inbox)
        gardener = Gardener(deps, clock, carrier)
        with deps.database.read() as tx:
            found = people.contacts(tx, FATES, people.Need())
        carrier.fates = {found[key].address: outcome for key, outcome in FATES.items()}
        score_again(gardener.deps, list(range(1, CONTACTS + 1)), began)
        place_contacts(gardener.deps, began)
        gardener.grow(DAYS)
        gardener.receive_forms()
        gardener.grow(2)
        carrier.close()
    _machinery(deps, clock.now(), began)


def _machinery(deps: Dependencies, now: datetime, began: datetime) -> None:
    """Two workers, one of them dead with a send in hand; and the import that brought everybody."""
    with deps.database.begin() as tx:
        for name, beat in (("worker-1", timedelta(seconds=4)), ("worker-2", timedelta(minutes=9))):
            operations.start_worker(tx, name, "worker", "garden", 4000, began)
            operations.beat(tx, name, now - beat, 120)
        operations.start_worker(tx, "ticker-1", "ticker", "garden", 4100, began)
        operations.beat(tx, "ticker-1", now - timedelta(seconds=1))
        bulk.insert(
            tx,
            tables.ImportRun,
            [
                {
                    "digest": "d", "file_name": "audience.csv", "mapping": {}, "done_rows": 46,
                    "created": CONTACTS, "updated": 0, "rejected": 2, "started_at": began,
                    "finished_at": began + timedelta(seconds=2),
                }
            ],
        )  # fmt: skip


def garden(settings: Settings, clock: StandingClock) -> Dependencies:
    """Sow a garden in `settings`, whose database has its tables already."""
    deps = replace(build(settings), clock=clock, wall=clock)
    sow(deps, clock)
    return deps
