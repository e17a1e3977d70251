"""The real thing: store, ticker, queue, workers, SMTP into the local inbox, web and tracking.

Only the clock is set by the scenario. The servers (PostgreSQL, Valkey, the inbox) live as long as
the session, so that a scenario costs what it does and not what it starts.
"""

import json
import re
import signal
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from werkzeug.test import Client

from nurture.campaigns.documents import write_sequence
from nurture.config import Settings
from nurture.demo.letterbox import Letter, read_letter
from nurture.demo.outside import BROWSER, PRIVACY_PROXY, SCANNER
from nurture.domain.stages import Actor, Said
from nurture.engine.accounts import Accounts
from nurture.engine.export import export_files
from nurture.engine.hits import record_hits
from nurture.engine.intake import api_key
from nurture.engine.plan import Plan, plan
from nurture.engine.publish import compile_all
from nurture.engine.qualification import change_stage
from nurture.engine.replay import replay
from nurture.jobs import tasks, ticker
from nurture.jobs.hit_log import hit_log
from nurture.jobs.hit_queue import HitQueue
from nurture.jobs.lifeline import Stop
from nurture.jobs.queue import connect, sends_queue, wake_by
from nurture.jobs.worker_process import Desk, SendWorker
from nurture.providers.inbox import Inbox, InboxServer
from nurture.providers.inbox_mail import InboxMail
from nurture.providers.signing import sign
from nurture.store import tables
from nurture.web.behind import behind
from nurture.web.dependencies import WebDependencies
from nurture.web.track import tracked
from tests.engine.world import NOW, C, E, S, SetClock, World
from tests.loops import Runner
from tests.scenarios.player import HELD, Did, Document, Person, Run
from tests.web.apps import lent
from tests.web.asking import asking

# What a round of the ticker does that a scenario has no use for: these look after processes.
OF_PROCESSES = frozenset({"recovering the dead", "forgetting journals", "checking up"})
# These say how much they looked at and not how much was to do.
ONLY_LOOKS = frozenset({"guarding", "looking at experiments"})

_PERSON = {
    "User-Agent": BROWSER, "Accept-Language": "vi,en;q=0.8", "Sec-Fetch-Mode": "navigate",
}  # fmt: skip


@dataclass
class PostOffice:
    """The session's inbox: its server, where its mail lies, and the clock that it tells."""

    path: Path
    clock: SetClock
    server: InboxServer


@contextmanager
def post_office(folder: Path) -> Iterator[PostOffice]:
    """Serve an inbox."""
    clock = SetClock(NOW)
    path = folder / "inbox.db"
    with InboxServer(path, clock) as server:
        yield PostOffice(path, clock, server)


_BODY = """<mjml><mj-body><mj-section><mj-column>
<mj-text>{{ contact.first_name }} {{ sender.address }}</mj-text>
<mj-text><a href="https://lotusdesk.example.com/read">Read on</a></mj-text>
<mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a></mj-text>
</mj-column></mj-section></mj-body></mjml>
"""


# The email that asks whoever signed up; every other one has no such button.
ASKS = "please"
_BUTTON = '<mj-button href="{{ confirm_url }}">Yes</mj-button></mj-column>'
CONFIRM = re.compile(r"https://nurture\.test(/confirm/[\w-]+)")


def read_text(raw: bytes) -> str:
    """The text part of a mail."""
    part = message_from_bytes(raw, policy=policy.default).get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def write_templates(folder: Path, names: Iterable[str]) -> None:
    """Write emails whose subjects are their names, in both languages."""
    for name in names:
        (folder / name).mkdir(parents=True, exist_ok=True)
        for language in ("vi", "en"):
            (folder / name / f"subject.{language}.txt").write_text(name)
            (folder / name / f"body.{language}.mjml").write_text(
                _BODY.replace("</mj-column>", _BUTTON) if name == ASKS else _BODY
            )


