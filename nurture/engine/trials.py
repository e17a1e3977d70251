"""Drafts walked by test contacts: through the real engine and provider, and out of every count.

A trial keeps the draft as it is at that moment, compiled like a version that is published. Only
contacts with the tag `test` can walk it, and nothing else but emails comes of it: no field, stage,
score or other sequence changes, no webhook is called, no cap or content ledger counts. Refusals
hold as ever: who has unsubscribed or is suppressed gets nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from nurture.campaigns.documents import sequence_document
from nurture.campaigns.folder import digest as digest_of
from nurture.domain import enrollment as e
from nurture.domain.contact import NOTHING, Value
from nurture.domain.enrollment import Enrollment
from nurture.domain.sequence import Email
from nurture.domain.tags import meant
from nurture.engine.addresses import parse_address
from nurture.engine.definitions import asks_history
from nurture.engine.dependencies import Dependencies
from nurture.engine.draft_check import check_draft
from nurture.engine.drafts import load
from nurture.engine.publish import Compiled
from nurture.engine.transactions import committed
from nurture.engine.trial_ends import withdraw
from nurture.engine.work import Work
from nurture.errors import Invalid, NotFound, Problem
from nurture.store import drafts as draft_rows
from nurture.store import operations, people, published, runs, trials
from nurture.store.database import Transaction
from nurture.store.runs import Run
from nurture.store.trials import Tester, TrialRun

TAG = "test"
AGAIN = "tried again"
# What waits become when a trial is to be fast: a minute, and long enough to click for an answer.
MINUTE, MINUTES_TO_ANSWER = "1m", "5m"
SHOWN = 20


@dataclass(frozen=True, slots=True)
class Way:
    """How a draft is walked: `fast`, and with which properties of the event that starts it."""

    fast: bool = False
    properties: Mapping[str, Value] = field(default_factory=lambda: NOTHING)


AS_WRITTEN = Way()


@dataclass(frozen=True, slots=True)
class Trial:
    """A trial that has begun: its number among the trials of this draft, and who walks it."""

    number: int
    addresses: tuple[str, ...]


def try_draft(
    deps: Dependencies,
    key: str,
    addresses: Sequence[str],
    by: str,
    now: datetime,
    way: Way = AS_WRITTEN,
) -> Trial:
    """Let test contacts walk the draft as it is now; who walks it already begins anew.

    Raises NotFound for no such
    sequence, and Invalid with everything that is wrong with the draft, or for contacts who are
    not there or not marked as test contacts.
    """
    draft = load(deps, key)
    checked = check_draft(deps, draft.document)
    if checked.problems or checked.sequence is None:
        raise Invalid.because(checked.problems, of="Nothing was tried")
    document = sequence_document(checked.sequence)
    if way.fast:
        document = fast_document(document)
    steps = [step for step in checked.sequence.steps if isinstance(step, Email)]

    def body(work: Work) -> Trial:
        row = draft_rows.draft_row(work.tx, key)
        if row is None:
            raise _unknown(key)
        testers = _testers(work.tx, addresses)
        ids = [one.id for one in testers]
        people.lock(work.tx, ids)
        withdraw(work, trials.live(work.tx, row.sequence_id, ids), AGAIN)
        digest = digest_of({"trial": document})
        version_id, number = trials.add_version(work.tx, row.sequence_id, document, digest, by, now)
        _attach(work.tx, version_id, steps, checked.emails, now)
        _begin(work, version_id, row.sequence_id, ids, way.properties)
        told = {"number": number, "contacts": [one.id for one in testers], "fast": way.fast}
        operations.note(work.tx, by, "try draft", key, told, now)
        return Trial(number, tuple(one.address for one in testers))

    return committed(deps, now, body)


def walking(deps: Dependencies, key: str) -> list[TrialRun]:
    """Return the latest walks through a draft, the newest first. Raises NotFound."""
    with deps.database.read() as tx:
        row = draft_rows.draft_row(tx, key)
        if row is None:
            raise _unknown(key)
        return trials.newest(tx, row.sequence_id, SHOWN)


def marked(deps: Dependencies, limit: int = 50) -> list[str]:
    """Return the addresses of contacts that are marked as test contacts."""
    with deps.database.read() as tx:
        return trials.testers(tx, TAG, limit)


def fast_document(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with each wait a minute long, and no window to wait for.

    Waits for an answer are five minutes long: time to open the email and click.
    """
    steps = [_fast(dict(step)) for step in document.get("steps", ())]
    window = {"from": "00:00", "to": "00:00"}
    kept = {name: value for name, value in document.items() if name != "spread"}
    return {**kept, "window": window, "steps": steps}


