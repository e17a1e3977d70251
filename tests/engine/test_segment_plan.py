"""segments.yaml against what is published in the admin: told, applied, and nobody's edit lost."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from nurture.campaigns.segment_shape import write_segments
from nurture.engine import drafts, segment_drafts
from nurture.engine.differing import What
from nurture.engine.export import export_files
from nurture.engine.plan import Plan, plan
from nurture.engine.publish import Published, apply
from nurture.engine.segment_reports import segments
from nurture.errors import Invalid
from tests.engine.test_plan import files, world
from tests.engine.world import World

__all__ = ["files", "world"]

Document = dict[str, Any]


def of(key: str, when: Mapping[str, Any]) -> Document:
    return {"key": key, "name": {"vi": key, "en": key}, "when": dict(when)}


CLICKED = of("clicked", {"did": "click"})
VISITED = of("visited", {"did": "visit"})
# The same segments, as somebody would change them.
WIDER, NARROWER = of("clicked", {"did": "open"}), of("clicked", {"did": "click", "at_least": 2})


def write(files: Path, *documents: Document) -> None:
    (files / "campaigns" / "segments.yaml").write_text(write_segments(documents))


def edit(world: World, document: Document) -> None:
    """Change a segment in the admin, or make it there, and publish it."""
    key = document["key"]
    if key in {one.key for one in segments(world.deps)}:
        at = segment_drafts.load(world.deps, key).revision
        draft = segment_drafts.save(world.deps, key, document, at, "lan", world.now)
    else:
        draft = segment_drafts.start(world.deps, document, "lan", world.now)
    segment_drafts.publish_draft(world.deps, key, draft.revision, "lan", world.now)


def publish(world: World, **take: str) -> Published:
    settled = {f"segment:{key}": side for key, side in take.items()}
    return apply(world.deps, "test", world.now, settled)


def told(world: World) -> Plan:
    return plan(world.deps, world.now, None)


def what(world: World) -> dict[str, What]:
    return {one.key: one.what for one in told(world).segments}


def stands(world: World) -> dict[str, Any]:
    return {one.key: one.document["when"] for one in segments(world.deps)}


def test_a_plan_tells_of_segments_with_whom_they_would_bring_in_and_take_out(
    world: World, files: Path
) -> None:
    publish(world)
    ana, bo = world.add("ana"), world.add("bo")
    world.happen(ana, "click")
    world.happen(bo, "open")
    write(files, CLICKED)
    (one,) = told(world).segments
    assert one.effect is not None
    assert (one.what, one.effect.entering) == (What.NEW, 1)
    assert publish(world).segments == ("clicked",)
    assert what(world) == {"clicked": What.SAME}
    assert not told(world)
    write(files, WIDER)
    (one,) = told(world).segments
    assert one.effect is not None
    assert (one.what, one.effect.entering, one.effect.leaving) == (What.CHANGED, 1, 1)
    write(files)
    assert what(world) == {"clicked": What.RETIRED}
    publish(world)
    assert stands(world) == {}
    write(files, CLICKED)
    assert what(world) == {"clicked": What.NEW}


def test_a_segment_of_the_admin_stands_while_the_file_is_as_it_was(
    world: World, files: Path
) -> None:
    write(files, CLICKED)
    publish(world)
    edit(world, WIDER)
    edit(world, VISITED)
    assert what(world) == {"clicked": What.AHEAD}
    assert not told(world)
    done = publish(world)
    assert (done.segments, done.kept_segments) == ((), ("clicked",))
    assert stands(world) == {"clicked": {"did": "open"}, "visited": {"did": "visit"}}


def test_a_segment_changed_on_both_sides_is_refused_until_somebody_chooses(
    world: World, files: Path
) -> None:
    write(files, CLICKED)
    publish(world)
    edit(world, WIDER)
    write(files, NARROWER)
    assert told(world).conflicts == ("segment:clicked",)
    with pytest.raises(Invalid, match="Nothing was published") as refused:
        publish(world)
    (problem,) = refused.value.problems
    assert "segments.yaml" in problem.file
    assert "--take file:segment:clicked" in problem.remedy
    assert publish(world, clicked="admin").kept_segments == ("clicked",)
    assert stands(world) == {"clicked": {"did": "open"}}
    # Whoever chose has seen this file; only another change of it is a conflict again.
    assert what(world) == {"clicked": What.AHEAD}
    write(files, CLICKED)
    assert what(world) == {"clicked": What.CONFLICT}
    assert publish(world, clicked="file").segments == ("clicked",)
    assert stands(world) == {"clicked": {"did": "click"}}


def test_a_segment_deleted_in_the_admin_does_not_come_back_by_an_old_file(
    world: World, files: Path
) -> None:
    write(files, CLICKED)
    publish(world)
    segment_drafts.remove(world.deps, "clicked", "lan", world.now)
    assert what(world) == {"clicked": What.AHEAD}
    publish(world)
    assert stands(world) == {}
    write(files, NARROWER)
    assert what(world) == {"clicked": What.CONFLICT}
    publish(world, clicked="admin")
    assert stands(world) == {}
    publish(world, clicked="file")
    assert stands(world) == {"clicked": {"did": "click", "at_least": 2}}


def test_a_segment_gone_from_the_file_and_changed_in_the_admin_is_a_conflict(
    world: World, files: Path
) -> None:
    write(files, CLICKED)
    publish(world)
    edit(world, WIDER)
    write(files)
    assert what(world) == {"clicked": What.CONFLICT}
    publish(world, clicked="admin")
    assert stands(world) == {"clicked": {"did": "open"}}
    assert what(world) == {}
    publish(world)
    assert stands(world) == {"clicked": {"did": "open"}}


def test_a_segment_gone_by_both_doors_is_new_when_a_file_has_it_again(
    world: World, files: Path
) -> None:
    write(files, CLICKED)
    publish(world)
    segment_drafts.remove(world.deps, "clicked", "lan", world.now)
    write(files)
    publish(world)
    write(files, CLICKED)
    assert what(world) == {"clicked": What.NEW}


def test_export_writes_segments_of_the_admin_and_the_file_has_caught_up(
    world: World, files: Path
) -> None:
    write(files, VISITED, CLICKED)
    publish(world)
    folder = files / "campaigns"
    assert export_files(world.deps, folder) == []
    edit(world, WIDER)
    edit(world, of("asked", {"did": "form"}))
    assert export_files(world.deps, folder) == [folder / "segments.yaml"]
    # In the order of the file, what is new behind it; then applying changes nothing.
    assert (folder / "segments.yaml").read_text() == write_segments(
        [VISITED, WIDER, of("asked", {"did": "form"})]
    )
    assert set(what(world).values()) == {What.SAME}
    assert publish(world).segments == ()
    write(files, VISITED, NARROWER, of("asked", {"did": "form"}))
    assert what(world)["clicked"] is What.CHANGED


def test_a_file_and_the_admin_that_would_rest_on_each_other_are_refused(
    world: World, files: Path
) -> None:
    write(files, CLICKED)
    publish(world)
    edit(world, of("visited", {"not": {"segment": "clicked"}}))
    write(files, of("clicked", {"segment": "visited"}), VISITED)
    with pytest.raises(Invalid, match="Nothing was published"):
        publish(world)
    with pytest.raises(Invalid, match="rest on each other, some in the file"):
        publish(world, visited="admin")
    assert stands(world)["clicked"] == {"did": "click"}


def test_a_segment_that_a_sequence_of_the_admin_asks_for_is_not_lost_by_a_file(
    world: World, files: Path
) -> None:
    write(files, CLICKED)
    publish(world)
    draft = drafts.load(world.deps, "welcome")
    document = {**draft.document, "entry": {"segment": "clicked"}}
    saved = drafts.save(world.deps, "welcome", document, draft.revision, "lan", world.now)
    drafts.publish_draft(world.deps, "welcome", saved.revision, "lan", world.now)
    write(files)
    with pytest.raises(Invalid, match="the sequence welcome, published in the admin, asks for it"):
        publish(world)
    assert stands(world) == {"clicked": {"did": "click"}}
