"""What is left of a record about somebody who was erased: its shape, and nothing personal.

Decisions and events stay, because reports count them and every run is built again from its
decisions; what was said in them of a person goes. Everything is left out that is not named here,
so that a new kind of fact is forgotten until somebody says that it is not personal.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from nurture.domain.conditions import matches_properties
from nurture.domain.contact import Value

# Fields of decisions and of the states in them that name places in campaigns, instants and counts.
_OF_DECISIONS = frozenset(
    {
        "do", "is", "state", "step", "pass_no", "template", "topic", "at", "deadline", "since",
        "release", "due_at", "to", "path", "experiment", "arm", "stage", "sequence", "version",
        "passes", "seconds", "fact", "kind", "reason",
    }
)  # fmt: skip
# Properties that mail and tracking give their own events. A site's events keep none.
_OF_EVENTS = frozenset({"step", "sequence", "content", "topic", "kind", "link_index"})
_OUR_SOURCES = frozenset({"tracking", "provider", "recipient"})


def forgotten_decision(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored decision without what it says of a person; where it leads stays the same.

    A text is left empty and everything else nothing, so that the decision can still be read.
    """
    found: dict[str, Any] = {}
    for name, value in stored.items():
        if name not in _OF_DECISIONS:
            found[name] = "" if isinstance(value, str) else None
        elif isinstance(value, Mapping) and "is" in value:
            found[name] = forgotten_decision(value)
        else:
            found[name] = value
    return found


def forgotten_properties(
    source: str, properties: Mapping[str, Any], measures: Iterable[Mapping[str, Value]] = ()
) -> dict[str, Any]:
    """Return what is left of an event's properties: where in which email it happened.

    `measures` are what experiments ask of such an event. One that counts goes on to count: it
    keeps what the experiment's own file says, and not what was said of the person.
    """
    kept = _OF_EVENTS if source in _OUR_SOURCES else frozenset()
    found = {name: value for name, value in properties.items() if name in kept}
    plain = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in properties.items()
    }
    # The more particular first: what it names satisfies a pattern, too.
    for where in sorted(measures, key=lambda one: any("*" in str(want) for want in one.values())):
        if matches_properties(where, plain):
            for name, want in where.items():
                found.setdefault(name, want[0] if isinstance(want, tuple) else want)
    return found
