"""Conditions as a run asks them: runs that stand side by side mail the same steps."""

from dataclasses import replace
from typing import assert_never

from nurture.domain.conditions import All, Any, Asker, Compare, Condition, Did, Not, walk


def names_a_step(condition: Condition) -> bool:
    """Return whether any part of `condition` asks for answers to the email of a step."""
    return any(isinstance(part, Did) and "step" in part.where for part in walk(condition))


def asked_by(condition: Condition, asker: Asker) -> Condition:
    """Return `condition` as a run asks it: answers to the email of a step are those to its own."""
    match condition:
        case Did():
            return replace(condition, asker=asker) if names_a_step(condition) else condition
        case All(parts):
            return All(tuple(asked_by(part, asker) for part in parts))
        case Any(parts):
            return Any(tuple(asked_by(part, asker) for part in parts))
        case Not(part):
            return Not(asked_by(part, asker))
        case Compare():
            return condition
        case _:
            assert_never(condition)
