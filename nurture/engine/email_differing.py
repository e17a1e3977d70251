"""Which emails of a sequence applying would change, what of them, and who is still to get them."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nurture.campaigns.folder import Campaigns
from nurture.domain.sequence import Email, Notify
from nurture.engine.differing import SequencePlan, What
from nurture.engine.publish import Checked
from nurture.mailer.compiled import CompiledEmail
from nurture.store import origins
from nurture.store.database import Transaction

# The parts of a compiled email that somebody reads or clicks, and the words for them. The
# addresses of links stand apart, so that a body with another address in it is the same body.
PARTS: Mapping[str, str] = {"subject": "subject", "html": "body", "text": "text", "links": "links"}


@dataclass(frozen=True, slots=True)
class EmailChange:
    """An email that a step sends, in the `languages` in which the same of it is changed.

    `parts` are those of it that read otherwise, by the words of `PARTS`. None are told where it
    has nothing before it (`is_new`), or stands instead of the email called `instead`. `to_come`
    are the contacts under way who read one of these languages and have not been sent that step;
    None for a notice, which goes to people of ours.
    """

    step: str
    email: str
    languages: tuple[str, ...]
    parts: tuple[str, ...] = ()
    instead: str = ""
    to_come: int | None = None

    @property
    def is_new(self) -> bool:
        """Whether what is published sends nothing at this step in these languages."""
        return not self.parts and not self.instead


def email_changes(
    tx: Transaction, checked: Checked, plans: Iterable[SequencePlan]
) -> dict[str, tuple[EmailChange, ...]]:
    """Return the emails that differ from those published, by sequence, in the order of its steps.

    Sequences with none are left out, and so are new ones, of which everything is new. An email
    that compiles to what is published already does not differ, whatever became of its files.
    """
    campaigns = checked.campaigns
    if campaigns is None:
        return {}
    found, published = {}, origins.sequences(tx)
    for plan in plans:
        if plan.what not in (What.NEW, What.SAME, What.RETIRED):
            before = {(step, word): digest for step, word, digest in published[plan.key].emails}
            if wanted := _differing(plan.key, campaigns, checked, before):
                found[plan.key] = before, wanted
    digests = {
        before[place] for before, wanted in found.values() for place in wanted if place in before
    }
    stored = origins.compiled_emails(tx, digests)
    steps = {key: {step for step, _ in wanted} for key, (_, wanted) in found.items()}
    to_come = origins.to_come(tx, steps, campaigns.funnel.account.language)
    return {
        key: tuple(
            _grouped(
                campaigns, key, wanted,
                {place: stored[digest] for place, digest in before.items() if digest in stored},
                to_come,
            )
        )
        for key, (before, wanted) in found.items()
    }  # fmt: skip


_Place = tuple[str, str]


def _differing(
    key: str, campaigns: Campaigns, checked: Checked, before: Mapping[_Place, str]
) -> dict[_Place, CompiledEmail]:
    """Return by (step, language) the emails of a sequence that are not those published."""
    return {
        (step.key, language): email
        for step in campaigns.sequences[key].steps
        if isinstance(step, Email | Notify)
        for (name, language), email in sorted(checked.emails.items())
        if name == step.template and before.get((step.key, language)) != email.digest
    }


def _grouped(
    campaigns: Campaigns,
    key: str,
    wanted: Mapping[_Place, CompiledEmail],
    stored: Mapping[_Place, Mapping[str, Any]],
    to_come: Mapping[tuple[str, str], Mapping[str, int]],
) -> Iterable[EmailChange]:
    """Put languages of an email in which the same is changed into one change."""
    groups: dict[tuple[str, str, tuple[str, ...], str], list[str]] = {}
    for (step, language), email in wanted.items():
        parts, instead = _told(stored.get((step, language)), email)
        groups.setdefault((step, email.name, parts, instead), []).append(language)
    by_key = campaigns.sequences[key].by_key
    for (step, name, parts, instead), languages in groups.items():
        count: int | None = None
        if isinstance(by_key[step], Email):
            waiting = to_come.get((key, step), {})
            count = sum(waiting.get(language, 0) for language in languages)
        yield EmailChange(step, name, tuple(languages), parts, instead, count)


def _told(before: Mapping[str, Any] | None, email: CompiledEmail) -> tuple[tuple[str, ...], str]:
    """Return the parts that read otherwise, and the name of another email that was sent instead."""
    if before is None:
        return (), ""
    if before["name"] != email.name:
        return (), str(before["name"])
    after = json.loads(email.to_json())
    parts = tuple(word for part, word in PARTS.items() if before.get(part) != after[part])
    # What else differs, such as a field that has got a default nobody sees, is of the body.
    return parts or ("body",), ""
