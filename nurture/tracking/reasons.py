"""Why a hit was judged as it was: short codes, and a sentence for each in both languages."""

from typing import Final

REASONS: Final[dict[str, dict[str, str]]] = {
    "method": {
        "en": "It asked with another method than GET, as link checkers do and browsers do not.",
        "vi": "Yêu cầu không dùng phương thức GET: công cụ kiểm tra liên kết làm vậy, "
        "trình duyệt thì không.",
    },
    "prefetch-header": {
        "en": "It said itself that it was loading ahead of any reader.",
        "vi": "Chính yêu cầu này cho biết nó tải trước khi có người đọc.",
    },
    "mail-proxy": {
        "en": "A mail service fetched the image for a reader who had the email on screen.",
        "vi": "Dịch vụ email tải ảnh hộ người đọc khi họ đang mở email.",
    },
    "proxy-click": {
        "en": "A mail service's image proxy followed a link, which no reader does through it.",
        "vi": "Máy chủ tải ảnh của dịch vụ email đã mở liên kết; người đọc không bấm qua đó.",
    },
    "honeypot": {
        "en": "It followed a link that people cannot see.",
        "vi": "Nó mở một liên kết mà con người không nhìn thấy.",
    },
    "near-honeypot": {
        "en": "The same address and program followed a link that people cannot see, "
        "within a minute of this.",
        "vi": "Cùng địa chỉ và chương trình này đã mở một liên kết ẩn trong vòng một phút.",
    },
    "scanner-agent": {
        "en": "The program names itself as a scanner, a robot or a script.",
        "vi": "Chương trình tự xưng là công cụ quét, robot hoặc đoạn mã tự động.",
    },
    "gmail-prefetch": {
        "en": "Gmail loaded the image when the email arrived, before anybody read it.",
        "vi": "Gmail tải ảnh ngay khi email đến, trước khi có người đọc.",
    },
    "before-delivery": {
        "en": "It came before the receiving server had accepted the email, or within two seconds.",
        "vi": "Nó đến trước khi máy chủ nhận chấp nhận email, hoặc trong vòng hai giây sau đó.",
    },
    "burst": {
        "en": "Three or more different links were followed from one address within two seconds.",
        "vi": "Từ ba liên kết khác nhau trở lên được mở từ một địa chỉ trong vòng hai giây.",
    },
    "all-links": {
        "en": "Every link of the email was followed within ten seconds.",
        "vi": "Mọi liên kết của email đều được mở trong vòng mười giây.",
    },
    "scan-before-person": {
        "en": "A security service checked the link in the moment a person clicked it; "
        "the click itself follows.",
        "vi": "Dịch vụ bảo mật kiểm tra liên kết đúng lúc có người bấm; "
        "lượt bấm thật nằm ngay sau.",
    },
    "apple-privacy": {
        "en": "Apple Mail loads every image whether or not the email is read, so nobody can know.",
        "vi": "Apple Mail tải mọi ảnh dù email có được đọc hay không, nên không thể biết được.",
    },
    "prefetch-agent": {
        "en": "It looks like Gmail loading ahead, but did not come from Google.",
        "vi": "Giống như Gmail tải trước, nhưng không đến từ Google.",
    },
    "bare-agent": {
        "en": "The program did not say what it is, as every browser does.",
        "vi": "Chương trình không cho biết nó là gì, trong khi mọi trình duyệt đều cho biết.",
    },
    "cloud-address": {
        "en": "It came from a data centre, where scanners run, and company networks too.",
        "vi": "Nó đến từ trung tâm dữ liệu, nơi chạy công cụ quét và cả mạng của doanh nghiệp.",
    },
    "no-language": {
        "en": "It named no language, as a person's browser does.",
        "vi": "Nó không nêu ngôn ngữ nào, trong khi trình duyệt của con người có nêu.",
    },
    "not-navigation": {
        "en": "A script on some page asked for it; nobody opened it as a page.",
        "vi": "Một đoạn mã trên trang nào đó đã gọi; không ai mở nó như một trang.",
    },
    "acceptance-pending": {
        "en": "Whether the receiving server has accepted the email is not known yet.",
        "vi": "Chưa biết máy chủ nhận đã chấp nhận email hay chưa.",
    },
    "after-scan": {
        "en": "The click of a person, right after a security service checked the link.",
        "vi": "Lượt bấm của con người, ngay sau khi dịch vụ bảo mật kiểm tra liên kết.",
    },
    "no-machine-sign": {
        "en": "Nothing about it looks automatic.",
        "vi": "Không có dấu hiệu tự động nào.",
    },
}
"""By code, in the order in which a verdict lists them; each by language, `en` and `vi`."""
