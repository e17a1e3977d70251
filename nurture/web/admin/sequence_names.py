"""What pages about sequences need to call things by their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nurture.domain.funnel import Funnel
from nurture.engine.dependencies import Dependencies
from nurture.engine.draft_check import funnel_of
from nurture.mailer.sources import email_names, languages_of
from nurture.store import sequence_reports
from nurture.store.segments import published
from nurture.store.sequence_reports import Listed
from nurture.web.admin.condition_words import ConditionWords
from nurture.web.admin.sequence_flow import Flow
from nurture.web.names import chosen


@dataclass(frozen=True)
class Known:
    """Every sequence, the funnel, and the subjects of all emails in the templates' folder."""

    funnel: Funnel
    listed: tuple[Listed, ...]
    subjects: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    segments: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def words(self) -> ConditionWords:
        """The words for conditions."""
        names = {one.key: names_of(one.shown) for one in self.listed}
        return ConditionWords(self.funnel, names, self.segments)

    def flow(self, subjects: Mapping[str, Mapping[str, str]] | None = None) -> Flow:
        """What draws steps; `subjects` of a published version go before those in the folder."""
        return Flow(self.words, {**self.subjects, **(subjects or {})})


def known(engine: Dependencies) -> Known:
    """Read the names. Raises NotFound before a funnel is published."""
    with engine.database.read() as tx:
        listed = sequence_reports.sequences(tx)
        segments = {one.key: names_of(one.document) for one in published(tx)}
    subjects = written_subjects(engine.settings.templates)
    return Known(funnel_of(engine), tuple(listed), subjects, segments)


def names_of(document: Mapping[str, Any]) -> Mapping[str, str]:
    """The names in a document that may be unfinished."""
    names = document.get("name")
    return {k: str(v) for k, v in names.items() if v} if isinstance(names, Mapping) else {}


def title_of(one: Listed | Mapping[str, Any]) -> str:
    """A sequence's name in the page's language, else its key."""
    document = one.shown if isinstance(one, Listed) else one
    return chosen(names_of(document), str(document.get("key", "")))


def written_subjects(templates: Path) -> dict[str, dict[str, str]]:
    """The subject lines as written in the templates' folder: {email: {language: subject}}."""
    found: dict[str, dict[str, str]] = {}
    for name in email_names(templates):
        found[name] = {}
        for language in languages_of(templates, name):
            file = templates / name / f"subject.{language}.txt"
            if file.is_file():
                found[name][language] = file.read_text("utf-8", errors="replace").strip()
    return found


def published_subjects(
    document: Mapping[str, Any], by_step: Mapping[str, Mapping[str, str]]
) -> dict[str, Mapping[str, str]]:
    """The subjects that a version sends, by the name of the email instead of the step's key."""
    steps: Sequence[Any] = document.get("steps") or ()
    sent = ((step.get("email"), by_step.get(step["key"])) for step in steps)
    return {email: subjects for email, subjects in sent if email and subjects}
