"""The embedded Valkey: owned, persistent, private, and shared by all processes of one home."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as NotConnected

from nurture.config import Settings
from nurture.errors import NotFound, Permanent
from nurture.jobs.valkey import LONGEST_SOCKET_PATH, EmbeddedValkey, address, serve, server_binary
from tests.processes import APART

TOGETHER = 3  # processes


@pytest.fixture
def connect() -> Iterator[Callable[[str], Redis]]:
    clients: list[Redis] = []

    def open_client(url: str) -> Redis:
        clients.append(Redis.from_url(url, decode_responses=True))
        return clients[-1]

    yield open_client
    for client in clients:
        client.close()


def test_with_redis_url_nothing_is_started(settings: Settings) -> None:
    given = replace(settings, redis_url="redis://elsewhere:6379/0")
    assert address(given) == "redis://elsewhere:6379/0"
    with serve(given) as url:
        assert url == "redis://elsewhere:6379/0"
    assert not settings.home.exists()


def test_what_was_written_is_there_after_a_restart(
    settings: Settings, connect: Callable[[str], Redis]
) -> None:
    with serve(settings) as url:
        assert url == address(settings)
        connect(url).rpush("hits", "one", "two")
    with serve(settings) as url:
        assert connect(url).lrange("hits", 0, -1) == ["one", "two"]


def test_the_append_only_file_is_on_and_nothing_is_evicted(
    valkey: EmbeddedValkey, connect: Callable[[str], Redis]
) -> None:
    client = connect(valkey.url)
    wanted = {
        "appendonly": "yes",
        "appendfsync": "everysec",
        "maxmemory-policy": "noeviction",
        "port": "0",
    }
    assert client.config_get(*wanted) == wanted


def test_only_the_owner_can_reach_it(valkey: EmbeddedValkey) -> None:
    assert stat.S_IMODE(valkey.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(valkey.socket.stat().st_mode) == 0o700


def test_a_second_process_shares_the_server_and_does_not_stop_it(
    settings: Settings, connect: Callable[[str], Redis]
) -> None:
    with serve(settings) as url:
        second = EmbeddedValkey(settings.home / "valkey")
        with second:
            assert second.pid is None
        assert connect(url).ping()
    with pytest.raises(NotConnected):
        connect(url).ping()


def own_or_join(folder: Path) -> bool:
    """Whether this process owned the server; the owner leaves last."""
    with EmbeddedValkey(folder) as server, Redis.from_url(server.url) as client:
        client.incr("came")
        await_count(client, "came", TOGETHER)
        if server.pid is None:
            client.incr("left")
            return False
        await_count(client, "left", TOGETHER - 1)
        return True


def await_count(client: Redis, name: str, count: int) -> None:
    deadline = time.monotonic() + 30
    while int(client.get(name) or 0) < count:
        assert time.monotonic() < deadline, f"{name} never reached {count}"
        time.sleep(0.01)


def test_of_processes_that_start_together_one_owns_the_server(settings: Settings) -> None:
    with APART.Pool(TOGETHER) as pool:
        owned = pool.map(own_or_join, [settings.home / "valkey"] * TOGETHER, chunksize=1)
    assert sorted(owned) == [False, False, True]


def test_the_server_of_a_killed_owner_is_replaced_and_its_data_kept(
    settings: Settings, connect: Callable[[str], Redis]
) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from nurture.jobs.valkey import EmbeddedValkey\n"
        "server = EmbeddedValkey(Path(sys.argv[1])); server.start()\n"
        "print(server.pid, flush=True); time.sleep(60)\n"
    )
    folder = settings.home / "valkey"
    command = [sys.executable, "-c", program, str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        orphan = int(owner.stdout.readline())
        connect(address(settings)).set("kept", "yes")
        owner.kill()
    with EmbeddedValkey(folder) as server:
        assert server.pid not in {None, orphan}
        assert connect(server.url).get("kept") == "yes"
        assert connect(server.url).info("server")["process_id"] == server.pid


def test_a_killed_server_leaves_its_data_to_the_next(
    settings: Settings, connect: Callable[[str], Redis]
) -> None:
    server = EmbeddedValkey(settings.home / "valkey")
    server.start()
    assert server.pid is not None
    connect(server.url).set("kept", "yes")
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    with serve(settings) as url:
        assert connect(url).get("kept") == "yes"


def test_who_joined_a_server_takes_over_when_its_owner_leaves(
    settings: Settings, connect: Callable[[str], Redis]
) -> None:
    first = EmbeddedValkey(settings.home / "valkey")
    first.start()
    with EmbeddedValkey(settings.home / "valkey") as second:
        assert (second.pid, second.revive()) == (None, False)
        connect(first.url).set("kept", "yes")
        first.stop()
        assert second.revive()
        assert second.pid is not None
        assert connect(second.url).get("kept") == "yes"
        assert not second.revive()


def test_a_home_with_a_long_path_still_gets_a_socket(tmp_path: Path) -> None:
    folder = tmp_path / ("long" * 30) / "valkey"
    with EmbeddedValkey(folder) as server:
        assert len(str(server.socket)) <= LONGEST_SOCKET_PATH
        assert server.url == EmbeddedValkey(folder).url
        assert (folder / "appendonlydir").is_dir()
    server.socket.parent.rmdir()


def test_a_server_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    (tmp_path / "valkey").mkdir()
    (tmp_path / "valkey" / "appendonlydir").write_text("in the way")
    with pytest.raises(Permanent, match="ended at once"):
        EmbeddedValkey(tmp_path / "valkey").start()


def test_a_server_on_path_comes_before_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert server_binary().name == "valkey-server"
    assert server_binary().is_file()
    (tmp_path / "redis-server").write_text("")
    (tmp_path / "redis-server").chmod(0o755)
    assert server_binary() == tmp_path / "redis-server"


def test_a_machine_without_any_server_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("importlib.metadata.files", lambda name: None)
    with pytest.raises(NotFound, match="Install valkey or redis"):
        server_binary()
