"""What providers tell afterwards: stored at once, settled by the ticker, in any order.

Calls come more than once, late and shuffled. So each fact is kept with its own time, the first
telling of it counts, and nothing that comes late ever lifts a suppression.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from nurture.domain.contact import GLOBAL
from nurture.engine.addresses import ERASURE, AddressKeys
from nurture.engine.dependencies import Dependencies
from nurture.engine.isolation import MOST_ALL_BAD, OF_THE_MOMENT, around_bad_runs, isolate
from nurture.engine.reconcile import decide_uncertain
from nurture.engine.suppress import suppress
from nurture.engine.transactions import committed
from nurture.engine.webhook_effects import Fact, mark_late, take_effect
from nurture.engine.work import Work
from nurture.providers.base import BounceClass, EventKind, ProviderEvent
from nurture.store import gone, people, suppressions
from nurture.store import webhooks as store
from nurture.store.database import Transaction
from nurture.store.places import places_of
from nurture.store.suppressions import NewSuppression
from nurture.store.webhooks import NewWebhook, Told

# A call may overtake the receipt that tells which send it is about; after this long it is about
# mail that is not ours.
PATIENCE: Final = timedelta(hours=1)
UNMATCHED: Final = "unmatched"
UNKNOWN: Final = "unknown"
# About somebody who was erased: only what the figures of the send rest on is kept.
ABOUT_NOBODY: Final = "erased"

# These say that the email was taken, whatever came of it afterwards.
_ARRIVED: Final = frozenset(
    {
        EventKind.ACCEPTED, EventKind.DELIVERED, EventKind.OPENED, EventKind.CLICKED,
        EventKind.COMPLAINED, EventKind.UNSUBSCRIBED,
    }
)  # fmt: skip
_NOT_ARRIVED: Final = frozenset({EventKind.BOUNCED, EventKind.REJECTED, EventKind.FAILED})

_log = logging.getLogger(__name__)


def accept(
    deps: Dependencies, provider: str, events: Sequence[ProviderEvent], now: datetime
) -> int:
    """Store what a verified call told, one row for each event; return how many were new.

    A repetition changes nothing. Words nobody knows are stored and settled as unknown, never
    acted upon. Raises Retryable when the database is away: the provider has to call again.
    """
    rows = [_row(deps, provider, event, now) for event in events]
    strange = [event.raw_kind for event in events if event.kind is EventKind.UNKNOWN]
    if strange:
        _log.warning("%s told of what is unknown here: %s", provider, sorted(set(strange)))
    if not rows:
        return 0
    keys = AddressKeys(deps.secrets)
    with deps.database.begin() as tx:
        erased = _erased(tx, keys, [(row.send_id or 0, row.recipient) for row in rows])
        told = [
            replace(row, recipient="", data=gone.told(row.data)) if is_erased else row
            for row, is_erased in zip(rows, erased, strict=True)
        ]
        return store.add(tx, told, now)


def settle_webhooks(deps: Dependencies, now: datetime, limit: int = 500) -> int:
    """Act upon stored events whose send is known; return how many were settled.

    An event without a send stays open for PATIENCE. Safe to run twice and side by side.
    """
    # Only a look: most ticks find nothing, and should not ask SQLite for its one write lock.
    with deps.database.read() as tx:
        told = store.ready(tx, now - PATIENCE, limit)
        found = store.matches(tx, told)
        places = places_of(tx, {send_id for send_id, _ in found.values()})
    doubtful: dict[int, bool] = {}
    for one in told:
        send_id, status = found.get(one.id, (0, ""))
        if status == "uncertain" and one.kind in _ARRIVED | _NOT_ARRIVED:
            # Any sign that it was taken outweighs every bounce that followed.
            doubtful[send_id] = doubtful.get(send_id, False) or one.kind in _ARRIVED
    for send_id, arrived in doubtful.items():
        decide_uncertain(deps, send_id, arrived, now)
    settled: list[int] = []

    def settle(part: Sequence[int]) -> None:
        body = partial(_settle, deps=deps, limit=limit, among=frozenset(part))
        settled.append(committed(deps, now, body))

    bad = isolate([one.id for one in told], settle)
    if len(bad) == len(told) > MOST_ALL_BAD:
        raise bad[0].error
    for one_bad in bad:
        # One event that cannot be acted upon must not keep the next complaint from being heard.
        place = places.get(found.get(one_bad.item, (0, ""))[0])
        again = partial(settle, [one_bad.item])
        try:
            around_bad_runs(deps, [place.contact_id] if place else [], now, again)
        except OF_THE_MOMENT:
            raise
        except Exception:  # noqa: BLE001 - any error of a rule or a row is meant
            _log.exception("webhook event %d cannot be settled and stays open", one_bad.item)
    return sum(settled)


def _settle(work: Work, deps: Dependencies, limit: int, among: frozenset[int]) -> int:
    told = [one for one in store.ready(work.tx, work.now - PATIENCE, limit) if one.id in among]
    found = store.matches(work.tx, told)
    places = places_of(work.tx, {send_id for send_id, _ in found.values()})
    people.lock(work.tx, {place.contact_id for place in places.values()})
    work.see({place.contact_id for place in places.values()}, history=False)
    outcomes: dict[int, str] = {}
    facts: list[Fact] = []
    late: list[Fact] = []
    lost: list[Told] = []
    erased = gone.among(work.tx, (place.contact_id for place in places.values()))
    for one in told:
        place = places.get(found[one.id][0]) if one.id in found else None
        if place is not None and place.contact_id in erased:
            outcomes[one.id] = ABOUT_NOBODY
            late.append(Fact(one, place))
        elif place is None or place.contact_id not in work.contacts:
            outcomes[one.id] = UNMATCHED
            lost.append(one)
        else:
            facts.append(Fact(one, place))
    outcomes |= take_effect(work, deps, facts)
    mark_late(work, late)
    strangers = _erased(work.tx, AddressKeys(deps.secrets), [(0, one.recipient) for one in lost])
    for one, is_erased in zip(lost, strangers, strict=True):
        if is_erased:
            outcomes[one.id] = ABOUT_NOBODY
    # An event may have been stored while its contact was being erased.
    gone.quiet_webhooks(work.tx, [key for key, one in outcomes.items() if one == ABOUT_NOBODY])
    _mirror_lost(work, lost, outcomes)
    store.settle(work.tx, outcomes, work.now)
    return len(outcomes)


def _mirror_lost(work: Work, lost: Sequence[Told], outcomes: dict[int, str]) -> None:
    """Suppress addresses that a provider speaks against without naming an email of ours.

    A complaint or a dead address is true of the address whichever email brought it to light.
    """
    against = [one for one in lost if _speaks_against_address(one)]
    ids = people.ids_by_address(work.tx, {one.recipient.strip().lower() for one in against})
    for one in against:
        contact_id = ids.get(one.recipient.strip().lower())
        if contact_id is not None:
            reason = "complaint" if one.kind == EventKind.COMPLAINED else "provider list"
            if one.kind == EventKind.BOUNCED:
                reason = "hard bounce"
            source = f"provider:{one.provider}"
            suppress(work, [NewSuppression(contact_id, GLOBAL, reason, source)])
            outcomes[one.id] = "suppressed without a send"


def _erased(tx: Transaction, keys: AddressKeys, told: Sequence[tuple[int, str]]) -> list[bool]:
    """Return for each (send, recipient) whether it is about somebody who was erased."""
    by_send = gone.sends_of(tx, {send_id for send_id, _ in told if send_id})
    hashes = [keys.of(recipient.strip().lower()) if recipient else "" for _, recipient in told]
    listed = suppressions.barred(tx, {one for one in hashes if one}, ERASURE)
    return [
        send_id in by_send or key in listed for (send_id, _), key in zip(told, hashes, strict=True)
    ]


def _speaks_against_address(one: Told) -> bool:
    if one.kind == EventKind.BOUNCED:
        return bool(one.data.get("bounce") == BounceClass.HARD)
    return one.kind in {EventKind.COMPLAINED, EventKind.REJECTED}


def _row(deps: Dependencies, provider: str, event: ProviderEvent, now: datetime) -> NewWebhook:
    data: dict[str, Any] = asdict(event)
    for column in ("provider", "dedupe_key", "kind", "raw_kind", "send_id"):
        del data[column]
    del data["provider_message_id"], data["recipient"], data["occurred_at"]
    return NewWebhook(
        provider=provider,
        dedupe_key=_clean(event.dedupe_key, 500),
        kind=event.kind.value,
        raw_kind=_clean(event.raw_kind, 200),
        send_id=event.send_id or _send_of(deps, event.provider_message_id),
        provider_message_id=_clean(event.provider_message_id, 500),
        recipient=_clean(event.recipient, 320),
        # What a provider's clock says of the future would count only then.
        occurred_at=min(event.occurred_at or now, now),
        data={key: _clean(one, 2000) if isinstance(one, str) else one for key, one in data.items()},
        outcome=UNKNOWN if event.kind is EventKind.UNKNOWN else "",
    )


def _send_of(deps: Dependencies, message_id: str) -> int | None:
    """Return the send whose Message-ID this is: ours is sealed, so that it tells by itself."""
    local, _, _ = message_id.strip("<> ").partition("@")
    sealed = deps.tokens.open_address(local)
    return sealed.send_id or None if sealed else None


def _clean(text: str, longest: int) -> str:
    return text[:longest].replace("\0", "").encode("utf-8", "replace").decode()
