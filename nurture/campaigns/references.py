"""Names that must exist: stages, sequences, fields, tags, topics, wherever they are used."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from nurture.campaigns.complaints import did_you_mean
from nurture.campaigns.yaml_text import Place
from nurture.domain.check import Fault
from nurture.domain.conditions import All, Any, Compare, Condition, Did, Not, Op, as_instant
from nurture.domain.contact import Change, Engaged, Fact, Value
from nurture.domain.funnel import LANGUAGES, Funnel
from nurture.domain.segments import BORDER
from nurture.domain.sequence import (
    Branch,
    ChangeStage,
    Email,
    Enter,
    Goal,
    Leave,
    MoveTo,
    Sequence,
    Step,
    Update,
    WaitFor,
    WaitUntil,
    Webhook,
)
from nurture.domain.stages import Actor

ANSWERS = ("unknown", "no", "partial", "yes")
_WORD: Mapping[str, str] = {"highest_stage": "stage", "received": "email"}


@dataclass(frozen=True, slots=True)
class Names:
    """Every name that a condition or a step may use; None where any word may be used."""

    funnel: Funnel
    sequences: frozenset[str]
    emails: frozenset[str] | None = None
    tags: frozenset[str] | None = None
    segments: frozenset[str] = frozenset()

    def of(self, kind: str) -> frozenset[str] | None:
        """Return the values that the subject `kind` can have, None when any."""
        funnel = self.funnel
        match kind:
            case "stage" | "highest_stage":
                return frozenset(funnel.order)
            case "grade":
                return frozenset(letter for letter, _ in funnel.grades)
            case "temperature":
                return frozenset(warmth.key for warmth in funnel.warmth)
            case "sequence":
                return self.sequences
            case "received":
                return self.emails
            case "tag":
                return self.tags
            case "segment":
                return self.segments
            case "language":
                return frozenset(LANGUAGES)
            case "bant":
                return frozenset(ANSWERS)
            case "persona":
                return frozenset(persona.key for persona in funnel.personas) or None
            case _:
                return None


def condition_faults(condition: Condition, names: Names, place: Place) -> Iterator[Fault]:
    """Yield the names in `condition`, written at `place`, that do not exist."""
    match condition:
        case All(parts) | Any(parts):
            word = "all" if isinstance(condition, All) else "any"
            for number, part in enumerate(parts):
                yield from condition_faults(part, names, (*place, word, number))
        case Not(part):
            yield from condition_faults(part, names, (*place, "not"))
        case Compare():
            yield from _compare_faults(condition, names, place)
        case Did(event, where=where):
            yield from border_faults(event, where, names, place)
            if any(not name or value == "" for name, value in where.items()):
                told = "a property needs a name and what it must be"
                remedy = "Write plan: pro, say; * stands for anything."
                yield Fault(told, remedy, (*place, "where"))


def border_faults(
    event: str, where: Mapping[str, Value], names: Names, place: Place
) -> Iterator[Fault]:
    """Yield the segments that do not exist, where `event` is about entering or leaving one."""
    named = where.get("segment") if event in BORDER else None
    for value in () if named is None else _each(named):
        if value not in names.segments and not set(value) & set("*?"):
            told = f"there is no segment {value!r}"
            yield Fault(told, did_you_mean(value, names.segments), (*place, "where", "segment"))


def _compare_faults(compare: Compare, names: Names, place: Place) -> Iterator[Fault]:
    kind, name = compare.subject.kind, compare.subject.name
    if kind == "field" and name not in names.funnel.fields:
        told = f"there is no field {name!r}"
        remedy = did_you_mean(name, names.funnel.fields, "Declare it in funnel.yaml.")
        yield Fault(told, remedy, (*place, "field"))
    if kind == "consent" and name not in names.funnel.topics:
        told = f"there is no topic {name!r}"
        yield Fault(told, did_you_mean(name, names.funnel.topics), (*place, "consent"))
    if compare.op in (Op.AFTER, Op.BEFORE):
        if compare.value != "now" and as_instant(compare.value) is None:
            told = f"{compare.value!r} is not a date"
            yield Fault(told, "Write 2026-09-02, or now.", (*place, compare.op.value))
        return
    known = names.of(kind)
    if known is None or compare.op not in (Op.IS, Op.IN):
        return
    for value in _each(compare.value):
        if value.casefold() not in {one.casefold() for one in known}:
            told = f"there is no {_WORD.get(kind, kind)} {value!r}"
            yield Fault(told, did_you_mean(value, known), (*place, kind))


def _each(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def sequence_faults(sequence: Sequence, names: Names) -> Iterator[Fault]:
    """Yield the names used anywhere in `sequence` that do not exist."""
    funnel = names.funnel
    if sequence.stage and sequence.stage not in funnel.order:
        told = f"there is no stage {sequence.stage!r}"
        yield Fault(told, did_you_mean(sequence.stage, funnel.order), ("stage",))
    if sequence.trigger is not None:
        trigger = sequence.trigger
        yield from border_faults(trigger.event, trigger.where, names, ("trigger",))
    yield from condition_faults(sequence.entry, names, ("entry",))
    for number, (_, when) in enumerate(sequence.exits):
        yield from condition_faults(when, names, ("exits", number, "when"))
    for number, step in enumerate(sequence.steps):
        place: Place = ("steps", number)
        yield from _step_faults(sequence, step, names, place)


def _step_faults(sequence: Sequence, step: Step, names: Names, place: Place) -> Iterator[Fault]:
    funnel = names.funnel
    match step:
        case Email(topic=topic) if topic not in funnel.topics:
            told = f"there is no topic {topic!r}"
            yield Fault(told, did_you_mean(topic, funnel.topics), (*place, "topic"))
        case WaitUntil(field=field) if field and field not in funnel.fields:
            yield _no_field(field, names, (*place, "wait_until", "field"))
        case Update(changes=changes):
            yield from _change_faults(changes, names, (*place, "update"))
        case Webhook():
            yield from _call_faults(step, names, (*place, "webhook"))
        case MoveTo() | Enter() | Leave() if step.sequence not in names.sequences:
            word = {MoveTo: "move_to", Enter: "enter", Leave: "leave"}[type(step)]
            told = f"there is no sequence {step.sequence!r}"
            yield Fault(told, did_you_mean(step.sequence, names.sequences), (*place, word))
        case ChangeStage(stage=stage):
            yield from _stage_change(sequence, stage, funnel, (*place, "change_stage"))
        case _:
            for when, there in _asked(step):
                yield from condition_faults(when, names, (*place, *there))


def _asked(step: Step) -> Iterator[tuple[Condition, Place]]:
    """Yield the conditions of a step, each with its place in it."""
    match step:
        case WaitFor(when=awaited) if awaited is not None:
            yield awaited, ("wait_for", "when")
        case Goal(when=wanted) if wanted is not None:
            yield wanted, ("goal", "when")
        case Branch(cases=cases):
            for arm, case in enumerate(cases):
                yield case.when, ("branch", "cases", arm, "when")
        case _:
            pass


def _call_faults(step: Webhook, names: Names, place: Place) -> Iterator[Fault]:
    endpoints = names.funnel.endpoints
    if step.endpoint not in endpoints:
        told = f"there is no endpoint {step.endpoint!r}"
        remedy = did_you_mean(step.endpoint, endpoints, "Declare it in funnel.yaml.")
        yield Fault(told, remedy, (*place, "endpoint"))
    for number, field in enumerate(step.fields):
        if field not in names.funnel.fields:
            yield _no_field(field, names, (*place, "fields", number))


def _change_faults(changes: Iterable[Change], names: Names, place: Place) -> Iterator[Fault]:
    lists: dict[str, int] = {}
    for change in changes:
        number = lists[change.fact] = lists.get(change.fact, -1) + 1
        match change.fact:
            case Fact.FIELD if change.name not in names.funnel.fields:
                there = "clear" if change.value is None else "set"
                yield _no_field(change.name, names, (*place, there))
            case Fact.TAG if names.tags is not None and change.name not in names.tags:
                told = f"there is no tag {change.name!r}"
                yield Fault(told, did_you_mean(change.name, names.tags), (*place, "tag", number))
            case _:
                pass


def _no_field(name: str, names: Names, place: Place) -> Fault:
    remedy = did_you_mean(name, names.funnel.fields, "Declare it in funnel.yaml.")
    return Fault(f"there is no field {name!r}", remedy, place)


def _stage_change(sequence: Sequence, to: str, funnel: Funnel, place: Place) -> Iterator[Fault]:
    if to not in funnel.order:
        yield Fault(f"there is no stage {to!r}", did_you_mean(to, funnel.order), place)
        return
    doors = [edge for edge in funnel.edges if edge.to == to and Actor.RULES in edge.actors]
    if sequence.stage and not any(edge.start == sequence.stage for edge in doors):
        told = f"no edge that the rules may take leads from {sequence.stage!r} to {to!r}"
        yield Fault(told, "Add the edge to funnel.yaml, with `by: [rules]`.", place)
    elif not doors:
        told = f"no edge that the rules may take leads to {to!r}"
        yield Fault(told, "Add the edge to funnel.yaml, with `by: [rules]`.", place)


def funnel_faults(funnel: Funnel, names: Names) -> Iterator[Fault]:
    """Yield the names used anywhere in `funnel` that do not exist."""
    for number, edge in enumerate(funnel.edges):
        place: Place = ("edges", number)
        for word, stage in (("from", edge.start), ("to", edge.to)):
            if stage not in funnel.order:
                told = f"there is no stage {stage!r}"
                yield Fault(told, did_you_mean(stage, funnel.order), (*place, word))
        yield from condition_faults(edge.when, names, (*place, "when"))
    for number, rule in enumerate(funnel.rules):
        place = ("engagement", "rules", number)
        if rule.group not in funnel.groups:
            told = f"there is no group {rule.group!r}"
            yield Fault(told, did_you_mean(rule.group, funnel.groups), (*place, "group"))
        near = get_close_matches(rule.event, list(Engaged), n=1, cutoff=0.8)
        if near and rule.event not in list(Engaged):
            told = f"the event {rule.event!r} looks like a slip of the pen"
            yield Fault(told, f"Did you mean `{near[0]}`?", (*place, "event"))
    for number, fit in enumerate(funnel.fit_rules):
        yield from condition_faults(fit.when, names, ("fit", "rules", number, "when"))
    for number, persona in enumerate(funnel.personas):
        yield from condition_faults(persona.when, names, ("personas", number, "when"))
    for source, stage in funnel.first_stages.items():
        if stage not in funnel.order:
            told = f"there is no stage {stage!r}"
            yield Fault(told, did_you_mean(stage, funnel.order), ("first_stage", source))
