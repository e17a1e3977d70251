"""The condition language: its truth tables, its laws, and what "did" looks at."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.comparing import compares
from nurture.domain.conditions import (
    ALWAYS,
    SUBJECTS,
    All,
    Any,
    Compare,
    Condition,
    Did,
    Not,
    Op,
    Subject,
    as_instant,
    as_number,
    holds,
    matches_properties,
    walk,
)
from nurture.domain.contact import Contact, Occurrence, Standing, Value, Verdict
from tests.domain.build import ANA, DAY, HOUR, MINUTE, NOW, a_contact, an_occurrence

X = Subject("field", "x")
COMPARISONS = [op for op in Op if op is not Op.EXISTS]


def true_of(have: Value, op: Op, want: Value) -> bool:
    return holds(Compare(X, op, want), a_contact(fields={"x": have}), NOW)


@pytest.mark.parametrize("op", COMPARISONS)
@pytest.mark.parametrize("have", [None, "", ()], ids=["null", "empty", "no items"])
def test_what_is_missing_compares_with_nothing(op: Op, have: Value) -> None:
    for want in ("a", 1, True, "now", ("a", ""), "", None):
        assert not true_of(have, op, want)
        assert holds(Not(Compare(X, op, want)), a_contact(fields={"x": have}), NOW)
    assert not holds(Compare(X, op, "a"), ANA, NOW)


@pytest.mark.parametrize("op", COMPARISONS)
@pytest.mark.parametrize("have", ["None", "null", 0, False, ("None",)])
def test_nothing_compares_with_null(op: Op, have: Value) -> None:
    assert not true_of(have, op, None)


@pytest.mark.parametrize(
    ("have", "exists"),
    [(None, False), ("", False), ((), False), (0, True), (False, True), ("0", True), ("a", True)],
)
def test_zero_and_false_exist_but_null_and_empty_do_not(have: Value, exists: bool) -> None:
    assert true_of(have, Op.EXISTS, True) is exists
    assert true_of(have, Op.EXISTS, False) is not exists


@pytest.mark.parametrize(
    ("have", "op", "want", "expected"),
    [
        ("Hà Nội", Op.IS, "hà nội", True), ("Hanoi", Op.IS, "Hue", False),
        ("Straße", Op.IS, "STRASSE", True),
        ("10", Op.IS, 10, True), (10, Op.IS, "10.0", True), (" 10 ", Op.IS, 10, True),
        ("1e1", Op.IS, 10, True), ("10", Op.IS, 11, False), ("ten", Op.IS, 10, False),
        (True, Op.IS, True, True), (True, Op.IS, 1, False), (1, Op.IS, True, False),
        ("true", Op.IS, True, False), (False, Op.IS, False, True),
        ("Nan", Op.IS, "nan", True), ("Infinity", Op.IS, "inf", False), ("1_0", Op.IS, 10, False),
        ("b", Op.IN, ("a", "b"), True), ("c", Op.IN, ("a", "b"), False),
        (("a", "b"), Op.IS, "B", True), (("a", "b"), Op.IN, ("c", "b"), True),
        (("a",), Op.IS, "b", False),
        ("newsletter", Op.CONTAINS, "LETTER", True), ("news", Op.CONTAINS, ("x", "ew"), True),
        ("news", Op.CONTAINS, "x", False), (("news", "x"), Op.CONTAINS, "new", False),
        (("news", "x"), Op.CONTAINS, "X", True), (12345, Op.CONTAINS, 34, True),
        ("/pricing/vn", Op.MATCHES, "*pricing*", True), ("/p", Op.MATCHES, "/?", True),
        ("/pp", Op.MATCHES, "/?", False), ("a[1]", Op.MATCHES, "a[1]", True),
        ("a1", Op.MATCHES, "a[1]", False), (("a", "bc"), Op.MATCHES, "b*", True),
        ("x", Op.MATCHES, ("a*", "x*"), True), (15, Op.MATCHES, "1*", True),
        (5, Op.AT_LEAST, 5, True), ("5", Op.AT_LEAST, "4.5", True), (5, Op.AT_LEAST, 6, False),
        (5, Op.AT_MOST, 5, True), (6, Op.AT_MOST, 5, False), (5, Op.ABOVE, 5, False),
        (5.1, Op.ABOVE, 5, True), (5, Op.BELOW, 5, False), (4, Op.BELOW, "5", True),
        ("many", Op.AT_LEAST, 5, False), (5, Op.AT_MOST, "many", False),
        (True, Op.AT_LEAST, 0, False), (("5",), Op.AT_LEAST, 1, False),
        ("nan", Op.AT_LEAST, 0, False), ("inf", Op.ABOVE, 0, False),
        ("2026-03-03", Op.AFTER, "now", True), ("2026-03-02", Op.AFTER, "now", False),
        ("2026-03-01", Op.BEFORE, "2026-03-02", True),
        ("2026-03-02T16:00:01+07:00", Op.AFTER, "2026-03-02T09:00:00Z", True),
        ("2026-03-02T16:00:00+07:00", Op.AFTER, "2026-03-02T09:00:00Z", False),
        ("soon", Op.AFTER, "now", False), (20260303, Op.AFTER, "now", False),
        ("2026-03-03", Op.BEFORE, "some day", False),
        # Now is nine o'clock on the second of March; a day is 86,400 seconds.
        ("2026-03-02T09:00:00Z", Op.WITHIN_LAST, 86_400, True),
        ("2026-03-01T09:00:01Z", Op.WITHIN_LAST, 86_400, True),
        ("2026-03-01T09:00:00Z", Op.WITHIN_LAST, 86_400, False),
        ("2026-03-02T09:00:01Z", Op.WITHIN_LAST, 86_400, False),
        ("2026-03-02T09:00:00Z", Op.IN_NEXT, 86_400, False),
        ("2026-03-02T09:00:01Z", Op.IN_NEXT, 86_400, True),
        ("2026-03-03T09:00:00Z", Op.IN_NEXT, 86_400, True),
        ("2026-03-03T09:00:01Z", Op.IN_NEXT, 86_400, False),
        ("0001-01-01", Op.WITHIN_LAST, 86_400, False), ("9999-12-31", Op.IN_NEXT, 1, False),
        ("soon", Op.IN_NEXT, 86_400, False), ("2026-03-03", Op.IN_NEXT, "1d", False),
        ("2026-03-03", Op.IN_NEXT, True, False), ("2026-03-03", Op.IN_NEXT, 1e300, False),
        (("2026-03-03",), Op.IN_NEXT, 86_400, False),
    ],
)  # fmt: skip
def test_a_comparison_answers_as_in_the_table(
    have: Value, op: Op, want: Value, expected: bool
) -> None:
    assert true_of(have, op, want) is expected


FULL = a_contact(
    language="vi", timezone="Asia/Ho_Chi_Minh", fields={"city": "Huế"}, tags=frozenset({"vip"}),
    standing=Standing("lead", "mql", NOW - 36 * HOUR), engagement=42.0, fit=30.0, grade="B",
    temperature="warm", persona="owner", bant={"budget": "yes"}, received=frozenset({"guide"}),
    sequences=frozenset({"welcome"}), segments=frozenset({"regulars"}),
)  # fmt: skip


@pytest.mark.parametrize(
    ("subject", "value"),
    [
        (Subject("field", "city"), "Huế"), (Subject("engagement"), 42), (Subject("fit"), 30),
        (Subject("grade"), "B"), (Subject("stage"), "lead"), (Subject("highest_stage"), "mql"),
        (Subject("temperature"), "warm"), (Subject("persona"), "owner"), (Subject("tag"), "vip"),
        (Subject("bant", "budget"), "yes"), (Subject("consent", "marketing"), True),
        (Subject("sequence"), "welcome"), (Subject("received"), "guide"),
        (Subject("segment"), "regulars"),
        (Subject("language"), "vi"), (Subject("timezone"), "Asia/Ho_Chi_Minh"),
        (Subject("hours_in_stage"), 36),
    ],
    ids=lambda one: one.kind if isinstance(one, Subject) else "",
)  # fmt: skip
def test_every_subject_can_be_looked_at(subject: Subject, value: Value) -> None:
    assert holds(Compare(subject, Op.IS, value), FULL, NOW)
    assert not holds(Compare(subject, Op.IS, "something else"), FULL, NOW)


def test_the_table_of_subjects_is_complete() -> None:
    tested = test_every_subject_can_be_looked_at.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert {subject.kind for subject, _ in tested} == set(SUBJECTS)


@pytest.mark.parametrize("kind", ["stage", "highest_stage", "hours_in_stage"])
def test_a_contact_outside_the_funnel_has_no_stage(kind: str) -> None:
    assert holds(Compare(Subject(kind), Op.EXISTS, False), ANA, NOW)


def test_unknown_qualification_and_unasked_consent_have_a_value() -> None:
    assert holds(Compare(Subject("bant", "need"), Op.IS, "unknown"), ANA, NOW)
    assert holds(Compare(Subject("consent", "events"), Op.IS, False), ANA, NOW)


values = (
    st.none() | st.booleans() | st.integers(-5, 5) | st.sampled_from(["", "a", "B", "3", "now"])
)
comparisons = st.builds(Compare, st.just(X), st.sampled_from(list(Op)), values)
conditions = st.recursive(
    comparisons | st.builds(Did, st.sampled_from(["visit", "open"]), st.integers(0, 2)),
    lambda inner: (
        st.builds(Not, inner)
        | st.builds(All, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Any, st.lists(inner, max_size=3).map(tuple))
    ),
    max_leaves=6,
)
contacts = st.builds(
    lambda have, visits: a_contact(
        fields={"x": have}, history=tuple(an_occurrence("visit") for _ in range(visits))
    ),
    values,
    st.integers(0, 3),
)


@given(conditions, conditions, contacts)
def test_not_all_and_any_obey_the_laws_of_logic(
    one: Condition, other: Condition, contact: Contact
) -> None:
    def true(condition: Condition) -> bool:
        return holds(condition, contact, NOW)

    assert true(Not(one)) is not true(one)
    assert true(Not(Not(one))) is true(one)
    assert true(All((one, other))) is (true(one) and true(other))
    assert true(Any((one, other))) is (true(one) or true(other))
    assert true(Not(All((one, other)))) is true(Any((Not(one), Not(other))))
    assert true(All((one, ALWAYS))) is true(Any((one, Any(()))))


def test_nothing_to_fulfil_is_true_and_nothing_to_choose_from_is_false() -> None:
    assert holds(ALWAYS, ANA, NOW)
    assert not holds(Any(()), ANA, NOW)


def test_walking_a_condition_meets_every_part_outermost_first() -> None:
    one, two = Compare(X, Op.IS, 1), Did("visit")
    condition = All((Not(one), Any((two,))))
    assert list(walk(condition)) == [condition, Not(one), one, Any((two,)), two]


def visits(*ages: timedelta, verdict: Verdict = Verdict.HUMAN) -> Contact:
    return a_contact(history=tuple(Occurrence("visit", NOW - age, verdict=verdict) for age in ages))


@pytest.mark.parametrize(
    ("condition", "contact", "expected"),
    [
        (Did("visit"), visits(900 * DAY), True),
        (Did("visit"), visits(), False),
        (Did("visit", 2), visits(DAY), False),
        (Did("visit", 2), visits(2 * DAY, DAY), True),
        (Did("visit", 1, DAY), visits(DAY - MINUTE), True),
        (Did("visit", 1, DAY), visits(DAY), False),
        (Did("visit", 1, DAY), visits(timedelta()), True),
        (Did("visit"), visits(-MINUTE), False),
        (Did("open"), visits(DAY), False),
        (Did("visit"), visits(DAY, verdict=Verdict.MACHINE), False),
        (Did("visit"), visits(DAY, verdict=Verdict.UNKNOWN), False),
        (Did("visit", where={"page": "/x"}), visits(DAY), False),
    ],
    ids=[
        "ever", "never", "too few", "enough", "inside", "at the far edge", "just now", "to come",
        "another event", "a machine", "who knows", "elsewhere",
    ],
)  # fmt: skip
def test_did_counts_what_a_person_did_within_the_window(
    condition: Did, contact: Contact, expected: bool
) -> None:
    assert holds(condition, contact, NOW) is expected


@pytest.mark.parametrize(
    ("where", "properties", "expected"),
    [
        ({}, {}, True),
        ({"page": "*/pricing*"}, {"page": "https://x.example/Pricing?a=1"}, True),
        ({"page": "/a?"}, {"page": "/ab"}, True),
        ({"page": "/list[1]"}, {"page": "/list[1]"}, True),
        ({"page": "/list[1]"}, {"page": "/list1"}, False),
        ({"page": "*"}, {}, False),
        ({"page": ("/a", "/b*")}, {"page": "/bcd"}, True),
        ({"items": "b"}, {"items": ("a", "b")}, True),
        ({"items": "c"}, {"items": ("a", "b")}, False),
        ({"value": 10}, {"value": 10.0}, True),
        ({"value": "10"}, {"value": 10}, True),
        ({"value": 10}, {"value": 11}, False),
        ({"a": "1", "b": "2"}, {"a": "1", "b": "3"}, False),
    ],
)
def test_every_wanted_property_must_fit(
    where: dict[str, Value], properties: dict[str, Value], expected: bool
) -> None:
    assert matches_properties(where, properties) is expected


@given(st.text(max_size=8) | st.integers() | st.floats() | st.booleans() | st.none())
def test_reading_a_number_or_an_instant_never_fails(value: Value) -> None:
    number = as_number(value)
    assert number is None or abs(number) < float("inf")
    instant = as_instant(value)
    assert instant is None or instant.tzinfo is not None


def test_whatever_is_not_missing_exists() -> None:
    assert compares(Op.EXISTS, 0, want=True, now=NOW)


def test_a_number_too_large_for_a_float_is_no_number() -> None:
    assert as_number(10**400) is None
    assert as_number("1e999") is None


def test_an_instant_without_a_zone_is_utc() -> None:
    assert as_instant("2026-03-02T10:00") == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert as_instant("2026-03-02T10:00+07:00") == datetime(2026, 3, 2, 3, tzinfo=UTC)
