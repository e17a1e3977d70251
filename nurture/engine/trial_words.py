"""What runs of a trial see and hear: their own opens and clicks, and nothing of what counts.

What a test contact does with an email of a trial is kept under a name of its own, `trial:click`.
No rule, score, trigger or report asks for that name; only the run of the trial hears it as a click.
"""

from dataclasses import replace

from nurture.domain import enrollment as e
from nurture.domain.contact import Contact, Occurrence
from nurture.domain.enrollment import Event

PREFIX = "trial:"


def named(name: str, *, trial: bool) -> str:
    """Return the name under which an event is kept that comes of an email."""
    return PREFIX + name if trial else name


def heard(event: Event) -> Event:
    """Return the event as the run of a trial hears it."""
    if isinstance(event, e.Happened) and event.occurrence.name.startswith(PREFIX):
        return e.Happened(_plain(event.occurrence))
    return event


def seen(contact: Contact) -> Contact:
    """Return the contact as the run of a trial sees them.

    They get every email of the draft, whatever reached them before and however much they were
    mailed lately.
    """
    history = tuple(_plain(one) for one in contact.history)
    return replace(contact, received=frozenset(), mailed=(), history=history)


def _plain(occurrence: Occurrence) -> Occurrence:
    name = occurrence.name
    return replace(occurrence, name=name[len(PREFIX) :]) if name.startswith(PREFIX) else occurrence
