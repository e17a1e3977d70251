"""The SMTP provider against real servers: what it sends, and what it makes of the answers."""

import pytest

from nurture.providers.base import HandingOver, Outcome, Receipt
from nurture.providers.smtp import SmtpProvider
from nurture.providers.smtp_address import SmtpAddress
from tests.providers.emails import MESSAGE, NOW, email, emails, lawful, outcomes
from tests.providers.moods import ALL_EXTENSIONS, DROP, Mood
from tests.providers.relays import NO_PIPELINING, sending
from tests.providers.servers import SmtpServer


@pytest.mark.parametrize("extensions", [ALL_EXTENSIONS, NO_PIPELINING, ()])
@pytest.mark.parametrize("connections", [1, 3])
def test_every_email_arrives_once_and_unchanged(
    extensions: tuple[str, ...], connections: int
) -> None:
    batch = emails(40)
    with (
        SmtpServer(Mood(extensions)) as server,
        sending(server, connections=connections) as provider,
    ):
        receipts = lawful(batch, provider.send(batch, NOW), at_once=connections)
        assert {receipt.outcome for receipt in receipts.values()} == {Outcome.ACCEPTED}
        assert receipts[1].provider_message_id == "4ZxY1"
        assert sorted(mail.recipient for mail in server.received) == sorted(
            one.recipient for one in batch
        )
        assert {mail.message for mail in server.received} == {MESSAGE}
        assert {mail.sender for mail in server.received} == {"bounces@example.com"}
        assert server.connections <= connections
        assert server.pipelined == ("PIPELINING" in extensions)


def test_connections_are_kept_between_batches() -> None:
    with SmtpServer(Mood()) as server, sending(server, connections=2) as provider:
        for start in (0, 10, 20):
            batch = [email(start + n, f"p{n}@example.net") for n in range(10)]
            lawful(batch, provider.send(batch, NOW))
        assert server.connections <= 2
        assert len(server.received) == 30


def test_a_kept_connection_that_the_server_closed_costs_nothing() -> None:
    with SmtpServer(Mood()) as server, sending(server) as provider:
        lawful(emails(3), provider.send(emails(3), NOW))
        server.hang_up()
        batch = [email(n, f"p{n}@example.net") for n in range(10, 14)]
        assert set(outcomes(provider, batch).values()) == {Outcome.ACCEPTED}
        assert len(server.received) == 7


@pytest.mark.parametrize("extensions", [ALL_EXTENSIONS, NO_PIPELINING])
def test_refused_recipients_do_not_disturb_the_others(extensions: tuple[str, ...]) -> None:
    mood = Mood(
        extensions,
        replies={
            "dead@example.net": "550 5.1.1 user unknown",
            "full@example.net": "452 4.2.2 mailbox full",
            "grey@example.net": "450 4.7.1 greylisted",
            "block@example.net": "554 5.7.1 blocked by rbl.example",
        },
        final={
            "spam@example.net": "554 5.7.1 looks like spam",
            "auth@example.net": "550 5.7.26 unauthenticated",
        },
    )
    names = ["a", "dead", "full", "b", "grey", "spam", "block", "auth", "c"]
    batch = [email(n, f"{name}@example.net") for n, name in enumerate(names)]
    with SmtpServer(mood) as server, sending(server) as provider:
        found = outcomes(provider, batch)
        assert [found[f"{name}@example.net"] for name in names] == [
            Outcome.ACCEPTED,
            Outcome.HARD,
            Outcome.SOFT,
            Outcome.ACCEPTED,
            Outcome.LATER,
            Outcome.POLICY,
            Outcome.POLICY,
            Outcome.SENDER,
            Outcome.ACCEPTED,
        ]
        assert [mail.recipient[0] for mail in server.received] == ["a", "b", "c"]
        assert server.connections == 1


