"""Forms of a draft: what comes in goes out again, and nothing that was typed is lost."""

from typing import Any

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MultiDict

from nurture.campaigns.documents import condition_document
from nurture.campaigns.folder import read_campaigns
from nurture.domain.sequence import Branch
from nurture.web.admin.condition_rows import (
    Edited,
    Row,
    condition_from_text,
    condition_of,
    editor_of,
    part_of,
    row_of,
    text_problems,
)
from nurture.web.admin.condition_values import span, written_span
from nurture.web.admin.sequence_fields import editor, mapping, split_duration, written_mapping
from nurture.web.admin.sequence_forms import blank, kind_of, rename, step_from
from nurture.web.admin.sequence_settings import settings_from
from tests.fixtures.places import ROOT

CONDITIONS: list[dict[str, Any]] = [
    {"stage": "lead"},
    {"stage": ["visitor", "lead"]},
    {"not": {"stage": ["visitor", "lead"]}},
    {"not": {"field": "city", "is": "Hà Nội"}},
    {"field": "company", "exists": False},
    {"field": "size", "at_least": 5},
    {"score": "engagement", "below": 7.5},
    {"bant": "budget", "is": "no"},
    {"consent": "marketing"},
    {"consent": "marketing", "is": False},
    {"did": "click"},
    {"did": "click", "within": "14d"},
    {"did": "click", "at_least": 2},
    {"not": {"did": "purchase"}},
    {"not": {"did": "purchase", "within": "30d"}},
    {"hours_in_stage": {"at_least": 48}},
    {"timezone": {"matches": "Asia/*"}},
    {"did": "purchase", "where": {"plan": "pro"}},
    {"did": "click", "within": "14d", "where": {"link": ["*/trial*", "*/pricing*"], "step": "a"}},
    {"did": "paid", "at_least": 2, "where": {"total": 5, "gift": True, "code": "0123", "fee": 0.5}},
    {"not": {"did": "visit", "where": {"who": "Nguyễn, Lan"}}},
    {"not": {"did": "visit", "within": "2w", "where": {"url": "*/pricing*"}}},
]


@pytest.mark.parametrize("condition", CONDITIONS, ids=str)
def test_a_simple_condition_is_a_row_and_the_row_is_the_condition(
    condition: dict[str, Any],
) -> None:
    row = row_of(condition)
    assert row is not None
    assert part_of(row) == condition
    edited = editor_of(condition)
    assert (edited.mode, condition_of(edited)) == ("all", condition)


@pytest.mark.parametrize("mode", ["all", "any"])
def test_several_simple_conditions_are_rows(mode: str) -> None:
    condition = {mode: CONDITIONS[:4]}
    edited = editor_of(condition)
    assert (edited.mode, len(edited.rows)) == (mode, 4)
    assert condition_of(edited) == condition


@pytest.mark.parametrize(
    "condition",
    [
        {"did": "click", "where": {"link": ["Nguyễn, Lan", "Minh"]}},
        {"did": "click", "where": {"link": ["one"]}},
        {"did": "click", "where": {"link": [1, 2]}},
        {"did": "click", "where": {" link ": "a"}},
        {"did": "click", "where": {"link": {"a": "b"}}},
        {"did": "click", "where": ["link"]},
        {"did": "click", "where": {}},
        {"did": "click", "at_least": 2, "within": "14d", "where": {"link": "a"}},
        {
            "all": [
                {"stage": "lead"},
                {"any": [{"grade": "A"}, {"all": [{"tag": "a"}, {"tag": "b"}]}]},
            ]
        },
        {"not": {"any": [{"grade": "A"}]}},
        {"any": []},
        {"field": "zip", "is": "0123"},
        {"field": "name", "in": ["Nguyễn, Lan", "Minh"]},
        {"nonsense": [1, {"a": None}]},
    ],
    ids=str,
)
def test_what_rows_cannot_say_exactly_is_edited_as_text(condition: dict[str, Any]) -> None:
    edited = editor_of(condition)
    assert condition_of(Edited(edited.mode, edited.rows, edited.text)) == condition


