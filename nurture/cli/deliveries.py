"""`nurture delivery` and `nurture endpoint`: what other systems and our own people are told."""

import click

from nurture.cli.parts import parts
from nurture.cli.sequence_words import BY
from nurture.cli.speech import LANGUAGE, in_words
from nurture.engine.deliveries import retry_delivery
from nurture.engine.endpoints import (
    OVERLAP,
    call_for_test,
    list_endpoints,
    open_endpoint,
    rotate,
    shown_secrets,
)
from nurture.engine.endpoints import Listed as Endpoint
from nurture.errors import Refused
from nurture.store import reports_deliveries
from nurture.store.reports_deliveries import KINDS, STATUSES
from nurture.store.reports_deliveries import Listed as Delivery
from nurture.web.delivery_words import delivery_state
from nurture.web.formatting import number
from nurture.web.i18n import gettext as _
from nurture.web.i18n import ngettext

SHOWN = 50


@click.group()
def delivery() -> None:
    """List notices and webhooks, and have one tried again."""


@delivery.command("list")
@click.option("--status", type=click.Choice(STATUSES), help="Only those that are so.")
@click.option("--kind", type=click.Choice(KINDS), help="Only notices, or only webhooks.")
@click.option("--before", type=int, help="Those older than this delivery.")
@LANGUAGE
def list_deliveries(
    status: str | None, kind: str | None, before: int | None, language: str
) -> None:
    """List deliveries, the newest first, with their tries and the last answer."""
    with parts().database.read() as tx:
        page = reports_deliveries.page(
            tx, status=status or "", kind=kind or "", before=before, limit=SHOWN
        )
    with in_words(language):
        for one in page.rows:
            click.echo(_line(one))
        if not page.rows:
            click.echo(_("There is no such delivery."))
        if page.older is not None:
            click.echo(_("Older ones: --before %(id)s", id=page.older))


def _line(one: Delivery) -> str:
    state = delivery_state(one.status).label.lower()
    if one.status == "waiting" and one.not_before is not None:
        until = f"{one.not_before:%Y-%m-%d %H:%M:%S} UTC"
        state = _("waiting until %(until)s", until=until)
    # The code as it is: docs/webhooks.md and the logs know it by this name.
    answer = " ".join(filter(None, (one.reason, str(one.code or ""), one.detail)))
    tries = ngettext("%(num)s try", "%(num)s tries", one.attempts)
    who = one.person.email or _("erased")
    return (
        f"{one.id:>8}  {one.kind:7}  {one.target}  {who}"
        f"  {one.sequence}/{one.step}  {state}, {tries}{': ' if answer else ''}{answer}"
    )


@delivery.command()
@click.argument("delivery_id", type=int)
@BY
@LANGUAGE
def retry(delivery_id: int, by: str, language: str) -> None:
    """Have a delivery tried again now, with all its tries."""
    deps = parts()
    retry_delivery(deps, delivery_id, by=by, now=deps.clock.now())
    with in_words(language):
        click.echo(_("Delivery %(id)s is tried again now.", id=delivery_id))


@click.group()
def endpoint() -> None:
    """The systems that webhooks go to: how they are, and their secrets."""


@endpoint.command("list")
@LANGUAGE
def list_all(language: str) -> None:
    """List every endpoint: its address, what waits for it, how it is."""
    found = list_endpoints(parts())
    with in_words(language):
        if not found:
            click.echo(_("funnel.yaml declares no endpoint."))
        for one in found:
            address = one.url or _("(no longer declared)")
            waiting = _("%(count)s waiting", count=number(one.waiting.number))
            click.echo(f"{one.key}  {address}  {waiting}, {_health(one)}")


@endpoint.command()
@click.argument("key")
def secret(key: str) -> None:
    """Show the secrets that sign for an endpoint, the newest first; receivers accept any."""
    for text in shown_secrets(parts(), key):
        click.echo(text)


@endpoint.command("rotate")
@click.argument("key")
@BY
@LANGUAGE
def rotate_secret(key: str, by: str, language: str) -> None:
    """Give an endpoint a new secret; the old one signs, too, for a day."""
    deps = parts()
    click.echo(rotate(deps, key, by=by, now=deps.clock.now()))
    hours = int(OVERLAP.total_seconds() // 3600)
    with in_words(language):
        told = _(
            "Give it to the receiver; the old one signs, too, for %(hours)s hours.", hours=hours
        )
        click.echo(told, err=True)


@endpoint.command()
@click.argument("key")
@LANGUAGE
def test(key: str, language: str) -> None:
    """Make one signed call of the type nurture.test; ends with status 1 when it is not taken."""
    deps = parts()
    answer = call_for_test(deps, key, deps.clock.now())
    if answer.reason:
        told = " ".join(filter(None, (answer.reason, str(answer.code or ""), answer.detail)))
        raise Refused(f"{key} did not take the call: {told}", remedy="See docs/webhooks.md.")
    with in_words(language):
        click.echo(_("%(key)s took the call: %(code)s.", key=key, code=answer.code))


@endpoint.command("open")
@click.argument("key")
@BY
@LANGUAGE
def open_again(key: str, by: str, language: str) -> None:
    """Let an endpoint be called again that is let alone, or that said it is gone."""
    deps = parts()
    open_endpoint(deps, key, by=by, now=deps.clock.now())
    with in_words(language):
        click.echo(_("%(key)s is called again; what waits goes next.", key=key))


def _health(one: Endpoint) -> str:
    circuit = one.state.circuit
    if circuit.gone:
        return _("gone: %(answer)s", answer=one.state.detail)
    if not circuit.failures:
        return _("well")
    failures = ngettext("%(num)s failure in a row", "%(num)s failures in a row", circuit.failures)
    until = ""
    if circuit.until:
        day = f"{circuit.until:%Y-%m-%d %H:%M:%S} UTC"
        until = ", " + _("let alone until %(day)s", day=day)
    return f"{failures}{until}: {one.state.detail}"
