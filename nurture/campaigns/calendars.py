"""Public holidays by country, from the `holidays` library, lunar ones included."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from nurture.campaigns.shapes import wrong

# The years for which a calendar names its days. Beyond them nothing is a holiday by a calendar.
YEARS = range(2020, 2061)


@lru_cache(maxsize=64)
def days_off(calendar: str) -> frozenset[date]:
    """Return the public holidays of a country ("VN") or of a part of one ("DE-BY") in YEARS.

    Raises KeyError when there is no such calendar.
    """
    # Imported when a funnel first names a calendar: it takes longer than everything else here.
    import holidays

    country, _, part = calendar.partition("-")
    if part not in ("", *_parts().get(country, ())) or country not in _parts():
        raise KeyError(calendar)
    found = holidays.country_holidays(country, subdiv=part or None, years=YEARS)
    return frozenset(found)


def all_days_off(calendars: Iterable[str]) -> frozenset[date]:
    """Return the days of several calendars together."""
    return frozenset().union(*(days_off(one) for one in calendars))


@lru_cache(maxsize=1)
def _parts() -> Mapping[str, Sequence[str]]:
    import holidays

    return holidays.list_supported_countries(include_aliases=False)


def _calendar(value: Any) -> str:
    country, dash, part = value.strip().partition("-") if isinstance(value, str) else ("", "", "")
    written = f"{country.upper()}{dash}{part}"
    try:
        days_off(written)
    except KeyError:
        told = f"there is no holiday calendar {value!r}"
        raise wrong(told, _remedy(written)) from None
    return written


def _remedy(written: str) -> str:
    country, _, part = written.partition("-")
    if part and (known := _parts().get(country)):
        return f"Write {country}, or one of {', '.join(f'{country}-{one}' for one in known)}."
    if part and country in _parts():
        return f"Write {country}: its parts have no calendars of their own."
    return "Write a country's two letters, such as VN or US, or a part of one, such as DE-BY."


Calendar = Annotated[
    str,
    PlainValidator(_calendar),
    WithJsonSchema(
        {"type": "string", "pattern": "^[A-Z]{2}(-[A-Za-z0-9]+)?$", "examples": ["VN", "DE-BY"]}
    ),
]
