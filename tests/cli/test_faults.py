"""How a command ends that is told of faults: each of them once, and how many there are once."""

import sys
from pathlib import Path

import pytest

from nurture.cli.main import main
from tests.engine.sequence_world import write_campaigns


@pytest.fixture
def campaigns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder, templates = write_campaigns(tmp_path)
    monkeypatch.setenv("NURTURE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NURTURE_CAMPAIGNS", str(folder))
    monkeypatch.setenv("NURTURE_TEMPLATES", str(templates))
    monkeypatch.setattr(sys, "argv", ["nurture", "check"])
    return folder


@pytest.mark.parametrize("faults", [1, 3])
def test_every_problem_and_their_number_are_told_once(
    campaigns: Path, capsys: pytest.CaptureFixture[str], faults: int
) -> None:
    for number in range(faults):
        (campaigns / f"broken-{number}.yaml").write_text(f"key: [fault {number}\n")
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    for number in range(faults):
        assert told.count(f"broken-{number}.yaml:") == 1
    assert told.count("Campaigns cannot be published") == 1
    assert told.count("problems were found") == (0 if faults == 1 else 1)
    assert told.count("problems") == told.count("problems were found")
