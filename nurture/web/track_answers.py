"""The answers of the tracking door, made once: headers and bodies that never change."""

from base64 import b64decode
from typing import Final

Headers = list[tuple[str, str]]

# GIF89a, one transparent pixel.
PIXEL: Final = b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")

_PRIVATE: Final[Headers] = [
    ("Referrer-Policy", "no-referrer"),
    ("X-Robots-Tag", "noindex"),
    ("X-Content-Type-Options", "nosniff"),
]

PIXEL_STATUS: Final = "200 OK"
# Gmail's proxy asks again for each display when it is told not to keep the image.
PIXEL_HEADERS: Final[Headers] = [
    ("Content-Type", "image/gif"),
    ("Content-Length", str(len(PIXEL))),
    ("Cache-Control", "no-store, no-cache, must-revalidate, max-age=0, private"),
    ("Pragma", "no-cache"),
    ("Expires", "0"),
    *_PRIVATE,
]

REDIRECT_STATUS: Final = "302 Found"
REDIRECT_HEADERS: Final[Headers] = [
    ("Content-Length", "0"),
    ("Cache-Control", "no-store"),
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
LOST_STATUS: Final = "404 Not Found"
LOST_HEADERS: Final[Headers] = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Length", str(len(LOST))),
    ("Cache-Control", "no-store"),
    ("Content-Security-Policy", "default-src 'none'"),
    *_PRIVATE,
]
