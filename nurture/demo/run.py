"""The demo: everything started, an audience let loose, and the books held to account."""

import fcntl
import json
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from rich.console import Console, Group
from rich.live import Live

from nurture.clock import Pacer, WallClock
from nurture.config import Settings
from nurture.demo.audience import Audience
from nurture.demo.books import Line, balance
from nurture.demo.crm import Crm
from nurture.demo.machine import Machine, free_port, is_free
from nurture.demo.opening import ADMIN, bring_in, log_in
from nurture.demo.outside import Outside
from nurture.demo.pace import STEP, Pace
from nurture.demo.team import Team
from nurture.demo.view import draw
from nurture.engine.dependencies import Dependencies
from nurture.engine.endpoints import shown_secrets
from nurture.engine.experiments import reports
from nurture.engine.intake import api_key
from nurture.engine.publish import apply
from nurture.errors import Refused
from nurture.jobs import valkey
from nurture.providers.inbox_mail import FILE, Inbox
from nurture.store.migrate import upgrade
from nurture.store.progress import addresses, latest_moves, totals
from nurture.wiring import build

QUIET_LOOKS = 5  # looks in a row that find nothing to do
MOST_SHOWN = 10
AWAKE_EVERY = 0.2  # seconds, once the story is told
REDRAWN_EVERY = 0.25  # seconds
QUIET_WITHIN = 120.0  # seconds that finishing may take
TICK = "0.02"  # seconds; at a day a second the usual one would be a day


@dataclass(frozen=True, slots=True)
class Wishes:
    """How the demo is to run. `speed` is in days a second, `days` how long the story lasts."""

    speed: float = 1.0
    days: int = 60
    until_done: bool = False
    fresh: bool = False


class Stopped(Exception):
    """Somebody pressed Ctrl-C, or told us to end."""


@dataclass(frozen=True, slots=True)
class Stage:
    """What the parts of the demo share."""

    deps: Dependencies
    settings: Settings
    machine: Machine
    pace: Pace
    wishes: Wishes
    console: Console
    crm: Crm


