"""How errors and problems print, which is what people see of them."""

import pickle
from datetime import timedelta

import pytest

from nurture.errors import Invalid, NurtureError, Problem, Retryable


@pytest.mark.parametrize(
    ("problem", "printed"),
    [
        (Problem("no such key", "Remove it."), "no such key. Remove it."),
        (Problem("bad", "Mend it.", file="a.yaml"), "a.yaml: bad. Mend it."),
        (
            Problem("bad", "Mend it.", file="a.yaml", line=3, field="wait"),
            "a.yaml:3: wait: bad. Mend it.",
        ),
        (Problem("Is that so?", "Look again."), "Is that so? Look again."),
        (Problem("bad", ""), "bad."),
    ],
)
def test_a_problem_prints_its_place_its_message_and_its_remedy(
    problem: Problem, printed: str
) -> None:
    assert str(problem) == printed


def test_an_error_prints_its_remedy_on_a_line_of_its_own() -> None:
    assert str(NurtureError("it broke", remedy="Mend it.")) == "it broke\nMend it."
    assert str(NurtureError("it broke")) == "it broke"


def test_one_problem_is_the_message_and_several_are_counted() -> None:
    one, other = Problem("bad", "Mend it."), Problem("worse", "Leave it.")
    assert str(Invalid.because([one], of="a.yaml")) == "a.yaml: bad. Mend it."
    several = Invalid.because([one, other], of="a.yaml")
    assert str(several) == "a.yaml: 2 problems were found"
    assert several.__notes__ == ["bad. Mend it.", "worse. Leave it."]


def test_an_error_keeps_what_it_carries_when_it_crosses_processes() -> None:
    error = Retryable("later", remedy="Wait.", after=timedelta(seconds=5))
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 (our own bytes)
    assert (str(copy), copy.after) == (str(error), timedelta(seconds=5))
