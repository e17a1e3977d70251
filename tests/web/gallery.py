"""Pages that show every macro, so that the shell can be tested without the real pages."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cache

from flask import Blueprint, flash, render_template, request
from werkzeug.wrappers import Response

from nurture.errors import Conflict, Invalid, NotFound, NurtureError, Refused, Retryable
from nurture.web.dependencies import dependencies
from nurture.web.security import as_mail

_ERRORS: dict[str, Exception] = {
    "missing": NotFound("there is no contact 7"),
    "conflict": Conflict("the draft has changed"),
    "refused": Refused("a lead cannot become a customer"),
    "invalid": Invalid("the address is empty"),
    "retryable": Retryable("the database is locked", after=timedelta(seconds=30)),
    "unknown": NurtureError("nobody knows"),
    "crash": ZeroDivisionError("a secret of the inside"),
}


@cache
def gallery_pages() -> Sequence[Blueprint]:
    """Blueprints under the names of the real places, so that the rail shows them all."""
    overview = Blueprint("overview", __name__, template_folder="templates")
    places = [
        Blueprint(name, __name__, url_prefix=f"/{name}")
        for name in ("sequences", "contacts", "inbox", "health")
    ]

    @overview.get("/")
    def index() -> str:
        now = dependencies().clock.now()
        rows = [row for row in _ROWS if request.args.get("q", "").casefold() in row[0].casefold()]
        return render_template("gallery.html", now=now, hour=timedelta(hours=1), rows=rows)

    @overview.post("/saved")
    def saved() -> str:
        flash("Saved <b>now</b>", "done")
        return ",".join(request.form.getlist("order"))

    @overview.get("/mail")
    def mail() -> Response:
        return as_mail(Response("<p style='color:red'>mail</p>", mimetype="text/html"))

    @overview.get("/error/<name>")
    def error(name: str) -> str:
        raise _ERRORS[name]

    for place in places:
        place.add_url_rule("/", "index", lambda: render_template("gallery-empty.html"))
    return [overview, *places]


_ROWS = [
    ("Nguyễn Thị Hồng Ánh", "hong.anh@example.com", "Lead", 2, "warm", 42.5),
    ("Trần Quốc Bảo", "bao@example.com", "MQL", 3, "hot", 128),
    (
        "Alice Moore",
        "alice.moore.with.a.long.address@a-rather-long-domain.example.com",
        "Visitor",
        1,
        "cold",
        3,
    ),
]
