"""Verdicts: strong signs alone, medium ones in pairs, and never by the order of arrival."""

import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.tracking import signals
from nurture.tracking.verdicts import REASONS, VERSION, Hit, HitKind, Label, Verdict, judge

ACCEPTED = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
READ = ACCEPTED + timedelta(hours=1)
NOW = ACCEPTED + timedelta(days=1)
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)
HOME = "113.161.10.20"
CLOUD = "40.94.20.1"
GOOGLE = "66.249.84.3"
BROWSER: Mapping[str, str] = {"Accept-Language": "vi-VN,vi", "Sec-Fetch-Mode": "navigate"}
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


def a_click(after: float = 0, link: int = 1, **changes: Any) -> Hit:
    given_by_default: dict[str, Any] = {"ip": HOME, "user_agent": CHROME, "headers": BROWSER}
    at = READ + timedelta(seconds=after)
    return Hit(HitKind.CLICK, at, link_index=link, **(given_by_default | changes))


def an_open(after: float = 0, **changes: Any) -> Hit:
    given_by_default: dict[str, Any] = {"ip": HOME, "user_agent": CHROME, "headers": BROWSER}
    return Hit(HitKind.OPEN, READ + timedelta(seconds=after), **(given_by_default | changes))


def judged(
    *hits: Hit, accepted: datetime | None = ACCEPTED, links: int = 12, now: datetime = NOW
) -> tuple[Verdict, ...]:
    return judge(hits, accepted_at=accepted, links=links, now=now)


def labels(*hits: Hit, links: int = 12) -> list[str]:
    return [verdict.label.value for verdict in judged(*hits, links=links)]


def only(hit: Hit) -> tuple[str, tuple[str, ...]]:
    (verdict,) = judged(hit)
    return verdict.label.value, verdict.reasons


def test_no_hits_give_no_verdicts() -> None:
    assert judged() == ()


def test_an_ordinary_open_and_click_are_human() -> None:
    assert only(an_open()) == ("human", ("no-machine-sign",))
    assert only(a_click()) == ("human", ("no-machine-sign",))
    assert judged(a_click())[0].version == VERSION


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "head", "POST", "PROPFIND"])
def test_a_method_that_no_browser_uses_here_is_a_machine(method: str) -> None:
    assert only(a_click(method=method)) == ("machine", ("method",))
    assert only(an_open(method=method)) == ("machine", ("method",))
    assert only(an_open(method=method, user_agent=GMAIL)) == ("machine", ("method",))


@pytest.mark.parametrize(
    "headers",
    [
        {"Purpose": "prefetch"},
        {"purpose": "Prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"X-Purpose": "preview"},
        {"X-Moz": "prefetch"},
    ],
)
def test_a_request_that_says_it_loads_ahead_is_a_machine(headers: dict[str, str]) -> None:
    told = dict(BROWSER) | headers
    assert only(a_click(headers=told)) == ("machine", ("prefetch-header",))
    assert only(an_open(headers=told, user_agent=GMAIL)) == ("machine", ("prefetch-header",))


@pytest.mark.parametrize(
    "agent",
    [
        GMAIL,
        "YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html",
        "Mozilla/5.0 (compatible; OutlookImageProxy)",
    ],
)
def test_an_image_proxy_shows_the_email_to_a_reader_but_never_clicks(agent: str) -> None:
    assert only(an_open(user_agent=agent, ip=GOOGLE)) == ("human", ("mail-proxy",))
    assert only(a_click(user_agent=agent)) == ("machine", ("proxy-click",))


def test_an_image_proxy_is_believed_before_every_other_rule() -> None:
    trap = a_click(1, link=0, user_agent=GMAIL, ip=GOOGLE)
    assert labels(an_open(user_agent=GMAIL, ip=GOOGLE), trap) == ["human", "machine"]


def test_outlook_on_the_desktop_shows_images_to_a_person() -> None:
    agent = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17928; Pro)"
    assert only(an_open(user_agent=agent, headers={"Accept": "*/*"}))[0] == "human"


