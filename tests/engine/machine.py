"""Three people, one worker after another, a marketer, and a world that does what it likes."""

from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

import sqlalchemy as sa
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from nurture.domain import enrollment as e
from nurture.domain.migrating import EXIT, STAY, Choices, Waits
from nurture.domain.resuming import How, Resumption
from nurture.engine import trail
from nurture.engine.claiming import claim
from nurture.engine.deliver import hand_over
from nurture.engine.migrating import carry_out, overview
from nurture.engine.pausing import pause, resume
from nurture.engine.reconcile import decide_uncertain, recover
from nurture.engine.replay import replay
from nurture.engine.suppress import suppress, unsubscribe
from nurture.engine.waking import open_queued, wake_exhausted
from nurture.engine.webhooks import accept, settle_webhooks
from nurture.errors import Refused
from nurture.providers.base import BounceClass, EventKind, ProviderEvent
from nurture.store import examination, operations, tables
from nurture.store.operations import Health
from nurture.store.suppressions import NewSuppression
from tests.engine.scripted_post import (
    ACCEPT,
    HARD,
    LATER,
    POLICY,
    SENDER,
    SOFT,
    UNCERTAIN,
    Killed,
)  # fmt: skip
from tests.engine.world import CART, DAY, DEEPEN, HOUR, MINUTE, WELCOME, E, S, World, sequence

NAMES = ("ana", "bo", "cleo")
people = st.integers(0, len(NAMES) - 1)
spans = st.sampled_from([MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY, 20 * DAY])

NAP = {"key": "nap", "wait": "2h"}
ANSWER = WELCOME["steps"][2]
SIDE = sequence(
    "side",
    [NAP, {"key": "basket", "email": "basket"}, {"key": "rest", "wait": "4d"},
     {"key": "thanks", "email": "thanks"}],
    stage="lead", track="side",
)  # fmt: skip
# What the marketer may make of each sequence: steps come, go and change their places.
EDITIONS: dict[str, list[Any]] = {
    "welcome": [
        WELCOME,
        sequence(
            "welcome",
            [*WELCOME["steps"], {"key": "rest", "wait": "1d"}, {"key": "more", "email": "case"}],
            stage="lead",
        ),
        sequence(
            "welcome",
            [
                {"key": "hello", "email": "hello"},
                NAP,
                {"key": "again", "email": "again"},
                {"key": "rest", "wait": "3d"},
                {"key": "offer", "email": "offer"},
            ],
            stage="lead",
        ),
        sequence(
            "welcome",
            [{"key": "pause", "wait": "1d"}, {**ANSWER, "wait_for": {
                "event": "form", "within": "3d", "yes": "thanks", "no": "again",
            }}, NAP, {"key": "thanks", "email": "thanks", "next": "end"},
            {"key": "again", "email": "again"}],
            stage="lead", returning="restart",
        ),
    ],
    "deepen": [
        DEEPEN,
        sequence(
            "deepen",
            [NAP, {"key": "offer", "email": "offer"}, {"key": "pause", "wait": "6d"},
             {"key": "thanks", "email": "thanks"}],
            stage="mql", returning="resume",
        ),
    ],
    # It goes beside the others, and back among them: its runs follow where there is place.
    "side": [SIDE, {**SIDE, "track": "default", "priority": -1}, {**SIDE, "track": "other"}],
    "cart": [
        CART,
        {**CART, "trigger": {**CART["trigger"], "while_active": "restart"}, "returning": "restart"},
        {**CART, "trigger": {**CART["trigger"], "while_active": "queue"}},
    ],
}  # fmt: skip
keys = st.sampled_from(sorted(EDITIONS))
TOLD = st.sampled_from(
    [
        (EventKind.DELIVERED, None), (EventKind.BOUNCED, BounceClass.HARD),
        (EventKind.BOUNCED, BounceClass.SOFT), (EventKind.COMPLAINED, None),
        (EventKind.UNSUBSCRIBED, None), (EventKind.UNKNOWN, None),
    ]
)  # fmt: skip
RESTING = ("exhausted", "completed", "exited", "moved", "failed")


