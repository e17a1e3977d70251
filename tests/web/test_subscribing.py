"""Signing up, confirming and coming back by pages and the API, as people and programs come."""

import re
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from nurture.config import Secrets, Settings
from nurture.domain.consent import CONFIRM_WITHIN
from nurture.engine.erasing import erase
from nurture.engine.intake import api_key
from nurture.engine.subscribing import MOST_TRIES
from nurture.engine.suppress import suppress, unsubscribe
from nurture.store import tables
from nurture.store.suppressions import NewSuppression
from nurture.tracking.tokens import Purpose
from nurture.web.app import WebDependencies, create_app
from tests.engine.signing_up import SignUp, opened_for_sign_up
from tests.engine.world import DAY, NOW, C, S
from tests.web.apps import Lend
from tests.web.people import CHEAP, AccountsInMemory, lan
from tests.web.signing_in import log_in

FORM = {"email": "ana@example.com", "topic": "marketing", "name": "Ana", "language": "vi"}
YES = {"confirm": "yes"}


@pytest.fixture
def world(settings: Settings, sqlite_url: str) -> Iterator[SignUp]:
    # What is written, and by whom, is tested on both databases beside the engine.
    with opened_for_sign_up(settings, sqlite_url) as made:
        yield made


def served(world: SignUp, make: Lend = create_app) -> Flask:
    return make(
        WebDependencies(
            settings=world.deps.settings,
            secrets=Secrets(bytes(range(32))),
            accounts=AccountsInMemory(lan()),
            engine=world.deps,
            clock=world.clock,
            wall=world.clock,
            passwords=CHEAP,
        )
    )


@pytest.fixture
def visitor(world: SignUp, lend: Lend) -> FlaskClient:
    return served(world, lend).test_client()


def sign_up(visitor: FlaskClient, **changed: str) -> TestResponse:
    return visitor.post("/subscribe?lang=en", data={**FORM, **changed})


def link_in(world: SignUp, path: str = "confirm") -> str:
    """The path of the link in the latest email."""
    message = message_from_bytes(world.post.taken[-1].message, policy=policy.default)
    part = message.get_body(("html",))
    assert part is not None
    found = re.search(rf'href="https://nurture.test(/{path}/[^"]+)"', part.get_content())
    assert found, "the email has no such link"
    return found[1]


def test_from_the_form_to_the_first_letter(world: SignUp, visitor: FlaskClient) -> None:
    page = visitor.get("/subscribe?topic=marketing&lang=en")
    assert page.status_code == 200
    wording = "By pressing the button I agree to emails from Lotus Desk on the topic above."
    assert wording in page.text
    answer = visitor.post(
        "/subscribe?lang=en", data=FORM, environ_overrides={"REMOTE_ADDR": "192.0.2.5"}
    )
    assert answer.status_code == 200
    assert "look into your mailbox" in answer.text
    world.work()
    assert world.mailed("ana") == ["ask"]
    link = link_in(world)
    shown = visitor.get(link)
    assert shown.status_code == 200
    assert "<form" in shown.text
    assert world.consents() == {}, "looking changes nothing"
    pressed = visitor.post(link, data=YES, environ_overrides={"REMOTE_ADDR": "192.0.2.9"})
    assert pressed.status_code == 200
    world.work()
    assert world.mailed("ana") == ["ask", "hello"]
    assert world.consents() == {"marketing": True}
    (send, *_) = world.letters()
    agreed = "Vâng, tôi muốn nhận thư của Lotus Desk về chủ đề này: Thư"
    assert world.log() == [
        ("marketing", True, False, "sign-up page", f"{wording} (Letters)", "form", "192.0.2.5"),
        ("marketing", False, True, f"confirmed by send {send}", agreed, "recipient", "192.0.2.9"),
    ]
    row = world.rows(sa.select(C.language, C.fields))
    assert row == [("vi", {"first_name": "Ana"})]


def test_an_address_that_is_too_long_is_refused_and_never_cut_to_another(
    world: SignUp, visitor: FlaskClient
) -> None:
    domain = ".".join(["b" * 61, "c" * 61, "d" * 60, "com"])
    longest = f"{'a' * 65}@{domain}"[1:]
    assert len(longest) == 253
    answer = sign_up(visitor, email=f"{longest}m.example")
    assert answer.status_code == 400
    world.work()
    assert world.column(sa.select(C.id)) == []


