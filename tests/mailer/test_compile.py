"""Publishing: what comes out for every contact, and every refusal by file, line and remedy."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nurture.errors import Invalid
from nurture.mailer.compile import compile_email
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.preview import preview
from nurture.mailer.variables import Variable
from nurture.tracking.links import HONEYPOT_INDEX, OPEN_SLOT, Link, click_slot
from tests.mailer.samples import FOOTER, MERGE, columns, compiled, mjml, written


def problems_of(
    root: Path, body: str, *, text: str | None = None, subject: str = "Hello"
) -> list[str]:
    with pytest.raises(Invalid) as caught:
        compiled(root, body, subject=subject, text=text)
    return [f"{Path(each.file).name}:{each.line}: {each.message}" for each in caught.value.problems]


def test_blocks_between_elements_of_mjml_repeat_and_hide_them(tmp_path: Path) -> None:
    email = compiled(
        tmp_path,
        "<mjml><mj-body>\n{% if contact.company %}<mj-section><mj-column>"
        "{% for item in event.items %}<mj-text>{{ loop.index }}: {{ item.name }}</mj-text>"
        "{% endfor %}</mj-column></mj-section>{% else %}<mj-section><mj-column>"
        "<mj-text>nobody</mj-text></mj-column></mj-section>{% endif %}"
        + FOOTER
        + "</mj-body></mjml>",
    )
    items = [{"name": "Áo"}, {"name": "<b>Quần</b>"}]
    shown = preview(email, {**MERGE, "contact": {"company": "Sao"}, "event": {"items": items}})
    assert "1: Áo" in shown.html
    assert "2: &lt;b&gt;Quần&lt;/b&gt;" in shown.html
    assert "nobody" not in shown.html
    assert "1: Áo\n" in shown.text
    assert "2: <b>Quần</b>\n" in shown.text
    hidden = preview(email, {**MERGE, "contact": {}})
    assert "nobody" in hidden.html
    assert hidden.html.count("<table") == hidden.html.count("</table>")


def test_comparisons_and_quotes_of_jinja_survive_mjml_and_css(tmp_path: Path) -> None:
    email = compiled(
        tmp_path,
        mjml(
            '<p class="x" title="{{ contact.first_name | default(\'a&b\') }}">'
            "{% if contact.score > 10 and contact.score < 20 %}mid{% endif %}"
            '{{ contact.first_name | default("<\'>") }}</p>'
        ),
    )
    assert "{% if contact.score > 10 and contact.score < 20 %}" in email.html
    shown = preview(email, {**MERGE, "contact": {"score": 15}})
    assert 'title="a&amp;b"' in shown.html
    assert "mid&lt;&#39;&gt;" in shown.html


def test_signs_of_markup_inside_strings_of_jinja_are_no_markup(tmp_path: Path) -> None:
    body = mjml(
        """<p title="{{ contact.x | default("}} <b> '") }}">{{ contact.y | d('<i>') }}</p>"""
    )
    shown = preview(compiled(tmp_path, body), {**MERGE, "contact": {}})
    assert 'title="}} &lt;b&gt; &#39;"' in shown.html
    assert "&lt;i&gt;</p>" in shown.html


def test_rows_of_a_table_repeat_inside_one_body(tmp_path: Path) -> None:
    email = compiled(
        tmp_path,
        columns(
            "<mj-table>{% for item in event.items %}<tr><td>{{ item.name }}</td>"
            "<td>{{ item.price }}</td></tr>{% endfor %}</mj-table>"
        ),
    )
    items = [{"name": "Áo", "price": 1}, {"name": "Quần", "price": 2}]
    shown = preview(email, {**MERGE, "event": {"items": items}})
    assert shown.html.count("<tbody>") == shown.html.count("</tbody>")
    assert "Áo | 1\nQuần | 2\n" in shown.text


