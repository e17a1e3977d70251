"""One contact's run through one sequence version: its states, what can happen, what is decided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from nurture.domain.contact import NOTHING, Value
from nurture.domain.decisions import Await as Await
from nurture.domain.decisions import Decision as Decision
from nurture.domain.decisions import EnterBeside as EnterBeside
from nurture.domain.decisions import EnterSequence as EnterSequence
from nurture.domain.decisions import Expose as Expose
from nurture.domain.decisions import Finish as Finish
from nurture.domain.decisions import Hold as Hold
from nurture.domain.decisions import LeaveBeside as LeaveBeside
from nurture.domain.decisions import Meet as Meet
from nurture.domain.decisions import Note as Note
from nurture.domain.decisions import NotEntered as NotEntered
from nurture.domain.decisions import Pace as Pace
from nurture.domain.decisions import Rebase as Rebase
from nurture.domain.decisions import Remember as Remember
from nurture.domain.decisions import Send as Send
from nurture.domain.decisions import SetFact as SetFact
from nurture.domain.decisions import SetStage as SetStage
from nurture.domain.decisions import Skip as Skip
from nurture.domain.decisions import Take as Take
from nurture.domain.decisions import Tell as Tell
from nurture.domain.decisions import WaitUntil as WaitUntil
from nurture.domain.decisions import WouldSend as WouldSend
from nurture.domain.events import Accepted as Accepted
from nurture.domain.events import Broken as Broken
from nurture.domain.events import ContentAdded as ContentAdded
from nurture.domain.events import Decided as Decided
from nurture.domain.events import Entered as Entered
from nurture.domain.events import Event as Event
from nurture.domain.events import Happened as Happened
from nurture.domain.events import Held as Held
from nurture.domain.events import MovedAway as MovedAway
from nurture.domain.events import Reconsider as Reconsider
from nurture.domain.events import SendOutcome as SendOutcome
from nurture.domain.events import TimerFired as TimerFired
from nurture.domain.events import Unsent as Unsent
from nurture.domain.events import Withdrawn as Withdrawn
from nurture.domain.states import LIVE as LIVE
from nurture.domain.states import STATE_NAMES as STATE_NAMES
from nurture.domain.states import Awaiting as Awaiting
from nurture.domain.states import Completed as Completed
from nurture.domain.states import Exhausted as Exhausted
from nurture.domain.states import Exited as Exited
from nurture.domain.states import Failed as Failed
from nurture.domain.states import Holding as Holding
from nurture.domain.states import Live as Live
from nurture.domain.states import Moved as Moved
from nurture.domain.states import Over as Over
from nurture.domain.states import Sending as Sending
from nurture.domain.states import State as State
from nurture.domain.states import Waiting as Waiting
from nurture.domain.states import wakes_at as wakes_at


@dataclass(frozen=True, slots=True)
class Enrollment:
    """The state of one run. `step` is the cursor; `passes` counts how often each step was met.

    `accepted` remembers when the provider took the send of each email step, because waits for
    an answer start there. `again` are the contents that this run may send although the contact
    received them in an earlier run of it: they were asked to start over. `gap` lies at least
    between two emails to the contact while a run catches up after a pause. `began` is when the
    event that started the run occurred, which is earlier than when we heard of it.
    """

    contact_id: int
    sequence: str
    version: int
    state: State
    entered_at: datetime
    step: str = ""
    passes: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    accepted: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))
    entry_key: str = ""
    properties: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    id: int = 0
    revision: int = 0
    again: frozenset[str] = frozenset()
    gap: timedelta = timedelta()
    began: datetime | None = None

    @property
    def is_live(self) -> bool:
        """Whether the run still goes on."""
        return STATE_NAMES[type(self.state)] in LIVE
