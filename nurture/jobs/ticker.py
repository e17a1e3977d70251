"""The ticker: looks every moment what is due, and does what nobody else was woken for.

Any number of tickers may run: everything here claims what it works on in the database.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from nurture.engine import presence
from nurture.engine.advance import CHUNK, advance_around, wake_waiting
from nurture.engine.dependencies import Dependencies
from nurture.engine.experiments import look as look_at_experiments
from nurture.engine.funnel_telling import tell as tell_of_funnel
from nurture.engine.guarding import guard
from nurture.engine.hits import settle_hits
from nurture.engine.record import CHUNK as FALLEN
from nurture.engine.record import fallen
from nurture.engine.repairs import check_everybody, check_up
from nurture.engine.segment_building import CHUNK as TURNS
from nurture.engine.segment_building import build, turn
from nurture.engine.unconfirmed import forget_unconfirmed
from nurture.engine.waking import open_queued, wake_exhausted
from nurture.engine.webhooks import settle_webhooks
from nurture.engine.wishing import answer_wishes
from nurture.jobs.chores import Chore, Chores
from nurture.jobs.lifeline import Stop
from nurture.jobs.presence import Presence, recover_dead

log = logging.getLogger(__name__)

# Chunks of one kind of work in one round, so that a mountain of it does not hide the rest.
MOST_CHUNKS: Final = 20
HITS: Final = 500
WEBHOOKS: Final = 500
# Deaths on this machine are seen by the supervisor at once; this is for all others.
LOOKS_FOR_THE_DEAD_EVERY: Final = 5.0  # seconds
SWEEPS_EVERY: Final = 600.0  # seconds
WAKES_EVERY: Final = 10.0  # seconds
# An experiment may conclude something when its smallest arm has doubled, so seldom will do.
LOOKS_AT_EXPERIMENTS: Final = 30.0  # seconds
GUARDS_EVERY: Final = 10.0  # seconds
CHECKS_EVERY: Final = 300.0  # seconds
FORGETS_EVERY: Final = 600.0  # seconds
# This one reads every live run and every contact.
CHECKS_EVERYBODY_EVERY: Final = 3600.0  # seconds


def chores(deps: Dependencies) -> Sequence[Chore]:
    """What a ticker does in each round."""

    def at_now(use_case: Callable[[Dependencies, datetime], int]) -> Callable[[], int]:
        return lambda: use_case(deps, deps.clock.now())

    return [
        Chore("moving due runs on", lambda: drain(lambda: _advance(deps), CHUNK)),
        Chore("judging hits", lambda: drain(lambda: _hits(deps), HITS)),
        Chore("settling webhooks", lambda: drain(lambda: _webhooks(deps), WEBHOOKS)),
        Chore("looking at whom time changes", lambda: drain(lambda: _fallen(deps), FALLEN)),
        Chore("looking at segments", lambda: drain(lambda: _segments(deps), TURNS)),
        Chore("telling of a new funnel", at_now(tell_of_funnel)),
        Chore("building segments", at_now(build)),
        Chore("answering wishes", at_now(answer_wishes)),
        Chore("waking workers", at_now(wake_waiting), every=deps.settings.tick_seconds / 2),
        Chore("waking the exhausted", at_now(wake_exhausted), every=WAKES_EVERY),
        Chore("opening what was queued", at_now(open_queued), every=WAKES_EVERY),
        Chore("guarding", at_now(guard), every=GUARDS_EVERY),
        Chore("checking up", at_now(check_up), every=CHECKS_EVERY),
        Chore("checking everybody", at_now(check_everybody), every=CHECKS_EVERYBODY_EVERY),
        Chore("forgetting the unconfirmed", at_now(forget_unconfirmed), every=FORGETS_EVERY),
        Chore("looking at experiments", at_now(look_at_experiments), every=LOOKS_AT_EXPERIMENTS),
        Chore(
            "recovering the dead",
            lambda: len(recover_dead(deps, deps.clock.now())),
            every=LOOKS_FOR_THE_DEAD_EVERY,
        ),
        Chore("forgetting journals", lambda: presence.forget(deps), every=SWEEPS_EVERY),
    ]


def drain(chunk: Callable[[], int], full: int) -> int:
    """Do chunks until one is not full; return how much there was to do in all."""
    total = 0
    for _ in range(MOST_CHUNKS):
        found = chunk()
        total += found
        if found < full:
            break
    return total


def run(deps: Dependencies, name: str, stop: Stop) -> int:
    """Tick until asked to stop; return the exit status."""
    tick = deps.settings.tick_seconds
    turn = Chores(chores(deps), first_wait=tick)
    with Presence(deps, name, "ticker"):
        while not stop():
            # A round that stopped at its bound has left work behind: no pause then.
            behind = turn.round() >= MOST_CHUNKS * min(CHUNK, HITS, WEBHOOKS)
            stop.wait(0 if behind else tick)
    deps.database.close()
    return 0


def _advance(deps: Dependencies) -> int:
    done = advance_around(deps, deps.clock.now(), CHUNK)
    return done.moved + done.failed


def _fallen(deps: Dependencies) -> int:
    return fallen(deps, deps.clock.now())


def _hits(deps: Dependencies) -> int:
    return settle_hits(deps, deps.clock.now(), HITS)


def _segments(deps: Dependencies) -> int:
    return turn(deps, deps.clock.now(), TURNS)


def _webhooks(deps: Dependencies) -> int:
    return settle_webhooks(deps, deps.clock.now(), WEBHOOKS)
