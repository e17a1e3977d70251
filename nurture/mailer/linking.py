"""Links of a template while it is published: slots put in, unsafe destinations refused.

The slots of `nurture.tracking.links` say *which* link stands somewhere. A personal link also
carries its destination through the render, framed by the slot: its merge fields are rendered in
place, wherever the link stands, and the finished URL is checked and sealed when slots are filled.
"""

import html
import re
from dataclasses import dataclass
from typing import Final

from nurture.mailer.language import Fault
from nurture.tracking.links import (
    OWN_LINKS,
    Link,
    click_slot,
    rewrite_html,
    rewrite_text,
    safe_destination,
)
from nurture.tracking.markup import JINJA, anchors, decode

CARRIES: Final = "\x1f"
"""Between the name of a slot and the destination that it carries."""

CHECKED_SLOT: Final = f"\x02d{CARRIES}"
"""Opens a slot for a destination that is not counted, but whose scheme must be checked."""

ANY_SLOT: Final = re.compile(f"\x02(o|c[0-9]+|d)(?:{CARRIES}([^\x03]*))?\x03")
"""Any slot after rendering: its name, and the destination that it carries."""

_OWN: Final = re.compile(rf"\{{\{{-?\s*(?:{'|'.join(sorted(OWN_LINKS))})\s*-?\}}\}}")
_UNCOUNTED: Final = re.compile(r"(?:https?://|mailto:|tel:|sms:|#)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Linked:
    """A template with slots, its links, and what is wrong, each with the address concerned."""

    template: str
    links: tuple[Link, ...]
    faults: tuple[tuple[Fault, str], ...]


def link_html(page: str) -> Linked:
    """Slots for every counted link of an HTML template, and checks on all the others."""
    rewritten = rewrite_html(page)
    found = _unsafe(rewritten.links)
    template = _carrying(rewritten.text, rewritten.links, escape=True)
    edits: list[tuple[int, int, str]] = []
    for anchor in anchors(template):
        for span in anchor.hrefs:
            written = template[span.start : span.end]
            url = decode(written)
            if "\x02" in written or is_own(url) or _UNCOUNTED.match(url):
                continue
            if url.startswith("{{"):
                edits.append((span.start, span.end, f"{CHECKED_SLOT}{written}\x03"))
                continue
            remedy = "Write the whole address, from https:// on."
            found.append((Fault(0, f"the link {url!r} leads nowhere", remedy), url))
    for start, end, slot in reversed(edits):
        template = template[:start] + slot + template[end:]
    return Linked(template, rewritten.links, tuple(found))


def link_text(text: str, links: tuple[Link, ...]) -> Linked:
    """Slots for the links of the text part, which share the numbers of the HTML part."""
    rewritten = rewrite_text(text, links)
    found = _unsafe(rewritten.links[len(links) :])
    template = _carrying(rewritten.text, rewritten.links, escape=False)
    return Linked(template, rewritten.links, tuple(found))


def is_own(url: str) -> bool:
    """Whether the address is one of our own pages, which are never counted."""
    return _OWN.fullmatch(url) is not None


def _carrying(template: str, links: tuple[Link, ...], *, escape: bool) -> str:
    for link in links:
        if link.personal:
            url = _escaped(link.url) if escape else link.url
            slot = click_slot(link.index)
            template = template.replace(slot, f"{slot[:-1]}{CARRIES}{url}\x03")
    return template


def _escaped(url: str) -> str:
    # Merge fields inside are escaped when they are rendered, so that one unescape fits all of it.
    pieces, at = [], 0
    for construct in JINJA.finditer(url):
        pieces += [html.escape(url[at : construct.start()]), construct[0]]
        at = construct.end()
    return "".join([*pieces, html.escape(url[at:])])


def _unsafe(links: tuple[Link, ...]) -> list[tuple[Fault, str]]:
    remedy = "Write an address that starts with https:// and has a host."
    return [
        (Fault(0, f"the link {link.url!r} cannot be followed safely", remedy), link.url)
        for link in links
        if not link.personal and safe_destination(link.url) is None
    ]
