"""Notices: written to the owner or whoever stands in, tracked by nobody, tried again."""

from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.addresses import address_key
from nurture.engine.deliveries import recover_deliveries
from nurture.engine.notices import take_notices
from nurture.providers.base import Outcome
from nurture.store import operations, tables
from nurture.store.operations import Health
from tests.engine.scripted_post import HARD, LATER, SENDER, UNCERTAIN, Reply
from tests.engine.telling_world import D, Telling, alert, telling, told
from tests.engine.world import NOW

LAN = "lan@lotusdesk.example.com"
TEAM = "team@lotusdesk.example.com"


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[Telling]:
    with telling(settings, database_url, crm="https://crm.example.com/") as made:
        yield made


def only(world: Telling) -> EmailMessage:
    """The one email that left."""
    (taken,) = world.post.taken
    message = message_from_bytes(taken.message, policy=modern)
    assert isinstance(message, EmailMessage)
    return message


def suppress(world: Telling, address: str, scope: str = "global") -> None:
    t = tables.Suppression
    with world.deps.database.begin() as tx:
        tx.execute(
            sa.insert(t).values(
                address_key=address_key(world.deps.secrets, address), scope=scope, reason="manual",
                source="test", at=world.now,
            )
        )  # fmt: skip


def reader(world: Telling) -> tuple[str, str]:
    """Whom the notice went to, and why them."""
    (payload,) = world.column(sa.select(D.payload).where(D.kind == "notice"))
    return payload["to"], payload["why"]


def test_a_notice_goes_to_the_owner_and_tells_of_the_contact(world: Telling) -> None:
    ana = world.ask("ana", owner_email=LAN, owner_name="Lan", company="Hoa Sen")
    assert world.write_all() == 1
    message = only(world)
    assert message["To"] == f"Lan <{LAN}>"
    assert message["From"] == "Lotus Desk <hello@lotusdesk.example.com>"
    assert message["Reply-To"] == TEAM
    assert message["Subject"] == "Call ana"
    text = message.get_body(("plain",))
    page = message.get_body(("html",))
    assert text is not None
    assert page is not None
    words = " ".join(text.get_content().split())
    assert "Lan: ana (ana@example.com) is at lead with 0 points, Hoa Sen, by hand-over/" in words
    assert f"https://nurture.test/contacts/{ana}" in page.get_content()
    assert ("hand-over", "waiting", "later") in world.states(ana)
    assert world.deliveries("notice") == [("delivered", 1, "", 250)]
    assert world.write_all() == 0


def test_nothing_in_a_notice_is_tracked_and_it_is_no_bulk_mail(world: Telling) -> None:
    world.ask("ana", owner_email=LAN)
    world.write_all()
    message = only(world)
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Unsubscribe"] is None
    assert message["List-Unsubscribe-Post"] is None
    assert message["List-Id"] is None
    page = message.get_body(("html",))
    assert page is not None
    content = page.get_content()
    assert 'href="https://crm.example.com/"' in content
    assert "nurture.test/c/" not in content
    assert "nurture.test/o/" not in content
    assert world.column(sa.select(sa.func.count()).select_from(tables.Send)) == [0]


def test_without_an_owner_whoever_answers_for_the_account_is_told_and_why(world: Telling) -> None:
    world.ask("ana")
    world.write_all()
    assert only(world)["To"] == TEAM
    assert reader(world) == (TEAM, "no_owner")


def test_an_owner_whose_address_is_none_is_stood_in_for(world: Telling) -> None:
    world.ask("ana", owner_email="nobody knows")
    world.write_all()
    assert reader(world) == (TEAM, "no_address")


def test_an_address_that_must_not_be_written_to_is_not_written_to(world: Telling) -> None:
    suppress(world, LAN)
    world.ask("ana", owner_email=LAN.upper())
    world.write_all()
    assert reader(world) == (TEAM, "suppressed")
    assert [one.recipient for one in world.post.taken] == [TEAM]


