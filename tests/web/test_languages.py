"""Both languages, complete."""

import re
from string import Formatter

import pytest
from babel.messages.catalog import Message
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

from nurture.web.i18n import catalogue_path
from nurture.web.messages import extracted, updated
from tests.web.signing_in import log_in, post

_PRINTF = re.compile(r"%\((\w+)\)[sd]")


def translations() -> list[Message]:
    with catalogue_path("vi").open("rb") as source:
        return [message for message in read_po(source, locale="vi") if message.id]


def texts(value: str | list[str] | tuple[str, ...] | None) -> list[str]:
    return [value or ""] if isinstance(value, str | None) else list(value)


def test_the_sources_have_messages_in_modules_templates_and_plurals() -> None:
    found = {text for message in extracted() if message.id for text in texts(message.id)}
    assert {"Log in", "There is nothing here", "Overview", "%(num)s rows", "Search"} <= found


def test_the_catalogue_has_exactly_the_messages_of_the_sources() -> None:
    written = catalogue_path("vi").read_bytes()
    assert updated("vi") == written, "run: python -m nurture.web.messages"


def test_a_number_before_its_noun_is_told_in_both_forms() -> None:
    """ "1 rows" comes of a message that knows one form; another order of words needs none."""
    counted = re.compile(
        r"%\((num|count|days|times|rows|contacts|runs|events|was|before|after)\)s (more )?"
        r"(contacts|rows|emails|runs|times|events|steps|days|sends|hours|people|decisions|lines)\b"
    )
    # An experiment that needs one contact an arm is refused.
    never_one = {"Too few yet: each arm needs %(count)s contacts."}
    never_one.add(
        "Nothing is concluded before each arm has %(count)s contacts with all their time."
    )
    single = {one.id for one in translations() if isinstance(one.id, str)}
    assert {one for one in single if counted.search(one)} <= never_one


def fault(message: Message) -> str:
    """What is wrong with a translation, if anything."""
    if not all(texts(message.string)):
        return "no translation"
    if message.fuzzy:
        return "fuzzy"
    source = texts(message.id)[-1]
    for translated in texts(message.string):
        if set(_PRINTF.findall(translated)) != set(_PRINTF.findall(source)):
            return f"other variables: {translated}"
        if not message.python_format and named(translated) != named(source):
            return f"other fields: {translated}"
    return ""


def named(text: str) -> set[str | None]:
    return {name for _, name, _, _ in Formatter().parse(text)}


def test_every_message_is_translated_with_all_its_variables() -> None:
    faults = {texts(one.id)[0]: told for one in translations() if (told := fault(one))}
    assert faults == {}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (Message("Log in", "Đăng nhập"), ""),
        (Message("Log in", ""), "no translation"),
        (Message("Log in", "Đăng nhập", flags=["fuzzy"]), "fuzzy"),
        (Message(("%(num)s row", "%(num)s rows"), ("hàng",)), "other variables: hàng"),
        (Message("{name} left", "{tên} rời"), "other fields: {tên} rời"),
    ],
)
def test_the_check_of_translations_sees_what_is_wrong(message: Message, told: str) -> None:
    assert fault(message) == told


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("vi-VN,vi;q=0.9,en;q=0.8", "vi"),
        ("vi", "vi"),
        ("en-GB,vi;q=0.5", "en"),
        ("fr-FR", "en"),
        ("fr,vi;q=0.3", "vi"),
        ("", "en"),
        ("*;q=broken", "en"),
    ],
)
def test_a_stranger_is_met_in_the_browsers_language(
    client: FlaskClient, header: str, language: str
) -> None:
    text = client.get("/login", headers={"Accept-Language": header}).text
    assert f'<html lang="{language}">' in text
    assert ("Đăng nhập" in text) == (language == "vi")


def test_the_switch_outlives_the_page_and_the_log_in(client: FlaskClient) -> None:
    response = post(client, "/language", {"language": "vi", "next": "/login?next=/contacts/"})
    assert (response.status_code, response.location) == (303, "/login?next=/contacts/")
    assert '<html lang="vi">' in client.get("/login").text
    log_in(client)
    assert "Tổng quan" in client.get("/").text
    post(client, "/logout", {}, form_on="/")
    assert '<html lang="vi">' in client.get("/login").text


def test_an_unknown_language_is_refused(client: FlaskClient) -> None:
    assert post(client, "/language", {"language": "tlh"}).status_code == 400


def test_the_switch_leads_nobody_to_another_host(client: FlaskClient) -> None:
    fields = {"language": "vi", "next": "https://evil.example"}
    assert post(client, "/language", fields).location == "/"


def test_the_switch_on_the_answer_to_a_form_leads_to_a_page_that_exists(
    client: FlaskClient,
) -> None:
    text = log_in(client, password="wrong").text
    assert 'name="next" value="/login"' in text


def test_numbers_and_times_follow_the_language(signed_in: FlaskClient) -> None:
    english = signed_in.get("/").text
    assert "48,213.5" in english
    assert "3 hours ago" in english
    post(signed_in, "/language", {"language": "vi"}, form_on="/")
    vietnamese = signed_in.get("/").text
    assert "48.213,5" in vietnamese
    assert "3 giờ trước" in vietnamese
