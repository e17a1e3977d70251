"""What went out to the contact of a life in memory, and the day's maximum that holds mail over."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

from nurture.domain import enrollment as e
from nurture.domain.daily import CONTACT_DAILY, account_day, held_over

if TYPE_CHECKING:
    from nurture.engine.life import Life


@dataclass(slots=True)
class LifePost:
    """`sent` is when which email went out, in order.

    `mailed_on` counts by the beginning of each day of the account, also what went out before the
    life began; `wanted` is when the email of a run's step was first decided, by pass.
    """

    sent: list[tuple[datetime, str]] = field(default_factory=list)
    mailed_on: Counter[datetime] = field(default_factory=Counter)
    wanted: dict[tuple[int, str, int], datetime] = field(default_factory=dict)

    def held(self, life: "Life", number: int, step: str, pass_no: int) -> e.Held | None:
        """Return what keeps an email from going out today, None when nothing does."""
        funnel = life.world.funnel
        most, day = funnel.guards.contact_daily, account_day(funnel.account.timezone, life.now)
        since = self.wanted.setdefault((number, step, pass_no), life.now)
        if most is None or self.mailed_on[day.begins] < most:
            return None
        release = held_over(life.sequence_of(life.runs[number]), life.contact, step, day)
        return e.Held(step, pass_no, CONTACT_DAILY, release, since)

    def take(self, life: "Life", template: str) -> None:
        """Count an email that goes out now."""
        day = account_day(life.world.funnel.account.timezone, life.now)
        self.mailed_on[day.begins] += 1
        self.sent.append((life.now, template))
