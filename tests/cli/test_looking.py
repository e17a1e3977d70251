"""`nurture simulate`, `backtest` and `replay`, run as a person runs them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from nurture.cli.main import group
from nurture.errors import Invalid, NotFound
from tests.fixtures.gardens import Sown

Run = Callable[..., Result]

# A basket with all that its emails print.
BASKET = (
    "--with", "cart_id=42", "--with", 'items=[{"name": "Latte art", "quantity": 2, "price": 9}]',
    "--with", "total=18", "--with", "currency=USD", "--with", "checkout_url=https://shop.example/42",
)  # fmt: skip


@pytest.fixture
def run(tmp_path: Path, sown: Sown) -> Run:
    """Run a command on a home with a garden in it; a known error is raised as it is."""
    home = tmp_path / "home"
    shutil.copytree(sown[0], home)

    def command(*words: str) -> Result:
        result = CliRunner(env={"NURTURE_HOME": str(home)}).invoke(group, words)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return command


def test_a_sequence_is_simulated_for_somebody_invented(run: Run) -> None:
    told = run(
        "simulate", "cart-reminder", "--someone", *BASKET,
        "--assume", "buys with cart_id=42 on day 3",
    ).output  # fmt: skip
    assert "someone@example.com" in told
    assert "Entered “Cart reminder”" in told
    assert "Left “Cart reminder”" in told
    assert "Stage → Customer" in told


def test_an_email_that_prints_what_the_event_does_not_bring_is_told_and_not_sent(run: Run) -> None:
    told = run("simulate", "cart-reminder", "--someone", "--with", "cart_id=42").output
    (line,) = [line for line in told.splitlines() if line.startswith("  ! ")]
    assert "“cart-reminder-saved” at step “saved” of “Cart reminder” prints event." in line
    assert {"event.items", "event.checkout_url"} <= set(line.replace(",", "").split())
    assert "“Cart reminder” cannot go on" in told
    assert "= 0 emails; “Cart reminder”: Failed" in told
    without_address = run("simulate", "cart-reminder", "--someone", *BASKET[:-2]).output
    assert "prints event.checkout_url" in without_address
    assert "event.items" not in without_address
    whole = run("simulate", "cart-reminder", "--someone", *BASKET, "--language", "vi").output
    assert "event." not in whole
    assert "= 0 email" not in whole


def test_a_list_that_is_not_closed_is_refused_in_the_language_of_the_answer(run: Run) -> None:
    asking = ("simulate", "cart-reminder", "--someone", "--with", "items=[1,", "--language")
    with pytest.raises(Invalid, match="“\\[1,” begins as JSON does, and is not closed"):
        run(*asking, "en")
    with pytest.raises(Invalid, match="“\\[1,” bắt đầu như JSON nhưng chưa được đóng lại") as told:
        run(*asking, "vi")
    assert 'items="[1,"' in told.value.remedy


def test_one_email_is_one_email(run: Run) -> None:
    told = run("simulate", "sign-up", "--someone", "--with", "ask=1", "--days", "1").output
    assert "= 1 email; “Confirming a sign-up”" in told


def test_the_same_in_vietnamese(run: Run) -> None:
    told = run("simulate", "lead-nurture", "--someone", "--language", "vi").output
    assert "ngày 1" in told
    assert "Nuôi dưỡng" in told or "“" in told


def test_why_something_is_assumed_in_vain_is_said_in_the_language_of_the_answer(run: Run) -> None:
    told = run(
        "simulate", "sign-up", "--someone", "--with", "ask=1", "--days", "1", "--language", "vi",
        "--assume", "opens please-confirm after 2h", "--assume", "visits on day 1 at 00:00",
    ).output  # fmt: skip
    assert "lúc ấy liên hệ chưa vào chuỗi" in told


def test_what_cannot_be_simulated_says_what_to_do(run: Run) -> None:
    with pytest.raises(NotFound, match="there is no sequence"):
        run("simulate", "lead-nurtur", "--someone")
    with pytest.raises(Invalid, match="nobody is named"):
        run("simulate", "lead-nurture")
    with pytest.raises(Invalid, match="--with cart_id"):
        run("simulate", "cart-reminder", "--someone")


def test_files_that_say_what_is_published_change_nothing(run: Run) -> None:
    told = run("backtest", "--days", "90").output
    assert "0 would have fared otherwise" in told


def test_everything_is_replayed_without_a_difference(run: Run) -> None:
    result = run("replay")
    assert result.output.rstrip().endswith("0 differences.")
    assert result.exit_code == 0
