"""Links: counted where a recipient may click, and not an octet changed beside them."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from selectolax.lexbor import LexborHTMLParser

from nurture.errors import Invalid
from nurture.tracking.links import (
    OPEN_SLOT,
    SLOT,
    Link,
    Rewritten,
    click_slot,
    honeypot_html,
    pixel_html,
    rewrite_html,
    rewrite_text,
)


def shown(rewritten: Rewritten) -> str:
    """The text with every slot as its number in angle signs that a person can read."""
    return SLOT.sub(lambda slot: f"«{slot[1]}»", rewritten.text)


def urls(html: str) -> list[str]:
    return [link.url for link in rewrite_html(html).links]


@pytest.mark.parametrize(
    ("html", "told", "url"),
    [
        ('<a href="https://a.vn/x">', '<a href="«1»">', "https://a.vn/x"),
        ("<a href='https://a.vn/x'>", "<a href='«1»'>", "https://a.vn/x"),
        ("<a href=https://a.vn/x>", "<a href=«1»>", "https://a.vn/x"),
        ("<a href=https://a.vn/x/>", "<a href=«1»>", "https://a.vn/x/"),
        ('<A\n HREF = "https://a.vn"\tid=x>', '<A\n HREF = "«1»"\tid=x>', "https://a.vn"),
        ('<area shape=rect href="https://a.vn"/>', '<area shape=rect href="«1»"/>', "https://a.vn"),
        ('<a/href="https://a.vn">', '<a/href="«1»">', "https://a.vn"),
        ('<a title="x"href="https://a.vn">', '<a title="x"href="«1»">', "https://a.vn"),
        ('<a title=">" href="https://a.vn">', '<a title=">" href="«1»">', "https://a.vn"),
        ('<a href=" https://a.vn\n">', '<a href="«1»">', "https://a.vn"),
        ('<a href="HTTPS://A.vn">', '<a href="«1»">', "HTTPS://A.vn"),
        ('<a href="https://a.vn/b\nc">', '<a href="«1»">', "https://a.vn/bc"),
        ('<a href="https://a.vn?x=%2F+%20#f/?g">', '<a href="«1»">', "https://a.vn?x=%2F+%20#f/?g"),
        ('<a = href="https://a.vn">', '<a = href="«1»">', "https://a.vn"),
        ("a < b <a href='https://a.vn'>", "a < b <a href='«1»'>", "https://a.vn"),
        ("<!DOCTYPE html><a href='https://a.vn'>", "<!DOCTYPE html><a href='«1»'>", "https://a.vn"),
        ("<?x '?><a href='https://a.vn'>", "<?x '?><a href='«1»'>", "https://a.vn"),
        ("<!--><a href='https://a.vn'>", "<!--><a href='«1»'>", "https://a.vn"),
        ("<!---><a href='https://a.vn'>", "<!---><a href='«1»'>", "https://a.vn"),
        ("<!-- x --!><a href='https://a.vn'>", "<!-- x --!><a href='«1»'>", "https://a.vn"),
        ("</p class='<a'><a href='https://a.vn'>", "</p class='<a'><a href='«1»'>", "https://a.vn"),
        (
            "<title><a href='https://no.vn'></TITLE ><a href='https://a.vn'>",
            "<title><a href='https://no.vn'></TITLE ><a href='«1»'>",
            "https://a.vn",
        ),
        (
            "<style>a::before{content:'<a href=\"https://no.vn\">'}</style><a href='https://a.vn'>",
            "<style>a::before{content:'<a href=\"https://no.vn\">'}</style><a href='«1»'>",
            "https://a.vn",
        ),
    ],
)
def test_a_link_is_found_however_it_is_spelled(html: str, told: str, url: str) -> None:
    rewritten = rewrite_html(html)
    assert shown(rewritten) == told
    assert rewritten.links == (Link(1, url, personal=False, position=1),)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<a>",
        "<a href>",
        '<a href="">',
        '<a href=" ">',
        "<a href=>",
        '<a href="#top">',
        '<a href="/path">',
        '<a href="path?href=https://a.vn">',
        '<a href="//a.vn/x">',
        '<a href="https:a.vn">',
        '<a href="https:///a.vn">',
        '<a href="mailto:a@a.vn?body=https://a.vn">',
        '<a href="mailto:{{ sender.email }}">',
        '<a href="tel:+84123">',
        '<a href="sms:+84123">',
        '<a href="cid:logo">',
        '<a href="data:text/html,https://a.vn">',
        "<a href=\"javascript:open('https://a.vn')\">",
        '<a href="http{{ s }}://a.vn">',
        '<a href="{{ unsubscribe_url }}">',
        '<a href="{{view_url}}">',
        '<a href="{{- preferences_url|safe -}}">',
        '<a href="{{ unsubscribe_url }}?reason=1">',
        '<a href="{% if unsubscribe_url %}{{ unsubscribe_url }}{% endif %}">',
        '<a data-href="https://a.vn" xhref="https://a.vn">',
        '<link href="https://a.vn/x.css">',
        '<base href="https://a.vn/">',
        '<img src="https://a.vn/x.png">',
        '<abbr href="https://a.vn">',
        '</a href="https://a.vn">',
        '</<a href="https://a.vn">',
        '</ <a href="https://a.vn"',
        '<a href="#x" href="https://a.vn">',
        '<a title="href=https://a.vn">',
        "<a title='<a href=\"https://a.vn\">'>",
        '<!-- <a href="https://a.vn"> -->',
        '<!-- <a href="https://a.vn">',
        '<!--[if mso>--><!--[x]><a href="https://a.vn">-->',
        '<script><a href="https://a.vn"></script>',
        '<textarea><a href="https://a.vn">',
        "<a href='https://a.vn",
        '<a href="https://a.vn"',
        '<a href="https://a.vn" title="never closed>',
        '<a href="https://a.vn" title=',
        "<!x <a href='https://a.vn'",
        "{# <a href='https://a.vn'> #}",
        "{{ \"<a href='https://a.vn'>\" }}",
        "{% set x = \"<a href='https://a.vn'>\" %}",
        "<",
        "<a ",
    ],
)
def test_what_is_no_link_to_the_web_stays_as_it_is(html: str) -> None:
    assert rewrite_html(html) == Rewritten(html, ())


@pytest.mark.parametrize(
    ("spelled", "url"),
    [
        ("https://a.vn?x=1&amp;y=2", "https://a.vn?x=1&y=2"),
        ("https://a.vn?x=1&y=2", "https://a.vn?x=1&y=2"),
        ("https://a.vn?x=1&amp;amp;y=2", "https://a.vn?x=1&amp;y=2"),
        ("https://a.vn?x=1&#038;y=2", "https://a.vn?x=1&y=2"),
        ("https://a.vn?x=1&#x26;y=2", "https://a.vn?x=1&y=2"),
        ("https://a.vn?x=1&copy=2", "https://a.vn?x=1&copy=2"),
        ("https://a.vn?x=1&copyright=2", "https://a.vn?x=1&copyright=2"),
        ("https://a.vn?x=&copy;", "https://a.vn?x=©"),
        ("https://a.vn?x=&copy", "https://a.vn?x=©"),
        ("https://a.vn?x=1&amp&y", "https://a.vn?x=1&&y"),
        ("https://a.vn?x=1&nosuch;y", "https://a.vn?x=1&nosuch;y"),
        ("https://a.vn?x=1&y", "https://a.vn?x=1&y"),
        ("&#104;ttps://a.vn", "https://a.vn"),
        ("https&colon;//a.vn", "https://a.vn"),
        ("https://a.vn/{{ x }}&amp;{{ y }}", "https://a.vn/{{ x }}&{{ y }}"),
        ("https://a.vn/{{ '&amp;' }}&amp;z", "https://a.vn/{{ '&amp;' }}&z"),
    ],
)
def test_entities_are_decoded_once_and_outside_of_merge_fields(spelled: str, url: str) -> None:
    assert urls(f'<a href="{spelled}">') == [url]


@pytest.mark.parametrize(
    "url",
    [
        "{{ contact.site }}",
        "{{ contact.site }}/path",
        "{{contact['a>b']}}",
        '{{ contact.site|default("https://a.vn/}}") }}',
        "{% if contact.vip %}https://a.vn{% else %}https://b.vn{% endif %}",
        "https://a.vn/?id={{ contact.id }}&x=1",
        "https://{{ contact.host }}/x",
        "https://a.vn/{# why #}x",
        "https://a.vn/{% include 'path' %}",
        "{{ event.unsubscribe_url }}",
        "{{ 'unsubscribe_url' }}",
    ],
)
def test_a_link_with_merge_fields_is_personal_and_kept_as_written(url: str) -> None:
    for quote in ('"', "'", ""):
        html = f"{{% if a > b %}}<a title=}}}} href={quote}{url}{quote} id=x>"
        rewritten = rewrite_html(html)
        assert rewritten.links == (Link(1, url, personal=True, position=1),)
        assert rewritten.text == html.replace(url, click_slot(1))


@pytest.mark.parametrize(
    "field",
    ['{{ x["a"] }}', "{{ x['a>'] }}", '{{ "\\"}}" }}', "{{ a }b }}", "{% if '%}' %}{% endif %}"],
)
def test_a_merge_field_is_opaque_even_with_quotes_and_closing_signs(field: str) -> None:
    rewritten = rewrite_html(f'<a href="{field}" title="{field}">{field}<a href="https://a.vn">')
    assert [link.url for link in rewritten.links] == [field, "https://a.vn"]


def test_a_merge_field_that_never_closes_hides_nothing_else() -> None:
    assert urls('{{ a <a href="https://a.vn"> {{ b }} {% c <a href="https://b.vn"> {% d %}') == [
        "https://a.vn",
        "https://b.vn",
    ]
    assert urls('{{ open <a href="https://a.vn">') == ["https://a.vn"]


def test_a_block_tag_may_choose_the_attribute() -> None:
    html = (
        '<a {% if a > "b" %}href="https://a.vn"{% else %}href="https://b.vn"{% endif %}>'
        '<a {{ attributes }}="x > y" href="https://c.vn">'
        "<a href=https://d.vn{% if x %} id=y{% endif %}>"
    )
    rewritten = rewrite_html(html)
    assert [link.url for link in rewritten.links] == [
        "https://a.vn",
        "https://b.vn",
        "https://c.vn",
    ]
    assert "href=https://d.vn{% if x %} id=y" in rewritten.text


@pytest.mark.parametrize(
    ("html", "kept"),
    [
        ("{% set out = unsubscribe_url %}<a href='{{ out }}'>", 0),
        ("{% set out = unsubscribe_url ~ '?x' %}<a href='{{ out }}&y=1'>", 0),
        ("{%- with out = view_url %}<a href='{{ out }}'>{% endwith %}", 0),
        ("{% set out = view_url %}<a href='{{ contact.out }}'>", 1),
        ("{% set site = contact.view_url %}<a href='{{ site }}'>", 1),
        ("{% set site = 'https://a.vn' %}<a href='{{ site }}'>", 1),
        ("{% if a %}<a href='https://a.vn{% endif %}'>", 0),
        ("<a href='https://a.vn/{% else %}'>", 0),
        ("<a href='https://a.vn/{% if x %}y'>", 0),
        ("<a href='https://a.vn/{% if x %}y{% elif z %}w{% endif %}'>", 1),
        ("{% for item in items %}<a href='https://a.vn/{{ item.id }}'>{% endfor %}", 1),
    ],
)
def test_aliases_of_our_own_pages_and_torn_addresses_are_left_alone(html: str, kept: int) -> None:
    rewritten = rewrite_html(html)
    assert len(rewritten.links) == kept
    assert (rewritten.text == html) is (kept == 0)


@pytest.mark.parametrize(
    ("html", "told"),
    [
        ('<a data-notrack href="https://a.vn">', '<a href="https://a.vn">'),
        ('<a href="https://a.vn" data-notrack>', '<a href="https://a.vn">'),
        ('<a href="https://a.vn" data-notrack="" id=x>', '<a href="https://a.vn" id=x>'),
        ("<a href='https://a.vn'\n DATA-NOTRACK = 'yes'>", "<a href='https://a.vn'\n>"),
        ('<a href="https://a.vn"data-notrack="1"/>', '<a href="https://a.vn"/>'),
        ("<a data-notrack href='#x'>", "<a href='#x'>"),
        ("<a{% if x %} data-notrack{% endif %} href='https://a.vn'>", None),
        (
            "<p data-notrack><a data-notracker href='#'>",
            "<p data-notrack><a data-notracker href='#'>",
        ),
    ],
)
def test_a_link_marked_so_is_not_counted_and_the_mark_goes(html: str, told: str | None) -> None:
    told = "<a{% if x %}{% endif %} href='https://a.vn'>" if told is None else told
    assert rewrite_html(html) == Rewritten(told, ())


def test_one_destination_at_two_places_has_an_index_at_each() -> None:
    html = '<a href="https://a.vn"><a href="https://b.vn"><a href="https://a.vn">'
    rewritten = rewrite_html(html)
    assert shown(rewritten) == '<a href="«1»"><a href="«2»"><a href="«3»">'
    assert rewritten.links == (
        Link(1, "https://a.vn", personal=False, position=1),
        Link(2, "https://b.vn", personal=False, position=1),
        Link(3, "https://a.vn", personal=False, position=2),
    )


def test_the_button_that_only_outlook_sees_shares_the_index_of_the_other() -> None:
    html = (
        '<a href="https://a.vn?x=1&amp;y=2">first</a>'
        '<!--[if mso]><v:roundrect href="https://a.vn?x=1&y=2" arcsize="8%">'
        "<![endif]--><!--[if !mso]><!-->"
        '<a href="https://a.vn?x=1&amp;y=2">second</a><!--<![endif]-->'
        '<!--[if (gte mso 9)|(IE)]><v:rect href="https://a.vn?x=1&amp;y=2"><![endif]-->'
        "<!--[IF MSO]><style>a{}</style><a href='https://only.vn'><![endif]-->"
        '<a href="https://b.vn">'
        "<!--[if mso]><a href='mailto:a@a.vn'><a data-notrack href='https://b.vn'><![endif]-->"
    )
    rewritten = rewrite_html(html)
    assert [link.url for link in rewritten.links] == [
        "https://a.vn?x=1&y=2",
        "https://a.vn?x=1&y=2",
        "https://b.vn",
        "https://only.vn",
    ]
    assert [slot[1] for slot in SLOT.finditer(rewritten.text)] == ["1", "2", "2", "2", "4", "3"]
    assert "<a href='mailto:a@a.vn'><a href='https://b.vn'>" in rewritten.text


def test_what_a_comment_for_outlook_opens_never_reaches_beyond_it() -> None:
    html = "<!--[if mso]><style><a title='<![endif]--><a href='https://a.vn'>"
    assert shown(rewrite_html(html)) == html.replace("https://a.vn", "«1»")
    open_end = "<!--[if mso]><a href='https://a.vn'>"
    assert shown(rewrite_html(open_end)) == open_end.replace("https://a.vn", "«1»")


@pytest.mark.parametrize("sign", ["\x02", "\x03"])
def test_a_template_that_holds_slots_already_is_refused(sign: str) -> None:
    with pytest.raises(Invalid, match="control characters"):
        rewrite_html(f"<p>{sign}c1</p>")


def test_the_hidden_link_and_the_pixel_hold_their_slots_and_say_nothing() -> None:
    tree = LexborHTMLParser(honeypot_html() + pixel_html())
    link, image = tree.css_first("a"), tree.css_first("img")
    assert link is not None
    assert image is not None
    assert link.attributes["href"] == click_slot(0)
    assert link.attributes["tabindex"] == "-1"
    assert link.attributes["aria-hidden"] == "true"
    assert "display" not in honeypot_html()
    assert image.attributes["src"] == OPEN_SLOT
    assert image.attributes["alt"] == ""
    assert image.attributes["width"] == image.attributes["height"] == "1"
    assert [slot[1] for slot in SLOT.finditer(honeypot_html() + pixel_html())] == ["0", None]


# Pieces of markup glued together at random: whatever comes out must be what a browser sees.
PIECES = [
    '<a href="https://a.vn/1?x=1&amp;y=2">',
    "<a href='https://a.vn/2#f'>",
    "<a href=https://a.vn/3 id=x>",
    '<a class="x" href = "https://a.vn/4&copy=1">',
    '<area href="https://a.vn/5"/>',
    '<a title="> <a href=no" href="https://a.vn/6">',
    '<a href="mailto:a@a.vn">',
    '<a href="/relative">',
    "<p>",
    "</p>",
    "</a>",
    "<div class='a>b'>",
    "a < b & c > d",
    "<!-- <a href='https://no.vn'> -->",
    "<!-->",
    "<!--",
    "-->",
    "<style>a{content:'<a href=\"https://no.vn\">'}</style>",
    "<title>",
    "</title>",
    "<textarea>",
    "</textarea>",
    "<?php",
    "<!x>",
    '"',
    "'",
    "<a",
    "<",
    ">",
    "=",
    "/",
    " ",
    "tiếng Việt",
]


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
@example("<a title='<a href=\"https://a.vn\">'>")
def test_exactly_the_links_that_a_browser_sees_are_counted(html: str) -> None:
    tree = LexborHTMLParser(f"<body><div>{html}</div>", is_fragment=False)
    expected = sorted(
        url
        for node in tree.css("a[href], area[href]")
        if (url := (node.attributes["href"] or "").strip()).startswith("https://")
    )
    found = rewrite_html(f"<body><div>{html}</div>")
    # The tree repeats an anchor that is left open (the adoption agency), never invents one.
    assert set(expected) == {link.url for link in found.links}
    assert len(found.links) <= len(expected)


@given(st.lists(st.sampled_from([*PIECES, "{{ x }}", "{% if a > b %}", "{# > #}"]), max_size=14))
def test_nothing_but_the_destinations_changes(pieces: list[str]) -> None:
    html = "".join(pieces)
    rewritten = rewrite_html(html)
    by_index = {str(link.index): link.url for link in rewritten.links}
    assert [link.index for link in rewritten.links] == list(range(1, len(by_index) + 1))
    between = SLOT.split(rewritten.text)[::2]
    pattern = ".*?".join(re.escape(piece) for piece in between)
    assert re.fullmatch(pattern, html, re.DOTALL)
    assert SLOT.sub(lambda slot: by_index[slot[1]], rewritten.text).replace("&amp;", "&") == (
        html.replace("&amp;", "&")
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Xem https://a.vn/x.", "Xem «1»."),
        ("https://a.vn/x", "«1»"),
        ("(https://a.vn/x)", "(«1»)"),
        ("(xem https://vi.wiki/A_(b)).", "(xem «1»)."),
        ("<https://a.vn/x>,", "<«1»>,"),
        ('"https://a.vn/x"', '"«1»"'),
        ("[tin](https://a.vn/x)!", "[tin](«1»)!"),
        ("https://a.vn/x?! https://a.vn/y…", "«1»?! «2»…"),
        ("HTTP://A.vn/x;\nhttp://b.vn?q=1&r=2#f", "«1»;\n«2»"),
        ("https://a.vn/{{ contact.id }}/x, ok", "«1», ok"),
        ("https://a.vn/{{ contact.id }}.", "«1»."),
        ("{{ greeting }}https://a.vn", "{{ greeting }}«1»"),
        (
            "{% if x %}https://a.vn{% else %}https://b.vn{% endif %}.",
            "{% if x %}«1»{% else %}«2»{% endif %}.",
        ),
        ("https://a.vn{% if x %} và{% endif %}", "«1»{% if x %} và{% endif %}"),
        ("https://a.vn{# note #} ok", "«1»{# note #} ok"),
        ("https://a.vn/đường-dẫn nhé", "«1» nhé"),
    ],
)
def test_a_url_in_text_ends_where_a_reader_thinks_it_ends(text: str, told: str) -> None:
    assert shown(rewrite_text(text)) == told


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no link",
        "https://",
        "http://.",
        "xhttps://a.vn",
        "ftp://a.vn www.a.vn mailto:a@a.vn",
        "{{ unsubscribe_url }} {{ view_url }} {{ preferences_url }}",
        "https://a.vn/?back={{ unsubscribe_url }}",
        "{{ contact.site }}",
        "{{ 'https://a.vn' }} {# https://a.vn #} {% set x = 'https://a.vn' %}",
        "https://a.vn/{% if x %}y{% endif %}",
        "https://a.vn{% if x %}?y=1 z{% endif %}",
        "{% set out = view_url %}https://a.vn/{{ out }}",
        "\x1a \x1b",
    ],
)
def test_text_without_a_countable_url_stays_as_it_is(text: str) -> None:
    assert rewrite_text(text) == Rewritten(text, ())


def test_the_text_part_shares_the_indexes_of_the_html_part() -> None:
    html = rewrite_html(
        '<a href="https://a.vn?x=1&amp;y=2"><a href="{{ contact.site }}"><a href="https://b.vn">'
        '<a href="https://a.vn?x=1&amp;y=2">'
    )
    text = rewrite_text(
        "https://b.vn https://a.vn?x=1&y=2 {{ contact.site }}, https://a.vn?x=1&y=2\n"
        "https://a.vn?x=1&y=2 https://c.vn {{ contact.name }} https://c.vn",
        html.links,
    )
    assert shown(text) == "«3» «1» «2», «4»\n«4» «5» {{ contact.name }} «6»"
    assert text.links[:4] == html.links
    assert text.links[4:] == (
        Link(5, "https://c.vn", personal=False, position=1),
        Link(6, "https://c.vn", personal=False, position=2),
    )


@given(
    st.lists(
        st.sampled_from(
            ["https://a.vn/x", "https://b.vn/(y)", "https://c.vn/{{ z }}", "https://",
             " ", "\n", ". ", "(", ")", "{% if x %}", "{% endif %}", "{{ w }}", "tiếng Việt"]
        ),
        max_size=14,
    ).map("".join)
)  # fmt: skip
def test_filling_the_slots_of_a_text_with_their_urls_gives_the_text_back(text: str) -> None:
    rewritten = rewrite_text(text)
    by_index = {str(link.index): link.url for link in rewritten.links}
    assert SLOT.sub(lambda slot: by_index[slot[1]], rewritten.text) == text
