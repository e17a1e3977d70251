"""`nurture contact tag` and `untag`: a person's tags on a contact."""

import click

from nurture.cli.parts import parts, who
from nurture.cli.speech import LANGUAGE, in_words
from nurture.engine import tagging
from nurture.engine.explain import find_contact
from nurture.store import reports_contact
from nurture.web.i18n import gettext as _

_BY = click.option("--by", default=who, help="Who says so, for the record.")


@click.command()
@click.argument("contact")
@click.argument("tags", nargs=-1)
@_BY
@LANGUAGE
def tag(contact: str, tags: tuple[str, ...], by: str, language: str) -> None:
    """Put TAGS on CONTACT; segments and sequences follow at once. Without any, list them."""
    deps = parts()
    with in_words(language):
        contact_id = find_contact(deps, contact)
        if tags:
            new = tagging.tag(deps, contact_id, ",".join(tags), by, deps.clock.now())
            known = _("They are tagged so already: nothing changed.")
            click.echo(_("Tagged: %(tags)s.", tags=", ".join(new)) if new else known)
            return
        with deps.database.read() as tx:
            profile = reports_contact.profile(tx, contact_id)
        click.echo("\n".join(profile.tags if profile else ()) or _("They have no tags."))


@click.command()
@click.argument("contact")
@click.argument("tags", nargs=-1, required=True)
@_BY
@LANGUAGE
def untag(contact: str, tags: tuple[str, ...], by: str, language: str) -> None:
    """Take TAGS away from CONTACT; segments and sequences follow at once."""
    deps = parts()
    with in_words(language):
        contact_id = find_contact(deps, contact)
        had = tagging.untag(deps, contact_id, tags, by, deps.clock.now())
        unknown = _("They are not tagged so: nothing changed.")
        click.echo(_("Tags taken away: %(tags)s.", tags=", ".join(had)) if had else unknown)
