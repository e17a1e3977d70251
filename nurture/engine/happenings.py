"""What events that are in the database lead to at once: points, and runs that hear of them."""

from collections.abc import Iterable, Sequence

from nurture.domain import enrollment as e
from nurture.domain.scoring import award
from nurture.engine.triggers import moment
from nurture.engine.work import Work
from nurture.store import ledger, runs
from nurture.store.ledger import NewEvent


def award_points(work: Work, events: Iterable[NewEvent]) -> None:
    """Append what these events are worth to the score ledger."""
    funnel = work.catalog.funnel
    entries = [
        (event.contact_id, entry)
        for event in events
        for entry in award(event.occurrence, funnel.rules, funnel.version)
    ]
    ledger.add_entries(work.tx, entries, work.now)
    work.scores.earned(contact_id for contact_id, _ in entries)


def tell_runs(work: Work, events: Sequence[NewEvent]) -> None:
    """Tell live runs what happened, in the order in which it happened."""
    work.take_up(
        run
        for run in runs.live_of(work.tx, {event.contact_id for event in events})
        if run.enrollment.id not in work.runs
    )
    # A run that asks for the score hears of an event together with what the event is worth.
    work.scores.of_runs(work, work.runs.values())
    of_contact: dict[int, list[int]] = {}
    for key, run in work.runs.items():
        of_contact.setdefault(run.enrollment.contact_id, []).append(key)
    for event in sorted(events, key=moment):
        for run_id in of_contact.get(event.contact_id, ()):
            run = work.runs[run_id]
            if run.enrollment.is_live and not run.frozen:
                work.tell(run_id, e.Happened(event.occurrence), event_id=event.occurrence.id)
