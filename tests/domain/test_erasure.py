"""What is left of decisions and events of somebody who was erased."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from nurture.domain import enrollment as e
from nurture.domain.contact import Value
from nurture.domain.erasure import forgotten_decision, forgotten_properties
from nurture.domain.evolve import evolve
from nurture.engine import trail
from tests.domain.build import an_enrollment

AT = datetime(2026, 3, 2, tzinfo=UTC)
SAID = "Ana"
# Fields in which words are said, and not places named.
SPOKEN = {"why", "what", "name", "value", "zone", "error"}


def example(kind: type[Any], **given: Any) -> Any:
    """A decision or state whose spoken fields say something of a person."""
    values = {}
    for field in fields(kind):
        if field.name in given:
            values[field.name] = given[field.name]
        elif field.name in SPOKEN:
            values[field.name] = SAID
        elif field.type in (datetime, datetime | None):
            values[field.name] = AT
        elif field.type is int:
            values[field.name] = 1
        elif field.name == "passes":
            values[field.name] = {"hello": 1}
        else:
            values[field.name] = "hello"
    return kind(**values)


def decisions() -> Iterator[Any]:
    for kind in get_args(e.Decision):
        if kind is not e.Finish:
            yield example(kind)
    for state in (e.Exhausted, e.Completed, e.Exited, e.Moved, e.Failed):
        yield e.Finish(example(state))


@pytest.mark.parametrize("decision", list(decisions()), ids=lambda one: str(one)[:60])
def test_a_forgotten_decision_leads_where_it_did_and_says_nothing(decision: Any) -> None:
    left = forgotten_decision(trail.dump(decision))
    assert SAID not in str(left)
    read = trail.load(left)
    run = an_enrollment(step="hello", passes={"hello": 1})
    expected = evolve(run, [decision])
    if expected.state == e.Failed(SAID):
        expected = evolve(run, [e.Finish(e.Failed(""))])
    assert evolve(run, [read]) == expected


def test_a_field_that_nobody_has_thought_of_is_forgotten() -> None:
    stored = {"do": "Note", "what": SAID, "why": SAID, "new": [SAID], "more": {"is": SAID}}
    assert forgotten_decision(stored) == {
        "do": "Note", "what": "", "why": "", "new": None, "more": None,
    }  # fmt: skip


MAILED = {"step": "hello", "sequence": "welcome", "link": "https://x.test/ana", "link_index": 1}


@pytest.mark.parametrize(
    ("source", "given", "measures", "left"),
    [
        ("tracking", MAILED, [], {"step": "hello", "sequence": "welcome", "link_index": 1}),
        ("provider", {"kind": "hard", "detail": "no Ana"}, [], {"kind": "hard"}),
        # A site may call its properties as it likes.
        ("api", {**MAILED, "topic": "Ana"}, [], {}),
        ("api", {"plan": "professional", "who": "Ana"}, [{"plan": "pro*"}], {"plan": "pro*"}),
        ("api", {"plan": "free"}, [{"plan": "pro*"}], {}),
        ("api", {"plan": ["x", "pro"]}, [{"plan": ("max", "pro")}], {"plan": "max"}),
        ("api", {"plan": "pro"}, [{"plan": "pr*"}, {"plan": "pro"}], {"plan": "pro"}),
        ("api", {"n": 3, "who": "Ana"}, [{"n": 3}, {}], {"n": 3}),
    ],
)
def test_an_event_keeps_where_it_happened_and_goes_on_to_count(
    source: str, given: Mapping[str, Any], measures: list[Mapping[str, Value]], left: Any
) -> None:
    assert forgotten_properties(source, given, measures) == left
