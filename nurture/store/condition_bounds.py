"""What SQL can say of a condition: for whom it surely holds, and for whom it may.

Some comparisons cannot be said in SQL exactly as they are made in memory. Such a one has two
expressions instead of one; whoever lies between them is looked at in memory. Under `not` the two
change places, so that the bounds of a whole condition are right however it is put together.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

Truth = sa.ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Bounds:
    """`sure` implies the condition, which implies `maybe`; neither is ever null."""

    sure: Truth
    maybe: Truth

    @property
    def are_exact(self) -> bool:
        """Whether nobody needs to be looked at in memory."""
        return self.sure is self.maybe


def exactly(truth: Truth) -> Bounds:
    """Return the bounds of what SQL says exactly."""
    return Bounds(truth, truth)


def constant(*, truth: bool) -> Bounds:
    """Return the bounds of what is true or false of everybody."""
    return exactly(sa.true() if truth else sa.false())


ALWAYS, NEVER = constant(truth=True), constant(truth=False)
UNKNOWN = Bounds(sa.false(), sa.true())


def opposite(one: Bounds) -> Bounds:
    """Return the bounds of what does not hold."""
    if one.are_exact:
        return exactly(sa.not_(one.sure))
    return Bounds(sa.not_(one.maybe), sa.not_(one.sure))


def every(parts: Iterable[Bounds]) -> Bounds:
    """Return the bounds of what holds when all `parts` do."""
    some = list(parts)
    sure = sa.and_(sa.true(), *(one.sure for one in some))
    if all(one.are_exact for one in some):
        return exactly(sure)
    return Bounds(sure, sa.and_(sa.true(), *(one.maybe for one in some)))


def either(parts: Iterable[Bounds]) -> Bounds:
    """Return the bounds of what holds when one of `parts` does."""
    some = list(parts)
    sure = sa.or_(sa.false(), *(one.sure for one in some))
    if all(one.are_exact for one in some):
        return exactly(sure)
    return Bounds(sure, sa.or_(sa.false(), *(one.maybe for one in some)))


def choose(*arms: tuple[Truth, Bounds], otherwise: Bounds) -> Bounds:
    """Return the bounds of the first arm whose test is true; no other arm is evaluated."""
    sure = sa.case(*((test, one.sure) for test, one in arms), else_=otherwise.sure)
    if otherwise.are_exact and all(one.are_exact for _, one in arms):
        return exactly(sure)
    maybe = sa.case(*((test, one.maybe) for test, one in arms), else_=otherwise.maybe)
    return Bounds(sure, maybe)
