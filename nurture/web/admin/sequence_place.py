"""The blueprint of everything under /sequences, and who is at work there."""

from typing import Any

from flask import Blueprint

from nurture.web.admin.condition_rows import SPANS, editor_of
from nurture.web.admin.condition_values import written_span, written_value
from nurture.web.admin.condition_words import property_names
from nurture.web.admin.sequence_fields import split_duration, written_mapping
from nurture.web.admin.sequence_flow import LOOKS, TINTS, setting_name
from nurture.web.admin.sequence_forms import KIND_GROUPS, LEADING
from nurture.web.admin.sequence_words import weekday_names
from nurture.web.admin.ways_in import begins
from nurture.web.problem_words import tell
from nurture.web.sessions import current_user

sequences = Blueprint("sequences", __name__, url_prefix="/sequences")


def by() -> str:
    """Who is at work, for the record."""
    user = current_user()
    return (user.name or user.email) if user else ""


@sequences.context_processor
def _for_templates() -> dict[str, Any]:
    return {
        "begins": begins,
        "editor_of": editor_of,
        "kind_groups": KIND_GROUPS,
        "leading": LEADING,
        "looks": LOOKS,
        "setting_name": setting_name,
        "split_duration": split_duration,
        "tell": tell,
        "property_names": property_names,
        "spans": SPANS,
        "tints": TINTS,
        "weekday_names": weekday_names,
        "written_mapping": written_mapping,
        "written_span": written_span,
        "written_value": written_value,
    }
