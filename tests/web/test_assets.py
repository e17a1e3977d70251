"""The built assets: served for ever, complete, and what the sources build."""

import json
import re
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from nurture.web.assets import STATIC, manifest
from nurture.web.words import _STATES, _STEPS, _TEMPERATURES

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "nurture" / "web"


@pytest.mark.parametrize("name", sorted(manifest()))
def test_a_built_file_is_kept_for_a_year_under_its_name(client: FlaskClient, name: str) -> None:
    response = client.get(f"/static/{manifest()[name]}")
    assert response.status_code == 200
    assert response.data == (STATIC / manifest()[name]).read_bytes()
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "Set-Cookie" not in response.headers


def test_the_stylesheet_travels_compressed(client: FlaskClient) -> None:
    path = f"/static/{manifest()['admin.css']}"
    response = client.get(path, headers={"Accept-Encoding": "gzip, br"})
    assert response.headers["Content-Encoding"] == "gzip"
    assert response.headers["Vary"] == "Accept-Encoding"
    assert len(response.data) < 100_000


@pytest.mark.parametrize("name", ["manifest.json", "../app.py", "..%2fapp.py", "admin.css"])
def test_nothing_else_is_served(client: FlaskClient, name: str) -> None:
    assert client.get(f"/static/{name}").status_code == 404


def test_every_icon_that_is_used_is_in_the_sprite() -> None:
    sprite = (STATIC / manifest()["icons.svg"]).read_text("utf-8")
    there = set(re.findall(r'<symbol id="([^"]+)"', sprite))
    used = {word.icon for words in (_STATES, _STEPS, _TEMPERATURES) for word in words.values()}
    for template in (WEB / "templates").rglob("*.html"):
        used |= set(re.findall(r'icon\("([a-z0-9-]+)"', template.read_text("utf-8")))
    assert used <= there
    assert there == set(json.loads((ROOT / "frontend/src/icons.json").read_text("utf-8")))


def test_the_lock_file_pins_every_package_and_names_no_server() -> None:
    package = json.loads((ROOT / "frontend/package.json").read_text("utf-8"))
    for version in (package["dependencies"] | package["devDependencies"]).values():
        assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    text = (ROOT / "frontend/package-lock.json").read_text("utf-8")
    assert "resolved" not in text
    assert "://" not in re.sub(r'"url": "[^"]+"', "", text)
    for name, about in json.loads(text)["packages"].items():
        assert name == "" or about["integrity"].startswith("sha512-")


def test_the_notices_name_every_package_that_is_shipped() -> None:
    notices = (STATIC / "THIRD_PARTY_NOTICES.txt").read_text("utf-8")
    for name in ("@tabler/core 1.6.1", "@tabler/icons", "htmx.org 2.0.11"):
        assert name in notices


def test_the_committed_assets_are_rebuilt_and_compared_before_a_change_is_taken() -> None:
    # Rebuilding needs Node, which those who only run the tests need not have, so it is a step of
    # its own that fails, rather than a test that is passed over.
    steps = (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.search(r"^make check-assets$", steps, re.MULTILINE)
    rule = (ROOT / "Makefile").read_text("utf-8")
    assert "npm run check" in rule
    scripts = json.loads((ROOT / "frontend/package.json").read_text("utf-8"))["scripts"]
    assert "--check" in scripts["check"]
