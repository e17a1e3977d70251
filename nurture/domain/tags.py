"""What a person may write as a tag, and which of a contact's tags it means.

A tag is one and the same whatever its case: to people, steps, imports and conditions. It is a text,
also where it looks like a number: 2024.1 and 2024.10 are two.
"""

from collections.abc import Collection, Iterable

# As long as a tag may be that an `update` step puts on.
LONGEST_TAG = 64


def same(tag: str) -> str:
    """Return what is equal of two tags when they are one and the same."""
    return tag.casefold()


def is_readable(tag: str) -> bool:
    """Return whether everybody who reads the tag sees all of it: no control or hidden signs."""
    return tag.isprintable()


def fresh(names: Iterable[str], tags: Collection[str]) -> tuple[str, ...]:
    """Return those of `names` that a contact with these tags does not have, each once."""
    known = set(map(same, tags))
    found = []
    for name in names:
        if same(name) not in known:
            known.add(same(name))
            found.append(name)
    return tuple(found)


def meant(names: Iterable[str], tags: Iterable[str]) -> tuple[str, ...]:
    """Return those of `tags` that `names` mean, in order, whatever their case."""
    wanted = set(map(same, names))
    return tuple(sorted(tag for tag in tags if same(tag) in wanted))
