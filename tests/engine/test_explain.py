"""Explanations agree with what they explain, on both databases."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from math import fsum

import pytest
import sqlalchemy as sa
from flask import Flask

from nurture.domain.enrollment import LIVE
from nurture.domain.fit import temperature
from nurture.domain.scoring import engagement
from nurture.engine.dependencies import Dependencies
from nurture.engine.explain import Explanation, engagements, explain, find_contact
from nurture.errors import NotFound
from nurture.providers.inbox_mail import FILE, Inbox
from nurture.store import ledger, tables
from nurture.web.app import WebDependencies, create_app
from nurture.web.i18n import use_language
from nurture.web.names import Names
from nurture.web.telling import because, foreseen, fork, outcome, way
from tests.web.people import CHEAP, AccountsInMemory, StandingClock
from tests.web.planted import engine
from tests.web.seed import CONTACTS, Carrier, Gardener

__all__ = ["engine"]


@pytest.fixture
def clock() -> StandingClock:
    return StandingClock()


wall = clock


def everybody(deps: Dependencies) -> Iterator[Explanation]:
    for contact_id in range(1, CONTACTS + 1):
        yield explain(deps, contact_id, deps.clock.now())


def test_the_parts_of_every_score_sum_to_the_number_shown(anywhere: Dependencies) -> None:
    totals = engagements(anywhere, range(1, CONTACTS + 1), anywhere.clock.now())
    scored = 0
    for told in everybody(anywhere):
        heaps = told.score.heaps
        assert fsum(heap.total for heap in heaps) == pytest.approx(told.score.total, abs=1e-9)
        for heap in heaps:
            assert fsum(line.now for line in heap.lines) == pytest.approx(heap.raw, abs=1e-9)
            assert heap.total == heap.raw or heap.capped
        assert told.score.total == totals[told.profile.id]
        scored += bool(heaps)
    assert scored > CONTACTS / 2


def test_every_entry_tells_what_the_contact_did(anywhere: Dependencies) -> None:
    for told in everybody(anywhere):
        for heap in told.score.heaps:
            for line in heap.lines:
                assert line.occurrence is not None
                assert line.names["vi"]
                assert line.occurrence.occurred_at == line.occurred_at


def test_a_crossing_comes_when_it_is_foretold(anywhere: Dependencies) -> None:
    found = 0
    for told in everybody(anywhere):
        crossing = told.score.crossing
        if crossing is None:
            continue
        found += 1
        with anywhere.database.read() as tx:
            entries = ledger.entries(tx, [told.profile.id])[told.profile.id]
        funnel = told.funnel
        then = engagement(entries, funnel.groups, funnel.limits, crossing.at).total
        assert then < crossing.threshold
        if crossing.temperature:
            warmth = temperature(told.score.temperature, then, funnel.warmth)
            assert warmth == crossing.temperature
    assert found > 0


def test_fit_is_told_by_every_rule(anywhere: Dependencies) -> None:
    for told in everybody(anywhere):
        fit = told.fit
        shown = [rule.key for rule in (*fit.held, *fit.missed)]
        assert sorted(shown) == sorted(rule.key for rule in told.funnel.fit_rules)
        assert fsum(rule.points for rule in fit.held) == fit.total


def test_every_send_is_explained_once(anywhere: Dependencies) -> None:
    with anywhere.database.read() as tx:
        t = tables.Send
        sent = {row.id: row.contact_id for row in tx.execute(sa.select(t.id, t.contact_id))}
    told = [touch for one in everybody(anywhere) for touch in one.touches]
    with_send = [touch.send_id for touch in told if touch.send_id]
    assert sorted(with_send) == sorted(sent)
    assert {touch.because.code for touch in told if touch.send_id} - {"moved_on"}
    assert "moved_on" not in {touch.because.code for touch in told}
    assert {"accepted", "bounced", "uncertain", "failed", "refused"} <= {t.outcome for t in told}
    assert all(touch.reason for touch in told if touch.outcome in ("skipped", "cancelled"))


def test_every_live_run_has_a_way_on(anywhere: Dependencies) -> None:
    live = 0
    for told in everybody(anywhere):
        assert [run.state in LIVE for run in told.ahead] == [True] * len(told.ahead)
        for run in told.ahead:
            live += 1
            assert run.ways
            if run.state == "awaiting":
                assert [way.when for way in run.ways] == ["answer", "no_answer"]
    assert live > CONTACTS / 2


@pytest.mark.parametrize("language", ["vi", "en"])
def test_every_explanation_has_its_words(anywhere: Dependencies, language: str) -> None:
    app = words_of(anywhere)
    with app.app_context():
        use_language("vi" if language == "vi" else "en")
        for told in everybody(anywhere):
            names = Names.of(told)
            for touch in told.touches:
                assert because(touch.because, names)
                assert outcome(touch, names).endswith(".")
                assert names.email(touch.template, told.subject(touch)) != touch.template
                assert all(fork(taken, names) for taken in touch.paths)
            for run in told.ahead:
                for ahead in run.ways:
                    assert way(ahead)
                    assert all(foreseen(one, names) for one in ahead.then)


def words_of(deps: Dependencies) -> Flask:
    given = WebDependencies(
        settings=deps.settings,
        secrets=deps.secrets,
        accounts=AccountsInMemory(),
        engine=deps,
        clock=deps.clock,
        passwords=CHEAP,
    )
    return create_app(given)


def test_an_explanation_of_an_earlier_day_knows_nothing_later(anywhere: Dependencies) -> None:
    now = anywhere.clock.now()
    whole = explain(anywhere, 31, now)
    middle = whole.touches[len(whole.touches) // 2].at
    earlier = explain(anywhere, 31, middle)
    assert 0 < len(earlier.touches) < len(whole.touches)
    assert all(touch.at <= middle for touch in earlier.touches)
    dates = [line.occurred_at for heap in earlier.score.heaps for line in heap.lines]
    assert all(at <= middle for at in dates)


def test_an_explanation_of_an_earlier_day_tells_the_stage_of_then(anywhere: Dependencies) -> None:
    t = tables.StageChange
    with anywhere.database.read() as tx:
        moves = tx.execute(
            sa.select(t.contact_id, t.start, t.to, t.at).where(t.refused == "").order_by(t.id)
        ).all()
    steps: dict[tuple[int, datetime], tuple[str, str]] = {}
    for contact_id, start, to, at in moves:
        # Several steps may be taken in one moment.
        steps[contact_id, at] = (steps.get((contact_id, at), (start, ""))[0], to)
    assert steps
    for (contact_id, at), (start, to) in steps.items():
        before = explain(anywhere, contact_id, at - timedelta(microseconds=1)).contact.standing
        then = explain(anywhere, contact_id, at).contact.standing
        assert before is not None
        assert then is not None
        assert (before.stage, then.stage, then.since) == (start, to, at)


def test_what_is_foretold_happens(engine: Dependencies, clock: StandingClock) -> None:
    """Everybody keeps still for three days: exactly what was foretold for them is sent."""
    now = clock.now()
    foretold = {
        (told.profile.id, one.template)
        for told in everybody(engine)
        for run in told.ahead
        for ahead in run.ways
        if ahead.when in ("timer", "hold", "no_answer")
        for one in ahead.then[:6]
        if one.what == "sends" and (one.at - now).total_seconds() < 3 * 86_400 - 6 * 3600
    }
    with closing(Inbox(engine.settings.home / FILE)) as inbox:
        silent = Silent(engine, clock, Carrier(inbox))
        silent.grow(3)
    with engine.database.read() as tx:
        t = tables.Send
        made = tx.execute(sa.select(t.contact_id, t.content).where(t.created_at > now))
        sent = {(row.contact_id, row.content) for row in made}
    assert foretold
    assert foretold <= sent


class Silent(Gardener):
    """Time passes, in steps too short to miss an hour of sending, and nobody reads anything."""

    step = timedelta(minutes=20)

    def read_mail(self, now: object) -> None:
        self.carrier.accepted.clear()


def test_a_contact_is_found_by_address_or_id(anywhere: Dependencies) -> None:
    assert find_contact(anywhere, "31") == 31
    address = explain(anywhere, 31, anywhere.clock.now()).contact.address
    assert find_contact(anywhere, f" {address.upper()} ") == 31
    for unknown in ("9999", "nobody@example.com"):
        with pytest.raises(NotFound):
            find_contact(anywhere, unknown)
    with pytest.raises(NotFound):
        explain(anywhere, 9999, anywhere.clock.now())
