"""What an import has to say about a row, in English and Vietnamese."""

from collections.abc import Mapping
from dataclasses import dataclass

# Code → (English, Vietnamese). {value} is what stood in the file, shortened.
_WORDS: Mapping[str, tuple[str, str]] = {
    # Why a row is rejected.
    "no_address": ("The email address is missing.", "Thiếu địa chỉ email."),
    "no_at": (
        "{value} is not an email address: the @ is missing.",
        "{value} không phải địa chỉ email: thiếu dấu @.",
    ),
    "several_addresses": (
        "{value} holds several addresses; write one per row.",
        "{value} có nhiều địa chỉ; mỗi dòng chỉ ghi một địa chỉ.",
    ),
    "accented_address": (
        "{value} has letters before the @ that email does not carry everywhere.",
        "{value} có chữ có dấu trước @, nhiều máy chủ email không nhận.",
    ),
    "bad_address": (
        "{value} is not a valid email address.",
        "{value} không phải địa chỉ email hợp lệ.",
    ),
    "no_consent_source": (
        "It is not known where consent comes from: fill the column of the source or give --source.",
        "Không rõ sự đồng ý đến từ đâu: hãy điền cột nguồn hoặc dùng --source.",
    ),
    "not_agreed": (
        "The row says that this person does not agree to get email ({value}).",
        "Dòng này ghi là người nhận không đồng ý nhận email ({value}).",
    ),
    "no_consent": (
        "The column of consent is empty: this person has not agreed to get email.",
        "Cột đồng ý để trống: người này chưa đồng ý nhận email.",
    ),
    "unclear_consent": (
        "{value} is neither yes nor no in the column of consent.",
        "Cột đồng ý ghi {value}, không rõ là có hay không.",
    ),
    "unknown_stage": (
        "{value} is not a stage of the funnel.",
        "{value} không phải một giai đoạn của phễu.",
    ),
    "erased": (
        "This person asked to be erased; their data is not stored again. Take the row out of your"
        " file: no file brings them back. Should they wish it themselves, type"
        ' `nurture contact lift ADDRESS --why "their own request"`, and let them sign up on the'
        " page /subscribe.",
        "Người này đã yêu cầu xóa dữ liệu; dữ liệu không được lưu lại. Hãy bỏ dòng này khỏi tệp:"
        " không tệp nào đưa họ trở lại được. Nếu chính họ muốn quay lại, hãy chạy"
        ' `nurture contact lift ĐỊA_CHỈ --why "họ tự yêu cầu"` rồi mời họ tự đăng ký ở trang'
        " /subscribe.",
    ),
    "quote": (
        "A quotation mark is not closed, or something stands behind the closing one.",
        "Dấu ngoặc kép không được đóng, hoặc có chữ nằm sau dấu đóng.",
    ),
    "too_long": ("The row is too long.", "Dòng quá dài."),
    "cell_too_long": (
        "The column {value} holds more text than a contact's field may.",
        "Cột {value} chứa nhiều chữ hơn mức một trường được phép.",
    ),
    "too_many_cells": (
        "The row has more cells than there are columns.",
        "Dòng có nhiều ô hơn số cột.",
    ),
    "unreadable": (
        "The row has characters that cannot be read; save the file as UTF-8.",
        "Dòng có ký tự không đọc được; hãy lưu tệp dạng UTF-8.",
    ),
    # What a row was taken without.
    "unknown_timezone": (
        "{value} is not a time zone and was left out.",
        "{value} không phải múi giờ nên được bỏ qua.",
    ),
    "unknown_language": (
        "{value} is not a language that emails are written in and was left out.",
        "{value} không phải ngôn ngữ có email nên được bỏ qua.",
    ),
    "bad_number": (
        "{value} is not a number and was left out.",
        "{value} không phải số nên được bỏ qua.",
    ),
    "bad_date": (
        "{value} is not a date (2026-12-31 or 31/12/2026) and was left out.",
        "{value} không phải ngày (2026-12-31 hoặc 31/12/2026) nên được bỏ qua.",
    ),
    "bad_boolean": (
        "{value} is neither yes nor no and was left out.",
        "{value} không phải có hay không nên được bỏ qua.",
    ),
    "withdrawn": (
        "This person withdrew consent before ({value}); the import does not change that.",
        "Người này đã rút lại sự đồng ý ({value}); việc nhập không thay đổi điều đó.",
    ),
    "suppressed": (
        "This address must not be written to; the import does not change that.",
        "Địa chỉ này đang bị chặn gửi; việc nhập không thay đổi điều đó.",
    ),
}

_LONGEST_VALUE = 60


@dataclass(frozen=True, slots=True)
class Remark:
    """Something said about a row: a code of `_WORDS`, and what stood there."""

    code: str
    value: str = ""

    def told(self, language: str) -> str:
        """Return it as a sentence in `language`, "vi" or else English."""
        english, vietnamese = _WORDS[self.code]
        value = " ".join(self.value.split())
        if len(value) > _LONGEST_VALUE:
            value = value[: _LONGEST_VALUE - 1] + "…"
        words = vietnamese if language == "vi" else english
        # Not `format`: what stood in the file may itself hold braces.
        return words.replace("{value}", f'"{value}"')
