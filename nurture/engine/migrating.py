"""Taking runs over to another version of their sequence: planned, shown, then done in parts.

Publishing changes nothing for whoever is under way. Migrating is asked for by a person, who sees
how many stand where and says where those go whose step is gone. Each part is one transaction in
which contacts are locked before runs, so that no worker claims their sends meanwhile. What a
provider has in its hands finishes first: such runs stay, are counted, and are taken over by the
next migration.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Any

from nurture.domain import enrollment as e
from nurture.domain.migrating import EXIT, STAY, Choices, Goes, Leaves, Stays
from nurture.engine.dependencies import Dependencies
from nurture.engine.migrating_plan import plan, readdressed
from nurture.engine.migration_tally import Migration, Overview, Planned, Tallies
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Invalid, NotFound, Problem, Refused
from nurture.store import migrating, operations
from nurture.store.database import Transaction
from nurture.store.migrating import Target

# Runs taken over in one transaction.
CHUNK = 500


def overview(deps: Dependencies, key: str, to: int | None = None) -> Overview:
    """Return who could be migrated. Raises NotFound for no such sequence or version."""
    with deps.database.read() as tx:
        return _overview(deps, tx, key, to)


def forecast(
    deps: Dependencies, key: str, choices: Choices, now: datetime, to: int | None = None
) -> Migration:
    """Return what `carry_out` would do now, run by run, and change nothing.

    Raises as `carry_out` does, except that steps nobody chose a way for are counted and not
    refused.
    """
    with deps.database.snapshot() as tx:
        found = _overview(deps, tx, key, to)
        _check(found, choices, _bindings(deps, tx, found), complete=False)
        tallies = Tallies(found)
        for part in _parts(tx, found.target):
            work = Work(tx, deps.definitions, now, deps.wall.now())
            for one in plan(work, found, choices, part, lock=False):
                tallies.add(one)
            tallies.name(tx)
    return tallies.result()


def carry_out(
    deps: Dependencies, key: str, choices: Choices, by: str, now: datetime, to: int | None = None
) -> Migration:
    """Take everybody over who may go; return what became of whom.

    Safe to do again, after a crash or for those who had to stay: who is there already is left
    alone. Raises NotFound for no such sequence or version, Refused where the versions belong to
    different stages or triggers, and Invalid while people stand on removed steps that nobody
    chose a way for.
    """
    with deps.database.begin() as tx:
        found = _overview(deps, tx, key, to)
        _check(found, choices, _bindings(deps, tx, found), complete=True)
        told: dict[str, Any] = {
            "to": found.target.number, "removed": dict(choices.removed),
            "waits": choices.waits.value, "over_seconds": int(choices.over.total_seconds()),
        }  # fmt: skip
        operations.note(tx, by, "migrate", key, told, now)
    tallies = Tallies(found)
    after = 0
    while True:
        body = partial(_take_over, found=found, choices=choices, after=after)
        last, done = committed(deps, now, body)
        if last is None:
            break
        for one in done:
            tallies.add(one)
        after = last
    with deps.database.begin() as tx:
        tallies.name(tx)
        result = tallies.result()
        told = {"to": result.to, "goes": result.goes, "leaves": result.leaves}
        stays = {why.value: count for why, count in result.stays.items()}
        operations.note(tx, by, "migrated", key, {**told, "stays": stays}, now)
    return result


def _overview(deps: Dependencies, tx: Transaction, key: str, to: int | None) -> Overview:
    target = migrating.target(tx, key, to)
    if target is None:
        told = f"there is no sequence {key!r}"
        raise NotFound(told, remedy="`nurture sequence list` names them.")
    if target.version_id is None:
        told = f"{key} has no version {to}" if to else f"{key} was never published"
        raise NotFound(told, remedy="Publish it first, or name a version that there is.")
    catalog = deps.definitions.including(tx, {target.version_id})
    standing = tuple(migrating.standing_elsewhere(tx, target))
    return Overview(key, target, catalog.version(target.version_id), standing)


def _bindings(deps: Dependencies, tx: Transaction, found: Overview) -> set[int]:
    """Return the numbers of versions whose runs belong to another stage or trigger."""
    ids = {one.version_id: one.number for one in found.standing}
    catalog = deps.definitions.including(tx, set(ids))
    new = found.definition.sequence
    other = set()
    for key, number in ids.items():
        old = catalog.version(key).sequence
        events = [one.trigger.event if one.trigger else "" for one in (old, new)]
        if old.stage != new.stage or events[0] != events[1]:
            other.add(number)
    return other


def _check(found: Overview, choices: Choices, other: set[int], *, complete: bool) -> None:
    new, number = found.definition.sequence, found.target.number
    if other:
        named = ", ".join(map(str, sorted(other)))
        raise Refused(
            f"version {number} of {found.key} is entered in another way than version {named}",
            remedy="Let its runs come to their ends, or end them.",
        )
    removed = found.removed
    problems = [
        Problem(
            f"{step} is a step of version {number}",
            "Choose only for steps that are gone; the dry run names them.",
            field=step,
        )
        for step in choices.removed
        if step in new.by_key
    ]
    problems += [
        Problem(
            f"{target!r} is no step of version {number}",
            "Name a step of that version, exit or stay.",
            field=step,
        )
        for step, target in choices.removed.items()
        if target not in new.by_key and target not in (STAY, EXIT)
    ]
    if complete:
        problems += [
            Problem(
                f"{_standing(count)} on {step}, which version {number} has not",
                f"Say where they go: {step}=exit, {step}=stay or {step}=STEP.",
                field=step,
            )
            for step, count in removed.items()
            if step not in choices.removed
        ]
    if problems:
        raise Invalid.because(problems, of="Nobody was migrated")


def _standing(count: int) -> str:
    return "1 contact stands" if count == 1 else f"{count:,} contacts stand"


def _parts(tx: Transaction, target: Target) -> Iterator[list[migrating.Elsewhere]]:
    after = 0
    while part := migrating.runs_elsewhere(tx, target, after, CHUNK):
        yield part
        after = part[-1].run_id


def _take_over(
    work: Work, found: Overview, choices: Choices, after: int
) -> tuple[int | None, list[Planned]]:
    part = migrating.runs_elsewhere(work.tx, found.target, after, CHUNK)
    if not part:
        return None, []
    planned = list(plan(work, found, choices, part, lock=True))
    sends = migrating.sends_of(work.tx, [one.run.enrollment.id for one in planned])
    repinned: list[int] = []
    letters: list[dict[str, Any]] = []
    for one in planned:
        run_id = one.run.enrollment.id
        match one.outcome:
            case Goes(decisions, run):
                cause = f"Migrated from v{one.run.enrollment.version} to v{run.version}"
                work.runs[run_id] = replace(one.run, version_id=found.definition.version_id)
                work.tell(run_id, e.Decided(cause, decisions))
                repinned.append(run_id)
                letters += readdressed(found.definition, run, sends.get(run_id, ()))
                work.looks.watching(found.definition.sequence, [run.contact_id])
            case Leaves(decisions):
                work.tell(run_id, e.Decided("Migrated away", decisions))
            case Stays():
                pass
    migrating.repin(work.tx, repinned, found.definition.version_id)
    migrating.readdress(work.tx, letters)
    return part[-1].run_id, planned
