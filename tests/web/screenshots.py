"""Takes pictures of pages for the eye: `python -m tests.web.screenshots FOLDER [PATH ...]`.

Every path is taken at 1280 and at 390 px, in Vietnamese and English, and once in the dark. Paths
other than /login are shown to a user who is logged in.
"""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from flask import Flask

from nurture.config import Secrets, Settings
from nurture.web.app import WebDependencies, create_app
from nurture.wiring import build
from tests.web.browsing import PHONE, WIDE, chromium, context
from tests.web.conftest import enter
from tests.web.gallery import gallery_pages
from tests.web.people import CHEAP, AccountsInMemory, StandingClock, lan
from tests.web.serving import Served

# Size, language, dark, and what distinguishes the file's name.
LOOKS = [
    (WIDE, "en", False, "1280-en"),
    (WIDE, "vi", False, "1280-vi"),
    (PHONE, "en", False, "390-en"),
    (PHONE, "vi", False, "390-vi"),
    (WIDE, "vi", True, "1280-vi-dark"),
]


def take(app: Flask, paths: Sequence[str], folder: Path) -> list[Path]:
    """Pictures of `paths` of `app`, whole pages, as PNG files in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    taken = []
    with chromium() as browser, Served(app) as served:
        for size, language, dark, look in LOOKS:
            with context(browser, served.url, size, locale=language, dark=dark) as person:
                page = person.new_page()
                for path in sorted(paths, key=lambda path: path != "/login"):
                    if path != "/login" and page.url.endswith(("/login", "blank")):
                        enter(page)
                    page.goto(path, wait_until="networkidle")
                    name = path.split("?")[0].strip("/").replace("/", "-") or "home"
                    taken.append(folder / f"{name}-{look}.png")
                    page.screenshot(path=taken[-1], full_page=True)
    return taken


def main() -> None:
    """Pictures of the gallery and of log-in."""
    folder, *paths = sys.argv[1:]
    with tempfile.TemporaryDirectory() as home:
        settings = Settings.from_environment({"NURTURE_HOME": home})
        given = WebDependencies(
            settings=settings,
            secrets=Secrets(bytes(range(32))),
            accounts=AccountsInMemory(lan()),
            engine=build(settings),
            clock=StandingClock(),
            passwords=CHEAP,
        )
        app = create_app(given, gallery_pages())
        for path in take(app, paths or ["/login", "/"], Path(folder)):
            sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
