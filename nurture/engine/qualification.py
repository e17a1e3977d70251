"""Qualification: BANT with who said so, and what sales and marketing decide about a contact.

Every door comes here: the contact's page, the command line and the API. All of them obey the same
guards, and leave the same audit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime

from nurture.domain.bant import ANSWERS, LETTERS, QUESTIONS, answered
from nurture.domain.contact import Change, Contact, Fact, changed
from nurture.domain.funnel import Funnel
from nurture.domain.stages import SLIPS, Actor, Edge, EdgeKind, Said, StageChange, StageRefused
from nurture.engine.definitions import TRACK
from nurture.engine.dependencies import Dependencies
from nurture.engine.score import rescore
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Invalid, NotFound, Problem, Refused
from nurture.store import effects, operations, people, qualification
from nurture.store.ledger import NewEvent
from nurture.store.qualification import Answer

LONGEST_WORDS = 2_000
_NAMES = (*LETTERS, *QUESTIONS)

_REMEDIES = {
    "no reason is given": "Give one of the reasons of this way back: {reasons}.",
    "the reason is none of the edge's": "Give one of the reasons of this way back: {reasons}.",
    "nobody says who it is": "Say who you are: an override is kept with a name.",
    "nobody says why": "Say why in a note: an override is kept with its reason.",
}


def note_answers(work: Work, given: Iterable[Answer]) -> None:
    """Add answers to the log of BANT, and let the latest of each letter count.

    The contacts must be locked and seen, and are scored by the caller. An answer that is older
    than one in the log is kept there and changes nothing.
    """
    new = [one for one in given if one.contact_id in work.contacts]
    if not new:
        return
    latest: dict[tuple[int, str], Answer] = {}
    known = qualification.answers(work.tx, {one.contact_id for one in new})
    for one in [*reversed(known), *new]:
        before = latest.get((one.contact_id, one.letter))
        if before is None or one.at >= before.at:
            latest[one.contact_id, one.letter] = one
    qualification.add_answers(work.tx, [asdict(one) for one in new])
    changes: dict[int, list[Change]] = {}
    for contact_id, letter in sorted({(one.contact_id, one.letter) for one in new}):
        value = latest[contact_id, letter].value
        contact = work.contacts[contact_id]
        if contact.bant.get(letter) != value:
            change = Change(Fact.BANT, letter, value)
            changes.setdefault(contact_id, []).append(change)
            work.contacts[contact_id] = changed(contact, change)
    effects.save_changes(work.tx, changes, work.now)


def answers_in(events: Iterable[NewEvent]) -> list[Answer]:
    """Return the answers to BANT that events give in their properties: `bant.budget: yes`."""
    return [
        Answer(
            event.contact_id, letter, value, f"event:{event.occurrence.name}", "", "",
            event.occurrence.occurred_at,
        )
        for event in events
        for letter, value in answered(event.occurrence).items()
    ]  # fmt: skip


def qualify(
    deps: Dependencies,
    contact_id: int,
    given: Mapping[str, str],
    said: Said,
    source: str,
    now: datetime,
) -> int:
    """Write down answers to letters of BANT, and texts for the questions beside it, by name.

    Return how many answers and words are others than before; what is as it was is not said
    again. Raises Invalid and NotFound.
    """
    answers = {name: value for name, value in given.items() if name not in QUESTIONS}
    words = {name: text.strip() for name, text in given.items() if name in QUESTIONS}
    _check(answers, words)

    def body(work: Work) -> int:
        contact = hold(work, contact_id)
        new = [
            Answer(contact_id, letter, value, source, said.by, said.note.strip(), now)
            for letter, value in answers.items()
            if contact.bant.get(letter, "unknown") != value
        ]
        note_answers(work, new)
        declared = work.catalog.funnel.fields
        fields = [
            Change(Fact.FIELD, name, text or None)
            for name, text in words.items()
            if name in declared and text != str(contact.fields.get(name) or "")
        ]
        if fields:
            effects.save_changes(work.tx, {contact_id: fields}, now)
            for change in fields:
                work.contacts[contact_id] = changed(work.contacts[contact_id], change)
        if new or fields:
            rescore(work, [contact_id])
            data = {one.letter: one.value for one in new}
            data |= {one.name: str(one.value or "") for one in fields}
            operations.note(work.tx, said.by, "qualify", str(contact_id), data, now)
        return len(new) + len(fields)

    return committed(deps, now, body)


def _check(answers: Mapping[str, str], words: Mapping[str, str]) -> None:
    problems = [
        Problem(f"BANT has no {letter!r}", f"Use {', '.join(_NAMES)}.", field=letter)
        for letter in answers
        if letter not in LETTERS
    ]
    problems += [
        Problem(f"{value!r} is no answer", f"Answer {', '.join(ANSWERS)}.", field=letter)
        for letter, value in answers.items()
        if letter in LETTERS and value not in ANSWERS
    ]
    problems += [
        Problem("the text is too long", f"Write at most {LONGEST_WORDS} characters.", field=name)
        for name, text in words.items()
        if len(text) > LONGEST_WORDS
    ]
    problems += [
        Problem("the text cannot be stored", "Leave out NUL and half characters.", field=name)
        for name, text in words.items()
        if not _is_storable(text)
    ]
    if problems:
        raise Invalid.because(problems, of="Nothing was changed")


def _is_storable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in text


def check_words(said: Said) -> None:
    """Raise Invalid for a name, a reason or a note that cannot be kept."""
    wanted = f"Write at most {LONGEST_WORDS} plain characters."
    for name, text in (("name", said.by), ("reason", said.reason), ("note", said.note)):
        if not _is_storable(text) or len(text) > LONGEST_WORDS:
            raise Invalid(f"the {name} cannot be stored", remedy=wanted)


def change_stage(
    deps: Dependencies, contact_id: int, to: str, actor: Actor, said: Said, now: datetime
) -> StageChange | StageRefused:
    """Ask for a contact's stage to change on a person's word; the answer is kept either way.

    Raises Invalid when the person has to say more, and then records nothing; NotFound.
    """
    check_words(said)

    def body(work: Work) -> StageChange | StageRefused:
        contact = hold(work, contact_id)
        answer = work.ask_stage(contact_id, to, actor, said)
        data = {"to": to, "as": actor.value, "reason": said.reason, "note": said.note}
        if isinstance(answer, StageRefused):
            if answer.why in SLIPS:
                stage = contact.standing.stage if contact.standing else ""
                reasons = ", ".join(_reasons(work.catalog.funnel, stage, to, actor))
                remedy = _REMEDIES[answer.why].format(reasons=reasons)
                raise Invalid(answer.why, remedy=remedy)
            data["refused"] = answer.why
        else:
            data |= {"from": answer.edge.start, "kind": answer.edge.kind.value}
        operations.note(work.tx, said.by, "change stage", str(contact_id), data, now)
        return answer

    return committed(deps, now, body)


def accept(deps: Dependencies, contact_id: int, said: Said, now: datetime) -> None:
    """Write down that sales take a contact on in the stage where they stand.

    Raises Invalid for words that cannot be kept, NotFound, and Refused for a contact who stands in
    no stage.
    """
    check_words(said)

    def body(work: Work) -> None:
        standing = hold(work, contact_id).standing
        if standing is None:
            raise Refused("this contact stands in no stage", remedy="Import them first.")
        qualification.accept(work.tx, contact_id, TRACK, said.by, now)
        data = {"stage": standing.stage, "note": said.note}
        operations.note(work.tx, said.by, "accept lead", str(contact_id), data, now)

    committed(deps, now, body)


def reject(
    deps: Dependencies, contact_id: int, said: Said, now: datetime
) -> StageChange | StageRefused:
    """Send a contact whom sales turn down back to nurturing, by their stage's recycle edge.

    Nobody is dropped: without such an edge it is Refused. Raises Invalid and NotFound, too.
    """
    with deps.database.read() as tx:
        funnel = deps.definitions.catalog(tx).funnel
        found = people.contacts(tx, [contact_id], people.Need()).get(contact_id)
    if found is None:
        raise NotFound(f"there is no contact {contact_id}", remedy="Give an address or an id.")
    stage = found.standing.stage if found.standing else ""
    edge = way_back(funnel, stage)
    if edge is None:
        raise Refused(
            f"sales can send nobody back from {stage or 'nowhere'}",
            remedy="Add a `recycle` edge with `by: [sales]` out of this stage to funnel.yaml.",
        )
    return change_stage(deps, contact_id, edge.to, Actor.SALES, said, now)


def way_back(funnel: Funnel, stage: str) -> Edge | None:
    """Return the edge by which sales reject a contact in `stage`, None when there is none."""
    for edge in funnel.edges:
        if edge.start == stage and edge.kind is EdgeKind.RECYCLE and Actor.SALES in edge.actors:
            return edge
    return None


def _reasons(funnel: Funnel, start: str, to: str, actor: Actor) -> Sequence[str]:
    found = (
        edge.reasons
        for edge in funnel.edges
        if (edge.start, edge.to) == (start, to) and actor in edge.actors and edge.reasons
    )
    return next(found, ())


def hold(work: Work, contact_id: int) -> Contact:
    """Hold a contact to the transaction's end; return what rules ask of them. Raises NotFound."""
    people.lock(work.tx, [contact_id])
    work.see([contact_id], history=True)
    if contact_id not in work.contacts:
        raise NotFound(f"there is no contact {contact_id}", remedy="Give an address or an id.")
    return work.contacts[contact_id]
