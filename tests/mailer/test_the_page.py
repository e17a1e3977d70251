"""docs/emails.md promises a language; what it shows compiles, and what it lists exists."""

import re
from pathlib import Path

from nurture.mailer.filters import FILTERS
from nurture.mailer.preview import preview
from tests.mailer.samples import MERGE, compiled

PAGE = (Path(__file__).parents[2] / "docs" / "emails.md").read_text(encoding="utf-8")


def test_the_example_of_the_page_is_an_email(tmp_path: Path) -> None:
    example = re.search(r"```mjml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    email = compiled(tmp_path, example[1])
    shown = preview(email, {**MERGE, "event": {"items": [{"name": "Áo", "price": 1000}]}})
    assert "Áo: ₫1,000" in shown.text
    assert "Read the guide (https://example.com/guide)" in shown.text
    assert "teams like" not in shown.text
    assert preview(email, {**MERGE, "event": {}}).text.startswith("Hi Ngọc,")


def test_the_page_lists_exactly_the_filters_there_are() -> None:
    table = PAGE.partition("## Filters")[2].partition("Lists of things")[0]
    cells = re.findall(r"^\| [\w ]+ \| (.*) \|$", table, re.MULTILINE)[1:]
    listed = {
        word for cell in cells for word in re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", cell))
    }
    assert listed == set(FILTERS)