def test_no_page_sets_a_cookie_or_is_found_by_search(world: SignUp, visitor: FlaskClient) -> None:
    sign_up(visitor)
    world.work()
    link = link_in(world)
    answers = [
        visitor.get("/subscribe"), sign_up(visitor), visitor.get(link),
        visitor.post(link, data=YES), visitor.get("/confirm/x"), visitor.get("/again/x"),
    ]  # fmt: skip
    for answer in answers:
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["X-Robots-Tag"] == "noindex"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"


def test_looking_changes_nothing(world: SignUp, visitor: FlaskClient) -> None:
    sign_up(visitor)
    world.work()
    (send,) = world.letters()
    token = world.deps.tokens.seal(Purpose.AGAIN, 1, send)
    for method in ("GET", "HEAD", "OPTIONS"):
        assert visitor.open(link_in(world), method=method).status_code == 200
        assert visitor.open(f"/again/{token}", method=method).status_code == 200
    assert visitor.post(link_in(world), data={"confirm": "no"}).status_code == 200
    assert visitor.post(f"/again/{token}").status_code == 200
    assert world.consents() == {}


def everybody(world: SignUp) -> tuple[str, ...]:
    """The names of people of every kind, all of one length."""
    world.known("ana", marketing=True, news=True)
    world.known("ben", marketing=False, news=False)
    cleo = world.known("cle")
    wanted = [NewSuppression(cleo, "global", "complaint", "test")]
    world.do(lambda work: suppress(work, wanted))
    world.known("dan")
    erase(world.deps, "dan@example.com", by="lan", why="", now=world.now)
    world.enroll("eva")
    world.work()
    unsubscribe(world.deps, world.column(sa.select(sa.func.max(S.id)))[0], world.now)
    return ("ana", "ben", "cle", "dan", "eva", "new", "new")


def test_the_answer_is_the_same_whoever_the_address_belongs_to(
    world: SignUp, visitor: FlaskClient
) -> None:
    names = everybody(world)
    for topic in ("marketing", "news"):
        answers = set()
        for name in names:
            answer = sign_up(visitor, email=f"{name}@example.com", topic=topic)
            told = answer.data.replace(f"{name}@".encode(), b"who@")
            assert b"who@" in told
            # A fresh nonce for scripts is all that differs by itself.
            headers = re.sub(r"'nonce-[^']+'", "", str(answer.headers))
            assert b"nonce" not in told
            answers.add((answer.status, told, headers))
        assert len(answers) == 1, topic
    world.work()
    asked = {name: world.mailed(name).count("ask") for name in names}
    assert asked == {"ana": 0, "ben": 2, "cle": 0, "dan": 0, "eva": 1, "new": 1}


def test_the_work_of_the_page_is_the_same_whoever_the_address_belongs_to(
    world: SignUp, visitor: FlaskClient
) -> None:
    names = everybody(world)
    sign_up(visitor)  # What is read once for all requests is read by now.
    told: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        told.append(statement)

    work = set()
    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        for name in names:
            told.clear()
            sign_up(visitor, email=f"{name}@example.com")
            work.add(tuple(told))
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    assert len(work) == 1
    assert not [one for one in work.pop() if "FROM contact" in one], "nobody is looked for"


def test_a_no_to_the_letter_that_asks_is_about_what_it_asks_too(
    world: SignUp, visitor: FlaskClient
) -> None:
    sign_up(visitor)
    world.work()
    confirm, leaving = link_in(world), link_in(world, "u")
    for page in (visitor.get(f"{leaving}?lang=en"), visitor.post(f"{leaving}?lang=en", data=YES)):
        assert "Asking" in page.text
        assert "Letters" in page.text
    assert "I want to be asked again" in page.text
    spent = visitor.post(f"{confirm}?lang=en", data=YES)
    assert "an old link does not undo that" in spent.text
    # Whoever wants no letters that ask would wait for one in vain.
    (back,) = re.findall(r'href="(/again/[^"]+)"', spent.text)
    assert "<form" in visitor.get(back).text
    again = visitor.post(f"{back}", data=YES)
    assert "You are not signed up yet" in again.text
    assert "/subscribe?topic=marketing" in again.text
    spent = visitor.get(f"{confirm}?lang=en")
    assert "/subscribe?topic=marketing" in spent.text
    assert "/again/" not in spent.text
    world.clock.moment = NOW + DAY
    sign_up(visitor)
    world.work()
    assert "You are signed up" in visitor.post(f"{link_in(world)}?lang=en", data=YES).text
    assert world.consents()["marketing"] is True


