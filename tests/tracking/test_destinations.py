"""Destinations: to the web alone, and to the octet as the author wrote them."""

from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.tracking.links import safe_destination
from nurture.tracking.tokens import MAX_URL


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://example.com/",
        "HTTP://Example.COM/A",
        "http://127.0.0.1:8025/inbox",
        "http://[::1]:8025/x",
        "https://example.com./a",
        "https://example.com:/a",
        "https://my_host.example.com/",
        "https://example.com?q=a+b%20c%2Fd&copy=3&q=&q=2#/route?x=1",
        "https://example.com/a%2fb%ZZ/%/(c)/[d];e=f,g!$&'*@:~",
        "https://bucket.s3.amazonaws.com/k?X-Amz-Signature=ab%2Bcd&X-Amz-Date=2026",
        "https://example.com/a?next=javascript:alert(1)",
        "https://example.com/a@b",
    ],
)
def test_a_clean_url_comes_back_unchanged(url: str) -> None:
    assert safe_destination(url) == url


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (" https://example.com/ \n", "https://example.com/"),
        ("https://example.com/a b|c", "https://example.com/a%20b%7Cc"),
        ("https://example.com/giá", "https://example.com/gi%C3%A1"),
        (
            "https://example.com/?q=tiếng Việt",
            "https://example.com/?q=ti%E1%BA%BFng%20Vi%E1%BB%87t",
        ),
        ("https://example.com/#ø", "https://example.com/#%C3%B8"),
        ('https://example.com/"<>^`{}\\', "https://example.com/%22%3C%3E%5E%60%7B%7D%5C"),
        ("https://Bücher.example/", "https://xn--bcher-kva.example/"),
        ("https://BÜCHER.example/", "https://xn--bcher-kva.example/"),
        ("https://faß.de/", "https://xn--fa-hia.de/"),
        ("https://ｅｘａｍｐｌｅ.com/", "https://example.com/"),
    ],
)
def test_what_a_url_may_not_hold_is_encoded(url: str, told: str) -> None:
    assert safe_destination(url) == told


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "/path",
        "//evil.example/",
        "https:evil.example",
        "https:/evil.example",
        "https:///evil.example",
        "https://",
        "https://?q",
        "https://#f",
        "https://:80/",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)//https://example.com",
        "java\nscript:alert(1)",
        "data:text/html,x",
        "mailto:a@example.com",
        "ftp://example.com/",
        "https://user@evil.example/",
        "https://bank.example:pw@evil.example/",
        "https://bank.example\\@evil.example/",
        "https:\\\\evil.example",
        "https://evil.example\\.bank.example/",
        "https://exa mple.com/",
        "https://exa%6dple.com/",
        "https://a..b/",
        "https://-a.example/",
        "https://evil.example／.bank.example/",
        "https://evil。example/",
        "https://a\u200db.example/",
        "https://example.com:99999/",
        "https://example.com:8o/",
        "https://[::1/",
        "https://example.com/\r\nSet-Cookie: a=b",
        "https://example.com/\x00",
        "https://example.com/\x7f",
        "https://example.com/\x85",
        "https://example.com/\u2028",
        "https://example.com/\udc80",
        "https://exam\udc80ple.com/",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 127 + "example/",
        "https://example.com/" + "a" * MAX_URL,
        "https://example.com/" + "é" * (MAX_URL // 3),
    ],
)
def test_everything_else_leads_nowhere(url: str) -> None:
    assert safe_destination(url) is None


def test_the_longest_destination_still_passes() -> None:
    url = "https://example.com/".ljust(MAX_URL, "a")
    assert safe_destination(url) == url


hosts = st.sampled_from(
    ["example.com", "bücher.example", "[::1]", "127.0.0.1", "a_b.vn", "@x", "%"]
)
rests = st.text(max_size=30).map(lambda rest: rest and "/?#"[len(rest) % 3] + rest)


@given(st.sampled_from(["http", "https", "HTTPS"]), hosts, rests)
def test_what_is_safe_is_plain_ascii_stays_safe_and_keeps_its_host(
    scheme: str, host: str, rest: str
) -> None:
    safe = safe_destination(f"{scheme}://{host}{rest}")
    if safe is None:
        return
    assert safe.isascii()
    assert safe.isprintable()
    assert " " not in safe
    assert safe_destination(safe) == safe
    assert urlsplit(safe).netloc in {host, "xn--bcher-kva.example"}


@given(st.text(max_size=40))
def test_no_text_ever_raises(text: str) -> None:
    for url in (text, f"https://{text}", f"https://example.com/{text}"):
        safe = safe_destination(url)
        assert safe is None or safe[:4].lower() == "http"
