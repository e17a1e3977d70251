"""The player in memory: each contact's life under the rules, with nothing around it."""

from collections import Counter
from datetime import datetime, timedelta
from types import MappingProxyType

from nurture.campaigns.parse import parse_funnel, parse_sequence
from nurture.domain import enrollment as e
from nurture.domain.consent import Act, Answer, Confirmed, Line, Proof, confirmed, wished
from nurture.domain.contact import Contact, Occurrence, Standing, Value
from nurture.domain.invariant import violations
from nurture.domain.scoring import engagement
from nurture.domain.stages import Actor, Said, StageRefused
from nurture.engine.life import Life
from nurture.engine.world import World
from tests.engine.world import NOW
from tests.scenarios.player import HELD, Did, Document, Person, Run


class Pure:
    """Plays with `nurture.engine.life` alone."""

    def __init__(self) -> None:
        self.now = NOW
        self._lives: dict[str, Life] = {}
        self._consents: dict[str, list[Line]] = {}
        self._world: World | None = None

    def begin(self, moment: datetime) -> None:
        self.now = moment

    def publish(self, funnel: Document, *sequences: Document) -> None:
        rules = parse_funnel(funnel, version=1)
        parsed = (parse_sequence(one, funnel=rules, version=1) for one in sequences)
        self._world = World(rules, {one.key: one for one in parsed})

    def add(self, *people: Person) -> None:
        for person in people:
            self._add(person)

    def _add(self, person: Person) -> None:
        assert self._world is not None
        contact = Contact(
            len(self._lives) + 1,
            f"{person.name.lower()}@example.com",
            timezone=person.timezone,
            fields=MappingProxyType(dict(person.fields)),
            tags=frozenset(person.tags),
            consents=MappingProxyType(dict(person.consents)),
            standing=Standing(person.stage, person.stage, self.now),
            company_timezone=str(dict(person.fields).get("company_timezone", "")),
        )
        life = Life(self._world, contact, self.now)
        self._lives[person.name] = life
        life.begin()

    def let_pass(self, span: timedelta) -> None:
        self.now += span
        for life in self._lives.values():
            life.advance(self.now)

    def happen(self, name: str, did: Did) -> None:
        properties = MappingProxyType(dict(did.properties))
        self._lives[name].happen(Occurrence(did.event, did.at, properties, dedupe_key=did.key))

    def click(self, name: str, email: str) -> None:
        self._engage(name, email, "click")

    def open(self, name: str, email: str) -> None:
        self._engage(name, email, "open")

    def _engage(self, name: str, email: str, event: str) -> None:
        life = self._lives[name]
        sequence, step, entry_key = self._latest(life, email)
        did = {"sequence": sequence, "step": step}
        if entry_key:
            did["entry_key"] = entry_key
        key = f"{event}:{self.now}:{name}"
        life.happen(Occurrence(event, self.now, MappingProxyType(did), dedupe_key=key))
        self.let_pass(HELD)

    def _latest(self, life: Life, email: str) -> tuple[str, str, str]:
        for moment in reversed(life.moments):
            for one in moment.decisions:
                if isinstance(one, e.Send) and one.template == email:
                    return moment.sequence, one.step, moment.entry_key
        raise AssertionError(f"{email} did not reach them")

    def unsubscribe(self, name: str) -> None:
        life = self._lives[name]
        key = f"unsubscribe:{self.now}:{name}"
        topic = MappingProxyType({"topic": "marketing"})
        life.happen(Occurrence("unsubscribe", self.now, topic, dedupe_key=key))
        log = self._consents.setdefault(name, [])
        log.append(Line(len(log) + 1, "marketing", Act.WITHDRAWN, self.now))

    def sign_up(self, name: str, topic: str) -> None:
        life, log = self._lives[name], self._consents.setdefault(name, [])
        confirm = topic in life.world.funnel.confirmed
        answer = wished(life.contact, topic, Proof.NONE, log, self.now, confirm=confirm)
        if answer is Answer.PENDING:
            log.append(Line(len(log) + 1, topic, Act.ASKED, self.now))
            asked: dict[str, Value] = {"ask": len(log), "topic": topic}
            self._tell(name, "subscription_asked", asked)
        elif answer is Answer.GRANTED:
            self._grant(name, topic)

    def confirm(self, name: str) -> None:
        life, log = self._lives[name], self._consents[name]
        asked = [line for line in log if line.act is Act.ASKED][-1]
        answer = confirmed(life.contact, asked, log, asked.at, self.now)
        if answer is Confirmed.GRANTED:
            self._grant(name, asked.topic)

    def _grant(self, name: str, topic: str) -> None:
        log = self._consents.setdefault(name, [])
        log.append(Line(len(log) + 1, topic, Act.GRANTED, self.now))
        self._tell(name, "subscribed", {"topic": topic})

    def _tell(self, name: str, event: str, properties: dict[str, Value]) -> None:
        key = f"{event}:{len(self._consents[name])}:{name}"
        told = Occurrence(event, self.now, MappingProxyType(properties), dedupe_key=key)
        self._lives[name].happen(told)

    def complain(self, name: str) -> None:
        key = f"complaint:{self.now}:{name}"
        self._lives[name].happen(Occurrence("complaint", self.now, dedupe_key=key))

    def ask_stage(self, name: str, to: str, who: str, reason: str) -> None:
        self._lives[name].ask_stage(to, Actor(who), Said("lan", reason, "they said so"))

    def got(self, name: str) -> list[tuple[datetime, str]]:
        return self._lives[name].sent

    def runs(self, name: str) -> list[Run]:
        return [
            Run(run.sequence, e.STATE_NAMES[type(run.state)], run.step, _why(run.state))
            for run in self._lives[name].runs
        ]

    def stage(self, name: str) -> tuple[str, str]:
        standing = self._lives[name].contact.standing
        assert standing is not None
        return standing.stage, standing.highest

    def score(self, name: str) -> float:
        life = self._lives[name]
        funnel = life.world.funnel
        return engagement(life.entries, funnel.groups, funnel.limits, self.now).total

    def refusals(self, name: str) -> list[str]:
        told = [moment.stage for moment in self._lives[name].moments]
        return [one.to for one in told if isinstance(one, StageRefused)]

    def names(self) -> list[str]:
        return list(self._lives)

    def hold_to_account(self) -> None:
        for life in self._lives.values():
            for run in life.runs:
                assert violations(run, life.sequence_of(run)) == ()
            of_live = map(life.sequence_of, life.live)
            tracks = Counter(one.track for one in of_live if one.stage)
            assert set(tracks.values()) <= {1}
            sent = Counter(
                (moment.sequence, one.step, one.pass_no, moment.at)
                for moment in life.moments
                for one in moment.decisions
                if isinstance(one, e.Send)
            )
            assert not [one for one, times in sent.items() if times > 1]

    def close(self) -> None:
        self._lives.clear()


def _why(state: e.State) -> str:
    match state:
        case e.Exited(why) | e.Completed(why) | e.Holding(reason=why) | e.Failed(why):
            return why
        case e.Moved(to):
            return to
        case _:
            return ""
