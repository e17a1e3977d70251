"""What the doctor's findings mean, and what becomes of them when somebody lets them be mended."""

from collections.abc import Mapping

# What each finding means, and what a person should do.
MEANINGS: Mapping[str, Mapping[str, str]] = {
    "sending_without_send": {
        "en": "a run says it is sending and no send is under way",
        "vi": "lượt chạy đang ở trạng thái gửi nhưng không có email nào đang gửi",
    },
    "send_without_run": {
        "en": "a send is queued though its run went on",
        "vi": "email đang xếp hàng dù lượt chạy đã đi tiếp",
    },
    "overdue": {
        "en": "a run has been due for over an hour; is a worker running?",
        "vi": "lượt chạy đã đến hạn hơn một giờ; worker có đang chạy không?",
    },
    "mailed_after_suppression": {
        "en": "a contact was mailed after they had been suppressed",
        "vi": "đã gửi email cho liên hệ sau khi họ bị chặn",
    },
    "content_twice": {
        "en": "a contact got the same content twice by two doors",
        "vi": "liên hệ nhận cùng một nội dung hai lần",
    },
    "run_of_another_stage": {
        "en": "a contact is in the sequence of a stage they do not stand in",
        "vi": "liên hệ đang ở chuỗi của giai đoạn khác",
    },
    "frozen_without_pause": {
        "en": "a run stands still, and nobody paused its sequence",
        "vi": "lượt chạy đứng yên dù chuỗi không bị tạm dừng",
    },
    "waiting_for_nothing": {
        "en": "a contact waits to enter a sequence, and no run is in the way",
        "vi": "liên hệ chờ vào chuỗi dù không còn lượt chạy nào chắn đường",
    },
    "stuck_delivery": {
        "en": "a notice or webhook has not gone out for over an hour; is a worker running?",
        "vi": "thông báo hoặc webhook chưa gửi được hơn một giờ; worker có đang chạy không?",
    },
    "mailed_too_often": {
        "en": "a contact got far more emails in a day than any rule means",
        "vi": "liên hệ nhận quá nhiều email trong một ngày",
    },
    "uncertain": {
        "en": "nobody knows whether this email arrived; settle it on the health page",
        "vi": "không rõ email này đã đến chưa; hãy quyết định ở trang tình trạng",
    },
    "unknown_zone": {
        "en": "a time zone that does not exist is named and passed over; correct it",
        "vi": "múi giờ không tồn tại nên được bỏ qua; hãy sửa lại",
    },
    "invariant": {
        "en": "a run is in a state that must not exist",
        "vi": "lượt chạy ở một trạng thái không được phép",
    },
    "state_differs": {
        "en": "the state of a run is not what its decisions lead to",
        "vi": "trạng thái của lượt chạy không khớp với các quyết định",
    },
    "score_differs": {
        "en": "a score is not the sum of its ledger",
        "vi": "điểm không bằng tổng của sổ điểm",
    },
    "unscheduled": {
        "en": "time alone moves a contact's run on, and nobody looks at them by then",
        "vi": "đến lúc đó lượt chạy phải đi tiếp mà chưa có lịch xem lại liên hệ",
    },
}
