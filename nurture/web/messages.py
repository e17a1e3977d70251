"""Finds every message in the sources and brings the catalogues up to date with them.

`python -m nurture.web.messages` adds new messages with an empty translation and drops those
that are gone; a test fails while one is empty.
"""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from nurture.web.i18n import LANGUAGES, SOURCE_LANGUAGE, Language, catalogue_path

_ROOM = Path(__file__).parent
# The command line tells the same things in the same words.
_ROOMS = (_ROOM, _ROOM.parent / "cli")
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2"), ("templates/**.txt", "jinja2")]
_OPTIONS = {"templates/**": {"trimmed": "true", "silent": "false", "newstyle_gettext": "true"}}
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "marked": None}
# A fixed date, so that writing an unchanged catalogue leaves its bytes unchanged.
_THE_DATE = datetime(2026, 1, 1, tzinfo=UTC)


def extracted() -> Catalog:
    """Every message in this room's modules and templates, and in those of the command line."""
    catalogue = Catalog(project="Nurture", charset="utf-8", creation_date=_THE_DATE)
    for room in _ROOMS:
        found = extract_from_dir(
            room, method_map=_METHODS, options_map=_OPTIONS, keywords=_KEYWORDS
        )
        for file, _line, message, comments, context in found:
            # Lines are left out: they would change the catalogue with every edit above one.
            catalogue.add(message, None, [(file, 0)], auto_comments=comments, context=context)
    return catalogue


def updated(language: Language) -> bytes:
    """The catalogue of `language` with exactly the messages of the sources."""
    path = catalogue_path(language)
    if path.exists():
        with path.open("rb") as source:
            catalogue = read_po(source, locale=language)
    else:
        catalogue = Catalog(locale=language)
    catalogue.update(extracted(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    catalogue.header_comment = "# Translations of Nurture's admin."
    catalogue.fuzzy = False
    catalogue.project, catalogue.version = "Nurture", "1"
    catalogue.last_translator = catalogue.language_team = catalogue.msgid_bugs_address = "Nurture"
    catalogue.creation_date = catalogue.revision_date = _THE_DATE
    written = BytesIO()
    write_po(
        written, catalogue, width=100, sort_output=True, include_lineno=False, no_location=True
    )
    return written.getvalue()


def main() -> None:
    """Write the catalogue of every language but the source's."""
    for language in LANGUAGES:
        if language != SOURCE_LANGUAGE:
            catalogue_path(language).parent.mkdir(parents=True, exist_ok=True)
            catalogue_path(language).write_bytes(updated(language))


if __name__ == "__main__":
    main()
