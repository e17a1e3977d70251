"""Pages on which somebody signs up, confirms it, and comes back after they unsubscribed.

The form is for strangers, so no cookie and no secret of a session stands behind it. What protects
the owner of an address is what a wish leads to: one letter that asks, seldom, and nothing before
its button is pressed. What protects us is the count of uses by network, a field that only programs
fill in, and that a browser says when another site sent the form. The answer is the same whether
or not an address is known, and so is the work: one row is written, which the ticker looks at a
moment later. So nobody learns who is known, neither by what the page says nor by how long it takes.

The other two pages are reached by sealed tokens, each with a purpose of its own. Looking at them
changes nothing: mail programs follow every link.
"""

from collections.abc import Mapping

from flask import Blueprint, Response, make_response, render_template, request, url_for

from nurture.domain.consent import Answer, Confirmed
from nurture.domain.funnel import Funnel
from nurture.engine.confirming import asked
from nurture.engine.confirming import confirm as take_confirmation
from nurture.engine.granting import Witness
from nurture.engine.subscribing import Wish, come_back, may_try, offered, unreadable
from nurture.engine.view import Correspondence, correspondence
from nurture.engine.wishing import leave
from nurture.errors import Invalid, NotFound
from nurture.tracking.tokens import Purpose, Sealed
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.i18n import known, language, use_language
from nurture.web.public import lost, opened, private, turns
from nurture.web.sign_in import network_of

subscribing = Blueprint("subscribing", __name__)

_LARGEST_BODY = 16 * 1024
# Fetch metadata (W3C): a browser says so when a page of somebody else sent the form. A form on
# another host of our own site is "same-site", and welcome.
_ELSEWHERE = "cross-site"
_AGAIN_SECONDS = "3600"


@subscribing.get("/subscribe")
def form() -> Response:
    """Show the form: `topic` chooses one, `lang` the language of the page."""
    _speak(request.args.get("lang"))
    funnel = _funnel()
    if funnel is None or not offered(funnel):
        return lost()
    return _form(funnel, {"topic": request.args.get("topic", "")})


@subscribing.post("/subscribe")
def take() -> Response:
    """Take a wish. 400 with what is wrong, 429 from a network that tries too often."""
    request.max_content_length = _LARGEST_BODY
    _speak(request.args.get("lang"))
    funnel = _funnel()
    if funnel is None or not offered(funnel):
        return lost()
    given = {name: request.form.get(name, "") for name in ("topic", "email", "name", "language")}
    if request.headers.get("Sec-Fetch-Site") == _ELSEWHERE:
        told = _("Another site sent this form. Please look it over, and press the button here.")
        return _form(funnel, given, error=told, status=403)
    if given["topic"] not in offered(funnel):
        return _form(funnel, given, error=_("Please choose what we may write about."), status=400)
    deps, ip = dependencies(), request.remote_addr or ""
    if not may_try(deps.engine, network_of(ip), deps.wall.now()):
        told = _(
            "There were many sign-ups from your network just now. Please try again in an hour."
        )
        response = _form(funnel, given, error=told, status=429)
        response.headers["Retry-After"] = _AGAIN_SECONDS
        return response
    if request.form.get("website"):
        # A program that fills in every field; it learns nothing from the answer.
        return _taken(funnel, given)
    wish = Wish(
        email=given["email"],
        topic=given["topic"],
        wording=f"{_wording(funnel)} ({_named(funnel.topics[given['topic']], given['topic'])})",
        source="sign-up page",
        by="form",
        ip=ip,
        name=given["name"],
        language=known(given["language"]) or language(),
    )
    try:
        leave(deps.engine, wish, deps.clock.now())
    except Invalid:
        return _form(funnel, given, wrong=_wrong(wish), status=400)
    return _taken(funnel, given)


@subscribing.get("/confirm/<token>")
def confirm_form(token: str) -> Response:
    """Show one button; nothing changes."""
    sealed = opened(Purpose.CONFIRM, token)
    return lost() if sealed is None else _confirm_page(token, sealed)


@subscribing.post("/confirm/<token>")
def confirm(token: str) -> Response:
    """Confirm what a letter asked. Idempotent; a body without the button changes nothing."""
    request.max_content_length = _LARGEST_BODY
    sealed = opened(Purpose.CONFIRM, token)
    if sealed is None:
        return lost()
    if request.form.get("confirm") != "yes":
        return _confirm_page(token, sealed)
    given = dependencies()
    try:
        about = correspondence(given.engine, sealed.send_id)
        _speak(request.args.get("lang"), about.language)
        told = asked(given.engine, sealed.send_id, given.clock.now())
        witness = _witness(about, told.topic_names, told.topic)
        answer = take_confirmation(given.engine, sealed.send_id, witness, given.clock.now())
    except NotFound:
        return lost()
    would = Confirmed.STANDS if answer is Confirmed.GRANTED else answer
    return _confirm_page(token, sealed, would)


@subscribing.get("/again/<token>")
def again_form(token: str) -> Response:
    """Show the page of whoever came back by the address in their browser; nothing changes."""
    sealed = opened(Purpose.AGAIN, token)
    return lost() if sealed is None else _again_page(token, sealed)


