"""What follows from each thing that a provider tells of a send."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from nurture.domain.contact import GLOBAL, Engaged, Occurrence, Value
from nurture.domain.contact import Verdict as Who
from nurture.engine.dependencies import Dependencies
from nurture.engine.hit_events import click_key, open_key
from nurture.engine.receipts import SOFT_BOUNCES_SUPPRESS
from nurture.engine.record import take_in
from nurture.engine.suppress import say_no, suppress
from nurture.engine.trial_words import named
from nurture.engine.work import Work
from nurture.errors import NotFound
from nurture.providers.base import BounceClass, EventKind
from nurture.store import operations, suppressions
from nurture.store import webhooks as store
from nurture.store.ledger import NewEvent
from nurture.store.operations import Health
from nurture.store.places import Place
from nurture.store.suppressions import NewSuppression
from nurture.store.webhooks import Told
from nurture.tracking.verdicts import Hit, HitKind, judge

NOTED: Final = "noted"


@dataclass(frozen=True, slots=True)
class Fact:
    """What a provider told, and the send it is about."""

    told: Told
    place: Place

    @property
    def at(self) -> datetime:
        """When it happened, by the provider's clock."""
        return self.told.occurred_at

    def text(self, name: str) -> str:
        """A text among what the provider told; empty when there is none."""
        value = self.told.data.get(name)
        return value if isinstance(value, str) else ""

    def event(self, name: str, key: str, who: Who = Who.HUMAN, **more: Value) -> NewEvent:
        """The occurrence that this fact is for the contact."""
        place = self.place
        name = named(name, trial=place.trial)
        occurrence = Occurrence(name, self.at, {**place.mark, **more}, who, dedupe_key=key)
        return NewEvent(place.contact_id, occurrence, "provider", place.id)


def take_effect(work: Work, deps: Dependencies, facts: Sequence[Fact]) -> dict[int, str]:
    """Let facts have their consequences; return the outcome of each event, by its id.

    Whatever the order of the facts, the result is the same: deliveries and bounces are compared
    by when they happened, and suppressions are only ever added. The contacts must be held and
    seen.
    """
    # All events first and in one go: what is asked of the past then knows the whole round.
    take_in(work, [event for fact in facts for event in _events(work, deps, fact)])
    outcomes: dict[int, str] = {}
    for kind, (outcome, effect) in _RULES.items():
        some = [fact for fact in facts if fact.told.kind == kind]
        if some:
            effect(work, some)
            outcomes.update((fact.told.id, outcome) for fact in some)
    rest = {fact.told.id: NOTED for fact in facts if fact.told.id not in outcomes}
    return outcomes | rest


def _events(work: Work, deps: Dependencies, fact: Fact) -> Iterator[NewEvent]:
    """Yield the occurrence that a fact is for its contact, if it is one.

    The keys are those of the same thing seen by ourselves: at hand-over, at the pixel, on the
    unsubscribe page. Whoever tells it first, it happened once.
    """
    send_id = fact.place.id
    match fact.told.kind:
        case EventKind.DELIVERED:
            yield fact.event(Engaged.DELIVERED, f"delivered:{send_id}")
        case EventKind.BOUNCED:
            kind, detail = _bounce_word(fact), _detail(fact)[:200]
            yield fact.event(Engaged.BOUNCE, f"bounce:{send_id}", kind=kind, detail=detail)
        case EventKind.COMPLAINED:
            yield fact.event(Engaged.COMPLAINT, f"complaint:{send_id}")
        case EventKind.UNSUBSCRIBED:
            topic = fact.place.topic
            yield fact.event(Engaged.UNSUBSCRIBE, f"unsubscribe:{send_id}", topic=topic)
        case EventKind.OPENED:
            yield fact.event(Engaged.OPEN, open_key(send_id, fact.at), _who(fact, HitKind.OPEN))
        case EventKind.CLICKED:
            url = fact.text("url")
            index = _link_index(work, deps, fact.place, url)
            key = click_key(send_id, index or url[:300], fact.at)
            who = _who(fact, HitKind.CLICK)
            yield fact.event(Engaged.CLICK, key, who, link=url, link_index=index)
        case _:
            return


def mark_late(work: Work, facts: Sequence[Fact]) -> None:
    """Note of emails to somebody who is erased what the figures of their sequences rest on.

    A complaint counts against the sequence that brought it, whoever it came from.
    """
    for column, kind in (
        ("delivered_at", EventKind.DELIVERED),
        ("bounced_at", EventKind.BOUNCED),
        ("complained_at", EventKind.COMPLAINED),
    ):
        some = [fact for fact in facts if fact.told.kind == kind]
        if some:
            store.mark_sends(work.tx, column, _first(some))


def _delivered(work: Work, facts: Sequence[Fact]) -> None:
    store.mark_sends(work.tx, "delivered_at", _first(facts))
    _forget(work, facts)


def _clicked(work: Work, facts: Sequence[Fact]) -> None:
    _forget(work, [fact for fact in facts if _who(fact, HitKind.CLICK) is Who.HUMAN])


