"""Whom a connection of ours trusts: the authorities of this system, read once from each place."""

import ssl
from functools import cache


def client_context(*, verify: bool = True) -> ssl.SSLContext:
    """A client's context with the system's authorities, TLS 1.2 or newer.

    Shared, because reading the authorities takes 20 ms and more: callers must not change it.
    """
    return _context(verify, ssl.get_default_verify_paths())


@cache
def _context(verify: bool, _authorities: ssl.DefaultVerifyPaths) -> ssl.SSLContext:  # noqa: FBT001
    context = ssl.create_default_context()
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
