"""The page about the core names tests that exist, and no paragraph goes without one."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "engine.md").read_text("utf-8")
NAMED = re.compile(r"`(?:(tests/[a-z_/]+\.py)::)?(test_[a-z_]+)`")


def test_every_test_the_page_names_exists() -> None:
    file, missing, found = "", [], 0
    for named in NAMED.finditer(PAGE):
        file = named[1] or file
        found += 1
        if f"def {named[2]}(" not in (ROOT / file).read_text("utf-8"):
            missing.append(f"{file}::{named[2]}")
    assert missing == []
    assert found > 50


def test_every_promise_of_the_page_names_its_test() -> None:
    body = PAGE.split("\n## ", 1)[1]
    paragraphs = [one for one in body.split("\n\n") if "\n" in one and not one.startswith("#")]
    assert [one for one in paragraphs if "\n→ `tests/" not in one] == []


def test_the_page_follows_the_rules_in_their_order() -> None:
    numbers = [int(one) for one in re.findall(r"^## (\d+)\. ", PAGE, re.MULTILINE)]
    assert numbers == list(range(1, 12))
