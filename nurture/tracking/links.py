"""Links: which ones of an email are counted, and the slots that take their place.

Works on the final template text, after MJML and CSS inlining, where merge fields still stand.
Each counted link gets an index, and its URL gives way to a slot that is filled for each send.
Nothing else in the template changes, not one octet.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from nurture.errors import Invalid
from nurture.tracking.counted import OWN_LINKS, WEB, is_counted, own_names
from nurture.tracking.destinations import safe_destination
from nurture.tracking.markup import BLOCK, FIELD, JINJA, Anchor, anchors, decode, mask

__all__ = [
    "HONEYPOT_INDEX",
    "OPEN_SLOT",
    "OWN_LINKS",
    "SLOT",
    "Link",
    "Rewritten",
    "click_slot",
    "honeypot_html",
    "pixel_html",
    "rewrite_html",
    "rewrite_text",
    "safe_destination",
]

HONEYPOT_INDEX: Final = 0
OPEN_SLOT: Final = "\x02o\x03"
SLOT: Final = re.compile("\x02(?:o|c([0-9]+))\x03")
"""Any slot: of a link, with its index as group 1, or of the pixel, where group 1 is None."""

_URL_IN_TEXT: Final = re.compile(rf"(?<![a-z0-9])https?://|{FIELD}", re.IGNORECASE)
_RUN: Final = re.compile(rf'[^\s<>"{BLOCK}]*+')
_BLOCKS: Final = re.compile(f"{BLOCK}*+")
_TRAILING: Final = ".,;:!?)]}>'\"*…’”»"


@dataclass(frozen=True, slots=True)
class Link:
    """One counted place of one destination.

    `index` is unique in the email and starts at 1, in document order as far as everybody sees the
    link; `url` is the destination as written, entities decoded, merge fields kept; `personal`
    says that it has merge fields, so that it is known only once rendered, its scheme too;
    `position` says which occurrence of this very URL in the email it is, 1 being the first.
    """

    index: int
    url: str
    personal: bool
    position: int


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A template with slots, and every link of the email known so far, ordered by index."""

    text: str
    links: tuple[Link, ...]


def click_slot(index: int) -> str:
    """What stands in the template where the address of this link goes."""
    return f"\x02c{index}\x03"


def honeypot_html() -> str:
    """A link that no person meets and that a scanner following every link does.

    It is out of the tab order and hidden from screen readers, and tiny rather than absent, for
    scanners skip what `display: none` hides.
    """
    return (
        '<div aria-hidden="true" style="max-height:0;overflow:hidden;font-size:1px;'
        'line-height:1px;color:transparent;mso-hide:all">'
        f'<a href="{click_slot(HONEYPOT_INDEX)}" aria-hidden="true" tabindex="-1" '
        'style="font-size:1px;line-height:1px;color:transparent;text-decoration:none">'
        "&#8202;</a></div>"
    )


def pixel_html() -> str:
    """The image of one pixel that tells of an open; silent for screen readers."""
    return (
        f'<img src="{OPEN_SLOT}" width="1" height="1" alt="" '
        'style="display:block;width:1px;height:1px;border:0">'
    )