def test_styles_are_inlined_and_nothing_remote_is_asked_for(tmp_path: Path) -> None:
    head = (
        '<mjml><mj-head><mj-style inline="inline">.x { color: #123456 }</mj-style><mj-style>'
        "@media (max-width: 9px) { .x { color: red } }</mj-style></mj-head><mj-body>"
    )
    body = mjml('<p class="x">a</p>').replace("<mjml><mj-body>", head)
    email = compiled(tmp_path, body)
    assert "color: #123456" in email.html.partition("<body")[2]
    assert "@media (max-width: 9px)" in email.html
    assert "fonts.googleapis.com" not in email.html


def test_links_pixel_and_honeypot_are_slots_with_one_numbering_for_both_parts(
    tmp_path: Path,
) -> None:
    body = mjml(
        '<a href="https://a.example/?x=1&amp;y=2">A</a> <a href="mailto:a@b.example">mail</a> '
        '<a href="https://b.example/{{ contact.id }}">B</a>'
    )
    email = compiled(tmp_path, body)
    assert email.links == (
        Link(1, "https://a.example/?x=1&y=2", False, 1),
        Link(2, "https://b.example/{{ contact.id }}", True, 1),
    )
    assert email.html.count(OPEN_SLOT) == 1
    assert email.html.count(click_slot(HONEYPOT_INDEX)) == 1
    assert f"A ({click_slot(1)})" in email.text
    assert "mail (a@b.example)" in email.text
    assert email.html.index(OPEN_SLOT) < email.html.index("</body>")


def test_the_text_of_the_author_is_used_and_shares_the_numbers(tmp_path: Path) -> None:
    body = mjml('<a href="https://a.example/">A</a>')
    text = (
        "Hi\n{% for i in range(2) %}\n- {{ i }}\n{% endfor %}\nSee https://a.example/.\n"
        "{{ unsubscribe_url }}\n{{ sender.address }}\n"
    )
    email = compiled(tmp_path, body, text=text)
    assert preview(email, MERGE).text == (
        "Hi\n- 0\n- 1\nSee https://a.example/.\nhttps://t.example.com/u/token\n1 Lê Lợi, Hà Nội\n"
    )
    assert [link.index for link in email.links] == [1]


def test_the_text_part_keeps_lists_pictures_and_the_way_out(tmp_path: Path) -> None:
    email = compiled(
        tmp_path,
        columns(
            "<mj-text><h1>Title</h1><p>Hi {{ contact.first_name }}</p><ul><li>one</li>"
            "<li>two</li></ul></mj-text>"
            '<mj-image src="https://i.example/a.png" alt="A lotus" href="https://a.example" />'
            '<mj-button href="https://b.example/go">Go</mj-button>'
        ),
    )
    assert preview(email, MERGE).text == (
        "Title\n\nHi Ngọc\n\n* one\n* two\n\nA lotus (https://a.example)\n\n"
        "Go (https://b.example/go)\n\nUnsubscribe (https://t.example.com/u/token)\n"
        "1 Lê Lợi, Hà Nội\n"
    )


def test_a_span_puts_no_space_around_its_words_in_the_text(tmp_path: Path) -> None:
    inner = '<p>Call (<span class="nowrap">0100</span>), <span><b>or</b></span> write.</p>'
    email = compiled(tmp_path, columns(f"<mj-text>{inner}</mj-text>"))
    assert email.text.startswith("Call (0100), or write.\n")


def test_the_hidden_preview_line_stays_out_of_the_text(tmp_path: Path) -> None:
    body = mjml("x").replace(
        "<mj-body>",
        "<mj-head><mj-preview>Peek {% if contact.vip %}vip{% endif %}</mj-preview></mj-head>"
        "<mj-body>",
    )
    email = compiled(tmp_path, body)
    assert "Peek {% if contact.vip %}vip{% endif %}" in email.html
    assert "Peek" not in email.text


