"""How a command ends that is told of faults: each once, their number once, in its language."""

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


@pytest.mark.parametrize("command", ["check", "plan", "apply"])
def test_faults_in_files_are_told_in_vietnamese_with_their_file_and_line(
    campaigns: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    monkeypatch.setattr(sys, "argv", ["nurture", command, "--language", "vi"])
    name = "name: {vi: Một, en: One}"
    (campaigns / "broken.yaml").write_text(
        f"key: broken\n{name}\nstage: lead\npriority: 77\nsteps:\n"
        "  - {key: a, wait: soon}\n  - {key: b, email: nowhere, next: gift}\n"
    )
    (campaigns / "other.yaml").write_text(
        f"key: another\n{name}\nstage: lead\npriority: 78\nsteps:\n  - {{key: a, wait: 1d}}\n"
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    told = capsys.readouterr().err
    place = f"{campaigns / 'broken.yaml'}:6: steps[0].wait: "
    assert f"{place}'soon' không phải là khoảng thời gian. Hãy viết" in told
    assert f"{campaigns / 'other.yaml'}:1: key: khóa 'another' không trùng với tên tệp." in told
    assert told.endswith(": có 2 chỗ chưa đúng\n")
    assert "is not" not in told


def test_one_fault_in_the_funnel_is_told_in_vietnamese(
    campaigns: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["nurture", "check", "--language", "vi"])
    (campaigns / "funnel.yaml").unlink()
    with pytest.raises(SystemExit):
        main()
    assert capsys.readouterr().err == (
        f"Không thể xuất bản các chiến dịch: {campaigns / 'funnel.yaml'}: thiếu phễu."
        " Hãy viết các giai đoạn và quy tắc của phễu vào tệp này.\n"
    )
