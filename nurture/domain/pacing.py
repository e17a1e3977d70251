"""Letting many runs go on at once without a burst: spread by a stable hash, inside windows."""

from collections.abc import Sequence as Many
from dataclasses import replace
from datetime import datetime, timedelta

from nurture.domain import enrollment as e
from nurture.domain.caps import Cap
from nurture.domain.contact import Contact
from nurture.domain.enrollment import Decision, Enrollment
from nurture.domain.sequence import Email, Sequence
from nurture.domain.timing import jitter, next_open
from nurture.domain.zones import zone_of

# Over so long are those who are let go together spread, unless somebody says otherwise.
SPREAD = timedelta(hours=1)
# A cap that only keeps emails apart never makes one be passed over.
FOREVER = timedelta(days=36_500)


def spread_out(
    sequence: Sequence, contact: Contact, run: Enrollment, at: datetime, over: timedelta
) -> datetime:
    """Return an instant from `at` on, inside the window, that is this run's own within `over`.

    The hash is stable, so that doing it again changes nobody's turn.
    """
    if not over:
        return at
    zone, late = zone_of(contact, sequence), jitter(
        over, contact.id, sequence.key, f"{run.entry_key}:turn"
    )  # fmt: skip
    step = sequence.by_key.get(run.step)
    if isinstance(step, Email) and not sequence.waits_for_window(step):
        return at + late
    opens = next_open(sequence.window, zone, at, sequence.holidays)
    turn = next_open(sequence.window, zone, opens + late, sequence.holidays)
    if turn > opens + late:
        # The window closed before everybody had their turn: the rest is spread anew, and not
        # let go at the stroke of the next opening.
        turn = next_open(sequence.window, zone, turn + late, sequence.holidays)
    return turn


def paced(sequence: Sequence, run: Enrollment) -> Sequence:
    """Return the sequence with a cap that keeps the emails of a run that catches up apart."""
    if not run.gap:
        return sequence
    return replace(sequence, caps=(Cap(1, run.gap, FOREVER), *sequence.caps))


def softened(
    decisions: Many[Decision], reason: str, release: datetime, now: datetime
) -> tuple[Decision, ...]:
    """Return the decisions with the send at their end, if there is one, held until `release`."""
    if not decisions or not isinstance(decisions[-1], e.Send) or release <= now:
        return tuple(decisions)
    return (*decisions[:-1], e.Hold(decisions[-1].step, reason, release, now))
