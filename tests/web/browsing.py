"""A real Chromium, and what every page must hold in it."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import axe_playwright_python
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

WIDE = (1280, 800)
PHONE = (390, 844)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
_AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
# Kept in the window, because a violation can happen before the test has the page in hand.
_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""
_SERIOUS = {"serious", "critical"}
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def chromium() -> Iterator[Browser]:
    """The system's Chromium, without a window."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    assert path, "Chromium is missing: install it with `apt-get install chromium`"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def context(
    browser: Browser,
    base_url: str,
    size: tuple[int, int],
    *,
    locale: str = "en",
    dark: bool = False,
) -> Iterator[BrowserContext]:
    """A fresh profile of a person with this screen and language, on our server and nowhere else."""
    opened = browser.new_context(
        base_url=base_url,
        viewport={"width": size[0], "height": size[1]},
        locale=locale,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
    )
    opened.set_default_timeout(10_000)
    opened.add_init_script(_WATCH)
    opened.route(lambda url: not url.startswith((base_url, "data:")), lambda r: r.abort())
    yield opened
    opened.close()


def violations(page: Page) -> list[str]:
    """What the content security policy stopped on this page, since it was loaded."""
    found: list[str] = page.evaluate("window.violations")
    return found


def barriers(page: Page) -> list[str]:
    """The serious findings of axe: rule, place, and what axe says about it."""
    page.evaluate(_AXE)
    options = json.dumps({"resultTypes": ["violations"], "runOnly": _TAGS})
    results = page.evaluate(f"axe.run({options})")
    return [
        f"{rule['id']} ({rule['impact']}) at {node['target']}: {node['failureSummary']}"
        for rule in results["violations"]
        if rule["impact"] in _SERIOUS
        for node in rule["nodes"]
    ]


def overflow(page: Page) -> int:
    """By how many pixels the page is wider than the screen; 0 is right."""
    root = "document.documentElement"
    width: int = page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")
    return width
