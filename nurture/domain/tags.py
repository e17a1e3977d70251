"""What a person may write as a tag, and which of a contact's tags it means."""

from collections.abc import Collection, Iterable

# As long as a tag may be that an `update` step puts on.
LONGEST_TAG = 64


def is_readable(tag: str) -> bool:
    """Return whether everybody who reads the tag sees all of it: no control or hidden signs."""
    return tag.isprintable()


def fresh(names: Iterable[str], tags: Collection[str]) -> tuple[str, ...]:
    """Return those of `names` that a contact with these tags does not have, each once.

    The case makes no difference, as it makes none to conditions.
    """
    known = {tag.casefold() for tag in tags}
    found = []
    for name in names:
        if name.casefold() not in known:
            known.add(name.casefold())
            found.append(name)
    return tuple(found)


def meant(names: Iterable[str], tags: Iterable[str]) -> tuple[str, ...]:
    """Return those of `tags` that `names` mean, in order, whatever their case."""
    wanted = {name.casefold() for name in names}
    return tuple(sorted(tag for tag in tags if tag.casefold() in wanted))
