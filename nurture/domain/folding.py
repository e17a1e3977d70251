"""A long ledger made short: entries that are worth the same from now on, so that lives stay fast.

A score adds up every entry of its ledger. Whoever looks after each of thousands of events would
add up millions; what lies behind is therefore folded into one entry for each group.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import fsum

from nurture.domain.scoring import Entry, Group, Limit, engagement

# No rule is called so, and none limits it.
FOLDED = ""
# So many entries are quickly added up.
FOLDS_AFTER = 60


def folded(
    entries: Sequence[Entry],
    groups: Mapping[str, Group],
    limits: Mapping[str, Limit],
    now: datetime,
) -> list[Entry]:
    """Return fewer entries with the same engagement at `now` and at all times after it.

    The same to rounding, and also when more entries of `now` or later are added. What has yet to
    come stays as it is, as does what takes back and is taken back, and what a limit still counts.
    """
    undone = {entry.compensates for entry in entries if entry.compensates}
    kept = [entry for entry in entries if entry.occurred_at > now]
    worth: dict[str, list[float]] = {}
    for one in engagement(entries, groups, limits, now).groups:
        for part in one.parts:
            entry, limit = part.entry, limits.get(part.entry.rule)
            # One beyond its limit is worth nothing, whatever comes.
            limits_more = (
                limit is not None and not part.limited and now - entry.occurred_at < limit.per
            )
            if limits_more or entry.compensates or entry.dedupe_key in undone:
                kept.append(entry)
            else:
                worth.setdefault(entry.group, []).append(part.now)
    sums = [
        Entry(FOLDED, 0, group, fsum(some), now, f"folded:{group}")
        for group, some in sorted(worth.items())
    ]
    return [*sums, *kept]


class LongLedger:
    """A ledger that grows with a life; `entries` are all of it, `short` what has to be added up."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries = list(entries)
        self._open = list(self.entries)
        self._folded_at: datetime | None = None
        self._most = FOLDS_AFTER

    def add(self, entries: Iterable[Entry]) -> None:
        """Write entries down."""
        new = list(entries)
        self.entries += new
        self._open += new
        if self._folded_at and any(one.occurred_at < self._folded_at for one in new):
            # Told late, of a time that was folded already: limits have to be looked at anew.
            self._open, self._folded_at = list(self.entries), None

    def short(
        self, groups: Mapping[str, Group], limits: Mapping[str, Limit], now: datetime
    ) -> Sequence[Entry]:
        """Return not many entries that are worth what all of them are, at `now` and after it.

        Ask for it with a `now` that never goes back.
        """
        if len(self._open) > self._most:
            self._open = folded(self._open, groups, limits, now)
            self._folded_at = now
            self._most = 2 * len(self._open) + FOLDS_AFTER
        return self._open
