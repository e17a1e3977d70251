"""What jobs run: ids in, one call of the engine. RQ finds these functions by their names."""

from collections.abc import Callable

_deliver: Callable[[int], int] | None = None


def deliver_by(deliver: Callable[[int], int]) -> None:
    """Say who delivers in this process: the worker does so when it starts, before any job."""
    global _deliver
    _deliver = deliver


def deliver_batch(batch_id: int) -> int:
    """Deliver what is left of a batch; return how many sends were handed over. May run twice."""
    if _deliver is None:
        raise RuntimeError("jobs of this queue run only in workers started by `nurture worker`")
    return _deliver(batch_id)
