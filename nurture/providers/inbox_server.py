"""The local inbox's server: real SMTP on loopback that keeps every mail before it says 250.

Mail that arrives while one commit runs is kept by the next one together, so the disk is waited for
once per group and not once per mail.
"""

import asyncio
import contextlib
import signal
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Self

from aiosmtpd.smtp import SMTP

from nurture.clock import Clock
from nurture.providers.inbox_mail import Arrival, Inbox

_MOST_OCTETS: Final = 50_000_000
# Workers keep their connections between batches, and a quiet hour should not cost them.
_IDLE_SECONDS: Final = 3600
_SECONDS_TO_START: Final = 30


class InboxServer:
    """Serves in a thread of its own: `with InboxServer(path, clock) as server: server.port`.

    Port 0 takes any free one. `start` raises OSError when the port is taken.
    """

    def __init__(self, path: Path, clock: Clock, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.host = host
        self.port = port
        self._listener = _Listener(path, clock)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._ready = threading.Event()
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Returns when connections are accepted."""
        self._thread.start()
        self._ready.wait(_SECONDS_TO_START)
        if self._failure is not None:
            self._thread.join()
            raise self._failure

    def stop(self) -> None:
        """Stop listening, keep all mail that was taken, drop connections, and return."""
        with contextlib.suppress(RuntimeError):  # The loop is closed already.
            self._loop.call_soon_threadsafe(self._listener.stopping.set)
        self._thread.join()

    def _run(self) -> None:
        def bound(port: int) -> None:
            self.port = port
            self._ready.set()

        try:
            self._loop.run_until_complete(self._listener.run(self.host, self.port, bound))
        except BaseException as error:  # noqa: BLE001 - raised again by start, in its thread
            self._failure = error
        finally:
            self._loop.close()
            self._ready.set()


def serve(
    path: Path,
    host: str,
    port: int,
    clock: Clock,
    *,
    bound: Callable[[int], None] = lambda _port: None,
) -> None:
    """Serve in this process until SIGTERM or SIGINT; `bound` is told the port once it listens."""

    async def main() -> None:
        listener = _Listener(path, clock)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, listener.stopping.set)
        await listener.run(host, port, bound)

    asyncio.run(main())


class _Listener:
    """The server proper, living in one event loop."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self.stopping = asyncio.Event()
        self._path = path
        self._clock = clock

    async def run(self, host: str, port: int, bound: Callable[[int], None]) -> None:
        loop = asyncio.get_running_loop()
        protocols: list[SMTP] = []
        with Inbox(self._path) as rules, ThreadPoolExecutor(1, "inbox-writer") as writer:
            keeper = await _Keeper.open(self._path, writer)
            handler = _Handler(rules, keeper, self._clock)

            def protocol() -> SMTP:
                made = SMTP(
                    handler,
                    data_size_limit=_MOST_OCTETS,
                    enable_SMTPUTF8=True,
                    hostname="inbox.localhost",
                    ident="local inbox",
                    loop=loop,
                    timeout=_IDLE_SECONDS,
                )
                protocols[:] = [known for known in protocols if known.transport is not None]
                protocols.append(made)
                return made

            try:
                server = await loop.create_server(protocol, host, port, backlog=1024)
                bound(server.sockets[0].getsockname()[1])
                await self.stopping.wait()
                server.close()
            finally:
                await keeper.close()
                for known in protocols:
                    if known.transport is not None:
                        known.transport.close()
                others = asyncio.all_tasks() - {asyncio.current_task()}
                for task in others:
                    task.cancel()
                await asyncio.gather(*others, return_exceptions=True)


class _Handler:
    """What this server answers where aiosmtpd asks."""

    def __init__(self, rules: Inbox, keeper: "_Keeper", clock: Clock) -> None:
        self._rules = rules
        self._keeper = keeper
        self._clock = clock

    async def handle_EHLO(  # noqa: N802 - the name is aiosmtpd's
        self, _server: Any, session: Any, _envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [responses[0], "250-PIPELINING", *responses[1:]]

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        refusal = self._rules.refusal(address)
        if refusal is not None:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any
    ) -> str:
        recipients = tuple(envelope.rcpt_tos)
        sender = envelope.mail_from or ""
        arrival = Arrival(self._clock.now(), sender, recipients, envelope.content)
        try:
            await self._keeper.keep(arrival)
        except sqlite3.Error as error:
            return f"451 4.3.0 The inbox cannot keep mail: {type(error).__name__}"
        return "250 2.0.0 OK, kept"


class _Keeper:
    """Groups mail into transactions, in a thread that alone writes."""

    def __init__(self, inbox: Inbox, writer: ThreadPoolExecutor) -> None:
        self._inbox = inbox
        self._writer = writer
        self._pending: list[tuple[Arrival, asyncio.Future[None]]] = []
        self._working: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, path: Path, writer: ThreadPoolExecutor) -> "_Keeper":
        loop = asyncio.get_running_loop()
        return cls(await loop.run_in_executor(writer, Inbox, path), writer)

    async def keep(self, arrival: Arrival) -> None:
        """Returns when the mail is on the disk."""
        loop = asyncio.get_running_loop()
        kept: asyncio.Future[None] = loop.create_future()
        self._pending.append((arrival, kept))
        if self._working is None or self._working.done():
            self._working = loop.create_task(self._work())
        await kept

    async def close(self) -> None:
        if self._working is not None:
            await self._working
        await asyncio.get_running_loop().run_in_executor(self._writer, self._inbox.close)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._pending:
            group, self._pending = self._pending, []
            try:
                arrivals = [arrival for arrival, _ in group]
                await loop.run_in_executor(self._writer, self._inbox.keep, arrivals)
            except sqlite3.Error as error:
                for _, kept in group:
                    kept.set_exception(error)
            else:
                for _, kept in group:
                    kept.set_result(None)
