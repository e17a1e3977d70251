"""Which column of a file is which part of a contact: guessed from its title, or told."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nurture.domain.funnel import Funnel
from nurture.domain.text import fold
from nurture.domain.zones import COMPANY_ZONE
from nurture.engine.importing_csv import Table
from nurture.errors import Invalid, Problem

# The parts of a contact that are no field of theirs. `full_name` is cut into first and last name.
EMAIL = "email"
FULL_NAME = "full_name"
CONSENT = "consent"
BANT = ("bant.budget", "bant.authority", "bant.need", "bant.timing")
PARTS = (
    EMAIL, FULL_NAME, "language", "timezone", "source", "consent_source", CONSENT, "stage",
    "tags", *BANT,
)  # fmt: skip
IGNORED = "-"

# How the columns begin that rejected rows are given; a corrected file may keep them.
OWN_TITLE = "Nurture: "

# Titles as people write them, folded: no accents, no case, no punctuation.
_TITLES: Mapping[str, str] = {
    title: part
    for part, titles in {
        EMAIL: "email|e mail|email address|e mail address|mail|address email|dia chi email"
        "|dia chi e mail|hop thu|thu dien tu|dia chi thu dien tu|email khach hang",
        "first_name": "first name|firstname|given name|ten|ten goi",
        "last_name": "last name|lastname|surname|family name|ho|ho dem|ho va ten dem|ho ten dem"
        "|ho va dem|ho lot",
        FULL_NAME: "name|full name|fullname|contact name|customer name|ho ten|ho va ten"
        "|ten day du|ten khach hang|ten lien he|nguoi lien he",
        "company": "company|company name|organisation|organization|business|shop|cong ty"
        "|ten cong ty|doanh nghiep|cua hang|ten cua hang|to chuc",
        "job_title": "job title|title|position|role|chuc danh|chuc vu|vi tri",
        "city": "city|town|thanh pho|tinh thanh|tinh thanh pho|tinh",
        "country": "country|quoc gia|nuoc",
        "industry": "industry|sector|nganh|nganh nghe|linh vuc",
        "company_size": "company size|employees|size|quy mo|so nhan vien",
        "phone": "phone|phone number|mobile|tel|telephone|dien thoai|so dien thoai|sdt|di dong",
        "language": "language|lang|locale|ngon ngu|tieng",
        "timezone": "timezone|time zone|tz|mui gio",
        COMPANY_ZONE: "company timezone|company time zone|mui gio cong ty|mui gio doanh nghiep",
        "source": "source|lead source|nguon|nguon khach|nguon khach hang",
        "consent_source": "consent source|opt in source|optin source|signup source"
        "|nguon dong y|noi dang ky|nguon dang ky",
        CONSENT: "consent|opt in|optin|opted in|subscribed|marketing consent|dong y|dong y nhan tin"
        "|dong y nhan thu|dong y nhan email|nhan tin|nhan email|dang ky nhan tin",
        "stage": "stage|lifecycle stage|funnel stage|giai doan",
        "tags": "tags|tag|labels|label|nhan|the",
        "bant.budget": "bant budget",
        "bant.authority": "bant authority",
        "bant.need": "bant need",
        "bant.timing": "bant timing",
    }.items()
    for title in titles.split("|")
}

# Further titles of a column of consent, folded: "Marketing opt-in", "Đồng ý nhận bản tin". To
# take one too many for it costs rejected rows, to overlook one mails people who said no.
_CONSENT = re.compile(
    r"(?:.* )?(?:consent(?:s|ed)?|opt(?:s|ed)? ?in|subscribed|accepts?(?: e ?mail)? marketing)"
    r"(?: .*)?"
    r"|(?:co |da |muon )?(?:dong y|chap thuan|cho phep|dang ky nhan"
    r"|nhan (?:tin|ban tin|email|e mail|mail|thu|quang cao|khuyen mai))(?: .*)?"
)
# With one of these words it is when, how or for what else somebody agreed, or the contrary.
_NOT_CONSENT = frozenset({
    "at", "boi", "by", "call", "calls", "date", "day", "form", "from", "gio", "id", "ip", "khong",
    "luc", "method", "ngay", "nguon", "no", "noi", "not", "on", "phone", "rut", "sms", "source",
    "text", "thoi", "time", "url", "version", "when", "withdrawn", "zalo",
})  # fmt: skip

# What a field may not be called, because something else of a contact is, in rules or emails.
_TAKEN = frozenset({"id", "email", "language", "timezone", "stage", "tags", "consent", "bant"})
_LONGEST_KEY = 60
_SIGNS = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its place, its title, what it becomes (a part, a field, or IGNORED), an example."""

    index: int
    title: str
    target: str
    example: str = ""
    told: bool = False


