"""What must be so for consent to be asked for: the sequence whose letter a mailbox confirms."""

from collections.abc import Iterable, Iterator

from nurture.campaigns.emails import CONFIRM_URL, Facts
from nurture.domain.check import Fault
from nurture.domain.contact import Engaged
from nurture.domain.funnel import LANGUAGES, Funnel
from nurture.domain.sequence import Email, Reentry, Sequence


def unasked_faults(funnel: Funnel, sequences: Iterable[Sequence]) -> Iterator[Fault]:
    """Yield the topics that want confirmation where no sequence asks for it."""
    if any(_asks(sequence) for sequence in sequences):
        return
    for number, topic in enumerate(funnel.topics):
        if topic in funnel.confirmed:
            told = f"nobody can ever confirm {topic!r}: no sequence asks for it"
            remedy = "Add one that `subscription_asked` starts, or leave out `confirm`."
            yield Fault(told, remedy, ("topics", number, "confirm"))


def asking_faults(sequence: Sequence, funnel: Funnel, templates: Facts | None) -> Iterator[Fault]:
    """Yield what keeps a sequence that asks for consent from doing so.

    Without templates (None) only what has nothing to do with emails is looked at.
    """
    if not _asks(sequence):
        return
    trigger = sequence.trigger
    if trigger is None or trigger.key != "ask" or sequence.reentry is not Reentry.KEYED:
        told = "whoever asks again, or about a second topic, would get no letter"
        yield Fault(told, "Write `key: ask` under `trigger`, and `reentry: keyed`.", ("trigger",))
    letters = [
        (number, step)
        for number, step in enumerate(sequence.steps)
        if isinstance(step, Email) and step.topic in funnel.transactional
    ]
    if not letters:
        told = "nobody gets the letter that asks: they have not agreed to anything yet"
        yield Fault(told, "Send an email on a topic that is `transactional`.", ("steps",))
    if letters and templates is not None:
        written = [(number, _without_button(step, templates)) for number, step in letters]
        if all(missing for _, missing in written):
            number, missing = written[0]
            told = f"{' and '.join(missing)} has no button to confirm with"
            yield Fault(told, "Link to {{ confirm_url }}.", ("steps", number, "email"))


def _asks(sequence: Sequence) -> bool:
    return sequence.trigger is not None and sequence.trigger.event == Engaged.SUBSCRIPTION_ASKED


def _without_button(step: Email, templates: Facts) -> list[str]:
    """Return the languages in which an email does not link to the page to confirm."""
    found = (templates.get((step.template, language)) for language in LANGUAGES)
    return [
        one.file or f"{one.name} ({one.language})"
        for one in found
        if one is not None and one.variables and CONFIRM_URL not in one.variables
    ]
