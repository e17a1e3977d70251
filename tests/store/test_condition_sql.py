"""SQL and memory give one answer, whatever the condition and whoever the contact."""

import itertools
from collections.abc import Iterator
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nurture.domain import conditions as c
from nurture.domain.conditions import SUBJECTS, Compare, Condition, Did, Op, Subject, holds
from nurture.domain.contact import Contact, Value
from nurture.domain.tags import meant
from nurture.domain.turning import turns_at
from nurture.store import bulk, condition_sql, people, tables
from nurture.store.condition_members import EVERYTHING, members, turning
from nurture.store.condition_sql import Asking, bounds
from nurture.store.database import Database, Transaction
from tests.store import rows
from tests.store.rows import NOW

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
FIELDS = ("city", "size", "born", "hobbies", 'odd"name', "dog's", "a.b")
NAMES = ("visit", "open", "buy")
KEYS = ("welcome", "Winback", "10")
CONTENTS = ("guide", "Straße", "10", "")
STAGES = ("lead", "mql", "SQL")

# Letters that fold in odd ways, that a pattern gives a meaning to, and those of Vietnamese.
LETTERS = "aAbBzZ ßẞſKİıΣςσǰŉﬁÀàĐđƯưẾếÑñ%_*?[]\\^\u0301\u200b\u00a0\x1f019.+-eE'\"{},"
WORDS = st.sampled_from(
    ["Hà Nội", "HÀ NỘI", "hà nội", "Đà Lạt", "đà lạt", "Straße", "STRASSE", "strasse", "K", "k",
     "İstanbul", "i̇stanbul", "ΣΑΣ", "σας", "true", "True", "None", "null", "unknown", "yes",
     "10", "10.0", " 10 ", "\u00a010", "1e1", "1E1", "+10", "-0", "0", ".5", "5.", "1_0", "0x10",
     "nan", "inf", "1e400", "1e-400", "9" * 400, "9007199254740993", "9007199254740992", "\t10\n",
     "2026-03-02", "2026-03-01T03:00:00+00:00", "2026-03-02T10:00:00+07:00", "2026-03-02 03:00",
     "2026-W10-1", "20260302", "2026-02-29", "2024-02-29", "2026-02-30", "0000-01-01", "0001-01-01",
     "9999-12-31", "2026-03-02T03:00:00.123456Z", "2026-03-02T03:00:00.5", "2026-03-02T24:00",
     "2026-03-02T03", "now", "%", "_", "a%", "*a*", "?", "[a]", "\\", "welcome", "guide", "lead"]
)  # fmt: skip
TEXTS = WORDS | st.text(LETTERS, max_size=4) | st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=3
)  # fmt: skip
NUMBERS = (
    st.integers(-12, 12)
    | st.sampled_from([2**53, 2**53 + 1, 10**22, 10**23, 10**400, 1e22, 0.1, 1.5, 1e-7, 5e-324])
    | st.sampled_from([-0.0, 10.0, 1.7976931348623157e308, 0.30000000000000004])
    | st.floats(allow_nan=False, allow_infinity=False)
)
DATES = st.timedeltas(timedelta(days=-40), timedelta(days=40)).map(
    lambda one: (NOW + one).isoformat()
) | st.sampled_from([NOW.isoformat(), (NOW - DAY).isoformat(), (NOW + DAY).isoformat()])
SCALARS: st.SearchStrategy[Any] = st.one_of(TEXTS, NUMBERS, st.booleans(), DATES)
LISTS = st.lists(TEXTS, max_size=3)
DOCUMENTS = st.one_of(
    SCALARS, st.none(), LISTS, st.lists(st.one_of(SCALARS, st.none()), max_size=2),
    st.just({"a": 1}),
)  # fmt: skip
SPANS = st.sampled_from([60, 3_600, 86_400, 7 * 86_400, 30 * 86_400])
WANTED: st.SearchStrategy[Value] = st.one_of(
    SCALARS, LISTS.map(tuple), st.none(), SPANS, st.sampled_from([*KEYS, *STAGES, *CONTENTS, "now"])
)


@st.composite
def comparisons(draw: st.DrawFn) -> Compare:
    kind = draw(st.sampled_from(SUBJECTS))
    names = {"field": FIELDS, "bant": ("budget", "need"), "consent": ("marketing", "news")}
    subject = Subject(kind, draw(st.sampled_from(names.get(kind, ("",)))))
    op = draw(st.sampled_from(list(Op)))
    near = op in (Op.WITHIN_LAST, Op.IN_NEXT)
    return Compare(subject, op, draw(SPANS if near and draw(st.booleans()) else WANTED))


