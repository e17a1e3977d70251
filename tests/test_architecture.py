"""The shape of the code: imports point down, modules stay short, names say something.

The contracts on imports are in `pyproject.toml`; `docs/architecture.md` argues for them.
"""

import ast
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "nurture"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations" not in path.parts)

LONGEST_MODULE = 300  # lines
LONGER_FOR_A_REASON = {
    "nurture/store/tables.py": "the whole schema is read, and compared with the migrations, as one",
}

NAMES_THAT_SAY_NOTHING = re.compile(
    r"(^|_)(utils?|helpers?|common|misc|managers?|services?|handlers?|data|info|stuff)(_|$)"
)

# What reads the machine's clock. `time.monotonic` measures a duration and is not among them.
CLOCK_READS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time"}
READS_A_CLOCK = re.compile(r"\.\s*(now|utcnow|today|time)\b")
READS_A_VARIABLE = re.compile(r"\b(environ|getenv)\b")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def dotted(node: ast.expr) -> str:
    """The last two names: `datetime.now` for `datetime.datetime.now`; "" for a call's result."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        parts.append(node.id)
    return ".".join(reversed(parts[:2]))


def nodes(path: Path, words: re.Pattern[str]) -> Iterator[ast.AST]:
    """Everything in a module that has one of the words: reading all of them as trees takes long."""
    text = path.read_text("utf-8")
    return ast.walk(ast.parse(text)) if words.search(text) else iter(())


def calls(path: Path) -> Iterator[tuple[int, str]]:
    for node in nodes(path, READS_A_CLOCK):
        if isinstance(node, ast.Call):
            yield node.lineno, dotted(node.func)


def environment_reads(path: Path) -> Iterator[tuple[int, str]]:
    """Where a module looks a variable up; passing the whole environment on is no look-up."""
    for node in nodes(path, READS_A_VARIABLE):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            looked_up = dotted(node.value)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            looked_up = dotted(node.func.value) if node.func.attr == "get" else dotted(node.func)
        else:
            continue
        if looked_up in {"os.environ", "os.getenv", "environ.get"}:
            yield node.lineno, looked_up


def test_imports_obey_the_contracts(tmp_path: Path) -> None:
    # In a process of its own: import-linter switches off every logger that exists already.
    program = (
        "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    )
    options = ["--config", "pyproject.toml", "--cache-dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-c", program, *options],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Contracts:" in done.stdout


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_short_enough_to_be_read_in_one_go(path: Path) -> None:
    if name_of(path) in LONGER_FOR_A_REASON:
        return
    lines = len(path.read_text("utf-8").splitlines())
    assert lines <= LONGEST_MODULE, "split it by subject, or list it with a reason"


def test_only_modules_that_are_long_are_listed_as_such() -> None:
    for name, reason in LONGER_FOR_A_REASON.items():
        assert len((ROOT / name).read_text("utf-8").splitlines()) > LONGEST_MODULE, reason


def test_no_module_has_a_name_that_says_nothing() -> None:
    empty = [name_of(path) for path in MODULES if NAMES_THAT_SAY_NOTHING.search(path.stem)]
    assert empty == []


def test_only_the_clock_reads_the_clock() -> None:
    readings = [
        f"{name_of(path)}:{line}: {call}"
        for path in MODULES
        if path != PACKAGE / "clock.py"
        for line, call in calls(path)
        if call in CLOCK_READS
    ]
    assert readings == [], "take `now` as an argument, or ask a Clock"


def test_only_the_configuration_reads_the_environment() -> None:
    readings = [
        f"{name_of(path)}:{line}: {call}"
        for path in MODULES
        if path != PACKAGE / "config.py"
        for line, call in environment_reads(path)
    ]
    assert readings == [], "add a setting to nurture/config.py"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("import os\nos.environ['HOME']", ["os.environ"]),
        ("import os\nos.environ.get('HOME')", ["os.environ"]),
        ("import os\nos.getenv('HOME')", ["os.getenv"]),
        ("import os\nSettings.from_environment(os.environ)", []),
        ("import os\nrun(env={**os.environ, 'A': 'b'})", []),
    ],
)
def test_the_check_for_environment_reads_sees_them(
    tmp_path: Path, code: str, found: list[str]
) -> None:
    (tmp_path / "module.py").write_text(code)
    assert [each for _, each in environment_reads(tmp_path / "module.py")] == found


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("datetime.now(UTC)", True),
        ("datetime.datetime.now()", True),
        ("time.time()", True),
        ("clock.now()", False),
        ("self.clock.now()", False),
        ("time.monotonic()", False),
    ],
)
def test_the_check_for_clock_reads_sees_them(tmp_path: Path, code: str, found: bool) -> None:
    (tmp_path / "module.py").write_text(code)
    assert any(call in CLOCK_READS for _, call in calls(tmp_path / "module.py")) is found


@pytest.mark.parametrize(
    "room", sorted(each.parent for each in PACKAGE.glob("*/__init__.py")), ids=name_of
)
def test_a_room_says_what_lives_in_it(room: Path) -> None:
    module = importlib.import_module(f"nurture.{room.name}")
    said = module.__doc__ or ""
    assert len(said.splitlines()) >= 3, "say what lives here, who may import it, and why"
    assert "import" in said


def test_every_folder_of_the_package_is_a_room() -> None:
    folders = {path.parent for path in PACKAGE.glob("*/*.py")}
    assert all((folder / "__init__.py").is_file() for folder in folders)
