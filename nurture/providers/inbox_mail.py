"""The local inbox's own file: mail kept as it came, and scripted refusals.

One SQLite file, apart from the engine's database, so that a lost or full inbox is no concern of
the engine. The server writes it; the admin, the demo and tests read it from other processes.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.message import Message
from email.parser import BytesHeaderParser
from email.policy import default as modern
from pathlib import Path
from typing import Final, Self

from nurture.domain.text import fold

#: Its name in Nurture's home.
FILE: Final = "inbox.sqlite3"

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS mail (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  received_at INTEGER NOT NULL,      -- microseconds since 1970, UTC, by the server's clock
  mail_from TEXT NOT NULL,
  recipient TEXT NOT NULL,           -- the envelope's, lower case
  subject TEXT NOT NULL,
  sender TEXT NOT NULL,              -- the From header
  message_id TEXT NOT NULL,
  folded TEXT NOT NULL,              -- what a search looks in: lower case, without accents
  raw BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS mail_recipient ON mail (recipient, id);
CREATE TABLE IF NOT EXISTS refusal (address TEXT PRIMARY KEY, reply TEXT NOT NULL);
"""
_SUMMARY: Final = "id, received_at, mail_from, recipient, subject, sender, message_id"
# Mail always came for somebody; what was emptied names nobody, and is shown to nobody.
_KEPT: Final = "recipient <> ''"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class InboxMail:
    """One mail as it was received for one recipient. `raw` is empty in listings."""

    id: int
    received_at: datetime
    mail_from: str
    recipient: str
    subject: str
    sender: str
    message_id: str
    raw: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A mail about to be kept: one per recipient of its envelope."""

    received_at: datetime
    mail_from: str
    recipients: tuple[str, ...]
    raw: bytes


class Inbox:
    """Reads, and scripts refusals in, the inbox kept at `path`; the file is made when missing.

    An object belongs to the thread that uses it first. Listings are keyset pages: pass
    the id of the last mail shown to get what follows it.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Made before SQLite makes it, readable by nobody else: mail is personal.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        self._database = sqlite3.connect(path, timeout=30, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        # A mail is promised by the 250 that follows it, so it has to survive a power cut.
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def newest(
        self, *, search: str = "", recipient: str = "", before: int | None = None, limit: int = 50
    ) -> tuple[InboxMail, ...]:
        """Mail, newest first. `search` finds subject, sender and recipient without accents."""
        where = ["id < ?", _KEPT]
        parameters: list[object] = [2**62 if before is None else before]
        if recipient:
            where.append("recipient = ?")
            parameters.append(recipient.lower())
        for word in fold(search).split():
            where.append("folded LIKE ? ESCAPE '\\'")
            parameters.append(f"%{_literally(word)}%")
        return self._select(
            f"SELECT {_SUMMARY} FROM mail WHERE {' AND '.join(where)} ORDER BY id DESC LIMIT ?",  # noqa: S608 - the parts are constants
            (*parameters, limit),
        )

    def since(self, mail_id: int, limit: int = 100) -> tuple[InboxMail, ...]:
        """What arrived after `mail_id`, oldest first, with its raw bytes: how an audience reads."""
        return self._select(
            f"SELECT {_SUMMARY}, raw FROM mail WHERE id > ? AND {_KEPT} ORDER BY id LIMIT ?",  # noqa: S608
            (mail_id, limit),
        )

    def mail(self, mail_id: int) -> InboxMail | None:
        """One mail with its raw bytes."""
        found = self._select(f"SELECT {_SUMMARY}, raw FROM mail WHERE id = ?", (mail_id,))  # noqa: S608
        return found[0] if found else None

    def count(self) -> int:
        """How many mails are kept; emptied ones are not."""
        counting = f"SELECT count(*) FROM mail WHERE {_KEPT}"  # noqa: S608 - a constant
        counted: int = self._database.execute(counting).fetchone()[0]
        return counted

    def message_ids(self) -> Iterator[tuple[str, str]]:
        """Message-ID and recipient of every mail, oldest first: what the books are held against."""
        yield from self._database.execute("SELECT message_id, recipient FROM mail ORDER BY id")

    def refuse(self, address: str, reply: str) -> None:
        """Have the server answer RCPT for `address` with `reply`, such as `550 5.1.1 No such user`.

        Raises ValueError for a reply that is not a 4xx or 5xx line of printable ASCII.
        """
        if not (reply[:1] in ("4", "5") and reply[1:3].isdigit() and reply[3:4] == " "):
            raise ValueError(reply)
        if not (reply.isascii() and reply.isprintable()):
            raise ValueError(reply)
        self._database.execute(
            "INSERT INTO refusal VALUES (?, ?) ON CONFLICT DO UPDATE SET reply = excluded.reply",
            (address.lower(), reply),
        )

    def accept(self, address: str) -> None:
        """Lift a refusal."""
        self._database.execute("DELETE FROM refusal WHERE address = ?", (address.lower(),))

    def refusal(self, address: str) -> str | None:
        """The scripted reply for an address."""
        query = "SELECT reply FROM refusal WHERE address = ?"
        row = self._database.execute(query, (address.lower(),)).fetchone()
        return None if row is None else str(row[0])

    def keep(self, arrivals: Sequence[Arrival]) -> None:
        """Keep mail, all in one transaction that is on the disk when this returns."""
        rows = [row for arrival in arrivals for row in _rows(arrival)]
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._database.executemany(
                "INSERT INTO mail (received_at, mail_from, recipient, subject, sender, message_id,"
                " folded, raw) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows,
            )
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def copies(self, address: str, messages: Sequence[str] = ()) -> tuple[int, ...]:
        """The ids of the mails to an address, and of those whose Message-ID begins so.

        `messages` are what stands before the @; mails that were emptied are left out.
        """
        kept = f"SELECT id FROM mail WHERE {_KEPT} AND "  # noqa: S608 - a constant
        found = self._database.execute(f"{kept} recipient = ?", (address.lower(),)).fetchall()
        for message in messages:
            like = f"%{_literally(message)}@%"
            query = f"{kept} message_id LIKE ? ESCAPE '\\'"
            found += self._database.execute(query, (like,)).fetchall()
        return tuple(sorted({int(row[0]) for row in found}))

    def empty(self, mail_ids: Sequence[int]) -> None:
        """Empty mails: that one came with this Message-ID is all that is left of each."""
        # Deleted text would otherwise stay in the file until something is written over it.
        self._database.execute("PRAGMA secure_delete = ON")
        self._database.executemany(
            "UPDATE mail SET recipient = '', subject = '', sender = '', folded = '', raw = x''"
            " WHERE id = ?",
            [(mail_id,) for mail_id in mail_ids],
        )

    def clear(self) -> None:
        """Forget all mail and every refusal; ids are not used again."""
        self._database.executescript("DELETE FROM mail; DELETE FROM refusal;")

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    def _select(self, query: str, parameters: Sequence[object]) -> tuple[InboxMail, ...]:
        return tuple(
            InboxMail(row[0], _EPOCH + timedelta(microseconds=row[1]), *row[2:])
            for row in self._database.execute(query, parameters)
        )


def _rows(arrival: Arrival) -> Iterator[tuple[object, ...]]:
    # The parser would decode the whole body only to set it aside.
    head = arrival.raw.partition(b"\r\n\r\n")[0]
    headers = BytesHeaderParser(policy=modern).parsebytes(head)
    subject, sender = _header(headers, "subject"), _header(headers, "from")
    received = (arrival.received_at - _EPOCH) // timedelta(microseconds=1)
    for recipient in arrival.recipients:
        folded = fold(f"{subject} {sender} {recipient}")
        start = (received, arrival.mail_from, recipient.lower(), subject, sender)
        yield (*start, _header(headers, "message-id"), folded, arrival.raw)


def header_text(name: str, raw: str) -> str:
    """A header as text that SQLite takes: undecodable bytes become a replacement sign.

    The standard library's parser raises errors of many kinds for addresses and ids that are none;
    such a header is given as it stands there.
    """
    try:
        text = str(modern.header_fetch_parse(name, raw))
    except Exception:  # noqa: BLE001 - IndexError, AttributeError, TypeError, by what is written
        text = " ".join(raw.split())
    return text.encode("utf-8", "replace").decode().replace("\0", "").strip()


def _header(headers: Message, wanted: str) -> str:
    found = (header_text(name, raw) for name, raw in headers.raw_items() if name.lower() == wanted)
    return next(found, "")


def _literally(word: str) -> str:
    for sign in "\\%_":
        word = word.replace(sign, "\\" + sign)
    return word
