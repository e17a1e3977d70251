"""What is wrong with segments: names that do not exist, and segments that rest on themselves."""

from collections.abc import Iterator, Sequence

from nurture.campaigns.references import Names, condition_faults
from nurture.campaigns.yaml_text import Place
from nurture.domain.check import Fault
from nurture.domain.segments import Segment, in_order


def segment_faults(segments: Sequence[Segment], names: Names) -> Iterator[Fault]:
    """Yield everything that segments name and nobody declared, and the first circle of them."""
    for number, one in enumerate(segments):
        yield from condition_faults(one.when, names, ("segments", number, "when"))
    _, circle = in_order(segments)
    if circle:
        numbers = {one.key: number for number, one in enumerate(segments)}
        yield _circle(circle, ("segments", numbers[circle[0]], "when"))


def draft_faults(draft: Segment, others: Sequence[Segment], names: Names) -> Iterator[Fault]:
    """Yield what is wrong with one segment, were it published beside `others`.

    The places of the faults begin in its own document.
    """
    yield from condition_faults(draft.when, names, ("when",))
    _, circle = in_order((*(one for one in others if one.key != draft.key), draft))
    if circle:
        yield _circle(circle, ("when",))


def _circle(circle: Sequence[str], place: Place) -> Fault:
    way = " → ".join((*circle, circle[0]))
    told = f"the segments {way} rest on each other"
    remedy = "Write in one of them what the other asks for, instead of its name."
    return Fault(told, remedy, place)
