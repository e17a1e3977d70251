import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.providers.base import BounceClass, Outcome
from nurture.providers.replies import Phase, Reply, classify, outcome_of, read_reply

# What mail servers really say, each with the phase it is said in and what must follow.
SAID = [
    # Dead addresses.
    (Phase.RCPT, 550, "5.1.1 <x@y>: Recipient address rejected: User unknown", Outcome.HARD),
    (Phase.RCPT, 550, "5.1.2 Host unknown", Outcome.HARD),
    (Phase.RCPT, 553, "5.1.3 Bad recipient address syntax", Outcome.HARD),
    (Phase.RCPT, 551, "5.1.6 The user has moved", Outcome.HARD),
    (Phase.RCPT, 550, "5.1.10 RESOLVER.ADR.RecipientNotFound", Outcome.HARD),
    (Phase.RCPT, 556, "5.1.10 Recipient address has null MX", Outcome.HARD),
    (Phase.BODY, 550, "5.4.4 Unable to route: domain not found", Outcome.HARD),
    (Phase.BODY, 550, "5.1.1 no such user", Outcome.HARD),
    (Phase.RCPT, 550, "5.2.1 The email account that you tried to reach is disabled", Outcome.HARD),
    (Phase.RCPT, 550, "5.4.1 Recipient address rejected: Access denied.", Outcome.HARD),
    (Phase.RCPT, 550, "No such user here", Outcome.HARD),
    (Phase.RCPT, 550, "Unknown user", Outcome.HARD),
    (Phase.RCPT, 550, "Invalid recipient", Outcome.HARD),
    (Phase.RCPT, 550, "<an@example.net>: mailbox not found", Outcome.HARD),
    (Phase.RCPT, 550, "The user an@example.net does not exist", Outcome.HARD),
    (Phase.RCPT, 550, "5.0.0 User doesn't exist", Outcome.HARD),
    # Full, slow or unclear: counted, never final.
    (Phase.RCPT, 452, "4.2.2 Mailbox full", Outcome.SOFT),
    (Phase.RCPT, 552, "5.2.2 Mailbox full", Outcome.SOFT),
    (Phase.BODY, 552, "5.2.2 The email account is over quota", Outcome.SOFT),
    (Phase.RCPT, 550, "Mailbox is full", Outcome.SOFT),
    (Phase.RCPT, 450, "4.2.1 The user is receiving mail too quickly", Outcome.SOFT),
    (Phase.RCPT, 550, "5.2.1 The user is receiving mail at a rate that is too high", Outcome.SOFT),
    (Phase.RCPT, 451, "4.4.1 No answer from host", Outcome.SOFT),
    (Phase.BODY, 554, "5.4.7 Delivery expired", Outcome.SOFT),
    (Phase.RCPT, 550, "Requested action not taken", Outcome.SOFT),
    (Phase.RCPT, 550, "5.5.0 Requested action not taken: mailbox unavailable", Outcome.SOFT),
    (Phase.RCPT, 450, "no such user", Outcome.SOFT),
    # Content, size, blocks: about this email or this relay, not about the address.
    (Phase.BODY, 552, "5.3.4 Message size exceeds fixed limit", Outcome.POLICY),
    (Phase.BODY, 554, "5.7.1 Message rejected as spam", Outcome.POLICY),
    (Phase.BODY, 550, "5.6.0 Message content rejected", Outcome.POLICY),
    (Phase.BODY, 554, "Transaction failed", Outcome.POLICY),
    (
        Phase.RCPT,
        554,
        "5.7.1 Service unavailable; client blocked by zen.spamhaus.org",
        Outcome.POLICY,
    ),
    (Phase.RCPT, 550, "5.7.1 rejected by policy", Outcome.POLICY),
    (Phase.RCPT, 550, "5.7.606 Access denied, banned sending IP", Outcome.POLICY),
    (Phase.RCPT, 550, "5.7.0 refused", Outcome.POLICY),
    (Phase.RCPT, 550, "Your host is blacklisted", Outcome.POLICY),
    # Ourselves.
    (Phase.BODY, 550, "5.7.26 This mail is unauthenticated", Outcome.SENDER),
    (Phase.BODY, 550, "5.7.515 Access denied, sending domain does not meet", Outcome.SENDER),
    (Phase.BODY, 550, "5.7.25 The sending IP does not have a PTR record", Outcome.SENDER),
    (Phase.BODY, 550, "5.7.28 unusual rate of unsolicited mail", Outcome.SENDER),
    (Phase.BODY, 421, "4.7.28 unusual rate", Outcome.LATER),
    (Phase.BODY, 450, "4.7.28 unusual rate", Outcome.SENDER),
    (Phase.RCPT, 451, "4.7.23 SPF validation failed", Outcome.SENDER),
    (Phase.MAIL, 451, "4.7.1 not now", Outcome.SENDER),
    (Phase.BODY, 550, "5.7.1 DMARC policy of example.com", Outcome.SENDER),
    (Phase.RCPT, 554, "5.7.1 <x@y>: Relay access denied", Outcome.SENDER),
    (Phase.MAIL, 530, "5.7.0 Authentication required", Outcome.SENDER),
    (Phase.MAIL, 550, "5.1.8 Sender address rejected: Domain not found", Outcome.SENDER),
    (Phase.MAIL, 550, "no such user", Outcome.SENDER),
    (Phase.MAIL, 550, "5.1.1 user unknown", Outcome.SENDER),
    (Phase.SESSION, 554, "5.7.1 No SMTP service for you", Outcome.SENDER),
    (Phase.SESSION, 535, "5.7.8 Bad credentials", Outcome.SENDER),
    # Try again.
    (Phase.RCPT, 421, "4.3.2 Service shutting down", Outcome.LATER),
    (Phase.BODY, 421, "4.4.2 time-out", Outcome.LATER),
    (Phase.RCPT, 450, "4.7.1 Greylisted, come back in 5 minutes", Outcome.LATER),
    (Phase.RCPT, 451, "4.7.1 Graylisting in action", Outcome.LATER),
    (Phase.RCPT, 452, "4.3.1 Insufficient system storage", Outcome.LATER),
    (Phase.RCPT, 452, "4.5.3 Too many recipients", Outcome.LATER),
    (Phase.MAIL, 451, "4.3.0 Temporary lookup failure", Outcome.LATER),
    (Phase.DATA, 451, "Local error", Outcome.LATER),
    (Phase.SESSION, 454, "4.7.0 Temporary authentication failure", Outcome.LATER),
    (Phase.BODY, 250, "2.0.0 queued", Outcome.ACCEPTED),
]


