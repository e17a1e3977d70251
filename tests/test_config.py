"""Settings and secrets: every fault is named with its variable and remedy, all in one go."""

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.config import MASTER_KEY_FILE, Secrets, Settings, declared
from nurture.errors import Invalid, Refused
from tests.processes import APART

HTTPS = {"NURTURE_PUBLIC_URL": "https://mail.example.com"}
POSTMARK = {"NURTURE_PROVIDER": "postmark", "NURTURE_POSTMARK_TOKEN": "token"}


def faults(env: dict[str, str]) -> list[str]:
    with pytest.raises(Invalid) as caught:
        Settings.from_environment(env)
    assert all(problem.remedy for problem in caught.value.problems)
    return [problem.field for problem in caught.value.problems]


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = Settings.from_environment({})
    assert settings.home == Path("var").absolute()
    assert settings.database_url == f"sqlite:///{settings.home}/nurture.db"
    assert settings.redis_url == ""
    assert settings.public_url == "http://127.0.0.1:8000"
    assert (settings.provider, settings.batch_size, settings.click_hold) == ("inbox", 500, 60)
    assert not settings.production


def test_an_empty_variable_counts_as_unset() -> None:
    empty = {setting.variable: "" for setting in declared().values()}
    assert Settings.from_environment(empty) == Settings.from_environment({})


def test_a_default_follows_the_settings_it_is_made_of() -> None:
    settings = Settings.from_environment({"NURTURE_HOME": "/srv/n", "NURTURE_WEB_PORT": "9000"})
    assert settings.database_url == "sqlite:////srv/n/nurture.db"
    assert settings.public_url == "http://127.0.0.1:9000"


def test_any_free_port_can_be_asked_for() -> None:
    assert Settings.from_environment({"NURTURE_WEB_PORT": "0"}).web_port == 0


def test_the_scheme_that_hosting_companies_hand_out_is_understood() -> None:
    settings = Settings.from_environment({"DATABASE_URL": "postgres://u:p@h/n?sslmode=require"})
    assert settings.database_url == "postgresql://u:p@h/n?sslmode=require"


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("NURTURE_WORKERS", "0"),
        ("NURTURE_WORKERS", "two"),
        ("NURTURE_WEB_PORT", "65536"),
        ("NURTURE_TICK", "0"),
        ("NURTURE_TICK", "nan"),
        ("NURTURE_CLICK_HOLD", "-1"),
        ("NURTURE_PROVIDER", "pigeon"),
        ("NURTURE_ENV", "prod"),
        ("NURTURE_PUBLIC_URL", "mail.example.com"),
        ("NURTURE_PUBLIC_URL", "https://mail.example.com:port"),
        ("NURTURE_SMTP_URL", "http://mail.example.com"),
        ("DATABASE_URL", "mysql://localhost/n"),
        ("DATABASE_URL", "nurture.db"),
        ("REDIS_URL", "localhost:6379"),
    ],
)
def test_a_value_that_cannot_be_read_is_named_with_its_variable(variable: str, text: str) -> None:
    assert faults({variable: text}) == [variable]


def test_all_faults_are_told_in_one_go() -> None:
    env = {"NURTURE_WORKERS": "x", "NURTURE_ENV": "x", "REDIS_URL": "x"}
    assert faults(env) == ["NURTURE_ENV", "REDIS_URL", "NURTURE_WORKERS"]


def test_a_slip_of_the_pen_is_told_with_what_was_meant() -> None:
    with pytest.raises(Invalid, match=r"NURTURE_WORKER: .* Did you mean NURTURE_WORKERS\?"):
        Settings.from_environment({"NURTURE_WORKER": "4"})


def test_variables_that_kubernetes_sets_for_a_service_are_left_alone() -> None:
    injected = {
        "NURTURE_PORT": "tcp://10.0.0.1:80",
        "NURTURE_SERVICE_HOST": "10.0.0.1",
        "NURTURE_SERVICE_PORT": "80",
        "NURTURE_PORT_80_TCP_PROTO": "tcp",
    }
    assert Settings.from_environment(injected) == Settings.from_environment({})


