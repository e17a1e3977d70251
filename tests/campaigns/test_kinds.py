"""The twelve kinds of email that ship, each walked from its entry to every one of its exits."""

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from types import MappingProxyType

import pytest

from nurture.campaigns import read_campaigns
from nurture.domain import enrollment as e
from nurture.domain.conditions import holds
from nurture.domain.contact import Contact, Fact
from nurture.domain.experiments import is_held_out
from nurture.domain.sequence import END, Email, Exit, Goal, Match, Reentry, Sequence, WaitFor
from tests.campaigns.explorer import (
    KEY,
    START,
    explore,
    promised_ends,
    promised_paths,
    somebody,
    somebody_mailed,
)
from tests.campaigns.playing import Played, play
from tests.fixtures.places import ROOT

CAMPAIGNS = read_campaigns(ROOT / "campaigns")
SEQUENCES = CAMPAIGNS.sequences
DAY = timedelta(days=1)
EVENT_DAY = START + timedelta(days=10, hours=6)
EVENT = {"event_id": KEY, "starts_at": EVENT_DAY.isoformat()}


@dataclass(frozen=True)
class Kind:
    """One kind of email: the sequences that send it, and the emails that are of it."""

    sequences: tuple[str, ...]
    emails: tuple[str, ...]


KINDS = {
    "welcome and download": Kind(
        ("sign-up", "lead-nurture"), ("sign-up-confirmation", "lead-welcome-guide")
    ),
    "education": Kind(
        ("visitor-nurture", "lead-nurture"),
        ("visitor-rush-hour", "visitor-stock-count", "visitor-seven-numbers", "lead-regulars",
         "lead-margin", "lead-shift-handover", "lead-messages"),
    ),
    "customer story": Kind(
        ("lead-nurture", "mql-nurture", "opportunity-support"),
        ("lead-customer-story", "mql-case-study", "mql-comparison", "opportunity-references"),
    ),
    "exclusive offer": Kind(("reader-offer",), ("mql-offer", "mql-offer-setup")),
    "trial": Kind(
        ("mql-nurture", "trial-onboarding"),
        ("mql-trial-invitation", "mql-trial-onboarding", "trial-stuck", "trial-team",
         "trial-ending"),
    ),
    "price and doubts": Kind(
        ("sql-nurture", "opportunity-support"),
        ("sql-price-answers", "sql-roi", "sql-last-doubts", "opportunity-go-live-plan"),
    ),
    "cart": Kind(
        ("cart-reminder",), ("cart-reminder-saved", "cart-reminder-questions", "cart-reminder-last")
    ),
    "related products": Kind(
        ("related-products", "customer-onboarding", "renewal-reminder"),
        ("customer-related-products", "customer-welcome", "customer-team", "customer-regulars",
         "customer-tips", "customer-renewal"),
    ),
    "event": Kind(
        ("event-invitation", "event-registration"),
        ("event-invitation", "event-invitation-last", "event-confirmation", "event-reminder",
         "event-thanks", "event-missed"),
    ),
    "re-engagement": Kind(
        ("cold-reengagement", "cold-welcome-back"),
        ("cold-still-interested", "cold-goodbye", "cold-welcome-back"),
    ),
    "referral": Kind(("lead-nurture",), ("lead-referral-introduction",)),
    "advocate": Kind(
        ("advocate-program",), ("advocate-review", "advocate-referral", "advocate-thank-you")
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_walked_from_entry_to_every_one_of_its_exits(kind: str) -> None:
    sent = set()
    for key in KINDS[kind].sequences:
        sequence = SEQUENCES[key]
        seen = explore(sequence)
        assert seen.ends == promised_ends(sequence), key
        assert promised_paths(sequence) <= seen.paths, key
        assert seen.steps == set(sequence.by_key), key
        for mailed, _ in seen.ways:
            assert len(mailed) == len(set(mailed)), "nobody gets an email twice"
            sent |= set(mailed)
    assert set(KINDS[kind].emails) <= sent


def test_every_sequence_and_every_email_that_ships_is_of_a_kind() -> None:
    assert {key for kind in KINDS.values() for key in kind.sequences} == set(SEQUENCES)
    steps = [step for one in SEQUENCES.values() for step in one.steps]
    sent = {step.template for step in steps if isinstance(step, Email)}
    assert {email for kind in KINDS.values() for email in kind.emails} == sent
    assert len(KINDS) == 12


def test_the_walk_notices_a_way_that_nobody_can_take() -> None:
    click = Match("click", "hello")
    sequence = Sequence(
        "x", {}, stage="lead",
        steps=(
            Email("hello", "hello"),
            WaitFor("answer", DAY, click, yes="thanks", no=END),
            Exit("thanks", "answered"),
            Goal("done", click),
        ),
    )  # fmt: skip
    seen = explore(sequence)
    assert promised_paths(sequence) - seen.paths == {("answer", "yes")}
    assert promised_ends(sequence) - seen.ends == {"exited: answered"}


def _told(played: Played) -> list[str]:
    return [one.step for one in played.all(e.Tell)]


def _facts(played: Played) -> set[tuple[str, str]]:
    return {(one.name, str(one.value)) for one in played.all(e.SetFact)}


def test_a_new_lead_gets_the_promised_guide_first_and_whoever_takes_it_is_known_to() -> None:
    sequence = SEQUENCES["lead-nurture"]
    taken, left = play(sequence, yes={"download"}), play(sequence)
    assert taken.emails[0] == left.emails[0] == "lead-welcome-guide"
    assert taken.mailed[0][1] == START
    assert "guide-read" in taken.contact.tags
    assert "guide-read" not in left.contact.tags


def test_lessons_come_one_at_a_time_and_days_apart() -> None:
    for key in ("visitor-nurture", "lead-nurture"):
        played = play(SEQUENCES[key])
        times = [at for _, at in played.mailed]
        assert len(times) >= 3
        assert all(later - sooner >= 3 * DAY for sooner, later in pairwise(times))
        assert played.end == "moved: cold-reengagement"


def test_whoever_clicks_early_sees_the_customer_story_sooner() -> None:
    sequence = SEQUENCES["lead-nurture"]
    eager, slow = play(sequence, yes={"warmed", "story-read"}), play(sequence)
    pair = ("lead-welcome-guide", "lead-customer-story")
    assert eager.after(*pair) < slow.after(*pair)
    assert "lead-messages" not in eager.emails
    assert (eager.end, "story-read" in eager.contact.tags) == ("exhausted", True)


def test_an_offer_is_one_of_two_and_a_tenth_gets_none_to_compare_with() -> None:
    sequence = SEQUENCES["reader-offer"]
    price = play(sequence, somebody_mailed(sequence, {"which": "price"}), yes={"price-taken"})
    help_ = play(sequence, somebody_mailed(sequence, {"which": "set-up"}))
    none = play(sequence, somebody_mailed(sequence, {"which": "none"}))
    assert (price.emails, help_.emails, none.emails) == (["mql-offer"], ["mql-offer-setup"], [])
    assert [one.arm for one in none.all(e.Expose)] == ["none"]
    assert (_told(price), _told(help_)) == (["tell-owner"], [])
    assert ("budget", "partial") in _facts(price)


def test_a_trial_is_accompanied_by_what_was_done_in_it() -> None:
    sequence = SEQUENCES["trial-onboarding"]
    quick = play(sequence, yes={"first-order", "evening-report"})
    stuck = play(sequence)
    helped = play(sequence, yes={"helped"})
    assert quick.emails == ["mql-trial-onboarding", "trial-team", "trial-ending"]
    assert stuck.emails == ["mql-trial-onboarding", "trial-stuck", "trial-ending"]
    assert helped.emails[:3] == ["mql-trial-onboarding", "trial-stuck", "trial-team"]
    assert (_told(quick), _told(stuck)) == (["tell-owner"], ["ask-to-call"])
    assert ("need", "yes") in _facts(quick)
    bought = play(sequence, meanwhile={"first-order": ("purchase", {})})
    assert (bought.emails, bought.end) == (["mql-trial-onboarding"], "completed")


def test_a_trial_that_says_when_it_ends_is_told_of_three_days_before() -> None:
    sequence = SEQUENCES["trial-onboarding"]
    ends = START + 21 * DAY
    played = play(sequence, yes={"first-order"}, properties={"ends_at": ends.isoformat()})
    assert timedelta() < ends - dict(played.mailed)["trial-ending"] <= 3 * DAY


def test_the_demo_invitation_leads_into_the_trial_and_not_past_it() -> None:
    sequence = SEQUENCES["mql-nurture"]
    tries, reads = play(sequence, yes={"trial", "signs-up"}), play(sequence)
    assert tries.emails == ["mql-trial-invitation", "mql-comparison"]
    assert tries.after("mql-trial-invitation", "mql-comparison") >= 14 * DAY
    assert reads.emails == ["mql-trial-invitation", "mql-case-study", "mql-comparison"]
    assert [one.sequence for one in reads.all(e.EnterBeside)] == ["reader-offer"]


def test_a_look_at_the_price_is_told_to_the_owner_and_silence_asks_for_a_call() -> None:
    sequence = SEQUENCES["sql-nurture"]
    looked, silent = play(sequence, yes={"price-seen"}), play(sequence)
    assert "tell-owner" in _told(looked)
    assert "tell-owner" not in _told(silent)
    assert _told(silent)[-1] == "ask-to-call"
    notices = [one for one in looked.all(e.Tell) if one.kind == "notice"]
    assert {one.to for one in notices} == {"owner"}
    poor = replace(somebody_mailed(sequence), bant=MappingProxyType({"budget": "no"}))
    assert (play(sequence, poor).emails, play(sequence, poor).end) == (
        [], "exited: there is no budget",
    )  # fmt: skip


def test_a_cart_is_cancelled_by_the_purchase_of_that_cart_and_no_other() -> None:
    sequence = SEQUENCES["cart-reminder"]
    own = play(sequence, meanwhile={"back": ("purchase", {"cart_id": KEY})})
    other = play(sequence, meanwhile={"back": ("purchase", {"cart_id": "8"})})
    assert (own.emails, own.end) == (["cart-reminder-saved"], "exited: cancelled by purchase")
    assert (len(other.emails), other.end) == (3, "exited: the basket was cleared")
    assert [one.sequence for one in own.all(e.LeaveBeside)] == ["reader-offer"]
    assert sequence.reentry is Reentry.KEYED


def test_what_goes_well_with_an_order_comes_after_it_and_not_after_its_return() -> None:
    sequence = SEQUENCES["related-products"]
    delivered = (START + 5 * DAY).isoformat()
    kept = play(sequence, properties={"delivered_at": delivered})
    assert kept.emails == ["customer-related-products"]
    assert kept.mailed[0][1] - START >= 19 * DAY
    returned = play(sequence, meanwhile={"some-weeks": ("order_returned", {"order_id": KEY})})
    assert (returned.emails, returned.end) == ([], "exited: cancelled by order_returned")
    alone = play(sequence, somebody_mailed(sequence, {"recommend": "left-alone"}))
    assert (alone.emails, alone.end) == ([], "exited: control group of the recommendation")


def test_a_customer_is_told_a_month_before_their_year_is_over() -> None:
    sequence = SEQUENCES["renewal-reminder"]
    assert sequence.trigger is not None
    assert dict(sequence.trigger.where) == {"segment": "renewal-soon"}
    quiet, looks = play(sequence), play(sequence, yes={"looked"})
    assert quiet.emails == looks.emails == ["customer-renewal"]
    assert (_told(quiet), _told(looks)) == (["ask-to-call"], [])
    assert ("timing", "yes") in _facts(looks)
    renewed = replace(somebody_mailed(sequence), segments=frozenset())
    assert play(sequence, renewed).end == "exited: renewed or over"


def test_whoever_looks_at_the_price_is_not_kept_waiting_for_the_offer() -> None:
    sequence = SEQUENCES["mql-nurture"]
    person = somebody_mailed(sequence)
    watching = replace(person, segments=frozenset({"price-watchers"}))
    ways = [[one.path for one in play(sequence, who).all(e.Take) if one.step == "price"]
            for who in (watching, person)]  # fmt: skip
    assert ways == [["case 1"], ["else"]]


def test_silent_readers_are_not_invited() -> None:
    sequence = SEQUENCES["event-invitation"]
    person = somebody(sequence)
    assert holds(sequence.entry, person, START)
    silent = replace(person, segments=frozenset({"silent-readers"}))
    assert not holds(sequence.entry, silent, START)


def test_a_guest_is_confirmed_at_once_reminded_the_day_before_and_followed_up() -> None:
    sequence = SEQUENCES["event-registration"]
    attended = {"came": ("attended", {"event_id": KEY})}
    came, missed = (
        play(sequence, meanwhile=attended, properties=EVENT),
        play(sequence, properties=EVENT),
    )
    assert came.emails == ["event-confirmation", "event-reminder", "event-thanks"]
    assert missed.emails == ["event-confirmation", "event-reminder", "event-missed"]
    times = dict(came.mailed)
    assert times["event-confirmation"] == START
    assert timedelta(hours=12) < EVENT_DAY - times["event-reminder"] < timedelta(hours=36)
    assert "event-attended" in came.contact.tags
    assert "event-attended" not in missed.contact.tags


def test_who_came_to_another_event_did_not_come_to_this_one() -> None:
    sequence = SEQUENCES["event-registration"]
    elsewhere = {"came": ("attended", {"event_id": "8"})}
    assert play(sequence, meanwhile=elsewhere, properties=EVENT).emails[-1] == "event-missed"


def test_a_cancelled_event_ends_its_letters() -> None:
    cancelled = ("event_cancelled", {"event_id": KEY})
    booked = play(
        SEQUENCES["event-registration"], meanwhile={"day-before": cancelled}, properties=EVENT
    )
    assert (booked.emails, booked.end) == (
        ["event-confirmation"], "exited: cancelled by event_cancelled",
    )  # fmt: skip
    invited = play(SEQUENCES["event-invitation"], meanwhile={"looked": cancelled}, properties=EVENT)
    assert invited.end == "exited: cancelled by event_cancelled"


def test_whoever_registers_is_not_invited_again() -> None:
    sequence = SEQUENCES["event-invitation"]
    registered = ("event_registered", {"event_id": KEY})
    played = play(sequence, yes={"looked"}, meanwhile={"almost": registered}, properties=EVENT)
    assert (played.emails, played.end) == (
        ["event-invitation"], "exited: cancelled by event_registered",
    )  # fmt: skip
    looked = play(sequence, yes={"looked"}, properties=EVENT)
    assert looked.emails == ["event-invitation", "event-invitation-last"]
    assert play(sequence, properties=EVENT).emails == ["event-invitation"]


def test_a_guest_who_wants_no_marketing_gets_the_seat_and_no_follow_up() -> None:
    sequence = SEQUENCES["event-registration"]
    for consents, end in (({}, "no_consent"), ({"marketing": False}, "unsubscribed")):
        guest = replace(somebody_mailed(sequence), consents=MappingProxyType(consents))
        played = play(sequence, guest, properties=EVENT)
        assert played.emails == ["event-confirmation", "event-reminder"]
        assert played.end == f"exited: {end}"


def test_silence_is_answered_by_one_goodbye_and_then_by_silence() -> None:
    played = play(SEQUENCES["cold-reengagement"])
    assert played.emails == ["cold-still-interested", "cold-goodbye"]
    assert played.end == "exited: no answer, the letters stop"
    assert "letters-stopped" in played.contact.tags
    closed = {
        key
        for key, sequence in SEQUENCES.items()
        if not holds(sequence.entry, _in_stage(played.contact, sequence), START)
    }
    assert closed >= {
        "visitor-nurture", "lead-nurture", "reader-offer", "event-invitation", "related-products",
    }  # fmt: skip


def _in_stage(contact: Contact, sequence: Sequence) -> Contact:
    return replace(contact, standing=somebody(sequence).standing)


def test_a_sign_of_life_leads_back_to_the_letters() -> None:
    sequence = SEQUENCES["cold-reengagement"]
    for answered in ("answer", "return"):
        assert play(sequence, yes={answered}).end == "moved: lead-nurture"


def test_the_button_in_the_goodbye_works_next_year_too() -> None:
    sequence = SEQUENCES["cold-welcome-back"]
    played = play(sequence)
    assert (played.emails, played.end) == (["cold-welcome-back"], "moved: lead-nurture")
    assert "letters-stopped" not in played.contact.tags
    assert not holds(sequence.entry, played.contact, START), "only for whom the letters stopped"


def test_a_referral_starts_further_along() -> None:
    sequence = SEQUENCES["lead-nurture"]
    friend = replace(somebody_mailed(sequence), fields={"source": "referral"})
    assert CAMPAIGNS.funnel.first_stages["referral"] == "lead"
    assert play(sequence, friend).emails == ["lead-referral-introduction", "lead-customer-story"]


def test_an_advocate_is_asked_for_a_review_or_a_referral_and_thanked_for_either() -> None:
    sequence = SEQUENCES["advocate-program"]
    asked = ["advocate-review", "advocate-referral"]
    for yes in ({"reviewed"}, {"referred"}, {"reviewed", "referred"}):
        played = play(sequence, yes=yes)
        assert (played.emails, played.end) == (
            [*asked, "advocate-thank-you"],
            "exited: asked and thanked",
        )
        assert played.after(*asked) >= 14 * DAY
    nothing = play(sequence)
    assert (nothing.emails, nothing.end) == (asked, "exited: asked, and not the right time")
    assert nothing.contact.tags == frozenset()


def test_who_is_held_out_gets_no_marketing_but_the_seat_they_booked() -> None:
    sequence = SEQUENCES["event-registration"]
    guest = next(
        one for number in range(1, 999) if is_held_out(sequence, one := somebody(sequence, number))
    )
    played = play(sequence, guest, properties=EVENT)
    assert played.emails == ["event-confirmation", "event-reminder"]
    assert [one.template for one in played.all(e.WouldSend)] == ["event-missed"]


def test_every_update_of_the_shipped_sequences_is_of_a_kind_the_reports_know() -> None:
    decisions = [one for sequence in SEQUENCES.values() for one in explore(sequence).decisions]
    facts = {(one.fact, one.name) for one in decisions if isinstance(one, e.SetFact)}
    assert {name for fact, name in facts if fact == Fact.BANT} == {"need", "budget", "timing"}
    assert {name for fact, name in facts if fact == Fact.FIELD} == {"interest"}
    assert {name for fact, name in facts if fact == Fact.UNTAG} == {"letters-stopped"}
