"""Everything that has to be right before campaigns are published, found in one go."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from nurture.campaigns.asking import asking_faults, unasked_faults
from nurture.campaigns.complaints import Source
from nurture.campaigns.documents import Document
from nurture.campaigns.emails import FOLDER, Facts, missing, undefined, without_link
from nurture.campaigns.folder import FUNNEL, SEGMENTS, Campaigns, read_what_can_be
from nurture.campaigns.parse import parse_segment, parse_sequence
from nurture.campaigns.references import Names, funnel_faults, sequence_faults
from nurture.campaigns.rules import (
    check_entry,
    check_funnel,
    check_hold_outs,
    check_sequences,
)
from nurture.campaigns.segment_faults import draft_faults, segment_faults
from nurture.domain.check import Fault, check_sequence
from nurture.domain.funnel import LANGUAGES, Funnel
from nurture.domain.sequence import Email, Goal, Match, Notify, Sequence, WaitFor
from nurture.errors import Invalid, Problem


def check(
    campaigns: Campaigns, templates: Facts | None = None, folder: str = FOLDER
) -> tuple[Problem, ...]:
    """Return everything that is wrong with `campaigns`, by file and line; empty when nothing.

    `templates` are the facts of every email in every language, by (name, language), that are in
    `folder`; without them (None) everything is checked that has nothing to do with emails.
    """
    names = _names(campaigns, "", templates)
    funnel = campaigns.source(FUNNEL)
    found = [
        *_told(funnel, check_funnel(campaigns.funnel)),
        *_told(funnel, funnel_faults(campaigns.funnel, names)),
    ]
    if set(campaigns.names) <= campaigns.sequences.keys():
        found += _told(funnel, unasked_faults(campaigns.funnel, campaigns.sequences.values()))
        found += _told(funnel, check_hold_outs(campaigns.funnel, campaigns.sequences.values()))
    segments = campaigns.source(SEGMENTS)
    found += _told(segments, segment_faults(campaigns.segments, names))
    for key, sequence in campaigns.sequences.items():
        found += _alone(sequence, names, campaigns.source(key), templates, folder)
    for key, fault in check_sequences(tuple(campaigns.sequences.values())):
        found += _told(campaigns.source(key), (fault,))
    unique = dict.fromkeys(found)
    return tuple(sorted(unique, key=lambda one: (one.file, one.line, one.field, one.message)))


def check_folder(folder: Path, templates: Facts | None = None) -> tuple[Problem, ...]:
    """Return everything that is wrong with the files in `folder`, readable or not, in one go.

    Raises NotFound when there is no such folder.
    """
    campaigns, problems = read_what_can_be(folder)
    found = () if campaigns is None else check(campaigns, templates)
    return tuple(sorted({*problems, *found}, key=lambda one: (one.file, one.line, one.message)))


def check_draft(
    campaigns: Campaigns, document: Document, templates: Facts | None = None, folder: str = FOLDER
) -> tuple[Problem, ...]:
    """Return what is wrong with one sequence's document, were it published beside `campaigns`.

    It takes the place of the sequence with its key. Problems have no file and no line, and
    their field says where in the document they are.
    """
    try:
        draft = parse_sequence(document, funnel=campaigns.funnel)
    except Invalid as error:
        return error.problems
    others = (one for key, one in campaigns.sequences.items() if key != draft.key)
    source = Source(document)
    together = check_sequences((*others, draft))
    found = [
        *_alone(draft, _names(campaigns, draft.key, templates), source, templates, folder),
        *_told(source, (fault for key, fault in together if key == draft.key)),
    ]
    return tuple(dict.fromkeys(found))


def check_segment(
    campaigns: Campaigns, document: Document, templates: Facts | None = None
) -> tuple[Problem, ...]:
    """Return what is wrong with one segment's document, were it published beside `campaigns`.

    It takes the place of the segment with its key; otherwise as `check_draft`.
    """
    try:
        draft = parse_segment(document)
    except Invalid as error:
        return error.problems
    names = _names(replace(campaigns, segments=(*campaigns.segments, draft)), "", templates)
    found = _told(Source(document), draft_faults(draft, campaigns.segments, names))
    return tuple(dict.fromkeys(found))


def _names(campaigns: Campaigns, also: str, templates: Facts | None) -> Names:
    emails = None if templates is None else frozenset(name for name, _ in templates)
    known = frozenset({*campaigns.names, *campaigns.sequences, also} - {""})
    segments = frozenset(one.key for one in campaigns.segments)
    return Names(campaigns.funnel, known, emails, campaigns.tags, segments)


def _alone(
    sequence: Sequence, names: Names, source: Source, templates: Facts | None, folder: str
) -> list[Problem]:
    found = [
        *_told(source, check_sequence(sequence)),
        *_told(source, check_entry(sequence)),
        *_told(source, sequence_faults(sequence, names)),
        *_told(source, asking_faults(sequence, names.funnel, templates)),
    ]
    if templates is not None:
        found += _told(source, _email_faults(sequence, names.funnel, templates, folder))
    return found


def _told(source: Source, faults: Iterable[Fault]) -> list[Problem]:
    return [source.problem(fault.message, fault.remedy, fault.place) for fault in faults]


def _email_faults(
    sequence: Sequence, funnel: Funnel, templates: Facts, folder: str
) -> Iterator[Fault]:
    event = sequence.trigger.event if sequence.trigger else ""
    for number, step in enumerate(sequence.steps):
        match: Match | None = None
        place: tuple[str | int, ...] = ("steps", number)
        if isinstance(step, Email | Notify):
            notice = isinstance(step, Notify)
            place = (*place, "notify", "email") if notice else (*place, "email")
            for told in missing(step.template, templates, folder):
                yield Fault(told.message, told.remedy, place)
            for language in LANGUAGES:
                facts = templates.get((step.template, language))
                told_of = undefined(facts, funnel, event=event, notice=notice) if facts else ()
                for told in told_of:
                    yield Fault(told.message, told.remedy, place)
        elif isinstance(step, WaitFor):
            place, match = (*place, "wait_for", "where"), step.match
        elif isinstance(step, Goal):
            place, match = (*place, "goal", "where"), step.match
        for told in without_link(sequence, match, templates) if match else ():
            yield Fault(told.message, told.remedy, place)
