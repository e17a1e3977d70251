"""What one worker has handed over, written down where the worker's death cannot take it.

The database is told of receipts in batches. Between two batches this small local file knows which
sends had been handed over and which were answered, so that after a SIGKILL only those in the
middle of an exchange are in doubt. A write to a file survives the death of the process that wrote
it; it is not flushed to disk, because a machine that loses power takes its connections with it,
and then whatever was claimed there is treated as uncertain.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from nurture.providers.base import Outcome, Receipt

FOLDER = "journal"


class Journal:
    """The file of one worker, open for appending; emptied when everything is in the database."""

    def __init__(self, home: Path, worker: str) -> None:
        folder = home / FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        self.path = path_of(home, worker)
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def handing_over(self, send_ids: Iterable[int]) -> None:
        """Write down that these sends are about to leave."""
        os.write(self._file, "".join(f"H {send_id}\n" for send_id in send_ids).encode())

    def settled(self, receipt: Receipt) -> None:
        """Write down what became of a send."""
        identifier = receipt.provider_message_id.replace(" ", "").replace("\n", "")
        line = f"R {receipt.send_id} {receipt.outcome.value} {receipt.code} {identifier}\n"
        os.write(self._file, line.encode())

    def empty(self) -> None:
        """Forget everything: the database knows it now."""
        os.ftruncate(self._file, 0)

    def close(self) -> None:
        """Close the file, and remove it: an orderly end leaves nothing in doubt."""
        os.close(self._file)
        self.path.unlink(missing_ok=True)


def path_of(home: Path, worker: str) -> Path:
    """Return where the journal of `worker` lies."""
    return home / FOLDER / f"{worker}.log"


def read_journal(path: Path) -> tuple[frozenset[int], dict[int, Receipt]]:
    """Return the sends handed over without an answer, and the receipts of those with one.

    A last line that the death of its writer cut short is passed over: a cut `R` leaves its send
    in doubt, and a cut `H` was followed by no hand-over.
    """
    handed: set[int] = set()
    receipts: dict[int, Receipt] = {}
    try:
        text = path.read_text()
    except FileNotFoundError:
        return frozenset(), {}
    for line in text.splitlines(keepends=True):
        if not line.endswith("\n"):
            continue
        kind, _, rest = line.rstrip("\n").partition(" ")
        if kind == "H":
            send_id = int(rest)
            handed.add(send_id)
            # Handed over again: what was said of an earlier try is no longer the last word.
            receipts.pop(send_id, None)
        else:
            number, outcome, code, identifier = rest.split(" ", 3)
            receipt = Receipt(int(number), Outcome(outcome), identifier, int(code))
            receipts[receipt.send_id] = receipt
    return frozenset(handed - receipts.keys()), receipts
