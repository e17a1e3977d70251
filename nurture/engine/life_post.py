"""What went out to the contact of a life in memory, in which order, and what held mail over."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from nurture.domain import enrollment as e
from nurture.domain.caps import Rank
from nurture.domain.daily import CONTACT_DAILY, account_day, held_over
from nurture.domain.enrollment import Enrollment
from nurture.domain.last_look import Touch, hindrance
from nurture.domain.sequence import Email, Sequence
from nurture.domain.situation import Situation
from nurture.engine.trial_words import seen

if TYPE_CHECKING:
    from nurture.engine.life import Life


@dataclass(slots=True)
class LifePost:
    """`sent` is when which email went out, in order.

    `mailed_on` counts by the beginning of each day of the account, also what went out before the
    life began; `wanted` is when the email of a run's step was first decided, by pass; `by_door` are
    the contents that came through each sequence; `queued` is what a worker looks at next.
    """

    sent: list[tuple[datetime, str]] = field(default_factory=list)
    mailed_on: Counter[datetime] = field(default_factory=Counter)
    wanted: dict[tuple[int, str, int], datetime] = field(default_factory=dict)
    by_door: dict[str, frozenset[str]] = field(default_factory=dict)
    queued: dict[tuple[int, str, int], bool] = field(default_factory=dict)

    def know(self, sequence: Sequence, run: Enrollment) -> None:
        """Note what a run sent already."""
        for step in map(sequence.by_key.get, run.accepted):
            if isinstance(step, Email):
                self.through(run.sequence, step.content)

    def queue(self, number: int, step: str, pass_no: int, *, in_hand: bool = False) -> None:
        """Put the email of a run's step and pass where a worker looks next.

        One that is `in_hand` a worker has claimed already, and it is among today's.
        """
        self.queued[number, step, pass_no] = in_hand

    def deliver(self, life: "Life") -> None:
        """Let a worker look at what is queued, those first that go before others."""
        queued, self.queued = self.queued, {}
        for number, step, pass_no in sorted(
            queued, key=lambda one: (not queued[one], rank(life, one[0]))
        ):
            # Somebody may have ended the run, or sent it elsewhere, in the same moment.
            wanted = life.runs[number].state == e.Sending(step, pass_no)
            if wanted and number not in life.still:
                in_hand = queued[number, step, pass_no]
                life.tell(number, self._claimed(life, number, step, pass_no, in_hand=in_hand))

    def _claimed(
        self, life: "Life", number: int, step: str, pass_no: int, *, in_hand: bool
    ) -> e.Accepted | e.Broken | e.Held | e.Unsent | e.Withdrawn:
        """Return what becomes of an email, as `claiming` decides; the provider takes it at once."""
        run = life.runs[number]
        sequence, trial = life.sequence_of(run), number in life.trials
        life.stages.weigh(life, sequence)
        contact = seen(life.contact) if trial else life.contact
        email, accepted = sequence.by_key.get(step), e.Accepted(step, pass_no, life.now)
        if not isinstance(email, Email):
            return accepted
        since = self.wanted.setdefault((number, step, pass_no), life.now)
        if not in_hand:
            touch = Touch(step, pass_no, email.topic, email.content, since)
            found = hindrance(Situation(run, sequence, contact), touch, life.now)
            if found is not None:
                return found
        if trial:
            return accepted  # It counts for nothing.
        funnel = life.world.funnel
        most, day = funnel.guards.contact_daily, account_day(funnel.account.timezone, life.now)
        if not in_hand:
            if most is not None and self.mailed_on[day.begins] >= most:
                release = held_over(sequence, contact, step, day)
                return e.Held(step, pass_no, CONTACT_DAILY, release, since)
            self.mailed_on[day.begins] += 1
        if life.letters and (fault := life.letters.fault(life, run, email, contact)):
            return e.Broken(step, pass_no, fault)
        self.sent.append((life.now, email.template))
        self.through(run.sequence, email.content)
        received = contact.received | {email.content}
        life.contact = replace(contact, received=received, mailed=_mailed(life))
        life.look_again |= "received" in life.world.asked_by_segments
        return accepted

    def through(self, sequence: str, content: str) -> None:
        """Note that a content came through a sequence."""
        self.by_door[sequence] = self.by_door.get(sequence, frozenset()) | {content}


def _mailed(life: "Life") -> tuple[datetime, ...]:
    """Return when the emails went out that caps still count, with one now."""
    spans = [cap.per for cap in life.world.funnel.caps]
    spans += [run.gap for run in life.live if run.gap]
    if not spans:
        return ()
    since = life.now - max(spans)
    return (*(at for at in life.contact.mailed if at > since), life.now)


def in_turn(life: "Life") -> list[int]:
    """Return the runs whose timers are due, those first whose emails go before those of others."""
    wakes = ((number, e.wakes_at(life.runs[number].state)) for number in life.moving)
    due = [number for number, at in wakes if at is not None and at <= life.now]
    return sorted(due, key=lambda number: rank(life, number)) if len(due) > 1 else due


def rank(life: "Life", number: int) -> Rank:
    """Return where the next email of a run stands among those that compete for a place."""
    run = life.runs[number]
    sequence, order = life.sequence_of(run), life.world.funnel.order
    step = sequence.by_key.get(run.step)
    if isinstance(run.state, e.Waiting):
        step = sequence.by_key.get(sequence.after(run.step, getattr(step, "next", "")))
    topic = step.topic if isinstance(step, Email) else ""
    standing = life.contact.standing
    stage = sequence.stage or (standing.stage if standing else "")
    current = life.world.sequences.get(run.sequence)
    held = run.state.since if isinstance(run.state, e.Holding) else None
    return Rank(
        topic not in life.world.funnel.transactional,
        -order.index(stage) if stage in order else 0,
        -current.priority if current else 0,
        held or e.wakes_at(run.state) or life.now,
        number,
    )