ADDRESS, NAME, TOPIC = "no email address", "letters and spaces only", "choose what we may write"
WRONG: list[tuple[dict[str, str], str]] = [
    ({"email": ""}, ADDRESS),
    ({"email": "ana"}, ADDRESS),
    ({"email": "ana@example.com\r\nBcc: all@example.com"}, ADDRESS),
    ({"email": "ana@example.com, bo@example.com"}, ADDRESS),
    ({"email": "a@" + "x" * 300 + ".com"}, ADDRESS),
    ({"email": "ana\x00@example.com"}, ADDRESS),
    ({"name": "Ana\r\nBcc: all@example.com"}, NAME),
    ({"name": "Win at https://evil.example"}, NAME),
    ({"name": "{{ sender.email }}"}, NAME),
    ({"topic": "sign-up"}, TOPIC),
    ({"topic": "<script>"}, TOPIC),
]


def test_what_cannot_be_is_told_at_its_field_and_leaves_nothing(
    world: SignUp, visitor: FlaskClient
) -> None:
    for changed, told in WRONG:
        answer = sign_up(visitor, **changed)
        assert answer.status_code == 400, changed
        assert told in answer.text, changed
        assert "<script>" not in answer.text
    world.work()
    assert world.column(sa.select(C.id)) == []
    assert world.log() == []


def test_all_that_is_wrong_is_told_at_once_and_the_first_of_it_is_ready_to_be_put_right(
    world: SignUp, visitor: FlaskClient
) -> None:
    told = sign_up(visitor, email="ana@", name="Win at https://evil.example").text
    assert ADDRESS in told
    assert NAME in told
    assert told.count(" autofocus") == 1
    assert told.index(" autofocus") < told.index('name="name"')
    assert " autofocus" in sign_up(visitor, name="{{ a }}").text
    assert " autofocus" not in visitor.get("/subscribe?lang=en").text


def test_a_form_that_another_site_sends_is_shown_again(world: SignUp, visitor: FlaskClient) -> None:
    for site, status in (("cross-site", 403), ("same-site", 200), ("same-origin", 200)):
        answer = visitor.post("/subscribe", data=FORM, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == status
    world.work()
    assert len(world.log()) == 1


def test_a_program_that_fills_in_everything_is_told_thanks(
    world: SignUp, visitor: FlaskClient
) -> None:
    assert sign_up(visitor, website="https://spam.example").text == sign_up(visitor).text
    world.work()
    assert len(world.log()) == 1


def test_a_network_that_tries_too_often_has_to_wait(world: SignUp, visitor: FlaskClient) -> None:
    def come(number: int, address: str) -> int:
        data = {**FORM, "email": f"p{number}@example.com"}
        return visitor.post(
            "/subscribe", data=data, environ_overrides={"REMOTE_ADDR": address}
        ).status_code  # fmt: skip

    # All of one IPv6 network of 64 bits is one household or one server.
    answers = [come(number, f"2001:db8::{number:x}") for number in range(MOST_TRIES + 1)]
    assert answers == [200] * MOST_TRIES + [429]
    assert come(99, "2001:db8:1::1") == 200
    world.clock.moment += timedelta(hours=2)
    assert come(98, "2001:db8::1") == 200
    world.work()
    # An address that is known to us is counted like any other.
    assert len(world.column(sa.select(C.id))) == MOST_TRIES + 2


def forged(world: SignUp, visitor: FlaskClient) -> list[str]:
    """Tokens that must open nothing."""
    sign_up(visitor)
    world.work()
    token = link_in(world).rpartition("/")[2]
    (send,) = world.letters()
    seal = world.deps.tokens.seal
    others = [seal(one, 1, send) for one in Purpose if one is not Purpose.CONFIRM]
    changed = token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]
    return [
        *others,
        changed,
        token.upper(),
        token + "=",
        token[:-1],
        "x",
        seal(Purpose.CONFIRM, 1, 0),
    ]


def test_a_forged_token_confirms_nothing(world: SignUp, visitor: FlaskClient) -> None:
    for token in forged(world, visitor):
        assert visitor.get(f"/confirm/{token}").status_code == 404
        assert visitor.post(f"/confirm/{token}", data=YES).status_code == 404
    # Sealed by us, for a send that asked nothing or is none.
    for send in (404, 2**63 - 1):
        token = world.deps.tokens.seal(Purpose.CONFIRM, 1, send)
        assert visitor.post(f"/confirm/{token}", data=YES).status_code == 404
    assert world.consents() == {}


