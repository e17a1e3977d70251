"""Erasing a contact: what ends, what stays counted, and what cannot come back."""

from collections.abc import Iterator
from contextlib import suppress as ignoring
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from nurture.config import Settings
from nurture.engine.addresses import ERASURE, address_key
from nurture.engine.claiming import claim
from nurture.engine.deliver import hand_over
from nurture.engine.deliveries import retry_delivery, settle_webhooks, take_webhooks
from nurture.engine.erasing import Outcome, erase, foresee
from nurture.engine.experiments import reports
from nurture.engine.explain import explain, find_contact
from nurture.engine.intake import Taken, take_events
from nurture.engine.publish import place_contacts
from nurture.engine.quarantine import quarantine_events
from nurture.engine.reconcile import recover
from nurture.engine.record import fallen
from nurture.engine.replay import replay
from nurture.engine.suppress import lift, suppress, unsubscribe
from nurture.engine.transactions import committed
from nurture.engine.view import correspondence, view
from nurture.errors import Conflict, Invalid, NotFound
from nurture.providers.calling import Answered
from nurture.providers.inbox_mail import Arrival, Inbox
from nurture.store import gone, ledger, progress, reports_contacts, sequence_reports, tables
from nurture.store.reports_contacts import Wanted
from nurture.store.suppressions import NewSuppression
from tests.engine.importing_world import contacts, import_world, imported
from tests.engine.scripted_post import HARD, SOFT, Killed, Reply
from tests.engine.telling_world import telling
from tests.engine.world import DAY, HOUR, NOW, E, S, World, opened, sequence

ANA = "ana@example.com"
C, T, H = tables.Contact, tables.Suppression, tables.Hit
SPLIT = sequence(
    "trial",
    [
        {
            "key": "colour",
            "split": {
                "arms": [{"key": key, "weight": 1, "to": "n"} for key in ("a", "b")],
                "measure": {
                    "event": "bought", "where": {"plan": "pro*"}, "within": "1d", "minimum": 20,
                },
            },
        },
        {"key": "n", "email": "basket"},
    ],
    trigger={"event": "tried"},
)  # fmt: skip


@pytest.fixture
def world(settings: Settings, database_url: str) -> Iterator[World]:
    with opened(settings, database_url) as made:
        yield made


def gone_of(world: World, address: str = ANA, **more: Any) -> Any:
    return erase(world.deps, address, by="lan", why="request 7", now=world.now, **more)


def figures(world: World) -> dict[str, Any]:
    """What reports count: sends, opens, clicks, stage history, arms and sequences."""
    with world.deps.database.read() as tx:
        every = sequence_reports.sequences(tx)
        g = tables.StageChange
        history = sa.select(g.start, g.to, g.kind, sa.func.count()).group_by(g.start, g.to, g.kind)
        totals = progress.totals(tx)
        return {
            "reading": sequence_reports.reading(tx, NOW - DAY),
            "steps": {one.key: sequence_reports.step_reading(tx, one.id) for one in every},
            "endings": {one.key: sequence_reports.endings(tx, one.id) for one in every},
            "history": sorted(tuple(row) for row in tx.execute(history)),
            "totals": (totals.sends, totals.runs, totals.events, totals.moves),
            "experiments": [(one.shown, one.measured) for one in reports(world.deps, world.now)],
        }


def lived(world: World) -> int:
    """Two lives with opens, clicks, a cart, an experiment and a move; return Ana."""
    world.publish(SPLIT)
    ana, ben = world.enroll("ana"), world.enroll("ben")
    for key in (ana, ben):
        world.happen(key, "tried")
    world.drive(NOW + HOUR)
    for key in (ana, ben):
        world.happen(key, "bought", plan="professional", who="Ana")
        world.happen(key, "open", step="hello", sequence="welcome")
        world.click(key, "hello")
        world.happen(key, "cart_updated", cart_id="ana's cart")
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(tables.Event).where(tables.Event.name.in_(("open", "click"))).values(
            source="tracking", send_id=1))  # fmt: skip
    world.happen(ana, "form", who="Ana")
    world.drive(NOW + 3 * DAY)
    return ana


def test_runs_end_nothing_more_is_sent_and_the_books_balance(world: World) -> None:
    ana = lived(world)
    world.happen(ana, "cart_updated", cart_id="another")
    done = gone_of(world)
    assert (done.outcome, done.live_runs) == (Outcome.ERASED, 2)
    assert {state for _, state, _ in world.states(ana)} <= {"completed", "exited", "moved"}
    before = world.mailed("ana")
    world.drive(world.now + 30 * DAY)
    place_contacts(world.deps, world.now)
    world.work()
    assert world.mailed("ana") == before
    assert replay(world.deps, world.now).differences == ()
    assert world.examine().findings == ()