def test_an_owner_who_unsubscribed_from_a_topic_is_told_all_the_same(world: Telling) -> None:
    suppress(world, LAN, scope="marketing")
    world.ask("ana", owner_email=LAN)
    world.write_all()
    assert reader(world) == (LAN, "")


def test_when_nobody_may_be_written_to_it_fails_and_says_so(world: Telling) -> None:
    suppress(world, TEAM)
    world.ask("ana")
    assert world.write_all() == 0
    assert world.deliveries("notice") == [("failed", 1, "no_reader", 0)]
    assert world.post.taken == []


def test_a_fixed_address_is_told(world: Telling) -> None:
    world.publish(told(to="sales@lotusdesk.example.com"))
    world.ask("ana", owner_email=LAN)
    world.write_all()
    assert only(world)["To"] == "sales@lotusdesk.example.com"


@pytest.mark.parametrize("reply", [LATER, UNCERTAIN, SENDER])
def test_what_the_provider_did_not_surely_take_is_sent_again_as_the_same_message(
    world: Telling, reply: Reply
) -> None:
    world.post.script[TEAM] = [reply]
    world.ask("ana")
    assert world.write_all() == 0
    ((status, _, reason, _),) = world.deliveries("notice")
    assert (status, reason) == ("waiting", f"email {reply.outcome.value}")
    (world.clock.moment,) = world.column(sa.select(D.not_before).where(D.kind == "notice"))
    assert world.now > NOW
    assert world.write_all() == 1
    keys = {one.key for one in world.post.taken}
    assert len(keys) == 1


def test_a_dead_address_fails_at_once_and_suppresses_nobody(world: Telling) -> None:
    world.post.script[LAN] = [HARD]
    ana = world.ask("ana", owner_email=LAN)
    world.write_all()
    outcome = f"email {Outcome.HARD.value}"
    assert world.deliveries("notice") == [("failed", 1, outcome, 550)]
    assert world.scopes(ana) == []
    assert world.column(sa.select(sa.func.count()).select_from(tables.Suppression)) == [0]


def test_a_notice_that_cannot_be_written_fails_and_the_others_leave(world: Telling) -> None:
    world.emails = {**world.emails, **alert(body=BROKEN)}
    world.publish(told())
    world.ask("ana", company="seven")
    world.ask("binh", company=7)
    assert world.write_all() == 1
    assert [row[0] for row in world.deliveries("notice")] == ["failed", "delivered"]
    assert [row[2] for row in world.deliveries("notice")] == ["template", ""]


def test_notices_wait_while_the_provider_is_paused(world: Telling) -> None:
    world.ask("ana")
    with world.deps.database.begin() as tx:
        operations.set_provider_health(tx, world.post.name, Health("paused"), world.now)
    assert world.write_all() == 0
    assert world.deliveries("notice") == [("waiting", 0, "", 0)]
    with world.deps.database.begin() as tx:
        operations.set_provider_health(tx, world.post.name, Health("down", 1, world.now), world.now)
    assert world.write_all() == 1


def test_a_death_before_the_record_loses_no_notice(world: Telling) -> None:
    world.ask("ana")
    assert len(take_notices(world.deps, "m1", world.now)) == 1
    recover_deliveries(world.deps, "m1", world.now)
    (world.clock.moment,) = world.column(sa.select(D.not_before).where(D.kind == "notice"))
    assert world.write_all("m2") == 1


def test_the_link_to_the_contact_follows_the_public_address(world: Telling) -> None:
    world.deps = replace(world.deps, settings=replace(world.deps.settings, public_url="http://x"))
    ana = world.ask("ana")
    world.write_all()
    page = only(world).get_body(("html",))
    assert page is not None
    assert f"http://x/contacts/{ana}" in page.get_content()


BROKEN = """<mjml><mj-body><mj-section><mj-column>
<mj-text>{{ contact.company + 1 }}</mj-text>
</mj-column></mj-section></mj-body></mjml>
"""
