"""Tokens: they come back as they went, and nothing else ever opens."""

import base64
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nurture.tracking.tokens import MAX_ADDRESS_PREFIX, MAX_URL, Purpose, Sealed, Tokens

KEY = bytes(range(64))
TOKENS = Tokens(KEY)
BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

purposes = st.sampled_from(Purpose)
email_ids = st.integers(0, 2**32 - 1)
send_ids = st.integers(0, 2**64 - 1)
urls = st.text(st.characters(codec="utf-8"), max_size=200)


@given(purposes, email_ids, send_ids)
def test_a_token_comes_back_as_it_was_sealed(purpose: Purpose, email: int, send: int) -> None:
    token = TOKENS.seal(purpose, email, send)
    assert len(token) == 38
    assert set(token) <= set(BASE64)
    assert TOKENS.open(purpose, token) == Sealed(email, send)


@given(purposes, email_ids, send_ids)
def test_the_same_send_always_has_the_same_token(purpose: Purpose, email: int, send: int) -> None:
    assert Tokens(KEY).seal(purpose, email, send) == TOKENS.seal(purpose, email, send)


@given(purposes, purposes, email_ids, send_ids)
def test_purposes_never_cross(sealed: Purpose, asked: Purpose, email: int, send: int) -> None:
    assume(sealed is not asked)
    assert TOKENS.open(asked, TOKENS.seal(sealed, email, send)) is None


@given(purposes, email_ids, send_ids, st.integers(0, 37), st.characters())
def test_any_changed_character_is_refused(
    purpose: Purpose, email: int, send: int, place: int, other: str
) -> None:
    token = TOKENS.seal(purpose, email, send)
    assume(token[place] != other)
    assert TOKENS.open(purpose, token[:place] + other + token[place + 1 :]) is None


def test_every_one_of_the_other_spellings_of_the_last_character_is_refused() -> None:
    # Four bits of the last character carry nothing, so lax decoders accept sixteen spellings.
    token = TOKENS.seal(Purpose.OPEN, 1, 2)
    opened = [last for last in BASE64 if TOKENS.open(Purpose.OPEN, token[:-1] + last)]
    assert opened == [token[-1]]


@given(st.text(max_size=60))
def test_noise_never_opens_and_never_raises(noise: str) -> None:
    for purpose in Purpose:
        assert TOKENS.open(purpose, noise) is None
        assert TOKENS.open_url(purpose, 7, noise) is None
    assert TOKENS.open_address(noise) is None


@given(st.binary(max_size=40))
def test_well_spelled_noise_never_opens(noise: bytes) -> None:
    text = base64.urlsafe_b64encode(noise).rstrip(b"=").decode()
    assert TOKENS.open(Purpose.CLICK, text) is None
    assert TOKENS.open_url(Purpose.CLICK, 7, text) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1],
        lambda token: token[1:],
        lambda token: token + "A",
        lambda token: token + "=",
        lambda token: token + "==",
        lambda token: token + "\n",
        lambda token: token[:19] + "\n" + token[20:],
        lambda token: token[:-1] + "=",
        lambda token: "",
        lambda token: "\udcff" * 38,
        lambda token: "é" * 38,
    ],
)
def test_a_token_of_another_shape_is_refused(spoil: Callable[[str], str]) -> None:
    assert TOKENS.open(Purpose.OPEN, spoil(TOKENS.seal(Purpose.OPEN, 3, 4))) is None


def test_the_standard_alphabet_is_not_a_second_spelling() -> None:
    for send in range(200):
        token = TOKENS.seal(Purpose.OPEN, 1, send)
        standard = token.replace("-", "+").replace("_", "/")
        if standard != token:
            assert TOKENS.open(Purpose.OPEN, standard) is None
            return
    pytest.fail("no token with a special character among 200")


@pytest.mark.parametrize(("email", "send"), [(-1, 0), (0, -1), (2**32, 0), (0, 2**64)])
def test_ids_that_do_not_fit_are_refused_by_name(email: int, send: int) -> None:
    with pytest.raises(ValueError, match="out of range"):
        TOKENS.seal(Purpose.OPEN, email, send)


@given(email_ids, send_ids)
def test_a_rotated_key_still_opens_what_it_sealed(email: int, send: int) -> None:
    fresh = Tokens(bytes(64), KEY)
    old = TOKENS.seal(Purpose.UNSUBSCRIBE, email, send)
    new = fresh.seal(Purpose.UNSUBSCRIBE, email, send)
    assert fresh.open(Purpose.UNSUBSCRIBE, old) == Sealed(email, send)
    assert fresh.open(Purpose.UNSUBSCRIBE, new) == Sealed(email, send)
    assert TOKENS.open(Purpose.UNSUBSCRIBE, new) is None


