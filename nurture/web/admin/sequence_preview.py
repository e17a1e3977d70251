"""An email as its recipient would see it, in a frame that can do nothing."""

from dataclasses import dataclass
from pathlib import Path

from flask import Response, abort, render_template, request
from werkzeug.wrappers import Response as AnyResponse

from nurture.domain.funnel import LANGUAGES, Funnel
from nurture.engine.draft_check import funnel_of, read_email
from nurture.engine.letters import sender_of
from nurture.errors import Invalid, NotFound
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.preview import preview
from nurture.mailer.render import Rendered, TemplateFailed
from nurture.web.admin.problem_words import tell
from nurture.web.admin.sequence_place import sequences
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.security import as_mail


@dataclass(frozen=True, slots=True)
class Shown:
    """One email in one language: its subject, or why there is none."""

    name: str
    language: str
    subject: str = ""
    error: str = ""


@sequences.get("/-preview")
def preview_email() -> AnyResponse:
    """The previews of the email that ?email= names: to be put into a form, else a page."""
    shown = previews(request.args.get("email", ""))
    part = "HX-Request" in request.headers
    page = "sequences/preview.html" if part else "sequences/preview_page.html"
    return Response(render_template(page, previews=shown))


@sequences.get("/-preview/<name>/<any(vi, en):language>")
def mail(name: str, language: str) -> AnyResponse:
    """The email's HTML for a frame."""
    try:
        rendered = _rendered(name, language)
    except (Invalid, NotFound, TemplateFailed):
        abort(404)
    return as_mail(Response(rendered.html, mimetype="text/html"))


def previews(name: str) -> list[Shown]:
    """The email in every language; nothing while none is chosen."""
    if not name:
        return []
    return [_shown(name, language) for language in LANGUAGES]


def _shown(name: str, language: str) -> Shown:
    try:
        return Shown(name, language, _rendered(name, language).subject)
    except NotFound:
        return Shown(name, language, error=_("This email is not in the templates' folder."))
    except Invalid as error:
        told = " ".join(f"{Path(p.file).name}: {tell(p)}" for p in error.problems)
        return Shown(name, language, error=told or str(error))
    except TemplateFailed as error:
        return Shown(name, language, error=str(error))


def _rendered(name: str, language: str) -> Rendered:
    given = dependencies()
    engine = given.engine
    email = read_email(engine.settings.templates, name, language)
    merge = _somebody(funnel_of(engine), email)
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
    return site if name.endswith("url") else f"[{name}]"
