"""Anything that can happen, in any order: what must never be so never is."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from nurture.config import Settings
from nurture.engine.claiming import claim
from nurture.engine.deliver import hand_over
from nurture.engine.reconcile import decide_uncertain, recover
from nurture.engine.suppress import suppress, unsubscribe
from nurture.store import operations
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
from tests.engine.world import DAY, HOUR, MINUTE, E, S, World, opened

NAMES = ("ana", "bo", "cleo")
people = st.integers(0, len(NAMES) - 1)


@dataclass
class Known:
    """The model: what was said to us, and when."""

    stopped: dict[tuple[int, str], datetime] = field(default_factory=dict)


class Machine(RuleBasedStateMachine):
    """Three people, one worker after another, and a world that does what it likes."""

    places: tuple[Settings, Path]

    def __init__(self) -> None:
        super().__init__()
        self._stack = ExitStack()
        made, template = self.places
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "x.db").write_bytes(template.read_bytes())
        home = replace(made, home=folder / "home")
        self.world: World = self._stack.enter_context(opened(home, f"sqlite:///{folder / 'x.db'}"))
        self.ids = self.world.add_many(list(NAMES))
        self.world.place()
        self.known = Known()
        self.worker = 0
        self.bags: list[Any] = []

    def teardown(self) -> None:
        try:
            self._come_to_rest()
        finally:
            self._stack.close()

    # ---- what happens -----------------------------------------------------------------------

    @rule(by=st.sampled_from([MINUTE, HOUR, 5 * HOUR, DAY, 3 * DAY, 20 * DAY]))
    def time_passes(self, by: timedelta) -> None:
        self.world.clock.moment += by

    @rule()
    def the_ticker_ticks(self) -> None:
        self.world.advance()

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

    @rule(who=people, name=st.sampled_from(["click", "form", "demo", "visit"]))
    def somebody_does_something(self, who: int, name: str) -> None:
        self.world.happen(self.ids[who], name, step="hello", sequence="welcome")

    @rule(who=people, key=st.sampled_from("ab"), bought=st.booleans())
    def somebody_shops(self, who: int, key: str, bought: bool) -> None:
        self.world.happen(self.ids[who], "purchase" if bought else "cart_updated", cart_id=key)

    @rule(who=people)
    def an_old_event_is_told_again(self, who: int) -> None:
        assert self.world.happen(self.ids[who], "form", key=f"once-{who}") in (0, 1)
        assert self.world.happen(self.ids[who], "form", key=f"once-{who}") == 0

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
    def nobody_is_in_two_stage_sequences(self) -> None:
        count = sa.func.count()
        live = sa.select(E.contact_id, count).where(E.ended_at.is_(None), E.track != "")
        assert self.world.rows(live.group_by(E.contact_id).having(count > 1)) == []

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
    def the_doctor_finds_nothing(self) -> None:
        found = [one for one in self.world.examine().violations if one.code != "overdue"]
        assert found == []

    def _come_to_rest(self) -> None:
        """Whatever happened: once everything is mended, every live run gets to where it waits."""
        self._bury()
        self.a_person_mends_the_sender()
        self.world.post.script.clear()
        self.a_person_decides_what_is_uncertain(True)
        self.world.drive(self.world.now + 60 * DAY, self._name)
        assert self.world.column(sa.select(E.id).where(E.state.not_in(RESTING))) == []
        assert self.world.column(sa.select(S.id).where(S.status.in_(("queued", "claimed")))) == []
        assert self.world.examine().violations == ()

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


RESTING = ("exhausted", "completed", "exited", "moved", "failed")


def test_whatever_happens_the_rules_hold(migrated_sqlite: Path, settings_of_test: Settings) -> None:
    class Here(Machine):
        places = (settings_of_test, migrated_sqlite)

    run_state_machine_as_test(
        Here,
        settings=settings(
            max_examples=8,
            stateful_step_count=25,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.fixture
def settings_of_test(request: pytest.FixtureRequest) -> Settings:
    """The settings under another name, for `settings` is Hypothesis' word here."""
    made: Settings = request.getfixturevalue("settings")
    return made
