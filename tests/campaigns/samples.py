"""A small funnel and a small sequence, both right, for tests to spoil."""

from collections.abc import Mapping
from pathlib import Path

from nurture.campaigns import Campaigns, EmailFacts, check, parse_sequence, read_campaigns
from nurture.campaigns.yaml_text import load
from nurture.errors import Invalid

FUNNEL = """\
account:
  name: Lotus
  email: hello@lotus.example
  address: 18 Hoa Sen
  site: https://lotus.example
stages:
  - {key: visitor, name: {vi: Khách, en: Visitor}}
  - {key: lead, name: {vi: Tiềm năng, en: Lead}}
edges:
  - kind: promote
    from: visitor
    to: lead
    when: {score: engagement, at_least: 20}
  - kind: demote
    from: lead
    to: visitor
    when: {score: engagement, below: 5}
engagement:
  groups:
    - {key: clicks, cap: 40, half_life: 14d}
  rules:
    - {key: click, event: click, points: 5, group: clicks}
fit:
  rules:
    - {key: home, when: {field: country, is: VN}, points: 10}
  grades:
    - {grade: A, at_least: 10}
    - {grade: D}
temperature:
  - {key: hot, enter: 30, leave: 20}
  - {key: cold}
fields:
  - {key: country, name: {vi: Nước, en: Country}}
  - {key: first_name, name: {vi: Tên, en: First name}, defaults: {vi: bạn, en: there}}
topics:
  - {key: marketing, name: {vi: Thư, en: Letters}}
tags: [vip]
"""

SEQUENCE = """\
key: welcome
name: {vi: Chào mừng, en: Welcome}
stage: visitor
steps:
  - key: hello
    email: hello
  - key: answer
    wait_for: {event: click, of: hello, within: 3d, yes: thanks, no: end}
  - key: thanks
    email: thanks
"""


def facts(*names: str) -> dict[tuple[str, str], EmailFacts]:
    """Facts of emails that are right, in both languages."""
    return {(name, lang): EmailFacts(name, lang) for name in names for lang in ("vi", "en")}


FACTS = facts("hello", "thanks")


def mistakes(text: str) -> list[str]:
    """Return what reading `text` as a sequence complains of, as people see it."""
    loaded = load(text, "welcome.yaml")
    told = [str(problem) for problem in loaded.problems]
    try:
        parse_sequence(loaded.document, file="welcome.yaml", lines=loaded.lines)
    except Invalid as error:
        told += [str(problem) for problem in error.problems]
    return told


def folder_with(place: Path, files: Mapping[str, str]) -> Path:
    """Write a campaigns folder: the right funnel and sequence, with `files` over them."""
    for name, text in {"funnel.yaml": FUNNEL, "welcome.yaml": SEQUENCE, **files}.items():
        (place / name).write_text(text, encoding="utf-8")
    return place


def campaigns_with(place: Path, **files: str) -> Campaigns:
    """Read such a folder; `welcome=...` is welcome.yaml."""
    return read_campaigns(folder_with(place, {f"{key}.yaml": text for key, text in files.items()}))


def faults(
    place: Path, emails: Mapping[tuple[str, str], EmailFacts] | None = None, **files: str
) -> list[str]:
    """Return what the check says of such a folder, with file names instead of paths."""
    campaigns = campaigns_with(place, **files)
    problems = check(campaigns, FACTS if emails is None else emails)
    return [str(problem).removeprefix(f"{place}/") for problem in problems]
