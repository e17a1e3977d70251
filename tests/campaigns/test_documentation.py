"""What docs/campaigns.md shows is what the reader reads."""

import re
from types import MappingProxyType

import pytest

from nurture.campaigns import (
    condition_document,
    parse_funnel,
    parse_sequence,
    read_campaigns,
    sequence_document,
)
from nurture.campaigns.actions import CallShape, ChangesShape, NoticeShape
from nurture.campaigns.asking import asking_faults, unasked_faults
from nurture.campaigns.comparisons import OPERATORS
from nurture.campaigns.conditions import WORDS
from nurture.campaigns.funnel_shape import (
    AccountShape,
    EdgeShape,
    FieldDeclarationShape,
    FunnelShape,
    StageShape,
    TopicShape,
)
from nurture.campaigns.limits_shape import CapShape, GuardsShape
from nurture.campaigns.people_shape import EndpointShape, PersonaShape
from nurture.campaigns.rules import check_entry, check_funnel
from nurture.campaigns.sequence_shape import SequenceShape, TriggerShape
from nurture.campaigns.shapes import Shape
from nurture.campaigns.splits import ArmShape, DivisionShape, MeasureShape
from nurture.campaigns.steps import ACTIONS, WantedShape
from nurture.campaigns.waits import AwaitedShape, DateShape
from nurture.campaigns.yaml_text import load
from nurture.domain.check import check_sequence
from nurture.domain.conditions import (
    SUBJECTS,
    All,
    Compare,
    Condition,
    Did,
    Not,
    Op,
    Subject,
    walk,
)
from tests.fixtures.places import ROOT

PAGE = (ROOT / "docs" / "campaigns.md").read_text(encoding="utf-8")


def _examples(heading: str) -> list[str]:
    """Return what stands in the blocks between a heading and the next of its rank or above."""
    rank = len(heading.partition(" ")[0])
    following = PAGE.partition(f"\n{heading}\n")[2]
    section = re.split(rf"^#{{2,{rank}}} ", following, flags=re.MULTILINE)[0]
    return re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)


SEQUENCE = _examples("## A sequence")[0]
CONDITIONS = _examples("## Conditions")[0]
STEPS = _examples("### What each step is good for")
ENTRIES = _examples("### Who comes in, how often, and again")
FUNNEL = _examples("## The funnel")


def _condition(written: object) -> Condition:
    document = {
        "key": "x",
        "name": {"vi": "x", "en": "x"},
        "stage": "lead",
        "entry": written,
        "steps": [{"key": "a", "email": "a"}],
    }
    return parse_sequence(document).entry


def test_the_example_sequence_is_right_and_uses_every_step_but_two() -> None:
    sequence = parse_sequence(load(SEQUENCE, "welcome.yaml").document)
    assert check_sequence(sequence) == ()
    shown = {word for word in ACTIONS if f"    {word}:" in SEQUENCE}
    assert shown == set(ACTIONS) - {"move_to", "exit"}


@pytest.mark.parametrize("example", STEPS)
def test_an_example_of_a_step_is_read_and_written_back_with_the_same_meaning(
    example: str,
) -> None:
    steps = load(example, "steps.yaml").document
    assert isinstance(steps, list)
    document = {"key": "x", "name": {"vi": "x", "en": "x"}, "stage": "lead", "steps": steps}
    sequence = parse_sequence(document)
    assert parse_sequence(sequence_document(sequence)) == sequence


def test_each_kind_of_step_that_is_new_to_a_reader_has_its_example() -> None:
    wanted = {"wait_until", "split", "update", "notify", "webhook", "enter", "leave", "goal"}
    assert {word for word in ACTIONS if any(f"\n  {word}:" in one for one in STEPS)} == wanted


@pytest.mark.parametrize("example", ENTRIES)
def test_an_example_of_an_entry_is_right_and_written_back_the_same(example: str) -> None:
    entry = load(example, "entry.yaml").document
    assert isinstance(entry, dict)
    steps = [{"key": "a", "email": "a"}]
    document = {"key": "x", "name": {"vi": "x", "en": "x"}, **entry, "steps": steps}
    sequence = parse_sequence(document)
    assert check_entry(sequence) == ()
    written = sequence_document(sequence)
    assert {key: written[key] for key in entry} == entry


