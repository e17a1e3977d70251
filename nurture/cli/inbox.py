"""`nurture inbox`: the local inbox, a real SMTP server on loopback."""

import click

from nurture.cli.settings import settings
from nurture.clock import clock_from
from nurture.providers.inbox_mail import FILE
from nurture.providers.inbox_server import serve


@click.command()
def inbox() -> None:
    """Run the local inbox until it is told to stop; the admin shows the mail it keeps."""
    found = settings()
    serve(
        found.home / FILE,
        found.inbox_host,
        found.inbox_port,
        clock_from(found),
        bound=lambda port: click.echo(f"the inbox listens on {found.inbox_host}:{port}"),
    )
