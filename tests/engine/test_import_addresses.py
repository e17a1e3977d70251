"""Addresses are checked, compared and remembered."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.config import Secrets
from nurture.engine.addresses import Address, address_key, parse_address
from nurture.errors import Invalid


@pytest.mark.parametrize(
    ("text", "email", "compared"),
    [
        (" Lan.Nguyen@Example.COM ", "Lan.Nguyen@example.com", "lan.nguyen@example.com"),
        ("lan+shop@example.com", "lan+shop@example.com", "lan+shop@example.com"),
        ("l.a.n@gmail.com", "l.a.n@gmail.com", "l.a.n@gmail.com"),
        ("lan@ví-dụ.vn", "lan@xn--v-d-rma6749a.vn", "lan@xn--v-d-rma6749a.vn"),
        ("lan@vi\u0301-du\u0323.vn", "lan@xn--v-d-rma6749a.vn", "lan@xn--v-d-rma6749a.vn"),
        ("a@shop.test", "a@shop.test", "a@shop.test"),
    ],
)
def test_an_address_is_normalised(text: str, email: str, compared: str) -> None:
    assert parse_address(text) == Address(email, compared)


@pytest.mark.parametrize(
    "text",
    [
        "", "lan", "lan@", "@example.com", "a b@example.com", "lan@example", "lan@@example.com",
        "lan@example.com, duc@example.com", "Lan <lan@example.com>", "lan@[127.0.0.1]",
        "lan\0@example.com", "lan@exa\nmple.com", '"lan"@example.com', "nguyễn@example.com",
        "a" * 65 + "@example.com", "lan@example..com", "lan@-example.com",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        parse_address(text)
    assert caught.value.remedy


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        found = parse_address(text)
    except Invalid:
        return
    assert found.email.isascii()
    assert parse_address(found.email) == found
    assert parse_address(found.compared).compared == found.compared


def test_an_address_key_tells_nothing_and_is_kept_by_its_master_key(tmp_path: Path) -> None:
    ours, theirs = (Secrets.load_or_create(tmp_path / name) for name in ("ours", "theirs"))
    key = address_key(ours, "lan@example.com")
    assert len(bytes.fromhex(key)) == 32
    assert key == address_key(ours, "lan@example.com")
    assert key != address_key(ours, "duc@example.com")
    assert key != address_key(theirs, "lan@example.com")
