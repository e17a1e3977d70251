"""Serves the built stylesheet, script and icons under names that change with their content."""

import gzip
import json
import mimetypes
from functools import cache
from pathlib import Path

from flask import Blueprint, Response, abort, request, url_for

STATIC = Path(__file__).parent / "static"
# A name holds the hash of its content, so that what is kept under it is never stale.
_A_YEAR = "public, max-age=31536000, immutable"
_WORTH_COMPRESSING = {".css", ".js", ".svg"}

assets = Blueprint("assets", __name__)


@cache
def manifest() -> dict[str, str]:
    """Source name → built name, as the front end's build wrote it."""
    names: dict[str, str] = json.loads((STATIC / "manifest.json").read_text("utf-8"))
    return names


def asset(name: str) -> str:
    """The address of a built file by its source name, such as `admin.css`."""
    return url_for("assets.file", name=manifest()[name])


@assets.get("/static/<name>")
def file(name: str) -> Response:
    """One built file; only names in the manifest exist."""
    if name not in manifest().values():
        abort(404)
    plain, compressed = _content(name)
    packed = bool(compressed) and request.accept_encodings.quality("gzip") > 0
    response = Response(compressed if packed else plain, mimetype=mimetypes.guess_type(name)[0])
    if packed:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Cache-Control"] = _A_YEAR
    response.headers["Vary"] = "Accept-Encoding"
    return response


@cache
def _content(name: str) -> tuple[bytes, bytes]:
    """A file and its compressed form, kept in memory: together they are under a megabyte."""
    plain = (STATIC / name).read_bytes()
    packed = gzip.compress(plain, mtime=0) if Path(name).suffix in _WORTH_COMPRESSING else b""
    return plain, packed
