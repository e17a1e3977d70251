"""What comes next for a run: its contact's life is led on in memory, in this run alone.

Everything foreseen holds if the contact does nothing meanwhile; scores fade, and segments and
stages follow from that.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType

from nurture.domain import enrollment as e
from nurture.domain.contact import Occurrence, Value
from nurture.domain.decide import Situation
from nurture.domain.enrollment import Decision, Enrollment, Event
from nurture.domain.sequence import Email, Match, Sequence, WaitFor
from nurture.domain.walk import Walk
from nurture.engine.life import Life
from nurture.engine.life_ahead import GoingOn
from nurture.engine.world import Moment
from nurture.store.runs import Run

# Timers followed ahead: more than anybody wants to read, and an end for every loop.
MOST_HOPS = 12
# Instants at which the rules look and change nothing for a run, before its timer is due.
MOST_LOOKS = 100
# The end of the calendar, nearly: nothing is due there.
FAR = datetime(9000, 1, 1, tzinfo=UTC)
ACCEPTED = e.Accepted.__name__


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One thing that will happen.

    `what` is one of sends, withheld, held, skips, takes, waits, awaits, leaves, moves, completes,
    exhausted, fails, asks_stage. `to` is the step, sequence or stage it leads to; `until` is the
    end of a wait or a hold.
    """

    what: str
    at: datetime
    step: str = ""
    template: str = ""
    to: str = ""
    reason: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Ahead:
    """One way in which a run goes on.

    `when` is one of timer, answer, no_answer, hold, provider, content, resumed. For an answer
    `match` is what is awaited, or None for a condition; `then` is what follows, until the
    next email, the next question or the end.
    """

    when: str
    at: datetime | None
    then: tuple[Foreseen, ...] = ()
    match: Match | None = None


@dataclass(frozen=True, slots=True)
class RunAhead:
    """A live run: where it is, and each way in which it goes on."""

    enrollment_id: int
    sequence: str
    names: Mapping[str, str]
    stage: str
    version: int
    state: str
    step: str
    entered_at: datetime
    frozen: bool
    reason: str
    ways: tuple[Ahead, ...]


def look_ahead(going_on: GoingOn, run: Run, *, frozen: bool) -> RunAhead:
    """Return where a live run is and what comes next for it, by itself."""
    now, state = run.enrollment, run.enrollment.state
    sequence = going_on.catalog.version(run.version_id).sequence
    return RunAhead(
        enrollment_id=now.id,
        sequence=sequence.key,
        names=sequence.names,
        stage=sequence.stage,
        version=now.version,
        state=e.STATE_NAMES[type(state)],
        step=now.step,
        entered_at=now.entered_at,
        frozen=frozen,
        reason=state.reason if isinstance(state, e.Holding) else "",
        ways=tuple(_ways(going_on, now, sequence)),
    )


def _ways(going_on: GoingOn, run: Enrollment, sequence: Sequence) -> Iterable[Ahead]:
    step, now = sequence.by_key.get(run.step), going_on.now

    def after(
        event: Event | None = None,
        taken: tuple[str, int] | None = None,
        heard: Occurrence | None = None,
    ) -> tuple[Foreseen, ...]:
        life = going_on.life(run.contact_id, only=run.id)
        if heard is not None:
            # Goals and exits may ask for the same event, so it has to have happened.
            life.hearing.remember(life, [heard])
            life.tell(0, e.Happened(heard))
        if event is not None and life.runs[0] == run:
            life.tell(0, event)
        if taken is not None:
            life.post.queue(0, *taken, in_hand=True)
        return _follow(life, skipped=taken is not None)

    match run.state:
        case e.Waiting(due) | e.Holding(_, due):
            yield Ahead("hold" if isinstance(run.state, e.Holding) else "timer", due, after())
        case e.Awaiting(deadline) if isinstance(step, WaitFor):
            walk = Walk.begin(Situation(run, sequence, going_on.contacts[run.contact_id]), now)
            walk.take("yes", step.yes)
            yes = e.Decided("answer", tuple(walk.decisions))
            heard = None if step.match is None else _imagined(step.match, sequence, now)
            yield Ahead("answer", deadline, after(yes, heard=heard), step.match)
            yield Ahead("no_answer", deadline, after())
        case e.Sending(key, pass_no):
            yield Ahead("provider", None, after(taken=(key, pass_no)))
        case e.Exhausted():
            yield Ahead("content", None)
        case _:
            pass