@dataclass
class Known:
    """The model: what was said to us, and when."""

    stopped: dict[tuple[int, str], datetime] = field(default_factory=dict)
    paused: dict[str, datetime] = field(default_factory=dict)
    #: The runs that were let go together, since when, and how.
    resumed: dict[str, tuple[datetime, How, frozenset[int]]] = field(default_factory=dict)
    untold: list[ProviderEvent] = field(default_factory=list)


class Machine(RuleBasedStateMachine):
    """`place` opens a world of its own for each example."""

    place: Callable[[ExitStack], World]
    #: What was done in all examples, by name: what a report can tell.
    driven: ClassVar[Counter[str]] = Counter()

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        self.world: World = type(self).place(self._stack)
        self.world.publish(SIDE)
        self.ids = self.world.add_many(list(NAMES))
        self.world.place()
        self.known = Known()
        self.worker = 0
        self.bags: list[Any] = []

    def teardown(self) -> None:
        try:
            self._come_to_rest()
        finally:
            self.driven["decisions"] += len(self.world.column(sa.select(tables.Decision.id)))
            self.driven["emails"] += len(self.world.post.taken)
            self._stack.close()

    # ---- time and machines ------------------------------------------------------------------

    @rule(by=spans)
    def time_passes(self, by: timedelta) -> None:
        self.world.clock.moment += by

    @rule(by=spans)
    def everything_works_for_a_while(self, by: timedelta) -> None:
        self.world.drive(self.world.now + by, self._name)

    @rule()
    def the_ticker_ticks(self) -> None:
        self.world.advance()
        open_queued(self.world.deps, self.world.now)
        wake_exhausted(self.world.deps, self.world.now)

    @rule(replies=st.lists(st.sampled_from([HARD, SOFT, POLICY, SENDER, LATER, UNCERTAIN, ACCEPT])))
    def a_worker_delivers(self, replies: list[Any]) -> None:
        for number, reply in enumerate(replies):
            self.world.post.script[f"{NAMES[number % 3]}@example.com"].append(reply)
        self.world.deliver(self._name)

    @rule(place=st.integers(1, 9))
    def a_worker_dies(self, place: int) -> None:
        post = self.world.post
        post.dies_at = post.places + place
        try:
            self.world.deliver(self._name)
        except Killed:
            self._bury()
        post.dies_at = 0

    @rule()
    def a_worker_claims_and_dawdles(self) -> None:
        waiting = self.world.column(sa.select(S.batch_id).where(S.status == "queued").limit(1))
        for batch in waiting:
            one = partial(claim, deps=self.world.deps, worker=self._name, batch_id=batch, limit=1)
            self.bags.append(self.world.do(one))

    @rule()
    def a_dawdling_worker_hands_over(self) -> None:
        for bag in self.bags:
            hand_over(self.world.courier(self._name), bag)
        self.bags.clear()

    # ---- people -----------------------------------------------------------------------------

    @rule(who=people, name=st.sampled_from(["click", "form", "demo", "visit"]), late=st.booleans())
    def somebody_does_something(self, who: int, name: str, late: bool) -> None:
        at = self.world.now - (9 * HOUR if late else timedelta())
        self.world.happen(self.ids[who], name, at=at, step="hello", sequence="welcome")
        self.driven["events"] += 1

    @rule(who=people, key=st.sampled_from("ab"), bought=st.booleans(), late=st.booleans())
    def somebody_shops(self, who: int, key: str, bought: bool, late: bool) -> None:
        at = self.world.now - (2 * HOUR if late else timedelta())
        name = "purchase" if bought else "cart_updated"
        self.world.happen(self.ids[who], name, at=at, cart_id=key)
        self.driven["events"] += 1

    @rule(who=people)
    def an_old_event_is_told_again(self, who: int) -> None:
        assert self.world.happen(self.ids[who], "form", key=f"once-{who}") in (0, 1)
        assert self.world.happen(self.ids[who], "form", key=f"once-{who}") == 0
        self.driven["events"] += 2

    @rule(pick=st.integers(0, 20))
    def somebody_unsubscribes(self, pick: int) -> None:
        if self.world.post.taken:
            letter = self.world.post.taken[pick % len(self.world.post.taken)]
            unsubscribe(self.world.deps, letter.send_id, self.world.now)
            self._stop(letter.recipient, "marketing")

    @rule(who=people)
    def somebody_complains(self, who: int) -> None:
        wanted = [NewSuppression(self.ids[who], "global", "complaint", "test")]
        self.world.do(lambda work: suppress(work, wanted))
        self._stop(f"{NAMES[who]}@example.com", "global")

    @rule(pick=st.integers(0, 20), told=TOLD, times=st.integers(1, 3))
    def the_provider_tells(self, pick: int, told: Any, times: int) -> None:
        if not self.world.post.taken:
            return
        letter = self.world.post.taken[pick % len(self.world.post.taken)]
        kind, bounce = told
        event = ProviderEvent(
            "scripted", f"{kind}-{bounce}-{letter.send_id}", kind, self.world.now,
            letter.send_id, recipient=letter.recipient, bounce=bounce,
        )  # fmt: skip
        for _ in range(times):
            accept(self.world.deps, "scripted", [event], self.world.now)
        self.known.untold.append(event)
        self.driven["webhooks"] += times

    @rule()
    def webhooks_are_settled(self) -> None:
        settle_webhooks(self.world.deps, self.world.now)
        self._tell_stops()

    # ---- the marketer -----------------------------------------------------------------------

    @rule(key=keys, number=st.integers(0, 3))
    def somebody_publishes(self, key: str, number: int) -> None:
        editions = EDITIONS[key]
        self.world.publish(editions[number % len(editions)])
        self.known.resumed.pop(key, None)
        self.driven["versions"] += 1

    @rule(key=keys, way=st.integers(0, 9), waits=st.sampled_from(Waits))
    def somebody_migrates(self, key: str, way: int, waits: Waits) -> None:
        found = overview(self.world.deps, key)
        ways = [EXIT, STAY, *found.definition.sequence.by_key]
        chosen = {step: ways[(way + n) % len(ways)] for n, step in enumerate(found.removed)}
        carry_out(self.world.deps, key, Choices(chosen, waits), "lan", self.world.now)
        self.known.resumed.pop(key, None)
        self.driven["migrations"] += 1

    @rule(key=keys)
    def somebody_pauses(self, key: str) -> None:
        pause(self.world.deps, key, "a typo", "lan", self.world.now)
        self.known.paused.setdefault(key, self.world.now)

    @rule(key=keys, how=st.sampled_from(How))
    def somebody_resumes(self, key: str, how: How) -> None:
        q = tables.Sequence
        stopped = sa.select(E.id).join(q, q.id == E.sequence_id)
        stopped = stopped.where(q.key == key, E.frozen_at.is_not(None))
        frozen = frozenset(self.world.column(stopped))
        try:
            resume(self.world.deps, key, "lan", self.world.now, Resumption(how))
        except Refused:
            assert key not in self.known.paused
            return
        self.known.paused.pop(key, None)
        self.known.resumed[key] = (self.world.now, how, frozen)
        self.driven["resumes"] += 1

    @rule(arrived=st.booleans())
    def a_person_decides_what_is_uncertain(self, arrived: bool) -> None:
        for send_id in self.world.column(sa.select(S.id).where(S.status == "uncertain")):
            decide_uncertain(self.world.deps, send_id, arrived, self.world.now)

    @rule()
    def a_person_mends_the_sender(self) -> None:
        with self.world.deps.database.begin() as tx:
            name = self.world.post.name
            operations.set_provider_health(tx, name, Health("ok"), self.world.now)

    @rule()
    def everybody_is_placed_again(self) -> None:
        self.world.place()

    # ---- what must never be so --------------------------------------------------------------

    @invariant()
    def no_step_was_mailed_twice_by_one_run(self) -> None:
        sent = [email.send_id for email in self.world.post.taken]
        assert len(sent) == len(set(sent))

    @invariant()
    def nobody_is_in_two_stage_sequences_of_a_track(self) -> None:
        count = sa.func.count()
        live = sa.select(E.contact_id, E.track, count).where(E.ended_at.is_(None), E.track != "")
        live = live.group_by(E.contact_id, E.track)
        assert self.world.rows(live.having(count > 1)) == []

    @invariant()
    def nothing_was_claimed_after_a_stop(self) -> None:
        claims = self.world.rows(
            sa.select(S.contact_id, S.topic, S.claimed_at).where(S.status == "accepted")
        )
        for contact_id, topic, claimed_at in claims:
            for scope in ("global", topic):
                at = self.known.stopped.get((contact_id, scope))
                assert at is None or claimed_at <= at

    @invariant()
    def nothing_was_claimed_in_a_pause(self) -> None:
        q = tables.Sequence
        claims = sa.select(q.key, sa.func.max(S.claimed_at)).join(E, E.id == S.enrollment_id)
        for key, latest in self.world.rows(
            claims.join(q, q.id == E.sequence_id).group_by(q.key)
        ):  # fmt: skip
            since = self.known.paused.get(key)
            assert since is None or latest is None or latest <= since

    @invariant()
    def nothing_bursts_when_a_pause_ends(self) -> None:
        for since, how, runs in self.known.resumed.values():
            claims = sa.select(S.enrollment_id, S.contact_id).where(
                S.enrollment_id.in_(runs), S.claimed_at > since, S.claimed_at < since + HOUR
            )
            found = self.world.rows(claims)
            assert max(Counter(run for run, _ in found).values(), default=0) <= 1
            if how is How.CATCH_UP:
                assert max(Counter(who for _, who in found).values(), default=0) <= 1

    @invariant()
    def no_run_takes_both_branches(self) -> None:
        with self.world.deps.database.read() as tx:
            for run, decisions in examination.decided(tx, 0, 10_000):
                told = [trail.load(one) for one in decisions]
                paths = Counter(one.step for one in told if isinstance(one, e.Take))
                arrivals = Counter(one.step for one in told if isinstance(one, e.Meet))
                assert all(paths[step] <= max(1, arrivals[step]) for step in paths), run

    @invariant()
    def replaying_everything_gives_what_stands(self) -> None:
        assert replay(self.world.deps, self.world.now).differences == ()

    @invariant()
    def the_doctor_finds_nothing(self) -> None:
        found = [one for one in self.world.examine().violations if one.code not in LATE]
        assert found == []
        self.driven["steps"] += 1

    def _come_to_rest(self) -> None:
        """Whatever happened: once everything is mended, every live run gets to where it waits."""
        self._bury()
        for key in list(self.known.paused):
            self.somebody_resumes(key, How.SHIFT)
        self.a_person_mends_the_sender()
        self.world.post.script.clear()
        self.a_person_decides_what_is_uncertain(True)
        for _ in range(3):
            self.the_ticker_ticks()
            self.webhooks_are_settled()
            self.world.drive(self.world.now + 40 * DAY, self._name)
        assert self.world.column(sa.select(E.id).where(E.state.not_in(RESTING))) == []
        assert self.world.column(sa.select(S.id).where(S.status.in_(("queued", "claimed")))) == []
        assert self.world.examine().violations == ()
        assert replay(self.world.deps, self.world.now).differences == ()

    @property
    def _name(self) -> str:
        return f"w{self.worker}"

    def _bury(self) -> None:
        recover(self.world.deps, self._name, self.world.now)
        self.bags.clear()
        self.worker += 1

    def _stop(self, address: str, scope: str) -> None:
        key = (self.ids[NAMES.index(address.partition("@")[0])], scope)
        self.known.stopped.setdefault(key, self.world.now)

    def _tell_stops(self) -> None:
        """Remember what must stand now that webhooks were settled."""
        for event in self.known.untold:
            if event.kind is EventKind.COMPLAINED or event.bounce is BounceClass.HARD:
                self._stop(event.recipient, "global")
            elif event.kind is EventKind.UNSUBSCRIBED:
                self._stop(event.recipient, "marketing")
        self.known.untold.clear()


LATE = frozenset({"overdue"})
