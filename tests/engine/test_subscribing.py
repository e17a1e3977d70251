"""Signing up, confirming it, and coming back: what is written, and who gets which email."""

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.consent import CONFIRM_WITHIN, Answer, Confirmed, Proof
from nurture.engine.backtest import backtest
from nurture.engine.confirming import asked, confirm
from nurture.engine.erasing import Erasure, Outcome, erase
from nurture.engine.granting import Witness
from nurture.engine.pausing import pause, resume
from nurture.engine.replay import replay
from nurture.engine.simulate import published_world
from nurture.engine.subscribing import (
    MOST_TAGGED,
    MOST_TRIES,
    TRIES_KEPT,
    TRIES_WITHIN,
    Wish,
    come_back,
    may_try,
    offered,
    subscribe,
)
from nurture.engine.suppress import say_no, suppress, unsubscribe
from nurture.engine.transactions import MOST_ATTEMPTS
from nurture.engine.wishing import GIVEN_UP_AFTER, PATIENCE, answer_wishes, leave
from nurture.engine.work import Work
from nurture.errors import Conflict, Invalid, NotFound
from nurture.store import tables, wishes
from nurture.store.database import Database, Transaction
from nurture.store.places import places_of
from nurture.store.suppressions import NewSuppression
from tests.engine.signing_up import SignUp, opened_for_sign_up
from tests.engine.test_races import at_once
from tests.engine.world import DAY, HOUR, NOW, C, S

A_WISH = Wish("ana@example.com", "marketing", "I agree.", "sign-up page", "form")
PRESSED = Witness("Again, please.", "192.0.2.9")


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[SignUp]:
    with opened_for_sign_up(settings, database_url) as made:
        yield made


def test_what_is_asked_for_allows_nothing_but_the_letter_that_asks(world: SignUp) -> None:
    assert world.wish() is Answer.PENDING
    world.drive(NOW + 30 * DAY)
    assert world.mailed("ana") == ["ask"]
    assert world.consents() == {}
    # Not even by a sequence of their stage that is entered by force.
    world.place()
    world.drive(NOW + 60 * DAY)
    assert world.mailed("ana") == ["ask"]
    assert world.log() == [
        ("marketing", True, False, "sign-up page", "I agree.", "form", "192.0.2.5")
    ]
    world.assert_sound()


def test_the_button_grants_and_the_log_tells_both(world: SignUp) -> None:
    world.wish()
    world.clock.moment = NOW + HOUR
    assert world.confirm() is Confirmed.GRANTED
    (send,) = world.letters()
    assert world.log() == [
        ("marketing", True, False, "sign-up page", "I agree.", "form", "192.0.2.5"),
        ("marketing", False, True, f"confirmed by send {send}", "Yes.", "recipient", "192.0.2.9"),
    ]
    at = tables.Consent.at
    assert world.column(sa.select(at).order_by(tables.Consent.id)) == [NOW, NOW + HOUR]
    assert world.consents() == {"marketing": True}
    assert world.mailed("ana") == ["ask", "hello"]
    events = world.column(sa.select(tables.Event.name).order_by(tables.Event.id))
    assert events == ["subscription_asked", "subscribed"]
    world.assert_sound()


def test_pressing_it_twice_is_pressing_it_once(world: SignUp) -> None:
    world.wish()
    assert [world.confirm() for _ in range(3)] == [
        Confirmed.GRANTED, Confirmed.STANDS, Confirmed.STANDS,
    ]  # fmt: skip
    assert len(world.log()) == 2
    assert world.mailed("ana") == ["ask", "hello"]


def test_an_old_link_grants_nothing(world: SignUp) -> None:
    world.wish()
    world.clock.moment = NOW + CONFIRM_WITHIN
    assert world.confirm() is Confirmed.LATE
    assert world.consents() == {}
    assert world.wish() is Answer.PENDING
    assert len(world.letters()) == 2
    assert world.confirm() is Confirmed.GRANTED


def test_an_old_link_brings_nobody_back_who_left_since(world: SignUp) -> None:
    world.wish()
    world.confirm()
    ask, hello = world.column(sa.select(S.id).order_by(S.id))
    unsubscribe(world.deps, hello, world.now)
    assert world.confirm(ask) is Confirmed.SPENT
    assert asked(world.deps, ask, world.now).would is Confirmed.SPENT
    assert world.consents() == {"marketing": False}


