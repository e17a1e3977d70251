"""What one hit says about itself: the programs and networks known to fetch mail by themselves.

The lists are our own and short on purpose. Public lists of crawlers call the image proxies of
Gmail and Yahoo crawlers, which would void real opens, and miss the scanners that matter here.
Sources: the products' own documentation of their agents (Google, Yahoo, Barracuda, Microsoft
Office), the default agents of common HTTP libraries, and the address ranges that Google
(https://www.gstatic.com/ipranges/goog.json, cloud.json), Amazon
(https://ip-ranges.amazonaws.com/ip-ranges.json) and Microsoft (Office 365 URLs and IP address
ranges, Exchange Online; Azure service tags) publish, of which only large and stable blocks
are taken. A range is never enough alone to call a hit a machine.
"""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

APPLE_PRIVACY_AGENT: Final = "Mozilla/5.0"
"""The whole agent of Apple's Mail Privacy Protection; no browser is so short."""

GMAIL_PREFETCH_AGENT: Final = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/42.0.2311.135 Safari/537.36 Edge/12.246 Mozilla/5.0"
)
"""Gmail loading ahead, when it comes from Google; others have been seen with it."""

_DISPLAY_PROXIES: Final = re.compile(
    r"via ggpht\.com GoogleImageProxy|YahooMailProxy|OutlookImageProxy", re.IGNORECASE
)
_SCANNERS: Final = re.compile(
    # Security gateways and the link checks of office programs.
    r"Barracuda Sentinel|Microsoft Office Existence Discovery|Mimecast|Proofpoint|urlscan"
    # Browsers without a person.
    r"|HeadlessChrome|PhantomJS|Puppeteer|Playwright|Selenium"
    # HTTP libraries and command lines, which name themselves at the start.
    r"|^(?:python-requests|python-httpx|python-urllib|Python/|aiohttp|Java/|okhttp|curl/|Wget/"
    r"|Go-http-client|libwww-perl|Apache-HttpClient|node-fetch|axios/|undici|Ruby|PHP/"
    r"|GuzzleHttp|WinHTTP|Scrapy)"
    # Crawlers and link previews.
    r"|Googlebot|bingbot|BingPreview|YandexBot|Baiduspider|DuckDuckBot|AhrefsBot|SemrushBot"
    r"|Slackbot|Twitterbot|LinkedInBot|TelegramBot|Discordbot|facebookexternalhit"
    r"|SkypeUriPreview|^WhatsApp/|coccocbot",
    re.IGNORECASE,
)

_Network = IPv4Network | IPv6Network


def _networks(*blocks: str) -> tuple[_Network, ...]:
    return tuple(ip_network(block) for line in blocks for block in line.split())


_GOOGLE: Final = _networks(
    "64.233.160.0/19 66.102.0.0/20 66.249.64.0/19 72.14.192.0/18 74.125.0.0/16 108.177.0.0/17",
    "142.250.0.0/15 172.217.0.0/16 172.253.0.0/16 173.194.0.0/16 209.85.128.0/17",
    "216.58.192.0/19 216.239.32.0/19",
    "2001:4860::/32 2404:6800::/32 2607:f8b0::/32 2800:3f0::/32 2a00:1450::/32",
)
_CLOUDS: Final = _networks(
    # Microsoft: Exchange Online with its link protection, then Azure.
    "40.92.0.0/15 40.107.0.0/16 52.100.0.0/14 104.47.0.0/17 2a01:111:f400::/48",
    "13.64.0.0/11 20.64.0.0/10 40.64.0.0/10 104.40.0.0/13",
    # Amazon.
    "3.0.0.0/8 18.128.0.0/9 34.192.0.0/10",
    # Google Cloud.
    "34.64.0.0/10 35.184.0.0/13 35.192.0.0/11",
)


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with names in lower case, as HTTP means them (RFC 9110, 5.1)."""
    return {name.lower(): value for name, value in headers.items()}


def is_prefetch(headers: Mapping[str, str]) -> bool:
    """Whether the request says that it loads ahead; takes lower-case names.

    `Sec-Purpose` is of the Fetch standard; the others are what browsers sent before it.
    """
    return any(
        headers.get(name, "").lower().lstrip().startswith(("prefetch", "prerender", "preview"))
        for name in ("sec-purpose", "purpose", "x-purpose", "x-moz")
    )


def is_display_proxy(user_agent: str) -> bool:
    """Whether this is a mail service fetching an image that a reader has on screen."""
    return _DISPLAY_PROXIES.search(user_agent) is not None


def is_scanner(user_agent: str) -> bool:
    """Whether the program names itself as one that works without a person."""
    return _SCANNERS.search(user_agent) is not None


def is_bare(user_agent: str) -> bool:
    """Whether the agent is missing or nothing but the word every browser begins with."""
    return user_agent.strip() in {"", "Mozilla/4.0", APPLE_PRIVACY_AGENT}


@lru_cache(maxsize=4096)
def is_google(ip: str) -> bool:
    """Whether the address is one of Google's own services."""
    return _is_within(ip, _GOOGLE)


@lru_cache(maxsize=4096)
def is_cloud(ip: str) -> bool:
    """Whether the address is a data centre's; false for text that is no address."""
    return _is_within(ip, _CLOUDS)


def medium_of_click(ip: str, user_agent: str, headers: Mapping[str, str]) -> Iterator[str]:
    """The codes of what is odd for a person's click; takes lower-case header names.

    Headers that were not kept at all say nothing. Only a script asks with a fetch mode other
    than `navigate` (https://w3c.github.io/webappsec-fetch-metadata).
    """
    yield from medium_of_open(ip, user_agent)
    if headers and "accept-language" not in headers:
        yield "no-language"
    if headers.get("sec-fetch-mode", "navigate") != "navigate":
        yield "not-navigation"


def medium_of_open(ip: str, user_agent: str) -> Iterator[str]:
    """The codes of what is odd for an image on a person's screen.

    Mail programs send no language and fetch images by script, so only these two count.
    """
    if is_bare(user_agent):
        yield "bare-agent"
    if is_cloud(ip):
        yield "cloud-address"


def _is_within(ip: str, networks: tuple[_Network, ...]) -> bool:
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)
