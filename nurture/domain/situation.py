"""What a run's rules look at, and whether what they wait for has happened."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence as Many
from dataclasses import dataclass, replace
from datetime import datetime

from nurture.domain.asking import asked_by
from nurture.domain.conditions import Asker, Condition, counts, holds, matches_properties
from nurture.domain.contact import Contact, Occurrence
from nurture.domain.enrollment import Enrollment
from nurture.domain.history import History, with_one
from nurture.domain.sequence import Goal, Match, Sequence, WaitFor
from nurture.domain.text import short_key


@dataclass(frozen=True, slots=True)
class Situation:
    """All that `decide` may look at."""

    enrollment: Enrollment
    sequence: Sequence
    contact: Contact

    def seeing(self, occurrence: Occurrence) -> "Situation":
        """Return the situation with `occurrence` in the history, once, recorded already or not."""
        # From the newest on, because it is nearly always the one that was just recorded.
        for known in reversed(self.contact.history):
            same_id = known.id == occurrence.id != 0
            same_key = known.dedupe_key == occurrence.dedupe_key != ""
            if same_id or same_key or known == occurrence:
                return self
        history = with_one(self.contact.history, occurrence)
        return replace(self, contact=replace(self.contact, history=history))


def asked(situation: Situation, condition: Condition) -> Condition:
    """Return `condition` as this run asks it.

    Runs that stand side by side mail the same steps, so that an answer to a step's email has to
    say whose it is. Asked by a run, it is one to its own.
    """
    if not situation.sequence.tells_runs_apart:
        return condition
    run = situation.enrollment
    return asked_by(condition, Asker(run.sequence, run.entry_key))


def is_true(situation: Situation, condition: Condition, now: datetime) -> bool:
    """Return whether `condition` is true of the contact at `now`, asked by this run."""
    return holds(asked(situation, condition), situation.contact, now)


def fits(
    situation: Situation,
    match: Match,
    occurrence: Occurrence,
    since: datetime,
    *,
    person: bool = True,
) -> bool:
    """Return whether `occurrence` is what `match` waits for, done by a person after `since`."""
    if person and not counts(occurrence, match.event):
        return False
    if occurrence.name != match.event or occurrence.occurred_at < since:
        return False
    if _is_of_another_run(situation, occurrence):
        return False
    if match.of:
        own = situation.sequence.key == occurrence.properties.get("sequence")
        if not own or occurrence.properties.get("step") != match.of:
            return False
    return matches_properties(match.where, occurrence.properties)


def _is_of_another_run(situation: Situation, occurrence: Occurrence) -> bool:
    """Return whether a keyed run's contact did something under another key.

    That is an event with another key, or an answer to an email that a run under another key sent.
    What carries no key, such as a visit, counts for every run.
    """
    trigger, run = situation.sequence.trigger, situation.enrollment
    if trigger is None or not trigger.key:
        return False
    if Asker(run.sequence, run.entry_key).disowns(occurrence.properties):
        return True
    if trigger.key not in occurrence.properties:
        return False
    return short_key(str(occurrence.properties[trigger.key])) != run.entry_key


def answers(
    situation: Situation,
    step: WaitFor,
    occurrence: Occurrence,
    since: datetime,
    until: datetime,
    *,
    person: bool = True,
) -> bool:
    """Return whether `occurrence` is what `step` waits for, and in time: late ones only score.

    A wait that belongs to no email starts after what led to it, so that one event does not
    answer two such waits in a row.
    """
    if step.match is None or occurrence.occurred_at > until:
        return False
    if not step.match.of and occurrence.occurred_at == since:
        return False
    return fits(situation, step.match, occurrence, since, person=person)


def answered(
    situation: Situation, step: WaitFor, since: datetime, until: datetime, now: datetime
) -> bool:
    """Return whether what `step` waits for is true already."""
    if step.when is not None and is_true(situation, step.when, now):
        return True
    if step.match is None:
        return False
    # The same that `answers` says of one occurrence.
    first = _first(situation, step.match, since, at_once=bool(step.match.of))
    return first is not None and first <= until


def reached(situation: Situation, goal: Goal, now: datetime) -> bool:
    """Return whether `goal` is reached in its time, by the history since entry or by facts."""
    match, since = goal.match, situation.enrollment.entered_at
    until = None if goal.within is None else since + goal.within
    in_time = until is None or now <= until
    if in_time and goal.when is not None and is_true(situation, goal.when, now):
        return True
    first = None if match is None else _first(situation, match, since, at_once=True)
    return first is not None and (until is None or first <= until)


def _first(
    situation: Situation, match: Match, since: datetime, *, at_once: bool
) -> datetime | None:
    """Return when what `match` waits for was first done after `since`, or at it if `at_once`."""
    history, after = situation.contact.history, bisect_left if at_once else bisect_right
    times: Many[datetime]
    if isinstance(history, History):
        question = (_asker(situation), match.event, match.of, tuple(match.where.items()))
        times = history.times(
            question, match.event, lambda one: fits(situation, match, one, one.occurred_at)
        )
        place = after(times, since)
        return times[place] if place < len(times) else None
    # A history may be long, and a run short.
    later = history[after(history, since, key=lambda one: one.occurred_at) :]
    return next((one.occurred_at for one in later if fits(situation, match, one, since)), None)


def _asker(situation: Situation) -> tuple[str, str, str]:
    """Return all that decides, beside the match itself, which occurrences fit a run."""
    trigger, run = situation.sequence.trigger, situation.enrollment
    return situation.sequence.key, trigger.key if trigger else "", run.entry_key
