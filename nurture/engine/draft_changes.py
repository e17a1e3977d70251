"""What publishing a draft would change, in the marketer's terms."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Changes:
    """Steps by key, and the settings by their key in the document."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    reordered: bool = False
    settings: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything changes at all."""
        return bool(self.added or self.removed or self.changed or self.reordered or self.settings)


def changes_between(before: Document, after: Document) -> Changes:
    """Return what `after` changes; both are documents, and `after` may be unfinished."""
    old, new = _steps(before), _steps(after)
    kept_before = [key for key in old if key in new]
    kept_after = [key for key in new if key in old]
    return Changes(
        added=tuple(key for key in new if key not in old),
        removed=tuple(key for key in old if key not in new),
        changed=tuple(key for key in kept_after if old[key] != new[key]),
        reordered=kept_before != kept_after,
        settings=tuple(
            sorted(
                name
                for name in {*before, *after} - {"steps"}
                if before.get(name) != after.get(name)
            )
        ),
    )


def _steps(document: Document) -> dict[str, Any]:
    steps = document.get("steps")
    return {
        str(step.get("key", "")): step
        for step in (steps if isinstance(steps, list) else [])
        if isinstance(step, dict)
    }
