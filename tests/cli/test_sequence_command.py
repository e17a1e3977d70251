"""`nurture sequence` as a person types it."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner, Result

from nurture.cli.main import group, main
from nurture.cli.parts import parts
from nurture.engine.publish import place_contacts
from nurture.store import tables
from tests.engine.sequence_world import add_contacts, write_campaigns


@pytest.fixture
def home(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    campaigns, templates = write_campaigns(tmp_path)
    for name, value in (
        ("NURTURE_HOME", str(tmp_path / "home")),
        ("DATABASE_URL", sqlite_url),
        ("NURTURE_CAMPAIGNS", str(campaigns)),
        ("NURTURE_TEMPLATES", str(templates)),
        ("NURTURE_CLOCK", ""),
    ):
        monkeypatch.setenv(name, value)
    return tmp_path


def enroll() -> None:
    """Put two contacts into the sequence of their stage."""
    deps = parts()
    add_contacts(deps, deps.clock.now(), 2, "lead")
    place_contacts(deps, deps.clock.now())
    deps.database.close()


def run(*arguments: str) -> str:
    result = CliRunner().invoke(group, ["sequence", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.usefixtures("home")
def test_an_empty_list_says_what_to_do() -> None:
    assert "nurture apply" in run("list")


@pytest.mark.usefixtures("home")
def test_a_sequence_is_paused_listed_and_let_go_on() -> None:
    CliRunner().invoke(group, ["apply"], catch_exceptions=False)
    assert "version 1" in run("list")
    assert "cart is paused" in run("pause", "cart", "--reason", "sale is over", "--by", "lan")
    (line,) = [line for line in run("list").splitlines() if line.startswith("cart")]
    assert line.endswith("UTC: sale is over")
    assert "cart goes on" in run("resume", "cart")
    assert "paused" not in run("list")


def test_a_sequence_of_another_track_is_listed_with_it_and_its_contacts_stay(home: Path) -> None:
    CliRunner().invoke(group, ["apply"], catch_exceptions=False)
    enroll()
    path = home / "campaigns" / "welcome.yaml"
    path.write_text(path.read_text("utf-8").replace("stage:", "track: side\nstage:"), "utf-8")
    planned = CliRunner().invoke(group, ["plan", "--days", "0"], catch_exceptions=False).output
    assert "changed settings: track" in planned
    CliRunner().invoke(group, ["apply"], catch_exceptions=False)
    (line,) = [line for line in run("list").splitlines() if line.startswith("welcome")]
    assert line.split("  ")[-1] == "version 2, track side"
    assert "2 contacts" in line
    assert "track" not in run("list").replace(line, "")


def test_a_plan_names_the_emails_that_differ_in_both_languages(home: Path) -> None:
    CliRunner().invoke(group, ["apply"], catch_exceptions=False)
    enroll()
    (home / "templates" / "hello" / "subject.vi.txt").write_text("Chào", "utf-8")
    (home / "templates" / "hello" / "subject.en.txt").write_text("Good morning", "utf-8")
    planning = ["plan", "--days", "0"]
    told = CliRunner().invoke(group, planning, catch_exceptions=False).output
    assert "changed email “hello” at step “hello” (English, Vietnamese): subject" in told
    assert "2 contacts under way have not been sent it" in told
    planning += ["--language", "vi"]
    told = CliRunner().invoke(group, planning, catch_exceptions=False).output
    assert "email “hello” ở bước “hello” thay đổi (tiếng Anh, tiếng Việt): tiêu đề" in told
    assert "2 liên hệ đang trong chuỗi chưa được gửi" in told


def test_a_plan_says_who_stays_who_waits_and_who_only_tries_in_both_languages(home: Path) -> None:
    CliRunner().invoke(group, ["apply"], catch_exceptions=False)
    enroll()
    deps = parts()
    add_contacts(deps, deps.clock.now(), 1, "mql", first=3, tags=["test"])
    place_contacts(deps, deps.clock.now())
    with deps.database.begin() as tx:
        first = sa.select(sa.func.min(tables.Enrollment.id)).scalar_subquery()
        tx.execute(
            sa.update(tables.Enrollment)
            .where(tables.Enrollment.id == first)
            .values(state="exhausted", wake_at=None, step="", exhausted_at=deps.clock.now())
        )
    deps.database.close()
    run("try", "welcome", "--contact", "p3@example.com")
    (home / "templates" / "hello" / "subject.en.txt").write_text("Good morning", "utf-8")
    planning = ["plan", "--days", "0"]
    told = CliRunner().invoke(group, planning, catch_exceptions=False).output
    assert "1 contact is under way and stays on version 1" in told
    assert "1 contact has received everything and waits for new content" in told
    assert "1 test contact is walking a draft and goes on with it" in told
    told = CliRunner().invoke(group, [*planning, "--language", "vi"], catch_exceptions=False).output
    assert "1 liên hệ đang đi trong chuỗi và giữ phiên bản 1" in told
    assert "1 liên hệ đã nhận hết nội dung và đang chờ nội dung mới" in told
    assert "1 liên hệ thử đang đi thử bản nháp" in told


@pytest.mark.usefixtures("home")
def test_a_pause_without_a_reason_is_no_pause() -> None:
    result = CliRunner().invoke(group, ["sequence", "pause", "cart"])
    assert result.exit_code == 2
    assert "--reason" in result.output


@pytest.mark.usefixtures("home")
def test_what_is_not_there_is_told_with_status_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["nurture", "sequence", "resume", "nothing"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert "there is no sequence 'nothing'" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_how_a_sequence_goes_on_is_said_and_told() -> None:
    CliRunner().invoke(group, ["apply"], catch_exceptions=False)
    for how in ("shift", "catch_up", "expire"):
        run("pause", "cart", "--reason", "sale is over")
        told = run("resume", "cart", "--how", how, "--over", "2h", "--gap", "12h")
        assert f"0 contacts continue ({how})" in told
    wrong = CliRunner().invoke(group, ["sequence", "resume", "cart", "--over", "soon"])
    assert wrong.exit_code == 2
    assert "write 30m, 12h, 3d or 2w" in wrong.output


def test_contacts_are_migrated_after_a_dry_run(home: Path) -> None:
    CliRunner().invoke(group, ["apply"], catch_exceptions=False)
    enroll()
    file = home / "campaigns" / "welcome.yaml"
    steps = file.read_text("utf-8").replace("- {key: hello, email: hello}", "")
    file.write_text(steps, "utf-8")
    CliRunner().invoke(group, ["apply"], catch_exceptions=False)
    dry = run("migrate", "welcome", "--dry-run")
    assert "2 contacts stand on hello, which version 2 has not" in dry
    assert "such as p1@example.com, p2@example.com" in dry
    done = run("migrate", "welcome", "--removed", "hello=pause", "--by", "lan")
    assert "version 1, hello (removed): 2 to pause" in done
    assert "2 contacts went on in version 2 of welcome." in done
    assert "Everybody in welcome is on version 2." in run("migrate", "welcome")
    wrong = CliRunner().invoke(group, ["sequence", "migrate", "welcome", "--removed", "hello"])
    assert "write STEP=exit" in wrong.output


def test_a_draft_is_tried_by_a_marked_contact(home: Path) -> None:
    CliRunner().invoke(group, ["apply"], catch_exceptions=False)
    deps = parts()
    add_contacts(deps, deps.clock.now(), 1, "mql", tags=["test"])
    deps.database.close()
    told = run("try", "cart", "--contact", "p1@example.com", "--fast", "--property", "cart_id=7")
    assert "Trial 1 of cart has begun for p1@example.com." in told
    assert home.is_dir()
    wrong = CliRunner().invoke(
        group, ["sequence", "try", "cart", "--contact", "a", "--property", "x"]
    )
    assert "write NAME=VALUE" in wrong.output


def test_what_is_told_of_sequences_is_told_in_vietnamese_too(home: Path) -> None:
    CliRunner().invoke(group, ["apply"], catch_exceptions=False)
    deps = parts()
    add_contacts(deps, deps.clock.now(), 1, "lead")
    deps.database.close()
    place_contacts(deps, deps.clock.now())
    vi = ("--language", "vi")
    assert "1 liên hệ  phiên bản 1" in run("list", *vi)
    assert "1 contact  version 1" in run("list")
    told = run("pause", "welcome", "--reason", "Tết", *vi)
    assert "welcome đã tạm dừng; 1 liên hệ đứng yên tại chỗ." in told
    assert "tạm dừng từ" in run("list", *vi)
    assert "welcome chạy tiếp; 1 liên hệ đi tiếp (shift)." in run("resume", "welcome", *vi)
    assert "Mọi người trong welcome đều ở phiên bản 1." in run("migrate", "welcome", *vi)
    assert home.is_dir()


def test_a_check_warns_of_a_link_that_no_email_has_in_both_languages(home: Path) -> None:
    path = home / "campaigns" / "welcome.yaml"
    asked = "exits: [{reason: gone, when: {did: click, where: {link: '*/no/such*'}}}]\nsteps:"
    path.write_text(path.read_text("utf-8").replace("steps:", asked, 1), "utf-8")
    place = f"{path}:{path.read_text('utf-8').split('exits:')[0].count(chr(10)) + 1}"
    told = CliRunner().invoke(group, ["check"], catch_exceptions=False)
    assert told.exit_code == 0
    assert f"warning: {place}: exits[0].when.where.link: no email has a link that" in told.output
    assert "Write a link as it is written in the email" in told.output
    told = CliRunner().invoke(group, ["check", "--language", "vi"], catch_exceptions=False)
    assert f"cảnh báo: {place}: exits[0].when.where.link: không email nào có" in told.output
    assert "Hãy viết liên kết đúng như trong email" in told.output
    applied = CliRunner().invoke(group, ["apply"], catch_exceptions=False)
    assert "no email has a link that" in applied.output


def test_a_check_counts_emails_and_languages_and_names_the_folder(home: Path) -> None:
    def check(*more: str) -> Result:
        return CliRunner().invoke(group, ["check", *more])

    found = check().output
    names = {one.name for one in (home / "templates").iterdir() if not one.name.startswith("_")}
    assert f"{len(names)} emails in 2 languages." in found
    assert "bằng 2 ngôn ngữ." in check("--language", "vi").output
    (home / "templates" / "hello" / "body.vi.mjml").unlink()
    told = str(check().exception)
    assert f"Add {home}/templates/hello/subject.vi.txt and body.vi.mjml." in told
