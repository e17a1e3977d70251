"""The emails of a life, rendered and handed to nobody: what they print and nobody says.

An email that prints a property of the event behind its run fails where the event brings none and
no default is written, and its run with it; where one is written, the default goes out instead. So
it is at sending (`nurture.engine.letters`), and so a simulation tells it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from nurture.domain.contact import Contact
from nurture.domain.enrollment import Enrollment
from nurture.domain.sequence import Email, Sequence
from nurture.engine.dependencies import Dependencies
from nurture.engine.draft_check import read_email
from nurture.engine.letters import CONFIRM_URL, merge_fields
from nurture.errors import Invalid, NotFound
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.render import Renderer, TemplateFailed
from nurture.store.people import Addressee

if TYPE_CHECKING:
    from nurture.engine.life import Life

# An email of a sequence's step in a language, None where there is none that can be read.
Choose = Callable[[Sequence, Email, str], CompiledEmail | None]
# Addresses that every email gets on its way; nobody follows these.
_OWN = {
    name: f"https://example.com/{name}" for name in ("unsubscribe_url", "view_url", CONFIRM_URL)
}


@dataclass(frozen=True, slots=True)
class Lack:
    """The properties `names` that an email prints, and the event behind its run does not bring.

    With `fails` the email cannot be made without them, and the run ends there as failed. Otherwise
    what the email says instead goes out: a default, or one part less. `at` is when the first of
    them was missed.
    """

    at: datetime
    sequence: str
    step: str
    email: str
    language: str
    names: tuple[str, ...]
    fails: bool

    def is_like(self, other: "Lack") -> bool:
        """Whether both are of one email and come to the same, whenever and whatever they miss."""
        return replace(self, at=other.at, names=other.names) == other

    def with_all_of(self, other: "Lack") -> "Lack":
        """What both miss, each property once."""
        return replace(self, names=tuple(dict.fromkeys(self.names + other.names)))


@dataclass(slots=True)
class LifeLetters:
    """Renders the emails of a life, where it has their texts; `lacks` are found on the way."""

    choose: Choose
    renderer: Renderer
    lacks: list[Lack] = field(default_factory=list)

    def fault(self, life: "Life", run: Enrollment, step: Email, contact: Contact) -> str:
        """Return why the email of a run's step cannot be made; empty when it can."""
        sequence, account = life.sequence_of(run), life.world.funnel.account
        found = (self.choose(sequence, step, one) for one in (contact.language, account.language))
        email = next(filter(None, found), None)
        if email is None:
            return ""
        standing = contact.standing
        addressee = Addressee(
            contact.id, contact.address, contact.language, dict(contact.fields), contact.persona
        )
        merge = merge_fields(
            addressee, run, standing.stage if standing else "", life.world.funnel, email.language,
            life.now, _OWN,
        )  # fmt: skip
        try:
            self.renderer.render(email, merge)
        except TemplateFailed as failed:
            self._note(life, run, step, email, fails=True)
            return str(failed)
        self._note(life, run, step, email, fails=False)
        return ""

    def _note(
        self, life: "Life", run: Enrollment, step: Email, email: CompiledEmail, *, fails: bool
    ) -> None:
        # Without an event behind the run nobody expects anything of it.
        if life.sequence_of(run).trigger is None and not run.properties:
            return
        missed = []
        for variable in email.variables:
            root, _, rest = variable.path.partition(".")
            name = rest.partition(".")[0]
            # One that stands without a default where it was not read is not missed.
            if root != "event" or not name or variable.guarded == fails:
                continue
            if run.properties.get(name) is None:
                missed.append(name)
        if missed:
            names = tuple(dict.fromkeys(missed))
            self._keep(
                Lack(life.now, run.sequence, step.key, email.name, email.language, names, fails)
            )

    def _keep(self, lack: Lack) -> None:
        for place, known in enumerate(self.lacks):
            if known.is_like(lack):
                self.lacks[place] = known.with_all_of(lack)
                return
        self.lacks.append(lack)


def of_files(templates: Path) -> Choose:
    """Return how emails are taken from their files; one that is not there or faulty is passed over.

    Checking the files tells of those.
    """

    @cache
    def read(name: str, language: str) -> CompiledEmail | None:
        try:
            return read_email(templates, name, language)
        except (Invalid, NotFound):
            return None

    return lambda _, step, language: read(step.template, language)


def of_published(deps: Dependencies) -> Choose:
    """Return how the emails of what is published are taken."""
    with deps.database.read() as tx:
        current = deps.definitions.catalog(tx).current
        choices: Mapping[str, Mapping[tuple[str, str], int]] = {
            key: deps.definitions.choices(tx, one.version_id) for key, one in current.items()
        }

    def choose(sequence: Sequence, step: Email, language: str) -> CompiledEmail | None:
        email_id = choices.get(sequence.key, {}).get((step.key, language))
        if email_id is None:
            return None
        with deps.database.read() as tx:
            return deps.definitions.email(tx, email_id)

    return choose


def of_draft(deps: Dependencies, key: str) -> Choose:
    """Return how emails are taken with the draft of the sequence `key`, which sends the files'."""
    drafted, others = of_files(deps.settings.templates), of_published(deps)

    def choose(sequence: Sequence, step: Email, language: str) -> CompiledEmail | None:
        return (drafted if sequence.key == key else others)(sequence, step, language)

    return choose
