"""A contact's page once more, after a form on it was refused: what was typed is still in it."""

from collections.abc import Mapping
from types import MappingProxyType

from flask import Response, current_app, make_response


def shown_again(contact_id: int, faults: Mapping[str, str] = MappingProxyType({})) -> Response:
    """Answer the refused form with the page it stands on; its templates read what was typed.

    `faults` say by the name of a field what is wrong with it, which then stands beside it.
    """
    show = current_app.view_functions["contacts.show"]
    return make_response(show(contact_id=contact_id, faults=faults), 422)
