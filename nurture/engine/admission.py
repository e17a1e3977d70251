"""Whether a contact may enter a sequence now."""

from collections.abc import Iterable
from datetime import datetime

from nurture.domain.conditions import holds
from nurture.domain.contact import GLOBAL, Contact
from nurture.domain.sequence import Reentry, Sequence


def admitted(
    sequence: Sequence,
    contact: Contact,
    entry_key: str,
    before: Iterable[tuple[str, datetime | None]],
    now: datetime,
) -> bool:
    """Return whether `contact` may be enrolled in `sequence` under `entry_key`.

    `before` are (entry key, end) of earlier runs through this sequence, end None while live.
    A stage's sequence takes everybody who comes back to the stage: the content ledger keeps
    them from getting anything twice. A suppressed contact enters nothing.
    """
    if GLOBAL in contact.suppressions or not holds(sequence.entry, contact, now):
        return False
    earlier = list(before)
    if sequence.stage:
        return all(end is not None for _, end in earlier)
    match sequence.reentry:
        case Reentry.NEVER:
            return not earlier
        case Reentry.AFTER:
            return all(
                end is not None and now - end >= sequence.reentry_after for _, end in earlier
            )
        case Reentry.ONE_AT_A_TIME:
            return all(end is not None for _, end in earlier)
        case Reentry.KEYED:
            return all(key != entry_key for key, _ in earlier)
