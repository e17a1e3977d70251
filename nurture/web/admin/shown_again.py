"""A contact's page once more, after a form on it was refused: what was typed is still in it."""

from flask import Response, current_app, make_response


def shown_again(contact_id: int) -> Response:
    """Answer the refused form with the page it stands on; its templates read what was typed."""
    show = current_app.view_functions["contacts.show"]
    return make_response(show(contact_id=contact_id), 422)
