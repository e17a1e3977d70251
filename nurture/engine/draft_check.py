"""Everything that is wrong with a draft, found as it is found in a campaign file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nurture.campaigns.checking import check_draft as check_beside
from nurture.campaigns.complaints import Source
from nurture.campaigns.emails import EmailFacts
from nurture.campaigns.folder import FUNNEL, campaigns_from
from nurture.campaigns.parse import parse_funnel, parse_sequence
from nurture.domain.funnel import Funnel
from nurture.domain.sequence import Email, Notify, Sequence
from nurture.engine.dependencies import Dependencies
from nurture.engine.publish import Compiled, facts_of, letter_names
from nurture.engine.segment_building import stored_segments
from nurture.errors import Invalid, NotFound, Problem
from nurture.mailer.compile import compile_email
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.sources import email_names, languages_of, read_source
from nurture.store import published

NO_EMAILS: Compiled = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class DraftChecked:
    """A draft as it was read (None when it cannot be), its emails, and every fault by field.

    A problem's `field` is the place in the document, as `steps[2].wait_for.of`.
    """

    sequence: Sequence | None
    problems: tuple[Problem, ...]
    emails: Compiled = field(default_factory=lambda: NO_EMAILS)


def check_draft(deps: Dependencies, document: Mapping[str, Any]) -> DraftChecked:
    """Check a draft beside everything that is published, and the emails in the templates' folder.

    Raises NotFound before a funnel is published.
    """
    with deps.database.read() as tx:
        found = published.current_funnel(tx)
        documents = {one.key: dict(one.document) for one in published.current_versions(tx)}
        segments = stored_segments(tx)
    if found is None:
        raise _no_funnel()
    campaigns = campaigns_from({FUNNEL: found[1], **documents}, segments)
    try:
        sequence = parse_sequence(document, funnel=campaigns.funnel)
    except Invalid as error:
        return DraftChecked(None, error.problems)
    steps = [(n, step) for n, step in enumerate(sequence.steps) if isinstance(step, Email | Notify)]
    letters = letter_names([*campaigns.sequences.values(), sequence])
    emails, facts, broken = compile_wanted(
        deps.settings.templates, {step.template for _, step in steps}, letters
    )
    folder = str(deps.settings.templates)
    problems = [*check_beside(campaigns, dict(document), facts, folder)]
    source = Source(document)
    problems += [
        source.problem(
            f"{Path(one.file).name}: {one.message}",
            one.remedy,
            ("steps", number, "email")
            if isinstance(step, Email)
            else ("steps", number, "notify", "email"),
        )
        for number, step in steps
        for one in broken.get(step.template, ())
    ]
    return DraftChecked(sequence, tuple(dict.fromkeys(problems)), emails)


def compile_wanted(
    templates: Path, wanted: set[str], letters: frozenset[str]
) -> tuple[Compiled, dict[tuple[str, str], EmailFacts], dict[str, tuple[Problem, ...]]]:
    """Compile the `wanted` emails in every language; return them, facts of all emails, and faults.

    Of the emails that nobody asked for only their names and languages are known; those that are
    no `letters` to contacts are notices to people of ours.
    """
    compiled: dict[tuple[str, str], CompiledEmail] = {}
    facts: dict[tuple[str, str], EmailFacts] = {}
    broken: dict[str, tuple[Problem, ...]] = {}
    for name in email_names(templates):
        for language in languages_of(templates, name):
            facts[name, language] = EmailFacts(name, language)
            if name not in wanted:
                continue
            try:
                email = read_email(templates, name, language, notice=name not in letters)
            except Invalid as error:
                told = error.problems or (Problem(error.message, error.remedy),)
                broken[name] = (*broken.get(name, ()), *told)
            else:
                compiled[name, language] = email
                facts[name, language] = facts_of(email, templates)
    return compiled, facts, broken


def read_email(templates: Path, name: str, language: str, *, notice: bool = False) -> CompiledEmail:
    """Return one email compiled from its files; raises NotFound and Invalid as the mailer does."""
    return compile_email(read_source(templates, name, language), notice=notice)


def funnel_of(deps: Dependencies) -> Funnel:
    """Return the published funnel; raises NotFound before the first."""
    with deps.database.read() as tx:
        found = published.current_funnel(tx)
    if found is None:
        raise _no_funnel()
    return parse_funnel(found[1], version=found[0])


def _no_funnel() -> NotFound:
    return NotFound("no funnel is published yet", remedy="Run `nurture apply` first.")
