"""The shapes of the steps that act at once: updates, notices, webhooks, entering and leaving."""

from typing import Annotated, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from nurture.campaigns.shapes import EventName, Key, Scalar, Shape, wrong
from nurture.campaigns.waits import LeadingShape
from nurture.domain import sequence as domain
from nurture.domain.contact import Change, Fact
from nurture.domain.sequence import Step


class ChangesShape(Shape):
    """What to change about the contact; at least one thing."""

    set_: dict[Key, Scalar] = Field(default_factory=dict, alias="set")
    """Fields to fill: {interest: pricing}."""
    clear: list[Key] = Field(default_factory=list)
    """Fields to empty."""
    tag: list[Key] = Field(default_factory=list)
    """Tags to put on."""
    untag: list[Key] = Field(default_factory=list)
    """Tags to take off."""
    bant: dict[
        Literal["budget", "authority", "need", "timing"],
        Literal["unknown", "no", "partial", "yes"],
    ] = Field(default_factory=dict)
    """Letters of BANT: {need: yes}."""

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.build():
            raise wrong("nothing is said to change", "Write `update: {tag: [vip]}`.")
        return self

    def build(self) -> tuple[Change, ...]:
        """Return the changes, fields first."""
        return (
            *(Change(Fact.FIELD, name, value) for name, value in self.set_.items()),
            *(Change(Fact.FIELD, name) for name in self.clear),
            *(Change(Fact.TAG, name) for name in self.tag),
            *(Change(Fact.UNTAG, name) for name in self.untag),
            *(Change(Fact.BANT, letter, value) for letter, value in self.bant.items()),
        )


class UpdateShape(LeadingShape):
    """Change the contact: fields, tags, BANT."""

    update: ChangesShape
    """What to change."""

    model_config = ConfigDict(title="Update the contact")

    def build(self) -> Step:
        """Return the step."""
        return domain.Update(self.key, self.update.build(), self.next, self.passes)


class NoticeShape(Shape):
    """Whom to write to, and what."""

    to: Annotated[str, Field(pattern=r"^(owner|[^@\s]+@[^@\s]+)$")] = "owner"
    """An address of ours, or `owner`: whoever the contact belongs to."""
    email: Key
    """The message: the name of its folder in templates/email."""


class NotifyShape(LeadingShape):
    """Write to a person of ours about the contact."""

    notify: NoticeShape
    """Whom, and what."""

    model_config = ConfigDict(title="Notify a person")

    def build(self) -> Step:
        """Return the step."""
        one = self.notify
        return domain.Notify(self.key, one.to, one.email, self.next, self.passes)


class CallShape(Shape):
    """Which system to tell, and what."""

    endpoint: Key
    """The endpoint, as declared in funnel.yaml."""
    event: EventName
    """The type of the message, as the other system knows it: contact.qualified."""
    fields: list[Key] = Field(default_factory=list)
    """The contact's fields to tell; the address and the stage are always told."""


class WebhookShape(LeadingShape):
    """Tell another system; the message is signed, and tried again until it is taken."""

    webhook: CallShape
    """Which system, and what."""

    model_config = ConfigDict(title="Outgoing webhook")

    def build(self) -> Step:
        """Return the step."""
        one = self.webhook
        fields = tuple(one.fields)
        return domain.Webhook(self.key, one.endpoint, one.event, fields, self.next, self.passes)


class EnterShape(LeadingShape):
    """Enter another sequence as well, and go on here."""

    enter: Key
    """The sequence's key."""

    model_config = ConfigDict(title="Enter another sequence")

    def build(self) -> Step:
        """Return the step."""
        return domain.Enter(self.key, self.enter, self.next, self.passes)


class LeaveShape(LeadingShape):
    """End the contact's runs through another sequence, and go on here."""

    leave: Key
    """The sequence's key."""

    model_config = ConfigDict(title="Leave another sequence")

    def build(self) -> Step:
        """Return the step."""
        return domain.Leave(self.key, self.leave, self.next, self.passes)