def _forget(work: Work, facts: Sequence[Fact]) -> None:
    """End the row of soft bounces, unless the last of them came after these facts."""
    bounced = store.last_soft_bounce(work.tx, _contacts(facts))
    cleared = {
        fact.place.contact_id
        for fact in facts
        if (last := bounced.get(fact.place.contact_id)) is None or last <= fact.at
    }
    suppressions.forget_soft_bounces(work.tx, cleared)


def _bounced(work: Work, facts: Sequence[Fact]) -> None:
    fresh = store.mark_sends(work.tx, "bounced_at", _first(facts))
    delivered = store.last_delivery(work.tx, _contacts(facts))
    counted: set[int] = set()
    bad: list[NewSuppression] = []
    for fact in facts:
        match fact.text("bounce"):
            case BounceClass.HARD:
                bad.append(_against(fact, "hard bounce", fact.told.provider))
            case BounceClass.SOFT if fact.place.id in fresh - counted:
                # Sends are counted, not tellings of them, and only since the last delivery.
                counted.add(fact.place.id)
                last = delivered.get(fact.place.contact_id)
                if last is None or last <= fact.at:
                    bad += _one_more(work, fact)
            case BounceClass.SENDER:
                health = Health("paused", 1, None, _detail(fact))
                operations.set_provider_health(work.tx, fact.told.provider, health, work.now)
            case _:
                pass
    suppress(work, bad)


def _one_more(work: Work, fact: Fact) -> list[NewSuppression]:
    return [
        NewSuppression(contact_id, GLOBAL, "soft bounces", "rules", f"{count} in a row")
        for contact_id, count in suppressions.count_soft_bounces(work.tx, [fact.place.contact_id])
        if count >= SOFT_BOUNCES_SUPPRESS
    ]


def _bounce_word(fact: Fact) -> str:
    words = {BounceClass.HARD: "hard", BounceClass.SOFT: "soft", BounceClass.SENDER: "sender"}
    bounce = fact.text("bounce")
    return next((word for one, word in words.items() if one == bounce), "policy")


def _complained(work: Work, facts: Sequence[Fact]) -> None:
    store.mark_sends(work.tx, "complained_at", _first(facts))
    suppress(work, [_against(fact, "complaint", fact.told.provider) for fact in facts])


def _unsubscribed(work: Work, facts: Sequence[Fact]) -> None:
    for fact in facts:
        say_no(work, fact.place, by=f"provider:{fact.told.provider}")


def _rejected(work: Work, facts: Sequence[Fact]) -> None:
    suppress(
        work, [_against(one, "provider list", f"provider:{one.told.provider}") for one in facts]
    )


def _nothing_more(_work: Work, _facts: Sequence[Fact]) -> None:
    """The event says it all."""


_Effect = Callable[[Work, Sequence[Fact]], None]
# The outcome that is noted for each kind, and what follows from it.
_RULES: Final[Mapping[str, tuple[str, _Effect]]] = {
    EventKind.DELIVERED.value: ("delivered", _delivered),
    EventKind.OPENED.value: ("opened", _nothing_more),
    EventKind.CLICKED.value: ("clicked", _clicked),
    EventKind.BOUNCED.value: ("bounced", _bounced),
    EventKind.REJECTED.value: ("suppressed", _rejected),
    EventKind.UNSUBSCRIBED.value: ("unsubscribed", _unsubscribed),
    EventKind.COMPLAINED.value: ("complained", _complained),
}


def _who(fact: Fact, kind: HitKind) -> Who:
    """The verdict on an open or click that the provider counted.

    Its word that it was a machine is taken; where it has none, or means a person, the hit is
    judged by what it tells of program and address.
    """
    if fact.told.data.get("machine") is True:
        return Who.MACHINE
    hit = Hit(kind, fact.at, ip=fact.text("ip"), user_agent=fact.text("user_agent"))
    (verdict,) = judge([hit], accepted_at=fact.place.claimed_at, links=0, now=fact.at)
    return Who(verdict.label.value)


def _link_index(work: Work, deps: Dependencies, place: Place, url: str) -> int:
    if place.email_id is None:
        return 0
    try:
        links = deps.definitions.email(work.tx, place.email_id).links
    except NotFound:
        return 0
    return next((link.index for link in links if link.url == url), 0)


def _first(facts: Iterable[Fact]) -> dict[int, datetime]:
    times: dict[int, datetime] = {}
    for fact in facts:
        times[fact.place.id] = min(fact.at, times.get(fact.place.id, fact.at))
    return times


def _contacts(facts: Iterable[Fact]) -> list[int]:
    return sorted({fact.place.contact_id for fact in facts})


def _detail(fact: Fact) -> str:
    code = fact.told.data.get("code") or ""
    return f"{code} {fact.text('status')} {fact.text('detail')}".strip()


def _against(fact: Fact, reason: str, source: str) -> NewSuppression:
    return NewSuppression(fact.place.contact_id, GLOBAL, reason, source, _detail(fact))
