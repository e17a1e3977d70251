"""`nurture delivery` and `nurture endpoint`: what other systems and our own people are told."""

import click

from nurture.cli.parts import parts
from nurture.cli.sequence_words import BY
from nurture.engine.deliveries import retry_delivery
from nurture.engine.endpoints import (
    OVERLAP,
    Listed,
    call_for_test,
    list_endpoints,
    open_endpoint,
    rotate,
    shown_secrets,
)
from nurture.errors import Refused
from nurture.store import reports_deliveries
from nurture.store.reports_deliveries import KINDS, STATUSES

SHOWN = 50


@click.group()
def delivery() -> None:
    """List notices and webhooks, and have one tried again."""


@delivery.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only those that are so.")
@click.option("--kind", type=click.Choice(KINDS), help="Only notices, or only webhooks.")
@click.option("--before", type=int, help="Those older than this delivery.")
def list_deliveries(status: str | None, kind: str | None, before: int | None) -> None:
    """List deliveries, the newest first, with their tries and the last answer."""
    with parts().database.read() as tx:
        page = reports_deliveries.page(
            tx, status=status or "", kind=kind or "", before=before, limit=SHOWN
        )
    for one in page.rows:
        state = one.status
        if one.status == "waiting" and one.not_before is not None:
            state = f"waiting until {one.not_before:%Y-%m-%d %H:%M:%S} UTC"
        answer = " ".join(filter(None, (one.reason, str(one.code or ""), one.detail)))
        tries = "1 try" if one.attempts == 1 else f"{one.attempts} tries"
        click.echo(
            f"{one.id:>8}  {one.kind:7}  {one.target}  {one.person.email or 'erased'}"
            f"  {one.sequence}/{one.step}  {state}, {tries}{': ' if answer else ''}{answer}"
        )
    if not page.rows:
        click.echo("There is no such delivery.")
    if page.older is not None:
        click.echo(f"Older ones: --before {page.older}")


@delivery.command()
@click.argument("delivery_id", type=int)
@BY
def retry(delivery_id: int, by: str) -> None:
    """Have a delivery tried again now, with all its tries."""
    deps = parts()
    retry_delivery(deps, delivery_id, by=by, now=deps.clock.now())
    click.echo(f"Delivery {delivery_id} is tried again now.")


@click.group()
def endpoint() -> None:
    """The systems that webhooks go to: how they are, and their secrets."""


@endpoint.command("list")
def list_all() -> None:
    """List every endpoint: its address, what waits for it, how it is."""
    found = list_endpoints(parts())
    if not found:
        click.echo("funnel.yaml declares no endpoint.")
    for one in found:
        address = one.url or "(no longer declared)"
        click.echo(f"{one.key}  {address}  {one.waiting.number} waiting, {_health(one)}")


@endpoint.command()
@click.argument("key")
def secret(key: str) -> None:
    """Show the secrets that sign for an endpoint, the newest first; receivers accept any."""
    for text in shown_secrets(parts(), key):
        click.echo(text)


@endpoint.command("rotate")
@click.argument("key")
@BY
def rotate_secret(key: str, by: str) -> None:
    """Give an endpoint a new secret; the old one signs, too, for a day."""
    deps = parts()
    click.echo(rotate(deps, key, by=by, now=deps.clock.now()))
    hours = int(OVERLAP.total_seconds() // 3600)
    click.echo(f"Give it to the receiver; the old one signs, too, for {hours} hours.", err=True)


@endpoint.command()
@click.argument("key")
def test(key: str) -> None:
    """Make one signed call of the type nurture.test; ends with status 1 when it is not taken."""
    deps = parts()
    answer = call_for_test(deps, key, deps.clock.now())
    if answer.reason:
        told = " ".join(filter(None, (answer.reason, str(answer.code or ""), answer.detail)))
        raise Refused(f"{key} did not take the call: {told}", remedy="See docs/webhooks.md.")
    click.echo(f"{key} took the call: {answer.code}.")


@endpoint.command("open")
@click.argument("key")
@BY
def open_again(key: str, by: str) -> None:
    """Let an endpoint be called again that is let alone, or that said it is gone."""
    deps = parts()
    open_endpoint(deps, key, by=by, now=deps.clock.now())
    click.echo(f"{key} is called again; what waits goes next.")


def _health(one: Listed) -> str:
    circuit = one.state.circuit
    if circuit.gone:
        return f"gone: {one.state.detail}"
    if not circuit.failures:
        return "well"
    until = f", let alone until {circuit.until:%Y-%m-%d %H:%M:%S} UTC" if circuit.until else ""
    return f"{circuit.failures} failures in a row{until}: {one.state.detail}"
