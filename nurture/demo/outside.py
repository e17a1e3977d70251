"""What the audience can do to us: HTTP, as browsers, scanners, shops and providers speak it."""

import json
import re
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urljoin, urlsplit

import requests

from nurture.providers.signing import sign

BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    " Chrome/141.0.0.0 Safari/537.36"
)
MAIL_PROXY = (
    "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
)
PRIVACY_PROXY = "Mozilla/5.0"
SCANNER = "Barracuda Sentinel (EE)"
WITHIN = 20.0  # seconds


@dataclass
class Outside:
    """The world beyond our web server. `key` is the shop's API key, `secret` the provider's."""

    base: str
    key: str
    secret: bytes
    _session: requests.Session = field(default_factory=requests.Session)

    def __post_init__(self) -> None:
        # A proxy of the environment has nothing to do with a server on this machine.
        self._session.trust_env = False
        adapter = requests.adapters.HTTPAdapter(pool_maxsize=32)
        self._session.mount("http://", adapter)

    def here(self, address: str) -> str:
        """Return where a link in a mail leads today: the web may have moved to another port."""
        return urljoin(self.base, urlsplit(address).path)

    def see_pixel(self, address: str, agent: str) -> None:
        """Fetch the pixel as the program that shows the mail does."""
        self._session.get(self.here(address), headers={"User-Agent": agent}, timeout=WITHIN)

    def click(self, address: str) -> str:
        """Follow a link as a person's browser does; return where it leads, nothing when nowhere."""
        headers = {
            "User-Agent": BROWSER,
            "Accept-Language": "vi,en;q=0.8",
            "Sec-Fetch-Mode": "navigate",
        }
        answer = self._session.get(
            self.here(address), headers=headers, timeout=WITHIN, allow_redirects=False
        )
        return answer.headers.get("Location", "")

    def scan(self, addresses: tuple[str, ...]) -> None:
        """Look at every link as a security gateway does."""
        for address in map(self.here, addresses):
            headers = {"User-Agent": SCANNER}
            self._session.head(address, headers=headers, timeout=WITHIN, allow_redirects=False)
            self._session.get(address, headers=headers, timeout=WITHIN, allow_redirects=False)

    def unsubscribe_at_once(self, address: str) -> bool:
        """Send what a mailbox provider's button sends (RFC 8058); true when it was taken."""
        body = "List-Unsubscribe=One-Click"
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = requests.post(
            self.here(address), data=body, headers=headers, timeout=WITHIN, allow_redirects=False
        )
        return answer.status_code == 200

    def unsubscribe_by_page(self, address: str) -> bool:
        """Open the page and press its button; true when the page then says that it is done."""
        browser = requests.Session()
        browser.trust_env = False
        page = browser.get(self.here(address), headers={"User-Agent": BROWSER}, timeout=WITHIN)
        fields = form_fields(page.text)
        answer = browser.post(
            self.here(address), data=fields, headers={"User-Agent": BROWSER}, timeout=WITHIN
        )
        return answer.ok and 'role="status"' in answer.text

    def complain(self, recipient: str, message_id: str, at: datetime) -> bool:
        """Report a mail as spam; the provider tells us by webhook."""
        report = {
            "type": "complaint",
            "recipient": recipient,
            "message_id": message_id,
            "at": at.isoformat(),
        }
        body = json.dumps(report).encode()
        webhook_id = f"complaint-{message_id.strip('<>')}"[:200]
        headers = sign(body, self.secret, webhook_id=webhook_id, at=at)
        answer = self._session.post(
            f"{self.base}/hooks/inbox",
            data=body,
            headers={**headers, "Content-Type": "application/json"},
            timeout=WITHIN,
        )
        return answer.ok

    def tell(self, address: str, event: str, key: str, **properties: object) -> bool:
        """Have the site report what somebody did there."""
        item = {"email": address, "event": event, "id": key, "properties": properties}
        answer = self._session.post(
            f"{self.base}/api/events",
            json=item,
            headers={"Authorization": f"Bearer {self.key}"},
            timeout=WITHIN,
        )
        return answer.ok


def form_fields(page: str) -> dict[str, str]:
    """Return what pressing the button of the form on a page sends: hidden fields and the button."""
    fields = {}
    for tag in re.findall(r"<(?:input|button)[^>]+>", page):
        name = re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name and (tag.startswith("<button") or 'type="hidden"' in tag):
            fields[name[1]] = value[1] if value else ""
    return fields
