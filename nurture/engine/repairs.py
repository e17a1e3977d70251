"""What may safely be mended, and how: nothing here ever sends an email that may have been sent.

Between a finding and its repair things go on. So each repair looks again whether what was found
still is so, and leaves alone what is well by then.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType

from nurture.domain import enrollment as e
from nurture.engine.definitions import TRACK
from nurture.engine.dependencies import Dependencies
from nurture.engine.doctor import LATE, LATE_ON_A_FAST_CLOCK, examine, lately, of_everybody
from nurture.engine.pausing import let_go_on
from nurture.engine.transactions import committed
from nurture.engine.work import Work
from nurture.errors import NotFound, Refused
from nurture.store import findings, ledger, operations, people, published, runs
from nurture.store import repairs as store
from nurture.store.database import Transaction
from nurture.store.examination import OPEN as OPEN_SENDS
from nurture.store.examination import Finding
from nurture.store.findings import Kept

# What a look clears when it does not find it any more. A look at what was sent lately clears
# nothing of what was sent before.
OPEN = (
    "send_without_run", "overdue", "waiting_for_nothing", "stuck_delivery", "mailed_too_often",
    "uncertain",
)  # fmt: skip
OF_EVERYBODY = (
    "sending_without_send", "run_of_another_stage", "frozen_without_pause", "unknown_zone",
)  # fmt: skip
AT_DEPTH = (
    *OPEN, *OF_EVERYBODY, "mailed_after_suppression", "content_twice", "invariant",
    "state_differs", "score_differs", "unscheduled",
)  # fmt: skip

REPAIRED = "repaired"


@dataclass(frozen=True, slots=True)
class Repaired:
    """What was mended, and what is left for a person."""

    mended: tuple[Kept, ...]
    left: tuple[Kept, ...]


def check_up(deps: Dependencies, now: datetime) -> int:
    """Look at the work in hand and at what was sent of late; return how many findings stand.

    It costs little however many contacts there are, so that it can be done every few minutes.
    """
    return _look(deps, now, partial(lately, late=_patience(deps)), OPEN)


def check_everybody(deps: Dependencies, now: datetime) -> int:
    """Look at what only shows when everybody is read; return how many findings stand."""
    return _look(deps, now, partial(of_everybody, late=_patience(deps)), OF_EVERYBODY)


def check_all(deps: Dependencies, now: datetime) -> int:
    """Look at all there ever was, and build every score and run again, which takes its time."""
    found = examine(deps, now).findings
    return _look(deps, now, lambda _, __: list(found), AT_DEPTH)


def _patience(deps: Dependencies) -> timedelta:
    return LATE_ON_A_FAST_CLOCK if deps.settings.clock else LATE


Look = Callable[[Transaction, datetime], list[Finding]]


def _look(deps: Dependencies, now: datetime, look: Look, codes: Iterable[str]) -> int:
    with deps.database.read() as tx:
        if not published.funnel_number(tx):
            return 0
        found = look(tx, now)
    with deps.database.begin() as tx:
        findings.keep(tx, found, codes, now)
        return findings.count(tx)


def repair(deps: Dependencies, finding_id: int, by: str, now: datetime) -> None:
    """Mend one finding. Raises NotFound when it stands no more, Refused when only people can."""
    with deps.database.read() as tx:
        kept = findings.one(tx, finding_id)
    if kept is None:
        raise NotFound("this finding does not stand any more")
    mend = REPAIRS.get(kept.code)
    if mend is None:
        raise Refused("only a person can settle this", remedy="The health page says where.")
    committed(deps, now, partial(_mended, kept=kept, mend=mend, by=by))


def repair_all(deps: Dependencies, by: str, now: datetime) -> Repaired:
    """Look at everything, and mend what may safely be mended."""
    check_all(deps, now)
    with deps.database.read() as tx:
        standing = findings.standing(tx, limit=10_000)
    mended = [one for one in standing if one.code in REPAIRS]
    for one in mended:
        repair(deps, one.id, by, now)
    return Repaired(tuple(mended), tuple(one for one in standing if one.code not in REPAIRS))


def _mended(work: Work, kept: Kept, mend: "Mend", by: str) -> None:
    mend(work, kept.subject)
    findings.clear(work.tx, kept.id, by, work.now)
    said = {"code": kept.code, "detail": kept.detail}
    operations.note(work.tx, by, "repair", str(kept.subject), said, work.now)


Mend = Callable[[Work, int], None]


def _tell_what_became(work: Work, run_id: int) -> None:
    """Tell a run that waits for a send what became of it; without any row it is sent anew.

    What is queued, claimed or uncertain has not become anything yet: the run waits rightly.
    """
    work.take_up(runs.by_ids(work.tx, [run_id], lock=True).values())
    run = work.runs.get(run_id)
    if run is None or not isinstance(run.enrollment.state, e.Sending):
        return
    step, pass_no = run.enrollment.state.step, run.enrollment.state.pass_no
    row = store.send_of(work.tx, run_id, step, pass_no)
    if row is None or row.status == "held":
        # Nothing was ever claimed for this pass: it is decided again, now.
        work.tell(run_id, e.Held(step, pass_no, REPAIRED, work.now))
    elif row.status == "accepted":
        work.tell(run_id, e.Accepted(step, pass_no, row.settled_at or work.now), send_id=row.id)
    elif row.status not in OPEN_SENDS:
        work.tell(run_id, e.Unsent(step, pass_no, row.reason or row.status), send_id=row.id)


def _cancel_send(work: Work, send_id: int) -> None:
    store.cancel_queued(work.tx, send_id, "the run went on", work.now)


def _score_again(work: Work, contact_id: int) -> None:
    ledger.look_again(work.tx, [contact_id], work.now)


def _move_to_own_stage(work: Work, run_id: int) -> None:
    work.take_up(runs.by_ids(work.tx, [run_id], lock=True).values())
    run = work.runs.get(run_id)
    if run is None or not run.enrollment.is_live:
        return
    contact_id = run.enrollment.contact_id
    people.lock(work.tx, [contact_id])
    if not store.is_of_another_stage(work.tx, run_id, TRACK):
        return
    standing = work.contacts[contact_id].standing
    work.tell(run_id, e.MovedAway(standing.stage if standing else ""))
    work.wish_stage_sequences(contact_id, run.track)


def _let_go_on(work: Work, run_id: int) -> None:
    let_go_on(work, run_id)


def _forget_entry(work: Work, entry_id: int) -> None:
    store.forget_entry(work.tx, entry_id)


REPAIRS: Mapping[str, Mend] = MappingProxyType(
    {
        "sending_without_send": _tell_what_became,
        "send_without_run": _cancel_send,
        "score_differs": _score_again,
        "unscheduled": _score_again,
        "run_of_another_stage": _move_to_own_stage,
        "frozen_without_pause": _let_go_on,
        "waiting_for_nothing": _forget_entry,
    }
)


def offered(found: Finding | Kept) -> bool:
    """Return whether a finding can be mended without a person's judgement."""
    return found.code in REPAIRS
