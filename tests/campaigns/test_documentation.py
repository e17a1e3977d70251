"""What docs/campaigns.md shows is what the reader reads."""

import re
from types import MappingProxyType

import pytest

from nurture.campaigns import condition_document, parse_sequence, read_campaigns
from nurture.campaigns.comparisons import OPERATORS
from nurture.campaigns.conditions import WORDS
from nurture.campaigns.funnel_shape import FunnelShape
from nurture.campaigns.sequence_shape import SequenceShape
from nurture.campaigns.steps import ACTIONS
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
SEQUENCE, CONDITIONS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


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
    words = {*SequenceShape.words(), *FunnelShape.words(), *ACTIONS, *WORDS, *OPERATORS}
    missing = {word for word in words if not re.search(rf"[`{{ ]{word}[`:.]", PAGE)}
    assert missing == set()


def test_the_rule_that_the_page_tells_to_change_exists() -> None:
    rules = {rule.key: rule for rule in read_campaigns(ROOT / "campaigns").funnel.rules}
    assert rules["price"].points == 10
