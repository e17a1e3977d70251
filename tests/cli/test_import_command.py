"""`nurture import` as it is typed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nurture.cli.import_words import WORDS, say
from nurture.cli.imports import import_
from nurture.config import Settings
from nurture.engine.importing_words import _WORDS, Remark
from nurture.errors import Invalid
from tests.engine.importing_world import contacts, import_world
from tests.engine.sequence_world import World

TEXT = "Email;Họ tên;Món ưa thích\nlan@example.com;Nguyễn Thị Lan;phở\nduc;Đức;\n"


class Shell:
    """Types commands in a folder with a published funnel."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        self.file = folder / "contacts.csv"
        self.file.write_text(TEXT, "utf-8-sig")
        settings = world.deps.settings
        self._env = {
            "NURTURE_HOME": str(settings.home),
            "DATABASE_URL": settings.database_url,
            "NURTURE_CAMPAIGNS": str(settings.campaigns),
            "NURTURE_TEMPLATES": str(settings.templates),
            "LANG": "C.UTF-8",
            "LC_ALL": "",
            "LC_MESSAGES": "",
        }

    def type(self, *arguments: str, **env: str) -> Result:
        return CliRunner().invoke(import_, [str(self.file), *arguments], env={**self._env, **env})


@pytest.fixture
def shell(settings: Settings, sqlite_url: str, tmp_path: Path) -> Iterator[Shell]:
    """A shell beside a published funnel."""
    world = import_world(settings, sqlite_url, tmp_path)
    yield Shell(world, tmp_path)
    world.close()


def test_the_mapping_is_shown_and_the_contacts_go_in(shell: Shell) -> None:
    done = shell.type("--source", "fair")
    assert done.exit_code == 0, done.output
    assert "columns divided by semicolons" in done.output
    assert "Họ tên → full_name   Nguyễn Thị Lan" in done.output
    assert "Món ưa thích → mon_ua_thich (new field)   phở" in done.output
    assert "Consent is noted for: marketing, as coming from fair." in done.output
    assert "1  new contact" in done.output
    assert 'line 3: "duc" is not an email address: the @ is missing.' in done.output
    rejected = shell.file.with_name("contacts.csv.rejected.csv")
    assert str(rejected) in done.output
    assert rejected.read_text("utf-8-sig").splitlines()[1].startswith("duc;Đức;;3;")
    assert list(contacts(shell.world.deps)) == ["lan@example.com"]


def test_a_second_time_says_that_it_was_done(shell: Shell) -> None:
    shell.type("--source", "fair")
    again = shell.type("--source", "fair")
    assert again.exit_code == 0
    assert "Already imported on" in again.output
    once_more = shell.type("--source", "fair", "--again")
    assert "known already, nothing new" in once_more.output


@pytest.mark.parametrize(
    ("arguments", "env"), [(["--language", "vi"], {}), ([], {"LANG": "vi_VN"})]
)
def test_it_speaks_vietnamese(shell: Shell, arguments: list[str], env: dict[str, str]) -> None:
    done = shell.type("--source", "hội chợ", *arguments, **env)
    assert "liên hệ mới" in done.output
    assert 'dòng 3: "duc" không phải địa chỉ email: thiếu dấu @.' in done.output
    rejected = shell.file.with_name("contacts.csv.rejected.csv").read_text("utf-8-sig")
    assert "Nurture: lý do" in rejected


def test_a_dry_run_writes_neither_contacts_nor_files(shell: Shell) -> None:
    done = shell.type("--source", "fair", "--dry-run")
    assert done.exit_code == 0
    assert "A dry run: nothing was written." in done.output
    assert contacts(shell.world.deps) == {}
    assert not shell.file.with_name("contacts.csv.rejected.csv").exists()


def test_columns_can_be_told(shell: Shell) -> None:
    done = shell.type("--source", "fair", "--map", "Món ưa thích=-", "--map", "ho ten=first_name")
    assert done.exit_code == 0, done.output
    assert contacts(shell.world.deps)["lan@example.com"]["fields"] == {
        "first_name": "Nguyễn Thị Lan", "source": "fair",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--map", "nonsense"], "title=field"),
        (["--language", "fr"], "choose en or vi"),
        (["--rejects", "{file}"], "another file"),
    ],
)
def test_slips_of_the_pen_are_told(shell: Shell, arguments: list[str], told: str) -> None:
    done = shell.type(*(one.format(file=shell.file) for one in arguments))
    assert done.exit_code == 2
    assert told in done.output


def test_a_mapping_that_makes_no_sense_is_told_in_full(shell: Shell) -> None:
    done = shell.type("--map", "Nothing=company", "--map", "Email=-")
    assert isinstance(done.exception, Invalid)
    assert len(done.exception.problems) == 2


def test_without_any_source_the_command_says_what_is_missing(shell: Shell) -> None:
    done = shell.type()
    assert done.exit_code == 1
    assert "give --source." in done.output
    assert "No row went in" in done.output
    assert contacts(shell.world.deps) == {}
    remedied = shell.type("--source", "fair")
    assert remedied.exit_code == 0
    assert "Already imported" not in remedied.output
    assert list(contacts(shell.world.deps)) == ["lan@example.com"]


def test_other_options_make_it_another_import(shell: Shell) -> None:
    shell.file.write_text("email,source\na@example.com,web\nb@example.com,\n", "utf-8")
    assert shell.type().exit_code == 0
    done = shell.type("--source", "fair")
    assert "1  new contact" in done.output
    assert set(contacts(shell.world.deps)) == {"a@example.com", "b@example.com"}
    assert "Already imported" in shell.type("--source", "fair").output


def test_a_dry_run_in_which_nothing_would_go_in_fails_too(shell: Shell) -> None:
    assert shell.type("--dry-run").exit_code == 1


def test_a_column_of_consent_is_shown(shell: Shell) -> None:
    shell.file.write_text("email,Đồng ý nhận bản tin\na@example.com,có\n", "utf-8")
    assert "Đồng ý nhận bản tin → consent   có" in shell.type("--source", "fair").output


def test_strangers_cannot_steer_the_terminal(shell: Shell) -> None:
    shell.file.write_text("email,\x1b[31mred\nx\x1b]0;owned\x07@,y\n", "utf-8")
    done = shell.type("--source", "fair")
    assert "[31mred" in done.output
    assert "\x1b" not in done.output
    assert "\x07" not in done.output


def test_every_text_is_there_in_both_languages_with_the_same_values() -> None:
    for english, vietnamese in (*WORDS.values(), *_WORDS.values()):
        assert english
        assert vietnamese
        assert english != vietnamese
        assert _values(english) == _values(vietnamese)
    assert say("line", "vi", line=3, told="x") == "dòng 3: x"
    assert Remark("no_at", "{value} {x}").told("en").startswith('"{value} {x}" is not')


def _values(text: str) -> set[str]:
    return {part.split("}")[0] for part in text.split("{")[1:]}
