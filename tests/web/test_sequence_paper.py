"""A draft tried on paper: told in both languages, for a contact or somebody invented."""

import html
import re
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from nurture.engine import drafts
from nurture.engine.dependencies import Dependencies
from nurture.store import reports_contacts
from nurture.store.reports_contacts import Wanted
from tests.web.planted import engine, pages
from tests.web.test_sequences import LEAD, text

__all__ = ["engine", "pages"]

PAPER = f"{LEAD}/draft/paper"
CART = "/sequences/cart-reminder/draft/paper"


def asked(path: str = PAPER, /, **fields: object) -> str:
    given = {"go": 1, "contact": "", "days": 60, **fields}
    return f"{path}?{urlencode(given, doseq=True)}"


def test_an_invented_contact_walks_the_draft_and_nothing_is_written(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    with engine.database.read() as tx:
        before = reports_contacts.total(tx, Wanted())
    shown = text(signed_in, asked())
    assert re.search(r"Day 1 .*Entered “Lead nurture”", shown, re.DOTALL)
    assert "Decided to send “Here is your guide to the seven numbers”" in shown
    assert "someone@example.com" in shown
    with engine.database.read() as tx:
        assert reports_contacts.total(tx, Wanted()) == before
    assert not drafts.load(engine, "lead-nurture").saved


def test_what_is_assumed_changes_the_way(signed_in: FlaskClient) -> None:
    link = "https://lotusdesk.example/guides/seven-numbers/download"
    told = {"act": "clicks", "step": "welcome", "day": 5, "details": f"link={link}"}
    without, with_click = text(signed_in, asked()), text(signed_in, asked(**told))
    assert "Assumed: Clicked a link (step" in with_click
    assert "no, nothing happened in time" in without.partition("Day 1 ")[2]
    assert with_click != without
    assert re.search(r"answer at “\d+\. Wait for", without), "steps are called what they do"
    early = text(signed_in, asked(act="clicks", step="margin", day=1, details=""))
    assert "that email has not been sent by then" in early


def test_the_draft_is_what_is_tried(signed_in: FlaskClient, engine: Dependencies) -> None:
    draft = drafts.load(engine, "lead-nurture")
    steps = [{"key": "bye", "exit": "tried on paper"}]
    drafts.save(engine, "lead-nurture", {**draft.document, "steps": steps}, 0, "Lan",
                engine.clock.now())  # fmt: skip
    shown = text(signed_in, asked())
    assert "tried on paper" in shown
    assert "0 emails" in shown


def test_a_contact_is_found_and_tried(signed_in: FlaskClient, engine: Dependencies) -> None:
    with engine.database.read() as tx:
        one = reports_contacts.page(tx, Wanted(), limit=1).rows[0]
    found = text(signed_in, f"{PAPER}?q={one.email}")
    assert f'name="contact" value="{one.id}"' in found
    shown = text(signed_in, asked(contact=one.id))
    assert one.email in shown
    assert signed_in.get(asked(contact=10**9)).status_code == 404
    assert "Nobody is found for this." in text(signed_in, f"{PAPER}?q=nobody-like-this")


def test_what_cannot_be_tried_is_said_in_the_language_of_the_page(signed_in: FlaskClient) -> None:
    def vietnamese(path: str) -> str:
        return html.unescape(signed_in.get(path, headers={"Accept-Language": "vi"}).text)

    assert "phân biệt các lượt theo cart_id" in vietnamese(asked(CART))
    assert "không nêu email nào" in vietnamese(asked(act="clicks", step="", day=2, details=""))
    assert "không phải là thuộc tính" in vietnamese(asked(act="buys", step="", day=2, details="=="))
    assert "Vào chuỗi “" in vietnamese(asked(CART, given="cart_id=42 total=185000"))


def test_a_draft_that_cannot_be_read_says_so(signed_in: FlaskClient, engine: Dependencies) -> None:
    document = {**drafts.load(engine, "lead-nurture").document, "steps": [{"key": "a"}]}
    drafts.save(engine, "lead-nurture", document, 0, "Lan", engine.clock.now())
    assert "The draft cannot be read yet" in text(signed_in, PAPER)


@pytest.mark.parametrize("fields", [{"days": "x", "number": "-3"}, {"contact": "x"}, {"day": "x"}])
def test_an_odd_address_shows_the_page(signed_in: FlaskClient, fields: dict[str, str]) -> None:
    assert "What follows" in text(signed_in, asked(**fields))