def test_an_email_survives_json_and_its_digest_is_of_its_content(tmp_path: Path) -> None:
    email = compiled(tmp_path / "a", mjml('<a href="https://x.example">é</a> {{ contact.a }}'))
    again = CompiledEmail.from_json(email.to_json())
    assert again == email
    assert again.digest == email.digest
    elsewhere = compiled(tmp_path / "b", mjml('<a href="https://x.example">é</a> {{ contact.a }}'))
    assert elsewhere.digest == email.digest
    other = compiled(tmp_path / "c", mjml('<a href="https://x.example">è</a> {{ contact.a }}'))
    assert other.digest != email.digest


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"shape":9}', '{"shape":1,"links":[1]}'])
def test_what_is_no_compiled_email_is_refused(text: str) -> None:
    with pytest.raises(Invalid):
        CompiledEmail.from_json(text)


def test_variables_say_which_can_be_missing(tmp_path: Path) -> None:
    email = compiled(
        tmp_path,
        mjml(
            "{{ contact.a | default('x') }} {{ contact['b'] }} {% if contact.c %}{{ contact.c }}"
            "{% endif %} {% if contact.d == 'x' %}{% endif %} {% for i in event.items %}"
            "{{ i.name }}{% endfor %} {{ contact.e if contact.e else '' }}"
            "{% if not contact.f %}{% else %}{{ contact.f }}{% endif %}"
            "{% set g = contact.g %}{{ g }}{% if contact.h > 3 %}{% endif %}"
            "{{ contact.a }}"
        ),
        subject="{{ contact.s | d('x') }}",
    )
    by_path = {variable.path: variable.guarded for variable in email.variables}
    assert by_path == {
        "contact.a": False,
        "contact.b": False,
        "contact.c": True,
        "contact.d": True,
        "contact.e": True,
        "contact.f": True,
        "contact.g": False,
        "contact.h": False,
        "contact.s": True,
        "event.items": False,
        "sender.address": False,
        "unsubscribe_url": False,
    }
    assert email.variables[0] == Variable("contact.a", guarded=False)


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        ("a\n{{ contact.x", "body.en.mjml:4: unexpected"),
        ("a\n{% if x %}", "body.en.mjml:4: this {% if %} is never closed"),
        ("a\n{{ contact.x | nope }}", "body.en.mjml:4: there is no filter 'nope'"),
        ("a\n<b>x</i>", "body.en.mjml:4: </i> closes <b> of line 4"),
        ("a\n<script>x</script>", "body.en.mjml:4: <script> cannot stand"),
        ('a\n<p onclick="x">y</p>', "body.en.mjml:4: onclick would run"),
        ("a\n<p class=x>y</p>", "body.en.mjml:4: the attributes of <p>"),
        ('a\n<a href="javascript:alert(1)">x</a>', "body.en.mjml:4: href has a javascript:"),
        ('a\n<a href="&#106;ava&#10;script:x">x</a>', "body.en.mjml:4: href has a javascript:"),
        ('a\n<a href="JavaScript:{{ contact.x }}">x</a>', "body.en.mjml:4: href has a javascript:"),
        ('a\n<img src="data:image/png;base64,x"/>', "body.en.mjml:4: src has a data:"),
        ('a\n<a href="page.html">x</a>', "body.en.mjml:4: the link 'page.html' leads nowhere"),
        ('a\n<a href="//evil.example">x</a>', "body.en.mjml:4: the link '//evil.example'"),
        ('a\n<a href="https://u@bank.example">x</a>', "cannot be followed safely"),
        ("a\nx < y", "body.en.mjml:4: this < opens no tag"),
        ("a\n</mj-text><mj-sectoin>x</mj-sectoin><mj-text>", "there is no element <mj-sectoin>"),
    ],
)
def test_a_mistake_is_refused_by_file_and_line(tmp_path: Path, inner: str, told: str) -> None:
    assert any(told in problem for problem in problems_of(tmp_path, mjml(inner)))


def test_a_mistake_in_a_shared_piece_is_named_by_that_file(tmp_path: Path) -> None:
    (tmp_path / "_shared").mkdir()
    (tmp_path / "_shared" / "f.mjml").write_text(
        "<mj-section>\n{{ contact.x | safe }}</mj-section>"
    )
    body = mjml("x", FOOTER + '<mj-include path="_shared/f.mjml"/>')
    (told,) = problems_of(tmp_path, body)
    assert told.startswith("f.mjml:2: the filter 'safe'")


