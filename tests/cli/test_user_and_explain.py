"""`nurture user` and `nurture explain`, run as a person runs them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nurture.cli.main import group
from nurture.engine.accounts import Accounts
from nurture.errors import Conflict, Invalid, NotFound
from nurture.store.database import Database
from nurture.web.passwords import Passwords
from tests.fixtures.gardens import Sown

Run = Callable[..., Result]


@pytest.fixture
def home(tmp_path: Path, sown: Sown) -> Path:
    """A home with a garden in it."""
    shutil.copytree(sown[0], tmp_path / "home")
    return tmp_path / "home"


@pytest.fixture
def run(home: Path) -> Run:
    """Run a command on this home; a known error is raised as it is."""

    def command(*words: str) -> Result:
        result = CliRunner(env={"NURTURE_HOME": str(home)}).invoke(group, words)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return command


def hash_of(home: Path, email: str) -> str:
    database = Database(f"sqlite:///{home / 'nurture.db'}")
    found = Accounts(database).find_user(email)
    database.close()
    assert found is not None
    return found.password_hash


def test_a_user_is_added_with_a_password_that_is_told_once(run: Run, home: Path) -> None:
    told = run("user", "add", "Lan@Example.com", "--name", "Lan", "--generate").output
    password = told.partition("Password: ")[2].strip()
    assert len(password) >= 20
    assert Passwords().verify(hash_of(home, "lan@example.com"), password)
    with pytest.raises(Conflict, match="has an account already"):
        run("user", "add", "lan@example.com", "--generate")


def test_a_password_is_changed(run: Run, home: Path) -> None:
    run("user", "add", "lan@example.com", "--generate")
    before = hash_of(home, "lan@example.com")
    run("user", "password", "lan@example.com", "--generate")
    assert hash_of(home, "lan@example.com") != before
    with pytest.raises(NotFound):
        run("user", "password", "nobody@example.com", "--generate")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Score: ", "What comes next:", "because the contact entered the sequence")),
        ("vi", ("Điểm: ", "Sắp tới:", "vì liên hệ vào chuỗi")),
    ],
)
def test_a_contact_is_explained_in_both_languages(
    run: Run, sown: Sown, language: str, words: tuple[str, ...]
) -> None:
    told = run("explain", "31", "--at", sown[1].isoformat(), "--language", language).output
    assert all(word in told for word in words)


@pytest.mark.parametrize(
    ("language", "whose"), [("en", "the contact's own"), ("vi", "múi giờ của chính liên hệ")]
)
def test_the_next_days_of_a_contact_are_told_in_both_languages(
    run: Run, sown: Sown, language: str, whose: str
) -> None:
    with_mail = 0
    for contact in range(1, 12):
        told = run("ahead", str(contact), "--days", "30", "--language", language).output
        assert f"#{contact}" in told.splitlines()[0]
        with_mail += {"en": "is sent", "vi": "Gửi “"}[language] in told
        assert whose in told or {"en": "account's", "vi": "tài khoản"}[language] in told
    assert with_mail


def test_an_earlier_day_is_explained_as_it_was(run: Run, sown: Sown) -> None:
    late = run("explain", "31", "--at", sown[1].isoformat()).output
    early = run("explain", "31", "--at", "2026-03-02T08:31").output
    assert "Score: 0.00" in early
    assert len(early) < len(late)


def test_what_cannot_be_explained_is_said(run: Run) -> None:
    with pytest.raises(NotFound):
        run("explain", "nobody@example.com")
    with pytest.raises(Invalid, match="is no instant"):
        run("explain", "31", "--at", "yesterday")


@pytest.mark.parametrize(
    ("language", "words"), [("en", "This contact did not exist then"), ("vi", "Khi đó chưa có")]
)
def test_before_a_contact_existed_nothing_else_is_told(run: Run, language: str, words: str) -> None:
    told = run("explain", "1", "--at", "2001-01-01", "--language", language).output
    assert words in told
    assert len(told.splitlines()) == 3
