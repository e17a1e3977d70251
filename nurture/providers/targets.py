"""Which network addresses an outgoing call may reach: decided after the name was resolved.

A name is looked up once, every address that it has is checked, and the connection goes to one
of those very addresses. So no second answer of a name server can lead it anywhere else.
"""

import socket
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Resolver = Callable[[str, int], Sequence[str]]
"""From a host and a port to numeric addresses; raises OSError when the name has none."""

# Clouds hand credentials to their machines here; link-local ones are refused anyway.
_METADATA: Final = frozenset(
    ip_address(text) for text in ("168.63.129.16", "100.100.100.200", "fd00:ec2::254")
)
# Networks whose IPv6 addresses carry an IPv4 address that is reached in the end (RFC 6052, 3056).
_NAT64: Final = IPv6Network("64:ff9b::/96")
_LOCAL_NAT64: Final = IPv6Network("64:ff9b:1::/48")
_THIS_NETWORK: Final = IPv4Network("0.0.0.0/8")
_EVERYBODY: Final = IPv4Address("255.255.255.255")

Address = IPv4Address | IPv6Address


def look_up(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver for every address of `host`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(one[4][0]) for one in found))


def objection(text: str, *, private: bool) -> str:
    """Return why the numeric address `text` may not be called, empty when it may.

    With `private` those of local networks and of this machine may be, too; what can never be the
    address of another system, and what hands out credentials, may not even then.
    """
    try:
        address = _reached(ip_address(text.partition("%")[0]))
    except ValueError:
        return "it is no address"
    for word, is_so in (
        ("a cloud's metadata", address in _METADATA),
        ("a link-local address", address.is_link_local),
        ("a multicast address", address.is_multicast),
        ("no address of a machine", address.is_unspecified or _is_broadcast(address)),
    ):
        if is_so:
            return word
    if private:
        return ""
    if address.is_loopback:
        return "this very machine"
    return "" if address.is_global and not address.is_reserved else "a private address"


def _reached(address: Address) -> Address:
    """Return the address that packets reach in the end: IPv6 may carry IPv4 inside."""
    if isinstance(address, IPv4Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if address.teredo is not None:
        inner = address.teredo[1]
    if address in _NAT64 or address in _LOCAL_NAT64 or int(address) >> 32 == 0:
        inner = IPv4Address(int(address) & 0xFFFFFFFF)
    # The two smallest IPv6 addresses are no carriers: nobody, and this machine.
    return address if inner is None or int(address) < 2 else inner


def _is_broadcast(address: Address) -> bool:
    return address == _EVERYBODY or address in _THIS_NETWORK