def test_a_letter_held_up_by_a_pause_can_be_confirmed_when_it_leaves(world: SignUp) -> None:
    pause(world.deps, "sign-up", "lan", "Tết", NOW)
    world.wish()
    for days in (1, 2, 9):
        world.clock.moment = NOW + days * DAY
        assert world.wish() is Answer.WAITS, "a second letter would leave with the first"
    resume(world.deps, "sign-up", "lan", world.now)
    world.drive(world.now + DAY)
    assert world.mailed("ana") == ["ask"]
    assert world.confirm() is Confirmed.GRANTED


def test_an_address_gets_one_letter_however_often_somebody_types_it_in(world: SignUp) -> None:
    answers = []
    for _ in range(5):
        answers.append(world.wish())
        world.clock.moment += HOUR
    assert answers == [Answer.PENDING, *[Answer.WAITS] * 4]
    world.clock.moment = NOW + 6 * HOUR
    assert world.wish() is Answer.PENDING
    assert world.mailed("ana") == ["ask", "ask"]
    assert [one for one, *_ in world.log()] == ["marketing", "marketing"]


def test_an_address_is_asked_about_two_topics_side_by_side(world: SignUp) -> None:
    ana = world.known(news=False)
    assert world.wish(topic="marketing") is Answer.PENDING
    assert world.wish(topic="news") is Answer.PENDING
    first, second = world.letters()
    assert world.confirm(second) is Confirmed.GRANTED
    assert world.consents() == {"news": True}
    assert world.confirm(first) is Confirmed.GRANTED
    assert world.consents() == {"news": True, "marketing": True}
    assert world.scopes(ana) == []


def test_a_topic_without_confirmation_is_granted_at_once(world: SignUp) -> None:
    assert world.wish(topic="news", name="bo") is Answer.GRANTED
    assert world.consents("bo") == {"news": True}
    assert world.letters() == []
    assert world.wish(topic="news", name="bo") is Answer.STANDS
    assert len(world.log()) == 1


def test_somebody_new_starts_where_contacts_of_forms_start(world: SignUp) -> None:
    world.wish(language="vi")
    row = world.rows(sa.select(C.email, C.language, C.source, C.fields))
    assert row == [("ana@example.com", "vi", "form", {})]
    assert world.stage(world.id_of()) == "lead"


def test_a_form_changes_nothing_of_somebody_known(world: SignUp) -> None:
    ana = world.known(news=True)
    before = world.rows(sa.select(C.fields, C.language, C.tags).where(C.id == ana))
    world.wish(language="vi", topic="marketing")
    assert world.rows(sa.select(C.fields, C.language, C.tags).where(C.id == ana)) == before
    assert world.consents() == {"news": True}


def test_a_form_alone_brings_nobody_back_who_unsubscribed(world: SignUp) -> None:
    world.wish(topic="news")
    world.wish()
    world.confirm()
    hello = world.column(sa.select(S.id).where(S.step == "hello"))[0]
    unsubscribe(world.deps, hello, world.now)
    ana = world.id_of()
    world.clock.moment = NOW + DAY
    for proof in (Proof.NONE, Proof.STATED):
        assert world.wish(proof=proof) in (Answer.PENDING, Answer.WAITS)
        assert world.scopes(ana) == [("marketing", "unsubscribed", "recipient")]
    assert world.confirm() is Confirmed.GRANTED
    assert world.scopes(ana) == []
    assert world.consents() == {"news": True, "marketing": True}


def test_a_second_no_spends_the_letter_that_was_asked_for_in_between(world: SignUp) -> None:
    world.enroll("ana")
    world.work()
    (hello,) = world.column(sa.select(S.id))
    unsubscribe(world.deps, hello, world.now)
    world.clock.moment = NOW + DAY
    assert world.wish() is Answer.PENDING
    lines = []
    for _ in range(2):
        unsubscribe(world.deps, hello, world.now)
        lines.append(len(world.log()))
    assert lines[0] == lines[1], "a third no says nothing new"
    assert world.confirm() is Confirmed.SPENT
    assert world.consents()["marketing"] is False
    assert world.mailed("ana") == ["hello", "ask"]


def test_a_no_to_the_letter_that_asks_spends_its_button(world: SignUp) -> None:
    world.wish()
    (send,) = world.letters()
    lines = []
    for _ in range(2):
        unsubscribe(world.deps, send, world.now, ip="192.0.2.9")
        lines.append(world.log()[1:])
    assert lines[0] == lines[1], "a second no says nothing new"
    assert lines[0] == [
        (topic, False, False, f"send {send}", "", "recipient", "192.0.2.9")
        for topic in ("sign-up", "marketing")
    ]
    assert asked(world.deps, send, world.now).would is Confirmed.SPENT
    assert world.confirm(send) is Confirmed.SPENT
    assert world.consents() == {"sign-up": False, "marketing": False}
    world.drive(NOW + 9 * DAY)
    assert world.mailed("ana") == ["ask"]


