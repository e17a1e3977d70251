"""`nurture api-key`: the key with which a site tells us events."""

import click

from nurture.cli.parts import parts
from nurture.engine.intake import api_key


@click.command("api-key")
def api_key_command() -> None:
    """Print the key for `POST /api/events` (Authorization: Bearer …). Keep it secret."""
    click.echo(api_key(parts(migrate=False)))
