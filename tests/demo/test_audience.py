"""The audience: the same people every time, who do only what recipients can."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from nurture.demo.audience import LATEST, SOONEST, Audience
from nurture.demo.letterbox import read_letter
from nurture.demo.outside import Outside, form_fields
from nurture.demo.tempers import HABITS, REPLIES, SHARES, Temper, temper_of
from nurture.providers.inbox_mail import Arrival, Inbox

MONDAY = datetime(2026, 11, 23, 8, tzinfo=UTC)
TOKEN = "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zm9vYmFy"
MAIL = f"""From: Lotus Desk <hello@lotusdesk.example.com>\r
To: someone@example.com\r
Subject: =?utf-8?q?Ch=C3=A0o_b=E1=BA=A1n?=\r
Message-ID: <one@lotusdesk.example.com>\r
List-Unsubscribe: <http://127.0.0.1:9/u/{TOKEN}>\r
List-Unsubscribe-Post: List-Unsubscribe=One-Click\r
MIME-Version: 1.0\r
Content-Type: text/html; charset=utf-8\r
\r
<a href="http://127.0.0.1:9/c/{TOKEN}/0">.</a>\r
<a href="http://127.0.0.1:9/c/{TOKEN}/1">One</a> <a href="http://127.0.0.1:9/c/{TOKEN}/2">Two</a>\r
<a href="http://127.0.0.1:9/u/{TOKEN}">Unsubscribe</a>\r
<img src="http://127.0.0.1:9/o/{TOKEN}.gif">\r
""".encode()


class World(Outside):
    """A world that writes down what is done to it and does nothing."""

    def __init__(self) -> None:
        super().__init__("http://127.0.0.1:9", "key", b"secret")
        self.done: list[tuple[str, str]] = []

    def see_pixel(self, address: str, agent: str) -> None:
        self.done.append(("open", agent))

    def click(self, address: str) -> str:
        self.done.append(("click", address))
        return "https://lotusdesk.example.com/pricing"

    def scan(self, addresses: tuple[str, ...]) -> None:
        self.done.append(("scan", str(len(addresses))))

    def unsubscribe_at_once(self, address: str) -> bool:
        self.done.append(("unsubscribe", address))
        return True

    def unsubscribe_by_page(self, address: str) -> bool:
        self.done.append(("unsubscribe", address))
        return True

    def complain(self, recipient: str, message_id: str, at: datetime) -> bool:
        self.done.append(("complain", message_id))
        return True

    def tell(self, address: str, event: str, key: str, **properties: object) -> bool:
        self.done.append(("tell", event))
        return True


def somebody(temper: Temper) -> str:
    """An address whose owner has this temper."""
    return next(
        address
        for number in range(5000)
        if temper_of(address := f"person{number}@example.com") is temper
    )


def lives(tmp_path: Path, temper: Temper, mails: int = 1, days: int = 3) -> World:
    """What somebody does within some days of getting mails."""
    world, address = World(), somebody(temper)
    with Inbox(tmp_path / "inbox.sqlite3") as inbox:
        audience = Audience(inbox, world, tmp_path / "notes.json")
        for number in range(mails):
            raw = MAIL.replace(b"one@", b"%d@" % number)
            inbox.keep([Arrival(MONDAY, "b@lotusdesk.example.com", (address,), raw)])
        for hour in range(days * 24):
            audience.step(MONDAY + timedelta(hours=hour))
            while not audience.is_idle():
                pass
        audience.close()
        assert audience.failures == []
    return world


def test_a_letter_is_read_as_a_mail_program_sees_it() -> None:
    letter = read_letter(MAIL)
    assert letter.subject == "Chào bạn"
    assert [link.rpartition("/")[2] for link in letter.links] == ["1", "2"]
    assert letter.trap.endswith("/0")
    assert letter.pixel.endswith(".gif")
    assert letter.unsubscribe == f"http://127.0.0.1:9/u/{TOKEN}"
    assert letter.everything == (*letter.links, letter.trap)


def test_tempers_are_spread_as_stated_and_stay_with_their_address() -> None:
    people = [f"contact{number}@example.org" for number in range(4000)]
    found = Counter(temper_of(address) for address in people)
    assert sum(SHARES.values()) == 100
    for temper, share in SHARES.items():
        assert abs(found[temper] / 40 - share) < 3, temper
    assert all(temper_of(address.upper()) is temper_of(address) for address in people[:50])
    assert set(HABITS) == set(Temper)


def test_a_scanner_fetches_everything_and_the_trap_before_its_person_reads(tmp_path: Path) -> None:
    world = lives(tmp_path, Temper.GUARDED)
    assert world.done[0] == ("scan", "3")


def test_a_privacy_proxy_opens_and_says_nothing_of_its_person(tmp_path: Path) -> None:
    world = lives(tmp_path, Temper.PROXIED)
    assert world.done[0] == ("open", "Mozilla/5.0")


def test_somebody_who_leaves_unsubscribes_once_they_had_enough(tmp_path: Path) -> None:
    assert ("unsubscribe", f"http://127.0.0.1:9/u/{TOKEN}") in lives(
        tmp_path, Temper.LEAVING, mails=8
    ).done


def test_somebody_who_complains_does_so_by_their_provider(tmp_path: Path) -> None:
    assert any(what == "complain" for what, _ in lives(tmp_path, Temper.COMPLAINING, mails=2).done)


@pytest.mark.parametrize("temper", list(REPLIES))
def test_a_mailbox_that_is_gone_or_full_says_so_to_the_sender(
    tmp_path: Path, temper: Temper
) -> None:
    address = somebody(temper)
    with Inbox(tmp_path / "inbox.sqlite3") as inbox:
        audience = Audience(inbox, World(), tmp_path / "notes.json")
        audience.move_in([address, somebody(Temper.EAGER)])
        assert inbox.refusal(address) == REPLIES[temper]
        assert inbox.refusal(somebody(Temper.EAGER)) is None
        audience.close()


def test_an_audience_goes_on_where_it_stopped(tmp_path: Path) -> None:
    world, address = World(), somebody(Temper.PROXIED)
    with Inbox(tmp_path / "inbox.sqlite3") as inbox:
        first = Audience(inbox, world, tmp_path / "notes.json")
        inbox.keep([Arrival(MONDAY, "b@lotusdesk.example.com", (address,), MAIL)])
        first.step(MONDAY)
        first.close()
        assert world.done == []
        second = Audience(inbox, world, tmp_path / "notes.json")
        second.step(MONDAY + LATEST + SOONEST)
        second.close()
    assert world.done[0] == ("open", "Mozilla/5.0")
    assert len([one for one in world.done if one[0] == "open"]) == 1


def test_pressing_a_button_sends_the_hidden_fields_of_its_form_and_the_button() -> None:
    fields = '<input type="hidden" name="a" value="1"><input type="text" name="b">'
    page = f'<form>{fields}<button class="x" name="confirm" value="yes">Go</button></form>'
    assert form_fields(page) == {"a": "1", "confirm": "yes"}