class Real(World):
    """Plays with everything that runs in production, one thing after another in this process."""

    def __init__(self, settings: Settings, url: str, office: PostOffice) -> None:
        office.clock.moment = NOW
        folder = settings.home / "files"
        placed = replace(
            settings, inbox_port=office.server.port,
            campaigns=folder / "campaigns", templates=folder / "templates",
        )  # fmt: skip
        super().__init__(placed, url)
        self.clock = office.clock
        made = self.deps.settings
        inbox = self.deps.webhooks["inbox"]
        self.deps = replace(
            self.deps, clock=self.clock, wall=self.clock, provider=inbox, wake=wake_by(made),
        )  # fmt: skip
        self.office = office
        self._inbox = Inbox(office.path)
        self._seen = self._inbox.newest(limit=1)
        self._ids: dict[str, int] = {}
        self._redis = connect(made)
        self._stop = Stop()
        self._desk = Desk(self.deps, "w1", self._stop)
        tasks.deliver_by(self._desk.deliver)
        chores = [one for one in ticker.chores(self.deps) if one.name not in OF_PROCESSES]
        self._looks = [one for one in chores if one.name in ONLY_LOOKS]
        self._chores = [one for one in chores if one.name not in ONLY_LOOKS]
        self._hits = HitQueue(self._redis, "recorder")
        self._web: Client | None = None
        self._borrowed = ExitStack()
        self._shifts = 0

    # ---- the player -------------------------------------------------------------------------

    @property
    def now(self) -> datetime:
        return self.clock.moment

    @now.setter
    def now(self, moment: datetime) -> None:
        self.clock.moment = moment

    def begin(self, moment: datetime) -> None:
        self.clock.moment = moment

    def publish(self, funnel: Document | None = None, *sequences: Document) -> None:
        letters = sorted(_letters(sequences))
        write_templates(self.deps.settings.templates, letters)
        self.emails, problems = compile_all(self.deps.settings.templates)
        assert problems == ()
        super().publish(*sequences, funnel=funnel)
        self.work()

    def add(self, *people: Person) -> None:  # type: ignore[override]
        for person in people:
            (key,) = self.add_many(
                [person.name.lower()], person.stage,
                consents=person.consents, timezone=person.timezone,
            )  # fmt: skip
            self._ids[person.name] = key
            fields = {"first_name": person.name, **person.fields}
            with self.deps.database.begin() as tx:
                changed = sa.update(C).where(C.id == key)
                tx.execute(changed.values(fields=fields, tags=list(person.tags)))
        self.place()
        self.work()

    def let_pass(self, span: timedelta) -> None:
        self.drive(self.now + span)

    def happen(self, name: str, did: Did) -> None:  # type: ignore[override]
        item = {
            "email": self._address(name), "event": did.event, "id": did.key,
            "at": did.at.isoformat(), "properties": dict(did.properties),
        }  # fmt: skip
        key = {"Authorization": f"Bearer {api_key(self.deps)}"}
        answer = self.web.post("/api/events", json=item, headers=key)
        assert answer.status_code < 300, answer.text
        self.work()

    def click(self, name: str, email: str) -> None:  # type: ignore[override]
        answer = self.web.get(_path(self._letter(name, email).links[0]), headers=_PERSON)
        assert answer.status_code == 302, answer.status
        self.let_pass(HELD)

    def open(self, name: str, email: str) -> None:
        self.web.get(_path(self._letter(name, email).pixel), headers=_PERSON)
        self.let_pass(HELD)

    def hide_open(self, name: str, email: str) -> None:
        """Let a privacy proxy fetch the pixel, so that nobody knows who looked."""
        pixel = _path(self._letter(name, email).pixel)
        self.web.get(pixel, headers={"User-Agent": PRIVACY_PROXY})
        self.let_pass(HELD)

    def scan(self, name: str, email: str) -> None:
        """Let a security gateway follow every link, the hidden one and the way out included."""
        letter = self._letter(name, email)
        for address in (*letter.everything, letter.unsubscribe):
            self.web.get(_path(address), headers={"User-Agent": SCANNER})
        self.let_pass(HELD)

    def unsubscribe(self, name: str) -> None:
        letter = read_letter(self._mail(name)[-1].raw)
        answer = self.web.post(
            _path(letter.unsubscribe), data={"List-Unsubscribe": "One-Click"}
        )  # fmt: skip
        assert answer.status_code == 200, answer.status
        self.work()

    def sign_up(self, name: str, topic: str) -> None:
        form = {"email": self._address(name), "topic": topic, "language": "en"}
        answer = self.web.post("/subscribe", data=form)
        assert answer.status_code == 200, answer.text
        self.work()

    def confirm(self, name: str) -> None:
        texts = [read_text(mail.raw) for mail in self._mail(name)]
        found = [link for text in texts for link in CONFIRM.findall(text)]
        answer = self.web.post(found[-1], data={"confirm": "yes"})
        assert answer.status_code == 200, answer.status
        self.work()

    def complain(self, name: str) -> None:
        self.report(name, "complaint")

    def report(self, name: str, kind: str, times: int = 1) -> None:
        """Let the provider tell by webhook of the latest email that somebody got."""
        mail = self._mail(name)[-1]
        told = {
            "type": kind, "recipient": mail.recipient, "message_id": mail.message_id,
            "at": self.now.isoformat(),
        }  # fmt: skip
        body = json.dumps(told).encode()
        secret = self.deps.secrets.key("inbox webhooks")
        for _ in range(times):
            headers = sign(body, secret, webhook_id=f"{kind}-{mail.id}", at=self.now)
            given = {**headers, "Content-Type": "application/json"}
            answer = self.web.post("/hooks/inbox", data=body, headers=given)
            assert answer.status_code < 300, answer.status
        self.work()

    def ask_stage(self, name: str, to: str, who: str, reason: str) -> None:
        said = Said("lan", reason, "they said so")
        change_stage(self.deps, self._ids[name], to, Actor(who), said, self.now)
        self.work()

    def got(self, name: str) -> list[tuple[datetime, str]]:
        return [(mail.received_at, mail.subject) for mail in self._mail(name)]

    def runs(self, name: str) -> list[Run]:
        key = tables.Sequence.key
        found = self.rows(
            sa.select(key, E.state, E.step, E.end_reason, E.state_data)
            .join(tables.Sequence, tables.Sequence.id == E.sequence_id)
            .where(E.contact_id == self._ids[name])
            .order_by(E.id)
        )
        return [
            Run(one, state, step, why or str(data.get("reason", "")))
            for one, state, step, why, data in found
        ]

    def stage(self, name: str) -> tuple[str, str]:  # type: ignore[override]
        t = tables.Standing
        stands = sa.select(t.stage, t.highest).where(t.contact_id == self._ids[name])
        ((stage, highest),) = self.rows(stands)
        return stage, highest

    def score(self, name: str) -> float:  # type: ignore[override]
        return super().score(self._ids[name])

    def refusals(self, name: str) -> list[str]:
        t = tables.StageChange
        refused = sa.select(t.to).where(t.contact_id == self._ids[name], t.refused != "")
        return self.column(refused.order_by(t.id))

    def names(self) -> list[str]:
        return list(self._ids)

    def hold_to_account(self) -> None:
        replayed = replay(self.deps, self.now)
        assert replayed.differences == ()
        assert self.examine().violations == ()
        handed = self.column(sa.select(S.id).where(S.status == "accepted"))
        arrived = sum(len(self._mail(name)) for name in self._ids)
        assert len(handed) == arrived, "what the books say was handed over is what arrived"

    def close(self) -> None:
        for name in self._ids:
            self._inbox.accept(self._address(name))
        self._desk.close()
        self._inbox.close()
        self._redis.close()
        self._borrowed.close()
        super().close()

    # ---- work -------------------------------------------------------------------------------

    def work(self, worker: str = "w1") -> None:
        for _ in range(60):
            moved = self._hits.drain(lambda hits: record_hits(self.deps, hits, self.now))
            moved += sum(one.do() for one in self._chores)
            if not moved + self.deliver():
                for one in self._looks:
                    one.do()
                return
        raise AssertionError("work makes no progress")

    def deliver(self, worker: str = "w1") -> int:
        """Let a worker do every job that is in the queue; return how many it handed over."""
        if not sends_queue(self._redis).count:
            return 0
        self._shifts += 1
        before = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
        courier: Any = SendWorker(self._redis, f"w1-{self._shifts}", self._desk, self._stop)
        courier.work(burst=True, logging_level="WARNING")
        for number, disposition in before.items():
            signal.signal(number, disposition)
        return self._desk.take_sent()

    def lose_the_queue(self, span: timedelta) -> None:
        """Do what is due after `span`, and let Redis lose the queue before a worker looks."""
        self.clock.moment += span
        for one in self._chores:
            one.do()
        assert sends_queue(self._redis).count
        self._redis.flushall()

    def refuse(self, name: str, reply: str) -> None:
        """Let the mail server answer so to everything for somebody; nothing takes it back."""
        if reply:
            self._inbox.refuse(self._address(name), reply)
        else:
            self._inbox.accept(self._address(name))

    # ---- files ------------------------------------------------------------------------------

    def export(self) -> list[Path]:
        """Write what is published to the campaign folder; return what had to be written."""
        return export_files(self.deps, self.deps.settings.campaigns)

    def edit_file(self, document: Document) -> None:
        """Let the marketer write another file of a sequence."""
        path = self.deps.settings.campaigns / f"{document['key']}.yaml"
        path.write_text(write_sequence(document), "utf-8")

    def plan(self) -> Plan:
        """Return what applying the campaign folder would do."""
        return plan(self.deps, self.now, None)

    def _next_moment(self) -> datetime | None:
        h, r = tables.Hit, tables.SegmentRecheck
        moments = [
            super()._next_moment(),
            *self.column(sa.select(sa.func.min(h.settle_at))),
            *self.column(sa.select(sa.func.min(r.at))),
        ]
        return min((one for one in moments if one is not None and one > self.now), default=None)

    @property
    def web(self) -> Client:
        """A browser before the whole web, tracking in front as in production."""
        if self._web is None:
            given = WebDependencies(
                settings=self.deps.settings, secrets=self.deps.secrets,
                accounts=Accounts(self.deps.database), engine=self.deps, clock=self.clock,
                wall=self.clock,
            )  # fmt: skip
            app = self._borrowed.enter_context(lent(given))
            runner = self._borrowed.enter_context(Runner())
            log = hit_log(self.deps)
            self._borrowed.callback(lambda: runner.run(log.close()))
            pages = behind(app.wsgi_app, 1, app.config["MAX_CONTENT_LENGTH"])
            serve = tracked(pages, self.deps, log)
            self._web = Client(asking(serve, runner.run, "203.0.113.7", "https"))
        return self._web

    def id_of(self, name: str) -> int:
        """Return the contact's id."""
        return self._ids[name]

    def _address(self, name: str) -> str:
        return f"{name.lower()}@example.com"

    def _mail(self, name: str) -> list[InboxMail]:
        last = self._seen[0].id if self._seen else 0
        found: list[InboxMail] = []
        while page := self._inbox.since(last):
            found += page
            last = page[-1].id
        return [mail for mail in found if mail.recipient == self._address(name)]

    def _letter(self, name: str, email: str) -> Letter:
        mine = [mail for mail in self._mail(name) if mail.subject == email]
        assert mine, f"{email} did not reach {name}"
        return read_letter(mine[-1].raw)


def _letters(sequences: tuple[Mapping[str, Any], ...]) -> set[str]:
    steps = [step for document in sequences for step in document["steps"]]
    return {str(step["email"]) for step in steps if "email" in step}


def _path(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
