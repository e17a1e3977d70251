"""What an email prints and no event brings, in words."""

from nurture.engine.life_letters import Lack
from nurture.web.i18n import ngettext
from nurture.web.names import Names


def lack_told(one: Lack, names: Names) -> str:
    """That an email of a simulation lacks properties of the event, and what becomes of it."""
    said = {
        "email": one.email,
        "step": one.step,
        "sequence": names.sequence(one.sequence),
        "names": ", ".join(f"event.{name}" for name in one.names),
    }
    if one.fails:
        return ngettext(
            "The email “%(email)s” at step “%(step)s” of “%(sequence)s” prints %(names)s,"
            " which the event does not bring: the email cannot be made, and the run fails there."
            " Give the property, or write a default in the email.",
            "The email “%(email)s” at step “%(step)s” of “%(sequence)s” prints %(names)s,"
            " which the event does not bring: the email cannot be made, and the run fails there."
            " Give the properties, or write defaults in the email.",
            len(one.names),
            **said,
        )
    return ngettext(
        "The email “%(email)s” at step “%(step)s” of “%(sequence)s” goes without %(names)s,"
        " which the event does not bring: its default is printed, or the part that asks for it is"
        " left out.",
        "The email “%(email)s” at step “%(step)s” of “%(sequence)s” goes without %(names)s,"
        " which the event does not bring: their defaults are printed, or the parts that ask for"
        " them are left out.",
        len(one.names),
        **said,
    )
