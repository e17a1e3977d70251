"""`nurture explain`: one contact, as the admin's page tells it, on the command line."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

import click

from nurture.cli.parts import parts
from nurture.cli.speech import LANGUAGE, speaking
from nurture.domain.consent import Act
from nurture.engine.explain import Explanation, explain, find_contact
from nurture.errors import Invalid
from nurture.web.admin.step_names import with_steps
from nurture.web.ahead import in_line_told
from nurture.web.formatting import exact, long_time, number
from nurture.web.i18n import gettext as _
from nurture.web.i18n import marked, ngettext
from nurture.web.names import Names, chosen
from nurture.web.reasons import reason
from nurture.web.stage_words import ANSWER_NAMES, LETTER_NAMES
from nurture.web.telling import because, foreseen, fork, outcome, way
from nurture.web.words import state_word, temperature_word


@click.command("explain")
@click.argument("contact")
@click.option(
    "--at",
    "moment",
    default="",
    help="As of this past instant: 2026-11-30T09:00+07:00, or UTC without a zone.",
)
@LANGUAGE
def explain_command(contact: str, moment: str, language: str) -> None:
    """Tell why CONTACT (an address or an id) has this score and got these emails, or not."""
    deps = parts()
    now = deps.clock.now()
    with speaking(deps, language):
        at = _instant(moment) if moment else now
        if at > now:
            raise Invalid(
                f"{at.isoformat()} has not come yet",
                remedy="Leave --at out, or see `nurture ahead` for the next seven days.",
            )
        told = explain(deps, find_contact(deps, contact), at)
        for line in _lines(told, with_steps(deps, told, Names.of(told))):
            click.echo(line)


def _instant(text: str) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is no instant"
        raise Invalid(
            message, remedy="Write 2026-11-30T09:00+07:00; without a zone it is UTC."
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _lines(told: Explanation, names: Names) -> Iterator[str]:
    who = told.profile
    yield f"{who.name or who.email} <{who.email}>  #{who.id}"
    yield long_time(told.at)
    if told.at < who.created_at:
        day = long_time(who.created_at)
        yield _("This contact did not exist then; they were added on %(day)s.", day=day)
        return
    standing = told.contact.standing
    if standing:
        yield f"{_('Stage')}: {names.stage(standing.stage)} ({long_time(standing.since)})"
        yield _("Highest stage") + f": {names.stage(standing.highest)}"
        if standing.rests_until is not None and standing.rests_until > told.at:
            day = long_time(standing.rests_until)
            yield "! " + _("Resting: no rule promotes this contact before %(day)s.", day=day)
    if told.contact.persona:
        found = {one.key: one.names for one in told.funnel.personas}
        persona = chosen(found.get(told.contact.persona, {}), told.contact.persona)
        yield _("Persona: %(name)s", name=persona)
    answers = [
        f"{_(word)}: {_(ANSWER_NAMES[told.contact.bant[letter]][0])}"
        for letter, word in LETTER_NAMES.items()
        if told.contact.bant.get(letter) in ANSWER_NAMES
    ]
    if answers:
        yield ", ".join(answers)
    for one in told.suppressions:
        yield f"! {_('Suppressed')}: {reason(one.reason)} ({long_time(one.at)})"
    yield ""
    yield from _consent(told, names)
    yield ""
    yield from _score(told, names)
    yield ""
    yield from _fit(told)
    yield ""
    yield from _next(told, names)
    yield ""
    yield f"{_('Why each email was sent, or not')}:"
    for touch in told.touches:
        title = names.email(
            touch.template, told.subject(touch), told.properties(touch.enrollment_id)
        )
        of = told.run(touch.enrollment_id)
        sequence = f"{names.sequence(of.sequence)}: " if of is not None else ""
        own = names.at(of.sequence if of is not None else "", touch.enrollment_id)
        state = state_word(touch.outcome).label
        yield f"  {long_time(touch.at)}  {sequence}“{title}”  [{state}]"
        yield f"    {because(touch.because, own)}. {outcome(touch, names)}"
        for taken in touch.paths:
            yield f"    {fork(taken, own)}"


_SAID: Mapping[Act, str] = {
    Act.GRANTED: marked("agreed since %(day)s (%(where)s)"),
    Act.WITHDRAWN: marked("refused since %(day)s (%(where)s)"),
    Act.ASKED: marked("asked for on %(day)s, and not confirmed yet (%(where)s)"),
}


def _next(told: Explanation, names: Names) -> Iterator[str]:
    yield f"{_('What comes next')}:"
    for run in told.ahead:
        state = state_word("paused" if run.frozen else run.state).label
        own = names.at(run.sequence, run.enrollment_id)
        yield f"  {names.sequence(run.sequence)}: {state}, “{own.step(run.step)}”"
        own = own.during(told.properties(run.enrollment_id))
        for ahead in run.ways:
            steps = "; ".join(foreseen(one, own) for one in ahead.then)
            yield f"    {way(ahead)}{': ' if steps else ''}{steps}"
    if not told.ahead:
        yield f"  {_('None.')}"
    for waiting in told.week.in_line:
        yield f"  ! {in_line_told(waiting, names)}"


def _consent(told: Explanation, names: Names) -> Iterator[str]:
    """What may be written about, since when, and who said so where."""
    yield f"{_('Consent')}:"
    for topic in dict.fromkeys([*told.funnel.topics, *sorted(told.said)]):
        said = told.said.get(topic)
        if said is not None:
            where = ", ".join(part for part in (said.source, said.by) if part)
            word = _(_SAID[said.act], day=long_time(said.at), where=where or _("not told where"))
        elif topic in told.funnel.transactional:
            word = _("needs no consent")
        else:
            word = _("nothing was said, so nothing is sent")
        yield f"  {names.topic(topic)}: {word}"


def _score(told: Explanation, names: Names) -> Iterator[str]:
    score = told.score
    warmth = temperature_word(score.temperature).label
    yield f"{_('Score')}: {exact(score.total)} ({warmth})"
    for heap in score.heaps:
        cap = _(", at most %(cap)s", cap=number(heap.group.cap or 0)) if heap.capped else ""
        yield f"  {chosen(heap.group.names, heap.group.key)}: {exact(heap.total)}{cap}"
        for line in heap.lines:
            notes = [
                note
                for note, holds in (
                    (_("beyond the rule's limit"), line.limited),
                    (_("taken back: it was a machine"), line.undone),
                    (_("takes an entry back"), line.undoes),
                )
                if holds
            ]
            said = f"  ({'; '.join(notes)})" if notes else ""
            what = f"{long_time(line.occurred_at)}  {chosen(line.names, line.rule)}"
            yield f"    {what}: {number(line.points)} → {exact(line.now)}{said}"
    if score.crossing:
        one = score.crossing
        day = long_time(one.at)
        points = number(one.threshold)
        yield "  " + _(
            "If nothing happens, the score falls below %(points)s on %(day)s:",
            points=points,
            day=day,
        )
        if one.temperature:
            word = temperature_word(one.temperature).label.lower()
            yield "    " + _("they become %(temperature)s.", temperature=word)
        if one.stage:
            yield "    " + _("they go back to “%(stage)s”.", stage=names.stage(one.stage))


def _fit(told: Explanation) -> Iterator[str]:
    fit = told.fit
    points = ngettext(
        "%(points)s point", "%(points)s points", round(fit.total), points=number(fit.total)
    )
    yield f"{_('Fit')}: {fit.grade} ({points})"
    for rule in fit.held:
        points = _("disqualifies") if rule.disqualifies else number(rule.points)
        yield f"  {chosen(rule.names, rule.key)}: {points}"