def test_what_was_not_taken_by_a_worker_is_cancelled(world: World) -> None:
    ana = world.enroll("ana")
    world.advance()
    gone_of(world)
    assert world.sends(ana) == [("hello", "cancelled", "Withdrawn erasure")]
    assert world.states(ana) == [("welcome", "exited", "hello")]
    assert world.deliver() == 0
    world.assert_sound()


def test_totals_are_what_they_were(world: World) -> None:
    ana = lived(world)
    world.drive(world.now + 40 * DAY)
    # Exhausted runs wait for more content; this one ends first, so that nothing else differs.
    world.do(lambda work: suppress(work, [NewSuppression(ana, "global", "asked", "phone")]))
    assert not world.column(sa.select(E.id).where(E.contact_id == ana, E.ended_at.is_(None)))
    before = figures(world)
    (report,) = before["experiments"]
    assert sum(one.successes for one in report[1][0].seen) == 2
    gone_of(world)
    assert figures(world) == before


def test_a_second_time_and_a_stranger_change_nothing(world: World) -> None:
    lived(world)
    assert foresee(world.deps, ANA).outcome is Outcome.ERASED
    assert gone_of(world).outcome is Outcome.ERASED
    rows = world.rows(sa.select(T.__table__))
    world.clock.moment += DAY
    assert foresee(world.deps, ANA).at == world.column(sa.select(T.at))[0]
    for _ in range(2):
        again = gone_of(world, " Ana@Example.COM ")
        assert (again.outcome, again.rows) == (Outcome.ALREADY, {})
    assert gone_of(world, "nobody@example.com").outcome is Outcome.UNKNOWN
    assert world.rows(sa.select(T.__table__)) == rows
    lines = world.column(sa.select(tables.Audit.id).where(tables.Audit.what == "erase contact"))
    assert len(lines) == 1


def test_a_dry_look_writes_nothing(world: World) -> None:
    lived(world)
    told = foresee(world.deps, ANA)
    assert told.rows["send"] >= 2
    assert told.live_runs == 1
    assert world.column(sa.select(C.email)) == [ANA, "ben@example.com"]
    assert world.column(sa.select(T.id)) == []


REFUSED = [
    ("nobody", "lan", ""),
    (ANA, "", ""),
    (ANA, "lan", f"{ANA.upper()} asked"),
    (ANA, ANA, ""),
    (ANA, "lan", "x" * 501),
    (ANA, "lan", "a\0"),
]


def test_what_cannot_be_put_on_record_is_refused(world: World) -> None:
    world.enroll("ana")
    for address, by, why in REFUSED:
        with pytest.raises(Invalid):
            erase(world.deps, address, by=by, why=why, now=world.now)
    assert world.column(sa.select(C.email)) == [ANA]


def test_whoever_was_barred_before_is_erased_and_stays_barred(world: World) -> None:
    ana = world.enroll("ana")
    world.work()
    world.post.script[ANA] = [HARD]
    unsubscribe(world.deps, world.post.taken[0].send_id, world.now)
    gone_of(world)
    key = address_key(world.deps.secrets, ANA)
    live = sa.select(T.scope, T.reason).where(T.address_key == key, T.lifted_at.is_(None))
    assert world.rows(live) == [("global", ERASURE)]
    assert world.scopes(ana) == []


# ---- what comes afterwards -----------------------------------------------------------------


def test_the_api_answers_plainly_and_stores_nothing(world: World) -> None:
    lived(world)
    gone_of(world)
    before = world.column(sa.select(tables.Event.id))
    for at in (world.now, world.now + DAY):
        item = {"email": ANA, "event": "form", "id": str(at), "at": at.isoformat(),
                "properties": {"name": "Ana"}}  # fmt: skip
        assert take_events(world.deps, [item], world.now) == Taken(0, 0, 1)
    assert world.column(sa.select(tables.Event.id)) == before
    assert world.column(sa.select(tables.Quarantined.id)) == []


def test_an_event_that_was_read_before_the_erasure_is_dropped(world: World) -> None:
    ana = world.enroll("ana")
    late = world.event(ana, "form", who="Ana")
    gone_of(world)
    assert world.happen(ana, "form", who="Ana") == 0
    assert quarantine_events(world.deps, [late], world.now) == 0
    assert world.column(sa.select(tables.Event.id)) == []
    assert world.column(sa.select(tables.Quarantined.id)) == []


