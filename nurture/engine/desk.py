"""What people settle by hand: uncertain sends, a provider that was paused. Each leaves an audit."""

from datetime import datetime

from nurture.engine.dependencies import Dependencies
from nurture.engine.reconcile import decide_uncertain
from nurture.errors import Conflict
from nurture.store import operations, sends
from nurture.store.operations import Health


def settle_uncertain(
    deps: Dependencies, send_id: int, *, arrived: bool, by: str, now: datetime
) -> None:
    """Settle an uncertain send on a person's word.

    Raises Conflict when it is not uncertain any more: somebody else, or the provider, was first.
    """
    with deps.database.begin() as tx:
        if sends.uncertain_send(tx, send_id) is None:
            raise Conflict("this send is settled already", remedy="Look at the list again.")
        said = {"arrived": arrived}
        operations.note(tx, by, "settle uncertain send", str(send_id), said, now)
    decide_uncertain(deps, send_id, arrived, now)


def resume_provider(deps: Dependencies, provider: str, *, by: str, now: datetime) -> None:
    """Let a provider send again that was paused or away; what waits goes with the next tick.

    Raises Conflict when it takes mail already.
    """
    with deps.database.begin() as tx:
        before = operations.provider_health(tx, provider)
        if before is None or before.state == "ok":
            raise Conflict(f"{provider} takes mail already", remedy="Look at the page again.")
        operations.set_provider_health(tx, provider, Health("ok"), now)
        said = {"was": before.state, "detail": before.detail}
        operations.note(tx, by, "resume provider", provider, said, now)
