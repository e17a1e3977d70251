"""Finds the links of an HTML template as a browser would, without touching one octet of it.

A DOM parser writes the document anew, percent-encodes merge fields and sees only a comment where
Outlook sees a button. So this is a scan over the text that follows the tokenizer of the HTML
standard (https://html.spec.whatwg.org/#tokenization) where it matters for links: comments, raw
text, quotes, and what ends an attribute. Jinja constructs are opaque wherever they stand.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.entities import html5
from typing import Final

FIELD: Final = "\x1a"
BLOCK: Final = "\x1b"

_STRINGS: Final = r""""(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'"""
JINJA: Final = re.compile(
    rf"(?P<field>\{{\{{(?:[^\"'{{}}]|{_STRINGS}|\{{(?!\{{)|\}}(?!\}}))*+\}}\}})"
    rf"|\{{%(?:[^\"'{{%]|{_STRINGS}|\{{(?!%)|%(?!\}}))*+%\}}"
    r"|\{#.*?#\}",
    re.DOTALL,
)
"""One merge field, block tag or comment of Jinja; a string inside may hold its closing sign."""

_SPACE: Final = r"\t\n\f\r "
_COMMENT_END: Final = re.compile(r"--!?>")
_CONDITION: Final = re.compile(r"\[if\s[^\]]*+\]>", re.IGNORECASE)
_TAG: Final = re.compile(rf"</?([a-z][^{_SPACE}/>{FIELD}{BLOCK}]*+)", re.IGNORECASE)
_BETWEEN: Final = re.compile(rf"[{_SPACE}/{BLOCK}]*+")
_NAME: Final = re.compile(rf"=?[^{_SPACE}/>={BLOCK}]*+")
_EQUALS: Final = re.compile(rf"[{_SPACE}]*+=[{_SPACE}]*+")
_UNQUOTED: Final = re.compile(rf"[^{_SPACE}>]*+")
_RAW_TEXT: Final = frozenset({"script", "style", "textarea", "title", "xmp", "iframe", "noframes"})
_CHARACTER: Final = re.compile(r"&(?:#[0-9]+;?|#x[0-9a-f]+;?|([a-z][a-z0-9]*+);?)", re.IGNORECASE)

NOTRACK: Final = "data-notrack"


