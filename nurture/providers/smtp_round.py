"""One batch on its way through the pool: who gets which email, what is settled, what is lost."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Final

from nurture.providers.base import HandingOver, Outcome, OutgoingEmail, Receipt
from nurture.providers.smtp_connection import Connection
from nurture.providers.smtp_dialogue import Need
from nurture.providers.smtp_message import Prepared, prepare
from nurture.providers.smtp_pool import Place, Pool
from nurture.providers.smtp_reader import SessionOver

# An email whose envelope was on a lost connection is announced once more, then comes back later:
# it might be what the server stumbles over.
_ANNOUNCEMENTS: Final = 2


class Round:
    """Sends one batch. `run` yields what `Provider.send` promises.

    The first connection opens alone: a relay that is down or refuses our password is asked once
    per batch, not once per connection.
    """

    def __init__(self, pool: Pool, batch: Sequence[OutgoingEmail]) -> None:
        self._pool = pool
        self._places = pool.places[: len(batch)]
        self._queue = deque(batch)
        self._emails = {email.send_id: email for email in batch}
        self._announced: dict[int, int] = {}
        self._receipts: list[Receipt] = []
        self._unsettled = len(batch)
        self._proven = False
        self._last = SessionOver("no connection was tried")

    def run(self) -> Iterator[HandingOver | Receipt]:
        try:
            self._refresh()
            while True:
                self._occupy()
                receipts, self._receipts = self._receipts, []
                yield from receipts
                leaving = self._leaving()
                if leaving:
                    yield HandingOver(tuple(send_id for _, _, send_id in leaving))
                    for place, connection, _ in leaving:
                        self._hand_over(place, connection)
                elif not self._unsettled:
                    return
                self._turn()
        finally:
            # Also when the generator is closed early: a session in mid-mail cannot be kept.
            for place in self._pool.places:
                if place.connection is not None and place.connection.need is not Need.EMAIL:
                    place.close()

    def _refresh(self) -> None:
        """Forget old failures, and drop kept connections on which the server has hung up."""
        gone = self._pool.ready(0)
        for place in self._pool.places:
            place.refresh()
            if place.connection in gone:
                place.close()
            self._proven = self._proven or place.connection is not None

    def _occupy(self) -> None:
        """Open connections and give idle ones something to do, while there is anything."""
        if not self._queue:
            return
        for place in self._places:
            if place.connection is None:
                self._open(place)
            connection = place.connection
            if connection is None or connection.need is not Need.EMAIL:
                continue
            email = self._next(connection)
            if email is None:
                return
            try:
                connection.give(email, self._pool.now())
            except SessionOver as error:
                self._lose(place, error)
        if all(place.resting for place in self._places):
            self._give_up()

    def _open(self, place: Place) -> None:
        if place.resting or place.again_at > self._pool.now():
            return
        if not self._proven and any(other.connection for other in self._places):
            return
        try:
            place.connection = self._pool.open()
        except SessionOver as error:
            self._rest(place, error)

    def _rest(self, place: Place, error: SessionOver) -> None:
        """The relay is not there, or does not want us: ask no more if that was the first answer."""
        self._last = error
        for other in [place] if self._proven else self._places:
            other.rest()

    def _give_up(self) -> None:
        """No connection can be had: everything left goes back, for the reason met last."""
        error = self._last
        while self._queue:
            self._settle(self._queue.popleft().send_id, error.outcome, error)

    def _next(self, connection: Connection) -> Prepared | None:
        """The next email that this server can be given; others get their receipts at once."""
        while self._queue:
            email = prepare(self._queue.popleft(), connection.offered)
            if isinstance(email, Prepared):
                return email
            self._unsettled -= 1
            self._receipts.append(email)
        return None

    def _leaving(self) -> list[tuple[Place, Connection, int]]:
        found = []
        for place in self._places:
            connection = place.connection
            if connection is not None and connection.need is Need.LEAVE and connection.dialogue:
                waiting = connection.dialogue.waiting
                if waiting is not None:
                    found.append((place, connection, waiting.send_id))
        return found

    def _hand_over(self, place: Place, connection: Connection) -> None:
        following = self._next(connection) if connection.offered.pipelining else None
        try:
            connection.hand_over(following, self._pool.now())
        except SessionOver as error:
            self._lose(place, error)

    def _turn(self) -> None:
        """Wait until a socket is ready or a moment is due, and go on with what can."""
        ready = self._pool.ready(self._wait())
        at = self._pool.now()
        for place in self._places:
            connection = place.connection
            if connection is None:
                continue
            try:
                if connection in ready:
                    connection.progress(at)
                elif connection.deadline <= at:
                    connection.expire()
            except SessionOver as error:
                self._lose(place, error)
            else:
                self._proven = self._proven or connection.opened
                self._collect(place, connection)

    def _wait(self) -> float:
        """Seconds until something is due without any socket being ready."""
        if self._receipts:
            return 0.0
        moments = [place.connection.deadline for place in self._places if place.connection]
        if self._queue:
            moments += [p.again_at for p in self._places if not (p.connection or p.resting)]
        return max(0.0, min(moments, default=0.0) - self._pool.now())

    def _collect(self, place: Place, connection: Connection) -> None:
        dialogue = connection.dialogue
        if dialogue is not None and dialogue.receipts:
            place.refresh()
            self._unsettled -= len(dialogue.receipts)
            self._receipts += dialogue.receipts
            dialogue.receipts.clear()

    def _lose(self, place: Place, error: SessionOver) -> None:
        """Settle what the lost connection leaves behind, and plan when to open it again."""
        connection = place.connection
        if connection is None:
            return
        self._collect(place, connection)
        dialogue = connection.dialogue
        if dialogue is not None and dialogue.handed is not None:
            fate = Outcome.UNCERTAIN if connection.in_doubt else Outcome.LATER
            self._settle(dialogue.handed.send_id, fate, error)
        if dialogue is not None and dialogue.waiting is not None:
            # An envelope behind a message that was lost is not what the server stumbled over.
            self._return(dialogue.waiting.send_id, error, innocent=dialogue.handed is not None)
        if connection.opened:
            self._last = error
            place.lose(self._pool.now())
        else:
            self._rest(place, error)

    def _return(self, send_id: int, error: SessionOver, *, innocent: bool) -> None:
        """An email that was announced and not handed over: once more, then later."""
        self._announced[send_id] = self._announced.get(send_id, 0) + (not innocent)
        if self._announced[send_id] < _ANNOUNCEMENTS:
            self._queue.appendleft(self._emails[send_id])
        else:
            self._settle(send_id, Outcome.LATER, error)

    def _settle(self, send_id: int, outcome: Outcome, error: SessionOver) -> None:
        self._unsettled -= 1
        self._receipts.append(Receipt(send_id, outcome, code=error.code, detail=error.message))
