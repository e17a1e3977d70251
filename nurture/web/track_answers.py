"""The answers of the tracking door as ASGI's messages, made once: what never changes in them."""

from base64 import b64decode
from typing import Any, Final

Headers = list[tuple[bytes, bytes]]
Message = dict[str, Any]


def _start(status: int, headers: Headers) -> Message:
    return {"type": "http.response.start", "status": status, "headers": headers}


def _body(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body}


# GIF89a, one transparent pixel.
PIXEL: Final = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

_PRIVATE: Final[Headers] = [
    (b"referrer-policy", b"no-referrer"),
    (b"x-robots-tag", b"noindex"),
    (b"x-content-type-options", b"nosniff"),
]

# Gmail's proxy asks again for each display when it is told not to keep the image.
_PIXEL_HEADERS: Final[Headers] = [
    (b"content-type", b"image/gif"),
    (b"content-length", b"%d" % len(PIXEL)),
    (b"cache-control", b"no-store, no-cache, must-revalidate, max-age=0, private"),
    (b"pragma", b"no-cache"),
    (b"expires", b"0"),
    *_PRIVATE,
]
PIXEL_START: Final = _start(200, _PIXEL_HEADERS)
PIXEL_BODY: Final = _body(PIXEL)

_REDIRECT_HEADERS: Final[Headers] = [
    (b"content-length", b"0"),
    (b"cache-control", b"no-store"),
    *_PRIVATE,
]

LOST: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>404</title>
</head>
<body>
<p lang="vi">Liên kết này không đầy đủ hoặc không còn dùng được. Hãy mở lại email và bấm vào \
liên kết một lần nữa.</p>
<p>This link is incomplete or no longer works. Please open the email again and follow the link \
from there.</p>
</body>
</html>
""".encode()
_LOST_HEADERS: Final[Headers] = [
    (b"content-type", b"text/html; charset=utf-8"),
    (b"content-length", b"%d" % len(LOST)),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'"),
    *_PRIVATE,
]
LOST_START: Final = _start(404, _LOST_HEADERS)
LOST_BODY: Final = _body(LOST)

NO_BODY: Final = _body(b"")


def redirect(target: str) -> Message:
    """The beginning of the answer that leads to `target`; its body is NO_BODY."""
    return _start(302, [(b"location", target.encode()), *_REDIRECT_HEADERS])