def _imagined(match: Match, sequence: Sequence, now: datetime) -> Occurrence:
    """Return an occurrence that answers `match`."""
    told: dict[str, Value] = {name: _literal(value) for name, value in match.where.items()}
    if match.of:
        told |= {"sequence": sequence.key, "step": match.of}
    return Occurrence(match.event, now, MappingProxyType(told))


def _literal(value: Value) -> Value:
    """Return something that a wanted value, which may have wildcards or be one of several, fits."""
    if isinstance(value, tuple):
        return _literal(value[0]) if value else value
    return value.replace("*", "").replace("?", "x") if isinstance(value, str) else value


def _follow(life: Life, *, skipped: bool) -> tuple[Foreseen, ...]:
    """Return what follows for the only run of a life, by the clock alone.

    It ends with the next email or question, and with the run; the first email is `skipped` where
    it is the one that the run waits for.
    """
    life.settle()
    for _ in range(MOST_LOOKS):
        found, rests = _told(life, skipped=skipped)
        if rests or not life.turn(FAR):
            break
    return tuple(found)


def _told(life: Life, *, skipped: bool) -> tuple[list[Foreseen], bool]:
    """Return what a reader sees of the run so far, and whether it rests there."""
    found: list[Foreseen] = []
    hops = [moment for moment in life.moments if moment.number == 0]
    for place, moment in enumerate(hops):
        is_news = any(not isinstance(one, e.Note) for one in moment.decisions)
        if moment.cause == ACCEPTED and (place or not skipped):
            return [*found, *sent(life, moment)], True
        for decision in moment.decisions:
            found += seen(decision, moment.at)
        asks = any(isinstance(one, e.Await | e.Finish) for one in moment.decisions)
        if asks or (is_news and place >= MOST_HOPS):
            return found, True
    return found, False


def sent(life: Life, moment: Moment) -> Iterable[Foreseen]:
    """Yield that an email goes out, for the moment at which the provider accepts it."""
    step = life.sequence_of(life.runs[moment.number]).by_key.get(moment.step)
    if isinstance(step, Email):
        yield Foreseen("sends", moment.at, moment.step, step.template)


def seen(decision: Decision, at: datetime) -> Iterable[Foreseen]:
    """Yield what a decision at `at` means to a reader: one thing, or nothing.

    That an email is decided is nothing yet: it is `sent` once it was handed over.
    """
    match decision:
        case e.WouldSend(step, _, template):
            yield Foreseen("withheld", at, step, template)
        case e.Hold(step, reason, release):
            yield Foreseen("held", at, step, reason=reason, until=release)
        case e.Skip(step, why):
            yield Foreseen("skips", at, step, reason=why)
        case e.Take(step, to, path):
            yield Foreseen("takes", at, step, to=to, reason=path)
        case e.WaitUntil(step, until) if until > at:
            yield Foreseen("waits", at, step, until=until)
        case e.Await(step, deadline):
            yield Foreseen("awaits", at, step, until=deadline)
        case e.SetStage(step, stage):
            yield Foreseen("asks_stage", at, step, to=stage)
        case e.EnterSequence(step, sequence):
            yield Foreseen("moves", at, step, to=sequence)
        case e.Finish(state):
            yield from _ended(state, at)
        case _:
            return


def _ended(state: e.Exhausted | e.Over, at: datetime) -> Iterable[Foreseen]:
    match state:
        case e.Exhausted():
            yield Foreseen("exhausted", at)
        case e.Completed(reason):
            yield Foreseen("completes", at, reason=reason)
        case e.Exited(reason):
            yield Foreseen("leaves", at, reason=reason)
        case e.Moved(to):
            yield Foreseen("moves", at, to=to)
        case e.Failed(error):
            yield Foreseen("fails", at, reason=error)
