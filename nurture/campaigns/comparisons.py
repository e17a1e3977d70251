"""The shapes of comparisons: an operator and its value, or the value alone."""

from datetime import timedelta
from typing import Annotated, Any

from pydantic import ConfigDict, Discriminator, Tag

from nurture.campaigns.shapes import Duration, Number, OneOf, Scalar, Text, Texts, Wanted
from nurture.domain.conditions import Compare, Op, Subject
from nurture.domain.contact import Value


def alias(name: str) -> str:
    """Return the word written for an attribute: Python's own words carry an underscore there."""
    return name.removesuffix("_")


def one_of(*names: str) -> dict[str, Any]:
    """Return the schema that asks for exactly one of these keys."""
    return {"oneOf": [{"required": [name]} for name in names]}


OPERATORS = tuple(op.value for op in Op)


class Operators(OneOf):
    """One comparison: an operator and the value to compare with."""

    is_: Scalar = None
    """Equal, whatever the case; true also when one of several tags (or the like) is equal."""
    in_: Texts | None = None
    """Equal to one of a list."""
    contains: Wanted = None
    """A text that holds this text, or a list that holds this item."""
    matches: Wanted = None
    """Equal to a pattern in which * stands for any letters and ? for one."""
    exists: bool | None = None
    """true: there is a value; false: there is none."""
    at_least: Number | None = None
    """This number or more."""
    at_most: Number | None = None
    """This number or less."""
    above: Number | None = None
    """More than this number."""
    below: Number | None = None
    """Less than this number."""
    after: Text | None = None
    """Later than this date or date-time (2026-09-02), or than `now`."""
    before: Text | None = None
    """Earlier than this date or date-time (2026-09-02), or than `now`."""
    within_last: Duration | None = None
    """A date or date-time that came at most this long ago: `within_last: 30d`."""
    in_next: Duration | None = None
    """A date or date-time that is still to come, in this time at the latest: `in_next: 7d`."""

    model_config = ConfigDict(alias_generator=alias, json_schema_extra=one_of(*OPERATORS))

    @classmethod
    def choices(cls) -> tuple[str, ...]:
        """The operators' attribute names."""
        return tuple(Operators.model_fields)

    def compare(self, subject: Subject) -> Compare:
        """Return the comparison of `subject` that this says."""
        found: Value | timedelta = getattr(self, self.chosen)
        value = int(found.total_seconds()) if isinstance(found, timedelta) else found
        return Compare(subject, Op(alias(self.chosen)), value)


def _plain_or_operators(value: Any) -> str:
    if isinstance(value, dict):
        return "<operators>"
    return "<list>" if isinstance(value, list) else "<value>"


Against = Annotated[
    Annotated[Scalar, Tag("<value>")]
    | Annotated[Texts, Tag("<list>")]
    | Annotated[Operators, Tag("<operators>")],
    Discriminator(_plain_or_operators),
]
