"""How dates, durations and numbers look in the language of the page."""

from datetime import date, datetime, timedelta, tzinfo
from typing import Final

from babel.dates import format_date, format_time, format_timedelta, get_datetime_format
from babel.numbers import format_decimal, format_percent
from flask import Flask
from markupsafe import Markup

from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.i18n import language

# Nearer than this, counting seconds tells nothing.
JUST_NOW: Final = timedelta(seconds=1)


def long_time(moment: datetime, zone: tzinfo | None = None) -> str:
    """An aware datetime as day and time in a zone (the pages' own), to the minute."""
    zone = zone or dependencies().zone
    local = moment.astimezone(zone)
    day = format_date(local, "medium", locale=language())
    time = format_time(local, "short", tzinfo=zone, locale=language())
    pattern = str(get_datetime_format("medium", locale=language()))
    return pattern.replace("{1}", day).replace("{0}", time)


def short_date(day: date) -> str:
    """A day; of an aware datetime the day in the pages' zone."""
    if isinstance(day, datetime):
        day = day.astimezone(dependencies().zone).date()
    return format_date(day, "medium", locale=language())


def ago(moment: datetime) -> str:
    """An aware datetime as its distance from the campaign's now: "2 hours ago", "in 3 days"."""
    distance = moment - dependencies().clock.now()
    if abs(distance) < JUST_NOW:
        return _("just now")
    return format_timedelta(distance, add_direction=True, locale=language())


def moment(at: datetime) -> Markup:
    """A <time> element: the distance to read, the exact time to point at and for machines."""
    element = Markup('<time datetime="{}" title="{}">{}</time>')
    return element.format(at.isoformat(timespec="seconds"), long_time(at), ago(at))


def number(value: float) -> str:
    """A number with at most one decimal and the language's separators."""
    return format_decimal(value, "#,##0.#", locale=language())


def exact(value: float) -> str:
    """A number with two decimals, for parts that a reader may add up."""
    return format_decimal(value, "#,##0.00", locale=language())


def percent(value: float) -> str:
    """A ratio (0.125) as a percentage (12.5%)."""
    return format_percent(value, "#,##0.#%", locale=language())


def install(app: Flask) -> None:
    """Make these functions filters of the templates."""
    app.jinja_env.filters.update(
        long_time=long_time,
        short_date=short_date,
        ago=ago,
        moment=moment,
        number=number,
        exact=exact,
        percent=percent,
    )
