"""Folding text for search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.text import fold


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("  Nguyễn Thị\u00a0 ĐÀO ", "nguyen thi dao"),
        ("Trần Đình\tĐức\n", "tran dinh duc"),
        ("Straße", "strasse"),
        ("İSTANBUL Işık", "istanbul isik"),
        ("Ｅｍａｉｌ", "email"),
        ("Łódź, Øre", "lodz, ore"),
        ("東京", "東京"),
        ("", ""),
    ],
)
def test_people_find_a_word_without_typing_its_accents(text: str, folded: str) -> None:
    assert fold(text) == folded


def test_composed_and_decomposed_vietnamese_fold_to_the_same() -> None:
    assert fold("Nguye\u0302\u0303n") == fold("Nguyễn") == "nguyen"


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    once = fold(text)
    assert fold(once) == once
    assert once == " ".join(once.split())
