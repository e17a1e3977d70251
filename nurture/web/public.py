"""Pages for recipients: unsubscribing, by one click or on a page, and the email in a browser.

They are reached by sealed tokens alone. None of them sets a cookie, none asks who is there, and
no bot filter stands before them: a scanner that posts the form unsubscribes somebody who can
subscribe again, while a filter that errs keeps somebody who wants to leave.
"""

from typing import Any

from flask import Blueprint, Response, make_response, render_template, request, url_for

from nurture.engine.suppress import unsubscribe as withdraw_consent
from nurture.engine.view import Correspondence, correspondence
from nurture.engine.view import view as rendered_email
from nurture.errors import NotFound, Retryable
from nurture.tracking.tokens import Purpose, Sealed
from nurture.web.dependencies import dependencies
from nurture.web.i18n import LANGUAGES, known, language, use_language
from nurture.web.security import as_mail

# RFC 8058, section 3.1: the body that mailbox providers post, in either form encoding.
PAIR = ("List-Unsubscribe", "One-Click")
_LITERAL = "=".join(PAIR).encode()
_LARGEST_BODY = 64 * 1024
_AGAIN_SECONDS = "120"

public = Blueprint("public", __name__)


@public.get("/u/<token>")
def unsubscribe_form(token: str) -> Response:
    """Show one button. Nothing changes: scanners follow every link of an email."""
    sealed = opened(Purpose.UNSUBSCRIBE, token)
    if sealed is None:
        return lost()
    return _page("public/unsubscribe.html", token, sealed)


@public.post("/u/<token>")
def unsubscribe(token: str) -> Response:
    """Withdraw consent: one-click answers with an empty 200, the page's button with a page.

    Idempotent. A body that is neither changes nothing and shows the button.
    """
    request.max_content_length = _LARGEST_BODY
    sealed = opened(Purpose.UNSUBSCRIBE, token)
    if sealed is None:
        return lost()
    one_click = _is_one_click()
    if not one_click and request.form.get("confirm") != "yes":
        return _page("public/unsubscribe.html", token, sealed)
    given = dependencies()
    try:
        withdraw_consent(
            given.engine, sealed.send_id, given.clock.now(), ip=request.remote_addr or ""
        )
    except NotFound:
        return lost()
    except Retryable:
        if not one_click:
            raise
        # Mailbox providers try again, and read nothing but the status.
        return _plain("", 503, {"Retry-After": _AGAIN_SECONDS})
    if one_click:
        return _plain("", 200, {})
    return _page("public/unsubscribed.html", token, sealed)


@public.get("/v/<token>")
def view(token: str) -> Response:
    """Show the email in the browser: untracked, and shut in a sandbox."""
    sealed = opened(Purpose.VIEW, token)
    if sealed is None:
        return lost()
    given = dependencies()
    try:
        email = rendered_email(given.engine, sealed.email_id, sealed.send_id, given.clock.now())
    except NotFound:
        return lost()
    response = make_response(email.html)
    as_mail(response)
    return private(response)


def opened(purpose: Purpose, token: str) -> Sealed | None:
    """What a token of this purpose says, or None when we did not seal it for a send."""
    sealed = dependencies().engine.tokens.open(purpose, token)
    # Send 0 is a preview that an author looks at: nobody got it.
    return sealed if sealed is not None and sealed.send_id else None


def _is_one_click() -> bool:
    if _LITERAL in request.get_data(cache=True):
        return True
    name, value = PAIR
    return request.form.get(name, "").strip() == value


def _page(template: str, token: str, sealed: Sealed) -> Response:
    """A page in the language of the switch, else the contact's own."""
    given = dependencies()
    try:
        about = correspondence(given.engine, sealed.send_id)
    except NotFound:
        return lost()
    chosen = known(request.args.get("lang")) or known(about.language)
    if chosen is not None:
        use_language(chosen)
    tokens = given.engine.tokens
    seen = tokens.seal(Purpose.VIEW, sealed.email_id, sealed.send_id)
    page = render_template(
        "public/erased.html" if about.is_erased else template,
        about=about,
        topics=_topics(about),
        token=token,
        view_url=url_for("public.view", token=seen),
        again=tokens.seal(Purpose.AGAIN, sealed.email_id, sealed.send_id),
        turns=turns("public.unsubscribe_form", token=token),
    )
    return private(make_response(page))


def turns(endpoint: str, **arguments: str) -> dict[str, str]:
    """The addresses of a page in each language, for the switch."""
    values: dict[str, Any] = dict(arguments)
    return {code: url_for(endpoint, lang=code, **values) for code in LANGUAGES}


def _topics(about: Correspondence) -> list[str]:
    """What a no to this letter is about: its topic, and the one that it asked about."""
    both = [(about.topic_names, about.topic), (about.asked_names, about.asked)]
    return [names.get(language()) or key for names, key in both if key]


def lost() -> Response:
    """The page for a link that leads nowhere."""
    return private(make_response(render_template("public/lost.html"), 404))


def private(response: Response) -> Response:
    """Keep a page out of search engines, and its address out of what other sites are told."""
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _plain(text: str, status: int, headers: dict[str, str]) -> Response:
    response = make_response(text, status, headers)
    response.mimetype = "text/plain"
    return private(response)
