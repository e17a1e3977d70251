"""Which URLs of a template are counted.

Only links to the web are, and only those whose address can be rendered on its own: the redirect
knows the recipient, yet nothing of what the template did around the link.
"""

import re
from typing import Final

from nurture.tracking.markup import JINJA

OWN_LINKS: Final = frozenset({"unsubscribe_url", "view_url", "preferences_url"})
"""Merge fields that lead to our own pages; they carry their own token and are never counted."""

WEB: Final = re.compile(r"https?://[^/?#]", re.IGNORECASE)
_BLOCK_WORD: Final = re.compile(r"\{%[-+]?\s*(\w+)")
_NOT_OPENING: Final = frozenset({"set", "include", "import", "from", "do", "break", "continue"})
_STRING: Final = re.compile(r""""(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'""", re.DOTALL)
_NAME: Final = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_BINDING: Final = re.compile(
    r"\{%[-+]?\s*(?:for\s+(.+?)\s+in\s|set\s+([^=%]+)|macro\s+\w+\s*\(([^)%]*)|with\s+([^%]+))"
)


def is_counted(url: str, left_alone: frozenset[str]) -> bool:
    """Whether the URL, its entities decoded, gets an index; not if it uses a name `left_alone`."""
    constructs = [found[0] for found in JINJA.finditer(url)]
    if not WEB.match(url) and not JINJA.match(url):
        return False
    names = {name for each in constructs for name in _NAME.findall(_STRING.sub("", each))}
    return not names & left_alone and _is_balanced(constructs)


def _is_balanced(constructs: list[str]) -> bool:
    """Whether every block tag that opens in the URL closes in it: else no one can render it."""
    depth = 0
    for construct in constructs:
        block = _BLOCK_WORD.match(construct)
        if block is None or block[1] in _NOT_OPENING:
            continue
        word = block[1]
        if depth == 0 and (word.startswith("end") or word in {"else", "elif"}):
            return False
        if word.startswith("end"):
            depth -= 1
        elif word not in {"else", "elif"}:
            depth += 1
    return depth == 0


def bound_names(template: str) -> frozenset[str]:
    """Names that block tags of the template give values to; unknown outside of it."""
    names = {"loop"}
    for target, variable, parameters, assignments in _BINDING.findall(template):
        names.update(_NAME.findall(f"{target} {variable} {parameters}"))
        names.update(re.findall(r"(\w+)\s*=(?!=)", assignments))
    return frozenset(names)
