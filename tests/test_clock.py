"""The clocks: aware, shared between processes, never going backwards."""

import itertools
import struct
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.clock import PacedClock, Pacer, WallClock, clock_from
from nurture.config import Settings
from nurture.errors import Invalid, NotFound, Refused

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def test_the_wall_clock_tells_aware_utc() -> None:
    before = datetime.now(UTC)
    told = WallClock().now()
    assert before <= told <= datetime.now(UTC)
    assert told.utcoffset() == timedelta(0)


def test_a_paced_clock_tells_what_the_pacer_set(tmp_path: Path) -> None:
    pacer = Pacer(tmp_path / "new" / "clock")
    assert pacer.now() is None
    pacer.set(NOON)
    clock = PacedClock(tmp_path / "new" / "clock")
    assert clock.now() == NOON
    pacer.set(NOON + timedelta(days=1))
    assert clock.now() == NOON + timedelta(days=1)


def test_the_file_holds_unix_seconds_as_a_little_endian_double(tmp_path: Path) -> None:
    Pacer(tmp_path / "clock").set(NOON)
    assert struct.unpack("<d", (tmp_path / "clock").read_bytes()) == (NOON.timestamp(),)


def test_a_moment_in_another_zone_is_told_in_utc(tmp_path: Path) -> None:
    hanoi = timezone(timedelta(hours=7))
    Pacer(tmp_path / "clock").set(NOON.astimezone(hanoi))
    told = PacedClock(tmp_path / "clock").now()
    assert (told, told.utcoffset()) == (NOON, timedelta(0))


def test_a_naive_moment_is_invalid(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="no time zone"):
        Pacer(tmp_path / "clock").set(NOON.replace(tzinfo=None))


def test_the_pacer_refuses_to_go_back(tmp_path: Path) -> None:
    pacer = Pacer(tmp_path / "clock")
    pacer.set(NOON)
    with pytest.raises(Refused, match="already past"):
        pacer.set(NOON - timedelta(seconds=1))
    pacer.set(NOON)
    assert pacer.now() == NOON


def test_a_second_pacer_goes_on_where_the_first_stopped(tmp_path: Path) -> None:
    Pacer(tmp_path / "clock").set(NOON)
    assert Pacer(tmp_path / "clock").now() == NOON


@given(
    st.lists(st.floats(), min_size=1) | st.lists(st.floats(min_value=1, max_value=4e9), min_size=1)
)
def test_whatever_is_written_to_the_file_a_clock_never_goes_backwards(
    tmp_path_factory: pytest.TempPathFactory, writings: list[float]
) -> None:
    path = tmp_path_factory.mktemp("clock") / "clock"
    Pacer(path).set(NOON)
    clock = PacedClock(path)
    told = [clock.now()]
    for seconds in writings:
        with path.open("r+b") as file:
            file.write(struct.pack("<d", seconds))
        told.append(clock.now())
    assert told == sorted(told)


@pytest.mark.parametrize("content", [None, b"", b"\0" * 8])
def test_a_clock_that_nobody_set_is_not_found(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "clock").write_bytes(content)
    with pytest.raises(NotFound, match="nurture demo"):
        PacedClock(tmp_path / "clock")


def test_other_processes_see_each_step_whole(tmp_path: Path) -> None:
    path = tmp_path / "clock"
    pacer = Pacer(path)
    pacer.set(NOON)
    program = (
        "import sys; from pathlib import Path; from nurture.clock import PacedClock\n"
        "clock = PacedClock(Path(sys.argv[1])); seen = set()\n"
        "while len(seen) < 200: seen.add(clock.now())\n"
        "sys.exit(any(each.time().isoformat() != '12:00:00' for each in seen))\n"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(path)]) as reader:
        for day in itertools.count(1):
            if reader.poll() is not None:
                break
            pacer.set(NOON + timedelta(days=day))
    assert reader.returncode == 0


def test_the_setting_chooses_the_clock(settings: Settings, tmp_path: Path) -> None:
    assert isinstance(clock_from(settings), WallClock)
    Pacer(tmp_path / "clock").set(NOON)
    paced = clock_from(replace(settings, clock=str(tmp_path / "clock")))
    assert paced.now() == NOON
