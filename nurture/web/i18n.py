"""The admin's two languages. English is the source; `locale/<language>/messages.po` translates it.

The catalogue is read as text when the application starts, so that there is no compiled file to
forget. `python -m nurture.web.messages` brings it up to date with the sources.
"""

from collections.abc import Mapping
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import NullTranslations, Translations
from flask import Flask, g, request, session

Language = Literal["vi", "en"]
# In their own words and in the order of the switch.
LANGUAGES: Mapping[Language, str] = {"vi": "Tiếng Việt", "en": "English"}
SOURCE_LANGUAGE: Language = "en"
LOCALE = Path(__file__).parent / "locale"


@cache
def _translations(chosen: Language) -> NullTranslations:
    if chosen == SOURCE_LANGUAGE:
        return NullTranslations()
    with catalogue_path(chosen).open("rb") as source:
        catalogue = read_po(source, locale=chosen, abort_invalid=True)
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(fp=compiled)


def catalogue_path(chosen: Language) -> Path:
    """Where the translations into `chosen` are kept."""
    return LOCALE / chosen / "messages.po"


def language() -> Language:
    """The language of this request: chosen by the switch, else by Accept-Language."""
    if "language" not in g:
        g.language = known(session.get("language")) or _preferred()
    chosen: Language = g.language
    return chosen


def _preferred() -> Language:
    """The first of the browser's languages that is ours, whatever its region.

    Werkzeug's own choice takes an exact "vi" of low quality before an "en-GB" of high quality.
    """
    for code, quality in request.accept_languages:
        ours = known(code.replace("_", "-").partition("-")[0].lower())
        if ours and quality > 0:
            return ours
    return SOURCE_LANGUAGE


def use_language(chosen: Language) -> None:
    """Fix the language of this request, as pages for recipients do with the contact's."""
    g.language = chosen


def known(code: object) -> Language | None:
    """`code` as one of our languages, or None."""
    return next((ours for ours in LANGUAGES if ours == code), None)


def gettext(message: str, **variables: object) -> str:
    """`message` in this request's language, with `%(name)s` filled in when variables are given."""
    translated: str = _translations(language()).ugettext(message)
    return translated % variables if variables else translated


def ngettext(singular: str, plural: str, number: int, **variables: object) -> str:
    """The form for `number`, which the message can show as `%(num)s`."""
    translated: str = _translations(language()).ungettext(singular, plural, number)
    return translated % {"num": number, **variables}


def marked(message: str) -> str:
    """Mark a message for translation where it is declared; `gettext` it where it is shown."""
    return message


def _bare_gettext(message: str) -> str:
    return gettext(message)


def _bare_ngettext(singular: str, plural: str, number: int) -> str:
    translated: str = _translations(language()).ungettext(singular, plural, number)
    return translated


def translate(app: Flask) -> None:
    """Give templates `_`, `gettext`, `ngettext` and `{% trans %}`."""
    app.jinja_env.add_extension("jinja2.ext.i18n")
    app.jinja_env.policies["ext.i18n.trimmed"] = True
    # Jinja's "newstyle" functions fill in variables themselves, and escape them.
    install = app.jinja_env.install_gettext_callables  # type: ignore[attr-defined]
    install(_bare_gettext, _bare_ngettext, newstyle=True)
    app.jinja_env.globals.update(language=language, languages=LANGUAGES)
