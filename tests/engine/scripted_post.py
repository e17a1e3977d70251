"""A provider in memory that does as a script says, and dies where it is told to."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from nurture.providers.base import (
    HandingOver,
    Outcome,
    OutgoingEmail,
    ProviderEvent,
    Receipt,
    WebhookRequest,
)


class Killed(BaseException):
    """The process dies here. Not an Exception, so that nobody tidies up after it."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the provider says to one email."""

    outcome: Outcome
    code: int = 0
    detail: str = ""
    mirrored: bool = False


ACCEPT = Reply(Outcome.ACCEPTED, 250)
HARD = Reply(Outcome.HARD, 550, "no such user")
SOFT = Reply(Outcome.SOFT, 452, "mailbox full")
POLICY = Reply(Outcome.POLICY, 554, "looks like spam")
SENDER = Reply(Outcome.SENDER, 550, "5.7.26 not authenticated")
LATER = Reply(Outcome.LATER, 0, "connection refused")
UNCERTAIN = Reply(Outcome.UNCERTAIN, 0, "connection lost")


@dataclass
class ScriptedPost:
    """Takes every email, except where `script` (recipient → replies in order) says otherwise.

    `taken` is what a recipient got: the only truth about who was mailed. `dies_at` counts the
    places of all emails at which a process can die, from 1; each email has four of them.
    """

    name: str = "scripted"
    script: dict[str, list[Reply]] = field(default_factory=lambda: defaultdict(list))
    always: Reply | None = None
    taken: list[OutgoingEmail] = field(default_factory=list)
    dies_at: int = 0
    raises_at: int = 0
    forgets: set[str] = field(default_factory=set)
    places: int = 0

    def send(
        self, batch: Sequence[OutgoingEmail], now: datetime
    ) -> Iterator[HandingOver | Receipt]:
        for email in batch:
            reply = self._reply(email.recipient)
            self._place()
            if reply.outcome not in (Outcome.LATER, Outcome.SENDER):
                yield HandingOver((email.send_id,))
            self._place()
            if reply.outcome in (Outcome.ACCEPTED, Outcome.UNCERTAIN):
                self.taken.append(email)
            self._place()
            if email.recipient in self.forgets:
                continue
            yield Receipt(
                email.send_id, reply.outcome, f"m{email.send_id}", reply.code,
                detail=reply.detail, mirrored=reply.mirrored,
            )  # fmt: skip
            self._place()

    def verify(self, request: WebhookRequest) -> None:
        raise AssertionError("no webhooks here")

    def parse(self, request: WebhookRequest) -> tuple[ProviderEvent, ...]:
        raise AssertionError("no webhooks here")

    def close(self) -> None:
        return None

    @property
    def mailed(self) -> list[tuple[str, str]]:
        """(recipient, subject) of everything that arrived, in order."""
        return [(email.recipient, email.subject) for email in self.taken]

    def _reply(self, recipient: str) -> Reply:
        if self.script[recipient]:
            return self.script[recipient].pop(0)
        return self.always or ACCEPT

    def _place(self) -> None:
        self.places += 1
        if self.places == self.dies_at:
            raise Killed
        if self.places == self.raises_at:
            raise RuntimeError("the provider has a bug")
