"""Numbers in addresses: ids that a database can be asked for, and nothing beyond."""

from flask import Flask
from werkzeug.routing import IntegerConverter

# Ids have 63 bits in both databases; asked for more, each raises an error of its own.
LARGEST_ID = 2**63 - 1
_MOST_DIGITS = len(str(LARGEST_ID))


class IdConverter(IntegerConverter):
    """`<int:…>` of a route: a longer number is no address of ours, so the answer is 404."""

    # Python refuses to read thousands of digits, which would be a fault of ours and not a 404.
    regex = rf"\d{{1,{_MOST_DIGITS - 1}}}"


def id_of(text: str) -> int:
    """Return the number in a query, for `request.args.get(…, type=id_of)`; raises ValueError."""
    if len(text) > _MOST_DIGITS or not 0 <= (number := int(text)) <= LARGEST_ID:
        raise ValueError(text)
    return number


def install(app: Flask) -> None:
    """Bound the numbers of every route; before the routes are made."""
    app.url_map.converters["int"] = IdConverter
