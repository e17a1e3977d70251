"""What `nurture import` says, in English and Vietnamese."""

from collections.abc import Mapping

# Key → (English, Vietnamese).
WORDS: Mapping[str, tuple[str, str]] = {
    "file": (
        "{name}: {size} bytes, {encoding}, columns divided by {delimiter}",
        "{name}: {size} byte, {encoding}, các cột cách nhau bằng {delimiter}",
    ),
    "comma": ("commas", "dấu phẩy"),
    "semicolon": ("semicolons", "dấu chấm phẩy"),
    "tab": ("tabs", "dấu tab"),
    "bar": ("bars", "dấu gạch đứng"),
    "columns": ("Columns:", "Các cột:"),
    "ignored": ("left out", "bỏ qua"),
    "new_field": ("new field", "trường mới"),
    "consent": (
        "Consent is noted for: {topics}, as coming from {source}.",
        "Sự đồng ý được ghi cho: {topics}, nguồn: {source}.",
    ),
    "from_column": ("the source in each row", "cột nguồn của từng dòng"),
    "no_source": (
        "no source at all: rows of new contacts will be rejected; give --source",
        "không có nguồn nào: các dòng liên hệ mới sẽ bị từ chối; hãy dùng --source",
    ),
    "go_on": ("Import these contacts?", "Nhập các liên hệ này?"),
    "resumed": (
        "Going on behind row {rows}, where the last import stopped.",
        "Tiếp tục sau dòng dữ liệu {rows}, nơi lần nhập trước dừng lại.",
    ),
    "progress": ("{rows} rows, {rejected} rejected", "{rows} dòng, {rejected} bị từ chối"),
    "progress.one": ("{rows} row, {rejected} rejected", "{rows} dòng, {rejected} bị từ chối"),
    "already": (
        "Already imported on {at} with these options; nothing was changed."
        " --again imports it once more.",
        "Đã nhập ngày {at} với cùng tùy chọn; không có gì thay đổi. Dùng --again để nhập lại.",
    ),
    "nothing": (
        "No row went in; the reasons are above. The file does not count as imported: mend it or"
        " add the option a reason names, and type the command again.",
        "Không dòng nào được nhập; lý do ở trên. Tệp chưa được tính là đã nhập: hãy sửa tệp hoặc"
        " thêm tùy chọn mà lý do nêu, rồi chạy lại lệnh.",
    ),
    "dry_run": (
        "A dry run: nothing was written. It would be:",
        "Chạy thử: chưa ghi gì. Kết quả sẽ là:",
    ),
    "created": ("new contacts", "liên hệ mới"),
    "created.one": ("new contact", "liên hệ mới"),
    "updated": ("contacts updated", "liên hệ được cập nhật"),
    "updated.one": ("contact updated", "liên hệ được cập nhật"),
    "unchanged": ("known already, nothing new", "đã có, không có gì mới"),
    "duplicates": ("further rows of the same contact", "dòng lặp lại cùng một liên hệ"),
    "duplicates.one": ("further row of the same contact", "dòng lặp lại cùng một liên hệ"),
    "rejected": ("rejected", "bị từ chối"),
    "blank": ("empty", "dòng trống"),
    "line": ("line {line}: {told}", "dòng {line}: {told}"),
    "warnings": (
        "{count} remarks on rows that went in:",
        "{count} ghi chú về các dòng đã nhập:",
    ),
    "warnings.one": (
        "{count} remark on a row that went in:",
        "{count} ghi chú về các dòng đã nhập:",
    ),
    "more": ("… and {count} more", "… và {count} dòng nữa"),
    "rejects": (
        "Rejected rows with their reasons: {path}\nNext: correct them there and import that file.",
        "Các dòng bị từ chối kèm lý do: {path}\nTiếp theo: sửa tại đó rồi nhập chính tệp đó.",
    ),
    "next": (
        "New contacts are in the sequence of their stage; running workers write to them in their"
        " window.",
        "Liên hệ mới đã vào chuỗi email của giai đoạn; các worker đang chạy sẽ gửi đúng khung giờ.",
    ),
    "after_dry_run": (
        "Next: the same command without --dry-run.",
        "Tiếp theo: chạy lại lệnh này, bỏ --dry-run.",
    ),
    "stopped": (
        "Stopped after {rows} rows, all of them safe. The same command goes on from there.",
        "Đã dừng sau {rows} dòng, tất cả đã được lưu. Chạy lại lệnh này để tiếp tục.",
    ),
    "stopped.one": (
        "Stopped after {rows} row, which is safe. The same command goes on from there.",
        "Đã dừng sau {rows} dòng, tất cả đã được lưu. Chạy lại lệnh này để tiếp tục.",
    ),
}


def say(key: str, language: str, *, many: int | None = None, **values: object) -> str:
    """Return a text in `language`, "vi" or else English, with its values in place.

    `many` is the number that it is about: for one there may be words of their own, `key.one`.
    """
    one = f"{key}.one"
    english, vietnamese = WORDS[one if many == 1 and one in WORDS else key]
    return (vietnamese if language == "vi" else english).format(**values)