@dataclass(frozen=True, slots=True)
class Span:
    """A place in the template: from `start` up to, not including, `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """One tag that links somewhere: `a`, `area`, or a shape of Outlook's VML.

    `hrefs` holds the place of each value without its quotes (branches may give a tag several),
    `notrack` each `data-notrack` with the space before it. `outlook` says that the tag stands in
    a conditional comment, where only Outlook for Windows sees it.
    """

    outlook: bool
    hrefs: tuple[Span, ...]
    notrack: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Attribute:
    name: str
    whole: Span
    value: Span


def mask(template: str) -> str:
    """The same length of text with every Jinja construct blotted out.

    A merge field becomes characters that no markup uses, for it may print anything; a block tag
    or comment becomes others, which stand between attributes as a space would.
    """
    return JINJA.sub(lambda m: (FIELD if m["field"] else BLOCK) * len(m[0]), template)


def anchors(template: str) -> Iterator[Anchor]:
    """The linking tags of the template, in document order."""
    masked = mask(template)
    return _scan(masked, 0, len(masked), outlook=False)


def _scan(masked: str, at: int, end: int, *, outlook: bool) -> Iterator[Anchor]:
    while (at := masked.find("<", at, end)) >= 0:
        if masked.startswith("<!--", at):
            inside, stop, at = _comment(masked, at, end)
            if condition := _CONDITION.match(masked, inside, stop):
                yield from _scan(masked, condition.end(), stop, outlook=True)
        elif masked.startswith(("<!", "<?"), at):
            at = _after(masked, ">", at, end)
        elif tag := _TAG.match(masked, at, end):
            attributes, at = _attributes(masked, tag.end(), end)
            name = tag[1].lower()
            if masked.startswith("</", tag.start()):
                continue
            if name in {"a", "area"} or name.startswith("v:"):
                choice = BLOCK in masked[tag.end() : at]
                yield _anchor(attributes, outlook=outlook, choice=choice)
            elif name in _RAW_TEXT:
                at = _raw_text_end(masked, name, at, end)
        else:
            # An end tag without a name is a comment, too; any other sign is text.
            at = _after(masked, ">", at, end) if masked.startswith("</", at) else at + 1


def _after(masked: str, sign: str, at: int, end: int) -> int:
    found = masked.find(sign, at, end)
    return end if found < 0 else found + len(sign)


def _comment(masked: str, at: int, end: int) -> tuple[int, int, int]:
    """Where the inside of the comment starts and stops, and where the text goes on."""
    inside = at + len("<!--")
    for empty in (">", "->"):
        if masked.startswith(empty, inside, end):
            return inside, inside, inside + len(empty)
    closing = _COMMENT_END.search(masked, inside, end)
    return (inside, closing.start(), closing.end()) if closing else (inside, end, end)


def _raw_text_end(masked: str, name: str, at: int, end: int) -> int:
    closing = re.compile(rf"</{name}(?=[{_SPACE}/>])", re.IGNORECASE).search(masked, at, end)
    return closing.start() if closing else end


def _attributes(masked: str, at: int, end: int) -> tuple[list[_Attribute], int]:
    """The attributes of a tag and where the text goes on after it.

    A tag that the text ends in, for instance because a quote is never closed, is no tag.
    """
    attributes: list[_Attribute] = []
    while True:
        at = _matched(_BETWEEN, masked, at, end)
        if at >= end:
            return [], end
        if masked[at] == ">":
            return attributes, at + 1
        start, at = at, _matched(_NAME, masked, at, end)
        name = masked[start:at].lower()
        value = Span(at, at)
        if equals := _EQUALS.match(masked, at, end):
            value, at = _value(masked, equals.end(), end)
        # Only space goes with a removed attribute, never a block tag that stands before it.
        before = start - 1 if masked[start - 1].isspace() else start
        attributes.append(_Attribute(name, Span(before, at), value))


def _value(masked: str, at: int, end: int) -> tuple[Span, int]:
    quote = masked[at : at + 1]
    if quote not in {'"', "'"}:
        stop = _matched(_UNQUOTED, masked, at, end)
        return Span(at, stop), stop
    closing = masked.find(quote, at + 1, end)
    return (Span(at, at), end) if closing < 0 else (Span(at + 1, closing), closing + 1)


def _matched(pattern: re.Pattern[str], masked: str, at: int, end: int) -> int:
    found = pattern.match(masked, at, end)
    return found.end() if found else at


def _anchor(attributes: list[_Attribute], *, outlook: bool, choice: bool) -> Anchor:
    """The tag; of several values a browser takes the first, but block tags may leave any one."""
    hrefs = [each.value for each in attributes if each.name == "href"]
    return Anchor(
        outlook=outlook,
        hrefs=tuple(hrefs if choice else hrefs[:1]),
        notrack=tuple(each.whole for each in attributes if each.name == NOTRACK),
    )


def decode(value: str) -> str:
    """The URL that an attribute value spells, as a browser reads it.

    Character references are decoded exactly once and never inside a Jinja construct, which is
    read before any browser comes; space around and line breaks inside are dropped, as the URL
    standard says (https://url.spec.whatwg.org/#concept-basic-url-parser).
    """
    pieces: list[str] = []
    at = 0
    for construct in JINJA.finditer(value):
        pieces += [_decode_literal(value[at : construct.start()]), construct[0]]
        at = construct.end()
    pieces.append(_decode_literal(value[at:]))
    return "".join(pieces).strip("\t\n\f\r ")


def _decode_literal(piece: str) -> str:
    return re.sub(r"[\t\n\r]", "", _CHARACTER.sub(_character, piece))


def _character(reference: re.Match[str]) -> str:
    """One reference decoded by the rule for attributes.

    Old names work without a semicolon, but not when "=" follows: `?a=1&copy=2` keeps its
    parameter. A longer word that merely begins with such a name is no reference here.
    """
    name = reference[1]
    if name is None:
        return html.unescape(reference[0])
    if reference[0].endswith(";"):
        return html5.get(name + ";", reference[0])
    follows = reference.string[reference.end() : reference.end() + 1]
    return reference[0] if follows == "=" else html5.get(name, reference[0])
