"""Reading an author's files: what is put together, and what is refused by file and line."""

from pathlib import Path

import pytest

from nurture.errors import Invalid, NotFound
from nurture.mailer.compile import compile_email
from nurture.mailer.sources import email_names, languages_of, read_source
from tests.mailer.samples import compiled, mjml, written


def test_names_and_languages_are_listed_and_shared_folders_are_not_emails(tmp_path: Path) -> None:
    written(tmp_path, mjml("a"))
    written(tmp_path, mjml("b"), language="vi")
    (tmp_path / "_shared").mkdir()
    assert email_names(tmp_path) == ("sample",)
    assert languages_of(tmp_path, "sample") == ("en", "vi")


def test_an_include_is_put_in_and_its_lines_are_traced_to_its_own_file(tmp_path: Path) -> None:
    shared = tmp_path / "_shared"
    shared.mkdir()
    (shared / "footer.mjml").write_text("<mj-section>\n  deep\n</mj-section>")
    source = written(tmp_path, 'top\n<mj-include path="_shared/footer.mjml" />\nbottom')
    assert source.body == "top\n<mj-section>\n  deep\n</mj-section>\nbottom"
    assert [source.origin(line) for line in range(1, 6)] == [
        (source.body_file, 1),
        (str(shared / "footer.mjml"), 1),
        (str(shared / "footer.mjml"), 2),
        (str(shared / "footer.mjml"), 3),
        (source.body_file, 3),
    ]
    assert shared / "footer.mjml" in source.files


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("../secret.mjml", "leaves the templates"),
        ("/etc/passwd", "leaves the templates"),
        ("_shared/../../secret.mjml", "leaves the templates"),
        ("_shared/none.mjml", "does not exist"),
        ("", "takes a path"),
    ],
)
def test_an_include_cannot_leave_the_templates(tmp_path: Path, path: str, told: str) -> None:
    (tmp_path / "secret.mjml").write_text("secret")
    with pytest.raises(Invalid) as caught:
        written(tmp_path / "email", f'one\n<mj-include path="{path}" />')
    (problem,) = caught.value.problems
    assert told in problem.message
    assert problem.line == 2
    assert problem.file.endswith("body.en.mjml")


def test_a_symbolic_link_cannot_lead_out_of_the_templates(tmp_path: Path) -> None:
    (tmp_path / "secret.mjml").write_text("secret")
    (tmp_path / "email" / "_shared").mkdir(parents=True)
    (tmp_path / "email" / "_shared" / "x.mjml").symlink_to(tmp_path / "secret.mjml")
    with pytest.raises(Invalid, match="outside the templates"):
        written(tmp_path / "email", '<mj-include path="_shared/x.mjml" />')


def test_the_same_words_elsewhere_are_the_same_email_and_a_fault_names_its_own_file(
    tmp_path: Path,
) -> None:
    here, there = (written(tmp_path / one, mjml("hi")) for one in ("here", "there"))
    assert here.body_file != there.body_file
    assert here == there
    assert compile_email(here) is compile_email(there)
    for one in ("here", "there"):
        with pytest.raises(Invalid) as caught:
            compile_email(written(tmp_path / one, mjml("{% if x %}")))
        assert {problem.file for problem in caught.value.problems} == {
            str(tmp_path / one / "sample" / "body.en.mjml")
        }


def test_an_include_of_itself_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="includes itself"):
        written(tmp_path, '<mj-include path="sample/body.en.mjml" />')


def test_text_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    written(tmp_path, mjml("a"))
    (tmp_path / "sample" / "body.en.mjml").write_bytes(b"one\ntwo \xff\n")
    with pytest.raises(Invalid) as caught:
        read_source(tmp_path, "sample", "en")
    assert caught.value.problems[0].line == 2


def test_every_missing_file_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "sample").mkdir()
    with pytest.raises(Invalid) as caught:
        read_source(tmp_path, "sample", "vi")
    assert len(caught.value.problems) == 2


@pytest.mark.parametrize("name", ["none", "../sample", "_shared", "a/b", ""])
def test_no_such_email_is_not_found(tmp_path: Path, name: str) -> None:
    written(tmp_path, mjml("a"))
    with pytest.raises(NotFound):
        read_source(tmp_path, name, "en")


def test_notes_of_authors_do_not_reach_the_body_and_letters_are_composed(tmp_path: Path) -> None:
    source = written(
        tmp_path, "a<!-- boss\nhates this -->b\ne\u0302\u0301 <!--[if mso]>m<![endif]-->"
    )
    assert source.body == "a\nb\nế <!--[if mso]>m<![endif]-->"


def test_a_fault_of_two_lines_names_both_as_the_author_counts_them(tmp_path: Path) -> None:
    shared = tmp_path / "_shared"
    shared.mkdir()
    (shared / "head.mjml").write_text("<mj-style>\n\n\n</mj-style>", "utf-8")
    body = (
        '<mjml>\n<mj-head><mj-include path="_shared/head.mjml" /></mj-head>\n<mj-body>\n'
        "<mj-section><mj-column>\n<mj-text>\n</mj-column></mj-section></mj-body></mjml>"
    )
    with pytest.raises(Invalid, match=r":6: </mj-column> closes <mj-text> of line 5"):
        compiled(tmp_path, body)
