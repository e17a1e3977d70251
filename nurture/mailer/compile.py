"""Publishing an email: from an author's MJML to templates that need nothing but one render.

MJML → HTML → CSS inlined → text part when none is given → links, pixel and honeypot slotted.
All problems are found in one go and named by file and line; what passes here can be sent.
"""

import html
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

import css_inline
import mrml
from jinja2 import TemplateSyntaxError, nodes

from nurture.errors import Invalid, Problem
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.dialect import Dialect
from nurture.mailer.language import Fault, faults
from nurture.mailer.linking import link_html, link_text
from nurture.mailer.markup import markup_faults
from nurture.mailer.plain import close_up_blocks, text_from_html
from nurture.mailer.render import Renderer, TemplateFailed
from nurture.mailer.required import required_faults
from nurture.mailer.shield import Lost, Shield
from nurture.mailer.sources import EmailSource
from nurture.mailer.variables import variables
from nurture.tracking.links import Link, honeypot_html, pixel_html

CLIPPED_AT: Final = 102 * 1024
"""Octets of HTML beyond which Gmail cuts an email off, its unsubscribe link with it."""

_DIALECT: Final = Dialect(autoescape=True)
_INLINER: Final = css_inline.CSSInliner(
    keep_style_tags=True,
    keep_at_rules=True,
    remove_inlined_selectors=True,
    load_remote_stylesheets=False,
)
_PREVIEW: Final = re.compile(r'^(<body[^>]*>)<div style="display:\s*none[^>]*>.*?</div>', re.DOTALL)
_OPENING: Final = re.compile(r"\{%[-+]?\s*(if|for|with|endif|endfor|endwith)\b")
_POSITION: Final = re.compile(r"position (\d+)")


@lru_cache(maxsize=256)
def compile_email(source: EmailSource, *, notice: bool = False) -> CompiledEmail:
    """The email, ready to send. Raises `Invalid` with every problem, each with file and line.

    Remembered by all that was written: a page, a plan and what it publishes ask again and again.
    A `notice` is written to a person of ours: it needs no way out, and nothing in it is tracked.
    """
    problems: list[Problem] = []
    trees = _parsed(source, problems)
    faults = markup_faults(source.body, lambda line: source.origin(line)[1])
    problems += [_at_body(source, fault) for fault in faults]
    if problems:
        raise _invalid(source, problems)
    try:
        shield = Shield(_DIALECT)
        page = _page(source, shield.cover(source.body), shield)
        text = _text(source, page, shield)
    except Lost as lost:
        remedy = "See docs/emails.md for where blocks and fields can stand."
        raise _invalid(source, [_at_body(source, Fault(lost.line, lost.message, remedy))]) from lost
    return _finished(source, trees, shield.uncover(page), text, notice=notice)


def _parsed(source: EmailSource, problems: list[Problem]) -> list[nodes.Template]:
    trees = []
    for file, text in (
        (source.subject_file, source.subject),
        (source.body_file, source.body),
        (source.text_file, source.text or ""),
    ):
        try:
            tree = _DIALECT.parse(text)
            problems += [_problem(source, file, fault) for fault in faults(tree)]
            trees.append(tree)
        except TemplateSyntaxError as error:
            problems.append(_problem(source, file, _syntax_fault(error, text)))
        except RecursionError:
            problems.append(Problem("it is nested too deeply", "Write it flatter.", file))
    if not source.subject:
        problems.append(Problem("the subject is empty", "Write one.", source.subject_file, 1))
    if "\n" in source.subject:
        problems.append(
            Problem("the subject has several lines", "Write one.", source.subject_file, 2)
        )
    return trees


def _syntax_fault(error: TemplateSyntaxError, text: str) -> Fault:
    message = error.message or "this is not Jinja"
    if message.startswith("Unexpected end of template"):
        # Jinja names the last line; the author has to look where the block begins.
        waiting: list[tuple[str, int]] = []
        for found in _OPENING.finditer(text):
            if not found[1].startswith("end"):
                waiting.append((found[1], text.count("\n", 0, found.start()) + 1))
            elif waiting:
                waiting.pop()
        if waiting:
            word, line = waiting[-1]
            return Fault(line, f"this {{% {word} %}} is never closed", f"Add {{% end{word} %}}.")
    return Fault(error.lineno, message, "Correct the Jinja there.")


def _page(source: EmailSource, covered: str, shield: Shield) -> str:
    try:
        output = mrml.to_html(
            covered,
            # Files were put in by `sources`; mrml itself must never read or fetch anything.
            mrml.ParserOptions(include_loader=mrml.noop_loader()),
            # Web fonts would tell their host who opened what.
            mrml.RenderOptions(fonts={}),
        )
    except OSError as error:
        place = _POSITION.search(str(error))
        line = covered.count("\n", 0, int(place[1])) + 1 if place else 1
        fault = Fault(line, f"this is not MJML ({error})", "Compare with docs/emails.md.")
        raise _invalid(source, [_at_body(source, fault)]) from error
    page = str(output.content)
    shield.verify(page)
    for offset, line in shield.comments(page):
        # Outlook would see the block, or css-inline end the comment at it.
        if page.rfind("<!--[if", 0, offset) > page.rfind("<![endif]-->", 0, offset):
            message = "a block cannot stand directly in this element (mj-wrapper)"
            raise Lost(line, message)
    inlined = _bodies(page, _INLINER.inline(page), shield.block)
    shield.verify(inlined)
    return inlined


