"""How what a file says about a contact joins what is known already."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nurture.domain.funnel import Funnel
from nurture.domain.tags import fresh
from nurture.domain.text import search_text
from nurture.engine.importing_rows import Draft
from nurture.store.imports import Stored


@dataclass
class Person:
    """One contact while rows are laid upon them; `id` is 0 until they are in the database."""

    id: int
    email: str
    address: str
    language: str
    timezone: str
    source: str
    stage: str
    fields: dict[str, Any] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    consents: dict[str, bool] = field(default_factory=dict)
    granted: dict[str, str] = field(default_factory=dict)
    answered: dict[str, str] = field(default_factory=dict)
    created_at: datetime | None = None
    has_standing: bool = False
    is_changed: bool = False

    @classmethod
    def known(cls, stored: Stored) -> "Person":
        """Return somebody who is in the database."""
        return cls(
            stored.id, stored.email, stored.address, stored.language, stored.timezone,
            stored.source, stored.stage, dict(stored.fields), list(stored.tags),
            dict(stored.consents), created_at=stored.created_at,
            has_standing=bool(stored.stage),
        )  # fmt: skip

    @classmethod
    def new(cls, draft: Draft, funnel: Funnel) -> "Person":
        """Return somebody new: the first row decides what they start with."""
        return cls(
            0,
            draft.address.email,
            draft.address.compared,
            draft.language or funnel.account.language,
            draft.timezone,
            draft.source,
            "",
            _fields_of(draft),
            sorted(fresh(draft.tags, ())),
            answered=dict(draft.bant),
        )

    def lay(self, draft: Draft, *, overwrite: bool) -> bool:
        """Lay another row upon this contact; return whether it changed anything.

        What is filled fills what is empty. What is there stays, or with `overwrite` gives way.
        Tags are united. Where the contact came from is history and is never replaced.
        """
        before = (self.language, self.timezone, self.source, dict(self.fields), list(self.tags))
        self.language = _chosen(self.language, draft.language, overwrite=overwrite)
        self.timezone = _chosen(self.timezone, draft.timezone, overwrite=overwrite)
        self.source = self.source or draft.source
        for key, value in _fields_of(draft).items():
            replaces = overwrite and key != "source"
            have = self.fields.get(key)
            if key == "bant" and isinstance(have, dict):
                self.fields[key] = {**have, **value} if overwrite else {**value, **have}
                self.answered |= {
                    letter: answer
                    for letter, answer in self.fields[key].items()
                    if have.get(letter) != answer
                }
            elif key == "bant":
                self.fields[key] = value
                self.answered |= value
            else:
                self.fields[key] = _chosen(have, value, overwrite=replaces)
        self.tags = sorted({*self.tags, *fresh(draft.tags, self.tags)})
        after = (self.language, self.timezone, self.source, self.fields, self.tags)
        changed = after[:4] != before[:4] or set(after[4]) != set(before[4])
        self.is_changed = self.is_changed or changed
        return changed

    def place(self, draft: Draft, funnel: Funnel) -> None:
        """Give them a stage to start in, unless they stand in one."""
        if not self.stage:
            self.stage = draft.stage or funnel.first_stage(draft.source)

    def values(self, now: datetime) -> dict[str, Any]:
        """Return what a row upon them can have changed, by column."""
        return {
            "language": self.language,
            "timezone": self.timezone,
            "source": self.source,
            "fields": self.fields,
            "tags": self.tags,
            "search": search_text(self.email, self.fields),
            "updated_at": now,
        }


def _fields_of(draft: Draft) -> dict[str, Any]:
    fields: dict[str, Any] = {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in draft.fields.items()
    }
    if draft.bant:
        fields["bant"] = dict(draft.bant)
    return fields


def _chosen(have: Any, offered: Any, *, overwrite: bool) -> Any:
    """Return the one that counts; nothing, an empty text and an empty list are empty, 0 is not."""
    if offered is None or offered in ("", [], {}):
        return have
    return offered if overwrite or have is None or have in ("", [], {}) else have
