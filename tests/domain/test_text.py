"""Folding text for search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.domain.text import fold, search_text


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


def test_a_contact_is_found_by_either_order_of_their_name() -> None:
    fields = {"first_name": "Phương", "last_name": "Lê Uyên", "company": "Gió Khơi", "age": 3}
    found = search_text("P.Le@example.com", fields)
    assert "le uyen phuong" in found
    assert "phuong le uyen" in found
    assert "p.le@example.com" in found
    assert "gio khoi" in found


def test_a_contact_without_a_name_is_found_by_their_address() -> None:
    assert search_text("a@example.com", {"first_name": None}) == "a@example.com"