def test_a_no_to_the_letter_takes_back_what_its_button_granted(world: SignUp) -> None:
    world.wish()
    world.confirm()
    (send,) = world.letters()
    unsubscribe(world.deps, send, world.now)
    assert world.consents() == {"sign-up": False, "marketing": False}
    assert world.confirm(send) is Confirmed.SPENT
    world.drive(NOW + 9 * DAY)
    assert world.mailed("ana") == ["ask", "hello"]


def test_a_no_that_the_provider_heard_spends_the_button_too(world: SignUp) -> None:
    world.wish()
    (send,) = world.letters()

    def hear(work: Work) -> None:
        place = places_of(work.tx, [send])[send]
        work.see([place.contact_id], history=False)
        say_no(work, place, by="provider:postmark")

    world.do(hear)
    assert world.confirm(send) is Confirmed.SPENT
    assert [by for *_, by, _ in world.log()] == ["form", *["provider:postmark"] * 2]


def test_a_no_to_one_letter_leaves_the_question_of_another(world: SignUp) -> None:
    world.known(news=False)
    world.wish(topic="marketing")
    world.wish(topic="news")
    first, second = world.letters()
    unsubscribe(world.deps, first, world.now)
    assert world.confirm(second) is Confirmed.GRANTED
    assert world.consents() == {"sign-up": False, "marketing": False, "news": True}


def test_the_way_back_from_a_no_to_the_letter_is_a_new_sign_up(world: SignUp) -> None:
    world.wish()
    (send,) = world.letters()
    unsubscribe(world.deps, send, world.now)
    world.clock.moment = NOW + DAY
    assert world.wish() is Answer.PENDING
    assert len(world.letters()) == 1, "they want no letters that ask"
    assert come_back(world.deps, send, PRESSED, world.now) is Answer.GRANTED
    assert world.confirm(send) is Confirmed.SPENT, "an old button stays spent"
    world.clock.moment = NOW + 2 * DAY
    assert world.wish() is Answer.PENDING
    assert len(world.letters()) == 2
    assert world.confirm() is Confirmed.GRANTED
    assert world.consents() == {"sign-up": True, "marketing": True}


def test_a_wish_is_kept_by_the_page_and_answered_by_the_ticker(world: SignUp) -> None:
    leave(world.deps, A_WISH, NOW)
    leave(world.deps, A_WISH, NOW)
    assert world.column(sa.select(C.id)) == [], "the page looks at nobody"
    assert answer_wishes(world.deps, world.now) == 2
    assert world.log() == [("marketing", True, False, "sign-up page", "I agree.", "form", "")]
    assert answer_wishes(world.deps, world.now) == 0
    assert world.column(sa.select(tables.SubscriptionWish.id)) == []


def test_two_tickers_answer_a_wish_once(world: SignUp) -> None:
    leave(world.deps, A_WISH, NOW)
    at_once(*[lambda: answer_wishes(world.deps, world.now)] * 3)
    assert len(world.log()) == 1


class Losing:
    """A database in which somebody else was first so many times."""

    def __init__(self, database: Database, times: int) -> None:
        self._database, self._times = database, times

    def begin(self) -> AbstractContextManager[Transaction]:
        self._times -= 1
        if self._times >= 0:
            raise Conflict("somebody else was first")
        return self._database.begin()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)


def test_a_wish_that_loses_every_race_stands_in_nobodys_way(world: SignUp) -> None:
    leave(world.deps, replace(A_WISH, email="bo@example.com"), NOW)
    leave(world.deps, A_WISH, NOW)
    losing = cast(Database, Losing(world.deps.database, MOST_ATTEMPTS))
    assert answer_wishes(replace(world.deps, database=losing), world.now) == 2
    assert len(world.log()) == 1
    assert answer_wishes(world.deps, world.now) == 1, "it is tried again at once"
    assert len(world.log()) == 2


def test_a_wish_that_cannot_be_answered_stands_in_nobodys_way(world: SignUp) -> None:
    with world.deps.database.begin() as tx:
        wishes.leave(tx, "bo@example.com", {"email": "bo@example.com"}, NOW)
    leave(world.deps, replace(A_WISH, topic="closed"), NOW)
    leave(world.deps, A_WISH, NOW)
    assert answer_wishes(world.deps, world.now) == 3
    assert [topic for topic, *_ in world.log()] == ["marketing"]
    assert answer_wishes(world.deps, world.now) == 0, "it waits a while"
    assert answer_wishes(world.deps, world.now + PATIENCE) == 1
    assert answer_wishes(world.deps, world.now + GIVEN_UP_AFTER) == 1
    assert world.column(sa.select(tables.SubscriptionWish.id)) == []


