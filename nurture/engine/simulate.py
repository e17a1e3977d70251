"""Simulating a sequence for a contact: the rules are asked, nothing is written or sent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType

from nurture.domain.contact import Contact, Occurrence, Value
from nurture.domain.daily import account_day
from nurture.domain.enrollment import Enrollment
from nurture.domain.folding import LongLedger
from nurture.domain.segments import BORDER, ENTERED, inside
from nurture.domain.sequence import Sequence as Steps
from nurture.domain.sequence import Trigger
from nurture.domain.zones import zone_of
from nurture.engine.assumptions import OF_AN_EMAIL, Assumption
from nurture.engine.dependencies import Dependencies
from nurture.engine.life import Life
from nurture.engine.life_letters import Lack
from nurture.engine.world import Moment, World
from nurture.errors import Invalid, Refused
from nurture.store import guarding, ledger, people
from nurture.store.people import Need
from nurture.store.segments import unbuilt

NEED = Need(history=True, sequences=True, segments=True)


@dataclass(frozen=True, slots=True)
class Ignored:
    """An assumption that could not come true, and why."""

    assumption: Assumption
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Simulated:
    """What would happen to one contact. `runs` are all that began; the first is the sequence's.

    `sent` is how many emails would go out, `lacks` what they print and no event brings.
    """

    contact: Contact
    start: datetime
    moments: tuple[Moment, ...]
    runs: tuple[Enrollment, ...]
    ignored: tuple[Ignored, ...]
    sent: int
    lacks: tuple[Lack, ...] = ()


def someone(world: World, address: str = "someone@example.com") -> Contact:
    """Return an invented contact who agreed to every topic and stands nowhere yet."""
    funnel = world.funnel
    return Contact(
        id=1,
        address=address,
        language=funnel.account.language,
        consents=MappingProxyType(dict.fromkeys(funnel.topics, True)),
    )


def published_world(deps: Dependencies) -> World:
    """Return the rules that are published now. Raises NotFound before the first are."""
    with deps.database.read() as tx:
        catalog = deps.definitions.catalog(tx)
    sequences = {key: one.sequence for key, one in catalog.current.items()}
    return World.of(catalog.funnel, sequences, (one.segment for one in catalog.segments))


def life_of_somebody(world: World, now: datetime, invented: Contact | None = None) -> Life:
    """Return the life of an invented contact, who is in the segments that ask for who they are."""
    contact = someone(world) if invented is None else invented
    return Life(world, replace(contact, segments=inside(world.segments, contact, now)), now)


def life_of(deps: Dependencies, contact_id: int, world: World, now: datetime) -> Life:
    """Return a contact's life as it is now, with their history and ledger and without any run.

    They are in the segments in which they are; in one that is not published so, or not built yet,
    they are where publishing it now would put them.
    """
    today = account_day(world.funnel.account.timezone, now)
    with deps.database.read() as tx:
        contact = people.contacts(tx, [contact_id], NEED)[contact_id]
        published, building = deps.definitions.catalog(tx).segments, unbuilt(tx)
        built = {one.segment.key: one.segment for one in published if one.id not in building}
        known = {
            one.key: one.key in contact.segments
            for one in world.segments
            if one.key in built and built[one.key].when == one.when
        }
        contact = replace(contact, segments=inside(world.segments, contact, now, known))
        entries = ledger.entries(tx, [contact_id]).get(contact_id, [])
        mailed = guarding.mailed_since(tx, [contact_id], today.begins, ())
    life = Life(world, contact, now, ledger=LongLedger(entries))
    life.post.mailed_on[today.begins] += mailed.get(contact_id, 0)
    return life


def simulate(
    life: Life,
    sequence: Steps,
    assumptions: Sequence[Assumption],
    properties: Mapping[str, Value],
    length: timedelta,
) -> Simulated:
    """Let a contact enter `sequence` now and live for `length`, doing what is assumed.

    A triggered sequence is entered by its event, with `properties`; a stage's by its contacts,
    who are put into that stage first; one that a segment triggers by whoever then is in it.
    A life that has letters tells which emails would fail for what the event does not bring.
    Raises Invalid for properties the trigger lacks, and Refused when the rules of entry keep the
    contact out.
    """
    start = life.now
    _enter(life, sequence, properties)
    if not any(run.sequence == sequence.key for run in life.runs):
        raise Refused(f"{life.contact.address} may not enter {sequence.key}", remedy=_why(life))
    zone = zone_of(life.contact, sequence)
    acts = sorted(((one.instant(start, zone), one) for one in assumptions), key=lambda act: act[0])
    ignored = []
    for at, one in acts:
        if at < start:
            ignored.append(Ignored(one, at, "that is before the contact entered"))
            continue
        life.advance(at)
        if one.event in OF_AN_EMAIL and not _has(life, sequence, one.step):
            ignored.append(Ignored(one, at, "that email has not been sent by then"))
            continue
        told = {**_mark(life, sequence, one.step), **one.properties}
        life.happen(Occurrence(one.event, at, MappingProxyType(told), dedupe_key=f"{at}{one.text}"))
    life.advance(start + length)
    return Simulated(
        life.contact, start, tuple(life.moments), tuple(life.runs), tuple(ignored), len(life.sent),
        tuple(life.letters.lacks) if life.letters else (),
    )  # fmt: skip


def _enter(life: Life, sequence: Steps, properties: Mapping[str, Value]) -> None:
    trigger, contact = sequence.trigger, life.contact
    if trigger is None:
        standing = contact.standing
        if standing is None or standing.stage != sequence.stage:
            # On somebody's word, and so without asking whether the rules would leave them there.
            life.place(sequence.stage)
        else:
            life.stages.watch(life)
        life.enter(sequence.key)
        return
    if trigger.event in BORDER:
        properties = _crossed(life, trigger, properties)
    if trigger.key and trigger.key not in properties:
        told = f"{sequence.key} tells its runs apart by {trigger.key}, and none is given"
        raise Invalid(told, remedy=f"Add --with {trigger.key}=….")
    event = Occurrence(trigger.event, life.now, properties, dedupe_key="simulated entry")
    if life.contact.standing is None:
        life.place(life.world.funnel.first_stage(""))
    life.happen(event)


def _crossed(life: Life, trigger: Trigger, properties: Mapping[str, Value]) -> Mapping[str, Value]:
    """Put the contact on the other side of the border; return the properties of its event."""
    key = properties.get("segment", trigger.where.get("segment"))
    if not isinstance(key, str):
        return properties
    if (key in life.contact.segments) != (trigger.event == ENTERED):
        life.segments.cross(life, key)
    return {**properties, "segment": key}


def _has(life: Life, sequence: Steps, step: str) -> bool:
    return any(run.sequence == sequence.key and step in run.accepted for run in life.runs)


def _mark(life: Life, sequence: Steps, step: str) -> dict[str, Value]:
    """Return what the answer to a step's email says of it: it is of the last run that sent it."""
    if not step:
        return {}
    keys = [r.entry_key for r in life.runs if r.sequence == sequence.key and step in r.accepted]
    own: dict[str, Value] = {"entry_key": keys[-1]} if keys and keys[-1] else {}
    return {"sequence": sequence.key, "step": step, **own}


def _why(life: Life) -> str:
    contact = life.contact
    if contact.suppressions:
        return "They are suppressed; nobody who is gets into a sequence."
    return "Look at `entry` and `reentry` of the sequence, and at what the trigger asks for."


def with_sequence(world: World, sequence: Steps) -> World:
    """Return the world with `sequence` in the place of the one of its key."""
    return replace(world, sequences={**world.sequences, sequence.key: sequence})
