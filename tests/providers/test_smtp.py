"""The SMTP provider against real servers: what it sends, and what it makes of the answers."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from nurture.providers.base import HandingOver, Outcome, Receipt
from nurture.providers.smtp import SmtpProvider
from nurture.providers.smtp_address import SmtpAddress
from nurture.providers.smtp_connection import Timeouts
from tests.providers.emails import MESSAGE, NOW, email, emails, lawful, outcomes
from tests.providers.servers import ALL_EXTENSIONS, DROP, Mood, SmtpServer

IMPATIENT = Timeouts(connect=2, reply=0.3, transfer=0.3, final=0.4, back_off=(0.0, 0.01))
QUICK = Timeouts(back_off=(0.0, 0.01, 0.02, 0.03))
NO_PIPELINING = ALL_EXTENSIONS[1:]


@contextmanager
def sending(
    server: SmtpServer, *, connections: int = 1, timeouts: Timeouts = QUICK, url: str = ""
) -> Iterator[SmtpProvider]:
    address = SmtpAddress.parse(
        (url or "smtp://127.0.0.1:{port}").format(port=server.port), production=False
    )
    provider = SmtpProvider(address, connections=connections, timeouts=timeouts)
    with closing(provider):
        yield provider


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


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("how", [DROP, "421 4.3.2 closing"])
@pytest.mark.parametrize("extensions", [ALL_EXTENSIONS, NO_PIPELINING])
def test_a_connection_lost_before_the_message_leaves_nothing_in_doubt(
    phase: str, how: str, extensions: tuple[str, ...]
) -> None:
    with SmtpServer(Mood(extensions, replies={phase: how})) as server, sending(server) as provider:
        assert set(outcomes(provider, emails(3)).values()) == {Outcome.LATER}
    assert not server.received


@pytest.mark.parametrize("extensions", [ALL_EXTENSIONS, NO_PIPELINING])
def test_one_poisonous_recipient_does_not_hold_up_the_rest(extensions: tuple[str, ...]) -> None:
    batch = [email(n, f"{name}@example.net") for n, name in enumerate(["a", "poison", "b", "c"])]
    with (
        SmtpServer(Mood(extensions, replies={"poison@example.net": DROP})) as server,
        sending(server) as provider,
    ):
        found = outcomes(provider, batch)
    assert found.pop("poison@example.net") is Outcome.LATER
    assert set(found.values()) == {Outcome.ACCEPTED}
    assert sorted(mail.recipient[0] for mail in server.received) == ["a", "b", "c"]


@pytest.mark.parametrize("extensions", [ALL_EXTENSIONS, NO_PIPELINING])
def test_only_the_message_whose_end_was_written_is_in_doubt(extensions: tuple[str, ...]) -> None:
    batch = [email(n, f"{name}@example.net") for n, name in enumerate(["a", "lost", "b", "c"])]
    with (
        SmtpServer(Mood(extensions, final={"lost@example.net": DROP})) as server,
        sending(server) as provider,
    ):
        found = outcomes(provider, batch)
    assert found.pop("lost@example.net") is Outcome.UNCERTAIN
    assert set(found.values()) == {Outcome.ACCEPTED}


def test_each_connection_can_leave_one_message_in_doubt_and_no_more() -> None:
    batch = emails(60)
    mood = Mood(final={one.recipient: DROP for one in batch[30:]})
    with SmtpServer(mood) as server, sending(server, connections=3) as provider:
        receipts = lawful(batch, provider.send(batch, NOW), at_once=3)
    uncertain = {n for n, r in receipts.items() if r.outcome is Outcome.UNCERTAIN}
    later = {n for n, r in receipts.items() if r.outcome is Outcome.LATER}
    taken = [mail.recipient for mail in server.received]
    assert len(taken) == len(set(taken)), "sent twice"
    assert not {f"person{n}@example.net" for n in later} & set(taken), "kept, yet to be sent again"
    assert uncertain


def test_a_message_cut_off_before_its_end_was_written_is_not_in_doubt() -> None:
    huge = b"x" * 70 + b"\r\n"
    batch = [email(1, "an@example.net", huge * 100_000)]
    mood = Mood(octets_before_drop=20_000)
    with SmtpServer(mood) as server, sending(server) as provider:
        assert outcomes(provider, batch) == {"an@example.net": Outcome.LATER}
    assert not server.received


def test_421_as_the_answer_to_a_message_says_that_it_was_not_taken() -> None:
    mood = Mood(final={"person2@example.net": "421 4.3.2 shutting down"})
    with SmtpServer(mood) as server, sending(server) as provider:
        found = outcomes(provider, emails(3))
    assert found["person2@example.net"] is Outcome.LATER
    assert len(server.received) == 2


@pytest.mark.parametrize(
    ("phase", "outcome"), [("MAIL", Outcome.LATER), ("final", Outcome.UNCERTAIN)]
)
def test_silence_is_given_up_and_means_doubt_only_after_the_message(
    phase: str, outcome: Outcome
) -> None:
    # A reply that never ends is as good as silence, and keeps the server's thread busy.
    silent = "250-wait"
    mood = Mood(replies={"MAIL": silent} if phase == "MAIL" else {})
    if phase == "final":
        mood.final = {"person1@example.net": silent}
    with SmtpServer(mood) as server, sending(server, timeouts=IMPATIENT) as provider:
        assert outcomes(provider, emails(1)) == {"person1@example.net": outcome}


def test_a_reply_without_end_and_nonsense_end_the_session() -> None:
    for nonsense in ("250-" + "x" * 70_000, "hello", "25", "999"):
        with SmtpServer(Mood(replies={"MAIL": nonsense})) as server, sending(server) as provider:
            found = set(outcomes(provider, emails(1)).values())
            assert found & {Outcome.LATER, Outcome.SOFT, Outcome.SENDER}


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
