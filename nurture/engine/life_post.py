"""What went out to the contact of a life in memory, and the day's maximum that holds mail over."""

from collections import Counter
from dataclasses import dataclass, field, replace
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

    def hand_over(
        self, life: "Life", number: int, wanted: tuple[str, int], template: str
    ) -> e.Held | e.Accepted:
        """Let the provider take the email of a step and pass, unless that is too many today."""
        step, pass_no = wanted
        funnel = life.world.funnel
        most, day = funnel.guards.contact_daily, account_day(funnel.account.timezone, life.now)
        since = self.wanted.setdefault((number, step, pass_no), life.now)
        if most is not None and self.mailed_on[day.begins] >= most:
            release = held_over(life.sequence_of(life.runs[number]), life.contact, step, day)
            return e.Held(step, pass_no, CONTACT_DAILY, release, since)
        self.mailed_on[day.begins] += 1
        self.sent.append((life.now, template))
        life.contact = replace(
            life.contact,
            received=life.contact.received | {template},
            mailed=(*life.contact.mailed, life.now) if funnel.caps else (),
        )
        return e.Accepted(step, pass_no, life.now)
