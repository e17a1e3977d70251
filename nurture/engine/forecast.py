"""Who runs dry when: how many contacts of a stage's sequence have no more content in which week.

Each contact's life is led on in memory, as though nothing happened: nobody answers and nobody
comes, scores fade, and segments and stages follow from that. A paused sequence is looked at as if
it went on. In a large sequence some runs, evenly drawn, stand for all.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import ceil
from zoneinfo import ZoneInfo

from nurture.engine.definitions import Definition
from nurture.engine.dependencies import Dependencies
from nurture.engine.life_ahead import GoingOn
from nurture.engine.outlook import Fate, outlook
from nurture.engine.work import Work
from nurture.errors import NotFound
from nurture.store import forecast as reading
from nurture.store import runs
from nurture.store.forecast import Standing

HORIZON = timedelta(weeks=12)
# Runs walked ahead for one sequence: enough for a share to be right to two or three in a hundred.
SAMPLE = 2_000
PAGE = 500


@dataclass(frozen=True, slots=True)
class Week:
    """A week, by its Monday, and how many contacts then come to the end of what there is."""

    monday: date
    contacts: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """How the contacts of one sequence come to the end of its content, if nothing happens.

    `dry` have come there; in `weeks` the others do, week by week without a gap from the first to
    the last that has any; `over` leave by a step or a rule before; for `later` there is enough
    until `until`. `looked_at` of `going` were walked ahead, and stand for all.
    """

    sequence: str
    names: Mapping[str, str]
    stage: str
    paused: bool
    going: int
    looked_at: int
    dry: int
    weeks: tuple[Week, ...]
    over: int
    later: int
    until: datetime

    @property
    def is_estimate(self) -> bool:
        """Whether some runs stand for all."""
        return self.looked_at < self.going


def forecast(
    deps: Dependencies, now: datetime, key: str | None = None, sample: int = SAMPLE
) -> tuple[Forecast, ...]:
    """Return the forecast of every stage's sequence, or of the one called `key`.

    Raises NotFound for no such sequence, and for one that is not a stage's: at its end contacts are
    done, and wait for nothing.
    """
    with deps.database.read() as tx:
        work = Work(tx, deps.definitions, now, deps.wall.now())
        current = work.catalog.current
        if key is not None and key not in current:
            told = f"there is no published sequence {key!r}"
            raise NotFound(told, remedy="`nurture sequence list` names them.")
        if key is not None and not current[key].sequence.stage:
            raise NotFound(
                f"{key} is started by an event: at its end contacts are done, not out of content",
                remedy="Forecasts are for the sequences of stages.",
            )
        chosen = [one for one in current.values() if one.sequence.stage]
        chosen = [one for one in chosen if key in (None, one.sequence.key)]
        standings = reading.standings(tx)
        return tuple(
            _of(work, one, standings.get(one.sequence_id, Standing()), sample) for one in chosen
        )


def _of(work: Work, definition: Definition, standing: Standing, sample: int) -> Forecast:
    sequence, until = definition.sequence, work.now + HORIZON
    zone = ZoneInfo(sequence.fallback_zone)
    stride = max(1, ceil(standing.going / sample))
    ids = reading.some_going(work.tx, definition.sequence_id, stride)
    fates: Counter[Fate] = Counter()
    weeks: Counter[date] = Counter()
    for start in range(0, len(ids), PAGE):
        page = runs.by_ids(work.tx, ids[start : start + PAGE])
        contact_ids = {run.enrollment.contact_id for run in page.values()}
        live = work.know(runs.live_of(work.tx, contact_ids))
        going_on = GoingOn.read(work.tx, work.catalog, live, contact_ids, work.now)
        for run in page.values():
            life = going_on.life(run.enrollment.contact_id)
            life.still.clear()
            number = next(n for n, one in enumerate(life.runs) if one.id == run.enrollment.id)
            found = outlook(life, number, until)
            fates[found.fate] += 1
            if found.fate is Fate.DRY:
                weeks[monday_of(found.at.astimezone(zone).date())] += 1
    factor = standing.going / len(ids) if ids else 1.0
    return Forecast(
        sequence=sequence.key,
        names=sequence.names,
        stage=sequence.stage,
        paused=definition.paused,
        going=standing.going,
        looked_at=len(ids),
        dry=standing.dry,
        weeks=_filled(weeks, factor),
        over=round(fates[Fate.OVER] * factor),
        later=round(fates[Fate.LATER] * factor),
        until=until,
    )


def monday_of(day: date) -> date:
    """Return the Monday of the week of `day`."""
    return day - timedelta(days=day.weekday())


def _filled(weeks: Mapping[date, int], factor: float) -> tuple[Week, ...]:
    if not weeks:
        return ()
    first, last = min(weeks), max(weeks)
    mondays = (first + timedelta(weeks=n) for n in range((last - first).days // 7 + 1))
    return tuple(Week(one, round(weeks.get(one, 0) * factor)) for one in mondays)
