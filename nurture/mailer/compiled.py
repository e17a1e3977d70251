"""What publishing makes of an email: everything that is the same for every contact."""

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Self

from nurture.errors import Invalid
from nurture.mailer.variables import Variable
from nurture.tracking.links import Link

_SHAPE: Final = 1


@dataclass(frozen=True)
class CompiledEmail:
    """One email in one language, ready to be rendered.

    `subject`, `html` and `text` are Jinja templates; the last two hold a slot for each link, the
    pixel and the honeypot. `links` are the destinations by index. `warnings` are for the author.
    The digest depends on the content alone, so the same source always publishes the same email.
    """

    name: str
    language: str
    subject: str
    html: str
    text: str
    links: tuple[Link, ...] = ()
    variables: tuple[Variable, ...] = ()
    warnings: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the content in hexadecimal; warnings do not count."""
        shape = self._shape()
        del shape["warnings"]
        return hashlib.sha256(_dump(shape).encode()).hexdigest()

    @cached_property
    def paths(self) -> frozenset[str]:
        """The merge fields that it uses, as dotted paths."""
        return frozenset(variable.path for variable in self.variables)

    def to_json(self) -> str:
        """A stable text: keys sorted, no spaces, UTF-8 as it is."""
        return _dump(self._shape())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The email that `to_json` wrote. Raises `Invalid` for any other text."""
        try:
            data: dict[str, Any] = json.loads(text)
            if data.pop("shape") != _SHAPE:
                raise Invalid(
                    "this compiled email has the shape of another version",
                    remedy="Publish it again.",
                )
            return cls(
                links=tuple(Link(*link) for link in data.pop("links")),
                variables=tuple(Variable(*variable) for variable in data.pop("variables")),
                warnings=tuple(data.pop("warnings")),
                **data,
            )
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise Invalid("this is not a compiled email", remedy="Publish it again.") from error

    def _shape(self) -> dict[str, Any]:
        return {
            "shape": _SHAPE,
            "name": self.name,
            "language": self.language,
            "subject": self.subject,
            "html": self.html,
            "text": self.text,
            "links": [[link.index, link.url, link.personal, link.position] for link in self.links],
            "variables": [[variable.path, variable.guarded] for variable in self.variables],
            "warnings": list(self.warnings),
        }


def _dump(shape: dict[str, Any]) -> str:
    return json.dumps(shape, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
