"""The team of the invented company: what they do in the admin and on the command line, by day.

Each act is a use case that the admin and the commands call, too; done once, and told in a line.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from nurture.campaigns.parse import parse_funnel
from nurture.domain.contact import Occurrence
from nurture.domain.migrating import Choices, Waits
from nurture.domain.resuming import How, Resumption
from nurture.domain.stages import Said, StageChange
from nurture.engine import drafts, qualification
from nurture.engine.backtest import backtest
from nurture.engine.dependencies import Dependencies
from nurture.engine.experiments import reports, stop
from nurture.engine.migrating import carry_out
from nurture.engine.pausing import pause, resume
from nurture.engine.plan_documents import changes, with_change
from nurture.engine.record import record
from nurture.engine.simulate import published_world
from nurture.engine.world import World
from nurture.errors import NurtureError
from nurture.store import origins, progress, sequence_reports
from nurture.store.ledger import NewEvent

TEAM = "team@lotusdesk.example.com"
DAY = timedelta(days=1)
# So long a guard's pause stands before somebody has looked into it, and how often anybody looks.
LOOKED_INTO = timedelta(hours=5)
LOOKS_EVERY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Act:
    """Something the team does on a day of the story; `do` says in a line what came of it."""

    name: str
    day: float
    do: Callable[[Dependencies, datetime], str]


class Team:
    """Does what its days bring, once; `notes` keeps what was done across restarts."""

    def __init__(self, deps: Dependencies, began: datetime, notes: Path) -> None:
        self._deps = deps
        self._began = began
        self._notes = notes
        self._done: list[str] = json.loads(notes.read_text()) if notes.exists() else []
        self.failures: list[str] = []
        self._looked: datetime | None = None

    @property
    def done(self) -> int:
        """How many of its acts the team has done."""
        return len(self._done)

    def step(self, now: datetime) -> Iterator[str]:
        """Do everything whose day has come; yield a line for each."""
        for act in ACTS:
            if act.name in self._done or now < self._began + act.day * DAY:
                continue
            try:
                told = act.do(self._deps, now)
            except NurtureError as error:
                told = f"failed: {error}"
                self.failures.append(f"{act.name}: {error}")
            self._done.append(act.name)
            self._notes.write_text(json.dumps(self._done))
            yield f"{act.name}: {told}"
        if self._looked is None or now >= self._looked + LOOKS_EVERY:
            self._looked = now
            yield from self._look_into_guards(now)

    def _look_into_guards(self, now: datetime) -> Iterator[str]:
        """Let go on what a guard paused, some hours later, when somebody has looked why."""
        with self._deps.database.read() as tx:
            paused = [one for one in sequence_reports.sequences(tx) if one.paused_at is not None]
        for one in paused:
            if self._is_ours(one.key) or one.paused_at is None or (
                now < one.paused_at + LOOKED_INTO
            ):  # fmt: skip
                continue
            name = f"resume {one.key}, which a guard paused on {one.paused_at:%d %b %H:%M}"
            try:
                number = resume(self._deps, one.key, TEAM, now, Resumption(over=DAY))
            except NurtureError as error:
                self.failures.append(f"{name}: {error}")
                yield f"{name}: failed: {error}"
            else:
                self._done.append(name)
                self._notes.write_text(json.dumps(self._done))
                yield f"{name} ({one.pause_reason}): {_going_on(number)}"

    def _is_ours(self, key: str) -> bool:
        """Whether the team has paused this sequence itself, and not let it go on yet."""
        over = any(name.startswith(f"resume {key}, ") for name in _names_of_acts(self._done))
        return f"pause {key}" in self._done and not over


def _names_of_acts(done: Iterable[str]) -> set[str]:
    """The names among these of acts of the story, rather than of what guards called for."""
    return {act.name for act in ACTS} & set(done)


def _going_on(runs: int) -> str:
    return "1 run goes on" if runs == 1 else f"{runs} runs go on"


def _pause(key: str) -> Callable[[Dependencies, datetime], str]:
    def do(deps: Dependencies, now: datetime) -> str:
        done = pause(deps, key, "the shop moves house", TEAM, now)
        return f"{done.stopped} runs stand still"

    return do


def _resume(key: str, how: How) -> Callable[[Dependencies, datetime], str]:
    def do(deps: Dependencies, now: datetime) -> str:
        # Over a day, because the story knows no shorter time that anybody could see.
        plan = Resumption(how, over=DAY)
        return _going_on(resume(deps, key, TEAM, now, plan))

    return do


def _new_version(deps: Dependencies, now: datetime) -> str:
    """Shorten a wait and add a look at the calendar, then take everybody over who is under way."""
    draft = drafts.load(deps, "lead-nurture")
    steps: list[dict[str, Any]] = [dict(step) for step in draft.document["steps"]]
    for step in steps:
        if isinstance(step.get("wait"), str):
            step["wait"] = {"for": step["wait"], "until": {"days": ["tue", "thu"]}}
            break
    document = {**draft.document, "steps": steps}
    saved = drafts.save(deps, "lead-nurture", document, draft.revision, TEAM, now)
    number = drafts.publish_draft(deps, "lead-nurture", saved.revision, TEAM, now)
    done = carry_out(deps, "lead-nurture", Choices(waits=Waits.RECOMPUTE), TEAM, now)
    return f"version {number} is published; {done.goes} runs go on in it, {done.leaves} end"


def _backtest(deps: Dependencies, now: datetime) -> str:
    """Ask what twice the points for a click would have done."""
    with deps.database.read() as tx:
        document = origins.funnel_document(tx) or {}
    other = json.loads(json.dumps(document))
    for rule in other["engagement"]["rules"]:
        if rule["key"] == "click":
            rule["points"] *= 2
    (change,) = changes(document, other)
    today = published_world(deps)
    draft = World.of(parse_funnel(with_change(document, change)), today.sequences, today.segments)
    found = backtest(deps, today, draft, 90 * DAY, now)
    moves = {edge: would - was for edge, (was, would) in found.moves.items() if was != would}
    was, would = found.mails
    return (
        f"twice the points for a click: {found.differing} of {found.contacts} contacts would have"
        f" fared otherwise; moves {moves}; emails {was} → {would}"
    )


def _accept(deps: Dependencies, now: datetime) -> str:
    with deps.database.read() as tx:
        ids = progress.in_stage(tx, "sql", 5)
    for contact_id in ids[1:]:
        qualification.accept(deps, contact_id, Said(TEAM, note="called them"), now)
    return f"sales accept {len(ids[1:])} leads"


def _reject(deps: Dependencies, now: datetime) -> str:
    with deps.database.read() as tx:
        ids = progress.in_stage(tx, "sql", 1)
    answers = [
        qualification.reject(deps, one, Said(TEAM, "no_budget", "next year"), now) for one in ids
    ]
    gone = sum(isinstance(one, StageChange) for one in answers)
    return f"sales send {gone} lead back to nurturing, with a reason and a rest"


def _announce(deps: Dependencies, now: datetime) -> str:
    """Tell leads of the next fair, as the events page would by the API."""
    with deps.database.read() as tx:
        ids = progress.in_stage(tx, "lead", 40)
    starts = (now + 12 * DAY).replace(hour=2, minute=0, second=0, microsecond=0)
    fair = {
        "event_id": f"fair-{starts:%G-%V}",
        "title": "Ngày hội cửa hàng nhỏ",
        "starts_at": starts.isoformat(),
        "place": "18 đường Hoa Sen, Quận 1",
        "register_url": "https://lotusdesk.example.com/events/fair",
    }
    events = [
        NewEvent(
            contact_id,
            Occurrence("event_announced", now, fair, dedupe_key=f"announced:{contact_id}"),
            "team",
        )
        for contact_id in ids
    ]
    return f"{record(deps, events, now)} leads learn of the fair"


def _stop_experiment(deps: Dependencies, now: datetime) -> str:
    for one in reports(deps, now):
        if one.key == "reader-offer" and not one.is_over:
            stop(deps, one.key, "price", TEAM, "the set-up days are booked out", now)
            return f"reader-offer is stopped after {sum(one.shown.values())} contacts"
    return "nobody is in the experiment"


ACTS = (
    Act("pause visitor-nurture", 5.3, _pause("visitor-nurture")),
    Act("resume visitor-nurture, shifted", 7.3, _resume("visitor-nurture", How.SHIFT)),
    Act("announce a fair", 9.1, _announce),
    Act("sales accept", 12.2, _accept),
    Act("pause mql-nurture", 14.3, _pause("mql-nurture")),
    Act("resume mql-nurture, catching up", 18.3, _resume("mql-nurture", How.CATCH_UP)),
    Act("sales reject", 20.2, _reject),
    Act("a new version of lead-nurture, and a migration", 22.4, _new_version),
    Act("a back-test", 26.1, _backtest),
    Act("pause lead-nurture", 30.3, _pause("lead-nurture")),
    Act("resume lead-nurture, past what is over", 35.3, _resume("lead-nurture", How.EXPIRE)),
    Act("stop an experiment", 45.1, _stop_experiment),
)