@subscribing.post("/again/<token>")
def again(token: str) -> Response:
    """Let somebody who unsubscribed from a topic get mail on it again. Idempotent."""
    request.max_content_length = _LARGEST_BODY
    sealed = opened(Purpose.AGAIN, token)
    if sealed is None:
        return lost()
    if request.form.get("confirm") != "yes":
        return _again_page(token, sealed)
    given = dependencies()
    try:
        about = correspondence(given.engine, sealed.send_id)
        _speak(request.args.get("lang"), about.language)
        witness = _witness(about, about.topic_names, about.topic)
        answer = come_back(given.engine, sealed.send_id, witness, given.clock.now())
    except NotFound:
        return lost()
    refused = answer is Answer.REFUSED
    return _again_page(token, sealed, Confirmed.REFUSED if refused else Confirmed.STANDS)


def _funnel() -> Funnel | None:
    """The funnel that is published, or None before the first `nurture apply`."""
    engine = dependencies().engine
    with engine.database.read() as tx:
        try:
            return engine.definitions.catalog(tx).funnel
        except NotFound:
            return None


def _speak(*codes: str | None) -> None:
    chosen = next((code for one in codes if (code := known(one)) is not None), None)
    if chosen is not None:
        use_language(chosen)


def _named(names: Mapping[str, str], key: str) -> str:
    return names.get(language()) or key


def _wording(funnel: Funnel) -> str:
    """What somebody agrees to by pressing the button: shown, and kept word for word."""
    told = _("By pressing the button I agree to emails from %(sender)s on the topic above.",
             sender=funnel.account.name)  # fmt: skip
    return str(told)


def _may_we(about: Correspondence) -> str:
    """What the button says yes to; it names nobody, because the log of consent keeps it."""
    return _("Yes, I want emails from %(sender)s on this topic:", sender=about.sender)


def _witness(about: Correspondence, names: Mapping[str, str], key: str) -> Witness:
    return Witness(f"{_may_we(about)} {_named(names, key)}", request.remote_addr or "")


def _form(
    funnel: Funnel,
    given: Mapping[str, str],
    *,
    error: str = "",
    wrong: Mapping[str, str] | None = None,
    status: int = 200,
) -> Response:
    topics = [(key, _named(funnel.topics[key], key)) for key in offered(funnel)]
    topic = given.get("topic", "")
    page = render_template(
        "public/subscribe.html",
        about=funnel.account,
        topics=topics,
        given={"email": "", "name": "", **given, "language": given.get("language") or language()},
        asks_name="first_name" in funnel.fields,
        wording=_wording(funnel),
        error=error,
        wrong=wrong or {},
        here=url_for("subscribing.take", topic=topic or None, lang=language()),
        turns=turns("subscribing.form", topic=topic),
    )
    return private(make_response(page, status))


def _wrong(wish: Wish) -> dict[str, str]:
    """Say of each field that could not be taken why not, all of them at once."""
    told = {
        "email": _("This is no email address that we can write to, such as name@example.com."),
        "name": _("Please write letters and spaces only, 60 at most."),
    }
    return {name: told[name] for name in unreadable(wish)}


def _taken(funnel: Funnel, given: Mapping[str, str]) -> Response:
    """The one answer, whoever the address belongs to."""
    topic = given["topic"]
    page = render_template(
        "public/subscribed.html",
        about=funnel.account,
        asks=topic in funnel.confirmed,
        topic=_named(funnel.topics[topic], topic),
        address=given["email"].strip(),
    )
    return private(make_response(page))


def _confirm_page(token: str, sealed: Sealed, would: Confirmed | None = None) -> Response:
    given = dependencies()
    try:
        about = correspondence(given.engine, sealed.send_id)
        told = asked(given.engine, sealed.send_id, given.clock.now())
    except NotFound:
        return lost()
    _speak(request.args.get("lang"), about.language)
    topic = told.topic, _named(told.topic_names, told.topic)
    would = would or told.would
    # Whoever wants no letters that ask would wait for one in vain: first they want them again.
    back = None if about.may_ask else _back(sealed)
    return _button_page("subscribing.confirm", token, about, topic, would, again=back)


def _again_page(token: str, sealed: Sealed, would: Confirmed | None = None) -> Response:
    try:
        about = correspondence(dependencies().engine, sealed.send_id)
    except NotFound:
        return lost()
    _speak(request.args.get("lang"), about.language)
    topic = about.topic, _named(about.topic_names, about.topic)
    if would is None:
        stands = Confirmed.STANDS if about.may_ask else Confirmed.GRANTED
        would = stands if about.may_return else Confirmed.REFUSED
    # Who wants letters that ask again has not signed up yet for what they asked about.
    form = url_for("subscribing.form", topic=about.asked, lang=language()) if about.asked else None
    return _button_page("subscribing.again", token, about, topic, would, again=form)


def _back(sealed: Sealed) -> str:
    """Where somebody lifts their own no to the letters of this send."""
    token = dependencies().engine.tokens.seal(Purpose.AGAIN, sealed.email_id, sealed.send_id)
    return url_for("subscribing.again_form", token=token, lang=language())


def _button_page(
    endpoint: str,
    token: str,
    about: Correspondence,
    topic: tuple[str, str],
    would: Confirmed,
    *,
    again: str | None,
) -> Response:
    """One button, or what became of it: `would` is what pressing it leads to.

    `again` is where somebody signs up for the topic again, the form unless it is given.
    """
    key, name = topic
    page = render_template(
        "public/confirm.html",
        about=about,
        topic=name,
        again=again or url_for("subscribing.form", topic=key, lang=language()),
        asks=endpoint == "subscribing.again" and bool(about.asked),
        asked=_named(about.asked_names, about.asked) if about.asked else "",
        would=would.value,
        wording=_may_we(about),
        here=url_for(endpoint, token=token, lang=language()),
        turns=turns(f"{endpoint}_form", token=token),
    )
    return private(make_response(page))
