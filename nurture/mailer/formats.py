"""Dates, numbers and money as the reader of the email writes them."""

from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import UnknownCurrencyError, format_currency, format_decimal, is_currency

_NAMED: Final = frozenset({"short", "medium", "long", "full"})
_LARGEST: Final = Decimal(10) ** 15
_PATTERN_LENGTH: Final = 64
_HOME_CURRENCY: Final = {"vi": "VND"}


def format_as_date(value: object, pattern: str, language: str) -> str:
    """A date, a time or an ISO 8601 text by a named length or a CLDR pattern (`EEEE d MMMM`).

    Raises `ValueError` or `TypeError` for what is no date, and for an overlong pattern.
    """
    if len(pattern) > _PATTERN_LENGTH:
        raise ValueError("the date pattern is too long")
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if not isinstance(value, date):
        raise TypeError(f"{type(value).__name__} is not a date")
    return _date(value, pattern, language)


def format_as_number(value: object, decimals: int | None, language: str) -> str:
    """A number with the language's separators; `decimals` fixes the digits after the point."""
    return _number(_decimal(value), decimals, language)


def format_as_money(value: object, currency: str, language: str) -> str:
    """An amount with its currency; the digits after the point are the currency's own (VND: none).

    Without a currency: VND for Vietnamese, else USD.
    """
    code = currency or _HOME_CURRENCY.get(language[:2], "USD")
    if not is_currency(code):
        raise ValueError(f"{code!r} is not a currency code such as VND or USD")
    return _money(_decimal(value), code, language)


def _decimal(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise TypeError(f"{type(value).__name__} is not a number")
    if isinstance(value, str) and len(value) > _PATTERN_LENGTH:
        raise ValueError("the number is too long")
    try:
        number = Decimal(str(value)) if not isinstance(value, int) else Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite() or abs(number) > _LARGEST:
        raise ValueError("the number is too large to print")
    # Tiny exponents would otherwise be written out digit by digit.
    return number if -number.adjusted() <= _PATTERN_LENGTH else Decimal(0)


@lru_cache(maxsize=64)
def _locale(language: str) -> Locale:
    try:
        return Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        return Locale("en")


# One send batch prints the same few dates and amounts for everybody, and CLDR patterns cost
# more to apply than the rest of a merge field.
@lru_cache(maxsize=2048)
def _date(value: date, pattern: str, language: str) -> str:
    locale = _locale(language)
    if pattern in _NAMED:
        return format_date(value, pattern, locale=locale)
    moment = value if isinstance(value, datetime) else datetime.combine(value, time())
    return format_datetime(moment, pattern, locale=locale)


@lru_cache(maxsize=2048)
def _number(value: Decimal, decimals: int | None, language: str) -> str:
    if decimals is None:
        return format_decimal(value, locale=_locale(language))
    if not 0 <= decimals <= 10:
        raise ValueError("decimals must be between 0 and 10")
    pattern = "#,##0" + ("." + "0" * decimals if decimals else "")
    return format_decimal(value, format=pattern, locale=_locale(language))


@lru_cache(maxsize=2048)
def _money(value: Decimal, currency: str, language: str) -> str:
    try:
        return format_currency(value, currency, locale=_locale(language))
    except UnknownCurrencyError:
        raise ValueError(f"{currency!r} is not a currency") from None