def test_the_rules_find_nobody_however_often_they_look(world: World) -> None:
    ana = lived(world)
    gone_of(world)
    with world.deps.database.begin() as tx:
        everybody = tx.execute(sa.select(tables.Standing.contact_id)).scalars().all()
        ledger.look_again(tx, everybody, world.now)
    assert fallen(world.deps, world.now) == 1
    assert fallen(world.deps, world.now) == 0
    place_contacts(world.deps, world.now)
    assert world.column(sa.select(C.persona).where(C.id == ana)) == [""]
    with pytest.raises(NotFound):
        explain(world.deps, ana, world.now)
    for wanted in (str(ana), ANA, f"erased:{ana}"):
        with pytest.raises(NotFound):
            find_contact(world.deps, wanted)
    with world.deps.database.read() as tx:
        assert reports_contacts.total(tx, Wanted()) == 1
        assert reports_contacts.erased_at(tx, ana) is not None


def test_whoever_unsubscribes_afterwards_is_heard_and_learns_nothing(world: World) -> None:
    world.enroll("ana")
    world.work()
    email = world.post.taken[0]
    gone_of(world)
    assert unsubscribe(world.deps, email.send_id, world.now, ip="192.0.2.9") == "marketing"
    assert world.column(sa.select(tables.Consent.ip)) == []
    about = correspondence(world.deps, email.send_id)
    assert (about.is_erased, about.address, about.is_subscribed) == (True, "", False)
    email_id = world.column(sa.select(S.email_id))[0]
    with pytest.raises(NotFound):
        view(world.deps, email_id, email.send_id, world.now)


@pytest.mark.parametrize("reply", [Reply(HARD.outcome, 550, f"<{ANA}> no"), SOFT])
def test_a_send_in_a_workers_hands_finishes_and_brings_nothing_back(
    world: World, reply: Reply
) -> None:
    ana = world.enroll("ana")
    world.advance()
    bag = claimed(world)
    gone_of(world)
    assert world.sends(ana) == [("hello", "claimed", "")]
    world.post.script[ANA] = [reply]
    world.clock.moment += HOUR
    assert hand_over(world.courier(), bag) == 1
    ((status, detail),) = world.rows(sa.select(S.status, S.detail))
    assert status in ("refused", "cancelled")
    assert detail == ""
    assert world.column(sa.select(tables.Event.id)) == []
    assert world.rows(sa.select(T.reason)) == [(ERASURE,)]
    assert world.examine().findings == ()
    assert replay(world.deps, world.now).differences == ()


def claimed(world: World) -> Any:
    (batch,) = world.column(sa.select(tables.Batch.id))
    take = partial(claim, deps=world.deps, worker="w1", batch_id=batch)
    return committed(world.deps, world.now, take)


def test_what_was_accepted_meanwhile_counts_and_the_run_stays_over(world: World) -> None:
    ana = world.enroll("ana")
    world.advance()
    bag = claimed(world)
    gone_of(world)
    hand_over(world.courier(), bag)
    assert world.sends(ana) == [("hello", "accepted", "")]
    assert world.states(ana) == [("welcome", "exited", "hello")]
    assert replay(world.deps, world.now).differences == ()
    world.assert_sound()


def test_a_worker_that_died_with_an_email_in_hand_is_settled(world: World) -> None:
    ana = world.enroll("ana")
    world.advance()
    world.post.dies_at = 3
    with ignoring(Killed):
        world.deliver()
    gone_of(world)
    recover(world.deps, "w1", world.now)
    ((_, status, _),) = world.sends(ana)
    assert status == "uncertain"
    assert {one.code for one in world.examine().findings} == {"uncertain"}
    assert replay(world.deps, world.now).differences == ()


def test_a_send_after_the_erasure_would_be_found(world: World) -> None:
    world.enroll("ana")
    world.work()
    gone_of(world)
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(S).values(claimed_at=world.now + HOUR))
    assert [one.code for one in world.examine().findings] == ["mailed_after_suppression"]


def test_webhooks_and_notices_about_them_are_cancelled(
    settings: Settings, database_url: str
) -> None:
    with telling(settings, database_url, crm="http://127.0.0.1:9/") as world:
        world.ask("ana", company="Ana's")
        errands = take_webhooks(world.deps, "m1", {}, world.now)
        gone_of(world)
        assert {row[0] for row in world.deliveries("notice")} == {"cancelled"}
        answers = [(one.claimed, Answered("status", 500, "Ana's is wrong")) for one in errands]
        settle_webhooks(world.deps, "m1", answers, world.now)
        d, p = tables.Delivery, tables.EndpointState
        assert world.rows(sa.select(d.status, d.payload, d.detail).order_by(d.id)) == [
            ("cancelled", {}, ""), ("cancelled", {}, ""),
        ]  # fmt: skip
        assert "Ana" not in "".join(world.column(sa.select(p.detail)))
        with pytest.raises(Conflict, match="erased"):
            retry_delivery(world.deps, 1, by="lan", now=world.now)
        assert world.write_all() == 0
        assert not take_webhooks(world.deps, "m1", {}, world.now + DAY)