def _bodies(before: str, after: str, block: str) -> str:
    """Undo the `<tbody>` that a parser puts between `{% for %}` and the first `<tr>`.

    It belongs before the loop, for it is closed after it.
    """
    comments = rf"(?:\s*<!--{block}-->)+"

    def moved(found: re.Match[str]) -> str:
        own = re.search(rf"{re.escape(found[2].strip())}\s*<tbody", before)
        return found[0] if own else f"{found[1]}<tbody>{found[2]}"

    return re.sub(rf"(<table\b[^>]*>)({comments})\s*<tbody>", moved, after)


def _text(source: EmailSource, page: str, shield: Shield) -> str:
    if source.text is None:
        words = _visible(shield.as_words(page))
        made = text_from_html(words, word=shield.word)
        try:
            shield.verify(made, blocks_of=words)
        except Lost as lost:
            message = f"no text part can be made: {lost.message}"
            raise Lost(lost.line, message) from lost
        return shield.uncover(close_up_blocks(made, shield.block))
    own = Shield(_DIALECT)
    covered = own.as_words(own.cover(source.text))
    return own.uncover(close_up_blocks(covered, own.block)).strip() + "\n"


def _visible(page: str) -> str:
    # The preview line is for the list of messages only; a text part shows its own first line.
    return _PREVIEW.sub(r"\1", page[max(page.find("<body"), 0) :], count=1)


def _finished(
    source: EmailSource, trees: list[nodes.Template], page: str, text: str, *, notice: bool
) -> CompiledEmail:
    linked = link_html(page)
    marked = link_text(text, linked.links)
    problems = [
        _at_text(source, fault, needle) for fault, needle in (*linked.faults, *marked.faults)
    ]
    text_file = source.body_file if source.text is None else source.text_file
    parts = ((source.body_file, "HTML", page), (text_file, "text", text))
    for file, part, template in () if notice else parts:
        problems += [
            Problem(fault.message, fault.remedy, file, fault.line)
            for fault in required_faults(part, _DIALECT.parse(template), template)
        ]
    if problems:
        raise _invalid(source, problems)
    body = linked.template
    if not notice:
        body = _before_end(body, honeypot_html() + pixel_html())
    email = CompiledEmail(
        name=source.name,
        language=source.language,
        subject=source.subject,
        html=body,
        text=marked.template,
        links=marked.links,
        variables=variables(trees),
        warnings=tuple(_warnings(body, marked.links)),
    )
    try:
        # What Python cannot compile (blocks nested over twenty deep) must not wait for the send.
        Renderer(capacity=1).warm(email)
    except TemplateFailed as failure:
        fault = Problem(failure.reason, "Write it flatter.", source.body_file)
        raise _invalid(source, [fault]) from failure
    return email


def _before_end(page: str, addition: str) -> str:
    at = page.rfind("</body>")
    return f"{page}{addition}" if at < 0 else f"{page[:at]}{addition}{page[at:]}"


def _warnings(page: str, links: tuple[Link, ...]) -> Iterator[str]:
    size = len(page.encode())
    if size > CLIPPED_AT:
        yield (
            f"The HTML is {size // 1024} kB before merge fields: Gmail cuts emails off at 102 kB, "
            "and the unsubscribe link with the rest. Shorten it."
        )
    insecure = [link.url for link in links if link.url.lower().startswith("http:")]
    if insecure:
        yield f"{html.unescape(insecure[0])} is not encrypted: link to its https:// address."


def _invalid(source: EmailSource, problems: list[Problem]) -> Invalid:
    ordered = sorted(dict.fromkeys(problems), key=lambda each: (each.file, each.line))
    return Invalid.because(ordered, of=f"email {source.name} ({source.language})")


def _problem(source: EmailSource, file: str, fault: Fault) -> Problem:
    if file == source.body_file:
        return _at_body(source, fault)
    return Problem(fault.message, fault.remedy, file, fault.line)


def _at_body(source: EmailSource, fault: Fault) -> Problem:
    file, line = source.origin(fault.line)
    return Problem(fault.message, fault.remedy, file, line)


def _at_text(source: EmailSource, fault: Fault, needle: str) -> Problem:
    """Where in the author's files `needle`, an address, is written."""
    at = source.body.find(needle)
    if at < 0:
        at = source.body.find(html.escape(needle, quote=False))
    if at >= 0:
        line = source.body.count("\n", 0, at) + 1
        return _at_body(source, Fault(line, fault.message, fault.remedy))
    inside = (source.text or "").find(needle)
    if inside >= 0:
        line = (source.text or "").count("\n", 0, inside) + 1
        return Problem(fault.message, fault.remedy, source.text_file, line)
    return Problem(fault.message, fault.remedy, source.body_file)
