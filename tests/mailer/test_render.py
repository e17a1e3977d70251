"""Rendering for one contact: fields first, escaping, languages, and failures by name."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.render import Rendered, Renderer, TemplateFailed
from tests.mailer.samples import MERGE, bare


def html_of(template: str, **merge: object) -> str:
    return Renderer().render(bare(html=template), {**MERGE, **merge}).html


def text_of(template: str, **merge: object) -> str:
    return Renderer().render(bare(text=template), {**MERGE, **merge}).text


def test_a_merge_field_named_like_a_method_is_the_field() -> None:
    contact = {"items": "three", "keys": "two", "get": "got", "pop": "pip", "update": "new"}
    template = "{{ contact.items }} {{ contact.keys }} {{ contact['get'] }} {{ contact.pop }}"
    assert text_of(template, contact=contact) == "three two got pip"


def test_fields_are_escaped_in_html_only() -> None:
    email = bare(subject="{{ contact.n }}", html="{{ contact.n }}", text="{{ contact.n }}")
    rendered = Renderer().render(email, {**MERGE, "contact": {"n": "<b>&\"'"}})
    assert rendered == Rendered("<b>&\"'", "&lt;b&gt;&amp;&#34;&#39;", "<b>&\"'")


@pytest.mark.parametrize(
    "template",
    [
        "{{ contact.n ~ contact.n }}",
        "{{ contact.n + '' }}",
        "{{ contact.n | e }}",
        "{{ contact.n | replace('x', contact.n) }}",
        "{{ [] | join('x') ~ contact.n }}",
        "{{ contact.n | upper | lower | trim | string }}",
        "{% set x = contact.n %}{{ x }}",
        "{% for c in [1, 2] %}{{ contact.n }}{% endfor %}",
        "{{ contact.missing | default(contact.n) }}",
        "{{ contact.list | join(contact.n) }}",
        "{{ contact.list | first }}",
        "{{ contact.n if contact.n else '' }}",
    ],
)
def test_no_way_around_escaping(template: str) -> None:
    shown = html_of(template, contact={"n": "<script>", "list": ["<script>", "<script>"]})
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown.lower()


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_default_stands_in_for_missing_empty_and_blank_fields(value: object) -> None:
    assert text_of("{{ contact.x | default('bạn') }}", contact={"x": value}) == "bạn"
    assert text_of("{{ contact.y | default('bạn') }}", contact={"x": value}) == "bạn"


def test_zero_is_a_value_and_needs_no_default() -> None:
    assert text_of("{{ contact.x | default('none') }}", contact={"x": 0}) == "0"


@pytest.mark.parametrize(
    "template",
    [
        "{{ contact.nick }}",
        "{{ contact.nick | upper }}",
        "{% for x in contact.nick %}{% endfor %}",
        "{{ contact.nick.deeper }}",
        "{{ contact.nick | date }}",
        "{{ contact.nick + 1 }}",
        "{{ contact.nick > 3 }}",
    ],
)
@pytest.mark.parametrize("contact", [{}, {"nick": None}])
def test_a_missing_field_fails_the_email_and_is_named(template: str, contact: object) -> None:
    with pytest.raises(TemplateFailed) as caught:
        text_of(template, contact=contact)
    assert "nick" in caught.value.reason
    assert "sample (en), text" in str(caught.value)


def test_a_missing_field_is_false_in_conditions_and_equal_to_nothing() -> None:
    template = (
        "{% if contact.x %}a{% else %}b{% endif %}{% if contact.x == 'y' %}c{% endif %}"
        "{% if contact.x != 'y' %}d{% endif %}{% if contact.x is defined %}e{% endif %}"
        "{% if contact.x in ['y', 'z'] %}f{% endif %}{% if not contact.x %}g{% endif %}"
    )
    assert text_of(template, contact={}) == "bdg"


@pytest.mark.parametrize("template", ["{{ contact }}", "{{ contact.list }}", "{{ event }}"])
def test_whole_lists_and_dictionaries_are_never_printed(template: str) -> None:
    with pytest.raises(TemplateFailed, match="cannot be printed"):
        text_of(template, contact={"list": [1]}, event={"a": 1})


def test_control_characters_of_fields_never_reach_a_part() -> None:
    dirty = "a\x02c1\x03\x00b\x1fc\x7f\u0085\ud800d"
    assert text_of("{{ contact.x }}", contact={"x": dirty}) == "ac1bc\ufffdd"
    subject = bare(subject="Hi {{ contact.x }}")
    injected = "x\r\nBcc: victim@example.com\x00\n\ty"
    rendered = Renderer().render(subject, {**MERGE, "contact": {"x": injected}})
    assert rendered.subject == "Hi x Bcc: victim@example.com y"


def test_a_subject_that_renders_to_nothing_fails() -> None:
    with pytest.raises(TemplateFailed, match="it is empty"):
        Renderer().render(bare(subject="{{ contact.x }}"), {**MERGE, "contact": {"x": " \n"}})


@pytest.mark.parametrize(
    ("language", "template", "value", "expected"),
    [
        ("vi", "{{ v | money }}", 1500000, "1.500.000\xa0₫"),
        ("en", "{{ v | money('VND') }}", "1500000", "₫1,500,000"),
        ("en", "{{ v | money }}", Decimal("19.9"), "$19.90"),
        ("vi", "{{ v | money('USD') }}", 19.9, "19,90\xa0US$"),
        ("vi", "{{ v | number }}", 1234567.5, "1.234.567,5"),
        ("en", "{{ v | number(2) }}", 1234567, "1,234,567.00"),
        ("vi", "{{ v | date }}", date(2026, 11, 22), "22 tháng 11, 2026"),
        ("en", "{{ v | date('medium') }}", "2026-11-22", "Nov 22, 2026"),
        (
            "en",
            "{{ v | date('HH:mm, EEEE') }}",
            datetime(2026, 11, 22, 7, 5, tzinfo=UTC),
            "07:05, Sunday",
        ),
        ("xx", "{{ v | number }}", 1234, "1,234"),
    ],
)
def test_dates_numbers_and_money_follow_the_language(
    language: str, template: str, value: object, expected: str
) -> None:
    assert text_of(template, v=value, language=language) == expected


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{{ l | join(', ') }}", "b, a, b"),
        ("{{ l | unique | sort | join }}", "ab"),
        ("{{ l | first }}{{ l | last }}{{ l | length }}{{ l[1] }}", "bb3a"),
        ("{{ rows | map('p') | sum }}", "3"),
        ("{{ rows | sum('p') }}", "3"),
        ("{% for row in rows | sort('p', reverse=true) %}{{ row.n }}{% endfor %}", "yx"),
        ("{% for pair in l | batch(2) %}[{{ pair | join }}]{% endfor %}", "[ba][b]"),
        ("{% for k, v in rows[0] | items %}{{ k }}={{ v }};{% endfor %}", "n=x;p=1;"),
        ("{{ 'một hai ba' | truncate(8) }}", "một hai…"),
        ("{{ 'a b' | title }}{{ ' x ' | trim }}{{ 'a/é' | urlencode }}", "A Bxa%2F%C3%A9"),
        (
            "{{ 7 // 2 }}{{ 7 % 4 }}{{ 2.456 | round(1) }}{{ -3 | abs }}{{ '4' | int + 1 }}",
            "332.535",
        ),
        ("{% for x in l if x == 'b' %}{{ loop.index }}{{ loop.last }}{% endfor %}", "1False2True"),
        ("{% for x in l %}{{ loop.cycle('-', '+') }}{% endfor %}", "-+-"),
        ("{% for x in [] %}{% else %}none{% endfor %}", "none"),
        ("{% with a = l[0] %}{{ a }}{% endwith %}", "b"),
    ],
)
def test_the_language_does_what_its_page_says(template: str, expected: str) -> None:
    shown = text_of(template, l=["b", "a", "b"], rows=[{"n": "x", "p": 1}, {"n": "y", "p": 2}])
    assert shown == expected


def test_compiled_templates_are_kept_and_the_oldest_makes_room() -> None:
    renderer = Renderer(capacity=2)
    emails = [CompiledEmail("e", "en", "s", f"{n}", "t") for n in range(5)]
    for email in emails * 2:
        assert renderer.render(email, MERGE).html == email.html
    assert len(renderer._cache) == 2