def slug(title: str) -> str:
    """Return a key for a field from a title: "Ngày sinh nhật" becomes ngay_sinh_nhat."""
    key = _SIGNS.sub("_", fold(title)).strip("_")[:_LONGEST_KEY].strip("_")
    if not key:
        return ""
    return f"field_{key}" if key[0].isdigit() or key in _TAKEN else key


def columns(
    table: Table,
    funnel: Funnel,
    told: Mapping[str, str],
    *,
    ignore_unknown: bool = False,
) -> tuple[Column, ...]:
    """Return what each column becomes.

    `told` maps titles (or numbers, counted from 1) to targets and goes before any guess. A
    target is taken once: the second "Email" of a file becomes the field field_email. Only
    several columns of consent are all that, since a no in any of them counts. Raises Invalid
    with every fault: titles that are not there, keys that are none, no address.
    """
    wanted, problems = _told(table, told)
    taken = set(wanted.values()) - {IGNORED}
    guessed = _guesses(table, funnel, wanted, taken)
    found = []
    for index, title in enumerate(table.titles):
        target = wanted.get(index) or guessed.get(index, "")
        if not target:
            is_left_out = ignore_unknown or not table.has_titles or is_ours(title)
            target = IGNORED if is_left_out else _free(title, taken)
        taken.add(target)
        example = next((row.cells[index] for row in table.sample if _filled(row.cells, index)), "")
        found.append(Column(index, title, target, " ".join(example.split())[:40], index in wanted))
    if EMAIL not in taken:
        shown = ", ".join(repr(title) for title in table.titles[:20])
        problems.append(
            Problem(
                f"no column holds email addresses; the columns are {shown}",
                "Name it: --map 'title=email'.",
                file=table.name,
            )
        )
    if problems:
        raise Invalid.because(problems, of="The columns cannot be mapped")
    return tuple(found)


def is_ours(title: str) -> bool:
    """Return whether a column was added by an earlier import to its rejected rows."""
    return title.startswith(OWN_TITLE)


def _filled(cells: Sequence[str], index: int) -> bool:
    return index < len(cells) and bool(cells[index].strip())


def _told(table: Table, told: Mapping[str, str]) -> tuple[dict[int, str], list[Problem]]:
    places = {fold(title): index for index, title in reversed(list(enumerate(table.titles)))}
    wanted: dict[int, str] = {}
    problems = []
    for title, target in told.items():
        number = int(title) - 1 if title.isascii() and title.isdigit() else -1
        index = places.get(fold(title), number if 0 <= number < len(table.titles) else -1)
        if index < 0:
            shown = ", ".join(repr(one) for one in table.titles[:20])
            problems.append(
                Problem(f"there is no column {title!r}", f"There are {shown}.", file=table.name)
            )
        elif target not in PARTS and target != IGNORED and slug(target) != target:
            problems.append(
                Problem(
                    f"{target!r} is no name for a field",
                    f"Use small letters, digits and _, or one of {', '.join(PARTS)}, or {IGNORED}.",
                    file=table.name,
                )
            )
        elif target != IGNORED and target in wanted.values():
            problems.append(
                Problem(f"two columns become {target!r}", "Map one of them.", file=table.name)
            )
        else:
            wanted[index] = target
    return wanted, problems


def _guesses(
    table: Table, funnel: Funnel, wanted: Mapping[int, str], taken: set[str]
) -> dict[int, str]:
    """Return what titles mean, the first of several that mean the same."""
    declared = {
        " ".join(_SIGNS.sub(" ", fold(name)).split()): key
        for key, declaration in funnel.fields.items()
        for name in (key, *declaration.names.values())
    }
    guessed: dict[int, str] = {}
    used = set(taken)
    for index, title in enumerate(table.titles):
        if index in wanted:
            continue
        words = " ".join(_SIGNS.sub(" ", fold(title)).split())
        target = _TITLES.get(words) or declared.get(words) or _consent(words)
        if not table.has_titles:
            addresses = sum(_filled(r.cells, index) and "@" in r.cells[index] for r in table.sample)
            target = EMAIL if addresses * 2 > len(table.sample) else ""
        is_free = target not in (taken if target == CONSENT else used)
        if target and is_free:
            guessed[index] = target
            used.add(target)
    # A lone "Tên" mostly holds the whole name; where it does not, nothing is cut off.
    if "last_name" not in used and FULL_NAME not in used:
        for index, target in guessed.items():
            if target == "first_name" and fold(table.titles[index]) == "ten":
                guessed[index] = FULL_NAME
    return guessed


def _consent(words: str) -> str:
    is_consent = _CONSENT.fullmatch(words) and _NOT_CONSENT.isdisjoint(words.split())
    return CONSENT if is_consent else ""


def _free(title: str, taken: set[str]) -> str:
    """Return a key that is not taken for an unknown title; an empty title is left out."""
    key = base = slug(title)
    number = 2
    while key and key in taken:
        key = f"{base}_{number}"
        number += 1
    return key or IGNORED
