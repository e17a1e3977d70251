"""Changes of stage in one transaction: noted as they are decided, taken effect together."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from nurture.domain.contact import Contact, Standing
from nurture.domain.stages import Actor, StageChange, StageRefused, highest
from nurture.engine.definitions import TRACK


@dataclass(slots=True)
class Moves:
    """The rows to record, and the changes whose runs have yet to move."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    _changes: dict[int, StageChange] = field(default_factory=dict)

    def note(
        self,
        contact: Contact,
        answer: StageChange | StageRefused,
        actor: Actor,
        *,
        order: Sequence[str],
        event_id: int | None,
        now: datetime,
    ) -> Contact:
        """Note a change of stage or its refusal; return the contact as they then stand."""
        standing = contact.standing
        row = {
            "contact_id": contact.id,
            "track": TRACK,
            "start": standing.stage if standing else "",
            "actor": actor.value,
            "event_id": event_id,
            "at": now,
        }
        if isinstance(answer, StageRefused):
            self.rows.append({**row, "to": answer.to, "kind": "", "refused": answer.why, "why": ""})
            return contact
        edge = answer.edge
        self.rows.append(
            {**row, "to": edge.to, "kind": edge.kind.value, "refused": "", "why": answer.why}
        )
        self._changes[contact.id] = answer
        top = highest(edge.to, standing.highest if standing else "", order)
        return replace(contact, standing=Standing(edge.to, top, now))

    def take(self) -> dict[int, StageChange]:
        """Return the changes by contact whose runs have yet to move, and forget them."""
        changes, self._changes = self._changes, {}
        return changes
