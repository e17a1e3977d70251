"""The local inbox: the mail that the engine really sent, as its recipients have it."""

import json
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default as modern
from pathlib import Path

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from nurture.engine.webhooks import accept
from nurture.providers.base import WebhookRequest
from nurture.providers.inbox import sign
from nurture.providers.inbox_mail import FILE, Inbox, InboxMail, header_text
from nurture.store import people
from nurture.web.dependencies import dependencies
from nurture.web.i18n import gettext as _
from nurture.web.numbers import id_of
from nurture.web.security import as_mail

inbox = Blueprint("inbox", __name__, url_prefix="/inbox")

PER_PAGE = 50
# The text and the source of one mail are shown up to here; a mail of ours has a few dozen kB.
MOST_SHOWN = 200_000
# Whatever our address was when the mail was sent.
_PIXEL = re.compile(r"<img\b[^>]*\bsrc=[\"']?https?://[^/>]+/o/[\w-]+\.gif[^>]*>", re.IGNORECASE)
# What a recipient could make their own provider tell us, by the button that does it.
SAID = {"complaint": "complaint", "bounce": "bounce"}


@dataclass(frozen=True)
class Opened:
    """One mail taken apart. Headers are in their order; bodies are empty where there is none."""

    mail: InboxMail
    headers: tuple[tuple[str, str], ...]
    html: str
    text: str
    source: str


@inbox.get("/")
def index() -> str:
    """The mails, newest first: `q` searches, `before` is the last one of the page before."""
    search = request.args.get("q", "").strip()
    before = request.args.get("before", type=id_of)
    with _open() as found:
        mails = found.newest(search=search, before=before, limit=PER_PAGE + 1) if found else ()
        total = found.count() if found else 0
    shown = mails[:PER_PAGE]
    older = shown[-1].id if len(mails) > PER_PAGE else None
    return render_template(
        "inbox/index.html",
        mails=shown,
        total=total,
        search_for=search,
        before=before,
        older=older,
        sender=dependencies().settings.provider,
    )


@inbox.get("/<int:mail_id>")
def show(mail_id: int) -> str:
    """One mail: its headers, its HTML in a frame where nothing runs, its text, its source."""
    opened = _opened(mail_id)
    with dependencies().engine.database.read() as tx:
        found = people.ids_by_address(tx, [opened.mail.recipient])
    return render_template(
        "inbox/show.html", opened=opened, contact_id=found.get(opened.mail.recipient)
    )


@inbox.get("/<int:mail_id>/html")
def html(mail_id: int) -> Response:
    """The HTML part for the frame, without the picture that counts opens: a look is no open."""
    opened = _opened(mail_id)
    return as_mail(Response(_uncounted(opened.html), mimetype="text/html"))


@inbox.get("/<int:mail_id>/source")
def source(mail_id: int) -> Response:
    """The mail as it came over the wire, to be kept as a file."""
    mail = _opened(mail_id).mail
    response = Response(mail.raw, mimetype="message/rfc822")
    response.headers["Content-Disposition"] = f'attachment; filename="mail-{mail.id}.eml"'
    return response


@inbox.post("/<int:mail_id>/<any(complaint, bounce):what>")
def say(mail_id: int, what: str) -> Response:
    """Have the inbox tell us what a real provider would, by the same signed call."""
    given, opened = dependencies(), _opened(mail_id)
    now = given.clock.now()
    told = {
        "type": SAID[what],
        "recipient": opened.mail.recipient,
        "message_id": opened.mail.message_id,
        "at": now.isoformat(),
    }
    body = json.dumps(told).encode()
    key = given.engine.secrets.key("inbox webhooks")
    headers = sign(body, key, webhook_id=secrets.token_hex(8), at=given.wall.now())
    call = WebhookRequest("POST", headers, body)
    carrier = given.engine.webhooks["inbox"]
    carrier.verify(call)
    accept(given.engine, "inbox", carrier.parse(call), now)
    flash(
        _("The complaint is on its way to the engine.")
        if what == "complaint"
        else _("The bounce is on its way to the engine."),
        "done",
    )
    return redirect(url_for("inbox.show", mail_id=mail_id), 303)


@contextmanager
def _open() -> Iterator[Inbox | None]:
    """The inbox, or None before it was ever started; a look must not make its file."""
    path: Path = dependencies().settings.home / FILE
    if not path.exists():
        yield None
        return
    with Inbox(path) as found:
        yield found


def _opened(mail_id: int) -> Opened:
    with _open() as found:
        mail = found.mail(mail_id) if found else None
    if mail is None:
        abort(404)
    message = message_from_bytes(mail.raw, policy=modern)
    return Opened(
        mail=mail,
        headers=tuple((name, header_text(name, raw)) for name, raw in message.raw_items()),
        html=_body(message, "html"),
        text=_body(message, "plain")[:MOST_SHOWN],
        source=mail.raw[:MOST_SHOWN].decode("utf-8", "replace"),
    )


def _body(message: EmailMessage, kind: str) -> str:
    try:
        part = message.get_body(preferencelist=(kind,))
        return str(part.get_content()) if part is not None else ""
    except Exception:  # noqa: BLE001 - a mail that cannot be taken apart still has its source
        return ""


def _uncounted(markup: str) -> str:
    return _PIXEL.sub("", markup)
