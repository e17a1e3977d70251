"""Links that rules ask clicks for, beside the links that the emails have.

What somebody clicked is also asked about emails of earlier days, which files do not hold any more.
So a link that no email has is no fault which keeps files from being published, but a warning.
"""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from nurture.campaigns.emails import Facts, fits, unfit
from nurture.campaigns.folder import FUNNEL, SEGMENTS, Campaigns
from nurture.campaigns.yaml_text import Place
from nurture.domain.check import Fault
from nurture.domain.conditions import All, Any, Compare, Condition, Did, Not
from nurture.domain.contact import Engaged, Value
from nurture.domain.funnel import Funnel
from nurture.domain.sequence import Branch, Email, Goal, Sequence, Split, WaitFor
from nurture.errors import Problem

Where = Mapping[str, Value]
# What an event is asked for, and where that is written.
Asked = tuple[str, Where, Place]


def unclicked(campaigns: Campaigns, facts: Facts) -> tuple[Problem, ...]:
    """Return the links that rules ask clicks for and that no email has, by file and line.

    Where the step or the content of the email is named, its own links are looked at; else those of
    all emails there are. What a `wait_for` or `goal` waits for is told by the check itself.
    """
    found = []
    places = {
        FUNNEL: _of_funnel(campaigns.funnel),
        SEGMENTS: (
            one
            for number, segment in enumerate(campaigns.segments)
            for one in _asked(segment.when, ("segments", number, "when"))
        ),
        **{key: _of_sequence(one) for key, one in campaigns.sequences.items()},
    }
    for name, asked in places.items():
        for event, where, place in asked:
            if event == Engaged.CLICK and where.get("link") is not None:
                found += [
                    campaigns.source(name).problem(fault.message, fault.remedy, fault.place)
                    for fault in _faults(where, (*place, "where", "link"), campaigns, facts)
                ]
    return tuple(sorted(set(found), key=lambda one: (one.file, one.line, one.field, one.message)))


def _faults(where: Where, place: Place, campaigns: Campaigns, facts: Facts) -> Iterator[Fault]:
    wanted = where["link"]
    names = _named(where, campaigns)
    for one in wanted if isinstance(wanted, tuple) else (wanted,):
        if not names:
            links = [link for email in facts.values() for link in email.links]
            if not any(fits(one, link) for link in links):
                yield Fault(f"no email has a link that fits {one!r}", _nearest(one, links), place)
            continue
        for told, links in unfit(one, names, facts):
            yield Fault(told, _nearest(one, links), place)


def _named(where: Where, campaigns: Campaigns) -> frozenset[str]:
    """Return the emails that the click is of, where that is said; none where it may be any."""
    said = {name: where.get(name) for name in ("sequence", "step", "content")}
    if said["step"] is None and said["content"] is None:
        return frozenset()
    return frozenset(
        step.template
        for key, sequence in campaigns.sequences.items()
        if said["sequence"] is None or fits(said["sequence"], key)
        for step in sequence.steps
        if isinstance(step, Email)
        and (said["step"] is None or fits(said["step"], step.key))
        and (said["content"] is None or fits(said["content"], step.content))
    )


def _nearest(wanted: Value, links: list[str]) -> str:
    # Without its wildcards a pattern is like the end of a link rather than like all of it.
    ends = {_end(link): link for link in sorted(links, reverse=True)}
    near = get_close_matches(_end(str(wanted).replace("*", "")), ends, n=1, cutoff=0.6)
    if near:
        return f"Did you mean `{ends[near[0]]}`?"
    return "Write a link as it is written in the email; * stands for any letters."


def _end(link: str) -> str:
    return link.partition("://")[2].partition("/")[2] if "://" in link else link.strip("/")


def _of_funnel(funnel: Funnel) -> Iterator[Asked]:
    for number, edge in enumerate(funnel.edges):
        yield from _asked(edge.when, ("edges", number, "when"))
    for number, rule in enumerate(funnel.rules):
        yield rule.event, rule.where, ("engagement", "rules", number)
    for number, fit in enumerate(funnel.fit_rules):
        yield from _asked(fit.when, ("fit", "rules", number, "when"))
    for number, persona in enumerate(funnel.personas):
        yield from _asked(persona.when, ("personas", number, "when"))


def _of_sequence(sequence: Sequence) -> Iterator[Asked]:
    if sequence.trigger is not None:
        yield sequence.trigger.event, sequence.trigger.where, ("trigger",)
    yield from _asked(sequence.entry, ("entry",))
    for number, (_, when) in enumerate(sequence.exits):
        yield from _asked(when, ("exits", number, "when"))
    for number, step in enumerate(sequence.steps):
        match step:
            case Split(measure=measure) if measure is not None:
                yield measure.metric, measure.where, ("steps", number, "split", "measure")
            case WaitFor(when=awaited) if awaited is not None:
                yield from _asked(awaited, ("steps", number, "wait_for", "when"))
            case Goal(when=wanted) if wanted is not None:
                yield from _asked(wanted, ("steps", number, "goal", "when"))
            case Branch(cases=cases):
                for arm, case in enumerate(cases):
                    yield from _asked(case.when, ("steps", number, "branch", "cases", arm, "when"))
            case _:
                pass


def _asked(condition: Condition, place: Place) -> Iterator[Asked]:
    match condition:
        case All(parts) | Any(parts):
            word = "all" if isinstance(condition, All) else "any"
            for number, part in enumerate(parts):
                yield from _asked(part, (*place, word, number))
        case Not(part):
            yield from _asked(part, (*place, "not"))
        case Did(event, where=where):
            yield event, where, place
        case Compare():
            pass