def test_whether_apple_mail_showed_the_email_nobody_can_know() -> None:
    assert only(an_open(user_agent="Mozilla/5.0")) == ("unknown", ("apple-privacy",))
    assert only(an_open(user_agent="Mozilla/5.0", ip=CLOUD)) == ("unknown", ("apple-privacy",))


def test_gmail_loading_ahead_is_a_machine_when_it_comes_from_google() -> None:
    agent = signals.GMAIL_PREFETCH_AGENT
    referred = {"Referer": "http://mail.google.com/"}
    assert only(an_open(user_agent=agent, ip=GOOGLE)) == ("machine", ("gmail-prefetch",))
    assert only(an_open(user_agent=agent, ip=f"::ffff:{GOOGLE}"))[0] == "machine"
    assert only(an_open(user_agent=agent, headers=referred))[0] == "machine"
    assert only(an_open(user_agent=agent, ip=HOME)) == ("unknown", ("prefetch-agent",))
    elsewhere = {"Referer": "http://mail.google.com.evil.example/"}
    assert only(an_open(user_agent=agent, headers=elsewhere))[0] == "unknown"


@pytest.mark.parametrize(
    "agent",
    [
        "Barracuda Sentinel (EE)",
        "Microsoft Office Existence Discovery",
        "python-requests/2.32.3",
        "Java/17.0.2",
        "okhttp/4.12.0",
        "curl/8.5.0",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0 Safari/537.36",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
    ],
)
def test_a_program_that_names_itself_a_scanner_is_a_machine(agent: str) -> None:
    assert only(a_click(user_agent=agent)) == ("machine", ("scanner-agent",))
    assert only(an_open(user_agent=agent))[0] == "machine"


@pytest.mark.parametrize(
    "agent",
    [
        "Mozilla/5.0 (Linux; Android 13; CUBOT X70) AppleWebKit/537.36 Chrome/120.0 Mobile",
        "Mozilla/5.0 (Linux; Android 14; SM-A546E) AppleWebKit/537.36 Chrome/130 Zalo android/24",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605 [FBAN/FBIOS]",
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 coc_coc_browser/131.0 Chrome/125.0",
        IPHONE,
    ],
)
def test_phones_and_browsers_inside_apps_are_people(agent: str) -> None:
    assert only(a_click(user_agent=agent))[0] == "human"


def test_the_hidden_link_marks_every_hit_of_its_source_within_a_minute() -> None:
    hits = [
        a_click(-61, link=2),
        a_click(-60, link=3),
        an_open(-30),
        a_click(0, link=0),
        a_click(60, link=4),
        a_click(61, link=5),
        a_click(5, link=6, ip="14.160.1.1"),
        a_click(8, link=7, user_agent=IPHONE),
    ]
    assert labels(*hits) == ["human", *["machine"] * 4, *["human"] * 3]
    assert judged(*hits)[1].reasons == ("near-honeypot",)
    assert judged(*hits)[3].reasons == ("honeypot",)


def test_a_hit_that_the_door_calls_a_trap_is_one() -> None:
    assert only(a_click(honeypot=True)) == ("machine", ("honeypot",))


@pytest.mark.parametrize(
    ("seconds", "label"),
    [(-30, "machine"), (0, "machine"), (2, "machine"), (2.001, "human"), (60, "human")],
)
def test_nobody_clicks_before_delivery_or_within_two_seconds(seconds: float, label: str) -> None:
    (verdict,) = judged(a_click(), accepted=READ - timedelta(seconds=seconds))
    assert verdict.label == label
    assert (verdict.reasons == ("before-delivery",)) is (label == "machine")


@pytest.mark.parametrize(("seconds", "label"), [(-0.001, "machine"), (0, "human")])
def test_nobody_opens_before_delivery(seconds: float, label: str) -> None:
    (verdict,) = judged(an_open(), accepted=READ - timedelta(seconds=seconds))
    assert verdict.label == label


