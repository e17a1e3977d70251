"""Scores computed from the ledger and the fields, and the changes of stage they call for."""

from collections.abc import Iterable
from datetime import datetime

from nurture.domain import enrollment as e
from nurture.domain.contact import Contact
from nurture.domain.scoring import engagement
from nurture.domain.stages import Actor, StageRefused
from nurture.domain.standing import Settled, settle
from nurture.domain.standing import next_crossing as next_crossing
from nurture.domain.watching import thresholds, turns
from nurture.engine.definitions import TRACK
from nurture.engine.happenings import award_points, tell_runs
from nurture.engine.segmenting import follow
from nurture.engine.triggers import wish_triggered
from nurture.engine.work import Work
from nurture.store import ledger, qualification, runs
from nurture.store.ledger import Scored
from nurture.store.runs import Run


def rescore(work: Work, contact_ids: Iterable[int], *, event_id: int | None = None) -> None:
    """Compute the scores of these contacts anew, and let stages and runs follow from them.

    The contacts must have been locked by the caller: two transactions that computed the same
    contact's score side by side would each miss the other's entries. Every change of a contact
    comes here, so here their segments follow; what happens at a segment's border scores, too.
    """
    ids = set(contact_ids) & work.contacts.keys()
    while ids:
        _settle(work, ids, event_id)
        crossed = follow(work, ids)
        award_points(work, crossed)
        tell_runs(work, crossed)
        wish_triggered(work, crossed)
        ids = {event.contact_id for event in crossed}
        event_id = crossed[-1].occurrence.id if crossed else event_id


def watched_until(work: Work, contact_ids: Iterable[int]) -> dict[int, datetime]:
    """Return when what the runs of these contacts watch may next turn by time alone, by contact.

    That is the latest instant by which the rules have to look at them again. Reads only; who has
    nothing of the kind ahead is absent.
    """
    ids = sorted(set(contact_ids))
    live = work.take_up(runs.live_of(work.tx, ids))
    found = _turns(work, live)
    steps = _thresholds(work, live)
    entries = ledger.entries(work.tx, steps)
    funnel = work.catalog.funnel
    for key, some in steps.items():
        own = entries.get(key, ())
        score = engagement(own, funnel.groups, funnel.limits, work.now).total
        crosses = next_crossing(funnel, own, score, work.now, some)
        if crosses is not None:
            found[key] = min(crosses, found.get(key, crosses))
    return found


def _settle(work: Work, contact_ids: Iterable[int], event_id: int | None) -> None:
    ids = sorted(set(contact_ids) & work.contacts.keys())
    _recall(work, ids)
    live = runs.live_of(work.tx, ids)
    work.take_up(run for run in live if run.enrollment.id not in work.runs)
    steps = _thresholds(work, live)
    found = ledger.entries(work.tx, ids)
    funnel = work.catalog.funnel
    before = {key: work.contacts[key] for key in ids}
    settled: dict[int, Settled] = {}
    for key, contact in before.items():
        if contact.standing is None:
            continue
        one = settle(contact, found.get(key, ()), funnel, work.now, steps.get(key, ()))
        settled[key] = one
        for change in one.changes:
            work.note_stage(key, change, Actor.RULES, event_id=event_id)
        work.contacts[key] = one.contact
    _note_refusals(work, settled, event_id)
    for run in live:
        # Known ones, too: they were told of an event before they could see what it is worth.
        now, contact_id = work.runs[run.enrollment.id], run.enrollment.contact_id
        moved = work.contacts[contact_id].standing != before[contact_id].standing
        leaves = run.track and moved
        if now.enrollment.is_live and not now.frozen and not leaves:
            work.tell(run.enrollment.id, e.Reconsider(), event_id=event_id)
    looks = _turns(work, live)
    scored = [_scored(work, one, looks.get(key)) for key, one in settled.items()]
    ledger.save_scores(work.tx, scored, _personas(before, settled))


def _thresholds(work: Work, live: Iterable[Run]) -> dict[int, frozenset[float]]:
    """Return the scores at which what runs watch could turn, by contact."""
    found: dict[int, frozenset[float]] = {}
    for run in live:
        now = work.runs[run.enrollment.id]
        some = thresholds(work.definition(now).sequence, now.enrollment)
        if some and not now.frozen:
            key = now.enrollment.contact_id
            found[key] = some | found.get(key, frozenset())
    return found


def _turns(work: Work, live: Iterable[Run]) -> dict[int, datetime]:
    """Return when the clock may next turn what runs watch, by contact."""
    found: dict[int, datetime] = {}
    for run in live:
        now, key = work.runs[run.enrollment.id], run.enrollment.contact_id
        if now.frozen or not work.definition(now).sequence.watches:
            continue
        turn = turns(work.situation(run.enrollment.id), work.now)
        if turn is not None:
            found[key] = min(turn, found.get(key, turn))
    return found


def _recall(work: Work, ids: Iterable[int]) -> None:
    """Read what contacts did where the rules ask for it in their stage."""
    asking = work.catalog.funnel.asks_history_in
    standings = {key: work.contacts[key].standing for key in ids}
    wanted = {key for key, one in standings.items() if one is not None and one.stage in asking}
    work.see(wanted, history=True)


def _note_refusals(work: Work, settled: dict[int, Settled], event_id: int | None) -> None:
    """Record what the rules would do and may not yet: once while a contact stays in a stage."""
    refused: dict[int, StageRefused] = {
        key: one.refused for key, one in settled.items() if one.refused is not None
    }
    if not refused:
        return
    known = qualification.refusals_in_stage(work.tx, refused, TRACK)
    for key, answer in refused.items():
        standing = work.contacts[key].standing
        line = (key, standing.stage if standing else "", answer.to, answer.why)
        if settled[key].changes or line not in known:
            work.note_stage(key, answer, Actor.RULES, event_id=event_id)


def _personas(before: dict[int, Contact], settled: dict[int, Settled]) -> dict[int, str]:
    """Return the personas that are others than before, by contact."""
    now = {key: one.contact.persona for key, one in settled.items()}
    return {key: persona for key, persona in now.items() if persona != before[key].persona}


def _scored(work: Work, one: Settled, turn: datetime | None) -> Scored:
    contact = one.contact
    looks = [at for at in (one.look_at, turn) if at is not None]
    return Scored(
        contact_id=contact.id,
        track=TRACK,
        engagement=contact.engagement,
        fit=contact.fit,
        grade=contact.grade,
        temperature=contact.temperature,
        scored_at=work.now,
        crosses_at=min(looks, default=None),
    )
