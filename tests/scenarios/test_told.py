"""What scenarios are for, and who does not play them, is told in the files themselves."""

import re
from pathlib import Path

import pytest

FEATURES = sorted(Path(__file__).parent.glob("*.feature"))
RULES = range(2, 12)


@pytest.mark.parametrize("path", FEATURES, ids=lambda path: path.stem)
def test_a_feature_names_the_complaints_that_it_answers(path: Path) -> None:
    told = path.read_text("utf-8").split("Scenario:", 1)[0].split("Background:", 1)[0]
    assert re.search(r"[a-z]+#\d+", told)


@pytest.mark.parametrize("path", FEATURES, ids=lambda path: path.stem)
def test_what_only_the_real_thing_plays_says_why(path: Path) -> None:
    text = path.read_text("utf-8")
    tagged = "@stored" in text
    assert tagged == ("by the real thing only" in re.sub(r"\s+", " ", text).lower())


def test_every_rule_has_its_file() -> None:
    assert {int(path.stem[:2]) for path in FEATURES} == set(RULES)