def test_three_links_in_two_seconds_from_one_address_are_a_machine() -> None:
    hits = [a_click(0, 1), a_click(1, 2), an_open(1.5), a_click(2, 3), a_click(9, 4)]
    assert labels(*hits) == [*["machine"] * 4, "human"]
    assert judged(*hits)[2].reasons == ("burst",)


def test_slower_fewer_or_spread_clicks_are_no_burst() -> None:
    assert labels(a_click(0, 1), a_click(1, 2), a_click(2.1, 3)) == ["human"] * 3
    assert labels(a_click(0, 1), a_click(0.1, 2), a_click(0.2, 1)) == ["human"] * 3
    spread = [a_click(0, 1, ip="1.1.1.1"), a_click(1, 2, ip="2.2.2.2"), a_click(2, 3)]
    assert labels(*spread) == ["human"] * 3


def test_hits_without_an_address_are_no_burst_of_one_address() -> None:
    assert labels(*(a_click(n / 10, n, ip="") for n in range(1, 6))) == ["human"] * 5


def test_long_bursts_are_marked_from_end_to_end() -> None:
    hits = [a_click(n / 2, 1 + n % 7) for n in range(40)]
    assert labels(*hits) == ["machine"] * 40


def test_following_every_link_within_ten_seconds_is_a_machine() -> None:
    hits = [a_click(n * 3.3, n, ip=f"14.160.1.{n}") for n in (1, 2, 3, 4)]
    assert labels(*hits, links=4) == ["machine"] * 4
    assert judged(*hits, links=4)[0].reasons == ("all-links",)
    assert labels(*hits, links=5) == ["human"] * 4
    slower = [a_click(n * 3.4, n) for n in (1, 2, 3, 4)]
    assert labels(*slower, links=4) == ["human"] * 4


def test_a_person_may_follow_both_links_of_a_short_email() -> None:
    assert labels(a_click(0, 1), a_click(3, 2), links=2) == ["human", "human"]
    assert labels(a_click(0, 1), links=1) == ["human"]
    assert labels(a_click(0, 1), links=0) == ["human"]


def test_the_hidden_link_does_not_count_as_one_of_the_links() -> None:
    hits = [a_click(0, 0, ip="1.1.1.1"), a_click(3, 1), a_click(6, 2)]
    assert labels(*hits, links=3) == ["machine", "human", "human"]


def test_a_check_at_the_moment_of_the_click_leaves_one_human_click() -> None:
    check, click = a_click(0, ip="52.212.1.1"), a_click(0.3)
    first, second = judged(check, click)
    assert (first.label, first.reasons) == (Label.MACHINE, ("scan-before-person",))
    assert (second.label, second.reasons) == (Label.HUMAN, ("after-scan",))


def test_a_check_by_a_known_scanner_leaves_the_click_of_the_person() -> None:
    known = a_click(0, user_agent="Barracuda Sentinel (EE)", ip=CLOUD)
    first, second = judged(known, a_click(0.4))
    assert (first.label, first.reasons) == (Label.MACHINE, ("scanner-agent", "cloud-address"))
    assert (second.label, second.reasons) == (Label.HUMAN, ("after-scan",))


def test_the_doubtful_one_of_two_is_the_check_even_when_it_comes_second() -> None:
    assert labels(a_click(0), a_click(0.4, ip=CLOUD)) == ["human", "machine"]
    assert labels(a_click(0, ip=CLOUD), a_click(0.4)) == ["machine", "human"]
    assert labels(a_click(0, ip=CLOUD), a_click(0.4, ip="40.94.20.2")) == ["machine", "unknown"]


def test_several_checks_before_one_person_are_all_checks() -> None:
    hits = [a_click(0, ip="1.1.1.1"), a_click(0.2, ip="1.1.1.1"), a_click(0.5, ip="2.2.2.2")]
    assert labels(*hits, a_click(0.9)) == ["machine", "machine", "machine", "human"]


