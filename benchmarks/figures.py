"""What a benchmark found: each figure beside the bound that was promised for it."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Final

_WIDTHS: Final = (46, 12, 14, 22, 7)


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value.

    `floor` is what must hold and `aim` what is hoped for; `limit` says in words what bounds the
    value where there is no promise. A value of None was not measured, and `note` says why.
    """

    group: str
    name: str
    value: float | None
    unit: str
    floor: float | None = None
    aim: float | None = None
    limit: str = ""
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the floor is kept; None where none is promised."""
        if self.floor is None:
            return None
        return self.value is not None and self.value >= self.floor

    def document(self) -> dict[str, Any]:
        """The figure as JSON."""
        return {**asdict(self), "holds": self.holds}


def table(figures: Iterable[Figure]) -> str:
    """The figures as lines of text, under the heading of their groups."""
    lines = []
    group = ""
    for one in figures:
        if one.group != group:
            group = one.group
            lines += ["", _line((group, "", "", "floor / aim or limit", "holds"))]
            lines.append("-" * (sum(_WIDTHS) + len(_WIDTHS) - 1))
        lines.append(
            _line((one.name, _number(one.value), one.unit, _bound(one), _verdict(one.holds)))
        )
        if one.note:
            lines.append(f"  {one.note}")
    return "\n".join(lines)


def listed(values: Iterable[float], form: str) -> str:
    """The values of several rounds in one line, each in the same form."""
    return " · ".join(format(value, form) for value in values)


def _line(cells: tuple[str, str, str, str, str]) -> str:
    name, value, *others = cells
    first, second, *rest = _WIDTHS
    padded = [f"{cell:<{width}}" for cell, width in zip(others, rest, strict=True)]
    return " ".join([f"{name:<{first}}", f"{value:>{second}}", *padded]).rstrip()


def _number(value: float | None) -> str:
    if value is None:
        return "-"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if abs(value) >= 10 else f"{value:,.3f}"


def _bound(one: Figure) -> str:
    if one.floor is None:
        return one.limit
    return f"{one.floor:g}" if one.aim is None else f"{one.floor:g} / {one.aim:g}"


def _verdict(holds: bool | None) -> str:  # noqa: FBT001 - three values, one of them unknown
    return "" if holds is None else ("yes" if holds else "NO")
