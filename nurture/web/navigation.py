"""The admin's main places, in the order of the rail."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Flask, current_app, request, url_for

from nurture.web.i18n import gettext
from nurture.web.i18n import marked as _


@dataclass(frozen=True, slots=True)
class Place:
    """One entry: `endpoint` is its first page; pages of its blueprint and `also` belong to it."""

    endpoint: str
    icon: str
    label: str
    also: tuple[str, ...] = ()


PLACES = (
    Place("overview.index", "layout-dashboard", _("Overview")),
    Place("sequences.index", "route", _("Sequences")),
    Place("contacts.index", "users", _("Contacts"), ("qualification", "tagging", "erasing")),
    Place("segments.index", "filter", _("Segments")),
    Place("experiments.index", "flask", _("Experiments")),
    Place("inbox.index", "inbox", _("Inbox")),
    Place("health.index", "heartbeat", _("Health"), ("deliveries", "quarantine")),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A place as this request's page shows it."""

    url: str
    icon: str
    label: str
    current: bool


def entries() -> Iterator[Entry]:
    """The places this application has."""
    for place in PLACES:
        if place.endpoint in current_app.view_functions:
            blueprint = place.endpoint.partition(".")[0]
            yield Entry(
                url_for(place.endpoint),
                place.icon,
                gettext(place.label),
                current=request.blueprint in (blueprint, *place.also),
            )


def home() -> str:
    """Where a person lands after logging in."""
    return next((entry.url for entry in entries()), "/")


def here() -> str:
    """The address of this page, to come back to; home when it only answers to a form."""
    adapter = current_app.create_url_adapter(request)
    if adapter is not None and adapter.test(request.path, "GET"):
        return request.full_path.rstrip("?")
    return home()


def install(app: Flask) -> None:
    """Give templates the entries, the way home and the way back."""
    app.jinja_env.globals.update(navigation=entries, home=home, here=here)
