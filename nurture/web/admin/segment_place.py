"""The blueprint of everything under /segments."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint

from nurture.web.admin.condition_rows import SPANS, editor_of
from nurture.web.admin.condition_values import written_span
from nurture.web.admin.condition_words import property_names
from nurture.web.names import chosen
from nurture.web.problem_words import tell

segments = Blueprint("segments", __name__, url_prefix="/segments")


@segments.context_processor
def _for_templates() -> dict[str, Any]:
    return {
        "editor_of": editor_of,
        "property_names": property_names,
        "spans": SPANS,
        "spoken": spoken,
        "tell": tell,
        "written_span": written_span,
    }


def spoken(pair: object) -> str:
    """A name or description in the page's language; empty when nobody wrote one."""
    if not isinstance(pair, Mapping):
        return ""
    return chosen({str(code): str(text) for code, text in pair.items() if text}, "")