def test_a_lone_click_a_double_click_and_another_link_are_never_folded_away() -> None:
    assert labels(a_click()) == ["human"]
    assert labels(a_click(0), a_click(0.2)) == ["human", "human"]
    assert labels(a_click(0, ip="1.1.1.1"), a_click(0.2, link=2)) == ["human", "human"]
    assert labels(a_click(0, ip="1.1.1.1"), a_click(1.1)) == ["human", "human"]
    assert labels(an_open(0, ip="1.1.1.1"), a_click(0.1)) == ["human", "human"]


def test_two_sources_in_the_same_moment_are_still_one_person() -> None:
    hits = [a_click(0, ip="1.1.1.1"), a_click(0, ip="2.2.2.2")]
    assert sorted(labels(*hits)) == ["human", "machine"]
    assert labels(*reversed(hits)) == labels(*hits)[::-1]


MEDIUM: dict[str, dict[str, Any]] = {
    "bare-agent": {"user_agent": "Mozilla/5.0"},
    "cloud-address": {"ip": CLOUD},
    "no-language": {"headers": {"Accept": "text/html"}},
    "not-navigation": {"headers": {"Accept-Language": "vi", "Sec-Fetch-Mode": "no-cors"}},
}


@pytest.mark.parametrize("code", MEDIUM)
def test_one_medium_sign_leaves_a_click_unknown(code: str) -> None:
    assert only(a_click(**MEDIUM[code])) == ("unknown", (code,))


def test_two_medium_signs_make_a_machine() -> None:
    both = a_click(ip=CLOUD, headers={"Accept": "*/*"})
    assert only(both) == ("machine", ("cloud-address", "no-language"))
    assert only(an_open(ip=CLOUD, user_agent="")) == ("machine", ("bare-agent", "cloud-address"))
    assert labels(both, a_click(0.3)) == ["machine", "human"]


def test_one_medium_sign_leaves_an_open_unknown_and_language_is_none_for_images() -> None:
    assert only(an_open(ip=CLOUD)) == ("unknown", ("cloud-address",))
    assert only(an_open(user_agent="")) == ("unknown", ("bare-agent",))
    assert only(an_open(headers={"Sec-Fetch-Mode": "no-cors"}))[0] == "human"


def test_headers_that_were_not_kept_say_nothing() -> None:
    assert only(a_click(headers={}))[0] == "human"


@pytest.mark.parametrize("ip", ["", "unknown", "999.1.1.1", "10.0.0.1, 10.0.0.2"])
def test_text_that_is_no_address_is_no_sign(ip: str) -> None:
    assert only(a_click(ip=ip))[0] == "human"


def test_a_click_waits_a_minute_for_the_acceptance_to_be_known() -> None:
    fresh, late = READ + timedelta(seconds=59), READ + timedelta(seconds=60)
    (waiting,) = judged(a_click(), accepted=None, now=fresh)
    assert (waiting.label, waiting.reasons) == (Label.UNKNOWN, ("acceptance-pending",))
    (doubtful,) = judged(a_click(ip=CLOUD), accepted=None, now=fresh)
    assert doubtful.reasons == ("cloud-address", "acceptance-pending")
    (machine,) = judged(a_click(ip=CLOUD, user_agent=""), accepted=None, now=fresh)
    assert machine.label == "machine"
    (settled,) = judged(a_click(), accepted=None, now=late)
    assert settled.label == "human"
    (opened,) = judged(an_open(), accepted=None, now=fresh)
    assert opened.label == "human"


def test_later_evidence_relabels_what_came_before() -> None:
    early = [a_click(0, 1), a_click(1, 2)]
    assert labels(*early) == ["human", "human"]
    assert labels(*early, a_click(1.5, 3))[:2] == ["machine", "machine"]
    assert labels(*early, a_click(50, 0))[:2] == ["machine", "machine"]


