"""Personas: named descriptions of people, with the rules that match contacts to them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from nurture.domain.conditions import Condition, holds
from nurture.domain.contact import Contact


@dataclass(frozen=True, slots=True)
class Persona:
    """A customer avatar. `texts` describe it by language: goals, pains, objections and so on."""

    key: str
    names: Mapping[str, str]
    when: Condition
    texts: Mapping[str, Mapping[str, str]] = field(default_factory=lambda: MappingProxyType({}))


def persona_of(contact: Contact, personas: Iterable[Persona], now: datetime) -> str:
    """Return the key of the first persona whose rules match, empty when none does."""
    for persona in personas:
        if holds(persona.when, contact, now):
            return persona.key
    return ""
