"""What decisions do beside their run: facts, exposures, deliveries, other sequences."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from nurture.domain import enrollment as e
from nurture.domain.contact import Change, Contact, Fact, changed
from nurture.domain.enrollment import Enrollment
from nurture.domain.sequence import Notify, Sequence, Webhook
from nurture.engine.payloads import webhook_payload
from nurture.store import effects
from nurture.store.database import Transaction
from nurture.store.runs import Run


@dataclass(slots=True)
class Effects:
    """The rows to write, as decisions call for them."""

    changes: dict[int, list[Change]] = field(default_factory=dict)
    bant: list[dict[str, Any]] = field(default_factory=list)
    exposures: list[dict[str, Any]] = field(default_factory=list)
    deliveries: list[dict[str, Any]] = field(default_factory=list)

    def note(
        self,
        run: Run,
        sequence: Sequence,
        contact: Contact,
        one: e.SetFact | e.Expose | e.Tell,
        now: datetime,
    ) -> Contact:
        """Note what a decision for `run` does; return the contact as they then are."""
        match one:
            case e.SetFact():
                return self._set_fact(contact, run.enrollment, one, now)
            case e.Expose(_, experiment, arm):
                self._expose(run.enrollment, experiment, arm, now)
            case e.Tell():
                self._deliver(run, sequence, contact, one, now)
        return contact

    def write(self, tx: Transaction, now: datetime) -> None:
        """Write everything that was noted, and forget it."""
        effects.save_changes(tx, self.changes, now)
        effects.add_bant(tx, self.bant)
        effects.add_exposures(tx, self.exposures)
        effects.add_deliveries(tx, self.deliveries)
        self.changes, self.bant, self.exposures, self.deliveries = {}, [], [], []

    def _set_fact(
        self, contact: Contact, run: Enrollment, one: e.SetFact, now: datetime
    ) -> Contact:
        change = Change(Fact(one.fact), one.name, one.value)
        self.changes.setdefault(contact.id, []).append(change)
        if change.fact is Fact.BANT:
            self.bant.append(
                {
                    "contact_id": contact.id,
                    "letter": change.name,
                    "value": str(change.value),
                    "source": f"sequence:{run.sequence}",
                    "by": "",
                    "note": one.step,
                    "at": now,
                }
            )
        return changed(contact, change)

    def _expose(self, run: Enrollment, experiment: str, arm: str, now: datetime) -> None:
        self.exposures.append(
            {
                "experiment": experiment,
                "contact_id": run.contact_id,
                "arm": arm,
                "enrollment_id": run.id,
                "at": now,
            }
        )

    def _deliver(
        self, run: Run, sequence: Sequence, contact: Contact, one: e.Tell, now: datetime
    ) -> None:
        step = sequence.by_key[one.step]
        payload: dict[str, Any] = {}
        if isinstance(step, Notify):
            payload = {"template": step.template}
        elif isinstance(step, Webhook):
            payload = webhook_payload(step, sequence, contact, one.pass_no)
        self.deliveries.append(
            {
                "enrollment_id": run.enrollment.id,
                "contact_id": run.enrollment.contact_id,
                "version_id": run.version_id,
                "step": one.step,
                "pass_no": one.pass_no,
                "kind": one.kind,
                "target": one.to,
                "message_id": f"msg_{uuid.uuid4().hex}",
                "payload": payload,
                "status": "waiting",
                "created_at": now,
                "not_before": now,
            }
        )
