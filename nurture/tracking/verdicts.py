"""Verdicts: whether a person or a machine opened or clicked, or nobody can know.

All hits of one send are judged together, so that what comes later re-labels what came before.
The judgement depends on the hits alone, not on their order, and nothing is ever dropped.
A verdict may change a score; it must never suppress or unsubscribe anybody.

One strong sign makes a machine; so do two medium ones, of which one alone leaves `unknown`.
`unknown` arises only

* for an open: from Apple's privacy proxy, from Gmail's prefetch agent outside Google, or with one
  medium sign (no agent, an address in a data centre);
* for a click: with one medium sign (those two, no language, not a navigation), or while it is not
  yet known whether the email was accepted, up to `PENDING` after the click.

Everything else without a sign is `human`. A click without an open is no sign: many people read
without images. Signs that need other sends, such as one address visiting many recipients, are
not seen here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from nurture.tracking import signals
from nurture.tracking.evidence import after_scan, bursts, near_trap, scans, sweeps
from nurture.tracking.hits import Hit, HitKind
from nurture.tracking.reasons import REASONS

__all__ = ["REASONS", "VERSION", "Hit", "HitKind", "Label", "Verdict", "judge"]

VERSION: Final = 1
"""Of the rules; raise it with any change to them, so that stored verdicts can be told apart."""

EARLY: Final = timedelta(seconds=2)
PENDING: Final = timedelta(seconds=60)
_TWO: Final = 2
_ORDER: Final = {code: place for place, code in enumerate(REASONS)}
_GMAIL_REFERERS: Final = ("http://mail.google.com/", "https://mail.google.com/")


class Label(StrEnum):
    """Who was it?"""

    HUMAN = "human"
    MACHINE = "machine"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The label, why (codes of `REASONS`, at least one, in their order), and by which rules."""

    label: Label
    reasons: tuple[str, ...]
    version: int = VERSION


def judge(
    hits_of_one_send: Sequence[Hit], *, accepted_at: datetime | None, links: int, now: datetime
) -> tuple[Verdict, ...]:
    """One verdict per hit, in the order of the hits.

    `accepted_at` is when the receiving server took the email (None while or because that is not
    known), `links` how many counted links it shows. Judge again when a hit or the acceptance
    arrives: the same hits always give the same verdicts.
    """
    hits = hits_of_one_send
    headers = [signals.lowered(hit.headers) for hit in hits]
    strong = [_strong(*each, accepted_at) for each in zip(hits, headers, strict=True)]
    medium = [_medium(*each) for each in zip(hits, headers, strict=True)]
    for code, places in (
        ("near-honeypot", near_trap(hits)),
        ("burst", bursts(hits)),
        ("all-links", sweeps(hits, links)),
    ):
        for place in places:
            strong[place].add(code)

    clicks = [place for place, hit in enumerate(hits) if hit.kind is HitKind.CLICK]
    open_cases = [at for at in clicks if not strong[at] and len(medium[at]) < _TWO]
    clear = [at for at in open_cases if not medium[at]]
    doubtful = [at for at in open_cases if medium[at]]
    for place in scans(hits, clear, doubtful):
        strong[place].add("scan-before-person")
    machines = set(clicks) - {at for at in open_cases if not strong[at]}
    persons = after_scan(hits, [at for at in clear if not strong[at]], machines)

    def verdict(place: int) -> Verdict:
        hit = hits[place]
        if hit.kind is HitKind.OPEN:
            return _open(hit, strong[place], medium[place])
        pending = accepted_at is None and now - hit.at < PENDING
        return _click(strong[place], medium[place], pending=pending, after_scan=place in persons)

    return tuple(verdict(place) for place in range(len(hits)))


def _strong(hit: Hit, headers: Mapping[str, str], accepted_at: datetime | None) -> set[str]:
    """The strong signs that the hit carries in itself."""
    is_click = hit.kind is HitKind.CLICK
    signs = {
        "method": hit.method.upper() != "GET",
        "prefetch-header": signals.is_prefetch(headers),
        "proxy-click": is_click and signals.is_display_proxy(hit.user_agent),
        "honeypot": hit.is_trap,
        "scanner-agent": signals.is_scanner(hit.user_agent),
        "gmail-prefetch": _is_gmail_prefetch(hit, headers),
        # A person with the program in front may see an image at once, but not before delivery.
        "before-delivery": accepted_at is not None
        and hit.at - accepted_at <= (EARLY if is_click else timedelta(microseconds=-1)),
    }
    return {code for code, seen in signs.items() if seen}


def _is_gmail_prefetch(hit: Hit, headers: Mapping[str, str]) -> bool:
    return hit.user_agent == signals.GMAIL_PREFETCH_AGENT and (
        signals.is_google(hit.ip) or headers.get("referer", "").startswith(_GMAIL_REFERERS)
    )


def _medium(hit: Hit, headers: Mapping[str, str]) -> set[str]:
    if hit.kind is HitKind.OPEN:
        return set(signals.medium_of_open(hit.ip, hit.user_agent))
    return set(signals.medium_of_click(hit.ip, hit.user_agent, headers))


def _open(hit: Hit, strong: set[str], medium: set[str]) -> Verdict:
    # The proxies that fetch for a reader are asked first, for their shared addresses and their
    # common name would make them machines by every other rule; what the request says of itself
    # holds all the same.
    if signals.is_display_proxy(hit.user_agent) and not strong & {"method", "prefetch-header"}:
        return _verdict(Label.HUMAN, {"mail-proxy"})
    if strong:
        return _verdict(Label.MACHINE, strong | medium)
    if hit.user_agent == signals.APPLE_PRIVACY_AGENT:
        return _verdict(Label.UNKNOWN, {"apple-privacy"})
    if hit.user_agent == signals.GMAIL_PREFETCH_AGENT:
        return _verdict(Label.UNKNOWN, {"prefetch-agent"})
    return _by_medium(medium)


def _click(strong: set[str], medium: set[str], *, pending: bool, after_scan: bool) -> Verdict:
    if strong:
        return _verdict(Label.MACHINE, strong | medium)
    if pending and len(medium) < _TWO:
        return _verdict(Label.UNKNOWN, medium | {"acceptance-pending"})
    if after_scan:
        return _verdict(Label.HUMAN, {"after-scan"})
    return _by_medium(medium)


def _by_medium(medium: set[str]) -> Verdict:
    if not medium:
        return _verdict(Label.HUMAN, {"no-machine-sign"})
    return _verdict(Label.MACHINE if len(medium) >= _TWO else Label.UNKNOWN, medium)


def _verdict(label: Label, codes: set[str]) -> Verdict:
    return Verdict(label, tuple(sorted(codes, key=_ORDER.__getitem__)))