# What a file can say: no control characters but line breaks.
TEXT = st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.just("\n"), max_size=12)
PLAIN = st.one_of(TEXT, st.integers(), st.booleans(), st.floats(-1e6, 1e6))


@settings(max_examples=60)
@given(st.dictionaries(TEXT, st.one_of(PLAIN, st.lists(PLAIN, max_size=3))))
def test_whatever_a_property_must_be_survives_the_editor(where: dict[str, Any]) -> None:
    document = {"did": "paid", "where": where}
    edited = editor_of(document)
    assert condition_of(edited) == document
    assert str(condition_of(edited)) == str(document) or edited.mode == "text"


def test_a_form_says_what_properties_must_be() -> None:
    fields = form(
        when__mode="all", when__group=["", "", "", ""],
        when__subject=["did.purchase", "stage", "did.click", ""],
        when__relation=["ever", "is", "within", "is"], when__value=["", "lead", "14 ngày", ""],
        when__wheres=["3", "1", "2", "1"],
        when__property=["plan", "", "plan", "", " link ", "step", ""],
        when__wanted=["pro", "", "team", "", " */a*, */b* ", "", ""],
    )  # fmt: skip
    assert condition_of(editor(fields, "when")) == {
        "all": [
            {"did": "purchase", "where": {"plan": ["pro", "team"]}},
            {"stage": "lead"},
            {"did": "click", "within": "14d", "where": {"link": ["*/a*", "*/b*"], "step": ""}},
        ]
    }


@pytest.mark.parametrize("wheres", [[], ["1"], ["-1", "x"], ["9" * 5000, ""], ["999", "999"]])
def test_numbers_of_properties_that_no_page_sends_break_nothing(wheres: list[str]) -> None:
    fields = form(
        when__mode="all", when__subject=["did.click", "tag"], when__relation=["ever", "is"],
        when__value=["", "vip"], when__wheres=wheres, when__property="a", when__wanted="b",
    )  # fmt: skip
    found = condition_of(editor(fields, "when"))
    asked = {"where": {"a": "b"}} if wheres[:1] == ["999"] else {}
    assert found == {"all": [{"did": "click", **asked}, {"tag": "vip"}]}


GROUPED: list[dict[str, Any]] = [
    {"all": [{"stage": "lead"}, {"any": [{"grade": "A"}, {"grade": "B"}]}]},
    {"any": [{"all": [{"stage": "lead"}, {"tag": "vip"}]}, {"not": {"any": [{"tag": "x"}]}}]},
    {"all": [{"any": [{"tag": "a"}]}, {"tag": "b"}, {"any": [{"tag": "c"}, {"tag": "d"}]}]},
]


@pytest.mark.parametrize("condition", GROUPED, ids=str)
def test_rows_stand_in_groups_of_one_depth(condition: dict[str, Any]) -> None:
    edited = editor_of(condition)
    assert edited.mode in condition
    assert condition_of(edited) == condition


def test_a_form_with_groups_becomes_its_condition() -> None:
    fields = form(
        when__mode="all", when__group=["", "1", "1", "1", "2", ""],
        when__subject=["stage", "tag", "grade", "", "tag", ""],
        when__relation=["is"] * 6, when__value=["lead", "vip", "A", "", "b2b", ""],
        **{"when.group-1": "any", "when.group-2": "none"},
    )  # fmt: skip
    assert condition_of(editor(fields, "when")) == {
        "all": [
            {"stage": "lead"},
            {"any": [{"tag": "vip"}, {"grade": "A"}]},
            {"not": {"any": [{"tag": "b2b"}]}},
        ]
    }


def test_every_condition_that_ships_survives_its_editor() -> None:
    campaigns = read_campaigns(ROOT / "campaigns")
    conditions = [edge.when for edge in campaigns.funnel.edges]
    for sequence in campaigns.sequences.values():
        conditions += [when for _, when in sequence.exits] + [sequence.entry]
        for step in sequence.steps:
            if isinstance(step, Branch):
                conditions += [case.when for case in step.cases]
    assert len(conditions) > 20
    for condition in conditions:
        document = condition_document(condition)
        assert condition_of(editor_of(document)) == document


