"""The API for a company's own systems: a contact who asks to be erased is."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, jsonify

from nurture.engine.dependencies import Dependencies
from nurture.engine.erasing import erase
from nurture.web.api_stages import Answer, answer, text_in

api_contacts = Blueprint("api_contacts", __name__, url_prefix="/api")


@api_contacts.post("/erase")
def erasure() -> Answer:
    """Take {email, by, why?, bar?}; 200 says what came of it, the second time, too."""

    def do(deps: Dependencies, body: Mapping[str, Any], now: datetime) -> Answer:
        why = text_in(body, "why") if body.get("why") else ""
        by, address = text_in(body, "by"), text_in(body, "email")
        done = erase(deps, address, by=by, why=why, now=now, bar=body.get("bar") is True)
        at = done.at.isoformat() if done.at else None
        files = [str(file) for file in done.files]
        return jsonify(outcome=done.outcome.value, at=at, rows=dict(done.rows), files=files), 200

    return answer(do)
