"""A hit: one request that a tracking address received, as it came."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class HitKind(StrEnum):
    """What was asked for: the pixel, or a link."""

    OPEN = "open"
    CLICK = "click"


@dataclass(frozen=True, slots=True)
class Hit:
    """One request for the pixel or a link of one send.

    `at` is aware UTC; `ip` and `user_agent` are empty when unknown. Of the `headers` (any case),
    the judgement reads Accept-Language, Referer, Purpose, Sec-Purpose, X-Purpose, X-Moz and
    Sec-Fetch-Mode; an empty mapping means that none were kept. `link_index` is None for the
    pixel; index 0 is the hidden link, which `honeypot` says too.
    """

    kind: HitKind
    at: datetime
    method: str = "GET"
    ip: str = ""
    user_agent: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    link_index: int | None = None
    honeypot: bool = False

    @property
    def is_trap(self) -> bool:
        """Whether it followed the link that no person sees."""
        return self.honeypot or (self.kind is HitKind.CLICK and self.link_index == 0)

    @property
    def source(self) -> tuple[str, str]:
        """Address and program: as near as a hit comes to saying who sent it."""
        return self.ip, self.user_agent