@given(st.text(max_size=40))
def test_a_text_is_a_condition_or_stays_as_it_was_typed(written: str) -> None:
    found = condition_from_text(written)
    assert found is None or found == written or isinstance(found, dict)
    if isinstance(found, str):
        assert editor_of(found).text == written
        assert editor_of(found).mode == "text"


def test_why_a_text_is_no_yaml_is_told() -> None:
    assert condition_from_text("{stage: lead") == "{stage: lead"
    (problem,) = text_problems("{stage: lead")
    assert "cannot be read" in problem.message
    assert text_problems({"stage": "lead"}) == ()


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("30d", "30d"),
        ("30 ngày", "30d"),
        (" 2 Tuần ", "2w"),
        ("12 hours", "12h"),
        ("90 minutes", "90m"),
        ("1 tháng", "1 tháng"),
        ("soon", "soon"),
    ],
)
def test_a_time_may_be_typed_in_words(typed: str, written: str) -> None:
    assert part_of(Row("did.click", "within", typed)) == {"did": "click", "within": written}
    assert part_of(Row("field.renews", "in_next", typed)) == {"field": "renews", "in_next": written}


@pytest.mark.parametrize(
    ("written", "language", "shown"),
    [
        ("14d", "vi", "14 ngày"),
        ("2w", "en", "2 weeks"),
        ("1h", "en", "1 hour"),
        ("90m", "vi", "90 phút"),
        ("007d", "en", "007 days"),
        ("soon", "vi", "soon"),
    ],
)
def test_a_time_is_shown_in_the_words_that_it_may_be_typed_in(
    app: Flask, written: str, language: str, shown: str
) -> None:
    with app.test_request_context(headers={"Accept-Language": language}):
        assert written_span(written) == shown
        assert span(shown) == written


def test_rows_without_a_choice_are_left_out() -> None:
    rows = (Row("stage", "is", "lead"), Row("", "is", "x"))
    assert condition_of(Edited("all", rows)) == {"stage": "lead"}
    assert condition_of(Edited("any", ())) is None
    assert condition_of(Edited("none", rows)) is None


def form(**fields: Any) -> MultiDict[str, str]:
    return MultiDict(
        [
            (name.replace("__", "."), one)
            for name, value in fields.items()
            for one in (value if isinstance(value, list) else [value])
        ]
    )


@pytest.mark.parametrize(
    ("kind", "fields", "step"),
    [
        ("email", {"email": "hello", "topic": "marketing"}, {"email": "hello"}),
        ("email", {"email": "", "topic": "news", "next": "end"},
         {"email": "", "topic": "news", "next": "end"}),
        ("wait", {"wait__amount": "2", "wait__unit": "d"}, {"wait": "2d"}),
        ("wait", {"wait__amount": "abc", "wait__unit": "h"}, {"wait": "abch"}),
        ("wait", {"wait__amount": "", "days": ["mon", "tue"], "at": "09:00"},
         {"wait": {"until": {"days": ["mon", "tue"], "at": "09:00"}}}),
        ("wait_for", {"what": "event", "event": "click", "of": "a", "where": "link: '*/x*'",
                      "within__amount": "3", "within__unit": "d", "yes": "b", "no": ""},
         {"wait_for": {"event": "click", "of": "a", "where": {"link": "*/x*"}, "within": "3d",
                       "yes": "b"}}),
        ("wait_for", {"what": "when", "when__mode": "text", "when__text": "{stage: [",
                      "within__amount": "1", "within__unit": "w"},
         {"wait_for": {"when": "{stage: [", "within": "1w"}}),
        ("goal", {"what": "event", "event": "purchase", "next": "end"},
         {"goal": {"event": "purchase"}}),
        ("exit", {"exit.vi": "đã mua", "passes": "1"}, {"exit": "đã mua"}),
        ("exit", {"exit.vi": "mua", "exit.en": "mua"}, {"exit": "mua"}),
        ("exit", {"exit.vi": "mua", "exit.en": "buys"}, {"exit": {"vi": "mua", "en": "buys"}}),
        ("move_to", {"move_to": "cart", "passes": "viele"}, {"move_to": "cart", "passes": "viele"}),
        ("change_stage", {"change_stage": "mql", "passes": "3"},
         {"change_stage": "mql", "passes": 3}),
    ],
)  # fmt: skip
def test_a_form_becomes_its_step(kind: str, fields: dict[str, Any], step: dict[str, Any]) -> None:
    assert step_from(form(key="k", **fields), kind) == {"key": "k", **step}


