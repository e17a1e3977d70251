"""A small Nurture where somebody can sign up: two topics, one of which wants confirmation."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.consent import Answer, Confirmed, Proof
from nurture.engine.addresses import address_key
from nurture.engine.confirming import confirm
from nurture.engine.granting import Witness
from nurture.engine.subscribing import Wish, subscribe
from nurture.engine.wishing import answer_wishes
from nurture.mailer.compile import compile_email
from nurture.mailer.sources import EmailSource
from nurture.store import tables
from tests.engine.world import DEEPEN, EMAILS, FUNNEL, WELCOME, C, S, World, compiled, sequence

L = tables.Consent

# Letters want confirmation, news does not, and the letter that asks has a topic of its own.
TOPICS: Mapping[str, Any] = {
    **FUNNEL,
    "topics": [
        {"key": "marketing", "name": {"vi": "Thư", "en": "Letters"}, "confirm": True},
        {"key": "news", "name": {"vi": "Tin", "en": "News"}},
        {"key": "sign-up", "name": {"vi": "Hỏi", "en": "Asking"}, "transactional": True},
    ],
}  # fmt: skip
ASK = sequence(
    "sign-up",
    [{"key": "please", "email": "ask", "topic": "sign-up"}],
    trigger={"event": "subscription_asked", "key": "ask"},
    reentry="keyed",
    returning="restart",
)
BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>{{ event.topic_en }} {{ sender.address }}</mj-text>
<mj-button href="{{ confirm_url }}">Yes</mj-button>
<mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""


class SignUp(World):
    """The small world, with the acts of signing up."""

    def work(self, worker: str = "w1") -> None:
        """Do all that is due now, the wishes that were left on the page among it."""
        answer_wishes(self.deps, self.now)
        super().work(worker)

    def wish(
        self, name: str = "ana", topic: str = "marketing", proof: Proof = Proof.NONE, **more: str
    ) -> Answer:
        """Somebody signs up by the form, from a documentation address."""
        wish = Wish(
            email=f"{name}@example.com", topic=topic, wording="I agree.", source="sign-up page",
            by="form", ip="192.0.2.5", proof=proof, **more,
        )  # fmt: skip
        answer = subscribe(self.deps, wish, self.now)
        self.work()
        return answer

    def confirm(self, send: int | None = None) -> Confirmed:
        """Somebody presses the button of the latest letter that asked, or of `send`."""
        if send is None:
            (send,) = self.column(sa.select(sa.func.max(S.id)).where(S.step == "please"))
        answer = confirm(self.deps, send or 0, Witness("Yes.", "192.0.2.9"), self.now)
        self.work()
        return answer

    def letters(self) -> list[int]:
        """The sends that asked, oldest first."""
        return self.column(sa.select(S.id).where(S.step == "please").order_by(S.id))

    def log(self) -> list[tuple[Any, ...]]:
        """(topic, asked, granted, source, wording, by, ip) of the whole log of consent."""
        columns = L.topic, L.asked, L.granted, L.source, L.wording, L.by, L.ip
        return self.rows(sa.select(*columns).order_by(L.id))

    def consents(self, name: str = "ana") -> dict[str, bool]:
        address = f"{name}@example.com"
        return dict(self.column(sa.select(C.consents).where(C.address == address))[0])

    def id_of(self, name: str = "ana") -> int:
        return int(self.column(sa.select(C.id).where(C.address == f"{name}@example.com"))[0])

    def known(self, name: str = "ana", **consents: bool) -> int:
        """Add a contact who is in the database already, under their true key."""
        key = self.add(name, consents=consents)
        true = address_key(self.deps.secrets, f"{name}@example.com")
        with self.deps.database.begin() as tx:
            tx.execute(sa.update(C).where(C.id == key).values(address_key=true))
        return key


@contextmanager
def opened_for_sign_up(settings: Settings, url: str) -> Iterator[SignUp]:
    """The world with its sequences published and nobody in it."""
    made = SignUp(settings, url)
    source = EmailSource("ask", "en", "ask", BODY, None, "subject", "body", "text", (), ())
    made.emails = {**compiled(*EMAILS), ("ask", "en"): compile_email(source)}
    try:
        made.publish(WELCOME, DEEPEN, ASK, funnel=TOPICS)
        yield made
    finally:
        made.close()
