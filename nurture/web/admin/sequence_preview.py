"""An email as its recipient would see it, in a frame that can do nothing."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flask import Response, abort, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from nurture.domain.funnel import LANGUAGES, Funnel
from nurture.engine.draft_check import funnel_of, read_email
from nurture.engine.letters import sender_of
from nurture.errors import Invalid, NotFound, Problem
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.preview import preview
from nurture.mailer.render import Rendered, TemplateFailed
from nurture.web.admin.sequence_place import sequences
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.problem_words import tell
from nurture.web.security import as_mail


@dataclass(frozen=True, slots=True)
class Shown:
    """One email in one language: its subject, or why there is none."""

    name: str
    language: str
    subject: str = ""
    error: str = ""
    notice: bool = False


@sequences.get("/-preview")
def preview_email() -> AnyResponse:
    """The previews of the email that ?email= names: to be put into a form, else a page."""
    notice = bool(request.args.get("notice"))
    shown = previews(request.args.get("email", ""), notice=notice)
    part = "HX-Request" in request.headers
    page = "sequences/preview.html" if part else "sequences/preview_page.html"
    return Response(render_template(page, previews=shown))


@sequences.get("/-preview/<name>/<any(vi, en):language>")
def mail(name: str, language: str) -> AnyResponse:
    """The email's HTML for a frame."""
    try:
        rendered = _rendered(name, language, notice=bool(request.args.get("notice")))
    except (Invalid, NotFound, TemplateFailed):
        abort(404)
    return as_mail(Response(rendered.html, mimetype="text/html"))


def previews(name: str, *, notice: bool = False) -> list[Shown]:
    """The email in every language; nothing while none is chosen.

    A `notice` is written to a person of ours, and may show other things.
    """
    if not name:
        return []
    return [_shown(name, language, notice=notice) for language in LANGUAGES]


def _shown(name: str, language: str, *, notice: bool) -> Shown:
    try:
        subject = _rendered(name, language, notice=notice).subject
        return Shown(name, language, subject, notice=notice)
    except NotFound:
        return Shown(name, language, error=_("This email is not in the templates' folder."))
    except Invalid as error:
        told = " ".join(f"{Path(p.file).name}: {tell(p)}" for p in error.problems)
        return Shown(name, language, error=told or str(error))
    except TemplateFailed as error:
        told = tell(Problem(error.reason, error.remedy))
        return Shown(name, language, error=f"{error.part}: {told}")


def _rendered(name: str, language: str, *, notice: bool) -> Rendered:
    given = dependencies()
    engine = given.engine
    email = read_email(engine.settings.templates, name, language, notice=notice)
    merge = _somebody(funnel_of(engine), email)
    if notice:
        merge |= _told_to_us(funnel_of(engine), engine.settings.public_url)
    merge["today"] = given.clock.now()
    return preview(email, merge, renderer=engine.renderer)


def _somebody(funnel: Funnel, email: CompiledEmail) -> dict[str, object]:
    """The merge fields of a contact of whom nothing is known but what the email must know."""
    language = email.language
    contact: dict[str, object] = {"email": "lan@example.com", "language": language}
    for key, declared in funnel.fields.items():
        default = declared.defaults.get(language)
        contact[key] = "" if default is None else default
    paths = [variable.path.split(".") for variable in email.variables]
    site = funnel.account.site
    event = {
        path[1]: _example(path[1], language, site)
        for path in paths
        if path[0] == "event" and len(path) > 1
    }
    return {
        "contact": contact,
        "sender": sender_of(funnel.account).merge(),
        "event": event,
        "stage": "",
        "persona": "",
        "language": language,
        "unsubscribe_url": site,
        "view_url": site,
        "confirm_url": site,
    }


def _told_to_us(funnel: Funnel, site: str) -> dict[str, object]:
    """What only a notice may show, of the same contact."""
    person = {"name": "Lan", "email": "lan@example.com"}
    return {
        "person": person,
        "owner": {"name": funnel.account.name, "email": funnel.account.email},
        "stage": funnel.order[-1],
        "score": 42.0,
        "fit": 30.0,
        "grade": "A",
        "temperature": "warm",
        "sequence": "",
        "step": "",
        "contact_url": f"{site}/contacts/1",
    }


def _example(name: str, language: str, site: str) -> object:
    """A property of an event as a shop may send it; one we cannot guess shows its name."""
    price, currency = (185_000, "VND") if language == "vi" else (7.5, "USD")
    if name == "items":
        coffee = _("Coffee beans, 500 g")
        return [{"name": coffee, "quantity": 2, "price": price, "url": site}]
    if name == "currency":
        return currency
    if name in ("total", "price", "amount", "value"):
        return price * 2
    if name.endswith(("_at", "_on", "date")):
        return dependencies().clock.now() + timedelta(days=10)
    return site if name.endswith("url") else f"[{name}]"
