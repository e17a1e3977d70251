"""The steps that a contact met or comes to, named as the pages about sequences name them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from nurture.engine.dependencies import Dependencies
from nurture.engine.explain import Explanation
from nurture.store import reports_contact, sequence_reports
from nurture.store.segments import published
from nurture.web.admin.condition_words import ConditionWords
from nurture.web.admin.sequence_flow import Flow, steps_of
from nurture.web.admin.sequence_names import names_of
from nurture.web.names import Names

_INNER = str.maketrans("“”", "‘’")


def with_steps(engine: Dependencies, told: Explanation, names: Names) -> Names:
    """Return the names with those of the steps of a contact's runs, each in its run's version.

    A step that its run's version does not have, because the run was taken over since, is called
    as another version of the sequence calls it that a run of theirs, or what comes, is in.
    """
    begun = {run.sequence for run in told.runs}
    ahead = {one.sequence for one in told.week.coming} - begun
    with engine.database.read() as tx:
        versions = sequence_reports.documents(tx, {run.version_id for run in told.runs})
        listed = [one for key in sorted(ahead) for one in sequence_reports.sequences(tx, key)]
        documents = [*versions.values(), *(one.shown for one in listed)]
        unseen = {name for one in documents for name in _emails(one)} - set(names.titles)
        found = reports_contact.subjects_by_name(tx, unseen)
        segments = {one.key: names_of(one.document) for one in published(tx)}
    ordered = sorted(found, key=lambda one: one[2] == told.contact.language)
    emails = replace(names, titles={**{name: line for name, line, _ in ordered}, **names.titles})
    words = ConditionWords(told.funnel, told.sequences, segments)
    steps: dict[tuple[int | str, str], str] = {}
    for one in listed:
        steps |= {(one.key, step): title for step, title in _titles(one.shown, words, emails)}
    # The newest run comes first, and its version has the last word on its sequence's steps.
    for run in reversed(told.runs):
        document = versions.get(run.version_id, {})
        for step, title in _titles(document, words, emails.during(run.properties)):
            steps[run.id, step] = steps[run.sequence, step] = title
    return replace(emails, steps=steps)


def _titles(
    document: Mapping[str, Any], words: ConditionWords, names: Names
) -> Iterator[tuple[str, str]]:
    """Yield each step's key and title; titles that several steps have are told apart by number."""
    subjects = {name: {"": names.email(name)} for name in _emails(document)}
    steps = Flow(words, subjects).steps(document)
    often = Counter(one.title for one in steps)
    for one in steps:
        title = one.title if often[one.title] == 1 else f"{one.number}. {one.title}"
        # Sentences set a step's name in quotes, so that those in it are inner ones.
        yield one.key, title.translate(_INNER)


def _emails(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the templates that a document's steps send to contacts and to people."""
    for step in steps_of(document):
        notify = step.get("notify")
        for one in (step.get("email"), notify.get("email") if isinstance(notify, Mapping) else ""):
            if one:
                yield str(one)
