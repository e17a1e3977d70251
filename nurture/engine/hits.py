"""Hits of pixels and links: stored raw, judged together after a hold, turned into occurrences.

Nothing is scored when a hit arrives. After `settings.click_hold` seconds all hits of its send are
judged, so that the rest of a scanner's visit has had time to show; whatever arrives later still
re-labels what came before, and scores follow by compensating lines in the ledger.
"""

import json
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from nurture.engine.dependencies import Dependencies
from nurture.engine.hit_events import Member, Origin, become_events
from nurture.engine.isolation import MOST_ALL_BAD, OF_THE_MOMENT, around_bad_runs, isolate
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import NotFound
from nurture.mailer.compiled import CompiledEmail
from nurture.store import gone, people, suppressions
from nurture.store import hits as store
from nurture.store.hits import Judged, Kept, NewHit
from nurture.store.places import Place, places_of
from nurture.tracking.verdicts import PENDING, VERSION, Hit, HitKind, Label, Verdict, judge

# Hits of one send that are looked at one by one. Nobody opens an email so often; beyond it
# somebody is hammering, and judging thousands of hits at every tick would be their success.
MOST_HITS: Final = 2_000
# A hit that was faster than the receipt of its send is looked at again after this long.
RECEIPT_SOON: Final = timedelta(seconds=10)

_LONGEST: Final = 300
_LARGEST_KEY: Final = 2**63
_log = logging.getLogger(__name__)


def record_hits(deps: Dependencies, raw: Sequence[bytes], now: datetime) -> int:
    """Store raw hits, JSON objects as `nurture.web.track` writes them; return how many were new.

    Idempotent by their key. What cannot be read is counted in the log and dropped, and never
    stands in the way of the others. Raises Retryable when the database is away.
    """
    hold = timedelta(seconds=deps.settings.click_hold)
    readable = []
    for one in raw:
        hit = _read(one, hold, now)
        if hit is not None:
            readable.append(hit)
    if len(readable) < len(raw):
        _log.warning("%d hits could not be read and are dropped", len(raw) - len(readable))
    if not readable:
        return 0
    with deps.database.begin() as tx:
        # A link of an old email still leads somewhere, and nobody learns who followed it.
        erased = gone.sends_of(tx, {hit.send_id for hit in readable})
        return store.add(tx, [hit for hit in readable if hit.send_id not in erased])


def settle_hits(deps: Dependencies, now: datetime, limit: int = 500) -> int:
    """Judge the hits whose time has come, with all others of their sends; return how many.

    Safe to run twice and side by side: the contact is held while the hits of their sends are
    judged, and sends of contacts that somebody else holds wait for the next round.
    """
    with deps.database.read() as tx:
        send_ids = store.due(tx, now, limit)
    if not send_ids:
        return 0
    settled: list[int] = []

    def settle(part: Sequence[int]) -> None:
        settled.append(committed(deps, now, partial(_settle, deps=deps, send_ids=part)))

    bad = isolate(send_ids, settle)
    if len(bad) == len(send_ids) > MOST_ALL_BAD:
        raise bad[0].error
    for one in bad:
        with deps.database.read() as tx:
            theirs = [place.contact_id for place in places_of(tx, [one.item]).values()]
        try:
            around_bad_runs(deps, theirs, now, partial(settle, [one.item]))
        except OF_THE_MOMENT:
            raise
        except Exception:  # noqa: BLE001 - any error of a rule or a row is meant
            _log.exception("the hits of send %d cannot be judged and stay open", one.item)
    return sum(settled)


