"""What a recipient finds in the bytes of a delivered mail: its pixel, links and headers."""

import html
import re
from dataclasses import dataclass
from email import message_from_bytes, policy
from urllib.parse import urlsplit

_LINK = re.compile(r'href="([^"]+)"')
_PIXEL = re.compile(r'src="([^"]+/o/[^"]+)"')
_TRAP = re.compile(r"/c/[^/]+/0$")
_COUNTED = re.compile(r"/c/[^/]+/\d+")


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail as a recipient's program sees it; addresses as written in it."""

    subject: str
    pixel: str
    links: tuple[str, ...]
    trap: str
    unsubscribe: str

    @property
    def everything(self) -> tuple[str, ...]:
        """All counted links, the hidden one included: what a scanner fetches."""
        return (*self.links, self.trap) if self.trap else self.links


def read_letter(raw: bytes) -> Letter:
    """Return what is in a mail."""
    message = message_from_bytes(raw, policy=policy.default)
    part = message.get_body(("html",))
    page = part.get_content() if part is not None else ""
    addresses = dict.fromkeys(html.unescape(found) for found in _LINK.findall(page))
    counted = [one for one in addresses if _COUNTED.search(urlsplit(one).path)]
    pixels = _PIXEL.findall(page)
    unsubscribe = str(message["List-Unsubscribe"] or "").strip().strip("<>")
    return Letter(
        subject=str(message["Subject"] or ""),
        pixel=html.unescape(pixels[0]) if pixels else "",
        links=tuple(one for one in counted if not _TRAP.search(urlsplit(one).path)),
        trap=next((one for one in counted if _TRAP.search(urlsplit(one).path)), ""),
        unsubscribe=unsubscribe,
    )
