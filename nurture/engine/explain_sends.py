"""Why each email was sent or not, read from the decisions that were stored when it was decided."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from nurture.domain.contact import Occurrence
from nurture.store.reports_contact import Decided, Sent


@dataclass(frozen=True, slots=True)
class Because:
    """What called for an email.

    `code` is one of entered, waited, timed_out, released, followed, did, changed, passed_over,
    added, moved_on. `step` is the wait, the question or the email before; `since` is when
    that began; `occurrence` is what the contact did.
    """

    code: str
    step: str = ""
    since: datetime | None = None
    occurrence: Occurrence | None = None


@dataclass(frozen=True, slots=True)
class PathTaken:
    """A fork on the way to the email, and which path was taken there."""

    step: str
    path: str
    why: str


@dataclass(frozen=True, slots=True)
class Touch:
    """One email step as met by one contact.

    `outcome` is a send's status (with delivered, bounced and complained above accepted), or
    held or skipped where no send was made. `reason` is the code or text behind it, `detail`
    the provider's words. `held_until` is set when a rule held it back on the way.
    """

    enrollment_id: int
    step: str
    pass_no: int
    template: str
    at: datetime
    because: Because
    paths: tuple[PathTaken, ...] = ()
    outcome: str = "queued"
    reason: str = ""
    held_for: str = ""
    held_until: datetime | None = None
    settled_at: datetime | None = None
    detail: str = ""
    send_id: int = 0
    email_id: int | None = None
    engaged: frozenset[str] = frozenset()


@dataclass(slots=True)
class _Reading:
    """What reading one run's decisions in order has come to know."""

    told: Mapping[int, Occurrence]
    touches: dict[tuple[str, int], Touch] = field(default_factory=dict)
    passes: dict[str, int] = field(default_factory=dict)
    pending: Because | None = None

    def read(self, line: Decided) -> None:
        because, paths = self._because(line), []
        for one in line.decided:
            step, at = str(one.get("step", "")), line.at
            match one["do"]:
                case "Meet":
                    self.passes[step] = int(one["pass_no"])
                case "Take":
                    paths.append(PathTaken(step, str(one["path"]), str(one.get("why", ""))))
                case "WaitUntil":
                    self.pending = Because("waited", step, at)
                case "Await":
                    self.pending = Because("timed_out", step, at)
                case "Send":
                    touch = self._touch(line, step, because, paths, str(one["template"]))
                    self._keep(replace(touch, outcome="queued", template=str(one["template"])))
                case "Hold":
                    self.pending = Because("released", step, at)
                    release = datetime.fromisoformat(one["release"])
                    held = self._touch(line, step, because, paths)
                    why = str(one["reason"])
                    self._keep(replace(held, outcome="held", held_for=why, held_until=release))
                case "Skip":
                    skipped = self._touch(line, step, because, paths)
                    self._keep(replace(skipped, outcome="skipped", reason=str(one["why"])))
                    because = Because("passed_over", step)
                case "Finish":
                    self._finish(one["state"])
                case _:
                    pass

    def _touch(
        self,
        line: Decided,
        step: str,
        because: Because,
        paths: Sequence[PathTaken],
        template: str = "",
    ) -> Touch:
        pass_no = self.passes.get(step, 1)
        found = self.touches.get((step, pass_no))
        if found is not None:
            return found
        run = line.enrollment_id or 0
        return Touch(run, step, pass_no, template, line.at, because, tuple(paths))

    def _keep(self, touch: Touch) -> None:
        self.touches[touch.step, touch.pass_no] = touch

    def _finish(self, state: Mapping[str, Any]) -> None:
        """What was still ahead when the run ended was never sent; a send's own row knows better."""
        moved = state["is"] == "Moved"
        why = "moved" if moved else str(state.get("reason") or state.get("error") or "")
        for key, touch in self.touches.items():
            if touch.outcome in ("held", "queued"):
                outcome = "cancelled" if moved else "skipped"
                detail = str(state.get("to", ""))
                self.touches[key] = replace(touch, outcome=outcome, reason=why, detail=detail)

    def _because(self, line: Decided) -> Because:
        kind, _, name = line.cause.partition(" ")
        match kind:
            case "Entered":
                return Because("entered")
            case "TimerFired":
                return self.pending or Because("waited")
            case "Accepted":
                return Because("followed")
            case "Unsent":
                return Because("passed_over")
            case "Happened":
                told = self.told.get(line.event_id or 0) or Occurrence(name, line.at)
                return Because("did", occurrence=told)
            case "ContentAdded":
                return Because("added")
            case _:
                return Because("changed")


def touches(
    decisions: Iterable[Decided],
    sent: Iterable[Sent],
    history: Iterable[Occurrence],
    engaged: Mapping[int, frozenset[str]],
) -> tuple[Touch, ...]:
    """Return every email step a contact met, the newest first; `decisions` are newest first."""
    told = {one.id: one for one in history}
    readings: dict[int, _Reading] = {}
    for line in reversed(list(decisions)):
        if line.enrollment_id is not None:
            readings.setdefault(line.enrollment_id, _Reading(told)).read(line)
    found = {
        (run, step, pass_no): touch
        for run, reading in readings.items()
        for (step, pass_no), touch in reading.touches.items()
    }
    for send in sent:
        key = (send.enrollment_id, send.step, send.pass_no)
        bare = Touch(*key, send.content, send.created_at, Because("moved_on"))
        found[key] = _with_send(found.get(key, bare), send, engaged.get(send.id, frozenset()))
    return tuple(sorted(found.values(), key=lambda one: (one.at, one.send_id), reverse=True))


def _with_send(touch: Touch, send: Sent, engaged: frozenset[str]) -> Touch:
    outcome = send.status
    for later, at in (
        ("delivered", send.delivered_at),
        ("bounced", send.bounced_at),
        ("complained", send.complained_at),
    ):
        outcome = later if at is not None else outcome
    told = touch.detail if send.status == "cancelled" else ""
    if send.status != "accepted" and send.detail:
        told = f"{send.code or ''} {send.detail}".strip()
    return replace(
        touch,
        template=send.content,
        outcome=outcome,
        reason=_reason(touch, send),
        settled_at=send.settled_at,
        detail=told,
        send_id=send.id,
        email_id=send.email_id,
        engaged=engaged,
    )


def _reason(touch: Touch, send: Sent) -> str:
    # A cancelled send knows what event ended it; the run's decisions know why in fewer words.
    if send.status == "cancelled" and touch.outcome in ("cancelled", "skipped") and touch.reason:
        return touch.reason
    return send.reason
