"""Steps back to documents, as short as can be."""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Any, assert_never

from nurture.campaigns.condition_documents import condition_document, short, where_document
from nurture.campaigns.shapes import DAYS
from nurture.campaigns.steps import DEFAULT_TOPIC
from nurture.domain import sequence as s
from nurture.domain.conditions import Condition
from nurture.domain.contact import Fact
from nurture.domain.durations import format_duration

Document = dict[str, Any]


def step_document(step: s.Step) -> Document:
    """Return a step as it is written in a file."""
    document: Document = {"key": step.key, **_action(step)}
    following = getattr(step, "next", "")
    default = s.END if isinstance(step, s.Goal) else ""
    passes = 0 if step.passes == s.DEFAULT_PASS_LIMIT else step.passes
    return short(document | {"next": "" if following == default else following, "passes": passes})


def _action(step: s.Step) -> Mapping[str, Any]:
    match step:
        case s.Email():
            topic = "" if step.topic == DEFAULT_TOPIC else step.topic
            return {"email": step.template, "topic": topic}
        case s.Wait():
            return {"wait": _pause(step)}
        case s.WaitUntil():
            return {"wait_until": _date(step)}
        case s.WaitFor():
            paths = {"yes": step.yes, "no": step.no, "unknowable": step.unknowable}
            within = {"within": format_duration(step.within)}
            return {"wait_for": short(_match(step.match, step.when) | within | paths)}
        case s.Branch():
            cases = [
                {"when": condition_document(one.when)} | short({"to": one.to}) for one in step.cases
            ]
            others = {"else": step.otherwise, "unknowable": step.unknowable}
            return {"branch": short({"cases": cases, **others})}
        case s.Split():
            return {"split": _split(step)}
        case s.Goal():
            limit = "" if step.within is None else format_duration(step.within)
            return {"goal": short({**_match(step.match, step.when), "within": limit})}
        case _:
            return _plain_action(step)


def _plain_action(
    step: s.Update | s.Notify | s.Webhook | s.MoveTo | s.Enter | s.Leave | s.ChangeStage | s.Exit,
) -> Document:
    match step:
        case s.Update():
            return {"update": _changes(step)}
        case s.Notify():
            return {"notify": {"to": step.to, "email": step.template}}
        case s.Webhook():
            told = {"endpoint": step.endpoint, "event": step.event, "fields": list(step.fields)}
            return {"webhook": short(told)}
        case s.MoveTo():
            return {"move_to": step.sequence}
        case s.Enter():
            return {"enter": step.sequence}
        case s.Leave():
            return {"leave": step.sequence}
        case s.ChangeStage():
            return {"change_stage": step.stage}
        case s.Exit():
            return {"exit": step.reason}
        case _:
            assert_never(step)


def _date(step: s.WaitUntil) -> Document:
    offset = step.offset
    named = {"field": step.field} if step.field else {"property": step.property}
    return short(
        {
            **named,
            "before": format_duration(-offset) if offset < timedelta() else "",
            "after": format_duration(offset) if offset > timedelta() else "",
            "at": "" if step.at is None else clock(step.at),
            "past": step.past,
            "missing": step.missing,
        }
    )


def _split(step: s.Split) -> Document:
    arms = [
        short({"key": arm.key, "weight": arm.weight if arm.weight != 1 else "", "to": arm.to})
        | ({"hold_out": True} if arm.hold_out else {})
        for arm in step.arms
    ]
    measure: Document = {}
    if step.measure is not None:
        one, usual = step.measure, s.Measure("x")
        measure = short(
            {
                "event": one.metric,
                "where": where_document(one.where),
                "within": "" if one.within == usual.within else format_duration(one.within),
                "minimum": "" if one.minimum == usual.minimum else one.minimum,
                "confidence": "" if one.confidence == usual.confidence else one.confidence,
                "stop": "" if one.stop is None else format_duration(one.stop),
            }
        )
    return short({"experiment": step.experiment, "arms": arms, "measure": measure})


def _changes(step: s.Update) -> Document:
    of = {fact: [one for one in step.changes if one.fact is fact] for fact in Fact}
    fields = of[Fact.FIELD]
    return short(
        {
            "set": {one.name: one.value for one in fields if one.value is not None},
            "clear": [one.name for one in fields if one.value is None],
            "tag": [one.name for one in of[Fact.TAG]],
            "untag": [one.name for one in of[Fact.UNTAG]],
            "bant": {one.name: one.value for one in of[Fact.BANT]},
        }
    )


def _match(match: s.Match | None, when: Condition | None) -> Document:
    document: Document = {}
    if match is not None:
        document |= {"event": match.event, "of": match.of, "where": where_document(match.where)}
    if when is not None:
        document["when"] = condition_document(when)
    return document


def _pause(step: s.Wait) -> object:
    if not step.days and step.at is None:
        return format_duration(step.duration)
    at = "" if step.at is None else clock(step.at)
    until = short({"days": days(step.days), "at": at})
    return short({"for": format_duration(step.duration) if step.duration else "", "until": until})


def days(some: frozenset[int]) -> list[str]:
    """Return ISO weekdays as a file writes them."""
    return [DAYS[day - 1] for day in sorted(some)]


def clock(at: time) -> str:
    """Return a time of day as a file writes it."""
    return f"{at:%H:%M}"
