"""What the check says, in both languages."""

from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from nurture.campaigns.checking import check_draft
from nurture.campaigns.folder import read_campaigns
from nurture.errors import Problem
from nurture.web.admin.problem_words import SENTENCES, sentence, tell
from nurture.web.i18n import use_language
from tests.fixtures.places import ROOT


@pytest.fixture
def vietnamese(app: Flask) -> Iterator[None]:
    with app.test_request_context("/"):
        use_language("vi")
        yield


def draft(*steps: dict[str, Any], **more: Any) -> dict[str, Any]:
    names = {"name": {"vi": "a", "en": "b"}}
    return {"key": "k", **names, "stage": "lead", "priority": 9, **more, "steps": list(steps)}


WRONG = [
    draft(),
    draft({"key": "Ă", "email": "hello"}),
    draft({"key": "a", "wait": "soon"}),
    draft({"key": "a", "wait": "0m"}),
    draft({"key": "a", "wait": {"until": {"at": "25:00"}}}),
    draft({"key": "a", "wait_for": {"within": "1d"}}),
    draft({"key": "a", "wait_for": {"event": "open", "within": "1d"}}),
    draft({"key": "a", "wait_for": {"event": "click", "of": "z", "within": "1d", "no": "y"}}),
    draft({"key": "a", "branch": {"cases": [{"when": "{", "to": "q"}]}}),
    draft({"key": "a", "branch": {"cases": [{"when": {"field": "shoe", "is": 1}, "to": "end"}]}}),
    draft({"key": "a", "branch": {"cases": [{"when": {"stage": "vip"}, "to": "end"}]}}),
    draft({"key": "a", "move_to": "k"}, {"key": "a", "exit": "x"}),
    draft({"key": "a", "change_stage": "visitor"}),
    draft({"key": "a", "wait": "1m", "next": "a"}),
    draft({"key": "a", "exit": ""}, passes="x"),
    draft({"key": "a", "wait": "1d", "passes": 0}, priority="high", window={"days": []}),
    draft({"key": "a", "exit": "x"}, stage=None),
    draft({"key": "a", "exit": "x"}, reentry="keyed", priority=0),
    draft({"key": "a", "exit": "x"}, stage=None, trigger={"event": "e", "key": "k", "cancel": "e"}),
    draft({"key": "a", "exit": "x"}, stage=None, trigger={"event": "e", "key": "k"}),
]


@pytest.mark.usefixtures("vietnamese")
@pytest.mark.parametrize("document", WRONG, ids=range(len(WRONG)))
def test_every_fault_of_a_draft_is_told_in_vietnamese(document: dict[str, Any]) -> None:
    problems = check_draft(read_campaigns(ROOT / "campaigns"), document)
    assert problems
    for problem in problems:
        for english in filter(None, (problem.message, problem.remedy)):
            assert sentence(english) != english


@pytest.mark.usefixtures("vietnamese")
def test_the_words_of_the_file_stay_as_they_are() -> None:
    problem = Problem("no path leads to the step 'gift'", "Lead a path to it, or remove it.")
    assert tell(problem) == (
        "Không lối nào dẫn đến bước 'gift'. Hãy dẫn một lối đến đó, hoặc xóa bước này."
    )
    assert sentence("something nobody ever said") == "something nobody ever said"


@pytest.mark.usefixtures("vietnamese")
def test_each_sentence_keeps_the_number_of_its_words() -> None:
    for one in SENTENCES:
        assert sentence(one).count("<>") == one.count("<>"), one


def test_english_is_told_as_it_was_said(app: Flask) -> None:
    with app.test_request_context("/"):
        use_language("en")
        assert tell(Problem("it rains", "Wait.")) == "It rains. Wait."
