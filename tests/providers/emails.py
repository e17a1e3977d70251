"""Emails to send in tests, and the rules that every run of a provider must keep."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from nurture.providers.base import HandingOver, Outcome, OutgoingEmail, Provider, Receipt

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
MESSAGE = (
    b"From: =?utf-8?b?xJDDoCBM4bqhdA==?= <hello@example.com>\r\n"
    b"To: an@example.net\r\n"
    b"Subject: =?utf-8?b?Q2jDoG8gTmd1eeG7hW4=?=\r\n"
    b"Message-ID: <send.1@example.com>\r\n"
    b"List-Unsubscribe: <https://t.example.com/u/abc>\r\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    b"MIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"\r\n"
    b"First line\r\n"
    b".a line that begins with a dot\r\n"
    b".\r\n"
    b"Last line\r\n"
)


def email(send_id: int, recipient: str, message: bytes = MESSAGE) -> OutgoingEmail:
    return OutgoingEmail(
        send_id=send_id,
        key=f"send-{send_id}",
        mail_from="bounces@example.com",
        recipient=recipient,
        message=message,
        tag="welcome",
    )


def emails(count: int, message: bytes = MESSAGE) -> list[OutgoingEmail]:
    return [email(n, f"person{n}@example.net", message) for n in range(1, count + 1)]


def lawful(
    batch: Sequence[OutgoingEmail],
    told: Iterable[HandingOver | Receipt],
    *,
    at_once: int | None = None,
) -> dict[int, Receipt]:
    """The receipts by send id, after checking what holds for every provider and every outcome.

    Exactly one receipt for each email and none for others; nothing accepted or in doubt that was
    not handed over before; nothing handed over twice; never more than `at_once` in flight.
    """
    expected = {one.send_id for one in batch}
    receipts: dict[int, Receipt] = {}
    handed: set[int] = set()
    for item in told:
        if isinstance(item, HandingOver):
            assert item.send_ids, "a hand-over of nothing"
            assert not handed & set(item.send_ids), "handed over twice"
            assert not receipts.keys() & set(item.send_ids), "handed over after its receipt"
            handed |= set(item.send_ids)
            if at_once is not None:
                assert len(handed - receipts.keys()) <= at_once
        else:
            assert item.send_id not in receipts, "two receipts for one email"
            if item.outcome in (Outcome.ACCEPTED, Outcome.UNCERTAIN):
                assert item.send_id in handed, "accepted without being handed over"
            receipts[item.send_id] = item
    assert receipts.keys() == expected
    return receipts


def outcomes(provider: Provider, batch: Sequence[OutgoingEmail]) -> dict[str, Outcome]:
    """The outcome for each recipient of a lawful run."""
    receipts = lawful(batch, provider.send(batch, NOW))
    return {one.recipient: receipts[one.send_id].outcome for one in batch}
