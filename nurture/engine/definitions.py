"""The published funnel and sequences as domain values, parsed once for each process."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from types import MappingProxyType

from nurture.campaigns.parse import parse_funnel, parse_segment, parse_sequence
from nurture.domain.conditions import Compare, Did, Subject, walk
from nurture.domain.enrollment import Enrollment
from nurture.domain.funnel import Funnel
from nurture.domain.segments import Recall, Segment, in_order, recall_of
from nurture.domain.sequence import Goal, Sequence, Wait, WaitFor, WhileActive
from nurture.errors import NotFound
from nurture.mailer.compiled import CompiledEmail
from nurture.store import experiments, published
from nurture.store.database import Transaction
from nurture.store.segments import published as segments_stored

# The programme in which contacts stand. A contact has one stage, whatever the tracks: those are
# lines of sequences that run side by side in each stage, and named by the sequences themselves.
TRACK = "default"


@dataclass(frozen=True, slots=True)
class Definition:
    """One version of a sequence with the keys of its rows."""

    version_id: int
    sequence_id: int
    sequence: Sequence
    paused: bool = False
    trial: bool = False


@dataclass(frozen=True, slots=True)
class SegmentDefinition:
    """One segment with the key of its row."""

    id: int
    segment: Segment


@dataclass(frozen=True)
class Catalog:
    """Everything published, as of one transaction."""

    funnel: Funnel
    current: Mapping[str, Definition]
    versions: Mapping[int, Definition]
    segments: tuple[SegmentDefinition, ...] = ()

    @cached_property
    def reasons(self) -> Mapping[str, Mapping[str, str]]:
        """What the current sequences call their reasons for leaving, by the text runs keep."""
        some = self.current.values()
        return {key: names for one in some for key, names in one.sequence.reasons.items()}

    @cached_property
    def by_stage(self) -> Mapping[str, tuple[Definition, ...]]:
        """The current sequences of each stage, the highest priority first."""
        found: dict[str, list[Definition]] = {}
        for definition in self.current.values():
            if definition.sequence.stage:
                found.setdefault(definition.sequence.stage, []).append(definition)
        return {
            stage: tuple(sorted(some, key=lambda one: (-one.sequence.priority, one.sequence.key)))
            for stage, some in found.items()
        }

    @cached_property
    def stages_of_tracks(self) -> Mapping[str, tuple[str, ...]]:
        """The stages in which each track has a sequence."""
        found: dict[str, dict[str, None]] = {}
        for stage, some in self.by_stage.items():
            for definition in some:
                found.setdefault(definition.sequence.track, {})[stage] = None
        return {track: tuple(stages) for track, stages in sorted(found.items())}

    @cached_property
    def by_trigger(self) -> Mapping[str, tuple[Definition, ...]]:
        """The current sequences that each event name enrolls into."""
        found: dict[str, list[Definition]] = {}
        for definition in self.current.values():
            if definition.sequence.trigger is not None:
                found.setdefault(definition.sequence.trigger.event, []).append(definition)
        return {event: tuple(some) for event, some in found.items()}

    @cached_property
    def frozen(self) -> frozenset[int]:
        """The ids of the paused sequences."""
        return frozenset(one.sequence_id for one in self.current.values() if one.paused)

    @cached_property
    def waited_for(self) -> frozenset[str]:
        """The sequences whose trigger waits in a queue while a run is under way."""
        queueing = WhileActive.QUEUE
        found = (one.sequence for one in self.current.values())
        return frozenset(
            one.key for one in found if one.trigger and one.trigger.while_active is queueing
        )

    @cached_property
    def entries_ask_history(self) -> bool:
        """Whether any stage's sequence lets contacts in by what they did."""
        entries = [one.sequence.entry for some in self.by_stage.values() for one in some]
        return any(isinstance(part, Did) for entry in entries for part in walk(entry))

    @cached_property
    def stages_ask_score(self) -> bool:
        """Whether the score can decide which sequence of a stage takes a contact."""
        return any(one.sequence.asks_score for some in self.by_stage.values() for one in some)

    @cached_property
    def asks_membership(self) -> bool:
        """Whether any rule or segment asks which sequences a contact is in."""
        return self._asks("sequence") or self.any_segment_asks("sequence")

    @cached_property
    def asks_segments(self) -> bool:
        """Whether any rule asks which segments a contact is in; segments see to that themselves."""
        return self._asks("segment")

    @cached_property
    def recall(self) -> Recall:
        """What the segments ask of a contact's history."""
        return recall_of(one.segment for one in self.segments)

    def any_segment_asks(self, kind: str) -> bool:
        """Return whether any segment looks at the subject called `kind`."""
        return any(one.segment.asks(kind) for one in self.segments)

    def whose_sequences_changed(self, runs: Iterable[Enrollment], now: datetime) -> set[int]:
        """Return whose runs began or ended now, where a segment asks for their sequences."""
        if not self.any_segment_asks("sequence"):
            return set()
        return {one.contact_id for one in runs if not one.is_live or one.entered_at == now}

    def _asks(self, kind: str) -> bool:
        rules = [edge.when for edge in self.funnel.edges]
        rules += [rule.when for rule in self.funnel.fit_rules]
        rules += [persona.when for persona in self.funnel.personas]
        for one in self.versions.values():
            rules += [one.sequence.entry, *one.sequence.conditions]
        parts = (part for rule in rules for part in walk(rule))
        return any(isinstance(one, Compare) and one.subject == Subject(kind) for one in parts)

    def version(self, version_id: int) -> Definition:
        """Return a version that the catalog was asked to hold."""
        return self.versions[version_id]


