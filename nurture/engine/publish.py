"""Publishing: campaign files become immutable versions with their emails compiled."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

from nurture.campaigns.checking import check
from nurture.campaigns.clicks import unclicked
from nurture.campaigns.emails import EmailFacts
from nurture.campaigns.folder import FUNNEL, Campaigns, read_what_can_be
from nurture.campaigns.folder import digest as digest_of
from nurture.domain.sequence import Email, Notify, Sequence
from nurture.engine import funnel_telling
from nurture.engine.definitions import TRACK
from nurture.engine.dependencies import Dependencies
from nurture.engine.differing import What, is_kept, refuse_conflicts, sequence_plans
from nurture.engine.segment_building import Told, build_all
from nurture.engine.segment_differing import apply_segments, refuse_lost
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Invalid, Problem
from nurture.mailer.compile import compile_email
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.sources import email_names, languages_of, place_of, read_source
from nurture.store import ledger, operations, origins, people, published
from nurture.store.database import Transaction

Compiled = Mapping[tuple[str, str], CompiledEmail]


@dataclass(frozen=True, slots=True)
class Checked:
    """Campaign files and emails as they were read, and everything that is wrong with them."""

    campaigns: Campaigns | None
    emails: Compiled
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """What publishing changed: (key, new version number), funnel first; empty when nothing.

    `kept` are the sequences whose file was left alone, because the admin is ahead of it or was
    chosen; `retired` take nobody any more, because their files are gone. `segments` changed or are
    gone, and of `kept_segments` the admin's version stands.
    """

    funnel: int | None = None
    sequences: tuple[tuple[str, int], ...] = ()
    unchanged: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    warnings: tuple[Problem, ...] = field(default=())
    segments: tuple[str, ...] = ()
    kept_segments: tuple[str, ...] = ()


def compile_all(
    templates: Path, letters: frozenset[str] | None = None
) -> tuple[Compiled, tuple[Problem, ...]]:
    """Return every email in every language it is written in, and what is wrong with the others.

    Only `letters` go to contacts (None: all of them); a notice to a person of ours needs no
    unsubscribe link, and neither does what no step sends yet.
    """
    compiled: dict[tuple[str, str], CompiledEmail] = {}
    problems: list[Problem] = []
    for name in email_names(templates):
        for language in languages_of(templates, name):
            try:
                source = read_source(templates, name, language)
                compiled[name, language] = compile_email(
                    source, notice=letters is not None and name not in letters
                )
            except Invalid as error:
                problems += error.problems or [Problem(str(error), "", str(templates / name))]
    return compiled, tuple(problems)


def facts_of(email: CompiledEmail, templates: Path) -> EmailFacts:
    """Return what the check of campaigns has to know about an email."""
    source = read_source(templates, email.name, email.language)
    paths = {variable.path: variable.guarded for variable in email.variables}
    return EmailFacts(
        email.name,
        email.language,
        paths,
        tuple(link.url for link in email.links),
        source.body_file,
        {path: place for path in paths if (place := place_of(source, path))},
    )


def check_files(campaigns: Path, templates: Path) -> Checked:
    """Read and check campaign files and emails; nothing is written, all faults in one go."""
    found, problems = read_what_can_be(campaigns)
    # Without its sequences nobody knows which emails are notices: then none has to have a way out,
    # or a fault in the funnel would ask for unsubscribe links where none belong.
    emails, broken = compile_all(
        templates, letter_names(() if found is None else found.sequences.values())
    )
    facts = {key: facts_of(email, templates) for key, email in emails.items()}
    # An email that could not be compiled is reported once, at its own line, and not again at
    # every step that sends it.
    for problem in broken:
        name = Path(problem.file).parent.name
        for language in ("vi", "en"):
            facts.setdefault((name, language), EmailFacts(name, language))
    told = () if found is None else check(found, facts, str(templates))
    warnings = [
        Problem(warning, "", f"{email.name} ({email.language})")
        for _, email in sorted(emails.items())
        for warning in email.warnings
    ]
    if found is not None:
        warnings += unclicked(found, facts)
    everything = sorted(
        {*problems, *broken, *told}, key=lambda one: (one.file, one.line, one.message)
    )
    return Checked(found, emails, tuple(everything), tuple(warnings))


def letter_names(sequences: Iterable[Sequence]) -> frozenset[str]:
    """Return the emails that these sequences send to contacts."""
    steps = (step for sequence in sequences for step in sequence.steps)
    return frozenset(step.template for step in steps if isinstance(step, Email))


def apply(
    deps: Dependencies,
    by: str,
    now: datetime,
    take: Mapping[str, str] = MappingProxyType({}),
    told: Told = lambda _: None,
) -> Published:
    """Publish what is in the campaign and template folders, all of it or nothing.

    A sequence becomes a new version when its document or any of its emails changed; enrollments
    stay with the version they entered. One whose file is gone takes nobody any more. What was
    published in the admin since the file was last applied is kept; where both were changed,
    `take` says by key (of a segment `segment:KEY`) whether the `file` or the `admin` stands.
    Raises Invalid with every fault when there is one, and with every conflict nobody has settled.
    `told` hears how the building of new segments gets on.
    """
    checked = check_files(deps.settings.campaigns, deps.settings.templates)
    if checked.problems or checked.campaigns is None:
        raise Invalid.because(checked.problems, of="Nothing was published")
    with deps.database.begin() as tx:
        result = _apply(tx, checked, by, now, take)
    if result.funnel or result.sequences:
        place_contacts(deps, now)
    if result.segments:
        build_all(deps, told)
    return result


def _apply(
    tx: Transaction, checked: Checked, by: str, now: datetime, take: Mapping[str, str]
) -> Published:
    campaigns = checked.campaigns
    assert campaigns is not None  # noqa: S101 - the caller has looked
    plans = {one.key: one for one in sequence_plans(tx, checked)}
    refuse_conflicts(plans.values(), take, campaigns)
    funnel = _publish_funnel(tx, campaigns, by, now)
    segments = apply_segments(tx, campaigns, take, by, now)
    done, same, kept, retired = [], [], [], []
    for key, one in plans.items():
        if one.what is What.RETIRED:
            origins.retire(tx, key, now)
            retired.append(key)
            continue
        if is_kept(one, take):
            kept.append(key)
            origins.set_seen(tx, key, campaigns.documents[key])
            continue
        origins.retire(tx, key, None)
        origins.set_seen(tx, key, None)
        if one.what is What.SAME:
            origins.caught_up(tx, key)
        document = campaigns.documents[key]
        number = publish_sequence(
            tx, campaigns.sequences[key], document, checked.emails, by, now, origins.FILE
        )
        if number is None:
            same.append(key)
        else:
            done.append((key, number))
    refuse_lost(tx, segments.changed, campaigns.funnel)
    if funnel or done or retired or segments.changed:
        changed = {
            "funnel": funnel, "sequences": dict(done), "retired": retired,
            "segments": list(segments.changed),
        }  # fmt: skip
        operations.note(tx, by, "apply", "campaigns", changed, now)
    return Published(
        funnel, tuple(done), tuple(same), tuple(kept), tuple(retired), checked.warnings,
        segments.changed, segments.kept,
    )  # fmt: skip


def publish_sequence(  # noqa: PLR0913 - each is a fact of its own about a version
    tx: Transaction,
    sequence: Sequence,
    document: Mapping[str, Any],
    emails: Compiled,
    by: str,
    now: datetime,
    origin: str = origins.ADMIN,
) -> int | None:
    """Publish one sequence with its emails; return its new number, None when nothing changed.

    `origin` says whether it comes from a file or from somebody in the admin.
    """
    sequence_id = published.ensure_sequence(
        tx, sequence.key, sequence.stage, sequence.track if sequence.stage else ""
    )
    wanted = [
        (step.key, language, email)
        for step in sequence.steps
        if isinstance(step, Email | Notify)
        for (name, language), email in sorted(emails.items())
        if name == step.template
    ]
    digest = _digest(document, [(step, language, e.digest) for step, language, e in wanted])
    current = [one for one in published.current_versions(tx) if one.sequence_id == sequence_id]
    if current and current[0].digest == digest:
        return None
    version_id, number = published.add_version(tx, sequence_id, document, digest, by, now, origin)
    published.attach_emails(
        tx,
        version_id,
        [(step, language, _stored(tx, email, now)) for step, language, email in wanted],
    )
    return number


def place_contacts(deps: Dependencies, now: datetime, limit: int = 500) -> int:
    """Enroll contacts who stand in a stage and are in no sequence of it, in each of its tracks.

    Publishing the first sequence of a stage and track has to reach those who wait there already.
    Returns how many were looked at, once for each track that they lacked.
    """
    with deps.database.read() as tx:
        tracks = deps.definitions.catalog(tx).stages_of_tracks
    return sum(_place(deps, now, limit, track, stages) for track, stages in tracks.items())


def _place(
    deps: Dependencies, now: datetime, limit: int, track: str, stages: tuple[str, ...]
) -> int:
    placed = 0
    after = 0
    while True:
        with deps.database.read() as tx:
            ids = ledger.without_run(tx, TRACK, track, stages, after, limit)
        if not ids:
            return placed

        def body(work: Work, ids: list[int] = ids) -> None:
            # Who is moved to another stage in this moment must not be placed by the old one.
            people.lock(work.tx, ids)
            work.see(ids, history=work.catalog.entries_ask_history)
            for contact_id in ids:
                work.wish_stage_sequences(contact_id, track)

        committed(deps, now, body)
        placed += len(ids)
        after = ids[-1]


def _publish_funnel(tx: Transaction, campaigns: Campaigns, by: str, now: datetime) -> int | None:
    found = published.current_funnel(tx)
    digest = campaigns.digests[FUNNEL]
    if found is not None and found[2] == digest:
        return None
    number = 1 if found is None else found[0] + 1
    published.add_funnel(tx, number, campaigns.documents[FUNNEL], digest, by, now)
    # Other caps, half-lives and edges: every score and stage is looked at under the new ones.
    funnel_telling.begin(tx, number, now)
    return number


def _stored(tx: Transaction, email: CompiledEmail, now: datetime) -> int:
    compiled = json.loads(email.to_json())
    return published.store_email(tx, email.name, email.language, email.digest, compiled, now)


def _digest(document: Mapping[str, Any], emails: list[tuple[str, str, str]]) -> str:
    return digest_of({"document": document, "emails": emails})
