"""The least that a redirect can be: what the tracking endpoint is compared with."""

from collections.abc import Callable, Iterable
from typing import Any


def application(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Redirect, knowing nothing and keeping nothing."""
    start_response("302 Found", [("Location", "https://lotusdesk.example.com/")])
    return ()