def test_an_old_link_and_one_that_was_overtaken_say_so(world: SignUp, visitor: FlaskClient) -> None:
    sign_up(visitor)
    world.work()
    link = link_in(world)
    world.clock.moment = NOW + CONFIRM_WITHIN
    late = visitor.post(f"{link}?lang=en", data=YES)
    assert "this letter is older" in late.text
    assert "/subscribe?topic=marketing" in late.text
    assert world.consents() == {}
    sign_up(visitor)
    world.work()
    link = link_in(world)
    for _ in range(2):
        assert "You are signed up" in visitor.post(f"{link}?lang=en", data=YES).text
    world.work()
    unsubscribe(world.deps, world.column(sa.select(sa.func.max(S.id)))[0], world.now)
    assert "an old link does not undo that" in visitor.post(f"{link}?lang=en", data=YES).text
    assert world.consents() == {"marketing": False}


def unsubscribed(world: SignUp, visitor: FlaskClient) -> str:
    """Let Ana unsubscribe by the button of a page, and return where its way back leads."""
    world.enroll("ana")
    world.work()
    link = link_in(world, "u")
    page = visitor.post(f"{link}?lang=en", data=YES)
    found = re.search(r'action="(/again/[^"?]+)', page.text)
    assert found
    assert found[1] in visitor.get(link).text, "the way back stands there later, too"
    return found[1]


def test_the_way_back_is_one_button(world: SignUp, visitor: FlaskClient) -> None:
    back = unsubscribed(world, visitor)
    assert world.consents()["marketing"] is False
    assert "<form" in visitor.get(back).text
    for _ in range(2):
        answer = visitor.post(f"{back}?lang=en", data=YES)
        assert "You are signed up" in answer.text
    assert world.scopes(world.id_of()) == []
    said = [(one[0], one[2], one[3].split()[0], one[5]) for one in world.log()]
    assert said == [
        ("marketing", False, "send", "recipient"), ("marketing", True, "send", "recipient"),
    ]  # fmt: skip


def test_one_click_never_brings_anybody_back(world: SignUp, visitor: FlaskClient) -> None:
    back = unsubscribed(world, visitor)
    for data in ({"List-Unsubscribe": "One-Click"}, {}, {"confirm": "maybe"}):
        visitor.post(back, data=data)
    assert world.consents()["marketing"] is False
    # And the link to unsubscribe is none to come back by.
    token = link_in(world, "u").rpartition("/")[2]
    assert visitor.post(f"/again/{token}", data=YES).status_code == 404


def test_there_is_no_way_back_from_what_holds_everywhere(
    world: SignUp, visitor: FlaskClient
) -> None:
    back = unsubscribed(world, visitor)
    ana = world.id_of()
    world.do(lambda work: suppress(work, [NewSuppression(ana, "global", "complaint", "test")]))
    assert "/again/" not in visitor.get(link_in(world, "u")).text
    assert "<form" not in visitor.get(back).text
    assert "do not write to this address" in visitor.post(f"{back}?lang=en", data=YES).text
    assert world.consents()["marketing"] is False


def test_pages_speak_both_languages(world: SignUp, visitor: FlaskClient) -> None:
    assert "Nhận thư của chúng tôi" in visitor.get("/subscribe?lang=vi").text
    taken = visitor.post("/subscribe?lang=vi", data=FORM)
    assert "mở hộp thư của bạn" in taken.text
    world.work()
    link = link_in(world)
    # Whoever asked for letters in Vietnamese is asked in Vietnamese, and may turn the page.
    assert "Chúng tôi gửi thư cho bạn nhé?" in visitor.get(link).text
    assert "May we write to you?" in visitor.get(f"{link}?lang=en").text


def test_before_anything_is_published_there_is_no_form(settings: Settings, sqlite_url: str) -> None:
    world = SignUp(settings, sqlite_url)
    visitor = served(world).test_client()
    assert visitor.get("/subscribe").status_code == 404
    assert sign_up(visitor).status_code == 404
    world.close()


