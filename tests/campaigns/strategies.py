"""Sequences as hypothesis makes them: every step, subject and operator, and odd texts."""

from datetime import time, timedelta
from types import MappingProxyType

from hypothesis import strategies as st

from nurture.campaigns.comparisons import OPERATORS
from nurture.campaigns.conditions import FACTS
from nurture.domain import conditions as c
from nurture.domain import sequence as s
from nurture.domain.conditions import Compare, Condition, Did, Op, Subject
from nurture.domain.contact import Change, Fact, Value
from nurture.domain.timing import ANY_TIME, Window

KEYS = st.from_regex(r"[a-z0-9][a-z0-9_-]{0,8}", fullmatch=True).filter(lambda key: key != "end")
EVENTS = st.from_regex(r"[a-z][a-z0-9_.:-]{0,8}", fullmatch=True)
# Words that other readers of YAML take for something else, beside any text at all.
ODD = st.sampled_from(
    ["no", "yes", "on", "off", "null", "~", "true", "12:30", "0123", "1e3", "", "- a", "a: b", "#",
     "=", "<<", "*x", "&x", "Tiếng Việt", " hai ", "two\nlines", "\u2028", "1_000", ".5", "+84"]
)  # fmt: skip
# What no database keeps is no text of a campaign: see `campaigns.yaml_text`.
SIGNS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.one_of(ODD, st.text(SIGNS, max_size=20))
SHOWN = TEXTS.filter(bool)
NUMBERS = st.one_of(
    st.integers(-(10**15), 10**15), st.floats(allow_nan=False, allow_infinity=False)
)
SCALARS: st.SearchStrategy[Value] = st.one_of(TEXTS, NUMBERS, st.booleans())
LISTS = st.lists(TEXTS, min_size=1, max_size=3).map(tuple)
DURATIONS = st.builds(
    lambda many, unit: many * unit,
    st.integers(1, 500),
    st.sampled_from([timedelta(minutes=1), timedelta(hours=1), timedelta(days=1), timedelta(7)]),
)
CLOCKS = st.builds(time, st.integers(0, 23), st.integers(0, 59))
DAYS = st.frozensets(st.integers(1, 7))
TARGETS = st.one_of(st.just(""), st.just("end"), KEYS)
PASSES = st.integers(1, 1000)


def _where() -> st.SearchStrategy[MappingProxyType[str, Value]]:
    values = st.one_of(SCALARS, LISTS)
    return st.dictionaries(SHOWN, values, max_size=2).map(MappingProxyType)


WHERE = _where()


def _value(op: Op) -> st.SearchStrategy[Value]:
    match op:
        case Op.IS:
            return SCALARS
        case Op.IN:
            return LISTS
        case Op.CONTAINS | Op.MATCHES:
            return st.one_of(SCALARS, LISTS)
        case Op.EXISTS:
            return st.booleans()
        case Op.AFTER | Op.BEFORE:
            return SHOWN
        case Op.WITHIN_LAST | Op.IN_NEXT:
            return DURATIONS.map(lambda one: int(one.total_seconds()))
        case _:
            return NUMBERS


@st.composite
def comparisons(draw: st.DrawFn) -> Compare:
    """Any subject against any operator that a file can say."""
    named = {
        "field": KEYS,
        "bant": st.sampled_from(["budget", "authority", "need", "timing"]),
        "consent": KEYS,
    }
    kind = draw(st.sampled_from([*named, "engagement", "fit", *FACTS]))
    op = Op(draw(st.sampled_from(OPERATORS)))
    if kind == "consent":
        return Compare(Subject(kind, draw(KEYS)), Op.IS, draw(st.booleans()))
    name = draw(named[kind]) if kind in named else ""
    return Compare(Subject(kind, name), op, draw(_value(op)))


@st.composite
def dids(draw: st.DrawFn) -> Did:
    """What somebody did, so often at least, at most, or between both."""
    least = draw(st.integers(1, 10_000))
    most = draw(st.none() | st.integers(0, 10_000))
    if most is not None:
        least = draw(st.integers(0, most))
    return Did(draw(EVENTS), least, draw(st.none() | DURATIONS), draw(WHERE), most)


DIDS = dids()
CONDITIONS: st.SearchStrategy[Condition] = st.recursive(
    st.one_of(comparisons(), DIDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda parts: c.All(tuple(parts))),
        st.lists(inner, max_size=3).map(lambda parts: c.Any(tuple(parts))),
        inner.map(c.Not),
    ),
    max_leaves=4,
)
MATCHES = st.builds(s.Match, EVENTS, st.just("") | KEYS, WHERE)
CASES = st.builds(s.Case, CONDITIONS, TARGETS.filter(bool))
ASKED = st.one_of(
    st.tuples(MATCHES, st.none()), st.tuples(st.none(), CONDITIONS), st.tuples(MATCHES, CONDITIONS)
)


ACTING = (s.WaitUntil, s.Split, s.Update, s.Notify, s.Webhook, s.Enter, s.Leave)
BANT_LETTERS = st.sampled_from(["budget", "authority", "need", "timing"])
BANT_ANSWERS = st.sampled_from(["unknown", "no", "partial", "yes"])
OFFSETS = st.just(timedelta()) | DURATIONS | DURATIONS.map(lambda length: -length)
MEASURES = st.builds(
    s.Measure, EVENTS, WHERE, DURATIONS, st.integers(20, 5000), st.floats(0.6, 0.99),
    st.none() | DURATIONS,
)  # fmt: skip