@pytest.mark.parametrize(
    ("footer", "text", "expected"),
    [
        ("", None, 4),
        (FOOTER, "no way out", 2),
        (FOOTER.replace("{{ sender.address }}", ""), None, 2),
        (FOOTER.replace('href="{{ unsubscribe_url }}"', 'href="https://x.example"'), None, 2),
        (
            FOOTER.replace("<a href", "{% if contact.x %}<a href").replace(
                "</a>", "</a>{% endif %}"
            ),
            None,
            2,
        ),
        ("<!-- " + FOOTER + " -->", None, 4),
    ],
)
def test_the_way_out_and_the_address_stand_in_both_parts(
    tmp_path: Path, footer: str, text: str | None, expected: int
) -> None:
    found = problems_of(tmp_path, mjml("x", footer), text=text)
    assert len(found) == expected
    assert all("has no unsubscribe link" in each or "postal address" in each for each in found)


def test_a_block_where_outlook_would_break_is_refused(tmp_path: Path) -> None:
    body = (
        "<mjml><mj-body><mj-wrapper>\n{% if contact.x %}<mj-section></mj-section>{% endif %}"
        "</mj-wrapper>" + FOOTER + "</mj-body></mjml>"
    )
    assert "body.en.mjml:2: a block cannot stand directly" in problems_of(tmp_path, body)[0]


def test_a_field_that_mjml_would_drop_is_refused(tmp_path: Path) -> None:
    body = mjml("x").replace(
        "<mj-body>",
        '<mj-head><mj-attributes><mj-class name="c" color="{{ contact.x }}"/></mj-attributes>'
        "</mj-head><mj-body>",
    )
    assert "stands where MJML throws it away" in problems_of(tmp_path, body)[0]


@pytest.mark.parametrize(
    "inner",
    [
        "{% for a in [1] %}" * 30 + "{% endfor %}" * 30,
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{{ " + "not " * 3000 + "1 }}",
        "{{ 1" + " + 1" * 5000 + " }}",
        "{{ contact" + ".a" * 5000 + " }}",
    ],
)
def test_nesting_beyond_reason_is_refused_at_publish(tmp_path: Path, inner: str) -> None:
    assert "body.en.mjml" in problems_of(tmp_path, mjml(inner))[0]


def test_control_characters_in_a_file_are_refused_by_line(tmp_path: Path) -> None:
    assert problems_of(tmp_path, mjml("a\n\x02c1\x03")) == [
        "body.en.mjml:4: the file holds a control character"
    ]


@pytest.mark.parametrize("subject", ["", "  \n ", "two\nlines"])
def test_a_subject_is_one_line_that_says_something(tmp_path: Path, subject: str) -> None:
    assert "subject.en.txt" in problems_of(tmp_path, mjml("x"), subject=subject)[0]


def test_an_email_that_gmail_would_clip_is_published_with_a_warning(tmp_path: Path) -> None:
    email = compiled(tmp_path, mjml("<p>word</p>" * 9000))
    assert "102 kB" in email.warnings[0]
    assert compiled(tmp_path, mjml("short")).warnings == ()


words = st.text("abcđế<>&'\"{}% \n", max_size=30)


@settings(deadline=None, max_examples=40)
@given(literals=st.lists(words, min_size=2, max_size=5))
def test_any_string_inside_a_field_comes_back_from_the_tools_unchanged(
    tmp_path_factory: pytest.TempPathFactory, literals: list[str]
) -> None:
    fields = [
        "{{ contact.x | default("
        + repr(each.replace("}", "").replace("{", "").replace("%", "").replace("\n", " "))
        + ") }}"
        for each in literals
    ]
    source = written(tmp_path_factory.mktemp("any"), mjml("<p>" + "</p><p>".join(fields) + "</p>"))
    email = compile_email(source)
    at = 0
    for field in fields:
        at = email.html.index(field, at) + len(field)
