"""What a migration does, counted by version and step, with a few contacts named."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from nurture.domain import enrollment as e
from nurture.domain.migrating import Goes, Leaves, Outcome, Stays, Why
from nurture.engine.definitions import Definition
from nurture.store import migrating
from nurture.store.database import Transaction
from nurture.store.migrating import Standing, Target
from nurture.store.runs import Run

# So many contacts are named for each step.
SAMPLES = 5


@dataclass(slots=True)
class Tally:
    """What becomes of the runs of one version that stand on one step, with a few of them named."""

    version: int
    step: str
    removed: bool
    goes: Counter[str] = field(default_factory=Counter)
    leaves: int = 0
    stays: Counter[Why] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How many runs there are."""
        return self.goes.total() + self.leaves + self.stays.total()


@dataclass(frozen=True)
class Migration:
    """What a migration does or did, by version and step. `to` is the version's number."""

    key: str
    to: int
    places: tuple[Tally, ...]

    @property
    def goes(self) -> int:
        """How many runs go on in the new version."""
        return sum(one.goes.total() for one in self.places)

    @property
    def leaves(self) -> int:
        """How many runs end."""
        return sum(one.leaves for one in self.places)

    @property
    def stays(self) -> Counter[Why]:
        """How many runs stay on their version, by reason."""
        return sum((one.stays for one in self.places), Counter())


@dataclass(frozen=True)
class Overview:
    """Who stands where on other versions, and what has to be chosen before they are migrated."""

    key: str
    target: Target
    definition: Definition
    standing: tuple[Standing, ...]

    @property
    def removed(self) -> Mapping[str, int]:
        """The steps that people stand on and that the new version has not, with how many."""
        found: Counter[str] = Counter()
        for one in self.standing:
            gone = one.step and one.step not in self.definition.sequence.by_key
            if gone and one.state != e.STATE_NAMES[e.Exhausted]:
                found[one.step] += one.count
        return found


@dataclass(frozen=True, slots=True)
class Planned:
    """One run as it was, and what becomes of it."""

    run: Run
    outcome: Outcome


class Tallies:
    """What becomes of whom, counted by version and step."""

    def __init__(self, found: Overview) -> None:
        self.found = found
        self._places: dict[tuple[int, str], Tally] = {}
        self._named: dict[tuple[int, str], list[int]] = {}

    def add(self, planned: Planned) -> None:
        """Count one run."""
        run = planned.run.enrollment
        place = (run.version, run.step)
        removed = bool(run.step) and run.step not in self.found.definition.sequence.by_key
        tally = self._places.setdefault(place, Tally(run.version, run.step, removed))
        match planned.outcome:
            case Goes(run=after):
                tally.goes[after.step] += 1
            case Leaves():
                tally.leaves += 1
            case Stays(why):
                tally.stays[why] += 1
        named = self._named.setdefault(place, [])
        if len(named) < SAMPLES:
            named.append(run.contact_id)

    def name(self, tx: Transaction) -> None:
        """Read the addresses of the contacts that are shown."""
        known = migrating.addresses(tx, {key for some in self._named.values() for key in some})
        for place, some in self._named.items():
            self._places[place].samples = [known[key] for key in some if key in known]

    def result(self) -> Migration:
        """Return the counts, in the order of the new version's steps."""
        order = {key: n for n, key in enumerate(self.found.definition.sequence.by_key)}
        places = sorted(
            self._places.values(),
            key=lambda one: (one.version, order.get(one.step, len(order)), one.step),
        )
        return Migration(self.found.key, self.found.target.number, tuple(places))
