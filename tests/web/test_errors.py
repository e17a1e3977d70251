"""Error pages: the right status, words in both languages, nothing of the inside."""

import logging

import pytest
from flask.testing import FlaskClient

from tests.web.signing_in import post


@pytest.mark.parametrize(
    ("name", "status", "told"),
    [
        ("missing", 404, "There is no contact 7."),
        ("conflict", 409, "Somebody else was faster"),
        ("refused", 403, "A lead cannot become a customer."),
        ("invalid", 400, "The address is empty."),
        ("retryable", 503, "Emails wait safely"),
        ("unknown", 500, "Something broke on our side"),
        ("crash", 500, "Something broke on our side"),
    ],
)
def test_each_error_becomes_its_page(
    signed_in: FlaskClient, caplog: pytest.LogCaptureFixture, name: str, status: int, told: str
) -> None:
    with caplog.at_level(logging.CRITICAL + 1):
        response = signed_in.get(f"/error/{name}")
    assert response.status_code == status
    assert told in response.text
    assert "secret of the inside" not in response.text
    assert 'class="n-rail"' in response.text


def test_a_vietnamese_page_says_it_in_vietnamese(signed_in: FlaskClient) -> None:
    shown = signed_in.get("/error/missing", headers={"Accept-Language": "vi"}).text
    assert "Không có liên hệ 7." in shown
    assert "there is no contact" not in shown


def test_what_may_work_later_says_when(signed_in: FlaskClient) -> None:
    assert signed_in.get("/error/retryable").headers["Retry-After"] == "30"


def test_a_crash_is_logged_with_its_cause(
    signed_in: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    signed_in.get("/error/crash")
    assert "a secret of the inside" in caplog.text


def test_a_stranger_gets_not_found_without_the_menu(client: FlaskClient) -> None:
    response = client.get("/nothing")
    assert response.status_code == 404
    assert 'class="n-rail"' not in response.text


def test_not_found_is_said_in_vietnamese(client: FlaskClient) -> None:
    response = client.get("/nothing", headers={"Accept-Language": "vi"})
    assert "Không có gì ở đây" in response.text


def test_a_wrong_method_says_what_would_be_right(signed_in: FlaskClient) -> None:
    response = signed_in.get("/saved")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


def test_a_form_without_end_is_refused(signed_in: FlaskClient) -> None:
    response = post(signed_in, "/saved", {"order": "x" * 9_000_000}, form_on="/")
    assert response.status_code == 413


def test_notes_are_escaped_and_shown_once(signed_in: FlaskClient) -> None:
    post(signed_in, "/saved", {"order": "a"}, form_on="/")
    assert "Saved &lt;b&gt;now&lt;/b&gt;" in signed_in.get("/").text
    assert "Saved" not in signed_in.get("/").text
