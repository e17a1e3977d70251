"""Who is in which arm of an experiment: a stable hash, the same for ever, never a dice."""

from nurture.domain.contact import Contact
from nurture.domain.sequence import Arm, Sequence, Split
from nurture.domain.timing import share


def experiment_key(sequence: Sequence, split: Split) -> str:
    """Return the key under which contacts are divided: the split's own, or its place."""
    return split.experiment or f"{sequence.key}.{split.key}"


def arm_of(sequence: Sequence, split: Split, contact: Contact) -> Arm:
    """Return the arm that a contact goes by. Arms get their contacts by their weights."""
    total = sum(arm.weight for arm in split.arms)
    point = share("experiment", experiment_key(sequence, split), contact.id) * total
    for arm in split.arms:
        point -= arm.weight
        if point < 0:
            return arm
    return split.arms[-1]


def is_held_out(sequence: Sequence, contact: Contact) -> bool:
    """Return whether a contact is in the control group of the sequence's track.

    The control group gets nothing that is not transactional, from any sequence of the track,
    so that what it does shows what would have happened without us.
    """
    return share("hold-out", sequence.track, contact.id) < sequence.hold_out
