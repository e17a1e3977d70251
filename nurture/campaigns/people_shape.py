"""The shapes of personas, and of the endpoints of other systems."""

from types import MappingProxyType
from typing import Annotated, Self

from pydantic import Field, model_validator

from nurture.campaigns.conditions import ConditionShape
from nurture.campaigns.shapes import Key, NamesShape, Shape, wrong
from nurture.domain.endpoints import url_fault
from nurture.domain.funnel import Endpoint
from nurture.domain.personas import Persona

TEXTS = ("description", "goals", "pains", "objections", "triggers", "before", "after")


class PersonaShape(Shape):
    """A customer avatar, and who matches it. The first persona that matches is a contact's."""

    key: Key
    """The persona's own name."""
    name: NamesShape
    """What people call it."""
    when: ConditionShape
    """Who matches."""
    description: NamesShape | None = None
    """Who they are."""
    goals: NamesShape | None = None
    """What they want."""
    pains: NamesShape | None = None
    """What hurts."""
    objections: NamesShape | None = None
    """What keeps them from buying."""
    triggers: NamesShape | None = None
    """What makes them buy."""
    before: NamesShape | None = None
    """Their life without the product."""
    after: NamesShape | None = None
    """Their life with it."""

    def build(self) -> Persona:
        """Return the persona."""
        texts = {}
        for word in TEXTS:
            names: NamesShape | None = getattr(self, word)
            if names is not None:
                texts[word] = MappingProxyType(names.build())
        names_ = MappingProxyType(self.name.build())
        return Persona(self.key, names_, self.when.build(), MappingProxyType(texts))


class EndpointShape(Shape):
    """Another system that sequences may tell of things, by signed webhooks."""

    key: Key
    """The endpoint's own name, as `webhook` steps write it."""
    url: Annotated[str, Field(pattern=r"^https?://\S+$", max_length=2000)]
    """Where the messages go; the secret that signs them is a setting, never in this file."""

    @model_validator(mode="after")
    def _may_be_called(self) -> Self:
        fault = url_fault(self.url)
        if fault:
            raise wrong(f"{self.url} cannot be called: {fault}", "Write https://host/path.")
        return self

    def build(self) -> Endpoint:
        """Return the endpoint."""
        return Endpoint(self.key, self.url)
