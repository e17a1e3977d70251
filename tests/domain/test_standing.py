"""Where a contact stands: looking at the scheduled instants alone is the same as always looking."""

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nurture.campaigns.parse import parse_funnel
from nurture.domain.contact import Contact, Occurrence, Standing
from nurture.domain.scoring import Entry, award
from nurture.domain.stages import StageChange, next_change
from nurture.domain.standing import assessed, settle
from tests.domain.build import DAY, HOUR, MINUTE, NOW, a_contact
from tests.engine.world import FUNNEL

# Half-lives and dwells in hours, so that a few days hold many crossings of every kind: decay
# down, taken points fading upwards, windows running out, hours in a stage, dwells and rests.
DOCUMENT = {
    **FUNNEL,
    "edges": [
        {
            "kind": "promote", "from": "lead", "to": "mql",
            "when": {"score": "engagement", "at_least": 20}, "dwell": "1h",
        },
        {
            "kind": "promote", "from": "lead", "to": "sql",
            "when": {"all": [{"did": "demo", "within": "10h"}, {"temperature": "warm"}]},
        },
        {
            "kind": "recycle", "from": "mql", "to": "lead", "cooldown": "9h",
            "when": {"score": "engagement", "below": 6}, "dwell": "4h",
        },
        {
            "kind": "demote", "from": "mql", "to": "lead",
            "when": {"all": [
                {"temperature": "cold"}, {"not": {"did": "click", "within": "15h"}},
            ]},
        },
        {
            "kind": "promote", "from": "mql", "to": "sql",
            "when": {"all": [{"did": "demo", "at_least": 2, "within": "20h"}, {"grade": "A"}]},
        },
        {
            "kind": "demote", "from": "sql", "to": "mql",
            "when": {"any": [
                {"persona": "quiet"},
                {"all": [
                    {"hours_in_stage": {"at_least": 30}}, {"score": "engagement", "below": 12},
                ]},
            ]},
            "dwell": "2h",
        },
    ],
    "engagement": {
        "groups": [
            {"key": "good", "cap": 45, "half_life": "5h"},
            {"key": "bad", "half_life": "30h"},
        ],
        "rules": [
            {
                "key": "click", "name": {"vi": "b", "en": "b"}, "event": "click",
                "points": 9, "group": "good", "limit": {"times": 3, "per": "6h"},
            },
            {
                "key": "demo", "name": {"vi": "d", "en": "d"}, "event": "demo",
                "points": 16, "group": "good",
            },
            {
                "key": "frown", "name": {"vi": "f", "en": "f"}, "event": "frown",
                "points": -8, "group": "bad",
            },
        ],
    },
    "fit": {
        "rules": [
            {
                "key": "keen", "name": {"vi": "k", "en": "k"}, "points": 50,
                "when": {"did": "click", "within": "12h"},
            },
        ],
        "grades": [{"grade": "A", "at_least": 45}, {"grade": "D"}],
    },
    "personas": [
        {
            "key": "quiet", "name": {"vi": "q", "en": "q"},
            "when": {"not": {"did": "click", "within": "25h"}},
        },
    ],
}  # fmt: skip
RULES = parse_funnel(DOCUMENT)
STEP = 5 * MINUTE

# On whole steps, so that both ways of looking see an event at the same instant.
events = st.lists(
    st.tuples(st.sampled_from(("click", "click", "demo", "frown")), st.integers(0, 12 * 48)),
    max_size=9,
)

Moves = list[tuple[str, str]]


def play(found: list[tuple[str, int]], *, always: bool) -> tuple[Moves, list[datetime], Contact]:
    """Let four days pass, looking at every step, or at events and scheduled instants alone."""
    contact = a_contact(standing=Standing("lead", "lead", NOW))
    entries: list[Entry] = []
    coming = sorted(found, key=lambda one: one[1])
    moves: Moves = []
    moments: list[datetime] = []
    due: datetime | None = NOW
    for number in range(12 * 96):
        now = NOW + number * STEP
        happened = [name for name, at in coming if at == number]
        for place, name in enumerate(happened):
            one = Occurrence(name, now, {}, dedupe_key=f"{number}.{place}")
            entries += award(one, RULES.rules, 1)
            contact = replace(contact, history=(*contact.history, one))
        if not (always or happened or (due is not None and due <= now)):
            continue
        settled = settle(contact, entries, RULES, now)
        assert settled.look_at is None or settled.look_at > now
        contact, due = settled.contact, settled.look_at
        # Two edges that hold against each other would turn a contact in a circle, of which one
        # look takes one turn: there it matters how often somebody looks.
        assume(not isinstance(next_change(contact, RULES.edges, now), StageChange))
        moves += [(one.edge.start, one.edge.to) for one in settled.changes]
        moments += [now] * len(settled.changes)
    return moves, moments, assessed(contact, entries, RULES, NOW + 12 * 96 * STEP)