def _read(raw: bytes, hold: timedelta, now: datetime) -> NewHit | None:
    try:
        told = json.loads(raw)
        at = datetime.fromisoformat(told["at"])
        kind = HitKind(told["kind"])
        send_id, link_index = int(told["send_id"]), int(told.get("link_index") or 0)
        if at.tzinfo is None or not 0 < send_id < _LARGEST_KEY or not 0 <= link_index < 2**31:
            return None
        return NewHit(
            hit_key=_text(told["hit_key"])[:64],
            send_id=send_id,
            kind=kind.value,
            link_index=link_index,
            at=at,
            method=_text(told.get("method", "GET"))[:16],
            ip=_text(told.get("ip", ""))[:64],
            user_agent=_text(told.get("ua", "")),
            headers={_text(name): _text(value) for name, value in told["headers"].items()},
            # A hit that lay in a file for an hour has been held long enough.
            settle_at=min(at, now) + hold,
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


def _text(value: object) -> str:
    """A text as both databases take it: no NUL, no half of a surrogate pair."""
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value[:_LONGEST].replace("\0", "").encode("utf-8", "replace").decode()


@dataclass(slots=True)
class _Round:
    """What one round of judging has found so far."""

    work: Work
    deps: Dependencies
    members: list[Member]
    settled: int = 0

    def judge(self, place: Place | None, hits: Sequence[Kept]) -> None:
        """Judge the hits of one send; those whose time has not come are evidence only."""
        now = self.work.now
        due = {hit.id for hit in hits if hit.settle_at is not None and hit.settle_at <= now}
        if place is not None and place.status == "claimed" and place.email_id is None:
            store.postpone(self.work.tx, due, now + RECEIPT_SOON)
            return
        email = None if place is None else _email(self.work, self.deps, place)
        verdicts = judge(
            [_as_hit(hit) for hit in hits],
            # When the server took it is known only to the nearest group of receipts. The claim
            # is certainly earlier, so what comes before it came before any delivery.
            accepted_at=place.claimed_at if place else None,
            links=len(email.links) if email else 0,
            now=now,
        )
        pending: set[int] = set()
        for hit, verdict in zip(hits, verdicts, strict=True):
            if hit.id in due and "acceptance-pending" in verdict.reasons:
                pending.add(hit.id)
                store.postpone(self.work.tx, [hit.id], hit.at + PENDING)
            elif hit.id in due or hit.settle_at is None:
                origin = None if place is None else Origin(place, _destination(email, hit))
                self.members.append(Member(hit, verdict, origin))
        self.settled += len(due - pending)
        if len(hits) >= MOST_HITS:
            self.settled += store.settle_beyond(
                self.work.tx, {hits[0].send_id: hits[-1].id}, Label.MACHINE, ("burst",), VERSION
            )

    def finish(self) -> int:
        """Write verdicts and let events follow; return how many hits are settled."""
        events = become_events(self.work, self.members)
        changed = [
            Judged(member.hit.id, verdict.label, verdict.reasons, verdict.version, event_id)
            for member, event_id in zip(self.members, events, strict=True)
            if _is_news(member.hit, verdict := member.verdict, event_id)
        ]
        store.save(self.work.tx, changed)
        suppressions.forget_soft_bounces(self.work.tx, set(_readers(self.members)))
        return self.settled


def _settle(work: Work, deps: Dependencies, send_ids: Collection[int]) -> int:
    places = places_of(work.tx, send_ids)
    free = people.lock_free(work.tx, {place.contact_id for place in places.values()})
    ours = [key for key in send_ids if key not in places or places[key].contact_id in free]
    # Read only now: whoever held a contact before us has committed what they found.
    erased = gone.among(work.tx, (places[key].contact_id for key in ours if key in places))
    unwanted = [key for key in ours if key in places and places[key].contact_id in erased]
    dropped = gone.drop_hits(work.tx, unwanted)
    found = store.of_sends(work.tx, [key for key in ours if key not in set(unwanted)], MOST_HITS)
    one_round = _Round(work, deps, [])
    for send_id in sorted(found):
        one_round.judge(places.get(send_id), found[send_id])
    return dropped + one_round.finish()


def _as_hit(kept: Kept) -> Hit:
    kind = HitKind(kept.kind)
    return Hit(
        kind=kind,
        at=kept.at,
        method=kept.method,
        ip=kept.ip,
        user_agent=kept.user_agent,
        headers=kept.headers,
        link_index=kept.link_index if kind is HitKind.CLICK else None,
    )


def _is_news(hit: Kept, verdict: Verdict, event_id: int | None) -> bool:
    before: Mapping[str, Any] = {"label": hit.verdict, "reasons": hit.reasons}
    after: Mapping[str, Any] = {"label": verdict.label.value, "reasons": verdict.reasons}
    return (
        hit.settle_at is not None
        or before != after
        or hit.classifier != verdict.version
        or hit.event_id != event_id
    )


def _readers(members: Sequence[Member]) -> Iterator[int]:
    """The contacts who clicked themselves and whose click was not judged before."""
    for member in members:
        is_click = member.hit.kind == HitKind.CLICK
        is_new = member.verdict.label is Label.HUMAN and member.hit.verdict != Label.HUMAN
        if is_click and is_new and member.origin is not None:
            yield member.origin.place.contact_id


def _email(work: Work, deps: Dependencies, place: Place) -> CompiledEmail | None:
    email_id = place.email_id
    if email_id is None:
        # A send that nobody has a receipt for does not say which language it went out in.
        choices = deps.definitions.choices(work.tx, place.version_id)
        contact = people.addressees(work.tx, [place.contact_id]).get(place.contact_id)
        fitting = {language: key for (step, language), key in choices.items() if step == place.step}
        wanted = contact.language if contact else ""
        email_id = fitting.get(wanted) or next(iter(fitting.values()), None)
    if email_id is None:
        return None
    try:
        return deps.definitions.email(work.tx, email_id)
    except NotFound:
        return None


def _destination(email: CompiledEmail | None, hit: Kept) -> str:
    """Where the link leads, as written: merge fields stand where a link is personal."""
    if email is None or hit.kind != HitKind.CLICK:
        return ""
    return next((link.url for link in email.links if link.index == hit.link_index), "")
