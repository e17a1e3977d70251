"""`nurture forecast` as a person types it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from nurture.cli.main import group
from nurture.errors import NotFound
from tests.engine.sequence_world import write_campaigns


@pytest.fixture(autouse=True)
def home(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    campaigns, templates = write_campaigns(tmp_path)
    for name, value in (
        ("NURTURE_HOME", str(tmp_path / "home")),
        ("DATABASE_URL", sqlite_url),
        ("NURTURE_CAMPAIGNS", str(campaigns)),
        ("NURTURE_TEMPLATES", str(templates)),
        ("NURTURE_CLOCK", ""),
    ):
        monkeypatch.setenv(name, value)
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(group, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_who_runs_out_when_is_told_with_what_it_rests_on(tmp_path: Path) -> None:
    run("apply")
    people = tmp_path / "people.csv"
    people.write_text("email,consent_marketing\nana@example.com,yes\nbo@example.com,yes\n")
    run("import", str(people), "--source", "form")
    told = run("forecast")
    assert "If nothing happens: nobody answers" in told
    assert "contacts" in told.splitlines()[0]

    vietnamese = run("forecast", "--language", "vi")
    assert "Nếu không có gì xảy ra" in vietnamese
    assert "liên hệ" in vietnamese.splitlines()[0]


def test_a_triggered_sequence_has_no_end_to_foresee() -> None:
    run("apply")
    with pytest.raises(NotFound, match="started by an event"):
        CliRunner().invoke(group, ["forecast", "cart"], catch_exceptions=False)
