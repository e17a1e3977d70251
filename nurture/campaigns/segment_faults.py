"""What is wrong with segments: names that do not exist, and segments that rest on themselves."""

from collections.abc import Iterator, Sequence

from nurture.campaigns.references import Names, condition_faults
from nurture.domain.check import Fault
from nurture.domain.segments import Segment, in_order


def segment_faults(segments: Sequence[Segment], names: Names) -> Iterator[Fault]:
    """Yield everything that segments name and nobody declared, and the first circle of them."""
    for number, one in enumerate(segments):
        yield from condition_faults(one.when, names, ("segments", number, "when"))
    _, circle = in_order(segments)
    if circle:
        numbers = {one.key: number for number, one in enumerate(segments)}
        way = " → ".join((*circle, circle[0]))
        told = f"the segments {way} rest on each other"
        remedy = "Write in one of them what the other asks for, instead of its name."
        yield Fault(told, remedy, ("segments", numbers[circle[0]], "when"))
