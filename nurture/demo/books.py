"""The books: what the inbox holds, what was recorded, and what was decided must agree."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from nurture.demo.crm import Crm
from nurture.engine.dependencies import Dependencies
from nurture.engine.doctor import MEANINGS, examine
from nurture.engine.letters import Post
from nurture.engine.replay import replay
from nurture.providers.inbox_mail import Inbox
from nurture.store import examination, progress


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that must agree: what it is, and how many differences there are."""

    what: str
    checked: int
    differences: tuple[str, ...]


def balance(deps: Dependencies, inbox: Inbox, crm: Crm, now: datetime) -> tuple[Line, ...]:
    """Hold inbox, sends, decisions, scores, suppressions and webhooks against each other."""
    with deps.database.read() as tx:
        accepted = examination.accepted_sends(tx)
        notices = progress.delivered(tx, "notice")
        funnel = deps.definitions.catalog(tx).funnel
    post = Post(deps, funnel)
    recorded = Counter(post.message_id(send_id).strip("<>") for send_id in accepted)
    domain = funnel.account.email.rpartition("@")[2]
    recorded.update(f"{one}@{domain}" for one in notices)
    found = Counter(message_id.strip("<>") for message_id, _ in inbox.message_ids())
    lines = [
        Line(
            "every mail in the inbox is a send or a notice on record, once",
            sum(found.values()),
            tuple((found - recorded).elements()),
        ),
        Line(
            "every send and notice on record is in the inbox",
            len(accepted) + len(notices),
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
    return (*lines, _replayed(deps, now), _told(deps, crm))


def _replayed(deps: Dependencies, now: datetime) -> Line:
    """Build every score, stage and run again from what was recorded."""
    done = replay(deps, now)
    return Line(
        "everything built again from events and decisions is as it stands",
        done.events + done.decisions,
        tuple(f"{one.what} {one.id}: {one.told}" for one in done.differences),
    )


def _told(deps: Dependencies, crm: Crm) -> Line:
    """Hold what the CRM took, signed, against what is on record as taken."""
    with deps.database.read() as tx:
        delivered = set(progress.delivered(tx, "webhook"))
    wrong = [f"{one} is on record, and never came" for one in sorted(delivered - set(crm.taken))]
    if crm.forged:
        wrong.append(f"{crm.forged} calls were not signed as they should be")
    return Line("every webhook on record reached the CRM, signed", len(delivered), tuple(wrong))
