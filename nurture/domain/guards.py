"""Guards outside the journey logic: what stops the product when something is wrong with it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Guards:
    """The limits; None switches one off.

    `daily` is the most emails of the account in one of its days. A sequence pauses itself when
    it sends more in an hour than `surge` times what it usually does (and at least `surge_least`),
    or when of its last `sample` sends (and at least `sample_least`) the share of complaints
    reaches `complaints`, or that of hard bounces `bounces`.
    """

    daily: int | None = None
    contact_daily: int | None = 3
    surge: float | None = 10.0
    surge_least: int = 500
    complaints: float | None = 0.001
    bounces: float | None = 0.03
    sample: int = 1000
    sample_least: int = 200
