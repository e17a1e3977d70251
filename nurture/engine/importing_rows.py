"""A row of a file as a draft of a contact, or the reason why it cannot be one."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from nurture.domain.contact import Value
from nurture.domain.funnel import Funnel
from nurture.domain.text import fold
from nurture.domain.zones import COMPANY_ZONE
from nurture.engine.addresses import Address, parse_address
from nurture.engine.importing_columns import (
    BANT,
    CONSENT,
    EMAIL,
    FULL_NAME,
    IGNORED,
    Column,
)
from nurture.engine.importing_csv import Row
from nurture.engine.importing_values import (
    clean,
    language_of,
    list_of,
    split_name,
    truth_of,
    typed,
    zone_of,
)
from nurture.engine.importing_words import Remark
from nurture.errors import Invalid

# More than this in one field is an accident, and every email of the contact would carry it.
LONGEST_VALUE = 10_000

_SEVERAL = re.compile(r"[^\s;,/@]+@[^\s;,/@]+")


@dataclass(frozen=True, slots=True)
class Draft:
    """What one row says about a contact; empty means that it says nothing.

    `agreed` is False when the file has a column of consent and the row says nothing in it.
    """

    row: Row
    address: Address
    language: str = ""
    timezone: str = ""
    source: str = ""
    consent_source: str = ""
    agreed: bool = True
    stage: str = ""
    fields: Mapping[str, Value] = field(default_factory=dict)
    bant: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    warnings: tuple[Remark, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that did not go in, and why."""

    row: Row
    reason: Remark


class _Refused(Exception):
    """A row cannot go in; never leaves this module."""

    def __init__(self, code: str, value: str = "") -> None:
        super().__init__(code)
        self.remark = Remark(code, value)


class Drafting:
    """Turns rows into drafts, for one file, one mapping and one funnel."""

    def __init__(self, columns: Sequence[Column], funnel: Funnel, source: str) -> None:
        self._columns = [column for column in columns if column.target != IGNORED]
        self._width = len(columns)
        self._funnel = funnel
        self._source = source
        self._stages = {
            fold(name): stage.key
            for stage in funnel.stages
            for name in (stage.key, *stage.names.values())
        }

    def draft(self, row: Row) -> Draft | Rejected:
        """Return what `row` says, or why it cannot go in."""
        if row.fault:
            return Rejected(row, Remark(row.fault))
        try:
            return self._draft(row)
        except _Refused as refused:
            return Rejected(row, refused.remark)

    def _draft(self, row: Row) -> Draft:
        if any(cell.strip() for cell in row.cells[self._width :]):
            raise _Refused("too_many_cells")
        found: dict[str, str] = {}
        address = ""
        agreed = True
        for column in self._columns:
            cell = row.cells[column.index] if column.index < len(row.cells) else ""
            if len(cell) > LONGEST_VALUE:
                raise _Refused("cell_too_long", column.title)
            if column.target == EMAIL:
                # Not cleaned: an address from which something was taken is another address.
                address = cell.strip()
            elif column.target == CONSENT:
                agreed = _agreed(clean(cell)) and agreed
            elif value := clean(cell):
                found[column.target] = value
        parsed = _address(address)
        warnings: list[Remark] = []
        language = _known(found, "language", language_of, warnings)
        source = found.pop("source", "") or self._source
        return Draft(
            row,
            parsed,
            language,
            _known(found, "timezone", zone_of, warnings),
            source,
            found.pop("consent_source", "") or source,
            agreed,
            self._stage(found),
            bant={key[5:]: _letter(found.pop(key)) for key in BANT if key in found},
            tags=list_of(found.pop("tags", "")),
            fields=self._fields(found, source, language, warnings),
            warnings=tuple(warnings),
        )

    def _stage(self, found: dict[str, str]) -> str:
        told = found.pop("stage", "")
        if told and fold(told) not in self._stages:
            raise _Refused("unknown_stage", told)
        return self._stages[fold(told)] if told else ""

    def _fields(
        self, found: dict[str, str], source: str, language: str, warnings: list[Remark]
    ) -> dict[str, Value]:
        first, last = split_name(
            found.pop(FULL_NAME, ""), language or self._funnel.account.language
        )
        if first and not found.keys() & {"first_name", "last_name"}:
            found |= {"first_name": first} | ({"last_name": last} if last else {})
        declared = self._funnel.fields
        if source and "source" in declared:
            # Rules ask for the source as for any other field.
            found["source"] = source
        fields: dict[str, Value] = {}
        for key, text in found.items():
            value, complaint = typed(text, declared[key].type if key in declared else "text")
            if key == COMPANY_ZONE:
                value = zone_of(text)
                complaint = "" if value else "unknown_timezone"
            if complaint:
                warnings.append(Remark(complaint, text))
            else:
                fields[key] = value
        return fields


def _known(
    found: dict[str, str], part: str, read: Callable[[str], str], warnings: list[Remark]
) -> str:
    """Take a part out of `found` as `read` knows it; a word it does not know is left out."""
    text = found.pop(part, "")
    value = read(text) if text else ""
    if text and not value:
        warnings.append(Remark(f"unknown_{part}", text))
    return value


def _address(text: str) -> Address:
    if not text:
        raise _Refused("no_address")
    if "@" not in text:
        raise _Refused("no_at", text)
    if len(_SEVERAL.findall(text)) > 1:
        raise _Refused("several_addresses", text)
    try:
        return parse_address(text)
    except Invalid as error:
        accented = not text.partition("@")[0].isascii()
        raise _Refused("accented_address" if accented else "bad_address", text) from error


def _agreed(told: str) -> bool:
    """Return whether a cell of consent says yes; an empty one says nothing, a no is refused."""
    truth = truth_of(told) if told else False
    if truth is None:
        raise _Refused("unclear_consent", told)
    if told and not truth:
        raise _Refused("not_agreed", told)
    return truth


def _letter(text: str) -> str:
    """Return what is known about one letter of BANT: unknown, no, partial or yes."""
    words = fold(text)
    if words in {"partial", "partly", "mot phan"}:
        return "partial"
    truth = truth_of(words)
    return "unknown" if truth is None else "yes" if truth else "no"
