"""The live view: funnel, sends and moves, drawn in the terminal while the demo runs."""

from collections.abc import Mapping
from datetime import datetime

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from nurture.domain.funnel import Funnel
from nurture.store.progress import Totals

WIDEST_BAR = 36
SHOWN_SENDS = ("accepted", "queued", "held", "refused", "skipped", "cancelled", "uncertain")


def draw(
    funnel: Funnel,
    totals: Totals,
    moves: list[tuple[datetime, str, str, str]],
    did: Mapping[str, int],
    headline: str,
) -> Group:
    """Return the view at one moment."""
    return Group(
        Text(headline, style="bold"),
        Panel(_funnel(funnel, totals), title="Phễu · Funnel", border_style="green"),
        Panel(_numbers(totals, did), title="Thư · Sends", border_style="cyan"),
        Panel(_moves(moves), title="Chuyển giai đoạn · Moves", border_style="yellow"),
    )


def _funnel(funnel: Funnel, totals: Totals) -> Table:
    table = Table.grid(padding=(0, 2))
    most = max([*totals.stages.values(), 1])
    for stage in funnel.stages:
        count = totals.stages.get(stage.key, 0)
        bar = "█" * round(WIDEST_BAR * count / most)
        name = f"{stage.names.get('vi', stage.key)} · {stage.names.get('en', stage.key)}"
        table.add_row(name, f"{count:>4}", Text(bar, style="green"))
    return table


def _numbers(totals: Totals, did: Mapping[str, int]) -> Table:
    table = Table.grid(padding=(0, 3))
    sends = [f"{name} {totals.sends[name]}" for name in SHOWN_SENDS if totals.sends.get(name)]
    table.add_row("sends", "   ".join(sends) or "none yet")
    events = [f"{name} {count}" for name, count in sorted(totals.events.items())]
    table.add_row("events", "   ".join(events) or "none yet")
    acts = [f"{name} {count}" for name, count in sorted(did.items())]
    table.add_row("audience", "   ".join(acts) or "asleep")
    table.add_row("suppressed", str(totals.suppressions))
    return table


def _moves(moves: list[tuple[datetime, str, str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    for at, address, start, to in moves:
        table.add_row(f"{at:%d %b %H:%M}", address, f"{start} → {to}")
    if not moves:
        table.add_row("nobody has moved yet")
    return table
