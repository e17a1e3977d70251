"""Experiments: what splits and hold-outs show, when they stop, and where everybody goes then."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nurture.domain.conditions import matches_properties
from nurture.domain.contact import Value
from nurture.domain.experiments import HELD_OUT, HOLD_OUT, MAILED, experiment_key, hold_out_key
from nurture.domain.lift import Seen, Verdict, judge
from nurture.domain.sequence import Measure, Split
from nurture.engine.definitions import Catalog
from nurture.engine.dependencies import Dependencies
from nurture.errors import Invalid, NotFound, Refused
from nurture.store import experiments as store
from nurture.store import operations, published
from nurture.store.database import Transaction
from nurture.store.experiments import Decided, Exposed

# What a hold-out is judged by: how many went a stage further, and how many bought.
PROGRESS = "stage_changed"
# The part of an experiment's age that passes between two looks at it.
LOOK_AGAIN_AFTER = 1 / 50
HELD_FOR = timedelta(days=30)
HOLD_OUT_MEASURES = (
    Measure(PROGRESS, within=HELD_FOR, minimum=100),
    Measure("purchase", within=HELD_FOR, minimum=100),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One measure of an experiment: what was seen of each arm, and what follows from it."""

    measure: Measure
    seen: tuple[Seen, ...]
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Report:
    """An experiment as it stands. `sequence` and `step` say where; a hold-out has a `track`.

    `measured` is empty for a split that only divides. `decided` is None before the first look.
    """

    key: str
    sequence: str
    step: str
    track: str
    started_at: datetime
    shown: Mapping[str, int]
    measured: tuple[Shown, ...]
    decided: Decided | None

    @property
    def is_over(self) -> bool:
        """Whether it was stopped."""
        return self.decided is not None and self.decided.stopped_at is not None


@dataclass(frozen=True, slots=True)
class Place:
    """Where an experiment is defined, and how it is judged."""

    sequence: str = ""
    step: str = ""
    track: str = ""
    arms: tuple[tuple[str, bool], ...] = ()
    measures: tuple[Measure, ...] = ()


def reports(deps: Dependencies, now: datetime) -> tuple[Report, ...]:
    """Return every experiment that anybody was exposed to."""
    with deps.database.read() as tx:
        catalog = deps.definitions.catalog(tx)
        known = places(catalog)
        decided = store.decided(tx)
        return tuple(
            _report(tx, key, known.get(key, Place()), decided.get(key), now)
            for key in store.keys(tx)
        )


def report(deps: Dependencies, key: str, now: datetime) -> Report:
    """Return one experiment. Raises NotFound for one that nobody was exposed to."""
    with deps.database.read() as tx:
        if store.first_exposure(tx, key) is None:
            told = f"there is no experiment {key!r} that anybody is in"
            raise NotFound(told, remedy="`nurture experiment list` names them.")
        place = places(deps.definitions.catalog(tx)).get(key, Place())
        return _report(tx, key, place, store.decided(tx, [key]).get(key), now)


def places(catalog: Catalog) -> dict[str, Place]:
    """Return where every experiment of what is published now is defined."""
    found: dict[str, Place] = {}
    for definition in catalog.current.values():
        sequence = definition.sequence
        for step in sequence.steps:
            if isinstance(step, Split):
                arms = tuple((arm.key, arm.hold_out) for arm in step.arms)
                measures = (step.measure,) if step.measure else ()
                place = Place(sequence.key, step.key, "", arms, measures)
                found.setdefault(experiment_key(sequence, step), place)
    for track in catalog.funnel.hold_outs:
        arms = ((HELD_OUT, True), (MAILED, False))
        found[hold_out_key(track)] = Place(track=track, arms=arms, measures=HOLD_OUT_MEASURES)
    return found


def measures_of(catalog: Catalog) -> dict[str, list[Mapping[str, Value]]]:
    """Return what experiments ask of an event's properties to count it, by the event's name."""
    found: dict[str, list[Mapping[str, Value]]] = {}
    for place in places(catalog).values():
        for measure in place.measures:
            if measure.where:
                found.setdefault(measure.metric, []).append(measure.where)
    return found


def look(deps: Dependencies, now: datetime) -> int:
    """Look at every experiment that runs, and stop those whose rule says so; return how many.

    A look that concludes nothing is kept, too: the next one that may conclude something comes
    when the smallest arm has doubled. A look counts everybody who was ever shown an arm, so that
    the longer an experiment runs, the seldomer it is looked at.
    """
    stopped = 0
    with deps.database.read() as tx:
        if not published.funnel_number(tx):
            return 0
        known = places(deps.definitions.catalog(tx))
        decided = store.decided(tx)
        running = [
            _report(tx, key, place, decided.get(key), now)
            for key, place in known.items()
            if place.measures and _is_due(decided.get(key), now) and store.is_begun(tx, key)
        ]
    for one in running:
        if one.measured:
            stopped += _record(deps, one, now)
    return stopped


