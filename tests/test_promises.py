"""What is promised in prose is true: settings, targets of make, lock files, links."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from nurture.config import declared

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))

SETTING_ROW = re.compile(r"^\| `(?P<variable>[A-Z_]+)` \| (?:`(?P<default>[^`]+)` )?\| (.+) \|$")
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^]]*\])?==(?P<version>[^\s;]+)")
LINK = re.compile(r"\]\((?!https?://|mailto:|#)([^)#\s]+)")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def documented_settings() -> Iterator[tuple[str, str]]:
    for line in (ROOT / "docs" / "configuration.md").read_text("utf-8").splitlines():
        if row := SETTING_ROW.match(line):
            yield row["variable"], row["default"] or ""


def pins(lock: str) -> dict[str, set[str]]:
    """The versions that a lock file holds by name; a name has several when Pythons differ."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / lock).read_text("utf-8").splitlines():
        if pin := PIN.match(line):
            found.setdefault(canonicalize_name(pin["name"]), set()).add(pin["version"])
    return found


def makefile_targets() -> set[str]:
    text = (ROOT / "Makefile").read_text("utf-8")
    return set(re.findall(r"^([a-z-]+):.*## ", text, re.MULTILINE))


def test_the_table_of_settings_is_complete_and_its_defaults_are_right() -> None:
    table = list(documented_settings())
    assert dict(table) == {each.variable: each.default for each in declared().values()}
    assert len(table) == len(declared())


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_names_only_settings_that_exist(page: Path) -> None:
    known = {each.variable for each in declared().values()}
    named = set(re.findall(r"\bNURTURE_[A-Z]+(?:_[A-Z]+)*\b(?!…)", page.read_text("utf-8")))
    # A page may shorten a family of settings to its beginning.
    assert {each for each in named if not any(k.startswith(each) for k in known)} == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_links_only_to_what_exists(page: Path) -> None:
    links = LINK.findall(page.read_text("utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_readme_names_every_target_of_make_and_no_other() -> None:
    named = set(re.findall(r"`make ([a-z-]+)", README)) | set(
        re.findall(r"^make ([a-z-]+)", README, re.MULTILINE)
    )
    assert named == makefile_targets() - {"help"}


def test_make_alone_lists_every_target() -> None:
    listed = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert set(re.findall(r"^  make ([a-z-]+) ", listed, re.MULTILINE)) == makefile_targets()


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"]),
        ("requirements-dev.lock", PROJECT["project"]["dependencies"]),
        ("requirements-dev.lock", PROJECT["dependency-groups"]["dev"]),
        ("requirements-dev.lock", PROJECT["dependency-groups"]["lock"]),
        ("requirements.lock", PROJECT["dependency-groups"]["build"]),
        ("requirements.lock", PROJECT["build-system"]["requires"]),
    ],
)
def test_a_lock_file_holds_what_the_project_asks_for(lock: str, wanted: list[str]) -> None:
    locked = pins(lock)
    for requirement in map(Requirement, wanted):
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement} is not in {lock}: run `make lock`"
        assert all(version in requirement.specifier for version in versions), requirement


def test_tests_run_with_the_versions_that_users_get() -> None:
    for name, versions in pins("requirements.lock").items():
        assert pins("requirements-dev.lock")[name] == versions


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_file_has_a_hash_for_everything_and_names_no_machine(lock: str) -> None:
    text = (ROOT / lock).read_text("utf-8")
    entries = re.split(r"^(?=[a-zA-Z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(entries) >= len(pins(lock)) > 20
    assert all("--hash=sha256:" in entry for entry in entries)
    assert (
        re.findall(r"https?:|--(?:extra-)?index|--find-links|--trusted|@ file|/home/", text) == []
    )


def test_the_licence_is_the_one_that_the_project_declares() -> None:
    assert PROJECT["project"]["license"] == "Apache-2.0"
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")
