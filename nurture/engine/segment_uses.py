"""What asks for a segment: sequences, ways between stages, rules, and other segments."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from nurture.domain.conditions import Condition
from nurture.domain.funnel import Funnel
from nurture.domain.segments import names_border, names_segment
from nurture.domain.sequence import Branch, Goal, Sequence, Split, WaitFor
from nurture.engine.definitions import Definitions
from nurture.errors import NotFound
from nurture.store import segment_reports
from nurture.store.database import Transaction


class By(StrEnum):
    """What can ask for a segment."""

    SEQUENCE = "sequence"
    # A version that is not the newest, with contacts under way.
    VERSION = "version"
    SEGMENT = "segment"
    EDGE = "edge"
    SCORE = "score"
    FIT = "fit"
    PERSONA = "persona"


@dataclass(frozen=True, slots=True)
class Use:
    """One that asks for a segment, by its key; of an edge the key is `from→to`.

    `number` and `live` say which older version of a sequence it is, and how many are under way.
    """

    by: By
    key: str
    number: int = 0
    live: int = 0

    @property
    def told(self) -> str:
        """What it is, in English, as the command line and refusals say it."""
        who = "1 contact" if self.live == 1 else f"{self.live} contacts"
        older = f" (version {self.number}, with {who} under way)"
        return f"{self.by.value} {self.key}{older if self.by is By.VERSION else ''}"


def uses_of(tx: Transaction, definitions: Definitions, keys: Iterable[str]) -> dict[str, list[Use]]:
    """Return what asks for each of these segments, of everything that is published.

    Older versions count while contacts are under way in them. Drafts do not: they are not right
    any more once a segment is gone, and say so themselves.
    """
    wanted = list(keys)
    try:
        definitions.catalog(tx)
    except NotFound:
        return {key: [] for key in wanted}
    live = segment_reports.live_versions(tx)
    catalog = definitions.including(tx, set(live))
    current = {one.version_id for one in catalog.current.values()}
    found: dict[str, list[Use]] = {}
    for key in wanted:
        asks = partial(asks_for, key=key)
        found[key] = [
            Use(By.SEQUENCE, name)
            for name, one in sorted(catalog.current.items())
            if asks(one.sequence)
        ]
        older = (catalog.version(one) for one in sorted(live) if one not in current)
        found[key] += [
            Use(By.VERSION, one.sequence.key, one.sequence.version, live[one.version_id])
            for one in older
            if not one.trial and asks(one.sequence)
        ]
        found[key] += [
            Use(By.SEGMENT, one.segment.key)
            for one in catalog.segments
            if one.segment.key != key and names_segment(one.segment.when, key)
        ]
        found[key] += _of_funnel(catalog.funnel, key)
    return found


def asks_for(sequence: Sequence, key: str) -> bool:
    """Return whether anything on the way into, through or out of `sequence` asks for a segment."""
    trigger = sequence.trigger
    if trigger is not None and names_border(trigger.event, trigger.where, key):
        return True
    if any(names_segment(one, key) for one in _conditions(sequence)):
        return True
    for step in sequence.steps:
        match step:
            case WaitFor(match=awaited) | Goal(match=awaited) if awaited is not None:
                if names_border(awaited.event, awaited.where, key):
                    return True
            case Split(measure=measure) if measure is not None:
                if names_border(measure.metric, measure.where, key):
                    return True
            case _:
                pass
    return False


def _conditions(sequence: Sequence) -> Iterator[Condition]:
    yield sequence.entry
    yield from (when for _, when in sequence.exits)
    for step in sequence.steps:
        match step:
            case WaitFor(when=when) | Goal(when=when) if when is not None:
                yield when
            case Branch(cases=cases):
                yield from (case.when for case in cases)
            case _:
                pass


def _of_funnel(funnel: Funnel, key: str) -> list[Use]:
    found = [
        Use(By.EDGE, f"{edge.start}→{edge.to}")
        for edge in funnel.edges
        if names_segment(edge.when, key)
    ]
    found += [
        Use(By.SCORE, rule.key)
        for rule in funnel.rules
        if names_border(rule.event, rule.where, key)
    ]
    found += [Use(By.FIT, rule.key) for rule in funnel.fit_rules if names_segment(rule.when, key)]
    found += [Use(By.PERSONA, one.key) for one in funnel.personas if names_segment(one.when, key)]
    return found
