"""The emails that `nurture plan` names: what of them is changed, and whom it still concerns."""

from collections.abc import Iterator, Mapping

from nurture.engine.email_differing import EmailChange
from nurture.web.formatting import number
from nurture.web.i18n import gettext as _
from nurture.web.i18n import marked, ngettext

_LANGUAGES: Mapping[str, str] = {"vi": marked("Vietnamese"), "en": marked("English")}
_PARTS: Mapping[str, str] = {
    "subject": marked("subject"),
    "body": marked("body"),
    "text": marked("plain text"),
    "links": marked("link addresses"),
}


def email_lines(one: EmailChange) -> Iterator[str]:
    """Yield what is changed of an email, and how many contacts under way it does not reach yet."""
    languages = ", ".join(_(_LANGUAGES[language]) for language in one.languages)
    said = {"email": one.email, "step": one.step, "languages": languages}
    if one.is_new:
        yield _("new email “%(email)s” at step “%(step)s” (%(languages)s)", **said)
    elif one.instead:
        yield _(
            "email “%(email)s” instead of “%(instead)s” at step “%(step)s” (%(languages)s)",
            instead=one.instead,
            **said,
        )
    else:
        parts = ", ".join(_(_PARTS[part]) for part in one.parts)
        yield _(
            "changed email “%(email)s” at step “%(step)s” (%(languages)s): %(parts)s",
            parts=parts,
            **said,
        )
    if one.to_come and not one.is_new:
        yield "  " + ngettext(
            "%(num)s contact under way has not been sent it: whoever comes to it gets it as it is"
            " published now, unless they are migrated",
            "%(num)s contacts under way have not been sent it: whoever comes to it gets it as it is"
            " published now, unless they are migrated",
            one.to_come, num=number(one.to_come),
        )  # fmt: skip
