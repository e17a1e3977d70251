"""The settings that commands start from."""

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nurture.cli.parts import parts
from nurture.cli.settings import settings
from nurture.clock import Pacer

THEN = datetime(2031, 5, 6, 7, 8, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home in whose clock the demo has set a time; NURTURE_CLOCK is forgotten."""
    monkeypatch.setenv("NURTURE_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", sqlite_url)
    monkeypatch.setenv("NURTURE_CLOCK", "")
    monkeypatch.setenv("NURTURE_ENV", "development")
    Pacer(tmp_path / "clock").set(THEN)
    return tmp_path


def test_a_command_in_the_home_of_the_demo_lives_in_its_time(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deps = parts()
    assert deps.clock.now() == THEN
    settings()
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err == f"The time is that of the demo in {home}.\n"
    # What a command starts, such as the processes of `nurture worker`, follows.
    assert os.environ["NURTURE_CLOCK"] == str(home / "clock")
    deps.database.close()


def test_a_clock_that_is_named_goes_before_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NURTURE_CLOCK", str(home / "other"))
    assert settings().clock == str(home / "other")
    assert capsys.readouterr().err == ""


def test_production_and_a_home_without_it_have_the_time_of_the_machine(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NURTURE_PUBLIC_URL", "https://mail.example.com")
    monkeypatch.setenv("NURTURE_ENV", "production")
    assert settings().clock == ""
    monkeypatch.setenv("NURTURE_ENV", "development")
    (home / "clock").unlink()
    assert settings().clock == ""