def _fast(step: dict[str, Any]) -> dict[str, Any]:
    if "wait" in step:
        step["wait"] = MINUTE
    elif "wait_until" in step:
        step["wait"] = MINUTE
        del step["wait_until"]
    elif "wait_for" in step:
        step["wait_for"] = {**step["wait_for"], "within": MINUTES_TO_ANSWER}
    return step


def _testers(tx: Transaction, addresses: Sequence[str]) -> list[Tester]:
    wanted = list(dict.fromkeys(_normal(one) for one in addresses))
    if not wanted:
        told = Problem("nobody is named to walk the draft", "Name a contact with the tag test.")
        raise Invalid.because([told])
    found = trials.by_address(tx, wanted)
    problems = []
    for address in wanted:
        if address not in found:
            missing = f"there is no contact {address!r}"
            problems.append(Problem(missing, "Import the contact first.", field="contact"))
        elif not meant([TAG], found[address].tags):
            unmarked = f"{address} is no test contact"
            remedy = f"Give the contact the tag {TAG!r}: nobody else walks a draft."
            problems.append(Problem(unmarked, remedy, field="contact"))
    if problems:
        raise Invalid.because(problems, of="Nothing was tried")
    return [found[address] for address in wanted]


def _begin(
    work: Work, version_id: int, sequence_id: int, ids: Sequence[int],
    properties: Mapping[str, Value],
) -> None:  # fmt: skip
    work.catalog = work.definitions.including(work.tx, {version_id})
    sequence = work.catalog.version(version_id).sequence
    work.see(ids, history=asks_history(sequence))
    opened = [
        Run(
            Enrollment(
                contact_id=contact_id,
                sequence=sequence.key,
                version=sequence.version,
                state=e.Waiting(work.now),
                entered_at=work.now,
                # Of no track, and under a key that no event has: it stands in nobody's way.
                entry_key=f"trial:{version_id}",
                properties=MappingProxyType(dict(properties)),
                began=work.now,
            ),
            sequence_id,
            version_id,
        )
        for contact_id in ids
    ]
    # A draft may be what mends a sequence that is paused: its trials do not stand still.
    for run, run_id in zip(
        opened, runs.open_runs(work.tx, opened, frozen=frozenset()), strict=True
    ):
        work.runs[run_id] = run.at(replace(run.enrollment, id=run_id))
        work.tell(run_id, e.Entered())


def _attach(
    tx: Transaction, version_id: int, steps: Sequence[Email], emails: Compiled, now: datetime
) -> None:
    stored = {
        (name, language): published.store_email(
            tx, name, language, one.digest, json.loads(one.to_json()), now
        )
        for (name, language), one in sorted(emails.items())
        if name in {step.template for step in steps}
    }
    rows = [
        (step.key, language, email_id)
        for step in steps
        for (name, language), email_id in stored.items()
        if name == step.template
    ]
    published.attach_emails(tx, version_id, rows)


def _normal(address: str) -> str:
    try:
        return parse_address(address).compared
    except Invalid:
        return address.strip()


def _unknown(key: str) -> NotFound:
    return NotFound(f"there is no sequence {key!r}", remedy="`nurture sequence list` names them.")
