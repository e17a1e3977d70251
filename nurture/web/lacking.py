"""What an email prints and no event brings, in words."""

from nurture.engine.life_letters import Lack
from nurture.web.i18n import gettext as _
from nurture.web.names import Names


def lack_told(one: Lack, names: Names) -> str:
    """That an email of a simulation lacks a property of the event, and what becomes of it."""
    said = {
        "email": one.email,
        "step": one.step,
        "sequence": names.sequence(one.sequence),
        "name": one.name,
    }
    if one.fails:
        return _(
            "The email “%(email)s” at step “%(step)s” of “%(sequence)s” prints event.%(name)s,"
            " which the event does not bring: the email cannot be made, and the run fails there."
            " Give the property, or write a default in the email.",
            **said,
        )
    return _(
        "The email “%(email)s” at step “%(step)s” of “%(sequence)s” goes without event.%(name)s,"
        " which the event does not bring: its default is printed, or the part that asks for it is"
        " left out.",
        **said,
    )