WHERE = st.dictionaries(
    st.sampled_from(("page", "n")), WANTED, max_size=2
).map(MappingProxyType)  # fmt: skip
DID = st.builds(
    Did,
    st.sampled_from(NAMES),
    st.integers(0, 3),
    st.none() | st.sampled_from([HOUR, DAY, 30 * DAY]),
    WHERE,
    st.none() | st.integers(0, 3),
    st.none() | st.builds(c.Asker, st.just("cart"), st.sampled_from(("1", "A", "a", "", "é"))),
)
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    comparisons() | DID,
    lambda inner: (
        st.builds(c.Not, inner)
        | st.lists(inner, max_size=3).map(lambda parts: c.All(tuple(parts)))
        | st.lists(inner, max_size=3).map(lambda parts: c.Any(tuple(parts)))
    ),
    max_leaves=6,
)

# Answers to emails of runs that stand side by side, and what only looks like one.
ANSWERS = st.fixed_dictionaries(
    {"sequence": st.sampled_from(("cart", "Cart", "other")) | DOCUMENTS},
    optional={"entry_key": st.sampled_from(("1", "A", "a", "é")) | DOCUMENTS},
)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(NAMES),
        st.sampled_from([-40 * DAY, -30 * DAY, -DAY, -HOUR, timedelta(), HOUR]),
        st.sampled_from(["human", "human", "machine", "unknown"]),
        st.dictionaries(st.sampled_from(("page", "n")), DOCUMENTS, max_size=2) | ANSWERS,
    ),
    max_size=4,
)
STANDINGS = st.none() | st.tuples(
    st.sampled_from(STAGES),
    st.sampled_from(STAGES),
    st.sampled_from([timedelta(), -HOUR, -10 * HOUR, -DAY, -DAY - timedelta(microseconds=1)]),
    st.sampled_from([0.0, 10.0, 0.1, 42.5]),
    st.sampled_from(["A", "D", ""]),
    st.sampled_from(["hot", "cold", ""]),
)
ONCE = itertools.count(1)


@st.composite
def contacts(draw: st.DrawFn) -> dict[str, Any]:
    """One contact with everything that rows may hold of them."""
    fields = draw(st.dictionaries(st.sampled_from(FIELDS), DOCUMENTS, max_size=4))
    if draw(st.booleans()):
        fields["bant"] = draw(
            st.dictionaries(
                st.sampled_from(("budget", "need")),
                st.none() | st.sampled_from(["yes", "No", "partial", "unknown", ""]),
            )
        )
    return {
        "fields": fields,
        "tags": draw(st.lists(TEXTS, max_size=3, unique=True)),
        "consents": draw(
            st.dictionaries(st.sampled_from(("marketing", "news")), st.booleans(), max_size=2)
        ),
        "language": draw(st.sampled_from(["vi", "en", ""])),
        "timezone": draw(st.sampled_from(["", "Asia/Ho_Chi_Minh"])),
        "persona": draw(st.sampled_from(["", "owner", "Chủ tiệm"])),
        "standing": draw(STANDINGS),
        "sequences": draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True)),
        "segments": draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True)),
        "received": draw(st.lists(st.sampled_from(CONTENTS), max_size=2, unique=True)),
        "events": draw(EVENTS),
    }


