"""Scores computed from the ledger and the fields, and the changes of stage they call for."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from nurture.domain import enrollment as e
from nurture.domain.funnel import Funnel, asks_history
from nurture.domain.scoring import Entry, engagement, falls_below, fit, temperature
from nurture.domain.stages import Actor, StageChange, next_change
from nurture.engine.definitions import TRACK
from nurture.engine.work import Work
from nurture.store import ledger, runs
from nurture.store.ledger import Scored


def rescore(work: Work, contact_ids: Iterable[int], *, event_id: int | None = None) -> None:
    """Compute the scores of these contacts anew, and let stages and runs follow from them.

    The contacts must have been locked by the caller: two transactions that computed the same
    contact's score side by side would each miss the other's entries.
    """
    ids = sorted(set(contact_ids) & work.contacts.keys())
    _recall(work, ids)
    found = ledger.entries(work.tx, ids)
    scored = []
    for contact_id in ids:
        contact = work.contacts[contact_id]
        if contact.standing is None:
            continue
        entries = found.get(contact_id, [])
        one = _score(work, contact_id, entries)
        scored.append(one)
        work.contacts[contact_id] = replace(
            contact,
            engagement=one.engagement,
            fit=one.fit,
            grade=one.grade,
            temperature=one.temperature,
        )
    ledger.save_scores(work.tx, scored)
    for contact_id in ids:
        answer = next_change(work.contacts[contact_id], work.catalog.funnel.edges, work.now)
        if isinstance(answer, StageChange):
            why = f"engagement {work.contacts[contact_id].engagement:.1f}"
            work.note_stage(contact_id, replace(answer, why=why), Actor.RULES, event_id=event_id)
    for run in work.take_up(
        run for run in runs.live_of(work.tx, ids) if run.enrollment.id not in work.runs
    ):
        if not run.frozen:
            work.tell(run.enrollment.id, e.Reconsider(), event_id=event_id)


def _recall(work: Work, ids: Iterable[int]) -> None:
    """Read what contacts did where an edge out of their stage asks for it."""
    edges = work.catalog.funnel.edges
    asking = {edge.start for edge in edges if asks_history(edge.when)}
    standings = {key: work.contacts[key].standing for key in ids}
    wanted = {key for key, one in standings.items() if one is not None and one.stage in asking}
    work.see(wanted, history=True)


def _score(work: Work, contact_id: int, entries: Sequence[Entry]) -> Scored:
    funnel, contact = work.catalog.funnel, work.contacts[contact_id]
    score = engagement(entries, funnel.groups, funnel.limits, work.now).total
    fitting = fit(contact, funnel.fit_rules, funnel.grades, work.now)
    return Scored(
        contact_id=contact_id,
        track=TRACK,
        engagement=score,
        fit=fitting.total,
        grade=fitting.grade,
        temperature=temperature(contact.temperature, score, funnel.warmth),
        scored_at=work.now,
        crosses_at=next_crossing(funnel, entries, score, work.now),
    )


def next_crossing(
    funnel: Funnel, entries: Sequence[Entry], score: float, now: datetime
) -> datetime | None:
    """Return when decay alone takes the score below the next threshold down; None for never."""
    below = [threshold for threshold in funnel.score_thresholds if threshold <= score]
    if not below or not entries:
        return None
    return falls_below(entries, funnel.groups, funnel.limits, below[-1], now)
