"""`nurture contact` and `nurture stage` as a person types them."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from click.testing import CliRunner

from nurture.cli.main import group, main
from nurture.cli.parts import parts
from nurture.store import tables
from tests.engine.sequence_world import add_contacts, write_campaigns

CONTACT = "1"


@pytest.fixture
def home(tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    campaigns, templates = write_campaigns(tmp_path)
    funnel = campaigns / "funnel.yaml"
    text = funnel.read_text(encoding="utf-8")
    funnel.write_text(
        text.replace("{key: lead, ", "{key: lead, alert_after: 3d, ")
        .replace("{key: mql, ", "{key: mql, alert_after: 30d, ")
        .replace(
            "edges:\n",
            "edges:\n"
            "  - {kind: recycle, from: mql, to: lead, by: [sales], reasons: [no_budget],"
            " cooldown: 30d}\n"
            "  - {kind: promote, from: lead, to: mql, by: [sales],"
            " when: {bant: budget, is: yes}}\n",
        ),
        encoding="utf-8",
    )
    for name, value in (
        ("NURTURE_HOME", str(tmp_path / "home")),
        ("DATABASE_URL", sqlite_url),
        ("NURTURE_CAMPAIGNS", str(campaigns)),
        ("NURTURE_TEMPLATES", str(templates)),
        ("NURTURE_CLOCK", ""),
    ):
        monkeypatch.setenv(name, value)
    run("apply")
    deps = parts()
    add_contacts(deps, deps.clock.now(), 2, "lead")
    deps.database.close()
    return tmp_path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(group, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def refused(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["nurture", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1


@pytest.mark.usefixtures("home")
def test_bant_is_answered_and_its_log_is_listed() -> None:
    assert "Nobody has answered" in run("contact", "bant", CONTACT)
    told = run("contact", "bant", CONTACT, "budget=Yes", "need=partial", "--by", "lan")
    assert "2 of 2 are new" in told
    assert "known already" in run("contact", "bant", CONTACT, "budget=yes")
    assert "budget     yes      command line  lan" in run("contact", "bant", CONTACT)


@pytest.mark.usefixtures("home")
def test_sales_take_a_lead_on_and_turn_them_down() -> None:
    run("contact", "bant", CONTACT, "budget=yes")
    moved = run("contact", "move", CONTACT, "mql", "--as", "sales", "--by", "lan")
    assert "lead → mql (promote)" in moved
    assert "accepted" in run("contact", "accept", CONTACT, "--by", "lan")
    back = run("contact", "reject", CONTACT, "--reason", "no_budget", "--by", "lan")
    assert "mql → lead (recycle)" in back
    assert "No rule promotes them before" in back


@pytest.mark.usefixtures("home")
def test_a_refusal_says_why_and_ends_with_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    refused(monkeypatch, "contact", "move", CONTACT, "mql", "--as", "sales")
    told = capsys.readouterr().err
    assert "the condition of this way does not hold" in told
    assert "The way there asks: bant: budget is: yes" in told
    assert "mql (promote, --as sales); asks bant: budget is: yes, which does not hold" in told
    assert "nurture contact bant" in told
    refused(monkeypatch, "contact", "move", CONTACT, "nowhere")
    told = capsys.readouterr().err
    assert "There is no stage nowhere; there are" in told
    assert "mql (promote, --as sales)" in told
    refused(monkeypatch, "contact", "reject", CONTACT, "--reason", "no_budget")
    assert "recycle" in capsys.readouterr().err
    refused(monkeypatch, "contact", "bant", CONTACT, "budget")
    assert "budget=yes" in capsys.readouterr().err
    refused(monkeypatch, "contact", "accept", "nobody@example.com")
    assert "no contact" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_it_answers_and_refuses_in_vietnamese(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    vi = ("--language", "vi")
    assert run("contact", "accept", CONTACT, *vi) == f"Bộ phận bán hàng đã nhận {CONTACT}.\n"
    assert "1 trong 1 câu trả lời là mới." in run("contact", "bant", CONTACT, "need=yes", *vi)
    refused(monkeypatch, "contact", "move", CONTACT, "mql", "--as", "sales", *vi)
    told = capsys.readouterr().err
    assert "chưa chuyển sang mql: điều kiện của hướng này chưa đúng" in told
    assert "Hướng này đòi hỏi: bant: budget is: yes" in told
    assert "mql (promote, --as sales); đòi hỏi bant: budget is: yes, hiện chưa đúng" in told
    refused(monkeypatch, "contact", "bant", CONTACT, "budget=perhaps", *vi)
    told = capsys.readouterr().err
    assert "Không có gì thay đổi" in told
    assert "'perhaps' không phải là câu trả lời. Hãy trả lời" in told
    refused(monkeypatch, "contact", "accept", "nobody@example.com", *vi)
    told = capsys.readouterr().err
    assert told.splitlines() == [
        "không có liên hệ nobody@example.com", "Hãy đưa địa chỉ hoặc số của liên hệ.",
    ]  # fmt: skip
    told = run("contact", "erase", "p1@example.com", "--dry-run", *vi)
    assert "Dữ liệu của p1@example.com sẽ bị xóa hoặc làm trống:" in told


@pytest.mark.usefixtures("home")
def test_stages_are_listed_with_who_stays_too_long() -> None:
    deps = parts()
    now = deps.clock.now()
    with deps.database.begin() as tx:
        t = tables.Standing
        tx.execute(sa.update(t).where(t.contact_id == 2).values(since=now - timedelta(days=9)))
    deps.database.close()
    lines = {line.split()[0]: line for line in run("stage", "list").splitlines()}
    assert "2 contacts, median 0 hours" in lines["lead"]
    assert "1 longer than 3d" in lines["lead"]
    assert "0 contacts" in lines["mql"]
    told = run("stage", "list", "--language", "vi")
    assert "2 liên hệ, trung vị 0 giờ" in told
    assert "1 ở lâu hơn 3d" in told


@pytest.mark.usefixtures("home")
def test_whoever_was_erased_may_come_back_by_their_own_word_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    address = "p1@example.com"
    run("contact", "erase", address, "--yes", "--why", "request 7")
    refused(monkeypatch, "contact", "lift", address)
    assert "how you know that they wish it" in capsys.readouterr().err
    refused(monkeypatch, "contact", "lift", address, "--why", f"{address} wrote")
    refused(monkeypatch, "contact", "lift", address, "--why", "a call", "--by", address.title())
    refused(monkeypatch, "contact", "lift", address, "--why", "mail", "--scope", "news")
    assert "Standing are: global." in capsys.readouterr().err
    told = run("contact", "lift", address, "--why", "their mail of 3 May", "--by", "lan")
    assert "the reason was: the contact was erased" in told
    assert "/subscribe" in told
    refused(monkeypatch, "contact", "lift", address, "--why", "again")
    assert "nothing stands against this address" in capsys.readouterr().err


def address() -> str:
    deps = parts()
    with deps.database.read() as tx:
        found = tx.execute(
            sa.select(tables.Contact.email).where(tables.Contact.id == int(CONTACT))
        ).scalar_one()
    deps.database.close()
    return str(found)


@pytest.mark.usefixtures("home")
def test_a_contact_is_erased_after_a_look_and_a_question() -> None:
    email = address()
    looked = run("contact", "erase", email, "--dry-run")
    assert "standing" in looked
    assert address() == email
    refusal = CliRunner().invoke(group, ["contact", "erase", email], input="n\n")
    assert refusal.exit_code == 1
    assert address() == email
    told = run("contact", "erase", email, "--yes", "--why", "request 7", "--by", "lan")
    assert f"Erased {email}." in told
    assert address() == ""
    assert "was erased already on" in run("contact", "erase", email, "--yes")


@pytest.mark.usefixtures("home")
def test_an_address_that_nobody_has_is_barred_when_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = "nobody@example.com"
    assert "Nothing was changed" in run("contact", "erase", stranger, "--yes")
    assert "barred from now on" in run("contact", "erase", stranger, "--yes", "--bar")
    assert "was erased already" in run("contact", "erase", stranger, "--yes", "--bar")
    refused(monkeypatch, "contact", "erase", stranger.partition("@")[0])
    assert "name@example.com" in capsys.readouterr().err


@pytest.mark.usefixtures("home")
def test_tags_are_put_on_listed_and_taken_away_in_both_languages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "They have no tags." in run("contact", "tag", CONTACT)
    assert "Tagged: vip, quán cũ." in run("contact", "tag", CONTACT, "vip", "quán cũ")
    assert run("contact", "tag", CONTACT).splitlines() == ["quán cũ", "vip"]
    again = run("contact", "tag", CONTACT, "VIP", "--language", "vi")
    assert "Liên hệ đã có nhãn này" in again
    assert "Tags taken away: vip." in run("contact", "untag", CONTACT, "VIP")
    assert "not tagged so" in run("contact", "untag", CONTACT, "vip")
    assert run("contact", "tag", CONTACT) == "quán cũ\n"
    refused(monkeypatch, "contact", "tag", CONTACT, "x" * 65, "--language", "vi")
    told = capsys.readouterr().err
    assert "Không có gì thay đổi: Nhãn" in told or "Không có gì thay đổi: nhãn" in told
    assert "quá dài. Hãy viết" in told
