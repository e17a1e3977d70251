"""The doctor: everything that must never be so, looked for in the database itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from nurture.domain.invariant import violations
from nurture.domain.scoring import engagement
from nurture.engine.definitions import TRACK, Catalog
from nurture.engine.dependencies import Dependencies
from nurture.engine.diagnoses import MEANINGS as MEANINGS
from nurture.engine.isolation import isolate
from nurture.engine.replay import ROUNDING, differs, led_to
from nurture.engine.score import watched_until
from nurture.engine.work import Work
from nurture.errors import Invalid, NotFound
from nurture.store import examination, ledger, runs, telling, watching
from nurture.store.database import Transaction
from nurture.store.examination import Finding

# A timer this late means that no ticker runs, or that its run cannot be decided.
LATE = timedelta(hours=1)
# In the clock of contacts, which a demo runs fast: an hour there is milliseconds here.
LATE_ON_A_FAST_CLOCK = timedelta(days=1)
DAY = timedelta(days=1)
# More emails to one contact in a day than any sequences together can mean.
MOST_A_DAY = 12
MOST_FINDINGS = 100
# The scheduled look at what was sent goes back so far: many times the pause between two of them.
LATELY = timedelta(hours=3)
PAGE = 500

# Findings that break no rule and wait for a person.
HINTS = frozenset({"uncertain", "unknown_zone"})


@dataclass(frozen=True, slots=True)
class Examined:
    """What was looked at, and what was found."""

    findings: tuple[Finding, ...]
    enrollments: int
    contacts: int

    @property
    def violations(self) -> tuple[Finding, ...]:
        """The findings without those that only wait for a person's word."""
        return tuple(one for one in self.findings if one.code not in HINTS)


def examine(deps: Dependencies, now: datetime) -> Examined:
    """Look for every violation; reads only, and changes nothing."""
    with deps.database.snapshot() as tx:
        found = at_a_glance(tx, now)
        replayed, enrollments = _replay(deps, tx)
        scores, contacts = _scores(deps, tx, now)
        watched = _watched(deps, tx, now)
    return Examined((*found, *replayed, *scores, *watched), enrollments, contacts)


def at_a_glance(tx: Transaction, now: datetime) -> list[Finding]:
    """Return what a few queries show, without building anything again; of all there ever was."""
    return [
        *examination.mailed_after_suppression(tx, MOST_FINDINGS),
        *examination.content_twice(tx, MOST_FINDINGS),
        *_open(tx, now),
        *of_everybody(tx, now),
    ]


def lately(tx: Transaction, now: datetime, late: timedelta = LATE) -> list[Finding]:
    """Return what a glance shows of the work in hand, and of what was sent of late.

    All of it comes by an index, however many contacts there are and whatever they were sent.
    """
    since = now - LATELY
    return [
        *examination.mailed_after_suppression(tx, MOST_FINDINGS, since),
        *examination.content_twice(tx, MOST_FINDINGS, since),
        *_open(tx, now, late),
    ]


def of_everybody(tx: Transaction, now: datetime, late: timedelta = LATE) -> list[Finding]:
    """Return what only shows when every contact and every live run is read."""
    return [
        *examination.sending_without_send(tx, MOST_FINDINGS),
        *examination.stage_without_standing(tx, TRACK, MOST_FINDINGS),
        *examination.frozen_without_pause(tx, now - late, MOST_FINDINGS),
        *examination.unknown_zones(tx, MOST_FINDINGS),
    ]


def _open(tx: Transaction, now: datetime, late: timedelta = LATE) -> list[Finding]:
    return [
        *examination.send_without_run(tx, MOST_FINDINGS),
        *examination.overdue(tx, now - late, MOST_FINDINGS),
        *examination.waiting_for_nothing(tx, now - late, MOST_FINDINGS),
        *examination.stuck_deliveries(tx, now - late, MOST_FINDINGS),
        *examination.mailed_too_often(tx, now - DAY, MOST_A_DAY, MOST_FINDINGS),
        *examination.uncertain(tx, MOST_FINDINGS),
    ]


def _replay(deps: Dependencies, tx: Transaction) -> tuple[list[Finding], int]:
    """Walk every enrollment through its stored decisions and compare where that leads."""
    found: list[Finding] = []
    after = seen = 0
    while page := examination.decided(tx, after, PAGE):
        stored = runs.by_ids(tx, [key for key, _ in page])
        catalog, unread = _versions(deps, tx, {run.version_id for run in stored.values()})
        for key, decisions in page:
            run = stored[key].enrollment
            if stored[key].version_id in unread:
                if run.is_live and len(found) < MOST_FINDINGS:
                    found.append(Finding("invariant", key, unread[stored[key].version_id]))
                continue
            sequence = catalog.version(stored[key].version_id).sequence
            wrong = violations(run, sequence)
            if wrong and len(found) < MOST_FINDINGS:
                found.append(Finding("invariant", key, "; ".join(wrong)))
            leads = led_to(run, decisions)
            if differs(run, leads) and len(found) < MOST_FINDINGS:
                found.append(Finding("state_differs", key, f"{run.state} / {leads.state}"))
        seen += len(page)
        after = page[-1][0]
    return found, seen


def _versions(deps: Dependencies, tx: Transaction, ids: set[int]) -> tuple[Catalog, dict[int, str]]:
    """Return the versions of sequences, and of those that cannot be read any more why."""
    unread: dict[int, str] = {}
    try:
        return deps.definitions.including(tx, ids), unread
    except Invalid:
        for key in sorted(ids):
            try:
                deps.definitions.including(tx, {key})
            except Invalid as error:
                unread[key] = str(error)
    return deps.definitions.including(tx, ids - unread.keys()), unread


def _scores(deps: Dependencies, tx: Transaction, now: datetime) -> tuple[list[Finding], int]:
    try:
        funnel = deps.definitions.catalog(tx).funnel
    except NotFound:
        return [], 0
    found: list[Finding] = []
    seen = 0
    for page in examination.standings(tx, now, PAGE):
        entries = ledger.entries(tx, [row.contact_id for row in page])
        for row in page:
            some = entries.get(row.contact_id, [])
            total = engagement(some, funnel.groups, funnel.limits, row.scored_at).total
            if abs(total - row.engagement) > ROUNDING and len(found) < MOST_FINDINGS:
                told = f"stands at {row.engagement:.3f}, adds up to {total:.3f}"
                found.append(Finding("score_differs", row.contact_id, told))
        seen += len(page)
    return found, seen


def _watched(deps: Dependencies, tx: Transaction, now: datetime) -> list[Finding]:
    """Compute when what live runs watch may turn, and compare with when it is looked at."""
    try:
        catalog, _ = _versions(deps, tx, set(watching.live_versions(tx)))
    except NotFound:
        return []
    versions = [key for key, one in catalog.versions.items() if one.sequence.watches]
    found: list[Finding] = []
    after, told_to = 0, telling.told_to(tx)
    while ids := watching.contacts_in(tx, versions, after, PAGE):
        due: dict[int, datetime] = {}

        def compute(some: Sequence[int], due: dict[int, datetime] = due) -> None:
            due |= watched_until(Work(tx, deps.definitions, now, deps.wall.now()), some)

        # One whom no rule can be applied to is another finding.
        isolate(ids, compute)
        looks = watching.looks_of(tx, due)
        for key, at in sorted(due.items()):
            by = looks.get(key, at)
            is_late = (by is None or by > at + LATE) and not telling.is_untold(key, told_to)
            if is_late and len(found) < MOST_FINDINGS:
                found.append(Finding("unscheduled", key, at.isoformat()))
        after = ids[-1]
    return found
