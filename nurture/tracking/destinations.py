"""Where a click may lead: to the web, in octets that a Location header may carry.

The check runs after merge fields are rendered, because a contact's own field may be the URL.
"""

import re
import unicodedata
from typing import Final
from urllib.parse import quote

from nurture.tracking.tokens import MAX_URL

_PARTS: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9a-f:.]+\]|[^/?#\\@:\[\]]+)(?::(?P<port>[0-9]{0,5}))?"
    r"(?P<rest>[/?#].*)?",
    re.IGNORECASE,
)
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.IGNORECASE)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_MAX_HOST: Final = 253
_MAX_PORT: Final = 65535

# What may stand in path, query and fragment as it is: everything of RFC 3986, "%" included so
# that nothing is encoded twice, and the brackets that browsers leave alone.
_LEGAL: Final = "%/?#[]@!$&'()*+,;=:-._~"


def safe_destination(url: str) -> str | None:
    """The URL fit for a redirect, or None when no click may lead there.

    Only absolute http and https pass: no other scheme, no `//host`, no user name before the host
    (it makes `https://bank.example@evil.example` look right), no control characters, no more than
    `MAX_URL` octets. Octets are kept as they are, percent-encoding and fragment included; only
    what a URL may not hold is encoded: space, `|`, non-ASCII text as UTF-8, and a host
    beyond ASCII as punycode (RFC 3492). A safe destination comes back unchanged.
    """
    url = url.strip("\t\n\f\r ")
    parts = None if _CONTROL.search(url) else _PARTS.fullmatch(url)
    if parts is None or int(parts["port"] or 0) > _MAX_PORT:
        return None
    host = _host(parts["host"])
    if host is None:
        return None
    port = "" if parts["port"] is None else f":{parts['port']}"
    try:
        rest = quote(parts["rest"] or "", safe=_LEGAL)
    except UnicodeEncodeError:
        return None
    whole = f"{parts['scheme']}://{host}{port}{rest}"
    return whole if len(whole) <= MAX_URL else None


def _host(host: str) -> str | None:
    if host.startswith("["):
        return host
    labels = [_label(label) for label in host.removesuffix(".").split(".")]
    if not all(_LABEL.fullmatch(label) for label in labels):
        return None
    name = ".".join(labels) + ("." if host.endswith(".") else "")
    return name if len(name) <= _MAX_HOST else None


def _label(label: str) -> str:
    """The label in ASCII; the empty text, which is no label, when it cannot be one.

    Compatibility forms are folded first, as browsers do, and judged afterwards: a full-width
    slash would otherwise end the host only once it is too late.
    """
    if label.isascii():
        return label
    folded = unicodedata.normalize("NFKC", label.lower())
    if folded.isascii():
        return folded
    if not all(unicodedata.category(sign)[0] in "LMN" or sign == "-" for sign in folded):
        return ""
    return "xn--" + folded.encode("punycode").decode()