def _is_due(decided: Decided | None, now: datetime) -> bool:
    if decided is None or decided.looked_at is None:
        return True
    ran = decided.looked_at - decided.started_at
    return decided.stopped_at is None and now - decided.looked_at >= ran * LOOK_AGAIN_AFTER


def stop(deps: Dependencies, key: str, winner: str, by: str, why: str, now: datetime) -> None:
    """Stop an experiment on a person's word; with a winner everybody goes its way from now on.

    Raises NotFound, Refused when it is over, and Invalid for an arm it does not have.
    """
    found = report(deps, key, now)
    if found.is_over:
        raise Refused(f"{key} is over already")
    if winner and winner not in found.shown:
        arms = ", ".join(sorted(found.shown))
        raise Invalid(f"{key} has no arm {winner!r}", remedy=f"Write one of {arms}, or none.")
    with deps.database.begin() as tx:
        store.save(tx, key, found.started_at, {"looked_at": now})
        values = {"winner": winner, "reason": why or "stopped", "decided_by": by}
        if not store.stop(tx, key, now, values):
            raise Refused(f"{key} is over already")
        operations.note(tx, by, "stop experiment", key, {"winner": winner, "why": why}, now)


def _record(deps: Dependencies, one: Report, now: datetime) -> int:
    verdict = one.measured[0].verdict
    result = {
        "look": verdict.look,
        "arms": {
            seen.arm: [seen.shown, seen.contacts, seen.successes] for seen in one.measured[0].seen
        },
    }
    # A hold-out has no end: what it measures is all that is sent.
    over = bool(verdict.stop) and not one.key.startswith(f"{HOLD_OUT}:")
    with deps.database.begin() as tx:
        store.save(tx, one.key, one.started_at, {"looked_at": now, "result": result})
        if not over:
            return 0
        values = {"winner": verdict.winner, "reason": verdict.stop, "decided_by": "rules"}
        done = store.stop(tx, one.key, now, values)
        if done:
            operations.note(tx, "rules", "stop experiment", one.key, dict(values), now)
    return int(done)


def _report(
    tx: Transaction, key: str, place: Place, decided: Decided | None, now: datetime
) -> Report:
    shown: dict[str, int] = {arm: 0 for arm, _ in place.arms}
    until = decided.stopped_at if decided and decided.stopped_at else now
    matured: list[dict[str, list[int]]] = [{arm: [0, 0] for arm in shown} for _ in place.measures]
    for page in store.exposed(tx, key):
        for one in page:
            shown[one.arm] = shown.get(one.arm, 0) + 1
        for measure, counts in zip(place.measures, matured, strict=True):
            _count(page, measure, _done(tx, page, measure), counts, until)
    started = store.first_exposure(tx, key) or now
    looked = int((decided.result or {}).get("look", 0)) if decided else 0
    measured = []
    for measure, counts in zip(place.measures, matured, strict=True):
        seen = tuple(
            Seen(arm, shown[arm], counts[arm][0], counts[arm][1], held) for arm, held in place.arms
        )
        if len(seen) > 1:
            verdict = judge(seen, measure, until - started, looked)
            measured.append(Shown(measure, seen, verdict))
    return Report(
        key, place.sequence, place.step, place.track, started, shown, tuple(measured), decided
    )


def _done(
    tx: Transaction, page: Sequence[Exposed], measure: Measure
) -> Iterable[tuple[int, datetime]]:
    """Return (contact, when) of everything that counts as success for these contacts."""
    ids = [one.contact_id for one in page]
    rows: Iterable[tuple[int, datetime, Mapping[str, Any]]]
    if measure.metric == PROGRESS:
        rows = [(key, at, {"to": to}) for key, at, to in store.promotions(tx, ids)]
    else:
        rows = store.did(tx, ids, measure.metric)
    return [(key, at) for key, at, told in rows if matches_properties(measure.where, _plain(told))]


def _plain(told: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(one) if isinstance(one, list) else one for key, one in told.items()}


def _count(
    page: Sequence[Exposed],
    measure: Measure,
    done: Iterable[tuple[int, datetime]],
    counts: dict[str, list[int]],
    now: datetime,
) -> None:
    """Count the contacts of a page who had all their time, and those who succeeded in it."""
    times: dict[int, list[datetime]] = {}
    for contact_id, at in done:
        times.setdefault(contact_id, []).append(at)
    for one in page:
        if one.at + measure.within > now:
            continue
        found = counts.setdefault(one.arm, [0, 0])
        found[0] += 1
        until = one.at + measure.within
        found[1] += any(one.at <= at <= until for at in times.get(one.contact_id, ()))
