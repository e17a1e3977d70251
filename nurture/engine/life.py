"""One contact's life in memory: the whole of the rules, with no database, queue or provider.

The simulator, the back-test, what is foretold of a contact and the conformance scenarios live here.
What a contact does is told with `happen`; `advance` lets the clock run, so that timers fire, emails
are accepted at once, scores fade through their thresholds, and the contact comes into segments and
leaves them. Everything that follows is noted as moments. The contact's maximum of a day is obeyed;
that of the account is not, because it hangs on what everybody else gets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from nurture.domain import enrollment as e
from nurture.domain.contact import Change, Contact, Fact, Occurrence, Standing, changed
from nurture.domain.decide import Situation, decided
from nurture.domain.enrollment import Decision, Enrollment, Event
from nurture.domain.folding import LongLedger
from nurture.domain.history import History
from nurture.domain.scoring import Entry
from nurture.domain.sequence import Sequence
from nurture.domain.stages import NOBODY, Actor, Said, StageChange, StageRefused, highest
from nurture.engine.life_doors import LifeDoors, beside, gives_consent
from nurture.engine.life_hearing import LifeHearing
from nurture.engine.life_letters import LifeLetters
from nurture.engine.life_post import LifePost, in_turn
from nurture.engine.life_segments import LifeSegments
from nurture.engine.life_stages import LifeStages
from nurture.engine.life_watch import needs_score, next_turn
from nurture.engine.trial_words import seen
from nurture.engine.world import Moment, Wish, World

# Moves that lead to moves at one moment: more than this is a circle.
MOST_ROUNDS = 12
# Emails that follow one another at one moment: the longest sequence has fewer.
MOST_DELIVERIES = 1_000


@dataclass
class Life:
    """A contact under the rules of a world. `runs` are theirs, live and over, oldest first.

    `pinned` are the versions that runs of the database go through, by the id of the run; all others
    go through the current one. By their numbers among the runs, `trials` are of a draft, and what
    is in `still` stands still, because its sequence is paused. `going` are those that are not over,
    `wishes` what is to be entered; with `look_again` the rules look once more in this moment.
    """

    world: World
    contact: Contact
    now: datetime
    runs: list[Enrollment] = field(default_factory=list)
    ledger: LongLedger = field(default_factory=LongLedger)
    moments: list[Moment] = field(default_factory=list)
    post: LifePost = field(default_factory=LifePost)
    letters: LifeLetters | None = None
    doors: LifeDoors = field(default_factory=LifeDoors)
    hearing: LifeHearing = field(default_factory=LifeHearing)
    stages: LifeStages = field(default_factory=LifeStages)
    segments: LifeSegments = field(default_factory=LifeSegments)
    ended: dict[int, datetime] = field(default_factory=dict)
    pinned: Mapping[int, Sequence] = field(default_factory=dict)
    trials: frozenset[int] = frozenset()
    still: set[int] = field(default_factory=set)
    look_again: bool = False
    wishes: list[Wish] = field(default_factory=list)
    _rooms_changed: bool = False
    # What is asked after each of thousands of events, so that none of them is looked for twice.
    going: dict[int, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hearing.keys = {one.dedupe_key for one in self.contact.history if one.dedupe_key}
        self.going = {number: None for number, run in enumerate(self.runs) if run.is_live}
        # What is not led here, such as the real runs of a contact who is simulated, stays so.
        self._elsewhere = self.contact.sequences - {run.sequence for run in self.live}
        self.contact = replace(self.contact, history=History(self.contact.history))
        for number, run in enumerate(self.runs):
            self.doors.know(self, number, run)
        self.segments.watch(self)

    def begin(self, source: str = "") -> None:
        """Stand in the first stage, unless they stand somewhere, and enter its sequences."""
        if self.contact.standing is None:
            first = self.world.funnel.first_stage(source)
            self.contact = replace(self.contact, standing=Standing(first, first, self.now))
        self._rescore()
        self.stages.enter(self)
        self.settle()

    def place(self, stage: str) -> None:
        """Put the contact into a stage without asking anybody, and into none of its sequences."""
        standing = self.contact.standing
        top = highest(stage, standing.highest if standing else "", self.world.funnel.order)
        self.contact = replace(self.contact, standing=Standing(stage, top, self.now))

    def enter(self, key: str) -> None:
        """Enter a sequence on somebody's word, if its rules let the contact in."""
        self.wishes.append(Wish(self.world.sequences[key]))
        self.settle()

    def happen(self, occurrence: Occurrence) -> None:
        """Let the contact do something. What was due before has happened by then.

        One that is there already, by its dedupe key, changes nothing. One of the past is told
        now, and counts for when it occurred.
        """
        self.advance(max(self.now, occurrence.occurred_at))
        if self.hearing.knows(occurrence):
            return
        self._read_rooms()
        self.hearing.remember(self, [occurrence])
        self.hearing.withdraw(self, occurrence)
        self.hearing.take_effect(self, [occurrence])
        self._rescore()
        if gives_consent(occurrence) and not self.stages.moved:
            self.stages.enter(self)
        self.settle()

    def change(self, change: Change) -> None:
        """Let somebody change a field, a tag or a letter of BANT."""
        self._read_rooms()
        self.contact = changed(self.contact, change)
        self._rescore()
        self.settle()

    def ask_stage(self, to: str, actor: Actor, said: Said = NOBODY) -> StageChange | StageRefused:
        """Let somebody ask for a stage, under the guards that everybody obeys."""
        self._read_rooms()
        answer = self.stages.ask(self, to, actor, said)
        self._rescore()
        self.settle()
        return answer

    def advance(self, until: datetime) -> None:
        """Let the clock run up to `until`, doing what falls due on the way, in its order."""
        while self.turn(until):
            pass
        self.now = max(self.now, until)

    def turn(self, until: datetime) -> bool:
        """Do what falls due next by the clock alone; return whether anything does by `until`.

        What is due by now is done now.
        """
        looks = (self.stages.turns_at, self.segments.turns_at, next_turn(self))
        instants = [e.wakes_at(self.runs[number].state) for number in self.moving]
        due = min((at for at in (*instants, *looks) if at is not None), default=None)
        if due is None or due > until:
            return False
        self.now = max(self.now, due)
        self._read_rooms()
        if any(one is not None and one <= self.now for one in looks):
            self._rescore()
        for number in in_turn(self):
            self.tell(number, e.TimerFired())
        self.settle()
        return True

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
        return [self.runs[number] for number in self.going]

    def add(self, run: Enrollment) -> int:
        """Let a run begin; return its number among `runs`."""
        self.runs.append(run)
        self.going[len(self.runs) - 1] = None
        return len(self.runs) - 1

    @property
    def moving(self) -> list[int]:
        """The numbers of the runs that go on and do not stand still."""
        return [number for number in self.going if number not in self.still]

    def rooms_changed(self) -> None:
        """Note that a run began or ended: the next look sees in which sequences the contact is."""
        self._rooms_changed = True
        self.look_again |= "sequence" in self.world.asked_by_segments

    def _read_rooms(self) -> None:
        """Bring the sequences that the contact is in up to date, as every transaction reads them.

        A trial is none of them.
        """
        if self._rooms_changed:
            self._rooms_changed = False
            own = {self.runs[number].sequence for number in self.going if number not in self.trials}
            self.contact = replace(self.contact, sequences=self._elsewhere | own)

    def sequence_of(self, run: Enrollment) -> Sequence:
        """Return the sequence that a run goes through."""
        return self.pinned.get(run.id) or self.world.sequences[run.sequence]

    def tell(self, number: int, event: Event) -> None:
        """Decide what follows from an event for one run, and follow it."""
        run = self.runs[number]
        if not run.is_live:
            return
        self.stages.weigh(self, sequence := self.sequence_of(run))
        contact = seen(self.contact) if number in self.trials else self.contact
        situation = Situation(run, sequence, contact)
        decisions, self.runs[number] = decided(situation, event, self.now)
        self.look_again |= needs_score(situation, event, self.runs[number])
        timed_out = isinstance(event, e.TimerFired) and isinstance(run.state, e.Awaiting)
        self.moments.append(
            Moment(
                self.now, type(event).__name__, run.sequence, decisions, entry_key=run.entry_key,
                number=number, step=run.step, unanswered=run.step if timed_out else "",
            )
        )  # fmt: skip
        if not self.runs[number].is_live:
            self.ended[number] = self.now
            self.going.pop(number, None)
            self.rooms_changed()
            self.wishes += self.doors.next_in_line(run)
        for decision in decisions:
            self._follow(number, decision)

    def _follow(self, number: int, decision: Decision) -> None:
        match decision:
            case e.Send(step, pass_no):
                self.post.queue(number, step, pass_no)
            case _ if number in self.trials:
                pass  # Nothing but emails comes of a trial.
            case e.SetFact(_, fact, name, value):
                self.contact = changed(self.contact, Change(Fact(fact), name, value))
                self.look_again = True
            case e.SetStage(_, stage):
                self.stages.ask(self, stage, Actor.RULES, cause="asked by a step")
                self.look_again = True
            case e.EnterSequence(_, key) | e.EnterBeside(_, key) if key in self.world.sequences:
                self.wishes += beside(self, number, self.world.sequences[key])
            case e.LeaveBeside(_, key):
                for other in tuple(self.going):
                    if self.runs[other].sequence == key:
                        self.tell(other, e.Withdrawn(f"left by {self.runs[number].sequence}"))
            case _:
                pass

    def _rescore(self) -> None:
        """Compute the score, let stages, runs and segments follow from it, and so to the end."""
        crossed: set[str] = set()
        while True:
            self.stages.look(self)
            happened = self.segments.follow(self, crossed)
            news = [one for one in happened if not self.hearing.knows(one)]
            if not news:
                return
            self.hearing.remember(self, news)
            self.hearing.take_effect(self, news)

    def settle(self) -> None:
        """Follow everything that was decided to its end, and hand over what is to be sent.

        An email goes out only when all that belongs to the moment is decided: what decided on it
        may also end its run.
        """
        for _ in range(MOST_DELIVERIES):
            self._settle_moves()
            if not self.post.queued:
                return
            self._read_rooms()
            self.post.deliver(self)

    def _settle_moves(self) -> None:
        """Follow moves to their end: leave the old stage's sequences, enter what is wished."""
        for _ in range(MOST_ROUNDS):
            if self.look_again:
                self.look_again = False
                self._read_rooms()
                self._rescore()
            self.stages.move(self)
            if not self.wishes and not self.look_again:
                return
            wishes, self.wishes = self.wishes, []
            for wish in wishes:
                self.doors.open(self, wish)
