"""The links of one send: slots filled with tokens, and our own pages beside them."""

import html
import re
from abc import ABC, abstractmethod
from dataclasses import replace
from functools import partial

from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.linking import ANY_SLOT, CARRIES
from nurture.mailer.render import Rendered
from nurture.tracking.links import honeypot_html, pixel_html, safe_destination
from nurture.tracking.tokens import Purpose, Tokens

_INVISIBLE = (honeypot_html(), pixel_html())
# The characters that frame a slot.
_OPENS, _CLOSES = "\x02", "\x03"


class Links:
    """Makes every address that an email carries; `base_url` is the public one, without a path.

    `site` is where a click leads whose own destination turned out unsafe (a merge field with
    `javascript:`, say); the public address itself when there is none.
    """

    def __init__(self, base_url: str, tokens: Tokens, *, site: str = "") -> None:
        self._base = base_url.rstrip("/")
        self._tokens = tokens
        self._site = safe_destination(site) or self._base

    def unsubscribe_url(self, email_id: int, send_id: int) -> str:
        """The address for `{{ unsubscribe_url }}` and for List-Unsubscribe (RFC 8058)."""
        return f"{self._base}/u/{self._tokens.seal(Purpose.UNSUBSCRIBE, email_id, send_id)}"

    def view_url(self, email_id: int, send_id: int) -> str:
        """The address for `{{ view_url }}`: this very email in a browser."""
        return f"{self._base}/v/{self._tokens.seal(Purpose.VIEW, email_id, send_id)}"

    def confirm_url(self, email_id: int, send_id: int) -> str:
        """The address for `{{ confirm_url }}`: where consent that was asked for is confirmed."""
        return f"{self._base}/confirm/{self._tokens.seal(Purpose.CONFIRM, email_id, send_id)}"

    def fill(
        self,
        rendered: Rendered,
        email: CompiledEmail,
        email_id: int,
        send_id: int,
        *,
        tracked: bool = True,
    ) -> Rendered:
        """The email with its links, pixel and honeypot. Send id 0 is never counted.

        Not `tracked`: the true destinations and nothing that tells us of the reader, for previews,
        for the view in a browser, and for contacts who do not want to be tracked.
        """
        if not tracked:
            page = rendered.html
            for element in _INVISIBLE:
                page = page.replace(element, "")
            return _filled(rendered, _Direct(self._site, email), page)
        open_token = self._tokens.seal(Purpose.OPEN, email_id, send_id)
        click_token = self._tokens.seal(Purpose.CLICK, email_id, send_id)
        open_url = f"{self._base}/o/{open_token}.gif"
        click_url = f"{self._base}/c/{click_token}/"
        if CARRIES not in rendered.html and CARRIES not in rendered.text:
            return Rendered(
                rendered.subject,
                _plainly(rendered.html, html.escape(open_url), html.escape(click_url)),
                _plainly(rendered.text, open_url, click_url),
                rendered.warnings,
            )
        send = _Tracked(
            self._site,
            open_url=open_url,
            click_url=click_url,
            seal=partial(self._tokens.seal_url, Purpose.CLICK, send_id),
        )
        return _filled(rendered, send, rendered.html)


def _plainly(part: str, open_url: str, click_url: str) -> str:
    """Fill slots that carry no destination: each is an address and, for a click, its number.

    Cutting at the one character that opens a slot takes a fraction of the time of a pattern, or
    of replacing. Merge fields cannot write the characters that frame a slot.
    """
    before, *slots = part.split(_OPENS)
    pieces = [before]
    for slot in slots:
        name, _, after = slot.partition(_CLOSES)
        pieces += (open_url if name == "o" else click_url + name[1:], after)
    return "".join(pieces)


def _filled(rendered: Rendered, send: "_Send", page: str) -> Rendered:
    filled = replace(
        rendered,
        html=ANY_SLOT.sub(send.in_html, page),
        text=ANY_SLOT.sub(send.in_text, rendered.text),
    )
    if not send.unsafe:
        return filled
    told = tuple(
        f"a link led to {url!r}, which is not a web address: it leads to {send.site} instead"
        for url in send.unsafe
    )
    return replace(filled, warnings=(*rendered.warnings, *told))


class _Send(ABC):
    """What is put in the place of each slot."""

    def __init__(self, site: str) -> None:
        self.site = site
        # A dict, for its order: the same address stands in both parts and is told of once.
        self.unsafe: dict[str, None] = {}

    def in_html(self, slot: re.Match[str]) -> str:
        carried = slot[2]
        return html.escape(self.address(slot[1], carried and html.unescape(carried)))

    def in_text(self, slot: re.Match[str]) -> str:
        return self.address(slot[1], slot[2])

    @abstractmethod
    def address(self, name: str, carried: str | None) -> str:
        """The address for a slot; `carried` is the destination a personal link brought along."""

    def safe(self, url: str) -> str:
        destination = safe_destination(url)
        if destination is None:
            self.unsafe[url[:200]] = None
            return self.site
        return destination


class _Tracked(_Send):
    def __init__(self, site: str, *, open_url: str, click_url: str, seal: partial[str]) -> None:
        super().__init__(site)
        self._open_url = open_url
        self._click_url = click_url
        self._seal = seal

    def address(self, name: str, carried: str | None) -> str:
        if carried is None:
            return self._open_url if name == "o" else self._click_url + name[1:]
        if name == "d":
            return self.safe(carried)
        return f"{self._click_url}{name[1:]}/{self._seal(self.safe(carried))}"


class _Direct(_Send):
    def __init__(self, site: str, email: CompiledEmail) -> None:
        super().__init__(site)
        self._urls = {f"c{link.index}": link.url for link in email.links}

    def address(self, name: str, carried: str | None) -> str:
        return self.safe(self._urls.get(name, "") if carried is None else carried)