def test_an_empty_mail_is_not_sent_where_data_is_welcome_without_recipients() -> None:
    mood = Mood(replies={"dead@example.net": "550 5.1.1 no", "DATA": "354 anyway"})
    batch = [email(1, "dead@example.net"), email(2, "an@example.net")]
    with SmtpServer(mood) as server, sending(server) as provider:
        found = outcomes(provider, batch)
    assert found == {"dead@example.net": Outcome.HARD, "an@example.net": Outcome.ACCEPTED}
    assert [mail.recipient for mail in server.received] == ["an@example.net"]


def test_a_refused_sender_pauses_us_and_not_the_contact() -> None:
    mood = Mood(replies={"MAIL": "550 5.1.8 sender rejected"})
    with SmtpServer(mood) as server, sending(server) as provider:
        assert set(outcomes(provider, emails(3)).values()) == {Outcome.SENDER}


def test_a_server_that_closes_after_each_message_gets_them_all() -> None:
    mood = Mood(messages_per_connection=1, last_words="421 4.7.0 enough for one session")
    with SmtpServer(mood) as server, sending(server) as provider:
        assert set(outcomes(provider, emails(6)).values()) == {Outcome.ACCEPTED}
        assert len(server.received) == 6
        assert len({mail.recipient for mail in server.received}) == 6


def test_nothing_is_handed_over_where_nobody_listens() -> None:
    with SmtpServer(Mood()) as server:
        port = server.port
    provider = SmtpProvider(SmtpAddress("127.0.0.1", port), connections=4)
    told = list(provider.send(emails(50), NOW))
    receipts = lawful(emails(50), told)
    assert {receipt.outcome for receipt in receipts.values()} == {Outcome.LATER}
    assert not any(isinstance(item, HandingOver) for item in told)
    assert "refused" in receipts[1].detail


def test_a_relay_whose_name_is_unknown_is_tried_later() -> None:
    provider = SmtpProvider(SmtpAddress("no-such-host.invalid", 25))
    assert set(outcomes(provider, emails(2)).values()) == {Outcome.LATER}


@pytest.mark.parametrize(
    ("mood", "outcome"),
    [
        (Mood(greeting="421 4.3.2 too busy"), Outcome.LATER),
        (Mood(greeting="554 5.7.1 your address is blocked"), Outcome.SENDER),
        (Mood(greeting=DROP), Outcome.LATER),
        (Mood(greeting="Hello there"), Outcome.LATER),
        (Mood(replies={"EHLO": "502 5.5.1 what"}), Outcome.SENDER),
        (Mood(replies={"EHLO": DROP}), Outcome.LATER),
    ],
)
def test_a_relay_that_does_not_want_us_is_asked_once_per_batch(
    mood: Mood, outcome: Outcome
) -> None:
    with SmtpServer(mood) as server, sending(server, connections=4) as provider:
        assert set(outcomes(provider, emails(20)).values()) == {outcome}
        assert server.connections == 1


def test_hand_overs_wait_for_whoever_iterates() -> None:
    """The bytes that could make the server accept leave only when the generator is resumed."""
    with SmtpServer(Mood()) as server, sending(server) as provider:
        told = provider.send(emails(2), NOW)
        assert next(told) == HandingOver((1,))
        assert not server.received
        following = next(told)
        assert isinstance(following, Receipt)
        assert len(server.received) == 1
        assert next(told) == HandingOver((2,))
        assert len(server.received) == 1
        lawful(emails(2), [HandingOver((1,)), following, HandingOver((2,)), *told])


def test_a_batch_abandoned_half_way_is_not_finished_behind_our_back() -> None:
    with SmtpServer(Mood()) as server, sending(server) as provider:
        told = provider.send(emails(5), NOW)
        assert next(told) == HandingOver((1,))
        told.close()  # type: ignore[attr-defined]  # It is a generator, whatever it promises.
        batch = [email(n, f"p{n}@example.net") for n in (7, 8)]
        assert set(outcomes(provider, batch).values()) == {Outcome.ACCEPTED}
        assert sorted(mail.recipient for mail in server.received) == [
            "p7@example.net",
            "p8@example.net",
        ]


def test_an_empty_batch_says_nothing_and_opens_nothing() -> None:
    with SmtpServer(Mood()) as server, sending(server) as provider:
        assert not list(provider.send([], NOW))
        assert server.connections == 0