@given(st.sampled_from([each.variable for each in declared().values()]), st.text())
def test_any_text_gives_settings_or_an_invalid_error(variable: str, text: str) -> None:
    try:
        Settings.from_environment({variable: text})
    except Invalid as error:
        assert [problem.field for problem in error.problems]  # noqa: PT017 (either is right)


def test_production_links_must_be_https() -> None:
    assert faults({"NURTURE_ENV": "production"}) == ["NURTURE_PUBLIC_URL"]
    assert Settings.from_environment({"NURTURE_ENV": "production", **HTTPS}).production


def test_a_provider_needs_its_credentials() -> None:
    assert faults({"NURTURE_PROVIDER": "smtp"}) == ["NURTURE_SMTP_URL"]
    assert faults({"NURTURE_PROVIDER": "postmark"}) == ["NURTURE_POSTMARK_TOKEN"]


def test_an_open_webhook_is_refused_in_production() -> None:
    assert faults({"NURTURE_ENV": "production", **HTTPS, **POSTMARK}) == [
        "NURTURE_POSTMARK_WEBHOOK_USER",
        "NURTURE_POSTMARK_WEBHOOK_PASSWORD",
    ]
    assert Settings.from_environment(POSTMARK).postmark_token == "token"


def test_what_is_secret_shows_neither_in_the_repr_nor_in_an_error() -> None:
    env = {
        "DATABASE_URL": "postgresql://u:hunter2@h/n",
        "REDIS_URL": "redis://:hunter2@h",
        "NURTURE_SMTP_URL": "smtp://u:hunter2@h",
        "NURTURE_POSTMARK_TOKEN": "hunter2",
        "NURTURE_POSTMARK_WEBHOOK_PASSWORD": "hunter2",
    }
    assert "hunter2" not in repr(Settings.from_environment(env))
    with pytest.raises(Invalid) as caught:
        Settings.from_environment({"NURTURE_SMTP_URL": "ftp://u:hunter2@h"})
    assert "hunter2" not in f"{caught.value}{caught.value.problems}"


def test_the_first_run_makes_a_key_that_only_its_owner_can_read(tmp_path: Path) -> None:
    home = tmp_path / "new" / "home"
    made = Secrets.load_or_create(home)
    assert len(made.master) == 32
    assert stat.S_IMODE((home / MASTER_KEY_FILE).stat().st_mode) == 0o600
    assert [each.name for each in home.iterdir()] == [MASTER_KEY_FILE]
    assert Secrets.load_or_create(home) == made


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    Secrets.load_or_create(tmp_path)
    (tmp_path / MASTER_KEY_FILE).chmod(mode)
    with pytest.raises(Refused, match="chmod 600"):
        Secrets.load_or_create(tmp_path)


@pytest.mark.parametrize("content", ["", "00", "secret", "é" * 64])
def test_a_file_without_a_key_is_invalid_and_stays_as_it_is(tmp_path: Path, content: str) -> None:
    path = tmp_path / MASTER_KEY_FILE
    path.write_text(content, "utf-8")
    path.chmod(0o600)
    with pytest.raises(Invalid, match="does not hold a key"):
        Secrets.load_or_create(tmp_path)
    assert path.read_text("utf-8") == content


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    with APART.Pool(4) as pool:
        made = pool.map(Secrets.load_or_create, [tmp_path] * 16, chunksize=1)
    assert set(made) == {Secrets.load_or_create(tmp_path)}


def test_keys_differ_by_purpose_and_come_out_the_same_every_time() -> None:
    secrets = Secrets(b"\x07" * 32)
    assert secrets.key("tracking") != secrets.key("session")
    assert secrets.key("tracking") == Secrets(b"\x07" * 32).key("tracking")
    # Recorded: a change here would break every link in mail already sent.
    assert secrets.key("tracking").hex().startswith("4f545ee4219c88e7")
    assert len(secrets.key("tracking", length=64)) == 64


def test_a_secret_does_not_show_in_its_repr() -> None:
    assert "07" not in repr(Secrets(b"\x07" * 32))