@pytest.mark.parametrize("example", FUNNEL)
def test_an_example_for_the_funnel_can_stand_in_the_one_that_ships(example: str) -> None:
    part = load(example, "part.yaml").document
    assert isinstance(part, dict)
    shipped = dict(read_campaigns(ROOT / "campaigns").documents["funnel"])
    for key, value in part.items():
        if isinstance(value, list):
            new = {one.get("key") for one in value} - {None}
            kept = [one for one in shipped.get(key, []) if one.get("key") not in new]
            shipped[key] = [*kept, *value]
        else:
            shipped[key] = value
    funnel = parse_funnel(shipped)
    assert check_funnel(funnel) == ()
    assert funnel != read_campaigns(ROOT / "campaigns").funnel


def test_the_example_conditions_show_every_subject_and_are_written_back_the_same() -> None:
    written = load(CONDITIONS, "conditions.yaml").document
    assert isinstance(written, list)
    conditions = [_condition(one) for one in written]
    assert [condition_document(one) for one in conditions] == written
    parts = [part for one in conditions for part in walk(one)]
    assert {part.subject.kind for part in parts if isinstance(part, Compare)} == set(SUBJECTS)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ({"stage": "lead"}, Compare(Subject("stage"), Op.IS, "lead")),
        ({"grade": ["A", "B"]}, Compare(Subject("grade"), Op.IN, ("A", "B"))),
        ({"score": "fit", "below": 10}, Compare(Subject("fit"), Op.BELOW, 10)),
        ({"hours_in_stage": {"above": 2.5}}, Compare(Subject("hours_in_stage"), Op.ABOVE, 2.5)),
        ({"field": "age", "is": 30}, Compare(Subject("field", "age"), Op.IS, 30)),
        ({"field": "age", "in": [30, 31]}, Compare(Subject("field", "age"), Op.IN, ("30", "31"))),
        ({"consent": "news"}, Compare(Subject("consent", "news"), Op.IS, True)),
        ({"all": []}, All(())),
        ({"not": {"tag": "vip"}}, Not(Compare(Subject("tag"), Op.IS, "vip"))),
        ({"did": "visit"}, Did("visit")),
        (
            {"did": "visit", "where": {"url": ["*/a", "*/b"]}},
            Did("visit", where=MappingProxyType({"url": ("*/a", "*/b")})),
        ),
    ],
)
def test_a_condition_means_what_the_page_says(written: object, meant: Condition) -> None:
    assert _condition(written) == meant


def test_the_page_names_every_key() -> None:
    shapes: tuple[type[Shape], ...] = (
        SequenceShape, TriggerShape, FunnelShape, AccountShape, StageShape, EdgeShape, TopicShape,
        FieldDeclarationShape, CapShape, GuardsShape, PersonaShape, EndpointShape, DateShape,
        DivisionShape, ArmShape, MeasureShape, ChangesShape, NoticeShape, CallShape, AwaitedShape,
        WantedShape,
    )  # fmt: skip
    words = {*ACTIONS, *WORDS, *OPERATORS, *(word for shape in shapes for word in shape.words())}
    missing = {word for word in words if not re.search(rf"[`{{ ]{word}[`:.]", PAGE)}
    assert missing == set()


def test_the_rule_that_the_page_tells_to_change_exists() -> None:
    rules = {rule.key: rule for rule in read_campaigns(ROOT / "campaigns").funnel.rules}
    assert rules["price"].points == 10


def test_the_example_of_signing_up_asks_as_it_must() -> None:
    (example,) = _examples("## Signing up")
    funnel = read_campaigns(ROOT / "campaigns").funnel
    sequence = parse_sequence(load(example, "sign-up.yaml").document, funnel=funnel)
    assert list(asking_faults(sequence, funnel, None)) == []
    assert list(unasked_faults(funnel, [sequence])) == []
