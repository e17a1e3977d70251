"""`nurture segment`, and segments in `nurture plan` and `apply`, as a person types them."""

from pathlib import Path

from click.testing import CliRunner

from nurture.cli.main import group
from nurture.cli.parts import parts
from nurture.engine import segment_drafts
from tests.cli.test_sequence_command import home
from tests.engine.sequence_world import add_contacts

__all__ = ["home"]

LEADS = "  - key: leads\n    name: {vi: Khách, en: Leads}\n    when: {stage: %s}\n"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(group, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def write(home: Path, stage: str) -> None:
    (home / "campaigns" / "segments.yaml").write_text("segments:\n" + LEADS % stage, "utf-8")


def edit(stage: str) -> None:
    """Change the segment as somebody in the admin does."""
    deps = parts()
    now = deps.clock.now()
    draft = segment_drafts.load(deps, "leads")
    document = {**draft.document, "when": {"stage": stage}}
    saved = segment_drafts.save(deps, "leads", document, draft.revision, "lan", now)
    segment_drafts.publish_draft(deps, "leads", saved.revision, "lan", now)
    deps.database.close()


def test_a_segment_is_planned_applied_and_shown_with_what_asks_for_it(home: Path) -> None:
    run("apply")
    assert "no segment yet" in run("segment", "list")
    deps = parts()
    add_contacts(deps, deps.clock.now(), 2, "lead")
    deps.database.close()
    write(home, "lead")
    welcome = home / "campaigns" / "welcome.yaml"
    welcome.write_text(welcome.read_text("utf-8") + "entry: {segment: leads}\n", "utf-8")
    told = run("plan", "--days", "0")
    assert "+ Segment “leads”: new" in told
    assert "2 contacts would come in" in told
    nothing = "Publishing starts nothing for the 2 contacts who are in it then"
    assert nothing in told
    assert "không khởi động gì cho 2 liên hệ" in run("plan", "--days", "0", "--language", "vi")
    applied = run("apply")
    assert "leads: segment published" in applied
    assert nothing in applied
    assert "2 contacts" in run("segment", "list")
    assert "2 liên hệ" in run("segment", "list", "--language", "vi")
    assert "được dùng bởi: chuỗi welcome" in run("segment", "show", "leads", "--language", "vi")
    shown = run("segment", "show", "leads")
    assert "in the last 7 days: 0 entered, 0 left" in shown
    assert "asked for by: sequence welcome" in shown
    write(home, "mql")
    told = run("plan", "--days", "0", "--language", "vi")
    assert "~ Phân khúc “leads”: thay đổi" in told
    assert "khác nhau ở when" in told
    assert "2 liên hệ sẽ ra" in told


def test_a_segment_of_the_admin_stands_until_it_is_exported(home: Path) -> None:
    write(home, "lead")
    run("apply")
    edit("mql")
    assert "leads: the admin's segment stands" in run("apply")
    write(home, "[lead, mql]")
    told = run("plan", "--days", "0")
    assert "! Segment “leads”: changed in the admin and in the file: choose" in told
    assert "--take file:segment:leads" in told
    refused = CliRunner().invoke(group, ["apply"])
    assert refused.exit_code != 0
    assert "leads: segment published" in run("apply", "--take", "file:segment:leads")
    edit("mql")
    assert "segments.yaml" in run("export")
    assert "{stage: mql}" in (home / "campaigns" / "segments.yaml").read_text("utf-8")
    assert "Nothing changed" in run("apply")
