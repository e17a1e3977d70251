"""Sentences that the engine says in English, in the language of the page or of the answer.

A table of them has `<>` where such a sentence holds a word of its own: a name, a number, another
sentence. The catalogue has the sentence in the other language with the same words in their places.
"""

import re
from collections.abc import Iterator, Sequence

from nurture.web.i18n import SOURCE_LANGUAGE, gettext, language


class Sentences:
    """A table of sentences; one that is not in it stays as it is."""

    def __init__(self, sentences: Sequence[str]) -> None:
        # The more a sentence says of itself, the earlier it is tried: "there is no step <> to go
        # to" would else be taken for "there is no step <>".
        ordered = sorted(sentences, key=lambda one: (-len(one.replace("<>", "")), one))
        self._patterns = tuple((_pattern(one), one) for one in ordered)

    def say(self, english: str) -> str:
        """The sentence in the language that is spoken."""
        return self.known(english) or english

    def known(self, english: str) -> str:
        """The sentence in the language that is spoken, empty when the table does not have it."""
        for pattern, known in self._patterns:
            found = pattern.fullmatch(english)
            if found is not None:
                if language() == SOURCE_LANGUAGE:
                    return english
                return _filled(gettext(known), found.groups())
        return ""


def _filled(translated: str, words: tuple[str, ...]) -> str:
    parts = translated.split("<>")
    return "".join(
        part + (words[place] if place < len(words) else "") for place, part in enumerate(parts)
    )


def _pattern(one: str) -> re.Pattern[str]:
    return re.compile("(.+)".join(_escaped(one)), re.DOTALL)


def _escaped(one: str) -> Iterator[str]:
    yield from (re.escape(part) for part in one.split("<>"))