def test_the_contacts_page_and_timeline_tell_what_waits_and_what_was_confirmed(
    world: SignUp, visitor: FlaskClient
) -> None:
    visitor.post("/subscribe", data=FORM, environ_overrides={"REMOTE_ADDR": "192.0.2.5"})
    world.work()
    somebody = served(world).test_client()
    log_in(somebody)
    page = somebody.get(f"/contacts/{world.id_of()}").text
    for told in ("Not confirmed yet", "Consent asked for, not confirmed yet: Letters", "192.0.2"):
        assert told in page
    assert "Agreed" not in page
    visitor.post(link_in(world), data=YES)
    page = somebody.get(f"/contacts/{world.id_of()}").text
    for told in (
        "Agreed to: Letters",
        "Signed up",
        "Consent asked for, not confirmed yet: Letters",
    ):
        assert told in page
    assert "Not confirmed yet" not in page


# ---- the API -----------------------------------------------------------------------------------

BODY = {"email": "ana@example.com", "topic": "marketing", "wording": "Send me letters."}


def tell(world: SignUp, visitor: FlaskClient, **changed: object) -> TestResponse:
    key = {"Authorization": f"Bearer {api_key(world.deps)}"}
    return visitor.post("/api/subscriptions", json={**BODY, **changed}, headers=key)


def test_the_api_asks_the_mailbox_unless_the_caller_holds_a_proof(
    world: SignUp, visitor: FlaskClient
) -> None:
    answer = tell(world, visitor, ip="192.0.2.77")
    assert (answer.status_code, answer.json) == (202, {"consent": "pending"})
    assert tell(world, visitor).json == {"consent": "waits"}
    proven = tell(world, visitor, email="bo@example.com", proof="form 12 of 2 March", name="Bo")
    assert (proven.status_code, proven.json) == (200, {"consent": "granted"})
    assert tell(world, visitor, email="bo@example.com").json == {"consent": "stands"}
    assert world.log() == [
        ("marketing", True, False, "api", "Send me letters.", "api", "192.0.2.77"),
        ("marketing", False, True, "api: form 12 of 2 March", "Send me letters.", "api", ""),
    ]
    world.work()
    assert (world.mailed("ana"), world.mailed("bo")) == (["ask"], ["hello"])


def test_a_proof_lifts_nothing_that_the_contact_said(world: SignUp, visitor: FlaskClient) -> None:
    unsubscribed(world, visitor)
    with world.deps.database.begin() as tx:
        tx.execute(sa.update(tables.Suppression).values(reason="unsubscribed"))
    assert tell(world, visitor, proof="they told us").json == {"consent": "pending"}
    assert [scope for scope, *_ in world.scopes(world.id_of())] == ["marketing"]
    ana = world.id_of()
    world.do(lambda work: suppress(work, [NewSuppression(ana, "global", "complaint", "test")]))
    assert tell(world, visitor, proof="they told us").status_code == 409


def test_the_api_says_what_is_wrong(world: SignUp, visitor: FlaskClient) -> None:
    wrong: list[dict[str, object]] = [
        {"email": "nobody"}, {"email": 7}, {"email": None}, {"topic": "nothing"},
        {"topic": "sign-up"}, {"wording": ""}, {"wording": "x" * 501}, {"name": "a/b"},
        {"name": "\x00"}, {"proof": ["yes"]}, {"ip": "\ud800"}, {"email": "a@b.c\r\nX: y"},
    ]  # fmt: skip
    for changed in wrong:
        answer = tell(world, visitor, **changed)
        assert answer.status_code == 400, changed
        assert answer.json, changed
        assert answer.json["error"], changed
    assert world.column(sa.select(C.id)) == []


def test_the_api_needs_its_key_and_an_object(world: SignUp, visitor: FlaskClient) -> None:
    assert visitor.post("/api/subscriptions", json=BODY).status_code == 401
    key = {"Authorization": f"Bearer {api_key(world.deps)}"}
    bodies: list[object] = [[], "x", None]
    for body in bodies:
        assert visitor.post("/api/subscriptions", json=body, headers=key).status_code == 400
    item = {"email": "ana@example.com", "id": "1"}
    for event in ("subscription_asked", "subscribed"):
        told = visitor.post("/api/events", json={**item, "event": event}, headers=key)
        assert told.status_code == 400, "what only we may say"


def test_letters_follow_a_confirmation_for_good(world: SignUp, visitor: FlaskClient) -> None:
    sign_up(visitor)
    world.work()
    visitor.post(link_in(world), data=YES)
    world.drive(NOW + 10 * DAY)
    assert world.mailed("ana") == ["ask", "hello", "again"]
    world.assert_sound()