@st.composite
def changes(draw: st.DrawFn) -> tuple[Change, ...]:
    """At least one change, in the order in which a file groups them."""
    fields = st.lists(KEYS, max_size=2, unique=True)
    found = [Change(Fact.FIELD, name, draw(st.text(max_size=5))) for name in draw(fields)]
    found += [Change(Fact.FIELD, name) for name in draw(fields)]
    found += [Change(Fact.TAG, name) for name in draw(fields)]
    found += [Change(Fact.UNTAG, name) for name in draw(fields)]
    found += [
        Change(Fact.BANT, letter, draw(BANT_ANSWERS))
        for letter in draw(st.lists(BANT_LETTERS, max_size=2, unique=True))
    ]
    return tuple(found) or (Change(Fact.TAG, "vip"),)


@st.composite
def acting(draw: st.DrawFn, key: str, kind: type[s.Step]) -> s.Step:
    """One step of a kind in ACTING, called `key`."""
    passes, to = draw(PASSES), draw(TARGETS)
    if kind is s.WaitUntil:
        named = draw(st.sampled_from(["field", "property"]))
        return s.WaitUntil(
            key, offset=draw(OFFSETS), at=draw(st.none() | CLOCKS), next=to, past=draw(TARGETS),
            missing=draw(TARGETS), passes=passes, **{named: draw(KEYS)},
        )  # fmt: skip
    if kind is s.Split:
        keys = draw(st.lists(KEYS, min_size=2, max_size=3, unique=True))
        held = draw(st.sampled_from([*keys, ""]))
        weights = st.integers(1, 1000)
        arms = tuple(s.Arm(one, draw(weights), draw(TARGETS), one == held) for one in keys)
        return s.Split(key, arms, draw(st.just("") | KEYS), draw(st.none() | MEASURES), passes)
    if kind is s.Update:
        return s.Update(key, draw(changes()), to, passes)
    if kind is s.Notify:
        whom = draw(st.sampled_from(["owner", "ana@example.com"]))
        return s.Notify(key, whom, draw(KEYS), to, passes)
    if kind is s.Webhook:
        fields = tuple(draw(st.lists(KEYS, max_size=2)))
        return s.Webhook(key, draw(KEYS), draw(EVENTS), fields, to, passes)
    beside = s.Enter if kind is s.Enter else s.Leave
    return beside(key, draw(KEYS), to, passes)


@st.composite
def steps(draw: st.DrawFn, key: str) -> s.Step:
    """One step of any kind, called `key`."""
    kind = draw(st.sampled_from(s.Step.__args__))
    passes = draw(PASSES)
    to = draw(TARGETS)
    if kind is s.Email:
        return s.Email(key, draw(KEYS), draw(KEYS), to, passes)
    if kind is s.Wait:
        days, at = draw(DAYS), draw(st.none() | CLOCKS)
        least = draw(DURATIONS | st.just(timedelta()))
        least = least if days or at is not None else draw(DURATIONS)
        return s.Wait(key, least, days, at, to, passes)
    if kind is s.WaitFor:
        match, when = draw(ASKED)
        no, unknowable = draw(TARGETS), draw(TARGETS)
        return s.WaitFor(key, draw(DURATIONS), match, when, to, no, unknowable, passes)
    if kind is s.Branch:
        cases = tuple(draw(st.lists(CASES, min_size=1, max_size=2)))
        return s.Branch(key, cases, to, draw(TARGETS), passes)
    if kind in ACTING:
        return draw(acting(key, kind))
    if kind is s.MoveTo:
        return s.MoveTo(key, draw(KEYS), passes)
    if kind is s.ChangeStage:
        return s.ChangeStage(key, draw(KEYS), to, passes)
    if kind is s.Exit:
        return s.Exit(key, draw(SHOWN), passes)
    match, when = draw(ASKED)
    return s.Goal(key, match, when, to or "end", passes, draw(st.none() | DURATIONS))


@st.composite
def sequences(draw: st.DrawFn) -> s.Sequence:
    """Any sequence that a file can say; whether it makes sense is for the check."""
    keys = draw(st.lists(KEYS, min_size=1, max_size=4, unique=True))
    staged = draw(st.booleans())
    active = st.sampled_from(list(s.WhileActive))
    cancel = st.lists(EVENTS, max_size=2).map(tuple)
    trigger = st.builds(s.Trigger, EVENTS, WHERE, TEXTS, cancel, active)
    again = draw(st.sampled_from(list(s.Reentry)))
    own = draw(st.booleans())
    return s.Sequence(
        key=draw(KEYS),
        names=MappingProxyType({"vi": draw(SHOWN), "en": draw(SHOWN)}),
        steps=tuple(draw(steps(key)) for key in keys),
        stage=draw(KEYS) if staged else "",
        trigger=None if staged else draw(trigger),
        track=draw(KEYS),
        priority=draw(st.integers(-100, 100)),
        entry=draw(CONDITIONS),
        exits=tuple(draw(st.lists(st.tuples(SHOWN, CONDITIONS), max_size=2))),
        reentry=again,
        reentry_after=draw(DURATIONS) if again is s.Reentry.AFTER else timedelta(),
        returning=draw(st.sampled_from(list(s.Returning))),
        window=draw(st.builds(Window, DAYS, CLOCKS, CLOCKS)) if own else ANY_TIME,
        window_is_own=own,
        spread=draw(DURATIONS | st.just(timedelta())),
        extra=MappingProxyType(draw(st.dictionaries(KEYS, SHOWN, max_size=2))),
    )
