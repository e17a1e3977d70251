"""The audience: it reads its mail, and answers as people, scanners and proxies do.

It works from outside alone: it reads what was delivered, and speaks HTTP. What somebody will do is
a hash of their address and the mail, so that two runs meet the same people.
"""

import heapq
import json
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from nurture.demo import outside
from nurture.demo.letterbox import Letter, read_letter
from nurture.demo.outside import Outside
from nurture.demo.shop import Shop
from nurture.demo.tempers import HABITS, REPLIES, Temper, temper_of
from nurture.domain.timing import share
from nurture.providers.inbox_mail import Inbox, InboxMail

# Nobody answers before the provider's acceptance can have been noted: clocks that run at a day a
# second make an hour of every few milliseconds.
SOONEST = timedelta(hours=2)
LATEST = timedelta(hours=30)
READ_AT_ONCE = 200
HANDS = 8


@dataclass(order=True)
class Plan:
    """Something somebody will do at a moment; `what` names a method, `with_` its arguments."""

    at: float
    number: int
    what: str = field(compare=False)
    with_: dict[str, Any] = field(compare=False)


class Audience:
    """Everybody who gets mail. `step` lets them do what it is time for."""

    def __init__(self, inbox: Inbox, world: Outside, notes: Path) -> None:
        self._inbox = inbox
        self._world = world
        self._notes = notes
        self._shop = Shop(world, self.plan)
        self._hands = ThreadPoolExecutor(HANDS, thread_name_prefix="audience")
        self._busy: set[Future[None]] = set()
        self._plans: list[Plan] = []
        self._number = 0
        self._last_mail = 0
        self._mails: Counter[str] = Counter()
        self._now = datetime(1970, 1, 1, tzinfo=UTC)
        self.did: Counter[str] = Counter()
        self.failures: list[str] = []
        self._remember()

    def move_in(self, addresses: list[str]) -> None:
        """Set the mailboxes up: some are full, and some are not there."""
        for address in addresses:
            reply = REPLIES.get(temper_of(address))
            if reply:
                self._inbox.refuse(address, reply)

    def step(self, now: datetime) -> None:
        """Read new mail, and start everything whose time has come."""
        self._now = now
        for mail in self._inbox.since(self._last_mail, READ_AT_ONCE):
            self._last_mail = mail.id
            self._receive(mail)
        while self._plans and self._plans[0].at <= now.timestamp():
            plan = heapq.heappop(self._plans)
            self._busy.add(self._hands.submit(self._do, plan))
        self._busy = {future for future in self._busy if not future.done()}

    def is_behind(self) -> bool:
        """Whether so much is going on that time should wait."""
        return len(self._busy) > HANDS

    def is_idle(self) -> bool:
        """Whether nobody is doing anything and no unread mail is left."""
        self._busy = {future for future in self._busy if not future.done()}
        return not self._busy and not self._inbox.since(self._last_mail, 1)

    def plan(self, at: datetime, what: str, **with_: Any) -> None:
        """Have something done at a moment."""
        self._number += 1
        heapq.heappush(self._plans, Plan(at.timestamp(), self._number, what, with_))

    def close(self) -> None:
        """Finish what is being done, and write down what was planned."""
        self._hands.shutdown(wait=True)
        notes = {
            "last_mail": self._last_mail,
            "mails": dict(self._mails),
            "did": dict(self.did),
            "plans": [[plan.at, plan.what, plan.with_] for plan in sorted(self._plans)],
        }
        self._notes.write_text(json.dumps(notes, ensure_ascii=False))

    def _remember(self) -> None:
        if not self._notes.exists():
            return
        notes = json.loads(self._notes.read_text())
        self._last_mail = notes["last_mail"]
        self._mails.update(notes["mails"])
        self.did.update(notes["did"])
        for at, what, with_ in notes["plans"]:
            self.plan(datetime.fromtimestamp(at, UTC), what, **with_)

    def _receive(self, mail: InboxMail) -> None:
        """Decide what its recipient will do with a mail."""
        letter = read_letter(mail.raw)
        temper = temper_of(mail.recipient)
        self._mails[mail.recipient] += 1
        count = self._mails[mail.recipient]
        chance = _chances(mail)
        read_at = mail.received_at + SOONEST + (LATEST - SOONEST) * chance("when") ** 3
        if temper is Temper.GUARDED:
            self.plan(mail.received_at + SOONEST, "scan", addresses=list(letter.everything))
        if temper is Temper.PROXIED:
            agent = outside.PRIVACY_PROXY
            self.plan(mail.received_at + SOONEST, "open", address=letter.pixel, agent=agent)
        if temper is Temper.COMPLAINING and count >= 2:
            self.plan(read_at, "complain", who=mail.recipient, message_id=mail.message_id)
            return
        if temper is Temper.LEAVING and count >= 2 + int(share("stays", mail.recipient) * 4):
            way = "at_once" if share("way", mail.recipient) < 0.6 else "by_page"
            self.plan(read_at, "unsubscribe", address=letter.unsubscribe, way=way)
            return
        self._read(mail, letter, temper, read_at)

    def _read(self, mail: InboxMail, letter: Letter, temper: Temper, at: datetime) -> None:
        habits, chance = HABITS[temper], _chances(mail)
        if chance("opens") < habits.opens:
            agent = outside.MAIL_PROXY if chance("agent") < 0.4 else outside.BROWSER
            self.plan(at, "open", address=letter.pixel, agent=agent)
        elif temper is not Temper.PROXIED:
            return
        if letter.links and chance("clicks") < habits.clicks:
            at += timedelta(minutes=20 + 60 * chance("how long"))
            link = letter.links[int(chance("which") * len(letter.links))]
            self.plan(at, "click", address=link, who=mail.recipient)
            if chance("again") < habits.clicks_again:
                at += timedelta(minutes=30)
                link = letter.links[int(chance("which then") * len(letter.links))]
                self.plan(at, "click", address=link, who=mail.recipient)

    def _do(self, plan: Plan) -> None:
        try:
            getattr(self, f"_to_{plan.what}")(**plan.with_)
            self.did[plan.what] += 1
        except Exception as error:  # noqa: BLE001 - the audience's trouble is told, never hidden
            self.failures.append(f"{plan.what}: {error}")

    def _to_open(self, address: str, agent: str) -> None:
        self._world.see_pixel(address, agent)

    def _to_scan(self, addresses: list[str]) -> None:
        self._world.scan(tuple(addresses))

    def _to_click(self, address: str, who: str) -> None:
        destination = self._world.click(address)
        if not destination:
            raise RuntimeError(f"the link {address} leads nowhere")
        self._shop.visited(who, destination, self._now)

    def _to_unsubscribe(self, address: str, way: str) -> None:
        act = (
            self._world.unsubscribe_at_once if way == "at_once" else self._world.unsubscribe_by_page
        )
        if not act(address):
            raise RuntimeError(f"unsubscribing {way} at {address} was not taken")

    def _to_complain(self, who: str, message_id: str) -> None:
        if not self._world.complain(who, message_id, self._now):
            raise RuntimeError("the complaint was not taken")

    def _to_tell(self, who: str, event: str, key: str, properties: dict[str, Any]) -> None:
        if not self._world.tell(who, event, key, **properties):
            raise RuntimeError(f"the event {event} was not taken")


def _chances(mail: InboxMail) -> "_Chances":
    return _Chances(mail.recipient, mail.subject)


@dataclass(frozen=True, slots=True)
class _Chances:
    """Numbers in [0, 1) that belong to one mail of one person, by what they are for."""

    who: str
    mail: str

    def __call__(self, what: str) -> float:
        return share(what, self.who, self.mail)
