"""Who signed up and never confirmed is forgotten in time; whoever is somebody stays."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.domain.consent import Answer, Confirmed
from nurture.domain.stages import Actor, Said
from nurture.engine import erasing
from nurture.engine.addresses import address_key
from nurture.engine.pausing import pause
from nurture.engine.qualification import change_stage, qualify
from nurture.engine.replay import replay
from nurture.engine.suppress import suppress, unsubscribe
from nurture.engine.unconfirmed import forget_unconfirmed
from nurture.engine.wishing import leave
from nurture.errors import NotFound
from nurture.store import tables, wishes
from nurture.store.database import Transaction
from nurture.store.suppressions import NewSuppression
from tests.engine.signing_up import SignUp, opened_for_sign_up
from tests.engine.test_subscribing import A_WISH
from tests.engine.world import CART, DAY, NOW, C, S

T = tables.Suppression
MONTH = 30 * DAY


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[SignUp]:
    with opened_for_sign_up(settings, database_url) as made:
        made.publish(CART)
        yield made


def there(world: SignUp) -> list[str]:
    return world.column(sa.select(C.email).where(C.erased_at.is_(None)).order_by(C.id))


def pass_time(world: SignUp, span: timedelta) -> int:
    world.clock.moment += span
    return forget_unconfirmed(world.deps, world.now)


def test_who_never_confirms_is_forgotten_after_a_month_and_not_sooner(world: SignUp) -> None:
    world.wish(name="ana")
    world.drive(NOW + DAY)
    assert pass_time(world, MONTH - DAY) == 0
    assert there(world) == ["ana@example.com"]
    assert pass_time(world, timedelta(seconds=1)) == 1
    assert there(world) == []
    assert pass_time(world, DAY) == 0
    world.assert_sound()
    assert replay(world.deps, world.now).differences == ()


def test_nothing_is_left_that_stands_in_the_way_of_a_new_sign_up(world: SignUp) -> None:
    world.wish()
    (send,) = world.letters()
    pass_time(world, MONTH + DAY)
    key = address_key(world.deps.secrets, "ana@example.com")
    assert world.column(sa.select(T.id).where(T.address_key == key)) == []
    with pytest.raises(NotFound):
        world.confirm(send)
    assert world.wish() is Answer.PENDING
    assert world.confirm() is Confirmed.GRANTED
    assert world.mailed("ana") == ["ask", "ask", "hello"]


def test_what_was_personal_goes_and_the_audit_names_nobody(world: SignUp) -> None:
    world.wish()
    pass_time(world, MONTH + DAY)
    assert world.rows(sa.select(C.email, C.fields, C.source)) == [("", {}, "")]
    a = tables.Audit
    (line,) = world.rows(sa.select(a.by, a.what, a.data).order_by(a.id.desc()).limit(1))
    assert line[:2] == ("nurture", "erase contact")
    assert line[2]["why"] == "never confirmed a sign-up"
    assert "ana" not in str(line)
    assert world.rows(sa.select(S.status)) == [("accepted",)], "what was sent stays counted"


def confirms(world: SignUp, _ana: int) -> None:
    world.confirm()


def says_no(world: SignUp, _ana: int) -> None:
    unsubscribe(world.deps, world.letters()[0], world.now)


def agrees_to_another_topic(world: SignUp, _ana: int) -> None:
    world.wish(topic="news")


def complains(world: SignUp, ana: int) -> None:
    world.do(lambda work: suppress(work, [NewSuppression(ana, "global", "complaint", "test")]))


def fills_a_cart(world: SignUp, ana: int) -> None:
    world.happen(ana, "cart_updated", cart_id="7")


def visits(world: SignUp, ana: int) -> None:
    world.happen(ana, "visit")


def is_qualified(world: SignUp, ana: int) -> None:
    qualify(world.deps, ana, {"budget": "yes"}, Said(by="lan"), "admin", world.now)


def is_moved_by_a_person(world: SignUp, ana: int) -> None:
    change_stage(world.deps, ana, "mql", Actor.SALES, Said(by="lan", note="x"), world.now)


SOMEBODY: list[Callable[[SignUp, int], None]] = [
    confirms, says_no, agrees_to_another_topic, complains, fills_a_cart, visits, is_qualified,
    is_moved_by_a_person,
]  # fmt: skip


@pytest.mark.parametrize("becomes", SOMEBODY, ids=lambda one: str(one.__name__))
def test_whoever_is_somebody_stays(world: SignUp, becomes: Callable[[SignUp, int], None]) -> None:
    world.wish()
    becomes(world, world.id_of())
    world.work()
    assert pass_time(world, 3 * MONTH) == 0
    assert there(world) == ["ana@example.com"]


def test_who_was_known_before_stays(world: SignUp) -> None:
    world.known("ana", news=True)
    world.known("ben")
    world.wish(name="ana")
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(C).where(C.address == "ben@example.com").values(source="fair"))
    world.wish(name="ben")
    assert pass_time(world, 3 * MONTH) == 0


def test_a_run_of_their_stage_that_mails_nothing_makes_nobody_of_them(world: SignUp) -> None:
    world.wish()
    world.place()
    world.drive(NOW + 9 * DAY)
    assert [key for key, _, _ in world.states(world.id_of())] == ["sign-up", "welcome"]
    assert pass_time(world, MONTH) == 1
    world.assert_sound()


def test_a_letter_that_has_not_left_is_waited_for(world: SignUp) -> None:
    pause(world.deps, "sign-up", "lan", "Tết", NOW)
    world.wish()
    assert pass_time(world, 3 * MONTH) == 0


def test_asked_again_the_time_begins_anew(world: SignUp) -> None:
    world.wish()
    world.clock.moment = NOW + 20 * DAY
    world.wish()
    assert pass_time(world, 20 * DAY) == 0
    assert pass_time(world, 11 * DAY) == 1


def test_a_sign_up_of_this_moment_is_not_lost(world: SignUp) -> None:
    world.wish()
    world.clock.moment = NOW + 2 * MONTH
    leave(world.deps, A_WISH, world.now)
    assert forget_unconfirmed(world.deps, world.now) == 0
    world.work()
    assert world.confirm() is Confirmed.GRANTED


def test_a_sign_up_while_somebody_is_forgotten_is_not_lost(world: SignUp) -> None:
    world.wish()
    world.clock.moment = NOW + 2 * MONTH
    ana, asked = world.id_of(), []

    def and_signs_up(tx: Transaction) -> bool:
        asked.append(ana)
        if len(asked) == 2:
            wishes.leave(tx, A_WISH.email, asdict(A_WISH), world.now)
        return True

    assert erasing.forget(world.deps, ana, by="x", why="", now=world.now, still=and_signs_up)
    world.work()
    assert world.confirm() is Confirmed.GRANTED
    assert there(world) == ["ana@example.com"]


def test_what_happens_in_the_same_moment_comes_first(world: SignUp) -> None:
    world.wish()
    ana, now = world.id_of(), world.now
    held: list[int] = []

    def no_more(_tx: Transaction) -> bool:
        held.append(ana)
        return (
            len(held) < 2
        )  # When they were found nothing was there yet; when they are held it is.

    done = erasing.forget(world.deps, ana, by="x", why="", now=now, still=no_more)
    assert (done, len(held)) == (False, 2)
    assert there(world) == ["ana@example.com"]
    assert not erasing.forget(world.deps, 404, by="x", why="", now=now, still=lambda _: True)


def test_so_many_are_forgotten_at_a_time(world: SignUp) -> None:
    for number in range(5):
        world.wish(name=f"p{number}")
    world.clock.moment = NOW + 2 * MONTH
    done = [forget_unconfirmed(world.deps, world.now, limit=2) for _ in range(4)]
    assert done == [2, 2, 1, 0]


def test_the_time_is_a_setting_and_nought_forgets_nobody(world: SignUp) -> None:
    world.wish()
    world.clock.moment = NOW + 400 * DAY
    for days, expected in ((0, 0), (3650, 0), (8, 1)):
        changed = replace(world.deps.settings, forget_unconfirmed=days)
        deps = replace(world.deps, settings=changed)
        assert forget_unconfirmed(deps, world.now) == expected
