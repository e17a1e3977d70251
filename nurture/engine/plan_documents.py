"""Where two funnel documents differ, item by item, in the marketer's own words for them."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]

# The lists whose items have a key of their own, and the word that holds it.
KEYED: Mapping[tuple[str, ...], str] = {
    ("stages",): "key",
    ("engagement", "groups"): "key",
    ("engagement", "rules"): "key",
    ("fit", "rules"): "key",
    ("fit", "grades"): "grade",
    ("temperature",): "key",
    ("fields",): "key",
    ("topics",): "key",
    ("personas",): "key",
    ("endpoints",): "key",
}
# What moves contacts when it changes.
MOVING = frozenset({"stages", "edges", "engagement", "fit", "temperature", "personas"})


@dataclass(frozen=True, slots=True)
class Change:
    """One item that differs. `place` leads to its list or value, `key` names it in the list.

    `before` or `after` is None where the item is new or gone; `words` are (key, before, after)
    of the parts that differ.
    """

    place: tuple[str, ...]
    key: str
    before: Any
    after: Any
    words: tuple[tuple[str, Any, Any], ...] = ()

    @property
    def moves(self) -> bool:
        """Whether it can change where contacts stand."""
        return self.place[0] in MOVING


def changes(before: Document, after: Document) -> tuple[Change, ...]:
    """Return every difference between two funnel documents, in the order of the file."""
    return tuple(_changes(before, after))


def _changes(before: Document, after: Document) -> Iterator[Change]:
    for place, word in KEYED.items():
        yield from _listed(_items(before, place, word), _items(after, place, word), place)
    yield from _listed(_edges(before), _edges(after), ("edges",))
    known = {place[0] for place in KEYED} | {"edges"}
    for name in [*after, *(one for one in before if one not in after)]:
        if name not in known and before.get(name) != after.get(name):
            old, new = before.get(name), after.get(name)
            yield Change((name,), "", old, new, _words(old, new))


def _items(document: Document, place: tuple[str, ...], word: str) -> dict[str, Any]:
    found: Any = document
    for part in place:
        found = found.get(part, {}) if isinstance(found, Mapping) else {}
    return {str(one.get(word)): one for one in found or () if isinstance(one, Mapping)}


def _edges(document: Document) -> dict[str, Any]:
    """Return the edges by their ends; of several between the same stages each has its number."""
    found: dict[str, Any] = {}
    for edge in document.get("edges") or ():
        key = base = f"{edge.get('from')}→{edge.get('to')}"
        number = 1
        while key in found:
            number += 1
            key = f"{base} ({number})"
        found[key] = edge
    return found


def _listed(
    old: Mapping[str, Any], new: Mapping[str, Any], place: tuple[str, ...]
) -> Iterator[Change]:
    for key in [*new, *(one for one in old if one not in new)]:
        before, after = old.get(key), new.get(key)
        if before != after:
            yield Change(place, key, before, after, _words(before, after))


def _words(before: Any, after: Any) -> tuple[tuple[str, Any, Any], ...]:
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return ()
    names = [*after, *(one for one in before if one not in after)]
    return tuple(
        (name, before.get(name), after.get(name))
        for name in names
        if before.get(name) != after.get(name)
    )


def with_change(document: Document, change: Change) -> dict[str, Any]:
    """Return the document with one change made to it, and nothing else."""
    found: dict[str, Any] = deepcopy(dict(document))
    if not change.key:
        _put(found, change.place[0], change.after)
        return found
    inside: Any = found
    for part in change.place[:-1]:
        inside = inside.setdefault(part, {})
    name = change.place[-1]
    if change.place == ("edges",):
        keyed = _edges(found)
    else:
        keyed = _items(found, change.place, KEYED[change.place])
    if change.after is None:
        keyed.pop(change.key, None)
    else:
        keyed[change.key] = change.after
    inside[name] = list(keyed.values())
    return found


def _put(document: dict[str, Any], name: str, value: Any) -> None:
    if value is None:
        document.pop(name, None)
    else:
        document[name] = value