class Definitions:
    """The cache: versions are immutable, so each is read and parsed once."""

    def __init__(self) -> None:
        self._versions: dict[int, Definition] = {}
        self._emails: dict[int, CompiledEmail] = {}
        self._choices: dict[int, Mapping[tuple[str, str], int]] = {}
        self._marks: object = None
        self._catalog: Catalog | None = None
        self._winners: Mapping[str, str] = MappingProxyType({})

    def catalog(self, tx: Transaction) -> Catalog:
        """Return what is published now; one small query tells whether anything is new.

        Raises NotFound before the first funnel is published.
        """
        # Without a sequence there is no row to hold the funnel's number.
        marks = published.marks(tx) or published.bare_marks(tx)
        if self._catalog is None or marks != self._marks:
            self._catalog = self._read(tx)
            self._marks = marks
        return self._catalog

    def including(self, tx: Transaction, version_ids: set[int]) -> Catalog:
        """Return the catalog with these versions in it, which may be old ones."""
        catalog = self.catalog(tx)
        if version_ids <= catalog.versions.keys():
            return catalog
        self._load(tx, version_ids)
        self._catalog = replace(
            catalog, versions=MappingProxyType({**catalog.versions, **self._versions})
        )
        return self._catalog

    def choices(self, tx: Transaction, version_id: int) -> Mapping[tuple[str, str], int]:
        """Return which compiled email a version sends for each (step, language)."""
        if version_id not in self._choices:
            self._choices[version_id] = published.emails_of(tx, version_id)
        return self._choices[version_id]

    def email(self, tx: Transaction, email_id: int) -> CompiledEmail:
        """Return a compiled email; raises NotFound when its row is gone."""
        if email_id not in self._emails:
            compiled = published.compiled_email(tx, email_id)
            if compiled is None:
                raise NotFound(f"the compiled email {email_id} is not in the database")
            self._emails[email_id] = CompiledEmail.from_json(json.dumps(compiled))
        return self._emails[email_id]

    def _read(self, tx: Transaction) -> Catalog:
        found = published.current_funnel(tx)
        if found is None:
            raise NotFound(
                "nothing is published yet", remedy="run `nurture apply` to publish campaigns/"
            )
        number, document, _ = found
        stored = segments_stored(tx)
        ids = {one.key: one.id for one in stored}
        segments, _ = in_order([parse_segment(one.document) for one in stored])
        asked = tuple(one.when for one in segments)
        funnel = replace(parse_funnel(document, version=number), watched=asked)
        winners = MappingProxyType(experiments.winners(tx))
        known = self._catalog.funnel.version if self._catalog else 0
        if (known, self._winners) != (number, winners):
            # Sequences borrow the funnel's window and holidays, and the arms that have won.
            self._versions.clear()
        self._winners = winners
        current = {}
        for version in published.current_versions(tx):
            definition = self._definition(version, funnel)
            self._versions[version.id] = definition
            current[version.key] = replace(definition, paused=version.paused)
        return Catalog(
            funnel,
            MappingProxyType(current),
            MappingProxyType(dict(self._versions)),
            tuple(SegmentDefinition(ids[one.key], one) for one in segments),
        )

    def _load(self, tx: Transaction, version_ids: set[int]) -> None:
        catalog = self._catalog
        missing = version_ids - self._versions.keys()
        for version in published.versions(tx, missing):
            funnel = catalog.funnel if catalog else None
            self._versions[version.id] = self._definition(version, funnel)

    def _definition(self, version: published.Version, funnel: Funnel | None) -> Definition:
        sequence = parse_sequence(version.document, funnel=funnel, version=version.number)
        if self._winners:
            sequence = replace(sequence, winners=self._winners)
        if version.trial:
            # A trial shows every email to whoever walks it, and is counted by no cap.
            sequence = replace(sequence, caps=(), hold_out=0.0)
        return Definition(version.id, version.sequence_id, sequence, trial=version.trial)


def asks_history(sequence: Sequence) -> bool:
    """Return whether entering or walking `sequence` can need what the contact did before."""
    if sequence.changes_stage:
        return True
    if any(isinstance(one, WaitFor | Goal) and one.match is not None for one in sequence.steps):
        return True
    conditions = [sequence.entry, *sequence.conditions]
    return any(isinstance(part, Did) for when in conditions for part in walk(when))


def goes_on_unasked(sequence: Sequence, step: str) -> bool:
    """Return whether what follows an email at `step` is the same whatever its contact is like.

    That is a plain wait with no exit or goal to look at before it: most emails have one behind
    them, and the contact then need not be read again when the provider has answered.
    """
    if sequence.exits or sequence.goals:
        return False
    target = getattr(sequence.by_key.get(step), "next", "")
    following = sequence.by_key.get(sequence.after(step, target))
    return isinstance(following, Wait) and following.at is None and not following.days
