"""Reading YAML: words stay words, lines are known, and no file can hang or trick the reader."""

import pytest

from nurture.campaigns.yaml_text import Loaded, load, written_place


def read(text: str) -> Loaded:
    return load(text, "x.yaml")


def only_problem(text: str) -> str:
    (problem,) = read(text).problems
    return str(problem)


def test_yes_no_on_and_off_are_words_as_keys_and_as_values() -> None:
    loaded = read("yes: no\nno: NO\non: off\n")
    assert loaded.document == {"yes": "no", "no": "NO", "on": "off"}
    assert loaded.problems == ()


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("true", True), ("False", False), ("3", 3), ("-2.5", -2.5), ("~", None), ("", None),
        ("12:30", "12:30"), ("0901234567", "0901234567"), ("+84", "+84"), ("1_000", "1_000"),
        ("2026-09-02", "2026-09-02"), ("1e3", "1e3"), (".inf", ".inf"), ('"3"', "3"),
        ("0x1F", "0x1F"), ("Việt Nam", "Việt Nam"),
    ],
)  # fmt: skip
def test_only_plain_numbers_and_true_and_false_are_more_than_text(
    written: str, meant: object
) -> None:
    document = read(f"value: {written}").document
    assert isinstance(document, dict)
    assert document == {"value": meant}
    assert type(document["value"]) is type(meant)


def test_every_key_and_item_has_its_line() -> None:
    lines = read("a: 1\nb:\n  - x\n  - c: 2\n    d: {e: 3}\n").lines
    assert lines == {
        ("a",): 1, ("b",): 2, ("b", 0): 3, ("b", 1): 4, ("b", 1, "c"): 4, ("b", 1, "d"): 5,
        ("b", 1, "d", "e"): 5,
    }  # fmt: skip


def test_a_key_given_twice_names_both_lines() -> None:
    assert only_problem("a: 1\nb: 2\na: 3\n") == (
        "x.yaml:3: a: the key `a` is given twice, first on line 1. Keep one of the two."
    )


def test_a_key_that_is_no_word_is_refused() -> None:
    assert only_problem("? [a, b]\n: 1\n") == (
        "x.yaml:1: a key must be a word. Write `word: value`."
    )


def test_a_tag_that_would_make_an_object_is_refused() -> None:
    told = only_problem(['a: !!python/object/apply:os.system ["true"]', "b: !secret x", ""][1])
    assert told == "x.yaml:1: b: the tag !secret is not read here. Remove the tag; write the value."


def test_python_objects_are_plain_values_or_refused() -> None:
    loaded = read("a: !!python/object/apply:os.getcwd []\n")
    assert loaded.document == {"a": []}
    assert read("a: !!python/name:os.system ''\n").problems


def test_an_unclosed_bracket_names_its_line() -> None:
    told = only_problem("a: 1\nb: [1, 2\nc: 3\n")
    assert told.startswith("x.yaml:3: the file cannot be read: ")
    assert told.endswith(
        "Look at the indentation, quotes and brackets here and on the line before."
    )


def test_a_character_that_is_no_text_names_its_line() -> None:
    assert only_problem("a: 1\nb: \x00\n") == (
        "x.yaml:2: the file holds a character that is not text. Save it again as plain UTF-8 text."
    )


@pytest.mark.parametrize("escaped", [r"\0", r"\uD800", r"\uDFFF", r"\x00"])
@pytest.mark.parametrize("text", ['ok: 1\nname: "a{}"', 'ok: 1\n"a{}": name'])
def test_an_escape_spells_nothing_that_no_database_keeps(text: str, escaped: str) -> None:
    loaded = load(text.format(escaped), "x.yaml")
    assert loaded.document is None
    (problem,) = loaded.problems
    assert (problem.line, "not text" in str(problem)) == (2, True)


def test_two_documents_in_one_file_are_refused() -> None:
    assert only_problem("a: 1\n---\nb: 2\n").startswith("x.yaml:2: the file cannot be read: ")


def test_an_anchor_may_be_used_again() -> None:
    assert read("a: &here {b: 1}\nc: *here\n").document == {"a": {"b": 1}, "c": {"b": 1}}


def test_aliases_of_aliases_are_stopped_before_they_unfold() -> None:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12)]
    assert "the file unfolds without end" in only_problem("\n".join(rows))


def test_an_alias_of_itself_is_stopped() -> None:
    assert "the file unfolds without end" in only_problem("a: &a [*a]\n")


def test_endless_nesting_is_stopped() -> None:
    assert "the file nests too deeply" in only_problem("a: " + "[" * 5000)


def test_a_file_of_a_million_characters_is_not_even_tried() -> None:
    assert "longer than 1,000,000 characters" in only_problem("#" * 1_000_001)


def test_an_endless_number_is_refused() -> None:
    assert only_problem("a: 1.0e999\n") == (
        "x.yaml:1: a: 1.0e999 is not a number that can be used. Write a number such as 10 or 2.5."
    )


def test_an_empty_file_is_nothing() -> None:
    assert read("# only a comment\n") == Loaded(None, {}, ())


def test_a_place_is_written_as_people_write_it() -> None:
    assert written_place(("steps", 2, "wait_for", "of")) == "steps[2].wait_for.of"
