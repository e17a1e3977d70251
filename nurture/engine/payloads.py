"""What a webhook tells: built when its step is met, and the same in every try."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from nurture.domain.contact import Contact
from nurture.domain.sequence import Sequence, Webhook

# Figures as people read them; what lies behind the second decimal place tells nobody anything.
PLACES = 2


def webhook_payload(
    step: Webhook, sequence: Sequence, contact: Contact, pass_no: int
) -> dict[str, Any]:
    """Return what is kept of a webhook: its type, and its data as they are now."""
    standing = contact.standing
    about = {
        "id": contact.id,
        "email": contact.address,
        "language": contact.language,
        "stage": standing.stage if standing else None,
        "highest_stage": standing.highest if standing else None,
        "score": round(contact.engagement, PLACES),
        "fit": round(contact.fit, PLACES),
        "grade": contact.grade,
        "temperature": contact.temperature,
        "persona": contact.persona or None,
        "tags": sorted(contact.tags),
    }
    data = {
        "contact": about,
        "sequence": sequence.key,
        "version": sequence.version,
        "step": step.key,
        "pass": pass_no,
        "fields": {name: _plain(contact.fields.get(name)) for name in step.fields},
    }
    return {"event": step.event, "data": data}


def webhook_body(payload: Mapping[str, Any], at: datetime) -> bytes:
    """Return the body of a webhook whose step was met `at`: the same bytes for the same payload."""
    body = {"type": payload["event"], "timestamp": at.isoformat(), "data": payload["data"]}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
