"""Webhooks on their way: taken in one transaction, called with none open, written down in another.

At least once: whoever dies between the answer and its record leaves a message that is called
again, under the same id, which is how receivers know it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from nurture.domain.endpoints import Circuit, after_failure, after_success
from nurture.domain.retries import next_try
from nurture.engine.dependencies import Dependencies
from nurture.engine.endpoints import declared_urls, headers, secrets_of
from nurture.engine.isolation import describe
from nurture.engine.payloads import webhook_body
from nurture.errors import Conflict, NotFound
from nurture.providers.calling import Answered
from nurture.store import deliveries, gone, operations
from nurture.store.database import Transaction
from nurture.store.deliveries import WEBHOOK, Claimed, Endpoint

# Calls to one endpoint that one machine has under way at a time.
MOST_AT_ONCE = 4
# What cannot be called at all is settled so many at a time.
MOST_LOST = 500
LONGEST_DETAIL = 500


@dataclass(frozen=True, slots=True)
class Errand:
    """A webhook that may be called now, with all that the call needs."""

    claimed: Claimed
    url: str
    secrets: tuple[bytes, ...] = field(repr=False)


def take_webhooks(
    deps: Dependencies, worker: str, under_way: Mapping[str, int], now: datetime
) -> list[Errand]:
    """Claim webhooks that are due, for each endpoint no more than it has room for.

    `under_way` counts what `worker` has claimed and not settled, by endpoint. What goes to an
    endpoint that is not declared any more fails here.
    """
    # Only a look: most of the time nothing is due, and SQLite has one write lock for everybody.
    with deps.database.read() as tx:
        targets = deliveries.due_targets(tx, now)
        if not targets:
            return []
        declared = declared_urls(deps, tx)
        states = deliveries.endpoints(tx, targets)
    rooms: dict[str, int] = {}
    for key in targets:
        room = states.get(key, Endpoint(key)).circuit.room(MOST_AT_ONCE, now)
        rooms[key] = room - under_way.get(key, 0) if key in declared else MOST_LOST
    wanted = {key: room for key, room in rooms.items() if room > 0}
    if not wanted:
        return []
    errands: list[Errand] = []
    with deps.database.begin() as tx:
        for key, room in wanted.items():
            found = deliveries.claim(tx, WEBHOOK, key, worker, now, room)
            if key in declared:
                secrets = secrets_of(deps, states.get(key, Endpoint(key)))
                errands += [Errand(one, declared[key], secrets) for one in found]
            else:
                told = f"funnel.yaml declares no endpoint {key!r}"
                rows = [failed(one, now, "no_endpoint", told) for one in found]
                deliveries.settle(tx, worker, rows, now)
    return errands


def call(deps: Dependencies, errand: Errand) -> Answered:
    """Make the call, with no transaction open; never raises for what the other side does."""
    one = errand.claimed
    try:
        body = webhook_body(one.payload, one.created_at)
        signed = headers(deps, errand.secrets, one.message_id, body)
        return deps.caller.post(errand.url, body, signed)
    except Exception as error:  # noqa: BLE001 - one bad message must not end the calls of others
        return Answered("broken", detail=describe(error))


def settle_webhooks(
    deps: Dependencies, worker: str, answers: Sequence[tuple[Claimed, Answered]], now: datetime
) -> int:
    """Write down what became of calls, and how their endpoints are; return how many were ours."""
    if not answers:
        return 0
    with deps.database.begin() as tx:
        erased = gone.among(tx, (one.contact_id for one, _ in answers))
        of_endpoint: dict[str, list[Answered]] = {}
        for one, answer in answers:
            # What an endpoint says of somebody who is erased may quote what it was told of them.
            said = replace(answer, detail="") if one.contact_id in erased else answer
            of_endpoint.setdefault(one.target, []).append(said)
        # In one order for everybody, so that two machines never wait for each other.
        for key in sorted(of_endpoint):
            _judge(tx, key, of_endpoint[key], now)
        rows = [_row(one, answer, now) for one, answer in answers]
        return deliveries.settle(tx, worker, rows, now)


def recover_deliveries(
    deps: Dependencies, worker: str, now: datetime, but: Collection[int] = ()
) -> int:
    """Give back what `worker` has taken, `but` those that it knows of; return how many.

    After its death that is everything; while it lives, what a commit took whose answer was lost.
    Safe to run twice.
    """
    with deps.database.read() as tx:
        if all(one.id in but for one in deliveries.claimed_by(tx, worker)):
            return 0
    with deps.database.begin() as tx:
        found = [one for one in deliveries.claimed_by(tx, worker) if one.id not in but]
        lost = Answered("died", detail=f"{worker} let go of it")
        rows = [again(one, now, lost, next_try(one.message_id, one.attempts, now)) for one in found]
        return deliveries.settle(tx, worker, rows, now)


def retry_delivery(deps: Dependencies, delivery_id: int, *, by: str, now: datetime) -> None:
    """Have a delivery tried again now, with all its tries, on a person's word.

    Raises NotFound for none with this id, Conflict for one that is delivered or under way.
    """
    with deps.database.begin() as tx:
        known = deliveries.status_of(tx, delivery_id)
        if known is None:
            raise NotFound(
                f"there is no delivery {delivery_id}", remedy="See `nurture delivery list`."
            )
        if not deliveries.retry(tx, delivery_id, now):
            if deliveries.is_about_nobody(tx, delivery_id):
                raise Conflict(
                    f"delivery {delivery_id} is about a contact who was erased",
                    remedy="There is nothing left to tell.",
                )
            told = "delivered already" if known == "delivered" else "under way"
            raise Conflict(f"delivery {delivery_id} is {told}", remedy="Look at it again.")
        operations.note(tx, by, "retry delivery", str(delivery_id), {"was": known}, now)


def delivered(one: Claimed, now: datetime, code: int, detail: str = "") -> dict[str, Any]:
    """Return the row of a delivery that was taken."""
    return {
        "id": one.id, "status": "delivered", "not_before": None, "settled_at": now, "reason": "",
        "code": code, "detail": detail[:LONGEST_DETAIL],
    }  # fmt: skip


def failed(one: Claimed, now: datetime, reason: str, detail: str, code: int = 0) -> dict[str, Any]:
    """Return the row of a delivery that is given up until a person has it tried again."""
    return {
        "id": one.id, "status": "failed", "not_before": None, "settled_at": now,
        "reason": reason, "code": code, "detail": detail[:LONGEST_DETAIL],
    }  # fmt: skip


def again(
    one: Claimed, now: datetime, answer: Answered, release: datetime | None
) -> dict[str, Any]:
    """Return the row of a delivery that is tried again at `release`; given up where it is None."""
    if release is None:
        return failed(one, now, answer.reason, answer.detail, answer.code)
    row = _unsettled(one, release)
    detail = answer.detail[:LONGEST_DETAIL]
    return {**row, "reason": answer.reason, "code": answer.code, "detail": detail}


def _unsettled(one: Claimed, release: datetime) -> dict[str, Any]:
    return {
        "id": one.id, "status": "waiting", "not_before": release, "settled_at": None,
        "reason": "", "code": 0, "detail": "",
    }  # fmt: skip


def _row(one: Claimed, answer: Answered, now: datetime) -> dict[str, Any]:
    if not answer.reason:
        return delivered(one, now, answer.code)
    if answer.reason == "gone":
        # It waits for a person, who opens the endpoint again or leaves it so.
        return again(one, now, answer, now)
    if answer.is_final:
        return failed(one, now, answer.reason, answer.detail, answer.code)
    return again(one, now, answer, next_try(one.message_id, one.attempts, now, answer.asked))


def _judge(tx: Transaction, key: str, answers: Iterable[Answered], now: datetime) -> None:
    before = deliveries.lock_endpoint(tx, key)
    circuit, detail = before.circuit, before.detail
    for answer in answers:
        if not answer.reason:
            circuit, detail = after_success(), ""
            continue
        circuit = after_failure(circuit, now, answer.asked)
        words = (str(answer.code or answer.reason), answer.detail)
        detail = " ".join(word for word in words if word)
        if answer.reason == "gone":
            circuit = Circuit(circuit.failures, circuit.until, gone=True)
    if circuit != before.circuit or detail != before.detail:
        deliveries.save_circuit(tx, key, circuit, detail[:LONGEST_DETAIL], now)
