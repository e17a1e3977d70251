"""Guessing what a column is, and what cells mean."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nurture.campaigns.parse import parse_funnel
from nurture.campaigns.yaml_text import load
from nurture.domain.funnel import Funnel
from nurture.engine.importing_columns import IGNORED, columns, slug
from nurture.engine.importing_values import (
    clean,
    date_of,
    language_of,
    list_of,
    number_of,
    split_name,
    truth_of,
    zone_of,
)
from nurture.errors import Invalid
from tests.engine.importing_world import FUNNEL, table_of


@pytest.fixture(scope="module")
def funnel() -> Funnel:
    return parse_funnel(load(FUNNEL, "funnel.yaml").document)


def targets(titles: str, funnel: Funnel, **told: str) -> list[str]:
    table = table_of(f"{titles}\n{',x' * titles.count(',')}\n")
    return [column.target for column in columns(table, funnel, told)]


@pytest.mark.parametrize(
    ("titles", "wanted"),
    [
        ("Email,First Name,Last Name", ["email", "first_name", "last_name"]),
        ("E-mail,Họ tên,Công ty", ["email", "full_name", "company"]),
        ("Địa chỉ email,Họ,Tên", ["email", "last_name", "first_name"]),
        ("dia chi email,ho va ten dem,ten", ["email", "last_name", "first_name"]),
        ("EMAIL,TÊN", ["email", "full_name"]),
        ("email_address,Ngôn ngữ,Múi giờ,Nguồn", ["email", "language", "timezone", "source"]),
        ("mail,Giai đoạn,Nhãn", ["email", "stage", "tags"]),
        ("email,Múi giờ công ty", ["email", "company_timezone"]),
        ("email,Opt-in,Nguồn đồng ý", ["email", "consent", "consent_source"]),
        ("email,Số chỗ ngồi,Ngày gia hạn", ["email", "seats", "renewal"]),
        ("email,bant_budget", ["email", "bant.budget"]),
        ("Email,Email,E-mail", ["email", "field_email", "e_mail"]),
        ("email,Món ưa thích,Sinh nhật (ngày)", ["email", "mon_ua_thich", "sinh_nhat_ngay"]),
        ("email,,💖", ["email", IGNORED, IGNORED]),
        ("email,2nd phone,BANT,ID", ["email", "field_2nd_phone", "field_bant", "field_id"]),
        ("email,Nurture: line,Nurture: lý do", ["email", IGNORED, IGNORED]),
    ],
)
def test_a_column_is_known_by_its_title(titles: str, wanted: list[str], funnel: Funnel) -> None:
    assert targets(titles, funnel) == wanted


@pytest.mark.parametrize(
    "title",
    [
        "Đồng ý", "ĐỒNG Ý NHẬN TIN", "Dong y nhan ban tin hang thang", "Nhận tin", "Nhận email",
        "Có nhận tin?", "Đăng ký nhận tin", "Subscribed", "Opt-in", "Opted in", "OPT_IN", "Consent",
        "Marketing consent", "Email opt-in", "Consent to marketing", "Accepts Marketing",
    ],
)  # fmt: skip
def test_a_column_of_consent_is_known_by_its_title(title: str, funnel: Funnel) -> None:
    assert targets(f"email,{title}", funnel) == ["email", "consent"]


@pytest.mark.parametrize(
    "title",
    [
        "Ngày đồng ý", "Opt-in date", "OPTIN_IP", "SMS consent", "Không nhận tin", "Unsubscribed",
        "Nhân viên", "Opinion", "Email nhận hàng",
    ],
)  # fmt: skip
def test_what_only_sounds_like_consent_is_a_field(title: str, funnel: Funnel) -> None:
    assert targets(f"email,{title}", funnel)[1] not in {"consent", IGNORED}


def test_several_columns_of_consent_all_count_unless_one_is_told(funnel: Funnel) -> None:
    assert targets("email,Opt-in,Nhận tin", funnel) == ["email", "consent", "consent"]
    found = targets("email,Opt-in,Nhận tin", funnel, **{"opt-in": "consent"})
    assert found == ["email", "consent", "nhan_tin"]


def test_what_the_user_says_goes_before_the_guess(funnel: Funnel) -> None:
    found = targets("Liên hệ,Email,Ghi chú", funnel, **{"lien he": "email", "3": IGNORED})
    assert found == ["email", "field_email", IGNORED]


def test_unknown_columns_can_be_left_out(funnel: Funnel) -> None:
    table = table_of("email,company,whatever\na@example.com,B,C\n")
    found = columns(table, funnel, {}, ignore_unknown=True)
    assert [column.target for column in found] == ["email", "company", IGNORED]
    assert [column.example for column in found] == ["a@example.com", "B", "C"]


def test_a_bare_list_is_known_by_its_addresses(funnel: Funnel) -> None:
    found = columns(table_of("Lan,lan@example.com\nDuc,duc@example.com\n"), funnel, {})
    assert [(column.title, column.target) for column in found] == [("1", IGNORED), ("2", "email")]


def test_everything_wrong_with_a_mapping_is_told_at_once(funnel: Funnel) -> None:
    told = {"Nothing": "company", "b": "No Such Key!", "c": "company", "d": "company"}
    with pytest.raises(Invalid) as caught:
        columns(table_of("a,b,c,d\n1,2,3,4\n"), funnel, told)
    messages = "\n".join(str(problem) for problem in caught.value.problems)
    assert "no column 'Nothing'" in messages
    assert "'No Such Key!' is no name for a field" in messages
    assert "two columns become 'company'" in messages
    assert "no column holds email addresses" in messages


@given(st.text())
def test_a_slug_is_a_key_or_nothing(title: str) -> None:
    key = slug(title)
    assert key == "" or (key.isascii() and key.isidentifier() and key == key.lower())
    assert len(key) <= 70


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("vi", "vi"), ("vi-VN", "vi"), ("vi_VN", "vi"), ("Tiếng Việt", "vi"), ("VIETNAMESE", "vi"),
        ("en-GB", "en"), ("English", "en"), ("English (UK)", "en"), ("Tiếng Anh", "en"),
        ("fr", ""), ("Deutsch", ""), ("víx", ""),
    ],
)  # fmt: skip
def test_languages_are_known_by_code_and_name(text: str, wanted: str) -> None:
    assert language_of(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Asia/Ho_Chi_Minh", "Asia/Ho_Chi_Minh"), ("asia/ho chi minh", "Asia/Ho_Chi_Minh"),
        ("Asia/Saigon", "Asia/Saigon"), ("UTC+7", "Etc/GMT-7"), ("GMT +07:00", "Etc/GMT-7"),
        ("(UTC-05:00)", "Etc/GMT+5"), ("Mars/Base", ""), ("../../etc/passwd", ""), ("UTC+7:30", ""),
    ],
)  # fmt: skip
def test_zones_are_known_by_name_and_offset(text: str, wanted: str) -> None:
    assert zone_of(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("12", 12), ("-3", -3), ("1.5", 1.5), ("1,5", 1.5), ("1,234", 1234), ("1.234", 1.234),
        ("1.234.567", 1234567), ("1.234,5", 1234.5), ("1,234.5", 1234.5), ("12 000", 12000),
        ("1e5", None), ("NaN", None), ("ba", None), ("9" * 400, None), ("1.23.4", None),
        ("٣", None),
    ],
)  # fmt: skip
def test_numbers_are_read_with_point_or_comma(text: str, wanted: float | None) -> None:
    assert number_of(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2026-12-31", "2026-12-31"), ("31/12/2026", "2026-12-31"), ("5.6.2026", "2026-06-05"),
        ("2026/1/2", "2026-01-02"), ("2026-12-31T08:00:00+07:00", "2026-12-31T08:00:00+07:00"),
        ("31/02/2026", ""), ("12/31/2026", ""), ("soon", ""),
    ],
)  # fmt: skip
def test_dates_have_their_day_first(text: str, wanted: str) -> None:
    assert date_of(text) == wanted


def test_yes_and_no_are_known_in_both_languages() -> None:
    assert [truth_of(word) for word in ("Có", "yes", "TRUE", "1", "Đồng ý", "opt-in")] == [True] * 6
    assert [truth_of(word) for word in ("Không", "no", "0", "opt-out")] == [False] * 4
    assert truth_of("maybe") is None


def test_a_list_is_cut_at_any_usual_sign_and_holds_each_entry_once() -> None:
    assert list_of("a; b,c|d\na;;") == ("a", "b", "c", "d")


def test_cells_lose_what_databases_and_headers_refuse() -> None:
    assert clean(" Nguye\u0302\u0303n\0\x1b[31m\r ") == "Nguyễn[31m"
    assert clean("N/A") == clean("NULL") == clean(" - ") == ""
    assert clean("Na") == "Na"


def test_names_are_cut_as_their_language_orders_them() -> None:
    assert split_name("Nguyễn Thị Đào", "vi") == ("Đào", "Nguyễn Thị")
    assert split_name("Ada King Lovelace", "en") == ("Ada", "King Lovelace")
    assert split_name("Lan", "vi") == ("Lan", "")
    assert split_name("", "vi") == ("", "")