def test_a_branch_has_the_cases_of_its_form() -> None:
    fields = MultiDict(
        [
            ("key", "k"), ("case", "0"), ("case", "1"), ("else", "z"),
            ("case-0.mode", "all"), ("case-0.subject", "stage"), ("case-0.relation", "is"),
            ("case-0.value", "lead"), ("case-0.to", "a"), ("case-1.mode", "all"),
        ]
    )  # fmt: skip
    cases = [{"when": {"stage": "lead"}, "to": "a"}, {"when": None}]
    assert step_from(fields, "branch") == {"key": "k", "branch": {"cases": cases, "else": "z"}}


def test_settings_keep_steps_and_notes_and_leave_out_what_says_nothing() -> None:
    before = {"key": "k", "stage": "lead", "track": "b2b", "notes": {"a": "b"}, "steps": [1]}
    after = settings_from(
        form(**{"name.vi": "Một", "name.en": "One", "way": "stage", "stage": "mql",
                "reentry": "never", "window": "funnel", "entry__mode": "none"}),
        before,
    )  # fmt: skip
    assert after == {
        "key": "k", "name": {"vi": "Một", "en": "One"}, "stage": "mql", "track": "b2b",
        "notes": {"a": "b"}, "steps": [1],
    }  # fmt: skip


def test_settings_of_a_triggered_sequence() -> None:
    after = settings_from(
        form(**{"key": "k", "name.vi": "Một", "name.en": "One", "way": "trigger", "stage": "mql",
                "trigger.event": "cart", "trigger.cancel": "purchase, emptied",
                "trigger.where": "total: 5", "reentry": "after", "after.amount": "30",
                "after.unit": "d", "window": "own", "window.days": ["mon"], "window.from": "08:00",
                "window.to": "?", "spread.amount": "2", "spread.unit": "h", "exit": "0",
                "exit-0.reason.en": "why", "priority": "5"}),
        {},
    )  # fmt: skip
    assert after == {
        "key": "k", "name": {"vi": "Một", "en": "One"},
        "trigger": {"event": "cart", "where": {"total": 5}, "cancel": ["purchase", "emptied"]},
        "priority": 5, "exits": [{"reason": "why", "when": None}], "reentry": {"after": "30d"},
        "window": {"days": ["mon"], "from": "08:00", "to": "?"}, "spread": "2h",
    }  # fmt: skip


def test_paths_follow_a_step_that_is_renamed_and_conditions_do_not() -> None:
    document = {
        "steps": [
            {"key": "b", "email": "x", "next": "a"},
            {"key": "c", "wait_for": {"event": "click", "of": "a", "yes": "a", "no": "b"}},
            {"key": "d", "branch": {"cases": [{"when": {"tag": "a"}, "to": "a"}], "else": "a"}},
        ]
    }
    assert rename(document, "a", "z")["steps"] == [
        {"key": "b", "email": "x", "next": "z"},
        {"key": "c", "wait_for": {"event": "click", "of": "z", "yes": "z", "no": "b"}},
        {"key": "d", "branch": {"cases": [{"when": {"tag": "a"}, "to": "z"}], "else": "z"}},
    ]
    assert rename(document, "", "z") is document


def test_small_parts_of_forms() -> None:
    assert split_duration("2w") == ("2", "w")
    assert split_duration("soon") == ("soon", "d")
    assert split_duration(None) == ("", "d")
    assert mapping("link: [a") == "link: [a"
    assert written_mapping("link: [a") == "link: [a"
    assert mapping(written_mapping({"link": ["*/a*", "*/b*"]})) == {"link": ["*/a*", "*/b*"]}
    assert [kind_of(blank(kind, "k")) for kind in ("wait", "goal", "exit")] == [
        "wait", "goal", "exit",
    ]  # fmt: skip
    assert kind_of({"key": "nothing"}) == "email"