@pytest.mark.parametrize("length", [32, 48, 64])
def test_keys_of_every_strength_work(length: int) -> None:
    tokens = Tokens(bytes(length))
    assert tokens.open(Purpose.VIEW, tokens.seal(Purpose.VIEW, 1, 2)) == Sealed(1, 2)


def test_a_key_of_a_wrong_length_is_refused() -> None:
    with pytest.raises(ValueError, match="key"):
        Tokens(bytes(31))


@given(purposes, send_ids, urls)
def test_a_personal_destination_comes_back_to_the_octet(
    purpose: Purpose, send: int, url: str
) -> None:
    assert TOKENS.open_url(purpose, send, TOKENS.seal_url(purpose, send, url)) == url


@given(send_ids, send_ids, urls)
def test_a_personal_destination_belongs_to_one_send(sealed: int, asked: int, url: str) -> None:
    assume(sealed != asked)
    text = TOKENS.seal_url(Purpose.CLICK, sealed, url)
    assert TOKENS.open_url(Purpose.CLICK, asked, text) is None
    assert TOKENS.open_url(Purpose.VIEW, sealed, text) is None


@given(urls, st.data())
def test_any_changed_character_of_a_destination_is_refused(url: str, data: st.DataObject) -> None:
    text = TOKENS.seal_url(Purpose.CLICK, 9, url)
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from(BASE64))
    assume(text[place] != other)
    assert TOKENS.open_url(Purpose.CLICK, 9, text[:place] + other + text[place + 1 :]) is None


def test_ids_and_destinations_never_pass_for_one_another() -> None:
    token = TOKENS.seal(Purpose.CLICK, 1, 2)
    assert TOKENS.open_url(Purpose.CLICK, 2, token) is None
    text = TOKENS.seal_url(Purpose.CLICK, 2, "x" * 12)
    assert len(text) == 38
    assert TOKENS.open(Purpose.CLICK, text) is None


def test_the_longest_destination_passes_and_a_longer_one_is_refused() -> None:
    longest = "é" * (MAX_URL // 2)
    assert TOKENS.open_url(Purpose.CLICK, 1, TOKENS.seal_url(Purpose.CLICK, 1, longest)) == longest
    with pytest.raises(ValueError, match="at most 4096"):
        TOKENS.seal_url(Purpose.CLICK, 1, longest + "a")
    assert TOKENS.open_url(Purpose.CLICK, 1, "A" * 6000) is None


def test_a_destination_that_is_not_unicode_is_refused() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        TOKENS.seal_url(Purpose.CLICK, 1, "https://a/\udc80")


@given(email_ids, send_ids)
def test_a_bounce_address_survives_any_change_of_case(email: int, send: int) -> None:
    address = TOKENS.seal_address(email, send, prefix="b-")
    assert len(address) == 58
    assert address == address.lower()
    for spelled in (address, address.upper(), address.title()):
        assert TOKENS.open_address(spelled, prefix="b-") == Sealed(email, send)


@given(email_ids, send_ids, st.integers(0, 55), st.characters())
def test_any_changed_letter_of_a_bounce_address_is_refused(
    email: int, send: int, place: int, other: str
) -> None:
    address = TOKENS.seal_address(email, send)
    assume(address[place] != other.lower())
    assert TOKENS.open_address(address[:place] + other + address[place + 1 :]) is None


def test_letters_that_only_become_ascii_in_lower_case_are_refused() -> None:
    address = TOKENS.seal_address(1, 2, prefix="k+")
    assert TOKENS.open_address(address.replace("k", "\N{KELVIN SIGN}"), prefix="k+") is None


@pytest.mark.parametrize("asked", ["", "b", "c-", "b-b-"])
def test_a_bounce_address_opens_with_its_own_prefix_alone(asked: str) -> None:
    assert TOKENS.open_address(TOKENS.seal_address(1, 2, prefix="b-"), prefix=asked) is None
    assert TOKENS.open_address(TOKENS.seal_address(1, 2), prefix="b-") is None


def test_spaces_between_the_letters_of_a_bounce_address_are_no_second_spelling() -> None:
    address = TOKENS.seal_address(1, 2)
    for spaced in (f"{address[:2]} {address[2:]}", f" {address[1:]}", address + "\n"):
        assert TOKENS.open_address(spaced) is None


def test_a_bounce_address_never_exceeds_a_local_part() -> None:
    longest = "p" * MAX_ADDRESS_PREFIX
    address = TOKENS.seal_address(2**32 - 1, 2**64 - 1, prefix=longest)
    assert len(address) == 64
    assert TOKENS.open_address(address, prefix=longest) == Sealed(2**32 - 1, 2**64 - 1)
    with pytest.raises(ValueError, match="prefix"):
        TOKENS.seal_address(1, 2, prefix=longest + "p")
