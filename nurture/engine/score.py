"""Scores computed from the ledger and the fields, and the changes of stage they call for."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from nurture.domain import enrollment as e
from nurture.domain.funnel import Funnel, needs_history
from nurture.domain.scoring import Entry, engagement, falls_below, fit, temperature
from nurture.domain.stages import Actor, StageRefused, next_change
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
    before = {key: work.contacts[key].standing for key in ids}
    again = {key: _follow_edges(work, key, event_id) for key in ids}
    ledger.save_scores(work.tx, [_looked_at(one, again[one.contact_id]) for one in scored])
    live = runs.live_of(work.tx, ids)
    work.take_up(run for run in live if run.enrollment.id not in work.runs)
    for run in live:
        # Known ones, too: they were told of an event before they could see what it is worth.
        now, contact_id = work.runs[run.enrollment.id], run.enrollment.contact_id
        leaves = run.track == TRACK and work.contacts[contact_id].standing != before[contact_id]
        if now.enrollment.is_live and not now.frozen and not leaves:
            work.tell(run.enrollment.id, e.Reconsider(), event_id=event_id)


def _follow_edges(work: Work, contact_id: int, event_id: int | None) -> datetime | None:
    """Change the stage as often as the rules call for it; return when a dwell opens the next edge.

    Each stage is entered once at most, so that edges which contradict each other cannot turn
    a contact in a circle.
    """
    seen = set()
    while True:
        contact = work.contacts[contact_id]
        answer = next_change(contact, work.catalog.funnel.edges, work.now)
        if isinstance(answer, StageRefused):
            return answer.release
        if answer is None or answer.edge.to in seen:
            return None
        seen |= {answer.edge.start, answer.edge.to}
        why = f"engagement {contact.engagement:.1f}"
        work.note_stage(contact_id, replace(answer, why=why), Actor.RULES, event_id=event_id)
        _recall(work, [contact_id])


def _looked_at(scored: Scored, release: datetime | None) -> Scored:
    """Return the score with the earlier of both instants as the one to look again at.

    Nothing else would ever take an edge whose guard holds and whose dwell is not over yet.
    """
    moments = [one for one in (scored.crosses_at, release) if one is not None]
    return replace(scored, crosses_at=min(moments, default=None))


def _recall(work: Work, ids: Iterable[int]) -> None:
    """Read what contacts did where an edge out of their stage asks for it."""
    edges = work.catalog.funnel.edges
    asking = {edge.start for edge in edges if needs_history(edge.when)}
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
    """Return when time alone changes something; None for never.

    Decay takes the score below the next threshold down, or an entry of the future begins to count.
    """
    # A clock that runs ahead of ours sends events from the near future; they count when it comes.
    later = [entry.occurred_at for entry in entries if entry.occurred_at > now]
    below = [threshold for threshold in funnel.score_thresholds if threshold <= score]
    if below and entries:
        falls = falls_below(entries, funnel.groups, funnel.limits, below[-1], now)
        later += [] if falls is None else [falls]
    return min(later, default=None)