@pytest.mark.parametrize(("phase", "code", "text", "outcome"), SAID)
def test_a_reply_leads_to_the_outcome_it_means(
    phase: Phase, code: int, text: str, outcome: Outcome
) -> None:
    assert outcome_of(read_reply(code, text), phase) is outcome


@pytest.mark.parametrize(
    ("code", "text", "status", "rest"),
    [
        (550, "5.1.1 gone", "5.1.1", "gone"),
        (550, "5.7.515- denied", "5.7.515", "denied"),
        (550, "5.1.1", "5.1.1", ""),
        (550, "gone", "", "gone"),
        # The code is what SMTP obeys, so a status that contradicts it is only text.
        (450, "5.1.1 gone", "", "5.1.1 gone"),
        (550, "5.1.1.7 host", "", "5.1.1.7 host"),
    ],
)
def test_the_enhanced_status_is_read_only_where_it_is_one(
    code: int, text: str, status: str, rest: str
) -> None:
    assert read_reply(code, text) == Reply(code, status, rest)


@given(
    code=st.integers(400, 599),
    text=st.text(max_size=200),
    phase=st.sampled_from(Phase),
)
def test_every_refusal_has_an_outcome_and_none_is_taken_for_acceptance(
    code: int, text: str, phase: Phase
) -> None:
    assert outcome_of(read_reply(code, text), phase) is not Outcome.ACCEPTED


@given(code=st.integers(400, 499), detail=st.sampled_from(["1.1", "1.2", "4.4", "2.1", "7.1"]))
def test_no_temporary_reply_condemns_an_address(code: int, detail: str) -> None:
    reply = read_reply(code, f"4.{detail} no such user")
    for phase in Phase:
        assert outcome_of(reply, phase) is not Outcome.HARD


@given(
    status=st.from_regex(r"5\.7\.\d{1,3}", fullmatch=True),
    text=st.text(st.characters(codec="ascii"), max_size=60),
)
def test_no_policy_status_with_a_meaning_of_its_own_condemns_an_address(
    status: str, text: str
) -> None:
    if status not in ("5.7.0", "5.7.1"):
        assert classify(Reply(550, status, text), Phase.RCPT) is not BounceClass.HARD