def rewrite_html(html: str) -> Rewritten:
    """Puts slots where links to the web are counted.

    Each place has its own index. A link that only Outlook sees, in a conditional comment, shares
    the index of the same URL outside: the next one after it, else the last one before it.
    Left alone: other schemes, anchors, empty and relative links, our own pages, `data-notrack`
    (whose mark is removed), and addresses torn by a block tag. A link in a loop has one index for
    all its rounds. `Invalid` when the template already holds slots.
    """
    if "\x02" in html or "\x03" in html:
        raise Invalid("The template holds control characters (U+0002, U+0003).")
    left_alone = own_names(html)
    edits: list[tuple[int, int, str]] = []
    everybody: list[tuple[int, int, str]] = []
    outlook: list[tuple[int, int, str]] = []
    for anchor in anchors(html):
        edits += [(span.start, span.end, "") for span in anchor.notrack]
        urls = _counted(html, anchor, left_alone)
        (outlook if anchor.outlook else everybody).extend(urls)
    links = _numbered([url for _, _, url in everybody])
    places: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for (start, end, url), link in zip(everybody, links, strict=True):
        places[url].append((start, link.index))
        edits.append((start, end, click_slot(link.index)))
    for start, end, url in outlook:
        index = next((i for at, i in places[url] if at > start), 0)
        if index == 0 and places[url]:
            index = places[url][-1][1]
        if index == 0:
            links = _numbered([url], after=links)
            index = links[-1].index
        edits.append((start, end, click_slot(index)))
    return Rewritten(_edited(html, edits), tuple(links))


def rewrite_text(text: str, links: Sequence[Link] = ()) -> Rewritten:
    """Puts slots where the text part names a URL; `links` are those of the HTML part.

    A URL of the HTML part keeps its index, the second mention that of the second place; a URL of
    the text alone gets a further one. Punctuation that ends the sentence stays, and a closing
    bracket belongs to the URL only if it opened there.
    """
    left_alone = own_names(text)
    known: dict[str, list[Link]] = defaultdict(list)
    for link in links:
        known[link.url].append(link)
    every = list(links)
    mentions: Counter[str] = Counter()
    edits: list[tuple[int, int, str]] = []
    masked = mask(text)
    at = 0
    while found := _URL_IN_TEXT.search(masked, at):
        start = found.start()
        stop = _url_end(masked, start)
        url = text[start:stop]
        if found[0] == FIELD and url not in known:
            construct = JINJA.match(text, start)
            at = construct.end() if construct else found.end()
            continue
        at = max(stop, found.end())
        if not is_counted(url, left_alone):
            continue
        places = known.get(url)
        if places:
            link = places[min(mentions[url], len(places) - 1)]
        else:
            every = _numbered([url], after=every)
            link = every[-1]
        mentions[url] += 1
        edits.append((start, stop, click_slot(link.index)))
    return Rewritten(_edited(text, edits), tuple(every))


def _counted(
    html: str, anchor: Anchor, left_alone: frozenset[str]
) -> Iterable[tuple[int, int, str]]:
    if anchor.notrack:
        return
    for span in anchor.hrefs:
        url = decode(html[span.start : span.end])
        if is_counted(url, left_alone):
            yield span.start, span.end, url


def _url_end(masked: str, start: int) -> int:
    """Where the URL that starts here ends; `start` itself when that depends on a block tag."""
    stop = _RUN.match(masked, start).end()  # type: ignore[union-attr]  # It matches nothing, too.
    after = _BLOCKS.match(masked, stop).end()  # type: ignore[union-attr]
    tail = _RUN.match(masked, after)[0]  # type: ignore[index]
    if after > stop and tail.rstrip(_TRAILING) and not WEB.match(tail):
        return start
    while stop > start and masked[stop - 1] in _TRAILING:
        opening = {")": "(", "]": "["}.get(masked[stop - 1])
        if opening and masked.count(opening, start, stop) >= masked.count(
            masked[stop - 1], start, stop
        ):
            break
        stop -= 1
    return stop


def _numbered(urls: Iterable[str], after: Sequence[Link] = ()) -> list[Link]:
    links = list(after)
    positions = Counter(link.url for link in links)
    for url in urls:
        positions[url] += 1
        personal = JINJA.search(url) is not None
        links.append(Link(len(links) + 1, url, personal, positions[url]))
    return links


def _edited(template: str, edits: Iterable[tuple[int, int, str]]) -> str:
    pieces: list[str] = []
    at = 0
    for start, end, replacement in sorted(edits):
        pieces += [template[at:start], replacement]
        at = end
    return "".join([*pieces, template[at:]])
