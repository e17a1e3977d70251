"""Everything about one contact at one moment, explained from what was stored.

Plain values with codes in them: the admin and the command line put them into words.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from nurture.domain.contact import Contact
from nurture.domain.funnel import Funnel
from nurture.domain.scoring import engagement
from nurture.domain.sequence import Email, Sequence
from nurture.domain.stages import standing_at
from nurture.engine.definitions import TRACK
from nurture.engine.dependencies import Dependencies
from nurture.engine.explain_ahead import RunAhead, look_ahead
from nurture.engine.explain_score import FitExplained, ScoreExplained, explain_fit, explain_score
from nurture.engine.explain_sends import Touch, touches
from nurture.engine.explain_week import WEEK, Week, week_of
from nurture.engine.life_ahead import GoingOn
from nurture.errors import NotFound
from nurture.store import ledger, people, reports_contact, reports_contacts, runs
from nurture.store.people import Need
from nurture.store.reports_contact import Barred, Profile, Ran, Said

# The newest of each that an explanation goes back to.
MOST_DECISIONS = 1_000
MOST_SENDS = 200


@dataclass(frozen=True, slots=True)
class Explanation:
    """One contact at `at`. `touches` are newest first; `sequences` names each by language.

    `subjects` are the templates of subjects by compiled email, `titles` those by email's name;
    `said` is the last word on consent by topic.
    """

    at: datetime
    profile: Profile
    contact: Contact
    funnel: Funnel
    score: ScoreExplained
    fit: FitExplained
    ahead: tuple[RunAhead, ...]
    week: Week
    touches: tuple[Touch, ...]
    runs: tuple[Ran, ...]
    suppressions: tuple[Barred, ...]
    subjects: Mapping[int, str]
    titles: Mapping[str, str]
    sequences: Mapping[str, Mapping[str, str]]
    reasons: Mapping[str, Mapping[str, str]]
    said: Mapping[str, Said]

    def run(self, enrollment_id: int) -> Ran | None:
        """One of their runs, by its id."""
        return next((one for one in self.runs if one.id == enrollment_id), None)

    def properties(self, enrollment_id: int) -> Mapping[str, Any]:
        """The properties of the event that started a run, if one did."""
        run = self.run(enrollment_id)
        return run.properties if run else {}

    def subject(self, touch: Touch) -> str:
        """The template of the subject a touch has or would have; empty when nobody knows."""
        return self.subjects.get(touch.email_id or 0) or self.titles.get(touch.template, "")


def explain(
    deps: Dependencies, contact_id: int, at: datetime, length: timedelta = WEEK
) -> Explanation:
    """Explain a contact as of `at`, by what is known now, with what comes within `length`.

    The stage is the one of `at`. What comes is told for the runs that are live now, whatever `at`
    is. Raises NotFound.
    """
    with deps.database.read() as tx:
        profile = reports_contact.profile(tx, contact_id)
        if profile is None:
            raise NotFound(f"there is no contact {contact_id}")
        contact = people.contacts(tx, [contact_id], Need(history=True, segments=True))[contact_id]
        entries = ledger.entries(tx, [contact_id]).get(contact_id, [])
        live = runs.live_of(tx, [contact_id])
        every = reports_contact.runs(tx, contact_id)
        catalog = deps.definitions.including(tx, {run.version_id for run in every})
        decided = reports_contact.decisions(
            tx, contact_id, until=at, before=None, limit=MOST_DECISIONS
        )
        sent = reports_contact.sends(tx, contact_id, until=at, limit=MOST_SENDS)
        engaged = reports_contact.engaged(tx, [one.id for one in sent])
        wanted = {one.email_id for one in sent if one.email_id}
        for run in live:
            languages = (contact.language, catalog.funnel.account.language)
            chosen = deps.definitions.choices(tx, run.version_id)
            wanted |= {key for (_, written), key in chosen.items() if written in languages}
        found = reports_contact.subjects(tx, wanted)
        versions = {run.id: catalog.version(run.version_id).sequence for run in every}
        met = tuple(
            _named(touch, versions) for touch in touches(decided, sent, contact.history, engaged)
        )
        unseen = {one.template for one in met} - {name for name, _, _ in found.values()}
        named = reports_contact.subjects_by_name(tx, unseen)
        barred = reports_contact.suppressions(tx, profile.address_key)
        steps = reports_contact.stages_taken(tx, contact_id, TRACK)
        said = reports_contact.said(tx, contact_id, at)
        going_on = GoingOn.read(tx, catalog, live, [contact_id], at)
    ahead = [
        look_ahead(going_on, run, frozen=run.frozen or run.sequence_id in catalog.frozen)
        for run in live
    ]
    if contact.standing is not None:
        began, order = profile.created_at, catalog.funnel.order
        stood = standing_at(contact.standing, steps, began, order, at)
        then = replace(contact, standing=stood)
    else:
        then = contact
    return Explanation(
        at=at,
        profile=profile,
        contact=then,
        funnel=catalog.funnel,
        score=explain_score(contact, entries, catalog.funnel, at),
        fit=explain_fit(contact, catalog.funnel, at),
        ahead=tuple(ahead),
        week=week_of(going_on, contact_id, length),
        touches=met,
        runs=tuple(every),
        suppressions=tuple(barred),
        subjects={key: subject for key, (_, subject, _) in found.items()},
        titles=_titles((*named, *found.values()), contact.language),
        sequences={key: one.sequence.names for key, one in catalog.current.items()},
        reasons=catalog.reasons,
        said=said,
    )


def _named(touch: Touch, versions: Mapping[int, Sequence]) -> Touch:
    """Give a touch whose send was never decided the email that its step would have sent."""
    if touch.template or touch.enrollment_id not in versions:
        return touch
    step = versions[touch.enrollment_id].by_key.get(touch.step)
    return replace(touch, template=step.template) if isinstance(step, Email) else touch


def _titles(found: Iterable[tuple[str, str, str]], language: str) -> dict[str, str]:
    """Return subjects by the email's name, those in the contact's language first."""
    ordered = sorted(found, key=lambda one: one[2] == language)
    return {name: subject for name, subject, _ in ordered}


def find_contact(deps: Dependencies, wanted: str) -> int:
    """Return the id of the contact with this id or address; raises NotFound."""
    with deps.database.read() as tx:
        found = reports_contacts.by_name(tx, wanted)
    if found is None:
        raise NotFound(f"there is no contact {wanted}", remedy="Give an address or an id.")
    return found


def engagements(deps: Dependencies, contact_ids: Iterable[int], now: datetime) -> dict[int, float]:
    """Return the engagement of many contacts as of `now`, which fades since it was last stored."""
    ids = list(contact_ids)
    with deps.database.read() as tx:
        funnel = deps.definitions.catalog(tx).funnel
        found = ledger.entries(tx, ids)
    return {
        key: engagement(found.get(key, ()), funnel.groups, funnel.limits, now).total for key in ids
    }