class Place:
    """A database with the keys there are; what a test writes is taken back."""

    def __init__(self, url: str) -> None:
        self.database = Database(url)
        with self.database.begin() as tx:
            self.sequences = {key: rows.sequence(tx, key) for key in KEYS}
            inserted = bulk.insert(
                tx,
                tables.Segment,
                [
                    {"key": key, "document": {}, "digest": key,
                     "published_at": NOW, "published_by": "test"}
                    for key in KEYS
                ],
                returning=("id", "key"),
            )  # fmt: skip
            self.segments = {row.key: row.id for row in inserted}

    def add(self, tx: Transaction, person: dict[str, Any]) -> int:
        """Write one contact with all that belongs to them; return the id."""
        columns = ("fields", "tags", "consents", "language", "timezone", "persona")
        row = rows.contact(f"p{next(ONCE)}", **{name: person[name] for name in columns})
        added = sa.insert(tables.Contact).values(**row).returning(tables.Contact.id)
        key = int(tx.execute(added).scalar_one())
        if person["standing"]:
            stage, highest, since, score, grade, temperature = person["standing"]
            tx.execute(
                sa.insert(tables.Standing).values(
                    contact_id=key, track="default", stage=stage, highest=highest,
                    since=NOW + since, engagement=score, fit=score, grade=grade,
                    temperature=temperature, scored_at=NOW,
                )
            )  # fmt: skip
        for name in person["sequences"]:
            run = rows.run(key, *self.sequences[name], track="", state_data={})
            tx.execute(sa.insert(tables.Enrollment).values(**run))
        for name in person["segments"]:
            member = {"segment_id": self.segments[name], "contact_id": key, "since": NOW}
            tx.execute(sa.insert(tables.SegmentMember).values(**member))
        for content in person["received"]:
            got = {"contact_id": key, "content": content, "send_id": 1, "at": NOW}
            tx.execute(sa.insert(tables.Received).values(**got))
        for name, ago, verdict, properties in person["events"]:
            tx.execute(
                sa.insert(tables.Event).values(
                    contact_id=key, name=name, occurred_at=NOW + ago, recorded_at=NOW,
                    dedupe_key=f"e{next(ONCE)}", verdict=verdict, properties=properties,
                )
            )  # fmt: skip
        return key


@pytest.fixture
def place(database_url: str) -> Iterator[Place]:
    found = Place(database_url)
    yield found
    found.database.close()


def in_memory(tx: Transaction, condition: Condition, ids: list[int], now: datetime) -> set[int]:
    found = people.contacts(tx, ids, EVERYTHING)
    return {key for key, contact in found.items() if holds(condition, contact, now)}


RELENTLESS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
# One contact for each odd value, in a field, in a list and in what they did.
ODD: tuple[Any, ...] = (
    *("Hà Nội", "HÀ NỘI", "Straße", "STRASSE", "İstanbul", "i̇stanbul", "ΣΑΣ", "σας", "K", "ﬁn"),
    *("true", "True", "None", "null", "", " ", "a%", "a_", "a\\", "[a]", "a*", "a?", "a\nb"),
    *("10", "10.0", " 10 ", "\u00a010", "\x1f10", "1e1", "+10", "-0", ".5", "5.", "1_0", "nan"),
    *("inf", "1e400", "1e-400", "9" * 400, "9007199254740993", "2026-03-02", "2026-03-01"),
    *("2026-03-02T10:00:00+07:00", "2026-03-02 03:00", "2026-W10-1", "20260302", "2026-02-29"),
    *("2024-02-29", "0000-01-01", "0001-01-01", "9999-12-31", "2026-03-02T03:00:00.5"),
    *("2026-03-02T24:00", "2026-03-02T03:00:00.123456Z", "2026-03-02x03:00"),
    *("2026-03-02T03:00-15:00",),
    *(0, 1, 10, -3, 1.0, 10.0, 0.1, 1.5, 1e22, 1e-7, -0.0, 2**53, 2**53 + 1, 10**23, 10**400),
    *(1.7976931348623157e308, 5e-324, True, False, None, [], ["a"], ["Hà Nội", "10"], [10, None]),
    *([""], [True], [["a"]], {"a": 1}),
)  # fmt: skip
ODD_WANTED = st.sampled_from([one for one in ODD if not isinstance(one, list | dict)])
ODD_COMPARISONS = st.builds(
    Compare,
    st.just(Subject("field", "city")),
    st.sampled_from(list(Op)),
    st.one_of(ODD_WANTED, st.lists(ODD_WANTED.map(str), max_size=3).map(tuple), WANTED),
)
ODD_DID = st.builds(
    Did, st.just("visit"), st.integers(0, 2), st.none(),
    st.fixed_dictionaries({"page": st.one_of(ODD_WANTED, WANTED)}).map(MappingProxyType),
    st.none() | st.integers(0, 1),
)  # fmt: skip


def nobody() -> dict[str, Any]:
    return {
        "fields": {}, "tags": [], "consents": {}, "language": "vi", "timezone": "", "persona": "",
        "standing": None, "sequences": [], "segments": [], "received": [], "events": [],
    }  # fmt: skip


class Odd:
    """Contacts with one odd value each, and the transaction in which they are."""

    def __init__(self, tx: Transaction, known: dict[int, Contact]) -> None:
        self.tx = tx
        self.known = known


