"""How campaign files differ from the sequences that are published, and who changed what."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from nurture.campaigns.folder import Campaigns
from nurture.engine.draft_changes import Changes, changes_between
from nurture.errors import Invalid, Problem
from nurture.store import origins
from nurture.store.database import Transaction
from nurture.store.origins import Live, Origin

if TYPE_CHECKING:
    from nurture.engine.publish import Checked


class What(StrEnum):
    """What applying does to a sequence."""

    NEW = "new"
    CHANGED = "changed"
    EMAILS = "emails"
    SAME = "same"
    RETIRED = "retired"
    BACK = "back"
    # The admin published something the file does not have, and the file was not touched since.
    AHEAD = "ahead"
    # Both were changed since the file was last applied.
    CONFLICT = "conflict"


# What changes nothing unless somebody chooses the file.
KEPT = frozenset({What.SAME, What.AHEAD, What.CONFLICT})


@dataclass(frozen=True, slots=True)
class SequencePlan:
    """What becomes of one sequence.

    `under_way` are the runs that stay as they are, by the number of their version; `removed` are
    those of them at each step that the new version has no more. Those that are `exhausted` are
    taken over to what is published, and `trials` walk a draft. `theirs` is what the admin's
    version changed in the file's.
    """

    key: str
    what: What
    number: int
    changes: Changes = Changes()  # noqa: RUF009 - it is a value
    theirs: Changes = Changes()  # noqa: RUF009 - it is a value
    removed: Mapping[str, int] | None = None
    under_way: Mapping[int, int] = field(default_factory=dict)
    exhausted: int = 0
    trials: int = 0

    @property
    def runs(self) -> int:
        """How many runs are under way, whatever their version."""
        return sum(self.under_way.values())


def sequence_plans(tx: Transaction, checked: "Checked") -> Iterator[SequencePlan]:
    """Yield what applying files would do to each sequence."""
    campaigns = checked.campaigns
    if campaigns is None:
        return
    found, counts = origins.sequences(tx), origins.live_counts(tx)
    for key in campaigns.sequences:
        live = counts.get(key, Live())
        yield _with(live, _one(key, campaigns, checked, found.get(key), live.steps))
    for key, origin in sorted(found.items()):
        if key not in campaigns.sequences and origin.file is not None and not origin.retired:
            retired = SequencePlan(key, What.RETIRED, origin.number)
            yield _with(counts.get(key, Live()), retired)


def _with(live: Live, one: SequencePlan) -> SequencePlan:
    under_way = dict(sorted(live.versions.items()))
    return replace(one, under_way=under_way, exhausted=live.exhausted, trials=live.trials)


def _one(
    key: str,
    campaigns: Campaigns,
    checked: "Checked",
    origin: Origin | None,
    counts: Mapping[str, int],
) -> SequencePlan:
    document = campaigns.documents[key]
    if origin is None or origin.document is None:
        return SequencePlan(key, What.NEW, 0)
    differ = changes_between(origin.document, document)
    if not differ:
        same = origin.emails == emails_of(checked, campaigns.sequences[key].steps)
        what = What.SAME if same else What.EMAILS
        return SequencePlan(key, What.BACK if origin.retired else what, origin.number)
    removed = {step: counts[step] for step in differ.removed if counts.get(step)}
    theirs = Changes()
    what = What.BACK if origin.retired else What.CHANGED
    if not origin.from_file:
        theirs = changes_between(origin.file or {}, origin.document)
        # Whoever chose the admin's version has seen what the file said then.
        known = origin.file if origin.seen is None else origin.seen
        untouched = known is not None and not changes_between(known, document)
        what = What.AHEAD if untouched else What.CONFLICT
    return SequencePlan(key, what, origin.number, differ, theirs, removed)


def emails_of(checked: "Checked", steps: Sequence[Any]) -> frozenset[tuple[str, str, str]]:
    """Return (step, language, digest) of every email that a version of these steps sends."""
    return frozenset(
        (step.key, language, email.digest)
        for step in steps
        for (name, language), email in checked.emails.items()
        if name == getattr(step, "template", "")
    )


def is_kept(one: SequencePlan, take: Mapping[str, str]) -> bool:
    """Return whether the admin's version stands, whatever the file says."""
    return one.what in (What.AHEAD, What.CONFLICT) and take.get(one.key) != origins.FILE


def refuse_conflicts(
    plans: Iterable[SequencePlan], take: Mapping[str, str], campaigns: Campaigns
) -> None:
    """Raise Invalid with each conflict that nobody has settled, at the file it is about."""
    open_ = [one for one in plans if one.what is What.CONFLICT and one.key not in take]
    problems = [
        Problem(
            f"{one.key} was changed in the admin (version {one.number}) and in the file",
            f"Write --take file:{one.key} or --take admin:{one.key}; `nurture plan` shows both.",
            campaigns.source(one.key).file,
        )
        for one in open_
    ]
    if problems:
        raise Invalid.because(problems, of="Nothing was published")
