"""When a part of the machine counts as dead or late, for the pages that show it."""

from datetime import datetime, timedelta

# Workers tell that they live every few seconds; a minute of silence is a death or a hang.
SILENCE = timedelta(minutes=1)
# A run that is due waits for the next tick; so long after it nobody is ticking. In the clock of
# contacts, which a demo runs fast: an hour there is seconds here.
OVERDUE = timedelta(minutes=5)
OVERDUE_ON_A_FAST_CLOCK = timedelta(days=1)


def is_dead(beat_at: datetime, wall: datetime) -> bool:
    """Whether a process was last heard of too long ago, by the wall's clock."""
    return wall - beat_at > SILENCE
