"""The desk a segment is written at: its draft, what is wrong with it, and what a form holds."""

from dataclasses import dataclass
from typing import Any

from nurture.engine.drafts import Draft
from nurture.engine.segment_drafts import check, load
from nurture.web.admin.condition_rows import condition_of
from nurture.web.admin.segment_faults import condition_error, located
from nurture.web.admin.sequence_desk import Desk, Faults, within
from nurture.web.admin.sequence_fields import Document, editor, part, short, words
from nurture.web.admin.sequence_names import known
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.problem_words import tell


def document_from(form: Any, before: Document) -> Document:
    """Return the document that a form holds, without judging it; `before` is what it began as."""
    pairs = {
        name: {
            language: words(form, f"{name}.{language}", part(before, name, language))
            for language in ("vi", "en")
        }
        for name in ("name", "description")
    }
    after: Document = {"key": words(form, "key", before.get("key")), "name": pairs["name"]}
    if any(pairs["description"].values()):
        after["description"] = short(pairs["description"])
    when = condition_of(editor(form, "when"))
    return after if when is None else after | {"when": when}


@dataclass(frozen=True)
class SegmentDesk(Desk):
    """A desk for a segment; `when_error` tells of the condition, by line where it is text."""

    when_error: str = ""

    @property
    def told(self) -> list[str]:
        """Everything that is wrong with the draft, each thing once."""
        labels = {
            "name.vi": _("Name in Vietnamese"), "name.en": _("Name in English"),
            "description.vi": _("What it is for, in Vietnamese"),
            "description.en": _("What it is for, in English"), "key": _("Key"),
        }  # fmt: skip
        rest = (
            f"{labels[one.field]}: {tell(one)}" if one.field in labels else tell(one)
            for one in self.faults.problems
            if not within(one.field, "when")
        )
        return list(dict.fromkeys(filter(None, (self.when_error, *rest))))


def segment_desk(key: str) -> SegmentDesk:
    """The desk for a segment's draft. Raises NotFound."""
    engine = dependencies().engine
    found = load(engine, key)
    faults = Faults(located(found.document, check(engine, found.document).problems))
    return SegmentDesk(found, known(engine), faults, condition_error(found.document, faults))


def new_desk(document: Document, faults: Faults = Faults()) -> SegmentDesk:  # noqa: B008 - a value
    """The desk for a segment that is not saved yet."""
    empty = Draft("", document, 0, saved=False, saved_at=None, saved_by="", number=0, published={})
    return SegmentDesk(empty, known(dependencies().engine), faults)
