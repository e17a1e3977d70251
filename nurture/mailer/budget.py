"""What one email may cost to render: counted work, never measured time.

A clock would make the same email succeed on a fast machine and fail on a slow one, and could not
stop a single long operation anyway. So every loop and every filter spends from a budget, every
value an email makes is bounded before it is made, and the output is counted as it grows.
"""

from collections.abc import Mapping, Sized
from dataclasses import dataclass
from typing import Any, Final

from jinja2.runtime import Context, Undefined

BUDGET: Final = "~budget"
"""The name under which a render's budget lies in its context; no template can spell it."""


class OverBudget(Exception):
    """The email loops or grows beyond what any real email needs."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds for one email (subject, HTML and text together).

    `steps`: template nodes evaluated inside loops plus list items and 16-character blocks passed
    through filters; an order with 50 lines takes about 2,000. `value`: characters in any one value.
    `items`: length of any one list. `output`: characters in any one part; Gmail clips at 102 kB.
    """

    steps: int = 200_000
    value: int = 65_536
    items: int = 10_000
    output: int = 1_000_000


class Budget:
    """The work left to one render."""

    __slots__ = ("left", "limits")

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.left = limits.steps

    def spend(self, steps: int) -> None:
        """Take `steps` away. Raises `OverBudget` when nothing is left."""
        self.left -= steps
        if self.left < 0:
            raise OverBudget(f"it loops too long (over {self.limits.steps} steps)")

    def room(self, size: int) -> None:
        """Assert that a text of `size` characters may be made, before it is made."""
        if size > self.limits.value:
            raise OverBudget(f"it makes a text of over {self.limits.value} characters")

    def bounded(self, value: object) -> object:
        """`value`, when it is no larger than one value may be; its size is spent."""
        self.spend(weight(value))
        if isinstance(value, str):
            self.room(len(value))
        elif isinstance(value, Sized) and not isinstance(value, Undefined | Mapping):
            self.count(len(value))
        return value

    def count(self, items: int) -> None:
        """Assert that a list of `items` elements may be used."""
        if items > self.limits.items:
            raise OverBudget(f"it uses a list of over {self.limits.items} items")


def weight(value: object) -> int:
    """Steps that reading `value` once costs: texts are scanned far faster than lists are walked."""
    if isinstance(value, str):
        return len(value) >> 4
    if isinstance(value, Sized) and not isinstance(value, Undefined):
        return len(value)
    return 0


def budget_of(context: Context) -> Budget:
    """The budget of the render that owns this context."""
    budget: Any = context.parent[BUDGET]
    assert isinstance(budget, Budget)  # noqa: S101 - narrows the type; only the renderer writes it.
    return budget
