"""Which URLs of a template are counted.

Only links to the web are, never those to our own pages, and only those whose address stands in
one piece: a block tag that opens in it closes in it.
"""

import re
from typing import Final

from nurture.tracking.markup import JINJA

OWN_LINKS: Final = frozenset({"unsubscribe_url", "view_url", "confirm_url", "preferences_url"})
"""Merge fields that lead to our own pages; they carry their own token and are never counted."""

WEB: Final = re.compile(r"https?://[^/?#]", re.IGNORECASE)
_BLOCK_WORD: Final = re.compile(r"\{%[-+]?\s*(\w+)")
_NOT_OPENING: Final = frozenset({"set", "include", "import", "from", "do", "break", "continue"})
_STRING: Final = re.compile(r""""(?:[^"\\]|\\.)*+"|'(?:[^'\\]|\\.)*+'""", re.DOTALL)
_NAME: Final = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_ASSIGNMENT: Final = re.compile(r"\{%[-+]?\s*(?:set|with)\s([^%]+)%\}")


def is_counted(url: str, left_alone: frozenset[str]) -> bool:
    """Whether the URL, its entities decoded, gets an index; not if it uses a name `left_alone`."""
    constructs = [found[0] for found in JINJA.finditer(url)]
    if not WEB.match(url) and not JINJA.match(url):
        return False
    names = {name for each in constructs for name in _NAME.findall(_STRING.sub("", each))}
    return not names & left_alone and _is_balanced(constructs)


def _is_balanced(constructs: list[str]) -> bool:
    """Whether every block tag that opens in the URL closes in it, so that a slot can frame it."""
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


def own_names(template: str) -> frozenset[str]:
    """The names of our own pages, and of variables that block tags set from them."""
    names = set(OWN_LINKS)
    for assignment in _ASSIGNMENT.findall(template):
        if OWN_LINKS.intersection(_NAME.findall(assignment)):
            names.update(re.findall(r"(\w+)\s*=(?!=)", assignment))
    return frozenset(names)
