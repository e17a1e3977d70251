"""A draft with every kind of step, each as full as its form."""

from typing import Any

STEPS: list[dict[str, Any]] = [
    {"key": "hello", "email": "lead-welcome-guide"},
    {"key": "pause", "wait": {"for": "2d", "until": {"days": ["tue", "thu"], "at": "09:00"}}},
    {"key": "halves", "split": {
        "experiment": "subject-2026",
        "arms": [{"key": "short", "weight": 2, "to": "margin"},
                 {"key": "long", "weight": 2, "to": "story"},
                 {"key": "none", "to": "renewal", "hold_out": True}],
        "measure": {"event": "click", "where": {"link": "*/pricing*"}, "within": "14d",
                    "minimum": 100, "stop": "60d"}}},
    {"key": "margin", "email": "lead-margin", "next": "renewal"},
    {"key": "story", "email": "lead-customer-story"},
    {"key": "renewal", "wait_until": {"field": "renewal_date", "before": "1w", "at": "09:00",
                                      "past": "answer", "missing": "answer"}},
    {"key": "answer", "wait_for": {"event": "open", "of": "hello", "within": "3d", "yes": "way",
                                   "no": "way", "unknowable": "way"}},
    {"key": "way", "branch": {
        "cases": [{"when": {"did": "open", "within": "14d"}, "to": "vip"},
                  {"when": {"all": [{"stage": "lead"}, {"field": "country", "is": "VN"}]},
                   "to": "call"}],
        "else": "vip", "unknowable": "call"}},
    {"key": "vip", "update": {"set": {"country": "VN"}, "clear": ["source"], "tag": ["vip"],
                              "untag": ["cold"], "bant": {"need": "yes"}}},
    {"key": "call", "notify": {"to": "owner", "email": "owner-call"}},
    {"key": "crm", "webhook": {"endpoint": "crm", "event": "contact.qualified",
                               "fields": ["country"]}},
    {"key": "cart", "enter": "cart-reminder"},
    {"key": "uncart", "leave": "cart-reminder"},
    {"key": "up", "change_stage": "mql"},
    {"key": "bought", "goal": {"event": "purchase", "within": "30d"}},
    {"key": "over", "move_to": "cold-reengagement"},
    {"key": "away", "exit": {"vi": "đã nhận hết", "en": "has had everything"}},
]  # fmt: skip

DOCUMENT: dict[str, Any] = {
    "key": "every-kind",
    "name": {"vi": "Mọi loại bước", "en": "Every kind of step"},
    "stage": "lead",
    "priority": 7,
    "returning": "resume",
    "reentry": "one_at_a_time",
    "exits": [{"reason": "bought", "when": {"did": "purchase"}}],
    "notes": {"why": "To see every form."},
    "steps": STEPS,
}