def demo(env: Mapping[str, str], wishes: Wishes, console: Console) -> int:
    """Run the demo; return the exit status: 0 when nothing failed and the books balance."""
    home = Settings.from_environment(env).home / "demo"
    home.parent.mkdir(parents=True, exist_ok=True)
    with _alone(home):
        if wishes.fresh and home.exists():
            shutil.rmtree(home)
        home.mkdir(mode=0o700, exist_ok=True)
        try:
            return _staged(env, wishes, console, home)
        except (KeyboardInterrupt, Stopped):
            # Whenever it was pressed: while everything is being started, runs, or stops.
            console.print("Run `nurture demo` again to go on from here.")
            return 0


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Keep a second demo out of the same home; the lock goes with the process that holds it."""
    with home.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                f"a demo is running in {home} already",
                remedy="Use the admin it has printed, stop it, or set NURTURE_HOME to another.",
            ) from None
        yield


def _staged(env: Mapping[str, str], wishes: Wishes, console: Console, home: Path) -> int:
    """Start everything, run, and stop everything."""
    pacer = Pacer(home / "clock")
    if pacer.now() is None:
        pacer.set(WallClock().now())
    own = _environment(home)
    settings = Settings.from_environment({**env, **own})
    upgrade(settings.database_url)
    signal.signal(signal.SIGTERM, _stop)
    machine = Machine(own, home / "logs")
    crm = Crm(crm_port(settings), home / "crm.json")
    with valkey.serve(settings):
        deps = build(settings)
        try:
            pace = Pace(deps, pacer, wishes.speed, deps.clock.now())
            return _run(Stage(deps, settings, machine, pace, wishes, console, crm))
        except (KeyboardInterrupt, Stopped):
            console.print("Stopping every process …")
            raise
        finally:
            machine.stop()
            crm.close()
            deps.database.close()


def crm_port(settings: Settings) -> int:
    """Return where the CRM of the story listens."""
    return urlsplit(dict(settings.endpoint_urls)["crm"]).port or 0


def _environment(home: Path) -> dict[str, str]:
    # The links in mails that were sent are good only as long as the web stays where it was.
    note = home / "ports.json"
    kept = [*(json.loads(note.read_text()) if note.exists() else []), 0, 0, 0][:3]
    web, mail, crm = (port if port and is_free(port) else free_port() for port in kept)
    note.write_text(json.dumps([web, mail, crm]))
    return {
        "NURTURE_HOME": str(home),
        "NURTURE_CLOCK": str(home / "clock"),
        "NURTURE_TICK": TICK,
        "NURTURE_PROVIDER": "inbox",
        "NURTURE_INBOX_PORT": str(mail),
        "NURTURE_WEB_PORT": str(web),
        "NURTURE_WEB_HOST": "127.0.0.1",
        "NURTURE_PUBLIC_URL": f"http://127.0.0.1:{web}",
        "NURTURE_ENV": "development",
        # The one other system of the story is a neighbour on this machine.
        "NURTURE_ENDPOINT_URLS": f"crm=http://127.0.0.1:{crm}/nurture",
        "NURTURE_PRIVATE_ENDPOINTS": "yes",
        "DATABASE_URL": "",
        "REDIS_URL": "",
    }


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise Stopped


def _run(stage: Stage) -> int:
    deps, settings, console = stage.deps, stage.settings, stage.console
    password = log_in(deps, settings.home)
    for key, number in apply(deps, "demo", deps.clock.now()).sequences:
        console.print(f"  published {key}, version {number}")
    stage.crm.trust(shown_secrets(deps, "crm"))
    for command in ("inbox", "worker", "web"):
        stage.machine.start(command)
    stage.machine.wait_for_port("inbox", settings.inbox_port)
    stage.machine.wait_for_port("web", settings.web_port)
    console.print(f"  {bring_in(deps, settings)}")
    console.print(
        f"\nAdmin: {settings.public_url}   log in as {ADMIN}   password {password}\n",
        soft_wrap=True,
    )
    world = Outside(settings.public_url, api_key(deps), deps.secrets.key("inbox webhooks"))
    with Inbox(settings.home / FILE) as inbox:
        audience = Audience(inbox, world, settings.home / "audience.json")
        with deps.database.read() as tx:
            audience.move_in(addresses(tx))
        try:
            return _tell(stage, inbox, audience)
        finally:
            audience.close()


def _tell(stage: Stage, inbox: Inbox, audience: Audience) -> int:
    """Play the story to its end, then hold the books to account or keep the admin up."""
    console, home = stage.console, stage.settings.home
    began, end = _story(home, stage.pace.now, stage.wishes.days)
    team = Team(stage.deps, began, home / "team.json")
    with Live(console=console, auto_refresh=False, transient=True) as live:
        show = _shower(stage, audience, live, end)
        _play(stage, audience, team, end, show)
        if not _settle(stage, audience, show):
            console.print(
                f"Work is left undone after {QUIET_WITHIN:.0f} s; see {stage.machine.logs}"
            )
    console.print(_picture(stage, audience, "The story is told."))
    balanced = _account(stage, inbox, audience, team)
    if stage.wishes.until_done:
        return 0 if balanced else 1
    console.print(f"The admin stays up at {stage.settings.public_url}; Ctrl-C stops everything.")
    stage.pace.speed = 1 / 86_400
    while True:
        stage.machine.check()
        now = stage.pace.step(datetime.max.replace(tzinfo=UTC), wait=False)
        audience.step(now)
        time.sleep(AWAKE_EVERY)


def _story(home: Path, now: datetime, days: int) -> tuple[datetime, datetime]:
    """Return when the story began, and when it ends: `days` after the first run began."""
    note = home / "story.json"
    if not note.exists():
        note.write_text(json.dumps({"began": now.isoformat()}))
    began = datetime.fromisoformat(json.loads(note.read_text())["began"])
    return began, max(now, began + timedelta(days=days))


def _shower(stage: Stage, audience: Audience, live: Live, end: datetime) -> Callable[[str], None]:
    """Return what redraws the live view; without a terminal it prints a line a day."""
    drawn = 0.0
    told = ""

    def show(what: str) -> None:
        nonlocal drawn, told
        day = f"{stage.pace.now:%Y-%m-%d}"
        if stage.console.is_terminal:
            if time.monotonic() - drawn > REDRAWN_EVERY:
                drawn = time.monotonic()
                headline = f"{stage.pace.now:%a %d %b %Y %H:%M} UTC · {what} until {end:%d %b %Y}"
                live.update(_picture(stage, audience, headline), refresh=True)
        elif day != told:
            told = day
            with stage.deps.database.read() as tx:
                counted = totals(tx)
            sends = counted.sends.get("accepted", 0)
            stage.console.print(f"{day}: {sends} sends, {counted.moves} moves")

    return show


def _picture(stage: Stage, audience: Audience, headline: str) -> Group:
    with stage.deps.database.read() as tx:
        funnel = stage.deps.definitions.catalog(tx).funnel
        return draw(funnel, totals(tx), latest_moves(tx, 8), audience.did, headline)


def _play(
    stage: Stage, audience: Audience, team: Team, end: datetime, show: Callable[[str], None]
) -> None:
    """Let the clock run to the end of the story, and everybody live by it."""
    while stage.pace.now < end:
        stage.machine.check()
        now = stage.pace.step(end, wait=audience.is_behind())
        audience.step(now)
        for told in team.step(now):
            stage.console.print(f"  {now:%d %b} · {told}", highlight=False)
        show("running")
        time.sleep(STEP)


def _settle(stage: Stage, audience: Audience, show: Callable[[str], None]) -> bool:
    """With the clock still, let everything that is due be done; False when it does not end."""
    give_up = time.monotonic() + QUIET_WITHIN
    quiet = 0
    while quiet < QUIET_LOOKS and time.monotonic() < give_up:
        stage.machine.check()
        audience.step(stage.pace.now)
        still = audience.is_idle() and stage.pace.behind(timedelta()).is_empty
        quiet = quiet + 1 if still else 0
        show("finishing")
        time.sleep(AWAKE_EVERY)
    return quiet >= QUIET_LOOKS


def _account(stage: Stage, inbox: Inbox, audience: Audience, team: Team) -> bool:
    """Print the books; True when all of them balance and nothing failed on the way."""
    lines = balance(stage.deps, inbox, stage.crm, stage.pace.now)
    done = sum(audience.did.values())
    lines = (
        *lines,
        Line("everything the audience did was taken", done, tuple(audience.failures)),
        Line("everything the team did was taken", team.done, tuple(team.failures)),
    )
    for report in reports(stage.deps, stage.pace.now):
        shown = ", ".join(f"{arm} {count}" for arm, count in report.shown.items())
        over = " (stopped)" if report.is_over else ""
        stage.console.print(f"  {report.key}: {shown}{over}", highlight=False)
    for line in lines:
        mark = "[green]✓[/]" if not line.differences else "[red]✗[/]"
        stage.console.print(f"  {mark} {line.what}: {line.checked}, {len(line.differences)} differ")
        for difference in line.differences[:MOST_SHOWN]:
            stage.console.print(f"      {difference}", markup=False)
    return not any(line.differences for line in lines)
