"""Every shipped email as people get it: both languages, people of whom much and little is known."""

import csv
import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest

from nurture.campaigns import read_campaigns
from nurture.domain.funnel import LANGUAGES
from nurture.domain.sequence import Email, Notify
from nurture.engine.letters import contact_fields, sender_of
from nurture.mailer.compile import compile_email
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.preview import preview
from nurture.mailer.render import Rendered, Renderer
from nurture.mailer.sources import read_source
from nurture.store.people import Addressee
from tests.fixtures.places import ROOT

CAMPAIGNS = read_campaigns(ROOT / "campaigns")
STEPS = [step for one in CAMPAIGNS.sequences.values() for step in one.steps]
EMAILS = sorted({step.template for step in STEPS if isinstance(step, Email)})
NOTICES = sorted({step.template for step in STEPS if isinstance(step, Notify)})
SERVICE = {step.template for step in STEPS if isinstance(step, Email) and step.topic == "service"}
RENDERER = Renderer()
SLIPS = ("{{", "{%", "None", "Undefined", "[]", "()", " ,", " .")
NOW = datetime(2026, 11, 3, 9, tzinfo=UTC)
WAY_OUT = "https://mail.lotusdesk.example.com/u/x"
YES = "https://mail.lotusdesk.example.com/confirm/x"

SHOP = "https://lotusdesk.example.com"
ITEMS = [
    {"name": "Máy in hóa đơn LD-80", "quantity": 1, "price": 1_890_000},
    {"name": "Máy quét mã vạch LD-2D", "quantity": 2, "price": 1_250_000},
]
# What every event brings that such an email is written for, and all that it may bring.
LEAST = {
    "items": ITEMS, "total": 4_390_000, "currency": "VND", "checkout_url": f"{SHOP}/checkout/7",
}  # fmt: skip
ALL = LEAST | {
    "title": "Chốt ngày trong 12 phút", "kind": "workshop", "place": "18 Hoa Sen, Quận 1",
    "starts_at": "2026-12-03T14:00:00+07:00", "ends_at": "2026-11-20",
    "register_url": f"{SHOP}/events/7/register", "cancel_url": f"{SHOP}/events/7/cancel",
    "page_url": f"{SHOP}/events/7", "join_url": f"{SHOP}/events/7/join",
    "materials_url": f"{SHOP}/events/7/materials", "recording_url": f"{SHOP}/events/7/recording",
}  # fmt: skip
INLINE = re.compile(r"</?(?:strong|a|span)\b[^>]*>")
MARKUP = re.compile(r"<style.*?</style>|<!--.*?-->|<[^>]+>", re.DOTALL)


def _people(language: str) -> list[Addressee]:
    """Somebody of whom everything is known, one of the shipped contacts, and a mere address."""
    path = ROOT / "nurture" / "demo" / "audience.csv"
    with path.open(encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if line["language"] == language]
    fullest = max(lines, key=lambda line: sum(bool(value) for value in line.values()))
    plain = next(line for line in lines if not line["owner_name"])
    known: list[Mapping[str, Any]] = [fullest, plain, {"email": "a@shop.example"}]
    dates = ("2027-03-01", None, None)
    return [
        Addressee(
            number, one["email"], language,
            {**{key: value for key, value in one.items() if value}, "renewal_date": dates[number]},
        )
        for number, one in enumerate(known)
    ]  # fmt: skip


@cache
def _compiled(name: str, language: str) -> CompiledEmail:
    source = read_source(ROOT / "templates" / "email", name, language)
    return compile_email(source, notice=name in NOTICES)


def _rendered(name: str, language: str, person: Addressee, event: Mapping[str, Any]) -> Rendered:
    merge: dict[str, object] = {
        "contact": contact_fields(person, CAMPAIGNS.funnel, language),
        "sender": sender_of(CAMPAIGNS.funnel.account).merge(),
        "event": dict(event), "stage": "lead", "persona": person.persona, "today": NOW,
        "language": language,
    }  # fmt: skip
    if name in NOTICES:
        merge |= {
            "owner": {"name": "Thu Hà", "email": "thu.ha@lotusdesk.example.com"},
            "person": {
                "name": person.fields.get("first_name", person.email), "email": person.email,
            },
            "score": 41.5, "fit": 30, "grade": "B", "temperature": "hot", "sequence": "Trial",
            "step": "tell-owner", "contact_url": f"{SHOP}/contacts/7",
        }  # fmt: skip
    else:
        merge |= {"unsubscribe_url": WAY_OUT, "view_url": f"{SHOP}/view", "confirm_url": YES}
    return preview(_compiled(name, language), merge, renderer=RENDERER)


