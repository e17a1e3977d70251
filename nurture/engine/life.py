"""One contact's life in memory: the whole of the rules, with no database, queue or provider.

The simulator, the back-test and the conformance scenarios live here. What a contact does is told
with `happen`; `advance` lets the clock run, so that timers fire, emails are accepted at once and
scores fade through their thresholds. Everything that follows is noted as moments. Segments are
those that the contact is in at the beginning. The contact's maximum of a day is obeyed; that of the
account is not, because it hangs on what everybody else gets.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from nurture.domain import enrollment as e
from nurture.domain.contact import GLOBAL, Change, Contact, Fact, Occurrence, Standing, changed
from nurture.domain.decide import Situation, decide
from nurture.domain.enrollment import Decision, Enrollment, Event
from nurture.domain.evolve import evolve
from nurture.domain.folding import LongLedger
from nurture.domain.scoring import Entry, award
from nurture.domain.sequence import Sequence
from nurture.domain.stages import (
    NOBODY,
    Actor,
    Said,
    StageChange,
    StageRefused,
    asked_change,
    highest,
    taken,
)
from nurture.domain.standing import settle
from nurture.engine.admission import takers
from nurture.engine.life_doors import (
    LifeDoors,
    beside,
    gives_consent,
    remembering,
    triggered,
    withdrawal,
    without,
)
from nurture.engine.life_post import LifePost
from nurture.engine.life_watch import needs_score, next_turn, own_thresholds
from nurture.engine.world import Moment, Wish, World

# Moves that lead to moves at one moment: more than this is a circle.
MOST_ROUNDS = 12


@dataclass
class Life:
    """A contact under the rules of a world. `runs` are theirs, live and over, oldest first."""

    world: World
    contact: Contact
    now: datetime
    runs: list[Enrollment] = field(default_factory=list)
    ledger: LongLedger = field(default_factory=LongLedger)
    moments: list[Moment] = field(default_factory=list)
    post: LifePost = field(default_factory=LifePost)
    _look_at: datetime | None = None
    _wishes: list[Wish] = field(default_factory=list)
    doors: LifeDoors = field(default_factory=LifeDoors)
    _moved: bool = False
    _look_again: bool = False
    ended: dict[int, datetime] = field(default_factory=dict)
    # What is asked after each of thousands of events, so that none of them is looked for twice.
    _going: dict[int, None] = field(default_factory=dict)
    _keys: set[str] = field(default_factory=set)
    _refused: set[StageRefused] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._keys = {one.dedupe_key for one in self.contact.history if one.dedupe_key}
        self._going = {number: None for number, run in enumerate(self.runs) if run.is_live}

    def begin(self, source: str = "") -> None:
        """Stand in the first stage, unless they stand somewhere, and enter its sequences."""
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
        self._wishes.append(Wish(self.world.sequences[key]))
        self._settle()

    def happen(self, occurrence: Occurrence) -> None:
        """Let the contact do something. What was due before has happened by then.

        One that is there already, by its dedupe key, changes nothing. One of the past is told
        now, and counts for when it occurred.
        """
        self.advance(max(self.now, occurrence.occurred_at))
        if occurrence.dedupe_key in self._keys:
            return
        self._keys |= {occurrence.dedupe_key} - {""}
        self.contact = remembering(self.contact, occurrence)
        if barred := withdrawal(occurrence):
            scope, reason = barred
            self.contact = without(self.contact, scope)
            self._end_mail(scope, reason)
        self.ledger.add(award(occurrence, self.world.funnel.rules, self.world.funnel.version))
        for number in tuple(self._going):
            self.tell(number, e.Happened(occurrence))
        self._wishes += triggered(self.world, occurrence)
        self._rescore()
        if gives_consent(occurrence) and not self._moved:
            self._enter_stage()
        self._settle()

    def change(self, change: Change) -> None:
        """Let somebody change a field, a tag or a letter of BANT."""
        self.contact = changed(self.contact, change)
        self._rescore()
        self._settle()

    def ask_stage(self, to: str, actor: Actor, said: Said = NOBODY) -> StageChange | StageRefused:
        """Let somebody ask for a stage, under the guards that everybody obeys."""
        answer = asked_change(self.contact, to, actor, self.world.funnel.edges, self.now, said)
        self._note_stage(answer, f"asked by {actor}")
        self._rescore()
        self._settle()
        return answer

    def advance(self, until: datetime) -> None:
        """Let the clock run up to `until`, doing what falls due on the way, in its order."""
        while True:
            watch = next_turn(self)
            due = self._next(watch)
            if due is None or due > until:
                break
            # A timer that is due at once is followed a moment later, or the clock would stand.
            self.now = max(self.now, due)
            looks = (self._look_at, watch)
            if any(one is not None and one <= self.now for one in looks):
                self._rescore()
            for number in tuple(self._going):
                wakes = e.wakes_at(self.runs[number].state)
                if wakes is not None and wakes <= self.now:
                    self.tell(number, e.TimerFired())
            self._settle()
        self.now = max(self.now, until)

    @property
    def sent(self) -> list[tuple[datetime, str]]:
        """When which email was sent, in order."""
        return self.post.sent

    @property
    def entries(self) -> list[Entry]:
        """Every line of the contact's ledger."""
        return self.ledger.entries

    @property
    def live(self) -> list[Enrollment]:
        """The runs that go on."""
        return [self.runs[number] for number in self._going]

    def add(self, run: Enrollment) -> int:
        """Let a run begin; return its number among `runs`."""
        self.runs.append(run)
        self._going[len(self.runs) - 1] = None
        return len(self.runs) - 1

    def _next(self, watch: datetime | None) -> datetime | None:
        instants = [at for run in self.live if (at := e.wakes_at(run.state)) is not None]
        instants += [at for at in (self._look_at, watch) if at is not None]
        return min(instants, default=None)

    def _end_mail(self, scope: str, reason: str) -> None:
        for number in tuple(self._going):
            steps = self.sequence_of(self.runs[number]).steps
            if scope == GLOBAL or scope in {getattr(step, "topic", "") for step in steps}:
                self.tell(number, e.Withdrawn(reason))

    def sequence_of(self, run: Enrollment) -> Sequence:
        """Return the sequence that a run goes through."""
        return self.world.sequences[run.sequence]

    def tell(self, number: int, event: Event) -> None:
        """Decide what follows from an event for one run, and follow it."""
        run = self.runs[number]
        if not run.is_live:
            return
        situation = Situation(run, self.sequence_of(run), self.contact)
        decisions = decide(situation, event, self.now)
        self.runs[number] = evolve(run, decisions)
        self._look_again |= needs_score(situation, event, self.runs[number])
        if not self.runs[number].is_live:
            self.ended[number] = self.now
            self._going.pop(number, None)
            self._wishes += self.doors.next_in_line(run)
        what, key = type(event).__name__, run.entry_key
        self.moments.append(Moment(self.now, what, run.sequence, decisions, entry_key=key))
        for decision in decisions:
            self._follow(number, decision)

    def _follow(self, number: int, decision: Decision) -> None:
        match decision:
            case e.Send(step, pass_no, template):
                self._hand_over(number, step, pass_no, template)
            case e.SetFact(_, fact, name, value):
                self.contact = changed(self.contact, Change(Fact(fact), name, value))
                self._look_again = True
            case e.SetStage(_, stage):
                edges = self.world.funnel.edges
                answer = asked_change(self.contact, stage, Actor.RULES, edges, self.now)
                self._note_stage(answer, "asked by a step")
                self._look_again = True
            case e.EnterSequence(_, key) | e.EnterBeside(_, key) if key in self.world.sequences:
                self._wishes += beside(self.runs[number], self.world.sequences[key], self.now)
            case e.LeaveBeside(_, key):
                for other in tuple(self._going):
                    if self.runs[other].sequence == key:
                        self.tell(other, e.Withdrawn(f"left by {self.runs[number].sequence}"))
            case _:
                pass

    def _hand_over(self, number: int, step: str, pass_no: int, template: str) -> None:
        if isinstance(self.runs[number].state, e.Sending):
            self.tell(number, self.post.hand_over(self, number, (step, pass_no), template))

    def _rescore(self) -> None:
        """Compute the score, and let stages and runs follow from it."""
        before = self.contact.standing
        if before is None:
            return
        funnel = self.world.funnel
        entries = self.ledger.short(funnel.groups, funnel.limits, self.now)
        settled = settle(self.contact, entries, funnel, self.now, own_thresholds(self))
        self.contact = settled.contact
        self._look_at = settled.look_at
        for change in settled.changes:
            self._note(change, "Rules")
            self._moved = True
        # What the rules would do and may not yet: told once while a contact stays in a stage.
        if settled.refused is not None and settled.refused not in self._refused:
            self._note(settled.refused, "Rules")
        for number in tuple(self._going):
            stage = self.sequence_of(self.runs[number]).stage
            if self.contact.standing == before or not stage:
                self.tell(number, e.Reconsider())

    def _note(self, answer: StageChange | StageRefused, cause: str) -> None:
        self.moments.append(Moment(self.now, cause, stage=answer))
        if isinstance(answer, StageChange):
            self._refused.clear()
        else:
            self._refused.add(answer)

    def _note_stage(self, answer: StageChange | StageRefused, cause: str) -> None:
        self._note(answer, cause)
        if isinstance(answer, StageChange):
            self.contact = taken(self.contact, answer.edge, self.world.funnel.order, self.now)
            self._moved = True

    def _settle(self) -> None:
        """Follow moves to their end: leave the old stage's sequences, enter what is wished."""
        for _ in range(MOST_ROUNDS):
            if self._look_again:
                self._look_again = False
                self._rescore()
            if self._moved:
                self._moved = False
                self._move()
            if not self._wishes and not self._look_again:
                return
            wishes, self._wishes = self._wishes, []
            for wish in wishes:
                self.doors.open(self, wish)

    def _move(self) -> None:
        standing, found = self.contact.standing, self._takers()
        for number in tuple(self._going):
            sequence = self.sequence_of(self.runs[number])
            if sequence.stage:
                target = found.get(sequence.track)
                goal = target.key if target else (standing.stage if standing else "")
                self.tell(number, e.MovedAway(goal))
        self._enter_stage()

    def _takers(self) -> dict[str, Sequence]:
        stage = self.contact.standing.stage if self.contact.standing else ""
        return takers(self.world.of_stage(stage) if stage else (), self.contact, self.now)

    def _enter_stage(self) -> None:
        self._wishes += [Wish(one) for one in self._takers().values()]
