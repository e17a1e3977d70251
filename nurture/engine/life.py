"""One contact's life in memory: the whole of the rules, with no database, queue or provider.

The simulator, the back-test and the conformance scenarios live here. What a contact does is told
with `happen`; `advance` lets the clock run, so that timers fire, emails are accepted at once and
scores fade through their thresholds. Everything that follows is noted as moments.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from nurture.domain import enrollment as e
from nurture.domain.conditions import counts, matches_properties
from nurture.domain.contact import (
    GLOBAL,
    Change,
    Contact,
    Engaged,
    Fact,
    Occurrence,
    Standing,
    changed,
)
from nurture.domain.decide import Situation, decide
from nurture.domain.enrollment import Decision, Enrollment, Event
from nurture.domain.evolve import evolve
from nurture.domain.funnel import Funnel
from nurture.domain.personas import persona_of
from nurture.domain.scoring import Entry, award, engagement, fit, temperature
from nurture.domain.sequence import Sequence
from nurture.domain.stages import (
    Actor,
    StageChange,
    StageRefused,
    asked_change,
    highest,
    next_change,
)
from nurture.engine.admission import admitted
from nurture.engine.score import next_crossing

TRACK = "default"
# Moves that lead to moves at one moment: more than this is a circle.
MOST_ROUNDS = 12
SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class World:
    """The rules that a life is lived under: a funnel and the current sequences by key."""

    funnel: Funnel
    sequences: Mapping[str, Sequence]

    def of_stage(self, stage: str) -> list[Sequence]:
        """Return the sequences of a stage, the highest priority first."""
        some = [one for one in self.sequences.values() if one.stage == stage]
        return sorted(some, key=lambda one: (-one.priority, one.key))


@dataclass(frozen=True, slots=True)
class Moment:
    """Something that followed: decisions of a run, or a change of stage or its refusal."""

    at: datetime
    cause: str
    sequence: str = ""
    decisions: tuple[Decision, ...] = ()
    stage: StageChange | StageRefused | None = None


@dataclass
class Life:
    """A contact under the rules of a world. `runs` are theirs, live and over, oldest first."""

    world: World
    contact: Contact
    now: datetime
    runs: list[Enrollment] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    _crosses_at: datetime | None = None
    _wishes: list[tuple[Sequence, str, Occurrence | None]] = field(default_factory=list)
    _changes: list[StageChange] = field(default_factory=list)
    _look_again: bool = False
    _ended: dict[int, datetime] = field(default_factory=dict)

    def begin(self, source: str = "") -> None:
        """Stand in the first stage, unless they stand somewhere, and enter its sequence."""
        if self.contact.standing is None:
            first = self.world.funnel.first_stage(source)
            self.contact = replace(self.contact, standing=Standing(first, first, self.now))
        self._rescore()
        self._enter_stage()
        self._settle()

    def place(self, stage: str) -> None:
        """Put the contact into a stage without asking anybody, and into none of its sequences."""
        standing = self.contact.standing
        top = highest(stage, standing.highest if standing else "", self.world.funnel.order)
        self.contact = replace(self.contact, standing=Standing(stage, top, self.now))

    def enter(self, key: str) -> None:
        """Enter a sequence on somebody's word, if its rules let the contact in."""
        self._wishes.append((self.world.sequences[key], "", None))
        self._settle()

    def happen(self, occurrence: Occurrence) -> None:
        """Let the contact do something. What was due before has happened by then.

        One that is there already, by its dedupe key, changes nothing. One of the past is told
        now, and counts for when it occurred.
        """
        self.advance(max(self.now, occurrence.occurred_at))
        known = {one.dedupe_key for one in self.contact.history if one.dedupe_key}
        if occurrence.dedupe_key in known:
            return
        history = sorted((*self.contact.history, occurrence), key=lambda one: one.occurred_at)
        self.contact = replace(self.contact, history=tuple(history))
        self._withdraw(occurrence)
        self.entries += award(occurrence, self.world.funnel.rules, self.world.funnel.version)
        for number in range(len(self.runs)):
            if self.runs[number].is_live:
                self._tell(number, e.Happened(occurrence))
        self._trigger(occurrence)
        self._rescore()
        self._settle()

    def change(self, change: Change) -> None:
        """Let somebody change a field, a tag or a letter of BANT."""
        self.contact = changed(self.contact, change)
        self._rescore()
        self._settle()

    def ask_stage(self, to: str, actor: Actor) -> StageChange | StageRefused:
        """Let somebody ask for a stage, under the guards that everybody obeys."""
        answer = asked_change(self.contact, to, actor, self.world.funnel.edges, self.now)
        self._note_stage(answer, f"asked by {actor}")
        self._rescore()
        self._settle()
        return answer

    def advance(self, until: datetime) -> None:
        """Let the clock run up to `until`, doing what falls due on the way, in its order."""
        while True:
            due = self._next()
            if due is None or due > until:
                break
            # A timer that is due at once is followed a moment later, or the clock would stand.
            self.now = max(self.now, due)
            if self._crosses_at is not None and self._crosses_at <= self.now:
                self._rescore()
            for number in range(len(self.runs)):
                wakes = e.wakes_at(self.runs[number].state)
                if wakes is not None and wakes <= self.now:
                    self._tell(number, e.TimerFired())
            self._settle()
        self.now = max(self.now, until)

    @property
    def live(self) -> list[Enrollment]:
        """The runs that go on."""
        return [run for run in self.runs if run.is_live]

    @property
    def sent(self) -> list[tuple[datetime, str]]:
        """When which email was sent, in order."""
        return [
            (moment.at, one.template)
            for moment in self.moments
            for one in moment.decisions
            if isinstance(one, e.Send)
        ]

    def _next(self) -> datetime | None:
        instants = [at for run in self.runs if (at := e.wakes_at(run.state)) is not None]
        if self._crosses_at is not None:
            instants.append(self._crosses_at)
        return min(instants, default=None)

    def _withdraw(self, occurrence: Occurrence) -> None:
        """Take the consent or the address away where this is what happened."""
        contact = self.contact
        if occurrence.name == Engaged.UNSUBSCRIBE:
            topic = str(occurrence.properties.get("topic", "marketing"))
            consents = {**contact.consents, topic: False}
            self.contact = replace(
                contact, consents=consents, suppressions=contact.suppressions | {topic}
            )
            self._end_mail(topic, "unsubscribed")
        elif occurrence.name == Engaged.COMPLAINT:
            self.contact = replace(contact, suppressions=contact.suppressions | {GLOBAL})
            self._end_mail(GLOBAL, "complaint")
        elif occurrence.name == Engaged.BOUNCE and occurrence.properties.get("kind") == "hard":
            self.contact = replace(contact, suppressions=contact.suppressions | {GLOBAL})
            self._end_mail(GLOBAL, "hard bounce")

    def _end_mail(self, scope: str, reason: str) -> None:
        for number, run in enumerate(self.runs):
            topics = {getattr(step, "topic", "") for step in self._sequence(run).steps}
            if run.is_live and (scope == GLOBAL or scope in topics):
                self._tell(number, e.Withdrawn(reason))

    def _sequence(self, run: Enrollment) -> Sequence:
        return self.world.sequences[run.sequence]

    def _tell(self, number: int, event: Event) -> None:
        run = self.runs[number]
        if not run.is_live:
            return
        decisions = decide(Situation(run, self._sequence(run), self.contact), event, self.now)
        self.runs[number] = evolve(run, decisions)
        if not self.runs[number].is_live:
            self._ended[number] = self.now
        self.moments.append(Moment(self.now, type(event).__name__, run.sequence, decisions))
        for decision in decisions:
            self._follow(number, decision)

    def _follow(self, number: int, decision: Decision) -> None:
        match decision:
            case e.Send(step, pass_no, template):
                self._accept(number, step, pass_no, template)
            case e.SetFact(_, fact, name, value):
                self.contact = changed(self.contact, Change(Fact(fact), name, value))
                self._look_again = True
            case e.SetStage(_, stage):
                edges = self.world.funnel.edges
                answer = asked_change(self.contact, stage, Actor.RULES, edges, self.now)
                self._note_stage(answer, "asked by a step")
                self._look_again = True
            case e.EnterSequence(_, key) | e.EnterBeside(_, key) if key in self.world.sequences:
                self._wishes.append((self.world.sequences[key], "", None))
            case e.LeaveBeside(_, key):
                for other, run in enumerate(self.runs):
                    if run.sequence == key and run.is_live:
                        self._tell(other, e.Withdrawn(f"left by {self.runs[number].sequence}"))
            case _:
                pass

    def _accept(self, number: int, step: str, pass_no: int, template: str) -> None:
        if not isinstance(self.runs[number].state, e.Sending):
            return
        self.contact = replace(
            self.contact,
            received=self.contact.received | {template},
            mailed=(*self.contact.mailed, self.now) if self.world.funnel.caps else (),
        )
        self._tell(number, e.Accepted(step, pass_no, self.now))

    def _trigger(self, occurrence: Occurrence) -> None:
        for sequence in self.world.sequences.values():
            trigger = sequence.trigger
            if trigger is None or not counts(occurrence, trigger.event):
                continue
            if not matches_properties(trigger.where, occurrence.properties):
                continue
            key = str(occurrence.properties.get(trigger.key, "")) if trigger.key else ""
            if not trigger.key or key:
                self._wishes.append((sequence, key, occurrence))

    def _rescore(self) -> None:
        """Compute the score, and let stages and runs follow from it."""
        funnel, now = self.world.funnel, self.now
        standing = self.contact.standing
        if standing is None:
            return
        total = engagement(self.entries, funnel.groups, funnel.limits, now).total
        fitting = fit(self.contact, funnel.fit_rules, funnel.grades, now)
        self.contact = replace(
            self.contact,
            engagement=total,
            fit=fitting.total,
            grade=fitting.grade,
            temperature=temperature(self.contact.temperature, total, funnel.warmth),
            persona=persona_of(self.contact, funnel.personas, now) or self.contact.persona,
        )
        release = self._follow_edges()
        crosses = next_crossing(funnel, self.entries, total, now)
        moments = [one for one in (release, crosses) if one is not None and one > now]
        self._crosses_at = min(moments, default=None)
        if self.contact.standing == standing:
            for number in range(len(self.runs)):
                self._tell(number, e.Reconsider())

    def _follow_edges(self) -> datetime | None:
        seen: set[str] = set()
        while True:
            answer = next_change(self.contact, self.world.funnel.edges, self.now)
            if isinstance(answer, StageRefused):
                return answer.release
            if answer is None or answer.edge.to in seen:
                return None
            seen |= {answer.edge.start, answer.edge.to}
            why = f"engagement {self.contact.engagement:.1f}"
            self._note_stage(replace(answer, why=why), "score")

    def _note_stage(self, answer: StageChange | StageRefused, cause: str) -> None:
        self.moments.append(Moment(self.now, cause, stage=answer))
        standing = self.contact.standing
        if isinstance(answer, StageChange):
            order = self.world.funnel.order
            top = highest(answer.edge.to, standing.highest if standing else "", order)
            rests = self.now + answer.edge.cooldown if answer.edge.cooldown else None
            self.contact = replace(
                self.contact, standing=Standing(answer.edge.to, top, self.now, rests)
            )
            self._changes.append(answer)

    def _settle(self) -> None:
        """Follow moves to their end: leave the old stage's sequence, enter what is wished."""
        for _ in range(MOST_ROUNDS):
            if self._look_again:
                self._look_again = False
                self._rescore()
            if self._changes:
                self._changes = []
                self._move()
            if not self._wishes:
                return
            wishes, self._wishes = self._wishes, []
            for sequence, key, occurrence in wishes:
                self._open(sequence, key, occurrence)

    def _move(self) -> None:
        standing = self.contact.standing
        target = next(iter(self._takers()), None)
        goal = target.key if target else (standing.stage if standing else "")
        for number, run in enumerate(self.runs):
            if run.is_live and self._sequence(run).stage:
                self._tell(number, e.MovedAway(goal))
        self._enter_stage()

    def _takers(self) -> Iterable[Sequence]:
        standing = self.contact.standing
        for sequence in self.world.of_stage(standing.stage if standing else ""):
            if admitted(sequence, self.contact, "", (), self.now):
                yield sequence

    def _enter_stage(self) -> None:
        taker = next(iter(self._takers()), None)
        if taker is not None and not any(
            run.is_live and self._sequence(run).stage for run in self.runs
        ):
            self._wishes.append((taker, "", None))

    def _open(self, sequence: Sequence, key: str, occurrence: Occurrence | None) -> None:
        before = [
            (run.entry_key, self._ended.get(number))
            for number, run in enumerate(self.runs)
            if run.sequence == sequence.key
        ]
        if not admitted(sequence, self.contact, key, before, self.now):
            return
        self.runs.append(
            Enrollment(
                contact_id=self.contact.id,
                sequence=sequence.key,
                version=sequence.version,
                state=e.Waiting(self.now),
                entered_at=self.now,
                entry_key=key,
                properties=occurrence.properties if occurrence else {},
            )
        )
        keys = frozenset(run.sequence for run in self.live)
        self.contact = replace(self.contact, sequences=keys)
        self._tell(len(self.runs) - 1, e.Entered())
