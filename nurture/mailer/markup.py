"""What is wrong with the markup an author wrote, with its line, before mrml sees it.

mrml is lenient (a forgotten end tag may pass) and names no line where it is not, so the shape is
checked here: tags that match, quoted attributes, elements MJML has, and nothing that runs or
loads code when the email is shown, also on our own "view in browser" page.
"""

import html
import re
from collections.abc import Callable, Iterator
from typing import Final

from nurture.mailer.language import Fault
from nurture.tracking.markup import JINJA

_TAG: Final = re.compile(
    r"""<!--.*?-->|<!doctype[^>]*>|<(?P<close>/?)(?P<name>[A-Za-z][\w:-]*)"""
    r"""(?P<attributes>(?:[^<>"']|"[^"]*"|'[^']*')*?)(?P<empty>/?)>|(?P<stray><)""",
    re.DOTALL | re.IGNORECASE,
)
_ATTRIBUTE: Final = re.compile(r"""\s+([^\s=<>"'/]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'))?""")
_VOID: Final = frozenset({"area", "br", "col", "hr", "img", "input", "source", "wbr"})
_ACTIVE: Final = frozenset(
    {"script", "iframe", "object", "embed", "form", "input", "button", "base", "meta", "link"}
    | {"svg", "math", "video", "audio", "frame", "frameset", "textarea", "select", "template"}
)
_KNOWN: Final = re.compile(
    r"mjml|mj-(?:"
    r"head|body|attributes|all|class|breakpoint|font|html-attributes|selector"
    r"|html-attribute|preview|style|title|accordion|accordion-element|accordion-"
    r"title|accordion-text|button|carousel|carousel-image|column|divider|group|"
    r"hero|image|navbar|navbar-link|raw|section|social|social-element|spacer|"
    r"table|text|wrapper"
    r")"
)
_ADDRESSES: Final = frozenset({"href", "src", "action", "background", "background-url", "poster"})
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_REFUSED_SCHEMES: Final = frozenset(
    {"javascript", "vbscript", "data", "file", "blob", "about", "livescript", "mocha"}
)


def blanked(source: str) -> str:
    """`source` with its Jinja written over, every line break kept, so that offsets stay true."""
    return JINJA.sub(_over, source)


def _over(found: re.Match[str]) -> str:
    filler = "x" if found["field"] else " "
    return re.sub(r"[^\n]", filler, found[0])


def markup_faults(source: str, shown: Callable[[int], int] = int) -> Iterator[Fault]:
    """Everything wrong with the tags of an MJML body, in order of lines.

    `shown` is the line of the author's file for one of `source`, for messages that name a second.
    """
    text = blanked(source)
    open_tags: list[tuple[str, int]] = []
    for found in _TAG.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        if found["stray"]:
            yield Fault(line, "this < opens no tag", "Write &lt; for the sign itself.")
        elif found["name"]:
            yield from _tag_faults(found, line)
            fault = _nest(found, line, open_tags, shown)
            if fault is not None:
                yield fault
                return
    for name, line in open_tags:
        yield Fault(line, f"<{name}> is never closed", f"Add </{name}>.")
    for needed in ("mjml", "mj-body"):
        if f"<{needed}" not in text:
            yield Fault(1, f"there is no <{needed}>", "See docs/emails.md for a whole example.")


def _nest(
    found: re.Match[str],
    line: int,
    open_tags: list[tuple[str, int]],
    shown: Callable[[int], int],
) -> Fault | None:
    name = found["name"].lower()
    if name in _VOID or (found["empty"] and not found["close"]):
        return None
    if not found["close"]:
        open_tags.append((name, line))
        return None
    if not open_tags:
        return Fault(line, f"</{name}> closes nothing", "Remove it.")
    opened, since = open_tags.pop()
    if opened != name:
        message = f"</{name}> closes <{opened}> of line {shown(since)}"
        return Fault(line, message, f"Write </{opened}> first.")
    return None


def _tag_faults(found: re.Match[str], line: int) -> Iterator[Fault]:
    name = found["name"].lower()
    if name in _ACTIVE:
        remedy = "Mail readers remove it; link to a page that has it."
        yield Fault(line, f"<{name}> cannot stand in an email", remedy)
    if name.startswith("mj") and not _KNOWN.fullmatch(name):
        yield Fault(line, f"there is no element <{name}>", "See docs/emails.md for the list.")
    attributes = found["attributes"]
    if _ATTRIBUTE.sub("", attributes).strip():
        remedy = 'Write every attribute as name="value".'
        yield Fault(line, f"the attributes of <{name}> cannot be read", remedy)
    for key, double, single in _ATTRIBUTE.findall(attributes):
        yield from _attribute_faults(key.lower(), double or single, line)


def _attribute_faults(key: str, value: str, line: int) -> Iterator[Fault]:
    if key.startswith("on"):
        yield Fault(line, f"{key} would run a script", "Remove the attribute.")
    # Browsers ignore white space and control characters inside a scheme, so do we.
    plain = re.sub(r"[\x00-\x20\x7f]", "", html.unescape(value))
    scheme = _SCHEME.match(plain)
    if key in _ADDRESSES and scheme and scheme[1].lower() in _REFUSED_SCHEMES:
        message = f"{key} has a {scheme[1].lower()}: address"
        yield Fault(line, message, "Use an https:// address.")
