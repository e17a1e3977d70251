"""Connections lost at every point: what is in doubt, what goes back, and nothing sent twice."""

import pytest

from nurture.providers.base import Outcome
from tests.providers.emails import NOW, email, emails, lawful, outcomes
from tests.providers.moods import ALL_EXTENSIONS, DROP, Mood
from tests.providers.relays import IMPATIENT, NO_PIPELINING, sending
from tests.providers.servers import SmtpServer


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
