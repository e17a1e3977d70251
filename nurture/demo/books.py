"""The books: what the inbox holds, what was recorded, and what was decided must agree."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from nurture.engine.dependencies import Dependencies
from nurture.engine.doctor import MEANINGS, examine
from nurture.engine.letters import Post
from nurture.providers.inbox_mail import Inbox
from nurture.store import examination


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that must agree: what it is, and how many differences there are."""

    what: str
    checked: int
    differences: tuple[str, ...]


def balance(deps: Dependencies, inbox: Inbox, now: datetime) -> tuple[Line, ...]:
    """Hold inbox, sends, decisions, scores and suppressions against each other."""
    with deps.database.read() as tx:
        accepted = examination.accepted_sends(tx)
        funnel = deps.definitions.catalog(tx).funnel
    post = Post(deps, funnel)
    recorded = Counter(post.message_id(send_id).strip("<>") for send_id in accepted)
    found = Counter(message_id.strip("<>") for message_id, _ in inbox.message_ids())
    lines = [
        Line(
            "every mail in the inbox is a send on record, once",
            sum(found.values()),
            tuple((found - recorded).elements()),
        ),
        Line(
            "every send on record is in the inbox",
            len(accepted),
            tuple((recorded - found).elements()),
        ),
    ]
    examined = examine(deps, now)
    groups = (
        ("state_differs", "every path is explained by its decisions", examined.enrollments),
        ("score_differs", "every score is the sum of its ledger", examined.contacts),
        ("mailed_after_suppression", "nobody was mailed after their suppression", len(accepted)),
    )
    for code, what, checked in groups:
        wrong = [f"{one.id}: {one.detail}" for one in examined.findings if one.code == code]
        lines.append(Line(what, checked, tuple(wrong)))
    apart = {code for code, _, _ in groups}
    others = [
        f"{one.code} {one.id} ({MEANINGS[one.code]['en']}) {one.detail}"
        for one in examined.findings
        if one.code not in apart
    ]
    lines.append(Line("the doctor finds nothing else", examined.enrollments, tuple(others)))
    return tuple(lines)
