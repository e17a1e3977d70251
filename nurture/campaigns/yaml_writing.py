"""Plain values to YAML text: the same bytes for the same values, always."""

import io
import math
from collections.abc import Mapping

import yaml

from nurture.campaigns.yaml_text import TEXT_TAG, Place, learn_words

# How many characters a collection may hold to be written on one line.
WIDEST = 80


class _Dumper(yaml.SafeDumper):
    """The safe dumper with the same words, so that what it leaves unquoted is read as text."""

    # The parameters are PyYAML's own; `indentless` is what this overrides.
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        """Indent lists inside mappings, which PyYAML leaves flush by default."""
        super().increase_indent(flow, False)  # noqa: FBT003 - PyYAML's order


learn_words(_Dumper)


def dump(document: Mapping[str, object], *, blocks: frozenset[str] = frozenset()) -> str:
    """Return `document` as YAML text that `load` reads as the same values.

    Short collections are written on one line, except the items of the top-level lists named
    in `blocks`, which are set apart by an empty line each.
    """
    text: str = yaml.serialize(
        _node(document, (), blocks), Dumper=_Dumper, allow_unicode=True, width=math.inf
    )
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        header = not line.startswith(" ")
        if header:
            inside = line.removesuffix(":") in blocks
        first = not lines or not lines[-1].startswith(" ")
        if inside and (header or (line.startswith("  - ") and not first)):
            lines.append("")
        lines.append(line)
    return "\n".join(lines) + "\n"


def _node(value: object, place: Place, blocks: frozenset[str]) -> yaml.Node:
    if isinstance(value, Mapping):
        pairs = [
            (_node(str(key), (), blocks), _node(one, (*place, str(key)), blocks))
            for key, one in value.items()
        ]
        apart = not place or (len(place) == 2 and place[0] in blocks)
        flow = not apart and _on_one_line([node for pair in pairs for node in pair])
        return yaml.MappingNode("tag:yaml.org,2002:map", pairs, flow_style=flow)
    if isinstance(value, list | tuple):
        items = [_node(one, (*place, number), blocks) for number, one in enumerate(value)]
        apart = len(place) == 1 and place[0] in blocks
        flow = not items or (not apart and _on_one_line(items))
        return yaml.SequenceNode("tag:yaml.org,2002:seq", items, flow_style=flow)
    if isinstance(value, str):
        # A line break inside quotes would be folded by some readers; escaped it is exact.
        broken = any(sign in value for sign in "\n\r\x85\u2028\u2029")
        return yaml.ScalarNode(TEXT_TAG, value, style='"' if broken else None)
    return yaml.SafeDumper(io.StringIO()).represent_data(value)


def _on_one_line(parts: list[yaml.Node]) -> bool:
    """Say whether a collection of these parts is short and flat enough for one line."""
    flat = all(not isinstance(part, yaml.CollectionNode) or part.flow_style for part in parts)
    return flat and sum(_width(part) for part in parts) <= WIDEST


def _width(node: yaml.Node) -> int:
    if isinstance(node, yaml.MappingNode):
        return 2 + sum(_width(key) + _width(value) for key, value in node.value)
    if isinstance(node, yaml.SequenceNode):
        return 2 + sum(_width(item) for item in node.value)
    return len(str(node.value)) + 2