def test_what_was_typed_is_checked_before_it_is_kept(world: SignUp) -> None:
    for wrong in (replace(A_WISH, email="ana"), replace(A_WISH, name="{{ x }}")):
        with pytest.raises(Invalid):
            leave(world.deps, wrong, NOW)
    assert world.column(sa.select(tables.SubscriptionWish.id)) == []


def test_erasing_an_address_takes_its_wish_along(world: SignUp) -> None:
    leave(world.deps, A_WISH, NOW)
    assert erase(world.deps, "Ana@example.com", by="lan", why="", now=NOW).outcome is (
        Outcome.UNKNOWN
    )
    assert world.column(sa.select(tables.SubscriptionWish.id)) == []


def until_somebody_waits(world: SignUp) -> None:
    """Return when a transaction waits for a row that another one holds."""
    locked = sa.text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    for _ in range(500):
        with world.deps.database.read() as tx:
            if tx.execute(locked).scalar_one():
                return
        time.sleep(0.01)
    raise AssertionError("nobody waits")


@pytest.mark.parametrize("bar", [False, True])
def test_erasing_waits_for_a_wish_that_is_answered_at_this_moment(
    settings: Settings, postgresql_url: str, bar: bool
) -> None:
    with opened_for_sign_up(settings, postgresql_url) as world, ThreadPoolExecutor(1) as pool:
        leave(world.deps, A_WISH, NOW)
        erasing: list[Future[Erasure]] = []

        def ours(tx: Transaction) -> bool:
            taken = wishes.take(tx, 1)
            one = partial(erase, by="lan", why="", now=NOW, bar=bar)
            erasing.append(pool.submit(one, world.deps, A_WISH.email))
            until_somebody_waits(world)
            return taken

        subscribe(world.deps, A_WISH, NOW, ours)
        assert erasing[0].result(10).outcome is Outcome.ERASED
        assert world.column(sa.select(C.email)) == [""]


def test_whoever_unsubscribed_comes_back_by_a_link_of_their_own(world: SignUp) -> None:
    ana = world.enroll("ana")
    world.work()
    (hello,) = world.column(sa.select(S.id))
    unsubscribe(world.deps, hello, world.now)
    answers = [come_back(world.deps, hello, PRESSED, world.now) for _ in range(2)]
    assert answers == [Answer.GRANTED, Answer.STANDS]
    assert world.scopes(ana) == []
    assert world.consents()["marketing"]
    world.drive(NOW + 9 * DAY)
    assert world.mailed("ana") == ["hello", "again"], "what they got is passed over"
    world.assert_sound()


def test_nothing_that_holds_everywhere_is_lifted_or_even_asked_about(world: SignUp) -> None:
    ana = world.enroll("ana")
    world.work()
    (hello,) = world.column(sa.select(S.id))
    unsubscribe(world.deps, hello, world.now)
    world.do(lambda work: suppress(work, [NewSuppression(ana, "global", "manual", "lan")]))
    assert come_back(world.deps, hello, PRESSED, world.now) is Answer.REFUSED
    for proof in Proof:
        assert world.wish(proof=proof) is Answer.REFUSED
    assert [scope for scope, *_ in world.scopes(ana)] == ["global", "marketing"]
    assert world.mailed("ana") == ["hello"]


def test_a_person_who_suppressed_a_topic_is_not_overruled_by_a_button(world: SignUp) -> None:
    ana = world.enroll("ana")
    world.work()
    (hello,) = world.column(sa.select(S.id))
    world.do(lambda work: suppress(work, [NewSuppression(ana, "marketing", "manual", "lan")]))
    assert come_back(world.deps, hello, PRESSED, world.now) is Answer.REFUSED
    assert world.wish() is Answer.REFUSED
    assert world.scopes(ana) == [("marketing", "manual", "lan")]


def test_the_letter_is_not_sent_to_who_complains_while_it_waits(world: SignUp) -> None:
    pause(world.deps, "sign-up", "lan", "test", NOW)
    world.wish()
    ana = world.id_of()
    world.do(lambda work: suppress(work, [NewSuppression(ana, "global", "complaint", "test")]))
    resume(world.deps, "sign-up", "lan", world.now)
    world.drive(NOW + DAY)
    assert world.mailed("ana") == []


def test_a_complaint_after_the_letter_ends_what_its_button_could_do(world: SignUp) -> None:
    world.wish()
    ana = world.id_of()
    world.do(lambda work: suppress(work, [NewSuppression(ana, "global", "complaint", "test")]))
    assert world.confirm() is Confirmed.REFUSED
    assert world.consents() == {}


