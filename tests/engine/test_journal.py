"""The journal of a worker: what it says after any death, and after a full disk."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.engine.journal import Journal, path_of, read_journal
from nurture.providers.base import Outcome, Receipt


def test_what_was_handed_over_and_not_answered_is_in_doubt(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "w1")
    journal.handing_over([1, 2])
    journal.settled(Receipt(1, Outcome.ACCEPTED, "abc", 250))
    in_doubt, receipts = read_journal(journal.path)
    assert in_doubt == {2}
    assert receipts == {1: Receipt(1, Outcome.ACCEPTED, "abc", 250)}


def test_a_second_hand_over_takes_back_the_first_answer(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "w1")
    journal.handing_over([1])
    journal.settled(Receipt(1, Outcome.SOFT, "", 452))
    journal.handing_over([1])
    assert read_journal(journal.path) == (frozenset({1}), {})


def test_an_emptied_journal_says_nothing_and_a_closed_one_is_gone(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "w1")
    journal.handing_over([1])
    journal.empty()
    assert read_journal(journal.path) == (frozenset(), {})
    journal.handing_over([2])
    assert read_journal(journal.path) == (frozenset({2}), {})
    journal.close()
    assert not journal.path.exists()
    assert read_journal(path_of(tmp_path, "w1")) == (frozenset(), {})


@pytest.mark.parametrize(
    "identifier", ["a b", "a\nR 9 accepted 250 x", "a\u2028b", "a\x0bb", "a\x85b", "\ud800", ""]
)
def test_no_identifier_can_end_a_line(tmp_path: Path, identifier: str) -> None:
    journal = Journal(tmp_path, "w1")
    journal.handing_over([1])
    journal.settled(Receipt(1, Outcome.ACCEPTED, identifier, 250))
    in_doubt, receipts = read_journal(journal.path)
    assert (in_doubt, set(receipts)) == (frozenset(), {1})


def test_that_an_address_is_on_the_providers_own_list_is_remembered(tmp_path: Path) -> None:
    journal = Journal(tmp_path, "w1")
    journal.settled(Receipt(1, Outcome.HARD, "", 406, mirrored=True))
    journal.settled(Receipt(2, Outcome.HARD, "", 550))
    _, receipts = read_journal(journal.path)
    assert [receipts[key].mirrored for key in (1, 2)] == [True, False]


LINES = ["H 1\n", "H 2\n", "R 1 accepted 250 m1\n", "H 3\n", "R 2 soft 452 \n"]


@pytest.mark.parametrize("cut", range(len("".join(LINES)) + 1))
def test_a_journal_cut_at_any_byte_never_forgets_a_hand_over(tmp_path: Path, cut: int) -> None:
    whole = "".join(LINES)
    path = tmp_path / "cut.log"
    path.write_text(whole[:cut])
    in_doubt, receipts = read_journal(path)
    lines = whole[:cut].split("\n")[:-1]
    handed = {int(line[2:]) for line in lines if line.startswith("H")}
    answered = {int(line.split()[1]) for line in lines if line.startswith("R")}
    assert in_doubt == handed - answered
    assert set(receipts) == answered


@given(st.binary(max_size=200))
def test_whatever_a_file_holds_can_be_read(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.log"
    path.write_bytes(raw + b"\nH 7\n")
    assert 7 in read_journal(path)[0]
