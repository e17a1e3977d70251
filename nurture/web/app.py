"""Builds the Flask application from its dependencies."""

from collections.abc import Sequence

from flask import Blueprint, Flask

from nurture.web import errors, formatting, navigation, numbers, sessions, words
from nurture.web.access import access
from nurture.web.admin.contacts import contacts
from nurture.web.admin.deliveries import deliveries
from nurture.web.admin.erasing import erasing
from nurture.web.admin.experiments import experiments
from nurture.web.admin.health import health
from nurture.web.admin.inbox import inbox
from nurture.web.admin.overview import overview
from nurture.web.admin.qualification import qualification
from nurture.web.admin.quarantine import quarantine
from nurture.web.admin.segments import segments
from nurture.web.admin.sequences import sequences
from nurture.web.admin.tagging import tagging
from nurture.web.api import api
from nurture.web.api_contacts import api_contacts
from nurture.web.api_stages import api_stages
from nurture.web.assets import asset, assets
from nurture.web.dependencies import WebDependencies, without_pages
from nurture.web.doors import guard
from nurture.web.hooks import hooks
from nurture.web.i18n import translate
from nurture.web.public import public
from nurture.web.reasons import reason
from nurture.web.security import protect
from nurture.web.sessions import current_user
from nurture.web.subscribing import subscribing

__all__ = ["PAGES", "WebDependencies", "create_app"]

# The admin's pages; log-in, assets and what the world may call belong to every application.
PAGES: tuple[Blueprint, ...] = (
    overview,
    sequences,
    contacts,
    segments,
    experiments,
    qualification,
    tagging,
    erasing,
    inbox,
    health,
    deliveries,
    quarantine,
)

# Enough for every form of the admin; imports run on the command line.
_LARGEST_REQUEST = 8 * 1024 * 1024


def create_app(given: WebDependencies, pages: Sequence[Blueprint] = PAGES) -> Flask:
    """The web application that serves `pages` with what it is `given`."""
    app = without_pages(given)
    app.config.update(MAX_CONTENT_LENGTH=_LARGEST_REQUEST, MAX_FORM_MEMORY_SIZE=_LARGEST_REQUEST)
    production = given.settings.production
    sessions.configure(app, key=given.secrets.key("web session"), production=production)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    numbers.install(app)
    translate(app)
    protect(app, production=production)
    guard(app)
    for part in (errors, formatting, navigation, words):
        part.install(app)
    app.jinja_env.globals.update(asset=asset, current_user=current_user)
    app.jinja_env.filters["reason"] = reason
    own = (assets, access, public, subscribing, hooks, api, api_stages, api_contacts)
    for blueprint in (*own, *pages):
        app.register_blueprint(blueprint)
    return app
