"""The shapes of frequency caps and guards."""

from datetime import timedelta
from typing import Annotated

from pydantic import Field

from nurture.campaigns.shapes import Duration, Shape
from nurture.domain.caps import Cap
from nurture.domain.guards import Guards

USUAL = Guards()
USUAL_SHIFT = Cap(1, timedelta(days=1)).shift

Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1, le=100_000_000)]


class CapShape(Shape):
    """How often a contact may be mailed."""

    times: Annotated[int, Field(ge=1, le=1000)]
    """At most so many emails …"""
    per: Duration
    """… within any such time: 7d."""
    shift: Duration = USUAL_SHIFT
    """How long an email may be held back for it; after that it is passed over."""

    def build(self) -> Cap:
        """Return the cap."""
        return Cap(self.times, self.per, self.shift)


class GuardsShape(Shape):
    """What stops the product when something is wrong; write `null` to switch a guard off."""

    daily: Count | None = USUAL.daily
    """The most emails in one day of the account."""
    contact_daily: Count | None = USUAL.contact_daily
    """The most emails to one contact in one day of the account."""
    surge: Annotated[float, Field(gt=1)] | None = USUAL.surge
    """A sequence that sends so many times what it usually does in an hour pauses itself …"""
    surge_least: Count = USUAL.surge_least
    """… once it sent so many in that hour."""
    complaints: Share | None = USUAL.complaints
    """The share of complaints at which a sequence pauses itself: 0.001."""
    bounces: Share | None = USUAL.bounces
    """The share of hard bounces at which a sequence pauses itself: 0.03."""
    sample: Count = USUAL.sample
    """Looked at in its latest so many sends …"""
    sample_least: Count = USUAL.sample_least
    """… once there are so many."""

    def build(self) -> Guards:
        """Return the guards."""
        return Guards(**self.model_dump())
