"""The text part, made from the HTML part when the author wrote none.

inscriptis lays out headings, lists and paragraphs; before it runs, layout tables (MJML builds
everything from them) become plain blocks, links become `text (address)` and pictures their `alt`.
"""

import html
import re
from typing import Final

from inscriptis import get_text
from inscriptis.model.config import ParserConfig

_TAG: Final = re.compile(
    r"""<!--.*?-->|<(?P<close>/?)(?P<name>[A-Za-z][\w:-]*)"""
    r"""(?P<attributes>(?:[^<>"']|"[^"]*"|'[^']*')*)>""",
    re.DOTALL,
)
_ATTRIBUTE: Final = re.compile(r"""([\w-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_ROW_PARTS: Final = frozenset({"table", "tbody", "thead", "tfoot", "tr", "td", "th"})
_MANY_BREAKS: Final = re.compile(r"\n{3,}")
_AIR: Final = ' style="margin-top:1em;margin-bottom:1em"'
# Shown in the text part without its scheme, as people write it.
_CONTACT_SCHEME: Final = re.compile(r"^(?:mailto|tel|sms):", re.IGNORECASE)


def text_from_html(document: str, *, word: str) -> str:
    """Plain text of `document`, whose Jinja is covered by words that match the pattern `word`.

    Covered comments must have been turned into words before, since comments are dropped.
    """
    # inscriptis decodes references once more than HTML does, so `&amp;copy=2` would become `©=2`.
    flat = _Flattener().flatten(document).replace("&amp;", "&amp;amp;")
    config = ParserConfig(display_links=False, display_images=False)
    # Indentation comes from centred layout; only the sign of a list item says something.
    lines = [line.strip() for line in str(get_text(flat, config)).replace("\xa0", " ").split("\n")]
    text = _MANY_BREAKS.sub("\n\n", "\n".join(lines)).strip()
    return _close_up(text, word) + "\n"


def close_up_blocks(text: str, block: str) -> str:
    """Lines that hold nothing but covered blocks give their line break away.

    An author writes `{% for … %}` on a line of its own to be able to read it, not to send an
    empty line for each pass.
    """
    return re.sub(rf"^[ \t]*((?:{block}[ \t]*)+)\n", _without_spaces, text, flags=re.MULTILINE)


def _without_spaces(found: re.Match[str]) -> str:
    return found[1].replace(" ", "").replace("\t", "")


def _close_up(text: str, word: str) -> str:
    # inscriptis leaves blank lines around a block between two list items or rows.
    block = word.replace("[fb]", "b")
    return re.sub(rf"\n\n((?:{block}\s*)+\n)\n", r"\n\1", text)


class _Flattener:
    """One pass over serialised HTML; css-inline has quoted every attribute before."""

    def __init__(self) -> None:
        self._out: list[str] = []
        self._layout: list[bool] = []
        self._cells: list[int] = []
        self._links: list[tuple[str, int]] = []

    def flatten(self, document: str) -> str:
        at = 0
        for found in _TAG.finditer(document):
            self._out.append(document[at : found.start()])
            at = found.end()
            if found["name"]:
                self._tag(found)
        self._out.append(document[at:])
        return "".join(self._out)

    def _tag(self, found: re.Match[str]) -> None:
        name = found["name"].lower()
        given = {
            key.lower(): one or two for key, one, two in _ATTRIBUTE.findall(found["attributes"])
        }
        if name in _ROW_PARTS:
            self._row_part(name, closing=bool(found["close"]), given=given)
        elif name == "a":
            self._link(closing=bool(found["close"]), href=given.get("href", ""))
        elif name == "img":
            self._out.append(given.get("alt", ""))
        elif name != "span":
            # inscriptis puts a space on either side of a span: "call 0100 ," for "call 0100,".
            self._out.append(found[0])

    def _row_part(self, name: str, *, closing: bool, given: dict[str, str]) -> None:
        if name == "table" and not closing:
            self._layout.append(given.get("role") == "presentation")
        layout = self._layout[-1] if self._layout else True
        if name == "table" and closing and self._layout:
            self._layout.pop()
        if layout or name not in ("td", "th"):
            if name == "tr" and not closing:
                self._cells.append(0)
            elif name == "tr" and self._cells:
                self._cells.pop()
            # Each row of MJML's layout is an element of the author's, and gets air around it.
            air = _AIR if layout and name == "tr" else ""
            self._out.append("</div>" if closing else f"<div{air}>")
        elif not closing and self._cells:
            # Columns cannot be aligned before the merge fields are known.
            self._out.append(" | " if self._cells[-1] else "")
            self._cells[-1] += 1

    def _link(self, *, closing: bool, href: str) -> None:
        if not closing:
            self._links.append((href, len(self._out)))
            return
        if not self._links:
            return
        target, start = self._links.pop()
        shown = " ".join(re.sub(r"<[^>]*>", " ", "".join(self._out[start:])).split())
        address = _CONTACT_SCHEME.sub("", target)
        if not target.startswith("#") and html.unescape(address) != html.unescape(shown):
            self._out.append(f" ({address})" if shown else address)
