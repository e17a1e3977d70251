"""The endpoints of other systems: their secrets, how they are, and what people do about them."""

import json
import secrets as random_bytes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.domain.endpoints import Circuit
from nurture.engine.dependencies import Dependencies
from nurture.errors import Conflict, NotFound
from nurture.providers.calling import Answered
from nurture.providers.signing import secret_bytes, secret_text, sign
from nurture.store import deliveries, operations, reports_deliveries
from nurture.store.database import Transaction
from nurture.store.deliveries import Endpoint
from nurture.store.reports_deliveries import Waiting

# How long the secret before signs beside the new one: time for the receiver to change, too.
OVERLAP = timedelta(hours=24)
SECRET_BYTES = 32
TEST_EVENT = "nurture.test"
NOT_YET = Waiting()


@dataclass(frozen=True, slots=True)
class Listed:
    """One endpoint: its address (empty when funnel.yaml no longer declares it), and how it is."""

    key: str
    url: str
    state: Endpoint
    waiting: Waiting
    own_secret: bool


def declared_urls(deps: Dependencies, tx: Transaction) -> Mapping[str, str]:
    """Return where each endpoint of the funnel is; the settings may say another address."""
    declared = deps.definitions.catalog(tx).funnel.endpoints
    own = dict(deps.settings.endpoint_urls)
    return {key: own.get(key, one.url) for key, one in declared.items()}


def secrets_of(deps: Dependencies, endpoint: Endpoint) -> tuple[bytes, ...]:
    """Return the secrets that sign for an endpoint now, the newest first.

    Those of the settings, where there are any; else those derived from the master key: so every
    machine with that key signs the same, and none of them stores a secret anywhere.
    """
    given = tuple(
        secret_bytes(text) for key, text in deps.settings.endpoint_secrets if key == endpoint.key
    )
    if given:
        return given
    found = [_derived(deps, endpoint.key, endpoint.generation)]
    rotated = endpoint.rotated_at
    if endpoint.generation and rotated is not None and deps.wall.now() - rotated < OVERLAP:
        found.append(_derived(deps, endpoint.key, endpoint.generation - 1))
    return tuple(found)


def shown_secrets(deps: Dependencies, key: str) -> tuple[str, ...]:
    """Return an endpoint's secrets as receivers are given them; raises NotFound for no endpoint."""
    with deps.database.read() as tx:
        _url(deps, tx, key)
        state = deliveries.endpoints(tx, [key]).get(key, Endpoint(key))
    return tuple(secret_text(secret) for secret in secrets_of(deps, state))


def list_endpoints(deps: Dependencies) -> list[Listed]:
    """Return every endpoint that is declared, or that something waits for, by key."""
    with deps.database.read() as tx:
        declared = declared_urls(deps, tx)
        states = deliveries.endpoints(tx)
        waiting = reports_deliveries.waiting_by_target(tx)
    return [
        Listed(
            key,
            declared.get(key, ""),
            states.get(key, Endpoint(key)),
            waiting.get(key, NOT_YET),
            any(key == one for one, _ in deps.settings.endpoint_secrets),
        )
        for key in sorted({*declared, *waiting})
    ]


def rotate(deps: Dependencies, key: str, *, by: str, now: datetime) -> str:
    """Give an endpoint a new secret and return it; the old one signs, too, for OVERLAP.

    Raises NotFound for no endpoint, Conflict where the settings hold its secret.
    """
    if any(key == one for one, _ in deps.settings.endpoint_secrets):
        raise Conflict(
            f"the secret of {key} is set by NURTURE_ENDPOINT_SECRETS",
            remedy="Give the key twice there, the new secret first, until the receiver changed.",
        )
    with deps.database.begin() as tx:
        _url(deps, tx, key)
        generation = deliveries.next_generation(tx, key, deps.wall.now())
        operations.note(tx, by, "rotate endpoint secret", key, {"generation": generation}, now)
    return secret_text(_derived(deps, key, generation))


def open_endpoint(deps: Dependencies, key: str, *, by: str, now: datetime) -> None:
    """Let an endpoint be called again at once.

    Raises NotFound for no endpoint, Conflict when nothing keeps it from being called.
    """
    with deps.database.begin() as tx:
        _url(deps, tx, key)
        state = deliveries.endpoints(tx, [key]).get(key)
        if state is None or state.circuit == Circuit():
            raise Conflict(f"{key} is called already", remedy="See `nurture endpoint list`.")
        deliveries.save_circuit(tx, key, Circuit(), "", now)
        operations.note(tx, by, "open endpoint", key, {"was": state.detail}, now)


def call_for_test(deps: Dependencies, key: str, now: datetime) -> Answered:
    """Make one signed call of the type nurture.test, and return its answer; nothing is kept."""
    with deps.database.read() as tx:
        url = _url(deps, tx, key)
        state = deliveries.endpoints(tx, [key]).get(key, Endpoint(key))
    body = json.dumps(
        {"type": TEST_EVENT, "timestamp": now.isoformat(), "data": {"endpoint": key}},
        separators=(",", ":"),
    ).encode()
    message_id = f"msg_{random_bytes.token_hex(16)}"
    return deps.caller.post(url, body, headers(deps, secrets_of(deps, state), message_id, body))


def headers(
    deps: Dependencies, secrets: Sequence[bytes], message_id: str, body: bytes
) -> dict[str, str]:
    """Return the headers of a call that is made now: by the wall's clock, as receivers check it."""
    signed = sign(body, *secrets, webhook_id=message_id, at=deps.wall.now())
    return {"Content-Type": "application/json", "User-Agent": "Nurture-Webhooks/1", **signed}


def _derived(deps: Dependencies, key: str, generation: int) -> bytes:
    return deps.secrets.key(f"endpoint {key} {generation}", SECRET_BYTES)


def _url(deps: Dependencies, tx: Transaction, key: str) -> str:
    url = declared_urls(deps, tx).get(key)
    if url is None:
        raise NotFound(
            f"there is no endpoint {key!r}", remedy="Declare it in funnel.yaml and apply."
        )
    return url
