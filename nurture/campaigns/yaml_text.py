"""YAML text to plain values with line numbers.

Words are read as YAML 1.2 reads them: only `true` and `false` are truth values, so that the
paths `yes` and `no`, the country code NO and a time such as 12:30 stay text. Only the safe
loader's node tree is used: nothing in a file can name a Python object.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import yaml
from yaml.reader import ReaderError

from nurture.errors import Problem

Place = tuple[str | int, ...]

# A campaign file is a few pages. These bounds stop a file that unfolds without end (aliases of
# aliases) or nests without end long before memory or the stack do.
MOST_CHARACTERS = 1_000_000
MOST_NODES = 50_000
DEEPEST = 60

_NULL = ("tag:yaml.org,2002:null", re.compile(r"(?:~|null|Null|NULL|)\Z"), ["~", "n", "N", ""])
_BOOL = ("tag:yaml.org,2002:bool", re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"), "tTfF")
# A leading zero or plus means a telephone number or a code, never a number to calculate with.
_INT = ("tag:yaml.org,2002:int", re.compile(r"-?(?:0|[1-9][0-9]{0,17})\Z"), "-0123456789")
_FLOAT = (
    "tag:yaml.org,2002:float",
    re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]*(?:[eE][-+]?[0-9]{1,3})?\Z"),
    "-0123456789",
)
TEXT_TAG = "tag:yaml.org,2002:str"
_PLAIN_TAGS = frozenset({TEXT_TAG, _NULL[0], _BOOL[0], _INT[0], _FLOAT[0]})


class _Loader(yaml.SafeLoader):
    """The safe loader with YAML 1.2 words and a bound on nesting."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """Compose one node; refuse to go deeper than any campaign needs."""
        self.depth += 1
        if self.depth > DEEPEST:
            told = "the file nests too deeply"
            raise yaml.MarkedYAMLError(problem=told, problem_mark=self.get_mark())
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def compose_scalar_node(self, anchor: Any) -> yaml.ScalarNode:
        """Compose one word; refuse what an escape can spell and no database can keep."""
        node = super().compose_scalar_node(anchor)
        if any(sign == "\0" or "\ud800" <= sign <= "\udfff" for sign in node.value):
            raise ReaderError("", node.start_mark.index, 0, "", "not text")
        return node


def learn_words(kind: type[yaml.SafeLoader | yaml.SafeDumper]) -> None:
    """Make a loader or a dumper forget the words of YAML 1.1 and know those of 1.2."""
    setattr(kind, "yaml_implicit_resolvers", {})  # noqa: B010 - PyYAML types it as an instance's
    for tag, pattern, first in (_NULL, _BOOL, _FLOAT, _INT):
        kind.add_implicit_resolver(tag, pattern, list(first))


learn_words(_Loader)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file's plain values, the line of every key and list item, and what was wrong."""

    document: object
    lines: Mapping[Place, int]
    problems: tuple[Problem, ...] = ()


@dataclass(slots=True)
class _Reading:
    file: str
    lines: dict[Place, int] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    nodes: int = 0

    def value(self, node: yaml.Node, place: Place) -> object:
        """Return the plain value of `node`, noting lines and faults on the way."""
        self.nodes += 1
        if self.nodes > MOST_NODES or len(place) > DEEPEST:
            mark = node.start_mark
            raise yaml.MarkedYAMLError(problem="the file unfolds without end", problem_mark=mark)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            found = []
            for number, item in enumerate(node.value):
                self.lines[(*place, number)] = item.start_mark.line + 1
                found.append(self.value(item, (*place, number)))
            return found
        return self._scalar(node, place)

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, object]:
        found: dict[str, object] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                self._wrong(place, line, "a key must be a word", "Write `word: value`.")
                continue
            key = str(key_node.value)
            if key in found:
                first = self.lines[(*place, key)]
                told = f"the key `{key}` is given twice, first on line {first}"
                self._wrong((*place, key), line, told, "Keep one of the two.")
                continue
            self.lines[(*place, key)] = line
            found[key] = self.value(value_node, (*place, key))
        return found

    def _scalar(self, node: yaml.Node, place: Place) -> str | int | float | bool | None:
        text = str(node.value)
        if node.tag not in _PLAIN_TAGS:
            told = f"the tag {node.tag} is not read here"
            self._wrong(place, node.start_mark.line + 1, told, "Remove the tag; write the value.")
            return None
        if node.tag == _NULL[0]:
            return None
        if node.tag == _BOOL[0]:
            return text.lower() == "true"
        if node.tag == TEXT_TAG:
            return text
        try:
            number = int(text) if node.tag == _INT[0] else float(text)
        except ValueError:
            number = math.inf
        if math.isfinite(number):
            return number
        told = f"{text[:40]} is not a number that can be used"
        self._wrong(place, node.start_mark.line + 1, told, "Write a number such as 10 or 2.5.")
        return None

    def _wrong(self, place: Place, line: int, message: str, remedy: str) -> None:
        self.problems.append(Problem(message, remedy, self.file, line, written_place(place)))


def written_place(place: Place) -> str:
    """Return a place as people write it: `steps[2].wait_for.of`."""
    text = ""
    for part in place:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text


def load(text: str, file: str) -> Loaded:
    """Return the plain values of one YAML document and where each was written.

    Never raises for what the text holds: a text that is no YAML comes back as None with the
    problem; duplicate keys, tags and endless numbers are problems beside the values.
    """
    if len(text) > MOST_CHARACTERS:
        told = f"the file is longer than {MOST_CHARACTERS:,} characters"
        return _unread(Problem(told, "Split it into several sequences.", file, 1))
    reading = _Reading(file)
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        document = None if node is None else reading.value(node, ())
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 0
        told = error.problem or error.context or "this is not YAML"
        remedy = "Look at the indentation, quotes and brackets here and on the line before."
        return _unread(Problem(f"the file cannot be read: {told}", remedy, file, line))
    except yaml.YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        told = "the file holds a character that is not text"
        return _unread(Problem(told, "Save it again as plain UTF-8 text.", file, line))
    finally:
        if loader is not None:
            loader.dispose()
    return Loaded(document, MappingProxyType(reading.lines), tuple(reading.problems))


def _unread(problem: Problem) -> Loaded:
    return Loaded(None, MappingProxyType({}), (problem,))
