"""Tags as people write them: what is new, what is meant, and what can be read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.conditions import Compare, Op, Subject, holds
from nurture.domain.contact import Change, Fact, changed
from nurture.domain.tags import fresh, is_readable, meant, same
from tests.domain.build import NOW, a_contact

TAGS = st.sampled_from(
    ["vip", "VIP", "Vip", "vips", "Straße", "STRASSE", "ΣΑΣ", "σας", "10", "10.0", "1e1", "2024.1",
     "2024.10", "true", "True", "", " ", "v*"]
)  # fmt: skip


def test_what_is_there_in_another_case_is_not_new_and_is_meant() -> None:
    assert fresh(["VIP", "Đồng", "đồng", "new"], {"vip"}) == ("Đồng", "new")
    assert meant(["vip", "gone"], {"Vip", "VIP", "vips"}) == ("VIP", "Vip")
    assert fresh([], {"vip"}) == meant([], {"vip"}) == ()


@given(st.frozensets(TAGS, max_size=4), TAGS)
def test_people_steps_and_conditions_mean_the_same_tag(had: frozenset[str], name: str) -> None:
    def is_tagged(tags: frozenset[str]) -> bool:
        found = {
            holds(Compare(Subject("tag"), op, want), a_contact(tags=tags), NOW)
            for op, want in ((Op.IS, name), (Op.IN, (name, "gone")), (Op.CONTAINS, name))
        }
        (answer,) = found
        return answer

    contact = a_contact(tags=had)
    assert is_tagged(had) is bool(meant([name], had)) is not bool(fresh([name], had))
    with_it = changed(contact, Change(Fact.TAG, name)).tags
    assert with_it == had | set(fresh([name], had))
    assert is_tagged(with_it)
    without = changed(contact, Change(Fact.UNTAG, name)).tags
    assert (
        without == had - set(meant([name], had)) == {tag for tag in had if same(tag) != same(name)}
    )
    assert not is_tagged(without)


def test_a_tag_is_a_text_also_where_it_looks_like_a_number_or_a_truth() -> None:
    contact = a_contact(tags=frozenset({"2024.10", "true"}))

    def meets(op: Op, want: str | float | bool) -> bool:
        return holds(Compare(Subject("tag"), op, want), contact, NOW)

    assert [meets(Op.IS, one) for one in ("2024.10", "2024.1", 2024.1, True)] == [
        True, False, False, False,
    ]  # fmt: skip
    assert meets(Op.MATCHES, "2024.*")
    assert not meets(Op.AT_LEAST, 1)
    assert not meets(Op.AFTER, "2020-01-01")


@pytest.mark.parametrize("tag", ["quán cũ", "<b>", "日本", "☕", "a/b \\ %"])
def test_whatever_can_be_seen_may_be_a_tag(tag: str) -> None:
    assert is_readable(tag)


@pytest.mark.parametrize("tag", ["a\0", "a\x1b[0m", "a\u202eb", "a\u200bb", "\ud800", "a\u2028b"])
def test_what_hides_something_may_not(tag: str) -> None:
    assert not is_readable(tag)
