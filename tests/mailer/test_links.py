"""Slots filled for one send: tokens, personal destinations, and what happens to unsafe ones."""

import html
import re
from pathlib import Path

import pytest

from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.links import Links
from nurture.mailer.render import Rendered, Renderer
from nurture.tracking.tokens import Purpose, Sealed, Tokens
from tests.mailer.samples import MERGE, compiled, mjml

TOKENS = Tokens(bytes(range(32)))
LINKS = Links("https://t.example.com/", TOKENS, site="https://lotus.example/")
CLICK = re.compile(r"https://t\.example\.com/c/([\w-]+)/(\d+)(?:/([\w-]+))?")


def filled(email: CompiledEmail, *, tracked: bool = True, **merge: object) -> Rendered:
    rendered = Renderer().render(email, {**MERGE, **merge})
    return LINKS.fill(rendered, email, 3, 9, tracked=tracked)


def test_every_link_opens_to_this_send_and_both_parts_share_its_number(tmp_path: Path) -> None:
    email = compiled(tmp_path, mjml('<a href="https://a.example/?x=1&amp;y=2">A</a>'))
    done = filled(email)
    for part, indexes in ((done.html, ["1", "0"]), (done.text, ["1"])):
        clicks = CLICK.findall(part)
        assert [index for _, index, _ in clicks] == indexes
        assert {TOKENS.open(Purpose.CLICK, token) for token, _, _ in clicks} == {Sealed(3, 9)}
    (opened,) = re.findall(r"https://t\.example\.com/o/([\w-]+)\.gif", done.html)
    assert TOKENS.open(Purpose.OPEN, opened) == Sealed(3, 9)
    assert "\x02" not in done.html + done.text
    assert done.warnings == ()


def test_our_own_pages_are_sealed_by_their_own_purpose() -> None:
    unsubscribe = LINKS.unsubscribe_url(3, 9).removeprefix("https://t.example.com/u/")
    confirm = LINKS.confirm_url(3, 9).removeprefix("https://t.example.com/confirm/")
    assert TOKENS.open(Purpose.CONFIRM, confirm) == Sealed(3, 9)
    view = LINKS.view_url(3, 9).removeprefix("https://t.example.com/v/")
    assert TOKENS.open(Purpose.UNSUBSCRIBE, unsubscribe) == Sealed(3, 9)
    assert TOKENS.open(Purpose.VIEW, view) == Sealed(3, 9)
    assert TOKENS.open(Purpose.VIEW, unsubscribe) is None


@pytest.mark.parametrize("value", ["a&b=<c>\"'", "Ngọc ạ", "&amp;copy=1", "%2F+%20", "x#y?z"])
def test_a_personal_destination_arrives_exactly_as_it_renders(tmp_path: Path, value: str) -> None:
    body = mjml('<a href="https://a.example/?q={{ contact.q }}&amp;copy=2&amp;z=é">A</a>')
    email = compiled(tmp_path, body)
    done = filled(email, contact={"q": value})
    true = filled(email, contact={"q": value}, tracked=False)
    assert re.search(r'href="(https://a[^"]*)"', true.html)
    for part, direct in ((done.html, html.unescape(true.html)), (done.text, true.text)):
        sealed = next(found[3] for found in CLICK.finditer(part) if found[2] == "1")
        url = TOKENS.open_url(Purpose.CLICK, 9, sealed)
        assert url is not None
        assert url in direct
        assert url.startswith("https://a.example/?q=")
        assert url.endswith("&copy=2&z=%C3%A9")


@pytest.mark.parametrize(
    "value",
    [
        "javascript:alert(1)",
        "JAVASCRIPT:alert(1)",
        "\tjava\nscript:alert(1)",
        "data:text/html,x",
        "//evil.example",
        "https://u@bank.example/",
        "vbscript:x",
        "/relative",
        "https://a.example/" + "x" * 5000,
    ],
)
@pytest.mark.parametrize("mark", ["", " data-notrack"])
def test_an_unsafe_destination_becomes_the_site_and_is_reported(
    tmp_path: Path, value: str, mark: str
) -> None:
    mark = mark and ' data-notrack="1"'
    email = compiled(tmp_path, mjml(f'<a href="{{{{ contact.website }}}}"{mark}>A</a>'))
    for tracked in (True, False):
        done = filled(email, tracked=tracked, contact={"website": value})
        assert not re.search(r'href="\s*(?:java|data|vb|//)', done.html, re.IGNORECASE)
        assert len(done.warnings) == 1
        assert value.strip()[:20].split()[0] in done.warnings[0].encode().decode("unicode_escape")
        assert done.html.count('href="https://lotus.example/"') == (not tracked or mark != "")
        for found in CLICK.finditer(done.html):
            if found[3]:
                url = TOKENS.open_url(Purpose.CLICK, 9, found[3])
                assert url == "https://lotus.example/"


def test_links_of_a_loop_keep_their_own_destinations_and_are_checked(tmp_path: Path) -> None:
    body = mjml('{% for i in event.items %}<a href="{{ i.url }}">{{ i.name }}</a>{% endfor %}')
    items = [
        {"name": "a", "url": "https://shop.example/a?x=1&y=2"},
        {"name": "b", "url": "javascript:alert(1)"},
    ]
    done = filled(compiled(tmp_path, body), event={"items": items})
    for part in (done.html, done.text):
        sealed = [found[3] for found in CLICK.finditer(part) if found[2] == "1"]
        assert [TOKENS.open_url(Purpose.CLICK, 9, each) for each in sealed] == [
            "https://shop.example/a?x=1&y=2",
            "https://lotus.example/",
        ]
    assert "javascript" in done.warnings[0]


def test_a_field_cannot_write_a_slot(tmp_path: Path) -> None:
    email = compiled(tmp_path, mjml('{{ contact.x }} <a href="https://a.example">A</a>'))
    done = filled(email, contact={"x": "\x02c1\x03 \x02d\x1fjavascript:x\x03"})
    assert len(CLICK.findall(done.html)) == 2
    assert "c1 djavascript:x" in done.html


def test_an_untracked_email_says_nothing_of_its_reader(tmp_path: Path) -> None:
    body = mjml('<a href="https://a.example/?x=1&amp;y=2">A</a>')
    done = filled(compiled(tmp_path, body), tracked=False)
    assert 'href="https://a.example/?x=1&amp;y=2"' in done.html
    assert "A (https://a.example/?x=1&y=2)" in done.text
    assert "/o/" not in done.html
    assert "/c/" not in done.html
    assert "tabindex" not in done.html
