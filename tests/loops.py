"""Event loops for tests, each in a thread of its own.

The browser of the session keeps a loop going in the thread of the tests, where no other may run.
"""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Runner:
    """What `asyncio.Runner` is, in a thread of its own; used as a block."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "loop")
        self._runner = asyncio.Runner()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the coroutine in the loop, which stands still before and after; return its result."""
        return self._thread.submit(self._runner.run, work).result()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()


def ran(work: Coroutine[Any, Any, T]) -> T:
    """Return the result of the coroutine, run in a loop of its own."""
    with Runner() as runner:
        return runner.run(work)
