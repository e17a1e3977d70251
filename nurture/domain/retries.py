"""When a message that was not taken is tried again: ever later, spread by a stable hash."""

from datetime import datetime, timedelta

from nurture.domain.timing import share

# The example schedule of Standard Webhooks (standardwebhooks.com): ten tries in three days.
DELAYS = tuple(
    timedelta(seconds=seconds)
    for seconds in (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
)
MOST_TRIES = len(DELAYS) + 1
# Each delay is lengthened by up to this share of it, so that what failed together comes back apart.
SPREAD = 0.2
# However long a receiver asks us to stay away, it is tried again after this.
LONGEST_STAY = timedelta(days=1)


def next_try(
    message_id: str, tries: int, now: datetime, asked: timedelta | None = None
) -> datetime | None:
    """Return when a message is tried again after `tries` tries (from 1), None when never.

    `asked` is how long the receiver wants to be left alone (Retry-After). The same message
    always gets the same jitter at the same try.
    """
    if tries >= MOST_TRIES:
        return None
    delay = DELAYS[tries - 1] * (1 + SPREAD * share("retry", message_id, tries))
    if asked is not None:
        delay = max(delay, min(asked, LONGEST_STAY))
    return now + delay
