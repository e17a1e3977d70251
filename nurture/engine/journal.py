"""What one worker has handed over, written down where the worker's death cannot take it.

The database is told of receipts in batches. Between two batches this small local file knows which
sends had been handed over and which were answered, so that after a SIGKILL only those in the
middle of an exchange are in doubt. A write to a file survives the death of the process that wrote
it; it is not flushed to disk, because a machine that loses power takes its connections with it,
and then whatever was claimed there is treated as uncertain.
"""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from nurture.providers.base import Outcome, Receipt

FOLDER = "journal"

_HANDING = re.compile(r"H ([0-9]+)")
_ANSWER = re.compile(rf"([RM]) ([0-9]+) ({'|'.join(Outcome)}) (-?[0-9]+) (\S*)")


class Journal:
    """The file of one worker, open for appending; emptied when everything is in the database."""

    def __init__(self, home: Path, worker: str) -> None:
        folder = home / FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path = path_of(home, worker)
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def handing_over(self, send_ids: Iterable[int]) -> None:
        """Write down that these sends are about to leave."""
        self._write("".join(f"H {send_id}\n" for send_id in send_ids))

    def settled(self, receipt: Receipt) -> None:
        """Write down what became of a send."""
        # No white space of any kind: a provider's identifier must not end our line.
        identifier = "".join(receipt.provider_message_id.split())
        mark = "M" if receipt.mirrored else "R"
        self._write(
            f"{mark} {receipt.send_id} {receipt.outcome.value} {receipt.code} {identifier}\n"
        )

    def empty(self) -> None:
        """Forget everything: the database knows it now."""
        os.ftruncate(self._file, 0)

    def _write(self, text: str) -> None:
        left = text.encode("utf-8", "replace")
        while left:  # A disk that fills up takes a part, and refuses the rest the next time.
            left = left[os.write(self._file, left) :]

    def close(self) -> None:
        """Close the file, and remove it: an orderly end leaves nothing in doubt."""
        os.close(self._file)
        self.path.unlink(missing_ok=True)


def path_of(home: Path, worker: str) -> Path:
    """Return where the journal of `worker` lies."""
    return home / FOLDER / f"{worker}.log"


def read_journal(path: Path) -> tuple[frozenset[int], dict[int, Receipt]]:
    """Return the sends handed over without an answer, and the receipts of those with one.

    A line that was cut short, by the death of its writer or by a full disk, is passed over: a cut
    `R` leaves its send in doubt, and a cut `H` was followed by no hand-over.
    """
    handed: set[int] = set()
    receipts: dict[int, Receipt] = {}
    try:
        text = path.read_text("utf-8", "replace")
    except FileNotFoundError:
        return frozenset(), {}
    # What follows the last line break is nothing, or a line that was cut.
    for line in text.split("\n")[:-1]:
        if handing := _HANDING.fullmatch(line):
            send_id = int(handing[1])
            handed.add(send_id)
            # Handed over again: what was said of an earlier try is no longer the last word.
            receipts.pop(send_id, None)
        elif answer := _ANSWER.fullmatch(line):
            mark, number, outcome, code, identifier = answer.groups()
            receipts[int(number)] = Receipt(
                int(number), Outcome(outcome), identifier, int(code), mirrored=mark == "M"
            )
    return frozenset(handed - receipts.keys()), receipts
