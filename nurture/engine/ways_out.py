"""Which ways lead out of a contact's stage, and what stands on each: for whoever was refused."""

from dataclasses import dataclass
from datetime import datetime

from nurture.campaigns.condition_documents import condition_document
from nurture.campaigns.yaml_writing import dump
from nurture.domain.conditions import ALWAYS, holds
from nurture.domain.stages import Actor, Edge, EdgeKind, opens_at
from nurture.engine.dependencies import Dependencies
from nurture.errors import NotFound
from nurture.store import people
from nurture.store.people import Need

NEED = Need(history=True, segments=True, sequences=True)


@dataclass(frozen=True, slots=True)
class WayOut:
    """An edge out of the stage: whether its guard `holds` now, and since when it `opens`."""

    edge: Edge
    holds: bool
    opens: datetime

    @property
    def guard(self) -> str:
        """What the edge asks of a contact, as a file says it, on one line; empty for nothing.

        An override asks for a name and a why, and for nothing of the contact.
        """
        if self.edge.when == ALWAYS or self.edge.kind is EdgeKind.OVERRIDE:
            return ""
        return " ".join(dump(condition_document(self.edge.when)).split())


@dataclass(frozen=True, slots=True)
class Ways:
    """The stage a contact stands in (empty for none), the edges out of it, and all stages."""

    stage: str
    out: tuple[WayOut, ...]
    stages: tuple[str, ...]


def ways_out(deps: Dependencies, contact_id: int, now: datetime) -> Ways:
    """Return the ways out of the stage in which a contact stands. Raises NotFound."""
    with deps.database.read() as tx:
        funnel = deps.definitions.catalog(tx).funnel
        contact = people.contacts(tx, [contact_id], NEED).get(contact_id)
    if contact is None:
        raise NotFound(f"there is no contact {contact_id}", remedy="Give an address or an id.")
    standing = contact.standing
    if standing is None:
        return Ways("", (), tuple(funnel.order))
    found = tuple(
        WayOut(
            edge,
            edge.kind is EdgeKind.OVERRIDE or holds(edge.when, contact, now),
            # People wait for the dwell alone; the rest after a rejection binds the rules.
            opens_at(edge, standing, Actor.MARKETING),
        )
        for edge in funnel.edges
        if edge.start == standing.stage
    )
    return Ways(standing.stage, found, tuple(funnel.order))
