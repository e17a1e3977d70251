"""The suppression list: one door in, and only a person lifts."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.suppress import suppress, unsubscribe
from nurture.engine.work import Work
from nurture.errors import NotFound
from nurture.store import tables
from nurture.store.suppressions import NewSuppression
from tests.engine.world import DAY, NOW, World, opened, sequence


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def test_a_topic_ends_only_the_runs_that_mail_on_it(settings: Settings, database_url: str) -> None:
    news = sequence(
        "cart",
        [{"key": "patience", "wait": "4h"}, {"key": "n", "email": "basket", "topic": "news"}],
        trigger={"event": "visit"},
    )  # fmt: skip
    with opened(settings, database_url) as world:
        world.publish(news)
        ana = world.enroll("ana")
        world.happen(ana, "visit")
        wanted = [NewSuppression(ana, "marketing", "asked", "phone")]
        world.do(lambda work: suppress(work, wanted))
        world.drive(NOW + DAY)
        assert world.mailed("ana") == ["basket"]
        assert [state for _, state, _ in world.states(ana)] == ["exited", "completed"]
        world.assert_sound()


def test_several_scopes_of_one_contact_all_stand(world: World) -> None:
    ana = world.enroll("ana")
    wanted = [
        NewSuppression(ana, "news", "asked", "phone"),
        NewSuppression(ana, "global", "complaint", "provider"),
        NewSuppression(404, "global", "nobody", "provider"),
    ]
    for _ in range(2):
        world.do(lambda work: suppress(work, wanted))
    assert world.scopes(ana) == [
        ("global", "complaint", "provider"), ("news", "asked", "phone"),
    ]  # fmt: skip
    assert world.states(ana) == [("welcome", "exited", "hello")]


def test_what_is_decided_later_in_the_same_transaction_knows_of_it(world: World) -> None:
    ana = world.enroll("ana")

    def body(work: Work) -> bool:
        work.see([ana], history=False)
        suppress(work, [NewSuppression(ana, "global", "erasure", "person")])
        work.wish_stage_sequences(ana)
        return "global" in work.contacts[ana].suppressions

    assert world.do(body)
    assert world.states(ana) == [("welcome", "exited", "hello")]
    world.place()
    assert len(world.states(ana)) == 1


def test_an_unsubscribe_of_an_unknown_email_is_not_found(world: World) -> None:
    with pytest.raises(NotFound):
        unsubscribe(world.deps, 404, world.now)
    assert world.column(sa.select(tables.Suppression.id)) == []


def test_the_log_of_consent_says_by_whom_and_from_where(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    send_id = world.post.taken[0].send_id
    unsubscribe(world.deps, send_id, world.now, ip="192.0.2.7", by="one-click")
    t = tables.Consent
    lines = world.rows(sa.select(t.topic, t.granted, t.source, t.by, t.ip))
    assert lines == [("marketing", False, f"send {send_id}", "one-click", "192.0.2.7")]
    assert world.column(sa.select(tables.Contact.consents)) == [{"marketing": False, "news": True}]
    assert world.scopes(ana) == [("marketing", "unsubscribed", "one-click")]
