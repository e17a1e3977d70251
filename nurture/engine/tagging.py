"""Tags that a person gives a contact, and takes away: on the contact's page and by a command."""

import unicodedata
from collections.abc import Iterable
from datetime import datetime

from nurture.domain.contact import Change, Fact, changed
from nurture.domain.stages import Said
from nurture.domain.tags import LONGEST_TAG, fresh, is_readable, meant
from nurture.engine.dependencies import Dependencies
from nurture.engine.importing_values import list_of
from nurture.engine.qualification import check_words, hold
from nurture.engine.score import rescore
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import Invalid, Problem
from nurture.store import effects, operations

MOST_AT_ONCE = 20
# So much of a tag that is too long is shown to whoever wrote it.
_SHOWN = 20


def tag(deps: Dependencies, contact_id: int, told: str, by: str, now: datetime) -> tuple[str, ...]:
    """Give a contact the tags that `told` names, divided as in a file; return those that are new.

    All of them or, where one cannot be, none. One that they have, in whatever case, is not given
    again. Segments, scores, stages and runs follow at once. Raises Invalid and NotFound.
    """
    names = _named(told)
    check_words(Said(by=by))

    def body(work: Work) -> tuple[str, ...]:
        new = fresh(names, hold(work, contact_id).tags)
        _change(work, contact_id, Fact.TAG, new, by)
        return new

    return committed(deps, now, body)


def untag(
    deps: Dependencies, contact_id: int, names: Iterable[str], by: str, now: datetime
) -> tuple[str, ...]:
    """Take these tags away from a contact, whatever their case; return those that they had.

    What follows is as with `tag`. Raises Invalid for a name that cannot be kept, and NotFound.
    """
    wanted = tuple(names)
    check_words(Said(by=by))

    def body(work: Work) -> tuple[str, ...]:
        had = meant(wanted, hold(work, contact_id).tags)
        _change(work, contact_id, Fact.UNTAG, had, by)
        return had

    return committed(deps, now, body)


def _named(told: str) -> tuple[str, ...]:
    """Return the tags in a text. Raises Invalid with everything that is wrong with them."""
    names = list_of(unicodedata.normalize("NFC", told))
    problems = []
    if not names:
        problems.append(
            Problem("no tag is given", "Write one, such as vip; commas separate several.")
        )
    if len(names) > MOST_AT_ONCE:
        problems.append(Problem("these are too many tags", f"Give at most {MOST_AT_ONCE} at once."))
    if not all(is_readable(name) for name in names):
        problems.append(
            Problem("a tag holds a sign that cannot be seen", "Type it again, letter by letter.")
        )
    problems += [
        Problem(
            f"the tag “{name[:_SHOWN]}…” is too long", f"Write at most {LONGEST_TAG} characters."
        )
        for name in names[:MOST_AT_ONCE]
        if len(name) > LONGEST_TAG and is_readable(name)
    ]
    if problems:
        raise Invalid.because(problems, of="Nothing was changed")
    return names


def _change(work: Work, contact_id: int, fact: Fact, names: tuple[str, ...], by: str) -> None:
    """Write it down with who did it, and have the rules look at the contact as they are now."""
    if not names:
        return
    changes = [Change(fact, name) for name in names]
    effects.save_changes(work.tx, {contact_id: changes}, work.now)
    for change in changes:
        work.contacts[contact_id] = changed(work.contacts[contact_id], change)
    rescore(work, [contact_id])
    data = {"tags": list(names)}
    operations.note(work.tx, by, fact.value, str(contact_id), data, work.now)
