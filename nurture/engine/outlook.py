"""What becomes of one run of a contact whose life is led on, if nothing happens."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from nurture.domain import enrollment as e
from nurture.engine.life import Life

# Instants of one contact that are looked at: the longest sequence has fewer, loops end here.
MOST_TURNS = 2_000


class Fate(StrEnum):
    """What becomes of a run if nothing happens."""

    DRY = "dry"
    OVER = "over"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of a run, and when; for `LATER` the end of what was looked at."""

    fate: Fate
    at: datetime


def outlook(life: Life, number: int, until: datetime) -> Outlook:
    """Return what becomes by `until` of the run of this number, of which the life is led on.

    Nothing happens means: the contact answers nothing and nobody changes them, and every email that
    is decided is taken by the provider at once. Scores fade, and segments and stages follow. A
    timer that is overdue fires now.
    """
    life.settle()
    for _ in range(MOST_TURNS):
        match life.runs[number].state:
            case e.Exhausted(since):
                return Outlook(Fate.DRY, since)
            case e.Completed() | e.Exited() | e.Moved() | e.Failed():
                return Outlook(Fate.OVER, life.ended.get(number, life.now))
            case _ if not life.turn(until):
                break
            case _:
                pass
    return Outlook(Fate.LATER, until)
