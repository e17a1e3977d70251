"""Logging in and posting forms with Flask's test client."""

import re

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.web.people import EMAIL, PASSWORD

_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


def forgery_token(page: TestResponse) -> str:
    """The token of the first form on a page."""
    found = _TOKEN.search(page.text)
    assert found, page.text
    return found[1]


def post(
    client: FlaskClient, path: str, fields: dict[str, str], *, form_on: str = "/login"
) -> TestResponse:
    """Post a form with the token of the page it is on."""
    token = forgery_token(client.get(form_on))
    return client.post(path, data={**fields, "csrf_token": token})


def log_in(
    client: FlaskClient, email: str = EMAIL, password: str = PASSWORD, **more: str
) -> TestResponse:
    """Fill in the log-in form."""
    return post(client, "/login", {"email": email, "password": password, **more})
