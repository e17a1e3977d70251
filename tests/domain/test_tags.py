"""Tags as people write them: what is new, what is meant, and what can be read."""

import pytest

from nurture.domain.tags import fresh, is_readable, meant


def test_what_is_there_in_another_case_is_not_new_and_is_meant() -> None:
    assert fresh(["VIP", "Đồng", "đồng", "new"], {"vip"}) == ("Đồng", "new")
    assert meant(["vip", "gone"], {"Vip", "VIP", "vips"}) == ("VIP", "Vip")
    assert fresh([], {"vip"}) == meant([], {"vip"}) == ()


@pytest.mark.parametrize("tag", ["quán cũ", "<b>", "日本", "☕", "a/b \\ %"])
def test_whatever_can_be_seen_may_be_a_tag(tag: str) -> None:
    assert is_readable(tag)


@pytest.mark.parametrize("tag", ["a\0", "a\x1b[0m", "a\u202eb", "a\u200bb", "\ud800", "a\u2028b"])
def test_what_hides_something_may_not(tag: str) -> None:
    assert not is_readable(tag)
