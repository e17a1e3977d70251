"""Changes of stage in one transaction: noted as they are decided, taken effect together."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nurture.domain.contact import Contact, Standing
from nurture.domain.stages import (
    NOBODY,
    Actor,
    Edge,
    EdgeKind,
    Said,
    StageChange,
    StageRefused,
    taken,
)
from nurture.engine.definitions import TRACK


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asked for a change of stage, what they said, and the event behind it."""

    actor: Actor
    said: Said = NOBODY
    event_id: int | None = None


@dataclass(slots=True)
class Moves:
    """The rows to record, and the changes whose runs have yet to move."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    _changes: dict[int, StageChange] = field(default_factory=dict)
    _standings: dict[int, dict[str, Any]] = field(default_factory=dict)
    _before: dict[int, Standing | None] = field(default_factory=dict)

    def note(
        self,
        contact: Contact,
        answer: StageChange | StageRefused,
        asked: Asked,
        *,
        order: Sequence[str],
        now: datetime,
    ) -> Contact:
        """Note a change of stage or its refusal; return the contact as they then stand."""
        standing = contact.standing
        row = {
            "contact_id": contact.id,
            "track": TRACK,
            "start": standing.stage if standing else "",
            "actor": asked.actor.value,
            "reason": asked.said.reason,
            "by": asked.said.by,
            "event_id": asked.event_id,
            "at": now,
        }
        if isinstance(answer, StageRefused):
            self.rows.append(
                {**row, "to": answer.to, "kind": "", "refused": answer.why, "why": asked.said.note}
            )
            return contact
        edge = answer.edge
        self.rows.append(
            {**row, "to": edge.to, "kind": edge.kind.value, "refused": "", "why": answer.why}
        )
        self._changes[contact.id] = answer
        moved = taken(contact, edge, order, now)
        if moved.standing is not None:
            self._before.setdefault(contact.id, standing)
            self._standings[contact.id] = _row(contact.id, moved.standing, edge, asked)
        return moved

    def take(self) -> dict[int, StageChange]:
        """Return the changes by contact whose runs have yet to move, and forget them."""
        changes, self._changes = self._changes, {}
        return changes

    def take_standings(self) -> dict[int, tuple[Standing | None, dict[str, Any]]]:
        """Return, by contact, where each stood and the row of where they stand; forget them."""
        standings, self._standings = self._standings, {}
        before, self._before = self._before, {}
        return {key: (before[key], standings[key]) for key in sorted(standings)}


def _row(contact_id: int, to: Standing, edge: Edge, asked: Asked) -> dict[str, Any]:
    """Return a standing as it is stored. What sales said before was said of another stage."""
    rejected = edge.kind is EdgeKind.RECYCLE and asked.actor is Actor.SALES
    return {
        "contact_id": contact_id,
        "track": TRACK,
        "stage": to.stage,
        "highest": to.highest,
        "since": to.since,
        "rests_until": to.rests_until,
        "sales": "rejected" if rejected else "",
        "sales_at": to.since if rejected else None,
        "sales_reason": asked.said.reason if rejected else "",
        "sales_by": asked.said.by if rejected else "",
    }
