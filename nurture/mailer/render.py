"""One contact's subject, HTML and text from a compiled email and that contact's merge fields."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, Final

from jinja2 import TemplateError, TemplateSyntaxError
from jinja2.environment import Template

from nurture.errors import Permanent
from nurture.mailer.budget import BUDGET, Budget, Limits, OverBudget
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.dialect import Dialect, cleaned
from nurture.mailer.language import faults

_HTML: Final = Dialect(autoescape=True)
_TEXT: Final = Dialect(autoescape=False)

# What a template can raise with the wrong data: a text where a number was expected, a position
# past the end, a number too large. Each is a fault of this email, not of the program.
_FAILURES: Final = (
    TemplateError,
    OverBudget,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    RecursionError,
    SyntaxError,
)


class TemplateFailed(Permanent):
    """This email cannot be rendered for this contact; the same data will fail again.

    `email`, `language` and `part` (subject, html or text) say where, `reason` says why.
    """

    def __init__(self, email: str, language: str, part: str, reason: str) -> None:
        super().__init__(
            f"email {email} ({language}), {part}: {reason}",
            remedy="Give the field a default in the template, or the contact a value.",
        )
        self.email = email
        self.language = language
        self.part = part
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Rendered:
    """The parts of one email for one contact.

    Before `Links.fill` the HTML and text hold slots for links; after it they are final.
    `warnings` are for the marketer: what had to be changed to make the email safe to send.
    """

    subject: str
    html: str
    text: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Templates:
    subject: Template
    html: Template
    text: Template


class Renderer:
    """Renders compiled emails; keeps their templates, by digest, for the life of the process.

    Safe in any thread: templates are immutable, and each render has a context of its own.
    """

    def __init__(self, *, limits: Limits | None = None, capacity: int = 256) -> None:
        self._limits = limits or Limits()
        self._capacity = capacity
        self._cache: OrderedDict[str, _Templates] = OrderedDict()
        self._lock = Lock()

    def warm(self, email: CompiledEmail) -> None:
        """Compile this email's templates now (milliseconds), before a worker forks or sends."""
        self._templates(email)

    def render(
        self,
        email: CompiledEmail,
        merge: Mapping[str, object],
        *,
        limits: Limits | None = None,
    ) -> Rendered:
        """The email for one contact. Raises `TemplateFailed`; the limits hold for all parts."""
        templates = self._cache.get(email.digest) or self._templates(email)
        limits = limits or self._limits
        budget = Budget(limits)
        fields: dict[str, Any] = {**templates.html.globals, **merge, BUDGET: budget}
        part = "subject"
        try:
            subject = one_line(_write(templates.subject, fields, limits))
            part = "html"
            html = _write(templates.html, fields, limits)
            part = "text"
            text = _write(templates.text, fields, limits)
        except _FAILURES as error:
            raise TemplateFailed(email.name, email.language, part, reason_of(error)) from error
        if not subject:
            raise TemplateFailed(email.name, email.language, "subject", "it is empty")
        return Rendered(subject, html, text)

    def _templates(self, email: CompiledEmail) -> _Templates:
        with self._lock:
            known = self._cache.get(email.digest)
            if known is None:
                known = self._cache[email.digest] = _prepare(email)
                while len(self._cache) > self._capacity:
                    self._cache.popitem(last=False)
            return known


def one_line(text: str) -> str:
    """`text` as one line: a subject or a name can never carry a line break into a header."""
    return " ".join(cleaned(text).split())


def reason_of(error: BaseException) -> str:
    """Why a template failed, in words that a marketer can use."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    if isinstance(error, TemplateSyntaxError):
        return f"line {error.lineno}: {error.message}"
    return str(error) or type(error).__name__


@lru_cache(maxsize=256)
def _prepare(email: CompiledEmail) -> _Templates:
    # Remembered here, too: every preview of a page and every publishing has a renderer of its own.
    prepared = []
    for part, source, dialect in (
        ("subject", email.subject, _TEXT),
        ("html", email.html, _HTML),
        ("text", email.text, _TEXT),
    ):
        try:
            # Checked again although publishing did: a compiled email is stored and comes back.
            fault = next(faults(dialect.parse(source)), None)
            if fault is not None:
                raise TemplateFailed(email.name, email.language, part, fault.message)
            prepared.append(dialect.prepare(source, f"{email.name}.{email.language}.{part}"))
        except _FAILURES as error:
            raise TemplateFailed(email.name, email.language, part, reason_of(error)) from error
    return _Templates(*prepared)


def _write(template: Template, fields: dict[str, Any], limits: Limits) -> str:
    context = template.new_context(fields, shared=True)
    chunks: list[str] = []
    room = limits.output
    for chunk in template.root_render_func(context):
        room -= len(chunk)
        if room < 0:
            raise OverBudget(f"it writes over {limits.output} characters")
        chunks.append(chunk)
    return "".join(chunks)
