"""Who is in which arm of an experiment: a stable hash, the same for ever, never a dice."""

from nurture.domain.contact import Contact
from nurture.domain.sequence import Arm, Sequence, Split
from nurture.domain.timing import share

# The arms of a track's hold-out: who gets nothing, and everybody else.
HOLD_OUT = "hold-out"
HELD_OUT = "held out"
MAILED = "mailed"


def hold_out_key(track: str) -> str:
    """Return the key of the experiment that a track's hold-out is."""
    return f"{HOLD_OUT}:{track}"


def experiment_key(sequence: Sequence, split: Split) -> str:
    """Return the key under which contacts are divided: the split's own, or its place."""
    return split.experiment or f"{sequence.key}.{split.key}"


def arm_of(sequence: Sequence, split: Split, contact: Contact) -> Arm:
    """Return the arm that a contact goes by. Arms get their contacts by their weights.

    Once the experiment has a winner everybody who comes goes its way.
    """
    key = experiment_key(sequence, split)
    winner = sequence.winners.get(key)
    for arm in split.arms:
        if arm.key == winner:
            return arm
    total = sum(arm.weight for arm in split.arms)
    point = share("experiment", key, contact.id) * total
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