def test_who_was_erased_is_not_stored_again_by_a_form(world: SignUp) -> None:
    ana = world.known()
    world.do(lambda work: suppress(work, [NewSuppression(ana, "global", "erasure", "test")]))
    with world.deps.database.begin() as tx:
        tx.execute(sa.delete(tables.Standing))
        tx.execute(sa.delete(C))
    assert world.wish() is Answer.REFUSED
    assert world.column(sa.select(C.id)) == []


def test_what_cannot_be_is_refused_and_leaves_nothing(world: SignUp) -> None:
    for name, topic in (
        ("ana@example.com\nBcc: bo", "news"), ("a b", "news"), ("", "news"),
        ("ana", "nothing"), ("ana", "sign-up"), ("ana", ""),
    ):  # fmt: skip
        with pytest.raises(Invalid):
            world.wish(name, topic)
    assert world.column(sa.select(C.id)) == []
    assert world.do(lambda work: offered(work.catalog.funnel)) == ("marketing", "news")


def test_a_link_of_another_email_confirms_nothing(world: SignUp) -> None:
    world.enroll("ana")
    world.work()
    (hello,) = world.column(sa.select(S.id))
    for send in (hello, 404, 0):
        with pytest.raises(NotFound):
            world.confirm(send)
        with pytest.raises(NotFound):
            asked(world.deps, send, world.now)
    with pytest.raises(NotFound):
        come_back(world.deps, 404, PRESSED, world.now)


def test_two_at_once_ask_once_and_confirm_once(world: SignUp) -> None:
    answers = at_once(*[lambda: subscribe(world.deps, A_WISH, world.now)] * 4)
    world.work()
    assert Counter(answers) == {Answer.PENDING: 1, Answer.WAITS: 3}
    assert world.column(sa.select(sa.func.count()).select_from(C)) == [1]
    assert world.mailed("ana") == ["ask"]
    (send,) = world.letters()
    pressed = at_once(*[lambda: confirm(world.deps, send, PRESSED, world.now)] * 4)
    world.work()
    assert Counter(pressed) == {Confirmed.GRANTED: 1, Confirmed.STANDS: 3}
    assert [granted for _, _, granted, *_ in world.log()] == [False, True]
    assert world.mailed("ana") == ["ask", "hello"]
    world.assert_sound()


def test_a_life_in_memory_is_mailed_from_its_yes_on_and_no_sooner(world: SignUp) -> None:
    world.wish()
    world.drive(NOW + 2 * DAY)
    world.confirm()
    world.drive(NOW + 12 * DAY)
    assert world.mailed("ana") == ["ask", "hello", "again"]
    rules = published_world(world.deps)
    found = backtest(world.deps, rules, rules, 30 * DAY, world.now)
    assert found.mails == (3, 3)
    assert replay(world.deps, world.now).differences == ()


def test_tags_bring_no_flood_of_letters_into_one_mailbox(world: SignUp) -> None:
    asked = [world.wish(f"Ana+{n}") for n in range(MOST_TAGGED + 2)]
    assert asked == [*[Answer.PENDING] * MOST_TAGGED, Answer.WAITS, Answer.WAITS]
    assert len(world.letters()) == MOST_TAGGED
    assert {world.wish("ana"), world.wish("ben+1")} == {Answer.PENDING}
    kept = world.column(sa.select(tables.SubscriptionTry.network))
    assert not [one for one in kept if "ana" in one.lower()], "the address itself is not kept"
    known = world.column(sa.select(C.email).where(C.email.like("Ana+%")))
    assert len(known) == MOST_TAGGED, "of whom nobody asked nothing is kept"
    assert world.wish("Ana+0", "news") is Answer.GRANTED
    world.clock.moment = NOW + DAY + HOUR
    assert world.wish("ana+x") is Answer.PENDING


def test_a_network_may_use_the_page_so_often_and_no_more(world: SignUp) -> None:
    tries = [may_try(world.deps, "192.0.2.5", NOW) for _ in range(MOST_TRIES + 2)]
    assert tries == [*[True] * MOST_TRIES, False, False]
    assert may_try(world.deps, "192.0.2.6", NOW)
    later = NOW + TRIES_WITHIN + timedelta(seconds=1)
    assert may_try(world.deps, "192.0.2.5", later)
    # Addresses of the day before are forgotten.
    may_try(world.deps, "192.0.2.7", later + 2 * TRIES_KEPT)
    assert world.column(sa.select(tables.SubscriptionTry.network)) == ["192.0.2.7"]
