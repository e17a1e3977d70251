"""What the check has to know about an email, and what is wrong with the way it is used."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from nurture.campaigns.complaints import did_you_mean
from nurture.domain.conditions import matches_properties
from nurture.domain.contact import NOTHING, Engaged, Value
from nurture.domain.funnel import LANGUAGES, Funnel
from nurture.domain.sequence import Email, Match, Sequence

# Where emails are unless a setting says otherwise.
FOLDER = "templates/email"
# What every email may use without a default, whoever the contact is.
ALWAYS_THERE = ("unsubscribe_url", "view_url", "stage", "persona", "today", "language")
# The button of a letter that asks for consent.
CONFIRM_URL = "confirm_url"
SENDER = ("name", "email", "address", "phone", "site")
# A contact may be like none.
PERSONA = ("persona", "persona_name")
CONTACT = ("email", "address", "language", "timezone")
# What notices to people of ours may use instead of the two links that only contacts need.
NOTICE = (
    "owner", "person", "score", "fit", "grade", "temperature", "sequence", "step", "contact_url",
    "stage", "persona", "today", "language",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class EmailFacts:
    """One compiled email in one language, as far as the check needs it.

    `variables` maps dotted paths (contact.first_name) to whether a `default` filter guards
    every use; `links` are the destinations, merge fields and all; `file` is shown to people, or
    the place of a variable (`file:line`) where `places` knows it.
    """

    name: str
    language: str
    variables: Mapping[str, bool] = field(default_factory=lambda: MappingProxyType({}))
    links: tuple[str, ...] = ()
    file: str = ""
    places: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


Facts = Mapping[tuple[str, str], EmailFacts]


@dataclass(frozen=True, slots=True)
class Told:
    """One thing wrong with an email: what, and what to do."""

    message: str
    remedy: str


def missing(name: str, facts: Facts, folder: str = FOLDER) -> Iterator[Told]:
    """Yield what is not there of the email called `name`: all of it, or a language.

    `folder` is where the emails are, as people are told to write one.
    """
    known = {known for known, _ in facts}
    if name not in known:
        new = f"Write it in {folder}/{name}/."
        yield Told(f"there is no email {name!r}", did_you_mean(name, known, new))
        return
    for language in LANGUAGES:
        if (name, language) not in facts:
            told = f"the email {name!r} is not written in {_language(language)}"
            wanted = f"{folder}/{name}/subject.{language}.txt and body.{language}.mjml"
            yield Told(told, f"Add {wanted}.")


def undefined(
    email: EmailFacts, funnel: Funnel, *, event: str = "", notice: bool = False
) -> Iterator[Told]:
    """Yield the variables of `email` that somebody's email would not have a value for.

    `event` is what starts its sequence, if anything does. A `notice` knows other things than an
    email to the contact, and only a letter that asks for consent knows where it is confirmed.
    """
    always = NOTICE if notice else ALWAYS_THERE
    triggered = bool(event)
    for path, guarded in sorted(email.variables.items()):
        root, _, rest = path.partition(".")
        name = rest.partition(".")[0]
        file = email.places.get(path) or email.file
        shown = f"`{path}` in {file or f'{email.name} ({_language(email.language)})'}"
        if root == "contact" and name:
            yield from _field(name, funnel, email.language, shown, guarded=guarded)
        elif root == "sender" and name:
            if name not in SENDER:
                yield Told(f"{shown} is not known", did_you_mean(name, SENDER))
        elif root == "event" and name:
            if not triggered and not guarded:
                told = f"{shown} has no value: this sequence is not started by an event"
                yield Told(told, _guard(path))
        elif root == CONFIRM_URL and not notice:
            if event != Engaged.SUBSCRIPTION_ASKED:
                told = f"{shown} leads nowhere: nothing was asked that could be confirmed"
                yield Told(told, "Use it in a sequence that `subscription_asked` starts.")
        elif root not in always:
            known = (*always, "contact", "sender", "event")
            yield Told(f"{shown} is not known", did_you_mean(root, known))


def _field(
    name: str, funnel: Funnel, language: str, shown: str, *, guarded: bool
) -> Iterator[Told]:
    if name in CONTACT:
        return
    if name in PERSONA:
        if not guarded:
            told = f"{shown} has no value for contacts who are like no persona"
            yield Told(told, _guard(f"contact.{name}"))
        return
    declared = funnel.fields.get(name)
    if declared is None:
        told = f"{shown} is a field that funnel.yaml does not declare"
        declare = f"Declare `{name}` under `fields`."
        yield Told(told, did_you_mean(name, (*funnel.fields, *CONTACT), declare))
    elif not guarded and language not in declared.defaults:
        told = f"{shown} has no value for contacts whose {name} is not known"
        also = f"or give the field a default in {_language(language)} in funnel.yaml."
        yield Told(told, f"{_guard(f'contact.{name}')[:-1]}, {also}")


def _guard(path: str) -> str:
    return f"Write {{{{ {path} | default('…') }}}}."


def without_link(sequence: Sequence, match: Match, facts: Facts) -> Iterator[Told]:
    """Yield a link that is waited for and stands in none of the emails it could be clicked in."""
    wanted = match.where.get("link")
    if match.event != "click" or wanted is None:
        return
    emails = [step for step in sequence.steps if isinstance(step, Email)]
    names = [step.template for step in emails if match.of in ("", step.key)]
    for told, links in unfit(wanted, names, facts):
        yield Told(told, _links_there(links))


def unfit(wanted: Value, names: Iterable[str], facts: Facts) -> Iterator[tuple[str, list[str]]]:
    """Yield, for each language in which no link of these emails is one that is asked for, what to
    tell of it and the links that they have.
    """
    for language in LANGUAGES:
        written = [facts[name, language] for name in names if (name, language) in facts]
        links = [link for one in written for link in one.links]
        if written and not any(fits(wanted, link) for link in links):
            where = " or ".join(sorted({one.name for one in written}))
            yield f"no link in {where} ({_language(language)}) fits {wanted!r}", links


def fits(wanted: Value, link: str) -> bool:
    """Return whether a link, as an email has it, is one that is asked for."""
    # A click tells of its link as it is written in the email: where it leads each contact is theirs
    # alone and is recorded nowhere, so a merge field in it is nothing but its text.
    return matches_properties({**NOTHING, "link": wanted}, {"link": link})


def _links_there(links: Iterable[str]) -> str:
    # Those that everybody sees alike come first; they are what is meant most often.
    shown = sorted(set(links), key=lambda link: ("{{" in link, link))[:5]
    if not shown:
        return "Add the link."
    named = ", ".join(shown)
    if any("{{" in link for link in shown):
        return f"Its links are {named}; write * in the place of a merge field."
    return f"Its links are {named}."


def _language(language: str) -> str:
    return {"vi": "Vietnamese", "en": "English"}.get(language, language)
