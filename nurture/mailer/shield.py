"""Keeps Jinja out of the hands of tools that only know markup.

mrml and css-inline re-serialise what they read: `{% if score > 10 %}` comes back with `&gt;`, a
block between two table rows is moved out of the table. So every `{{ field }}` becomes a word of
letters and digits and every `{% block %}` a comment (a word where a comment cannot stand), and
afterwards each must come back: fields at least once, blocks exactly once and in order.
"""

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from jinja2 import Environment

# In these elements a comment would be text.
_TEXT_ONLY: Final = frozenset({"mj-title", "mj-preview", "title", "style", "mj-style", "textarea"})
_TAG: Final = re.compile(r"<(/?)([A-Za-z][\w:-]*)|(?P<end>>)|(?P<quote>[\"'])")


class Lost(Exception):
    """A piece of Jinja did not survive; `line` is its line in the source, from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


@dataclass(frozen=True, slots=True)
class _Kept:
    source: str
    line: int
    block: bool


class Shield:
    """The Jinja of one template, taken out by `cover` and put back by `uncover`."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._kept: list[_Kept] = []
        self._prefix = "nzq"
        self._pattern = re.compile("")

    def cover(self, source: str) -> str:
        """`source` with words and comments in place of its Jinja; comments of Jinja are dropped.

        Raises `Lost` for `{% raw %}`, and Jinja's syntax errors.
        """
        while self._prefix in source.lower():
            self._prefix += "q"
        word = rf"{self._prefix}([fb])(\d+)z"
        self._pattern = re.compile(rf"<!--{word}-->|{word}")
        markup = _Markup()
        out: list[str] = []
        held: list[str] = []
        start, comment = 0, False
        for line, kind, value in self._environment.lex(source):
            if kind.startswith("raw"):
                raise Lost(line, "raw is not part of the language of emails")
            comment = comment or kind == "comment_begin"
            if kind == "data":
                markup.feed(value)
                out.append(value)
            elif kind == "comment_end":
                comment = False
            elif not comment:
                start = start if held else line
                held.append(value)
                if kind in ("variable_end", "block_end"):
                    out.append(self._token("".join(held), start, markup))
                    held = []
        return "".join(out)

    def uncover(self, covered: str) -> str:
        """`covered` with its Jinja back in place, and nothing checked."""
        return self._pattern.sub(lambda found: self._kept[_index(found)].source, covered)

    def verify(self, covered: str, *, blocks_of: str | None = None) -> None:
        """Assert that all of the Jinja is still there. Raises `Lost` for what is not.

        `blocks_of` narrows it to the blocks that stand in that covered text.
        """
        found = [_index(match) for match in self._pattern.finditer(covered)]
        wanted = set(range(len(self._kept)))
        if blocks_of is not None:
            wanted &= {_index(match) for match in self._pattern.finditer(blocks_of)}
            wanted -= {index for index, kept in enumerate(self._kept) if not kept.block}
        for index in sorted(wanted):
            kept, times = self._kept[index], found.count(index)
            if times == 0:
                raise Lost(kept.line, f"{kept.source} stands where MJML throws it away")
            if kept.block and times != 1:
                raise Lost(kept.line, f"{kept.source} stands where MJML repeats it")
        order = [index for index in found if self._kept[index].block]
        for earlier, later in pairwise(order):
            if earlier > later:
                raise Lost(
                    self._kept[later].line, f"{self._kept[later].source} would change places"
                )

    def comments(self, covered: str) -> list[tuple[int, int]]:
        """Offset in `covered` and source line of every block that is a comment."""
        return [
            (match.start(), self._kept[_index(match)].line)
            for match in self._pattern.finditer(covered)
            if match[0].startswith("<!--")
        ]

    def as_words(self, covered: str) -> str:
        """`covered` with the comments turned into words, for tools that drop comments."""
        return re.sub(rf"<!--({self._prefix}b\d+z)-->", r"\1", covered)

    @property
    def word(self) -> str:
        """The pattern of one covered piece; a block is the alternative with `b`."""
        return rf"{self._prefix}[fb]\d+z"

    @property
    def block(self) -> str:
        """The pattern of one covered block, as a word."""
        return rf"{self._prefix}b\d+z"

    def _token(self, source: str, line: int, markup: "_Markup") -> str:
        block = source.startswith("{%")
        word = f"{self._prefix}{'b' if block else 'f'}{len(self._kept)}z"
        self._kept.append(_Kept(source, line, block))
        return f"<!--{word}-->" if block and markup.takes_comments else word


class _Markup:
    """Follows markup just closely enough to know whether a comment could stand here."""

    def __init__(self) -> None:
        self._name = ""
        self._in_tag = False
        self._quote = ""
        self._text_only = ""

    @property
    def takes_comments(self) -> bool:
        return not self._in_tag and not self._text_only

    def feed(self, text: str) -> None:
        for found in _TAG.finditer(text):
            if self._in_tag:
                self._inside(found)
            elif found[2]:
                self._open(found[1], found[2].lower())

    def _inside(self, found: re.Match[str]) -> None:
        if found["quote"]:
            if not self._quote:
                self._quote = found["quote"]
            elif self._quote == found["quote"]:
                self._quote = ""
        elif found["end"] and not self._quote:
            self._in_tag = False
            self._text_only = self._name if self._name in _TEXT_ONLY else ""

    def _open(self, slash: str, name: str) -> None:
        if self._text_only and not (slash and name == self._text_only):
            return
        self._in_tag = True
        self._name = "" if slash else name


def _index(found: re.Match[str]) -> int:
    return int(found[2] or found[4])