@pytest.fixture
def odd(place: Place) -> Iterator[Odd]:
    """Contacts with one odd value each, written once for all examples."""
    with place.database.read() as tx:
        ids = []
        for one in ODD:
            tags = [one] if isinstance(one, str) else []
            events = [("visit", -HOUR, "human", {"page": one})]
            person = nobody() | {"fields": {"city": one}, "tags": tags, "events": events}
            ids.append(place.add(tx, person))
        yield Odd(tx, people.contacts(tx, ids, EVERYTHING))


@given(asked=ODD_COMPARISONS | ODD_DID)
@settings(RELENTLESS, max_examples=300)
def test_every_odd_value_is_compared_in_sql_as_in_memory(odd: Odd, asked: Condition) -> None:
    tx, known = odd.tx, odd.known
    assert members(tx, asked, NOW) == {
        key for key, contact in known.items() if holds(asked, contact, NOW)
    }
    if isinstance(asked, Compare):
        tagged = Compare(Subject("tag"), asked.op, asked.value)
        assert members(tx, tagged, NOW) == {
            key for key, contact in known.items() if holds(tagged, contact, NOW)
        }


@given(name=st.one_of(ODD_WANTED.map(str), TEXTS), op=st.sampled_from([Op.IS, Op.CONTAINS]))
@settings(RELENTLESS, max_examples=100)
def test_sql_finds_whoever_has_a_tag_as_people_mean_it(odd: Odd, name: str, op: Op) -> None:
    tagged = Compare(Subject("tag"), op, name)
    assert members(odd.tx, tagged, NOW) == {
        key for key, contact in odd.known.items() if meant([name], contact.tags)
    }


PLAIN: tuple[Condition, ...] = (
    Compare(Subject("field", "city"), Op.IS, "Hà Nội"),
    Compare(Subject("field", "size"), Op.AT_LEAST, 10),
    Compare(Subject("field", "born"), Op.IN_NEXT, 86_400),
    Compare(Subject("stage"), Op.IN, ("lead", "mql")),
    Compare(Subject("tag"), Op.IS, "vip"),
    Did("visit", 2, 30 * DAY, MappingProxyType({"page": "*pricing*"})),
)


@pytest.mark.parametrize("asked", PLAIN, ids=str)
def test_what_contacts_are_like_as_a_rule_is_answered_by_sql_alone(
    place: Place, asked: Condition
) -> None:
    """Nobody is read into memory: of plain people SQL says surely who it is, and who is not."""
    usual = nobody() | {
        "fields": {"city": "hà nội", "size": "12", "born": "2026-03-02T10:30:00+07:00"},
        "tags": ["VIP"],
        "standing": ("lead", "lead", -HOUR, 0.0, "A", "hot"),
        "events": [("visit", -HOUR, "human", {"page": "/Pricing"})] * 2,
    }
    other = nobody() | {"fields": {"city": "Đà Lạt", "size": 3, "born": "1990-05-05"}}
    with place.database.read() as tx:
        ids = [place.add(tx, one) for one in (usual, other)]
        asking = Asking.of(tx, asked, NOW)
        said = bounds(asking, asked)
        for truth in (said.sure, said.maybe):
            statement = condition_sql.people("default").where(truth)
            assert list(tx.execute(statement).scalars()) == ids[:1]


@given(st.lists(contacts(), min_size=1, max_size=3), st.lists(CONDITIONS, min_size=1, max_size=4))
@RELENTLESS
def test_sql_finds_whom_memory_finds(
    place: Place, everybody: list[dict[str, Any]], asked: list[Condition]
) -> None:
    with place.database.read() as tx:
        ids = [place.add(tx, person) for person in everybody]
        for condition in asked:
            wanted = in_memory(tx, condition, ids, NOW)
            assert members(tx, condition, NOW, ids=ids) == wanted
            assert members(tx, condition, NOW, between=(ids[0], ids[-1])) == wanted
            assert members(tx, condition, NOW) == wanted
            assert members(tx, c.Not(condition), NOW) == set(ids) - wanted


@given(st.lists(contacts(), min_size=1, max_size=3), CONDITIONS)
@RELENTLESS
def test_whom_time_may_turn_is_found_by_sql(
    place: Place, everybody: list[dict[str, Any]], condition: Condition
) -> None:
    with place.database.read() as tx:
        ids = [place.add(tx, person) for person in everybody]
        found = set(turning(tx, condition, NOW, (ids[0], ids[-1]), EVERYTHING))
        for key, contact in people.contacts(tx, ids, EVERYTHING).items():
            at = turns_at(condition, contact, NOW)
            if at is not None and holds(condition, contact, at) != holds(condition, contact, NOW):
                assert key in found