hits_of_any_kind = st.lists(
    st.builds(
        Hit,
        kind=st.sampled_from(HitKind),
        at=st.integers(-8, 300).map(lambda tenths: ACCEPTED + timedelta(seconds=tenths / 4)),
        method=st.sampled_from(["GET", "GET", "GET", "HEAD"]),
        ip=st.sampled_from([HOME, "1.1.1.1", CLOUD, GOOGLE, ""]),
        user_agent=st.sampled_from([CHROME, IPHONE, "Mozilla/5.0", "curl/8", GMAIL, ""]),
        headers=st.sampled_from([BROWSER, {}, {"Accept": "*/*"}, {"Purpose": "prefetch"}]),
        link_index=st.one_of(st.none(), st.integers(0, 5)),
        honeypot=st.just(False),
    ),
    max_size=14,
)


@given(hits_of_any_kind, st.randoms(use_true_random=False), st.integers(0, 6))
def test_the_order_of_arrival_never_matters(
    hits: list[Hit], chance: random.Random, links: int
) -> None:
    places = list(range(len(hits)))
    chance.shuffle(places)
    straight = judged(*hits, links=links)
    shuffled = judged(*(hits[place] for place in places), links=links)
    assert shuffled == tuple(straight[place] for place in places)


@given(hits_of_any_kind, st.integers(0, 6))
def test_every_hit_has_a_verdict_with_documented_reasons_in_order(
    hits: list[Hit], links: int
) -> None:
    verdicts = judged(*hits, links=links)
    assert len(verdicts) == len(hits)
    codes = list(REASONS)
    for verdict in verdicts:
        assert verdict.reasons
        assert sorted(set(verdict.reasons), key=codes.index) == list(verdict.reasons)


def naive_scans(hits: list[Hit]) -> list[bool]:
    """For clear hits alone: a later click of another source on the same link within a second."""
    return [
        any(
            other.link_index == hit.link_index
            and other.source != hit.source
            and timedelta(0) <= other.at - hit.at <= timedelta(seconds=1)
            and (other.at, other.source) > (hit.at, hit.source)
            for other in hits
        )
        for hit in hits
    ]


@given(
    st.lists(
        st.builds(
            a_click,
            after=st.integers(0, 40).map(lambda tenths: tenths / 5),
            link=st.integers(1, 2),
            ip=st.sampled_from(["1.1.1.1", "2.2.2.2", "9.9.9.9"]),
            user_agent=st.sampled_from([CHROME, IPHONE]),
        ),
        max_size=12,
    )
)
def test_the_quick_search_for_checks_agrees_with_the_plain_one(hits: list[Hit]) -> None:
    found = ["scan-before-person" in verdict.reasons for verdict in judged(*hits)]
    assert found == naive_scans(hits)


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=12),
    st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_clicks_on_one_link_always_leave_a_person(tenths: list[int], cloud: list[bool]) -> None:
    clear = [a_click(each / 10, ip=f"9.9.9.{n}") for n, each in enumerate(tenths)]
    doubtful = [a_click(each / 10, ip=f"40.94.20.{n}") for n, each in enumerate(tenths) if cloud[n]]
    told = labels(*clear, *doubtful)
    assert "human" in told[: len(clear)]
    assert "human" not in told[len(clear) :]


def test_many_thousand_hits_of_one_send_are_judged_without_delay() -> None:
    # The same link hammered from ever new sources within one second: every pair is a neighbour.
    hits = [a_click(n / 20_000, ip=f"9.9.{n // 250}.{n % 250}") for n in range(10_000)]
    verdicts = judged(*hits)
    assert [place for place, each in enumerate(verdicts) if each.label == "human"] == [9_999]


@pytest.mark.parametrize("code", REASONS)
def test_every_reason_is_told_in_both_languages(code: str) -> None:
    assert set(REASONS[code]) == {"vi", "en"}
    for sentence in REASONS[code].values():
        assert sentence[0].isupper()
        assert sentence.endswith(".")
    assert REASONS[code]["vi"] != REASONS[code]["en"]