# ---- imports, the list, and the inbox --------------------------------------------------------


@pytest.fixture
def shop(settings: Settings, database_url: str, tmp_path: Path) -> Iterator[Any]:
    made = import_world(settings, database_url, tmp_path)
    yield made
    made.close()


def test_an_import_neither_stores_nor_mails_them_again(shop: Any) -> None:
    now = NOW + DAY
    imported(shop.deps, "email,name\nana@example.com,Ana\nben@example.com,Ben\n")
    erase(shop.deps, ANA, by="lan", why="", now=now)
    result = imported(shop.deps, "email,name\nANA@example.com,Ana\n", now=now)
    assert result.counts["rejected"] == 1
    assert result.rejected_samples[0].reason.code == "erased"
    assert ANA not in contacts(shop.deps)


def test_who_was_never_known_is_barred_when_that_is_asked_for(shop: Any) -> None:
    done = erase(shop.deps, ANA, by="lan", why="", now=NOW, bar=True)
    assert done.outcome is Outcome.BARRED
    assert erase(shop.deps, ANA, by="lan", why="", now=NOW, bar=True).outcome is Outcome.ALREADY
    assert imported(shop.deps, "email\nana@example.com\n").counts["rejected"] == 1
    assert contacts(shop.deps) == {}


def test_only_a_person_lets_them_in_again_and_they_begin_as_somebody_new(shop: Any) -> None:
    imported(shop.deps, "email,name\nana@example.com,Ana\n")
    old = contacts(shop.deps)[ANA]
    erase(shop.deps, ANA, by="lan", why="", now=NOW)
    with shop.deps.database.read() as tx:
        (key,) = tx.execute(sa.select(T.id).where(T.reason == ERASURE)).scalars()
    lift(shop.deps, key, "lan", "asked to come back", NOW + DAY)
    result = imported(shop.deps, "email,name\nana@example.com,Anh\n", now=NOW + DAY)
    assert result.counts["created"] == 1
    new = contacts(shop.deps)[ANA]
    assert (new["fields"]["first_name"], new["runs"]) == ("Anh", 1)
    assert old["fields"] != new["fields"]
    again = erase(shop.deps, ANA, by="lan", why="", now=NOW + 2 * DAY)
    assert again.outcome is Outcome.ERASED


def test_files_of_rejected_rows_that_name_them_are_told(shop: Any, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.csv"
    imported(shop.deps, "email,note\nANA@example.com,x\n", source="", rejects=rejects)
    if not rejects.exists():
        pytest.fail("nothing was rejected")
    found = erase(shop.deps, ANA, by="lan", why="", now=NOW)
    assert (found.outcome, found.files) == (Outcome.UNKNOWN, (rejects,))


def test_the_local_inbox_is_emptied_and_keeps_what_the_books_need(world: World) -> None:
    world.enroll("ana")
    raw = b"Message-ID: <%d@x>\r\nSubject: Hi Ana\r\n\r\nDear Ana"
    path = world.deps.settings.home / "inbox.sqlite3"
    with Inbox(path) as inbox:
        for number, to in enumerate(("Ana@example.com", "ben@example.com"), 1):
            inbox.keep([Arrival(NOW, "bounce@x", (to,), raw % number)])
        inbox.refuse(ANA, "550 5.1.1 No such user")
        assert inbox.copies("nobody@example.com", ["2", "9"]) == (2,)
    assert foresee(world.deps, ANA).mails == 1
    assert gone_of(world).mails == 1
    assert gone_of(world).mails == 0
    with Inbox(path) as inbox:
        emptied = inbox.mail(1)
        assert emptied is not None
        assert (emptied.recipient, emptied.subject, emptied.raw) == ("", "", b"")
        assert [one.recipient for one in inbox.since(0)] == ["ben@example.com"]
        assert [one.recipient for one in inbox.newest()] == ["ben@example.com"]
        assert inbox.count() == 1
        assert inbox.refusal(ANA) is None
        assert [number for number, _ in inbox.message_ids()] == ["<1@x>", "<2@x>"]


def test_hits_that_come_late_or_lie_unjudged_are_dropped(world: World) -> None:
    world.enroll("ana")
    world.work()
    gone_of(world)
    row = {"hit_key": "k", "send_id": 1, "kind": "click", "at": NOW, "method": "GET",
           "ip": "192.0.2.1", "headers": {}, "settle_at": NOW, "reasons": []}  # fmt: skip
    with world.deps.database.begin() as tx:
        tx.execute(sa.insert(H).values(row))
        assert gone.drop_hits(tx, [1]) == 1
