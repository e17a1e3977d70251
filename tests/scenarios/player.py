"""Who plays the scenarios: what a scenario may ask of a player, and the rules they start from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from nurture.domain.contact import NOTHING, Value
from tests.engine.world import FUNNEL

HERE = ZoneInfo("Asia/Ho_Chi_Minh")

# A click is held for a minute before it counts, so every player lets that pass after one.
HELD = timedelta(seconds=61)

Document = Mapping[str, Any]

CONSENTS: Mapping[str, bool] = MappingProxyType({"marketing": True, "news": True})

FIELDS = ("country", "renewal", "interest", "company_timezone")

# Small, as in `tests.engine.world`, and with a few fields and a way back from sales.
RULES: Document = {
    **FUNNEL,
    "fields": [
        *FUNNEL["fields"],
        *({"key": key, "name": {"vi": key, "en": key}} for key in FIELDS),
    ],
    "edges": [
        *FUNNEL["edges"],
        {
            "kind": "recycle", "from": "sql", "to": "lead", "by": ["sales"],
            "reasons": ["no-budget", "bad-timing"], "cooldown": "30d",
        },
        {"kind": "override", "from": "lead", "to": "sql", "by": ["marketing"]},
    ],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody in a scenario, as they are at its beginning."""

    name: str
    stage: str = "lead"
    timezone: str = "Asia/Ho_Chi_Minh"
    fields: Mapping[str, Value] = field(default_factory=lambda: NOTHING)
    tags: Sequence[str] = ()
    consents: Mapping[str, bool] = field(default_factory=lambda: CONSENTS)


@dataclass(frozen=True, slots=True)
class Did:
    """Something somebody does. `key` makes repeating it harmless."""

    event: str
    at: datetime
    key: str
    properties: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Run:
    """A run as it stands: the sequence's key, the name of its state, its step, and why."""

    sequence: str
    state: str
    step: str
    why: str


class Player(Protocol):
    """One way of playing a scenario. Names are those of people, keys those of campaign files."""

    now: datetime

    def begin(self, moment: datetime) -> None:
        """Set the clock before anybody is there."""

    def publish(self, funnel: Document, *sequences: Document) -> None:
        """Publish the rules and sequences of the beginning."""

    def add(self, *people: Person) -> None:
        """Let people come in, who are placed in the sequence of their stage at once."""

    def let_pass(self, span: timedelta) -> None:
        """Let time pass, doing whatever falls due."""

    def happen(self, name: str, did: Did) -> None:
        """Let somebody do something outside of our emails."""

    def click(self, name: str, email: str) -> None:
        """Let a person follow the first link of the latest such email they got."""

    def open(self, name: str, email: str) -> None:
        """Let a person look at the latest such email they got."""

    def unsubscribe(self, name: str) -> None:
        """Let somebody press the button that every email has."""

    def sign_up(self, name: str, topic: str) -> None:
        """Let somebody ask for mail on a topic, on the public page."""

    def confirm(self, name: str) -> None:
        """Let somebody press the button of the latest letter that asked them."""

    def complain(self, name: str) -> None:
        """Let somebody report the latest email they got as spam."""

    def ask_stage(self, name: str, to: str, who: str, reason: str) -> None:
        """Let `sales` or `marketing` ask for a stage."""

    def got(self, name: str) -> list[tuple[datetime, str]]:
        """Return when somebody got which email, in order."""

    def runs(self, name: str) -> list[Run]:
        """Return somebody's runs, oldest first."""

    def stage(self, name: str) -> tuple[str, str]:
        """Return somebody's stage, and the highest one they ever stood in."""

    def score(self, name: str) -> float:
        """Return somebody's engagement as it stands."""

    def refusals(self, name: str) -> list[str]:
        """Return where somebody was to be moved and was not, in order."""

    def names(self) -> list[str]:
        """Return everybody's names."""

    def hold_to_account(self) -> None:
        """Fail unless everything that must always be so is so."""

    def close(self) -> None:
        """Leave everything as it was found."""
