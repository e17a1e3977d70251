"""`nurture delivery`, `endpoint` and `quarantine` as a person types them."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from nurture.cli.main import group
from nurture.config import Settings
from nurture.engine.intake import take_events
from nurture.errors import NurtureError
from tests.engine.telling_world import D, Telling, telling
from tests.providers.receiver import Receiver, answers


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as listening:
        yield listening


@pytest.fixture
def world(
    settings: Settings,
    sqlite_url: str,
    receiver: Receiver,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Telling]:
    """A world that commands find by their environment."""
    for name, value in (
        ("NURTURE_HOME", str(settings.home)),
        ("DATABASE_URL", sqlite_url),
        ("NURTURE_CLOCK", ""),
        ("NURTURE_PRIVATE_ENDPOINTS", "yes"),
    ):
        monkeypatch.setenv(name, value)
    with telling(settings, sqlite_url, crm=receiver.url) as made:
        yield made


def run(*arguments: str) -> str:
    result = CliRunner().invoke(group, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_deliveries_are_listed_narrowed_and_tried_again(world: Telling, receiver: Receiver) -> None:
    assert "There is no such delivery" in run("delivery", "list")
    receiver.behaviours += [answers(302, Location="http://x/")]
    world.ask("ana")
    world.call_all()
    listed = run("delivery", "list", "--kind", "webhook")
    assert "crm  ana@example.com  hand-over/tell-crm  waiting until" in listed
    assert "1 try: redirect 302 it leads to http://x/" in listed
    assert "no such delivery" in run("delivery", "list", "--status", "failed")
    (key,) = world.column(sa.select(D.id).where(D.kind == "webhook"))
    vi = ("--language", "vi")
    assert "chờ đến" in run("delivery", "list", *vi)
    assert "1 lần thử" in run("delivery", "list", *vi)
    assert "tried again now" in run("delivery", "retry", str(key), "--by", "lan")
    assert "Đang thử lại lượt gửi" in run("delivery", "retry", str(key), *vi)
    assert world.column(sa.select(D.attempts).where(D.id == key)) == [0]
    with pytest.raises(NurtureError, match="no delivery 999"):
        run("delivery", "retry", "999")


def test_an_endpoint_is_listed_tested_and_given_another_secret(
    world: Telling, receiver: Receiver
) -> None:
    assert f"crm  {receiver.url}  0 waiting, well" in run("endpoint", "list")
    secret = run("endpoint", "secret", "crm").strip()
    assert secret.startswith("whsec_")
    assert "crm took the call: 204" in run("endpoint", "test", "crm")
    receiver.behaviours += [answers(500, "oh")]
    with pytest.raises(NurtureError, match="answer 500 oh"):
        run("endpoint", "test", "crm")
    rotated = run("endpoint", "rotate", "crm")
    assert rotated.startswith("whsec_")
    assert secret in run("endpoint", "secret", "crm")
    assert secret not in rotated
    with pytest.raises(NurtureError, match="no endpoint 'erp'"):
        run("endpoint", "secret", "erp")


def test_an_endpoint_that_is_gone_is_opened(world: Telling, receiver: Receiver) -> None:
    receiver.behaviours += [answers(410)]
    world.ask("ana")
    world.call_all()
    assert "1 waiting, gone" in run("endpoint", "list")
    assert "1 đang chờ, không còn nhận" in run("endpoint", "list", "--language", "vi")
    assert "called again" in run("endpoint", "open", "crm")
    assert "well" in run("endpoint", "list")


def test_quarantine_is_listed_and_settled_and_the_doctor_counts(world: Telling) -> None:
    world.add("ana")
    item = {"email": "ana@example.com", "event": "form", "at": "2999-01-01T00:00:00Z"}
    take_events(world.deps, [{**item, "id": "1"}, {**item, "id": "2"}], world.now)
    listed = run("quarantine", "list")
    assert "ana@example.com  form  at 2999-01-01T00:00:00+00:00  (future)" in listed
    assert "2 events are in quarantine." in listed
    told = run("quarantine", "list", "--language", "vi")
    assert "(tương lai)" in told
    assert "2 sự kiện đang bị cách ly." in told
    assert "2 events in quarantine" in run("doctor")
    assert "counts from 2026-03-02 03:00 UTC" in run("quarantine", "accept", "1")
    assert "stays out" in run("quarantine", "discard", "2")
    assert "0 events are in quarantine." in run("quarantine", "list")
