"""What the check says, in both languages."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from nurture.campaigns.checking import check_draft
from nurture.campaigns.folder import read_campaigns
from nurture.errors import Invalid, NotFound, Problem
from nurture.mailer.compile import compile_email
from nurture.mailer.sources import EmailSource
from nurture.web.error_words import translate_error
from nurture.web.i18n import use_language
from nurture.web.problem_words import SENTENCES, sentence, tell
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
    draft(
        {"key": "a", "exit": {"vi": "một", "en": "one"}},
        {"key": "b", "exit": {"vi": "hai", "en": "one"}},
    ),
    draft({"key": "a", "exit": "x"}, reentry="keyed", priority=0),
    draft({"key": "a", "exit": "x"}, stage=None, trigger={"event": "e", "key": "k", "cancel": "e"}),
    draft({"key": "a", "exit": "x"}, stage=None, trigger={"event": "e", "key": "k"}),
    draft({"key": "a", "wait_until": {}}, {"key": "b", "wait_until": {"field": "shoe"}}),
    draft({"key": "a", "wait_until": {"field": "x", "property": "y", "before": "1d"}}),
    draft({"key": "a", "wait_until": {"field": "x", "before": "1d", "after": "2d"}}),
    draft({"key": "a", "split": {"arms": [{"key": "x"}]}}),
    draft({"key": "a", "split": {"arms": [{"key": "x"}, {"key": "x"}]}}),
    draft(
        {
            "key": "a",
            "split": {
                "arms": [
                    {"key": "x", "hold_out": True, "weight": 0},
                    {"key": "y", "hold_out": True},
                ]
            },
        }
    ),
    draft(
        {
            "key": "a",
            "split": {
                "arms": [{"key": "x"}, {"key": "y"}],
                "measure": {"event": "e", "minimum": 1, "confidence": 2},
            },
        }
    ),
    draft({"key": "a", "update": {}}, {"key": "b", "update": {"bant": {"need": "so"}}}),
    draft({"key": "a", "update": {"set": {"shoe": 1}, "clear": ["hat"], "tag": ["Ă"]}}),
    draft({"key": "a", "notify": {"to": "nobody", "email": "x"}}),
    draft({"key": "a", "webhook": {"endpoint": "erp", "event": "e", "fields": ["shoe"]}}),
    draft({"key": "a", "webhook": {"endpoint": "erp", "event": "NO"}, "exit": "x"}),
    draft({"key": "a", "enter": "k"}, {"key": "b", "leave": "nothing"}, {"key": "c"}),
    draft({"key": "a", "enter": "mql-nurture"}, {"key": "b", "leave": "k"}),
    draft({"key": "a", "branch": {"cases": [{"when": {"did": "open"}, "to": "end"}]}}),
    draft({"key": "a", "goal": {"within": "0d"}}, returning="resume"),
]


@pytest.mark.usefixtures("vietnamese")
@pytest.mark.parametrize("document", WRONG, ids=range(len(WRONG)))
def test_every_fault_of_a_draft_is_told_in_vietnamese(document: dict[str, Any]) -> None:
    problems = check_draft(read_campaigns(ROOT / "campaigns"), document)
    assert problems
    for problem in problems:
        for english in filter(None, (problem.message, problem.remedy)):
            assert sentence(english) != english


WRONG_EMAILS = [
    ("", "", None),
    ("one\ntwo", "<mjml><mj-body></mj-body></mjml>", None),
    ("hi {{ contact.first_name", "<p>", None),
    ("hi", "<mjml><mj-body>{% if contact.a %}<mj-text>x</mj-text></mj-body></mjml>", None),
    ("hi", "{% include 'x' %}{% macro m() %}{% endmacro %}{{ a ** 2 }}{{ a() }}{{ {} }}", None),
    ("hi", "{{ a | safe }}{{ a | shout }}{{ a is shouted }}{{ [a] }}{{ self }}{% oops %}", None),
    ("hi", "<mjml><mj-body><script>x</script><mj-shout></mj-shout></p>< a</mj-body></mjml>", None),
    ("hi", "<mjml><mj-body><mj-text onclick='x' b c>x</mj-image></mj-body></mjml>", None),
    ("hi", '<mjml><mj-body><mj-image src="file:///x" /></mj-body></mjml>', None),
    ("hi", '<mjml><mj-body><mj-section><mj-column><mj-text><a href="x">x</a></mj-text>'
     "</mj-column></mj-section></mj-body></mjml>", None),
    ("hi", '<mjml><mj-body><mj-section><mj-column><mj-text><a href="https://">x</a></mj-text>'
     "</mj-column></mj-section></mj-body></mjml>", "plain"),
    ("hi", "<mjml><mj-body><mj-wrapper>{% if a %}<mj-section></mj-section>{% endif %}</mj-wrapper>"
     "</mj-body></mjml>", None),
]  # fmt: skip


@pytest.mark.usefixtures("vietnamese")
@pytest.mark.parametrize(("subject", "body", "text"), WRONG_EMAILS, ids=range(len(WRONG_EMAILS)))
def test_every_fault_of_an_email_is_told_in_vietnamese(
    subject: str, body: str, text: str | None
) -> None:
    source = EmailSource("e", "en", subject, body, text, "subject", "body", "text", (), ())
    with pytest.raises(Invalid) as refused:
        compile_email(source)
    for problem in refused.value.problems:
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


# Where the wordings of what a draft or a file can be told are written, and what they are called.
ROOMS = (
    "domain/check.py",
    "campaigns/actions.py",
    "campaigns/asking.py",
    "campaigns/calendars.py",
    "campaigns/comparisons.py",
    "campaigns/conditions.py",
    "campaigns/entry_rules.py",
    "campaigns/folder.py",
    "campaigns/funnel_shape.py",
    "campaigns/parse.py",
    "campaigns/people_shape.py",
    "campaigns/references.py",
    "campaigns/rules.py",
    "campaigns/segment_faults.py",
    "campaigns/sequence_shape.py",
    "campaigns/shapes.py",
    "campaigns/splits.py",
    "campaigns/steps.py",
    "campaigns/waits.py",
    "campaigns/emails.py",
    "campaigns/yaml_text.py",
    "mailer/compile.py",
    "mailer/language.py",
    "mailer/linking.py",
    "mailer/markup.py",
    "mailer/shield.py",
    "mailer/sources.py",
    "engine/assumptions.py",
    "engine/differing.py",
    "engine/segment_differing.py",
    "engine/simulate.py",
    "engine/trials.py",
)
TELLING = frozenset({"wrong", "_wrong", "Fault", "Told", "Problem", "Invalid", "Refused"})
NAMED = frozenset({"told", "remedy", "message"})


def wordings(source: str, telling: frozenset[str] = TELLING) -> Iterator[str]:
    """Every sentence that a module tells somebody, `<>` where a word is put in."""
    for node in ast.walk(ast.parse(source)):
        parts: list[ast.expr] = []
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in telling:
            parts = [*node.args, *(one.value for one in node.keywords if one.arg == "remedy")]
        elif isinstance(node, ast.Assign):
            names = {getattr(target, "id", "") for target in node.targets}
            parts = [node.value] if names & NAMED else []
        for part in parts:
            # Both arms of "this if … else that" are sentences.
            arms = [part.body, part.orelse] if isinstance(part, ast.IfExp) else [part]
            yield from (said for arm in arms if " " in (said := _said(arm)))


def _said(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if not isinstance(node, ast.JoinedStr):
        return ""
    parts = ["<>" if isinstance(one, ast.FormattedValue) else _said(one) for one in node.values]
    # Two sentences that are only joined are looked for where they are written.
    return "".join(parts) if any(sign.isalpha() for sign in "".join(parts)) else ""


@pytest.mark.usefixtures("vietnamese")
@pytest.mark.parametrize("room", ROOMS)
def test_everything_a_draft_can_be_told_is_told_in_vietnamese(room: str) -> None:
    found = list(wordings((Path(ROOT) / "nurture" / room).read_text("utf-8")))
    filled = [one.replace("<>", "end") for one in found]
    assert [one for one in filled if sentence(one) == one] == []


# Where errors are raised that a page or a command of both languages may show.
ERRING = (
    "engine/accounts.py", "engine/confirming.py", "engine/definitions.py", "engine/deliveries.py",
    "engine/desk.py", "engine/draft_check.py", "engine/drafts.py", "engine/endpoints.py",
    "engine/erasing.py", "engine/experiments.py", "engine/explain.py", "engine/forecast.py",
    "engine/granting.py", "engine/pausing.py", "engine/qualification.py", "engine/quarantine.py",
    "engine/repairs.py", "engine/segment_reports.py", "engine/suppress.py", "engine/view.py",
    "engine/ways_out.py",
)  # fmt: skip
RAISED = frozenset({"NotFound", "Conflict", "Refused"})


@pytest.mark.usefixtures("vietnamese")
@pytest.mark.parametrize("room", ERRING)
def test_every_error_that_a_page_can_show_is_told_in_vietnamese(room: str) -> None:
    source = (Path(ROOT) / "nurture" / room).read_text("utf-8")
    for said in wordings(source, RAISED):
        error = NotFound(said.replace("<>", "end"))
        translate_error(error)
        assert error.message != said.replace("<>", "end")


@pytest.mark.usefixtures("vietnamese")
def test_what_cannot_be_a_tag_is_told_in_vietnamese() -> None:
    found = list(wordings((Path(ROOT) / "nurture/engine/tagging.py").read_text("utf-8")))
    assert len(found) == 8
    for said in found:
        error = NotFound(said.replace("<>", "20"))
        translate_error(error)
        assert error.message != said.replace("<>", "20")


def test_the_search_for_wordings_finds_them() -> None:
    source = 'told = f"no {x!r} here"\nraise wrong(told, "Add it." if x else "Write two words.")'
    assert list(wordings(source)) == ["no <> here", "Add it.", "Write two words."]
