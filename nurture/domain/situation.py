"""What a run's rules look at, and whether what they wait for has happened."""

from bisect import bisect_left
from dataclasses import dataclass, replace
from datetime import datetime

from nurture.domain.asking import asked_by
from nurture.domain.conditions import Asker, Condition, counts, holds, matches_properties
from nurture.domain.contact import Contact, Occurrence
from nurture.domain.enrollment import Enrollment
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
        history = (*self.contact.history, occurrence)
        ordered = tuple(sorted(history, key=lambda one: one.occurred_at))
        return replace(self, contact=replace(self.contact, history=ordered))


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
    history = _history_since(situation.contact, since)
    return any(answers(situation, step, occurrence, since, until) for occurrence in history)


def reached(situation: Situation, goal: Goal, now: datetime) -> bool:
    """Return whether `goal` is reached in its time, by the history since entry or by facts."""
    match, since = goal.match, situation.enrollment.entered_at
    until = None if goal.within is None else since + goal.within
    in_time = until is None or now <= until
    if in_time and goal.when is not None and is_true(situation, goal.when, now):
        return True
    return match is not None and any(
        fits(situation, match, occurrence, since)
        and (until is None or occurrence.occurred_at <= until)
        for occurrence in _history_since(situation.contact, since)
        if occurrence.name == match.event
    )


def _history_since(contact: Contact, since: datetime) -> tuple[Occurrence, ...]:
    """Return what happened from `since` on; a history may be long, and a run short."""
    history = contact.history
    return history[bisect_left(history, since, key=lambda one: one.occurred_at) :]
