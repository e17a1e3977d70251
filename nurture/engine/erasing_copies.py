"""Copies of an address outside of the tables: the local inbox, and files that imports wrote."""

from contextlib import suppress as ignoring
from pathlib import Path
from typing import Final

from nurture.engine.dependencies import Dependencies
from nurture.providers.inbox_mail import FILE, Inbox
from nurture.store import erasing
from nurture.store.database import Transaction

# Files of rejected rows are looked through in parts of this many bytes.
PART: Final = 1 << 20


def in_inbox(deps: Dependencies, address: str, notices: list[str], *, look: bool) -> int:
    """Empty the copies in the local inbox, or with `look` count them; return how many."""
    path = deps.settings.home / FILE
    if not path.exists():
        return 0
    with Inbox(path) as inbox:
        found = inbox.copies(address, notices)
        if not look:
            inbox.empty(found)
            inbox.accept(address)  # A scripted refusal is kept under the address.
        return len(found)


def in_files(tx: Transaction, address: str) -> tuple[Path, ...]:
    """Return the files that hold an address; nobody but a person can take it out of them."""
    paths = (Path(path) for path in erasing.reject_files(tx))
    return tuple(path for path in paths if _names(path, address.encode()))


def _names(path: Path, address: bytes) -> bool:
    """Return whether a file holds the address; a file that cannot be read holds nothing for us."""
    with ignoring(OSError), path.open("rb") as file:
        tail = b""
        while part := file.read(PART):
            if address in (tail + part).lower():
                return True
            tail = part[-len(address) :]
    return False
