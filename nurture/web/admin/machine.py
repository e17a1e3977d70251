"""When a part of the machine counts as dead or late, and what each does, for the pages."""

from datetime import datetime, timedelta

from nurture.web.i18n import gettext
from nurture.web.i18n import marked as _

# Workers tell that they live every few seconds; a minute of silence is a death or a hang.
SILENCE = timedelta(minutes=1)
# A run that is due waits for the next tick; so long after it nobody is ticking. In the clock of
# contacts, which a demo runs fast: an hour there is seconds here.
OVERDUE = timedelta(minutes=5)
OVERDUE_ON_A_FAST_CLOCK = timedelta(days=1)

# By the kinds of `engine.presence.Process`.
_PROCESSES: dict[str, str] = {
    "worker": _("sends emails"),
    "ticker": _("decides what is due"),
    "recorder": _("records opens and clicks"),
    "messenger": _("tells people and other systems"),
    "supervisor": _("keeps the others running"),
}


def is_dead(beat_at: datetime, wall: datetime) -> bool:
    """Whether a process was last heard of too long ago, by the wall's clock."""
    return wall - beat_at > SILENCE


def process_word(kind: str) -> str:
    """What a kind of process does; a kind without a word is shown as it is."""
    word = _PROCESSES.get(kind)
    return gettext(word) if word else kind
