"""`nurture sequence` as a person types it."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from nurture.cli.main import group, main
from tests.engine.sequence_world import write_campaigns


@pytest.fixture
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
    result = CliRunner().invoke(group, ["sequence", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("home")
def test_an_empty_list_says_what_to_do() -> None:
    assert "nurture apply" in run("list")


@pytest.mark.usefixtures("home")
def test_a_sequence_is_paused_listed_and_let_go_on() -> None:
    CliRunner().invoke(group, ["apply"], catch_exceptions=False)
    assert "version 1" in run("list")
    assert "cart is paused" in run("pause", "cart", "--reason", "sale is over", "--by", "lan")
    (line,) = [line for line in run("list").splitlines() if line.startswith("cart")]
    assert line.endswith("UTC: sale is over")
    assert "cart goes on" in run("resume", "cart")
    assert "paused" not in run("list")


@pytest.mark.usefixtures("home")
def test_a_pause_without_a_reason_is_no_pause() -> None:
    result = CliRunner().invoke(group, ["sequence", "pause", "cart"])
    assert result.exit_code == 2
    assert "--reason" in result.output


@pytest.mark.usefixtures("home")
def test_what_is_not_there_is_told_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["nurture", "sequence", "resume", "nothing"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "there is no sequence 'nothing'" in capsys.readouterr().err