def _parts(rendered: Rendered) -> list[str]:
    page = html.unescape(MARKUP.sub(" ", INLINE.sub("", rendered.html)))
    return [rendered.subject, " ".join(page.split()), rendered.text]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [*EMAILS, *NOTICES])
def test_an_email_reads_well_whoever_gets_it(name: str, language: str) -> None:
    written = (ROOT / "templates" / "email" / name / f"body.{language}.mjml").read_text("utf-8")
    # What a missing value leaves behind; a word that somebody wrote is no slip.
    slips = [one for one in SLIPS if one != "None" or "None" not in written]
    for person in _people(language):
        for event in (LEAST, ALL):
            rendered = _rendered(name, language, person, event)
            for part in _parts(rendered):
                assert part.strip()
                assert [slip for slip in slips if slip in part] == [], part
            assert rendered.warnings == ()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", EMAILS)
def test_an_email_to_a_contact_has_a_way_out_and_the_postal_address(
    name: str, language: str
) -> None:
    rendered = _rendered(name, language, _people(language)[0], ALL)
    assert f'href="{WAY_OUT}"' in rendered.html
    assert WAY_OUT in rendered.text
    for part in _parts(rendered)[1:]:
        assert CAMPAIGNS.funnel.account.address in part


@pytest.mark.parametrize("name", [*EMAILS, *NOTICES])
def test_a_subject_is_short_and_says_something_else_in_each_language(name: str) -> None:
    told = [_rendered(name, one, _people(one)[1], LEAST).subject for one in LANGUAGES]
    assert all(len(subject) <= 60 for subject in told), told
    assert told[0] != told[1]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NOTICES)
def test_a_notice_tells_who_it_is_about_and_leads_to_them(name: str, language: str) -> None:
    person = _people(language)[0]
    rendered = _rendered(name, language, person, ALL)
    assert person.email in rendered.text
    assert f"{SHOP}/contacts/7" in rendered.html
    assert WAY_OUT not in rendered.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_price_and_doubts_are_answered_by_the_person_the_contact_belongs_to(language: str) -> None:
    owned, _, nobody = _people(language)
    for name in ("sql-price-answers", "sql-roi", "sql-last-doubts", "opportunity-go-live-plan"):
        for person, signed in ((owned, owned.fields["owner_name"]), (nobody, "Nguyễn Thu Hà")):
            rendered = _rendered(name, language, person, LEAST)
            assert str(signed) in rendered.html
            assert str(signed) in rendered.text


def test_the_seat_and_its_reminder_are_the_only_messages_without_an_offer() -> None:
    assert sorted(SERVICE) == ["event-confirmation", "event-reminder"]
    assert CAMPAIGNS.funnel.transactional == {"service", "sign-up"}
    for name in SERVICE:
        for language in LANGUAGES:
            text = _rendered(name, language, _people(language)[0], ALL).text
            assert "/offers" not in text
            assert "/pricing" not in text
            assert f"{SHOP}/events/7/cancel" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_letter_that_asks_says_nothing_that_a_stranger_could_have_typed(language: str) -> None:
    event = {"topic_vi": "Thư hằng tuần", "topic_en": "Weekly letters"}
    for person in _people(language):
        rendered = _rendered("sign-up-confirmation", language, person, event)
        assert f'href="{YES}"' in rendered.html, "and no click of it is tracked"
        assert YES in rendered.text
        assert event[f"topic_{language}"] in rendered.subject
        assert event[f"topic_{language}"] in rendered.text
    used = _compiled("sign-up-confirmation", language).paths
    assert not {path for path in used if path.startswith("contact")}
