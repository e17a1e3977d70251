"""`nurture user` and `nurture explain`, run as a person runs them."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from nurture.cli.main import group
from nurture.config import Settings
from nurture.engine.accounts import Accounts
from nurture.engine.suppress import unsubscribe
from nurture.errors import Conflict, Invalid, NotFound
from nurture.mailer.compile import compile_email
from nurture.mailer.sources import EmailSource
from nurture.store import queued, sequence_reports, tables
from nurture.store.database import Database
from nurture.store.queued import Queued
from nurture.web.names import subject_line
from nurture.web.passwords import Passwords
from tests.engine.signing_up import ASK, BODY, SignUp, opened_for_sign_up
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
        (
            "en",
            (
                "Score: ",
                "What comes next:",
                "because the contact entered the sequence",
                "was over",
                "“Wait ",
            ),
        ),
        ("vi", ("Điểm: ", "Sắp tới:", "vì liên hệ vào chuỗi", "đã chờ xong ở “Chờ ")),
    ],
)
def test_a_contact_is_explained_in_both_languages(
    run: Run, sown: Sown, language: str, words: tuple[str, ...]
) -> None:
    told = run("explain", "31", "--at", sown[1].isoformat(), "--language", language).output
    assert all(word in told for word in words)


def test_points_stand_under_the_name_of_their_group(run: Run, home: Path, sown: Sown) -> None:
    database = Database(f"sqlite:///{home / 'nurture.db'}")
    with database.begin() as tx:
        entry = tables.ScoreEntry
        contact = tx.scalar(sa.select(entry.contact_id).where(entry.points > 0).limit(1))
    database.close()
    told = run("explain", str(contact), "--at", sown[1].isoformat(), "--language", "vi").output
    heaps = re.findall(r"^  (.+): [0-9]+,[0-9]{2}", told, re.MULTILINE)
    names = {"Mở email", "Đọc nội dung", "Quan tâm mua", "Ghé trang web", "Mua hàng"}
    assert heaps
    assert set(heaps) <= names


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


def test_what_waits_for_a_run_to_end_is_told_in_both_languages(
    run: Run, home: Path, sown: Sown
) -> None:
    database = Database(f"sqlite:///{home / 'nurture.db'}")
    with database.begin() as tx:
        (cart,) = sequence_reports.sequences(tx, "cart-reminder")
        queued.put(tx, [Queued(31, cart.id, "", {}, None, sown[1])])
    database.close()
    for command in ("ahead", "explain"):
        told = run(command, "31").output
        assert "! “Cart reminder” waits to begin once more, since" in told
        assert "chờ bắt đầu lần nữa" in run(command, "31", "--language", "vi").output


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
    with pytest.raises(Invalid, match="chưa tới") as refused:
        run("explain", "31", "--at", "2999-01-01", "--language", "vi")
    assert "nurture ahead" in refused.value.remedy


@pytest.mark.parametrize(
    ("language", "words"), [("en", "This contact did not exist then"), ("vi", "Khi đó chưa có")]
)
def test_before_a_contact_existed_nothing_else_is_told(run: Run, language: str, words: str) -> None:
    told = run("explain", "1", "--at", "2001-01-01", "--language", language).output
    assert words in told
    assert len(told.splitlines()) == 3


@pytest.fixture
def signed_up(
    settings: Settings, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[SignUp]:
    """Ana agreed to news, refused letters and is asked about them again; the subject says what."""
    with opened_for_sign_up(settings, sqlite_url) as made:
        subject = "Please confirm: {{ event.topic_en | default('our letters') }}"
        source = EmailSource("ask", "en", subject, BODY, None, "subject", "body", "text", (), ())
        made.emails = {**made.emails, ("ask", "en"): compile_email(source)}
        made.publish(ASK)
        made.wish(topic="news")
        made.wish()
        monkeypatch.setenv("NURTURE_HOME", str(settings.home))
        monkeypatch.setenv("DATABASE_URL", sqlite_url)
        yield made


def explained(world: SignUp, *more: str) -> str:
    words = ["explain", "ana@example.com", "--at", world.now.isoformat(), *more]
    return CliRunner().invoke(group, words, catch_exceptions=False).output


def test_consent_is_explained_with_since_when_and_where(signed_up: SignUp) -> None:
    told = explained(signed_up)
    assert "News: agreed since Mar 2, 2026" in told
    assert "(sign-up page, form)" in told
    assert "Letters: asked for on Mar 2, 2026" in told
    assert "not confirmed yet" in told
    assert "Asking: needs no consent" in told
    signed_up.confirm()
    assert "Letters: agreed since" in explained(signed_up)
    unsubscribe(signed_up.deps, signed_up.letters()[0], signed_up.now)
    told = explained(signed_up, "--language", "vi")
    assert "Thư: từ chối từ" in told
    assert f"(send {signed_up.letters()[0]}, recipient)" in told


def test_each_email_is_told_with_its_sequence_and_its_subject_as_it_was_sent(
    signed_up: SignUp,
) -> None:
    assert "sign-up: “Please confirm: Letters”" in explained(signed_up)
    (subject,) = [subject for _, subject in signed_up.post.mailed]
    assert subject == "Please confirm: Letters"


def test_a_subject_is_filled_from_the_contact_and_from_the_event() -> None:
    template = "{{ contact.first_name | default('you') }}: {{ event.fair.title }} {{ event.no }}"
    fields, event = {"first_name": "Ana"}, {"fair": {"title": "Open day"}}
    assert subject_line(template, fields, event) == "Ana: Open day …"
    assert subject_line(template, {}) == "you: … …"