# Few, because each looks more than a thousand times at a score.
@settings(max_examples=10, deadline=None)
@given(events)
def test_looking_at_the_scheduled_instants_alone_is_the_same_as_always_looking(
    found: list[tuple[str, int]],
) -> None:
    always, at_all, last = play(found, always=True)
    seldom, at_some, same = play(found, always=False)
    assert seldom == always
    # A crossing of the score is scheduled to the minute.
    assert all(abs(one - other) <= STEP for one, other in zip(at_all, at_some, strict=True))
    assert (same.temperature, same.grade, same.persona) == (
        last.temperature, last.grade, last.persona,
    )  # fmt: skip


def standing(stage: str, since: timedelta, **changes: object) -> Contact:
    return a_contact(standing=Standing(stage, stage, NOW - since), **changes)


def test_points_taken_away_fade_and_the_rise_is_scheduled_too() -> None:
    entries = [
        Entry("buy", 1, "forever", 22, NOW, "buy:1"),
        Entry("frown", 1, "bad", -8, NOW, "frown:1"),
    ]
    settled = settle(standing("lead", DAY), entries, RULES, NOW)
    assert settled.contact.engagement == 14
    rises = settled.look_at
    assert rises is not None
    warm = settle(settled.contact, entries, RULES, rises)
    assert 15 <= warm.contact.engagement < 15.01
    assert warm.contact.temperature == "warm"


def test_a_rule_of_minus_points_without_half_life_disqualifies_for_good() -> None:
    entries = [
        Entry("buy", 1, "good", 45, NOW, "buy:1"),
        Entry("frown", 1, "forever", -1000, NOW, "frown:1"),
    ]
    settled = settle(standing("lead", DAY), entries, RULES, NOW)
    assert settled.contact.temperature == "cold"
    assert not settled.changes


def test_each_of_two_dwells_is_scheduled_whichever_edge_comes_first() -> None:
    slow = {
        "kind": "promote", "from": "lead", "to": "mql", "when": {"language": "en"}, "dwell": "9h",
    }  # fmt: skip
    quick = {**slow, "to": "sql", "dwell": "3h"}
    rules = parse_funnel({**DOCUMENT, "edges": [slow, quick]})
    settled = settle(standing("lead", HOUR), [], rules, NOW)
    assert settled.refused is not None
    assert settled.refused.to == "mql"
    assert settled.look_at == NOW + 2 * HOUR


def test_a_rest_is_scheduled_to_its_end() -> None:
    entries = [Entry("buy", 1, "forever", 30, NOW, "buy:1")]
    rests = NOW + 9 * HOUR
    contact = a_contact(
        standing=Standing("lead", "mql", NOW - DAY, rests),
        history=(Occurrence("click", NOW - 30 * DAY),),
    )
    settled = settle(contact, entries, RULES, NOW)
    assert settled.refused is not None
    assert (settled.refused.why, settled.refused.release) == ("resting", rests)
    assert settled.look_at == rests
    assert [one.edge.to for one in settle(contact, entries, RULES, rests).changes] == ["mql"]


def test_the_persona_follows_the_rules_and_may_open_an_edge() -> None:
    silent = settle(standing("sql", DAY), [], RULES, NOW)
    assert silent.contact.persona == "quiet"
    assert ("sql", "mql") in [(one.edge.start, one.edge.to) for one in silent.changes]
    clicked = standing("sql", DAY, history=(Occurrence("click", NOW - HOUR),))
    heard = settle(clicked, [], RULES, NOW)
    assert heard.contact.persona == ""
    assert heard.look_at is not None


def test_a_funnel_without_personas_leaves_the_one_they_have() -> None:
    bare = replace(RULES, personas=())
    kept = settle(standing("lead", DAY, persona="given"), [], bare, NOW)
    assert kept.contact.persona == "given"
