"""A world whose sequence tells another system and a person of ours, on loopback."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.deliveries import call, settle_webhooks, take_webhooks
from nurture.engine.notices import hand_over_notices, take_notices
from nurture.mailer.compile import compile_email
from nurture.mailer.sources import EmailSource
from nurture.providers.calling import Answered, Caller
from nurture.store import tables
from tests.engine.world import EMAILS, FUNNEL, World, compiled, sequence

D = tables.Delivery

NOTICE_BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>{{ owner.name | default('You') }}: {{ person.name }} ({{ person.email }}) is at {{ stage }}
with {{ score }} points, {{ contact.company | default('no company') }},
by {{ sequence }}/{{ step }}.</mj-text>
<mj-text><a href="{{ contact_url }}">Look</a> <a href="https://crm.example.com/">CRM</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""


def alert(name: str = "alert", body: str = NOTICE_BODY) -> dict[tuple[str, str], Any]:
    """A compiled notice."""
    source = EmailSource(
        name, "en", "Call {{ person.name }}", body, None, "subject", "body", "text", (), ()
    )
    return {(name, "en"): compile_email(source, notice=True)}


def told(webhook: str = "crm", to: str = "owner") -> dict[str, Any]:
    """A sequence that tells `webhook` and then `to`."""
    return sequence(
        "hand-over",
        [
            {
                "key": "tell-crm",
                "webhook": {
                    "endpoint": webhook, "event": "contact.asked", "fields": ["company", "size"],
                },
            },
            {"key": "tell-sales", "notify": {"to": to, "email": "alert"}},
            {"key": "later", "wait": "1d"},
        ],
        trigger={"event": "asked"},
        reentry="one_at_a_time",
    )  # fmt: skip


def funnel(**urls: str) -> dict[str, Any]:
    """The funnel of the tests with these endpoints."""
    return {
        **FUNNEL,
        "account": {
            **FUNNEL["account"], "language": "en", "reply_to": "team@lotusdesk.example.com",
        },
        "endpoints": [{"key": key, "url": url} for key, url in urls.items()],
    }  # fmt: skip


class Telling(World):
    """A world with the few words that these tests need more."""

    def open_up(self, patience: float = 5.0) -> None:
        """Allow calls to loopback."""
        self.deps = replace(self.deps, caller=Caller(private=True, patience=patience))

    def ask(self, name: str, **fields: Any) -> int:
        """Add a contact with these fields, who asks for something at once; return the id."""
        key = self.add(name)
        c = tables.Contact
        with self.deps.database.begin() as tx:
            known = {"first_name": name, **fields}
            tx.execute(sa.update(c).where(c.id == key).values(fields=known))
        self.happen(key, "asked")
        return key

    def call_all(self, worker: str = "m1") -> list[Answered]:
        """Make every call that is due, and write it down."""
        errands = take_webhooks(self.deps, worker, {}, self.now)
        answers = [(one.claimed, call(self.deps, one)) for one in errands]
        settle_webhooks(self.deps, worker, answers, self.now)
        return [answer for _, answer in answers]

    def write_all(self, worker: str = "m1") -> int:
        """Hand over every notice that is due; return how many were taken."""
        return hand_over_notices(
            self.deps, worker, take_notices(self.deps, worker, self.now), self.now
        )

    def deliveries(self, kind: str = "webhook") -> list[Any]:
        """(status, attempts, reason, code) of each delivery of a kind."""
        return self.rows(
            sa.select(D.status, D.attempts, D.reason, D.code).where(D.kind == kind).order_by(D.id)
        )

    def release(self) -> Any:
        """When the first waiting webhook is due."""
        return self.column(sa.select(sa.func.min(D.not_before)).where(D.kind == "webhook"))[0]


@contextmanager
def telling(settings: Settings, url: str, **urls: str) -> Iterator[Telling]:
    """A world in which asking tells the endpoint `crm` and the owner."""
    made = Telling(settings, url)
    made.open_up()
    made.emails = {**compiled(*EMAILS), **alert()}
    try:
        made.publish(told(), funnel=funnel(**urls))
        yield made
    finally:
        made.close()
