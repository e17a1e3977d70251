"""Every mistake in a sequence file is told with its line and what to write instead."""

# ruff: noqa: E501 - The messages stand here as people see them.

import pytest

from tests.campaigns.samples import SEQUENCE, mistakes

STEPS = SEQUENCE[SEQUENCE.index("steps") :]
CASES = [
    (
        "    email: hello",
        "    emial: hello",
        ["6: steps[0].emial: the key `emial` is not known here. Did you mean `email`?"],
    ),
    (
        "    email: hello",
        "    email: hello\n    wait: 2d",
        [
            "7: steps[0].wait: `wait` is a second thing for this step to do. Make `wait` a step of its own, with its own key."
        ],
    ),
    (
        "    email: hello",
        "    passes: 2",
        [
            "5: steps[0]: this step does nothing. Add one of email, wait, wait_until, wait_for, branch, split, update, notify, webhook, move_to, enter, leave, change_stage, exit, goal."
        ],
    ),
    (
        "within: 3d",
        "within: soon",
        ["8: steps[1].wait_for.within: 'soon' is not a duration. Write 30m, 12h, 3d or 2w."],
    ),
    ("within: 3d, ", "", ["8: steps[1].wait_for.within: `within` is missing. Add `within: …`."]),
    (
        "within: 3d",
        "witin: 3d",
        [
            "8: steps[1].wait_for.within: `within` is missing. Add `within: …`.",
            "8: steps[1].wait_for.witin: the key `witin` is not known here. Did you mean `within`?",
        ],
    ),
    (
        "stage: visitor",
        "stage: visitor\ntrigger: {event: x}",
        [
            "1: both a stage and a trigger are given. Write either `stage: lead` or `trigger: {event: …}`."
        ],
    ),
    (
        "stage: visitor\n",
        "",
        ["1: nobody ever enters. Write either `stage: lead` or `trigger: {event: …}`."],
    ),
    (
        "key: thanks",
        "key: hello",
        ["9: steps[2].key: key `hello` is used twice in steps. Give each its own."],
    ),
    (
        "key: hello\n",
        "key: end\n",
        ["5: steps[0].key: `end` is the name of the end of every path. Give the step another key."],
    ),
    (
        "{vi: Chào mừng, en: Welcome}",
        "{vi: Chào mừng}",
        ["2: name.en: `en` is missing. Add `en: …`."],
    ),
    (
        "stage: visitor",
        "stage: visitor\nentry: {grde: A}",
        ["4: entry.grde: the key `grde` is not known here. Did you mean `grade`?"],
    ),
    (
        "stage: visitor",
        "stage: visitor\nentry: {stage: lead, tag: vip}",
        [
            "4: entry: stage and tag cannot stand together. Write all: [{…}, {…}] or any: [{…}, {…}], with one in each."
        ],
    ),
    (
        "stage: visitor",
        "stage: visitor\nentry: {field: country}",
        [
            "4: entry: nothing is said about the value. Write exactly one of is, in, contains, matches, exists, at_least, at_most, above, below, after, before, within_last, in_next."
        ],
    ),
    (
        "stage: visitor",
        "stage: visitor\nentry: {score: engagement, at_least: 3, below: 9}",
        [
            "4: entry: at_least and below cannot stand together. Write all: [{…}, {…}] or any: [{…}, {…}], with one in each."
        ],
    ),
    (
        "stage: visitor",
        "stage: visitor\nentry: {score: engagement, at_least: lots}",
        ["4: entry.at_least: 'lots' is not a number. Write a number such as 10 or 2.5."],
    ),
    (
        "stage: visitor",
        "stage: visitor\nentry: lead",
        ["4: entry: this is not a condition. Write for example {stage: lead}."],
    ),
    (
        "stage: visitor",
        "stage: visitor\npriority: high",
        ["4: priority: this must be a whole number. Write a number such as 3, without quotes."],
    ),
    (
        "stage: visitor",
        "stage: visitor\nreentry: often",
        ["4: reentry: 'often' is not known here. Write one of keyed, never, one_at_a_time."],
    ),
    (
        "stage: visitor",
        "stage: visitor\ntrack: Bên kia",
        [
            "4: track: 'Bên kia' cannot stand here. Use lower-case letters a-z, digits, - and _, without spaces or accents."
        ],
    ),
    (
        "stage: visitor",
        "stage: visitor\nwindow: {days: [mo], from: '9:00', to: \"25:00\"}",
        [
            "4: window.days[0]: 'mo' is not a weekday. Write one of mon, tue, wed, thu, fri, sat, sun.",
            '4: window.from: \'9:00\' is not a time of day. Write "09:00" or "17:30".',
            '4: window.to: \'25:00\' is not a time of day. Write "09:00" or "17:30".',
        ],
    ),
    (
        "stage: visitor",
        "stage: visitor\nexit: []",
        ["4: exit: the key `exit` is not known here. Did you mean `exits`?"],
    ),
    (
        "stage: visitor",
        "stage: Visitor One",
        [
            "3: stage: 'Visitor One' cannot stand here. Use lower-case letters a-z, digits, - and _, without spaces or accents."
        ],
    ),
    (
        "email: hello",
        "email: 3",
        ["6: steps[0].email: this must be text. Write a word; put quotes around numbers."],
    ),
    (
        "{event: click, of: hello, within",
        "{of: hello, within",
        [
            "8: steps[1].wait_for: nothing is named to wait for. Write `event: click` or `when: {…}`."
        ],
    ),
    (
        "email: thanks",
        "wait: {}",
        ["10: steps[2].wait: nothing is said to wait for. Write `wait: 2d`."],
    ),
    ("email: thanks", "wait: 0d", ["10: steps[2].wait: 0m is no time at all. Write at least 1m."]),
    (
        "email: thanks",
        "wait: 9999w",
        ["10: steps[2].wait: 9999w is longer than ten years. Write at most 3650d."],
    ),
    (
        "email: thanks",
        "passes: 0\n    exit: x",
        ["10: steps[2].passes: 0 is too small. Write 1 or more."],
    ),
    (
        "email: thanks",
        "branch: {cases: []}",
        ["10: steps[2].branch.cases: this list is empty. Write at least one item."],
    ),
    (
        "email: thanks",
        "branch: {cases: [{to: end}]}",
        ["10: steps[2].branch.cases[0].when: `when` is missing. Add `when: …`."],
    ),
    (
        "stage: visitor",
        "stage: visitor\nentry: {did: click, at_least: 0}",
        ["4: entry.at_least: 0 is too small. Write 1 or more."],
    ),
    (
        "stage: visitor",
        "stage: visitor\nentry: {bant: money, is: yes}",
        ["4: entry.bant: 'money' is not known here. Write one of authority, budget, need, timing."],
    ),
    (
        "  - key: thanks\n    email: thanks\n",
        "  - hello\n",
        ["9: steps[2]: this is not a step. Write for example {key: hello, email: welcome}."],
    ),
    (SEQUENCE, "[]\n", ["1: this must be a group of keys. Write `key: value` lines, indented."]),
    (SEQUENCE, "", ["1: the file is empty. Write a campaign in it."]),
    (STEPS, "steps: []\n", ["4: steps: this list is empty. Write at least one item."]),
]


@pytest.mark.parametrize(("right", "wrong", "told"), CASES)
def test_a_mistake_is_told_with_its_line_and_its_remedy(
    right: str, wrong: str, told: list[str]
) -> None:
    assert right in SEQUENCE
    expected = [f"welcome.yaml:{line}" for line in told]
    assert mistakes(SEQUENCE.replace(right, wrong, 1)) == expected


def test_all_mistakes_of_a_file_are_told_at_once_and_in_the_order_of_its_lines() -> None:
    text = SEQUENCE.replace("stage:", "stege:").replace("email: hello", "emial: hello")
    text = text.replace("within: 3d", "within: later")
    told = mistakes(text)
    assert [line.split(": ")[0] for line in told] == [f"welcome.yaml:{n}" for n in (3, 6, 8)]


def test_a_sequence_without_mistakes_has_none() -> None:
    assert mistakes(SEQUENCE) == []
