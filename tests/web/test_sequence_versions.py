"""The pages that go on after a pause, migrate contacts and try a draft."""

import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from nurture.engine import drafts
from nurture.engine.dependencies import Dependencies
from nurture.engine.pausing import pause
from nurture.engine.trials import walking
from nurture.store import tables
from tests.web.people import StandingClock
from tests.web.planted import bare, engine, pages
from tests.web.test_sequences import LEAD, submit, text

__all__ = ["bare", "engine", "pages"]

E, V, C = tables.Enrollment, tables.SequenceVersion, tables.Contact
NOW = StandingClock().now()


def without_a_step(engine: Dependencies) -> str:
    """Publish the sequence without the step that most contacts stand on; return its key."""
    with engine.database.read() as tx:
        place = sa.select(E.step, sa.func.count()).join(
            tables.Sequence, tables.Sequence.id == E.sequence_id
        )
        live = place.where(tables.Sequence.key == "lead-nurture", E.ended_at.is_(None))
        rows = tx.execute(live.where(E.state == "waiting", E.step != "").group_by(E.step)).all()
    removed = str(max(rows, key=lambda row: row[1])[0])
    draft = drafts.load(engine, "lead-nurture")
    steps: list[dict[str, Any]] = [
        {name: value for name, value in step.items() if value != removed}
        for step in draft.document["steps"]
        if step["key"] != removed
    ]
    document = {**draft.document, "steps": steps}
    saved = drafts.save(engine, "lead-nurture", document, draft.revision, "lan", NOW)
    assert drafts.publish_draft(engine, "lead-nurture", saved.revision, "lan", NOW) == 2
    return removed


def on_version(engine: Dependencies, number: int) -> int:
    """How many live runs are pinned to a version of the sequence."""
    with engine.database.read() as tx:
        statement = (
            sa.select(sa.func.count())
            .select_from(E)
            .join(V, V.id == E.version_id)
            .join(tables.Sequence, tables.Sequence.id == E.sequence_id)
            .where(E.ended_at.is_(None), V.number == number, tables.Sequence.key == "lead-nurture")
        )
        return tx.execute(statement).scalar_one()


def mark(engine: Dependencies) -> str:
    """Give one contact the tag `test`; return the address."""
    with engine.database.begin() as tx:
        first = tx.execute(sa.select(sa.func.min(C.id))).scalar_one()
        tx.execute(sa.update(C).where(C.id == first).values(tags=["test"]))
        return str(tx.execute(sa.select(C.address).where(C.id == first)).scalar_one())


@pytest.mark.parametrize("page", ["resume", "migrate", "draft/try"])
def test_a_stranger_sees_none_of_it(client: FlaskClient, page: str) -> None:
    assert client.get(f"{LEAD}/{page}").status_code == 302


def test_three_ways_to_go_on_are_shown_with_how_many_are_due(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    pause(engine, "lead-nurture", "a typo", "lan", NOW)
    assert "Go on…" in text(signed_in, LEAD)
    shown = text(signed_in, f"{LEAD}/resume")
    for way in ("shift", "catch_up", "expire"):
        assert f'value="{way}"' in shown
    assert "Their time has come by now" in shown
    answer = submit(signed_in, f"{LEAD}/resume", how="catch_up", over="4h", gap="2d")
    assert answer.status_code == 303
    assert "Going on." in text(signed_in, LEAD)
    with engine.database.read() as tx:
        a = tables.Audit
        told = tx.execute(sa.select(a.data).where(a.what == "resume")).scalar_one()
    assert (told["how"], told["over_seconds"]) == ("catch_up", 4 * 3600)


def test_a_way_that_is_none_is_taken_for_the_usual_one(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    pause(engine, "lead-nurture", "a typo", "lan", NOW)
    answer = submit(signed_in, f"{LEAD}/resume", how="burst", over="0m", gap="x")
    assert answer.status_code == 303
    with engine.database.read() as tx:
        a = tables.Audit
        told = tx.execute(sa.select(a.data).where(a.what == "resume")).scalar_one()
    assert (told["how"], told["over_seconds"]) == ("shift", 3600)


def test_nobody_is_to_be_migrated_where_everybody_is_on_the_version(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    assert on_version(engine, 1) > 0
    assert "Everybody is on version 1" in text(signed_in, f"{LEAD}/migrate")
    assert "/migrate" not in text(signed_in, LEAD)


def test_contacts_are_counted_asked_about_and_migrated(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    removed = without_a_step(engine)
    before = on_version(engine, 1)
    assert "Migrate to version 2…" in text(signed_in, LEAD)
    page = f"{LEAD}/migrate"
    shown = text(signed_in, page)
    gone = re.search(r"who stand on “(Wait \d+ days[^”]*)”, which is gone", shown)
    assert gone, "by its name in the version before"
    refused = submit(signed_in, page, do="go")
    assert refused.status_code == 422
    assert "Nobody was migrated" in refused.text
    dry = submit(signed_in, page, do="count", **{f"step.{removed}": "exit"})
    assert dry.status_code == 200
    assert "What would happen" in dry.text
    assert on_version(engine, 1) == before, "counting changes nothing"
    done = submit(signed_in, page, do="go", waits="recompute", **{f"step.{removed}": "exit"})
    assert done.status_code == 303
    assert "in version 2." in text(signed_in, LEAD)
    assert on_version(engine, 1) == 0
    assert 0 < on_version(engine, 2) < before


def test_a_draft_is_tried_by_marked_contacts_only(
    signed_in: FlaskClient, engine: Dependencies
) -> None:
    page = f"{LEAD}/draft/try"
    assert "Try with test contacts…" in text(signed_in, f"{LEAD}/draft")
    assert "Nobody has walked this draft yet." in text(signed_in, page)
    refused = submit(signed_in, page, more="nobody@example.com")
    assert refused.status_code == 422
    assert "Nothing was tried" in refused.text
    assert 'value="nobody@example.com"' in refused.text, "what was typed is not lost"
    address = mark(engine)
    assert address in text(signed_in, page)
    begun = submit(signed_in, page, contact=address, fast="1")
    assert begun.status_code == 303
    (walk,) = walking(engine, "lead-nurture")
    assert walk.address == address
    assert "The trial has begun" in text(signed_in, page)
    submit(signed_in, page, f"{page}/stop")
    assert "1 trial is ended." in text(signed_in, page)
    assert walking(engine, "lead-nurture")[0].end_reason == "trial stopped"
