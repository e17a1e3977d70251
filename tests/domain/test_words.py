"""Durations as written, zones as named, and what a funnel knows about itself."""

from datetime import timedelta
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.conditions import All, Compare, Did, Not, Op, Subject
from nurture.domain.durations import format_duration, parse_duration
from nurture.domain.fit import Warmth
from nurture.domain.funnel import Account, Funnel, needs_history
from nurture.domain.scoring import Limit, ScoreRule
from nurture.domain.sequence import END, Email, Wait
from nurture.domain.stages import Edge, EdgeKind, Stage
from nurture.domain.zones import unknown_zones, zone_named, zone_of, zone_source
from tests.domain.build import ANA, DAY, HOUR, MINUTE, a_contact, a_sequence


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("30m", 30 * MINUTE),
        ("12h", 12 * HOUR),
        ("3d", 3 * DAY),
        (" 2 w ", 14 * DAY),
        ("0m", 0 * DAY),
    ],
)
def test_a_duration_is_read_as_written(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize("text", ["", "3", "d", "-1d", "1.5h", "3 days", "1d2h", "1000000d"])
def test_anything_else_is_refused_with_the_accepted_forms(text: str) -> None:
    with pytest.raises(ValueError, match="write 30m, 12h, 3d or 2w"):
        parse_duration(text)


@given(st.integers(0, 99_999), st.sampled_from("mhdw"))
def test_writing_and_reading_a_duration_gives_it_back(number: int, unit: str) -> None:
    duration = parse_duration(f"{number}{unit}")
    assert parse_duration(format_duration(duration)) == duration
    assert len(format_duration(duration)) <= len(f"{number}{unit}")


def test_the_zone_is_the_contacts_else_the_companys_else_the_accounts_else_utc() -> None:
    sequence = a_sequence(fallback_zone="Asia/Ho_Chi_Minh")
    nowhere = a_sequence(fallback_zone="")
    in_paris = a_contact(timezone="Europe/Paris")
    for contact, where, key, source in (
        (in_paris, sequence, "Europe/Paris", "contact"),
        (a_contact(timezone="Mars/Base"), sequence, "Asia/Ho_Chi_Minh", "account"),
        (
            a_contact(timezone="Europe/Paris", company_timezone="Asia/Tokyo"),
            sequence,
            "Europe/Paris",
            "contact",
        ),
        (a_contact(company_timezone="Asia/Tokyo"), sequence, "Asia/Tokyo", "company"),
        (
            a_contact(timezone="Mars/Base", company_timezone="Asia/Tokyo"),
            sequence,
            "Asia/Tokyo",
            "company",
        ),
        (a_contact(company_timezone="Head office"), nowhere, "UTC", "utc"),
        (ANA, sequence, "Asia/Ho_Chi_Minh", "account"),
        (ANA, nowhere, "UTC", "utc"),
    ):
        assert zone_of(contact, where).key == key
        assert zone_source(contact, where) == source


def test_a_zone_that_does_not_exist_is_told_and_not_used() -> None:
    lost = a_contact(timezone="Mars/Base", company_timezone="Head office")
    assert unknown_zones(lost) == (("contact", "Mars/Base"), ("company", "Head office"))
    assert unknown_zones(a_contact(timezone="Europe/Paris")) == ()
    assert unknown_zones(ANA) == ()


@pytest.mark.parametrize("name", ["", "Mars/Base", "../etc/passwd", "/etc/passwd", "America", "\0"])
def test_what_names_no_zone_is_no_zone(name: str) -> None:
    assert zone_named(name) is None


SCORED = Compare(Subject("engagement"), Op.AT_LEAST, 50)
FUNNEL = Funnel(
    account=Account("Shop", "shop@example.com", "1 Street", "https://shop.example"),
    stages=(Stage("visitor", {}), Stage("lead", {}), Stage("mql", {})),
    edges=(
        Edge(EdgeKind.PROMOTE, "lead", "mql", All((SCORED, Not(Did("visit"))))),
        Edge(EdgeKind.DEMOTE, "mql", "lead", Compare(Subject("engagement"), Op.BELOW, 30.5)),
        Edge(EdgeKind.DEMOTE, "mql", "lead", Compare(Subject("engagement"), Op.EXISTS, "x")),
        Edge(EdgeKind.DEMOTE, "mql", "visitor", Compare(Subject("fit"), Op.BELOW, 7)),
    ),
    groups={},
    rules=(
        ScoreRule("open", "open", 1, "email", limit=Limit(2, DAY)),
        ScoreRule("click", "click", 5, "email"),
    ),
    fit_rules=(),
    grades=(),
    warmth=(Warmth("hot", 50, 40), Warmth("cold", 0, 0)),
    fields={},
    topics={},
    first_stages=MappingProxyType({"referral": "lead"}),
)


def test_a_funnel_knows_its_order_limits_and_first_stages() -> None:
    assert FUNNEL.order == ("visitor", "lead", "mql")
    assert FUNNEL.limits == {"open": Limit(2, DAY)}
    assert FUNNEL.first_stage("referral") == "lead"
    assert FUNNEL.first_stage("form") == "visitor"


def test_a_funnel_knows_every_score_at_which_something_can_change() -> None:
    assert FUNNEL.score_thresholds == (0, 30.5, 40, 50)


def test_only_what_asks_for_events_needs_the_history() -> None:
    assert needs_history(All((SCORED, Not(Did("visit")))))
    assert not needs_history(All((SCORED,)))


def test_a_sequence_knows_what_follows() -> None:
    sequence = a_sequence(Email("one", "one"), Wait("pause", DAY))
    assert (sequence.first, a_sequence().first) == ("one", END)
    assert sequence.after("one") == "pause"
    assert sequence.after("pause") == END
    assert sequence.after("one", "elsewhere") == "elsewhere"
    assert sequence.after("unknown") == END
