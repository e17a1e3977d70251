"""The site of the invented company: what visitors do there, as its own scripts would report it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from nurture.demo.outside import Outside
from nurture.domain.timing import share

Planner = Callable[..., None]

# What a visit to a page may lead to: part of the path → (form, likelihood).
FORMS = (
    ("/sign-up", "newsletter", 0.8),
    ("/trial", "trial", 0.5),
    ("/demo", "demo", 0.5),
    ("/pricing", "quote", 0.2),
)
BUYING = (("/contract", 0.5), ("/go-live", 0.45), ("/offers", 0.15), ("/checkout", 0.5))
FILLS_A_CART = 0.12
FORGETS_THE_CART = 0.7
REGISTERS = 0.06
WITHDRAWS, COMES = 0.15, 0.75
TRIES_IT = 0.7
RETURNS_GOODS = 0.05
TRIAL_STEPS = ("first-order", "evening-report")
GOODS = (
    ("Máy in hóa đơn LD-80", 1_890_000),
    ("Máy quét mã vạch LD-2D", 1_250_000),
    ("Gói Bàn Sen một năm", 4_800_000),
)


class Shop:
    """Reports visits, forms, carts and purchases of known visitors."""

    def __init__(self, world: Outside, plan: Planner) -> None:
        self._world = world
        self._plan = plan

    def visited(self, who: str, address: str, now: datetime) -> None:
        """Somebody came to `address`; see what they do next."""
        parts = urlsplit(address)
        stamp = f"{who}:{parts.path}:{int(now.timestamp())}"
        self._tell(now, who, "visit", f"visit:{stamp}", {"url": address})
        for ending, form, likelihood in FORMS:
            if ending in parts.path and share("form", stamp) < likelihood:
                later = now + timedelta(minutes=30)
                self._tell(later, who, "form", f"form:{stamp}:{form}", {"form": form})
        for ending, likelihood in BUYING:
            if ending in parts.path and share("buys", stamp) < likelihood:
                self._buy(who, f"order:{stamp}", _cart_in(parts.path), now + timedelta(hours=2))
        if share("cart", stamp) < FILLS_A_CART:
            self._fill_cart(who, stamp, now)
        if "/events" in parts.path or share("registers", stamp) < REGISTERS:
            self._register(who, now)
        if "/trial" in parts.path and share("tries", stamp) < TRIES_IT:
            self._try_it(who, stamp, now)
        if share("returns", who) < RETURNS_GOODS and share("goes back", stamp) < RETURNS_GOODS:
            later = now + timedelta(days=2)
            self._tell(later, who, "went_cold", f"cold:{stamp}", {})

    def _register(self, who: str, now: datetime) -> None:
        """Take a seat at the next fair; some withdraw, most come, and the door reports it."""
        starts = (now + timedelta(days=6)).replace(hour=2, minute=0, second=0, microsecond=0)
        event_id = f"fair-{starts:%G-%V}"
        seat = {
            "event_id": event_id,
            "title": "Ngày hội cửa hàng nhỏ",
            "starts_at": starts.isoformat(),
            "place": "18 đường Hoa Sen, Quận 1",
            "page_url": "https://lotusdesk.example.com/events/fair",
            "cancel_url": "https://lotusdesk.example.com/events/fair/cancel",
        }
        key = f"{who}:{event_id}"
        self._tell(now + timedelta(minutes=20), who, "event_registered", f"seat:{key}", seat)
        chance = share("comes", key)
        about = {"event_id": event_id}
        if chance < WITHDRAWS:
            later = now + timedelta(days=2)
            self._tell(later, who, "registration_withdrawn", f"withdrawn:{key}", about)
        elif chance < COMES:
            later = starts + timedelta(hours=1)
            self._tell(later, who, "attended", f"attended:{key}", about)

    def _try_it(self, who: str, stamp: str, now: datetime) -> None:
        """Take the first steps of a trial, as the product itself would report them."""
        for number, step in enumerate(TRIAL_STEPS, start=1):
            if share(step, stamp) < 0.6:
                later = now + timedelta(days=number)
                self._tell(later, who, "trial_step", f"trial:{stamp}:{step}", {"step": step})

    def _fill_cart(self, who: str, stamp: str, now: datetime) -> None:
        cart_id = f"cart-{int(share('cart id', stamp) * 10**9):09d}"
        count = 1 + int(share("goods", stamp) * len(GOODS))
        items = [{"name": name, "quantity": 1, "price": price} for name, price in GOODS[:count]]
        cart = {
            "cart_id": cart_id,
            "items": items,
            "total": sum(price for _, price in GOODS[:count]),
            "currency": "VND",
            "checkout_url": f"https://lotusdesk.example.com/checkout/{cart_id}",
        }
        self._tell(now + timedelta(minutes=40), who, "cart_updated", f"cart:{cart_id}", cart)
        if share("forgets", stamp) >= FORGETS_THE_CART:
            self._buy(who, f"order:{cart_id}", cart_id, now + timedelta(hours=3))

    def _buy(self, who: str, key: str, cart_id: str, at: datetime) -> None:
        order_id = f"order-{int(share('order id', key) * 10**9):09d}"
        bought: dict[str, Any] = {"order_id": order_id, "currency": "VND"}
        if cart_id:
            bought["cart_id"] = cart_id
        self._tell(at, who, "purchase", key, bought)

    def _tell(
        self, at: datetime, who: str, event: str, key: str, properties: dict[str, Any]
    ) -> None:
        self._plan(at, "tell", who=who, event=event, key=key, properties=properties)


def _cart_in(path: str) -> str:
    _, found, cart_id = path.partition("/checkout/")
    return cart_id if found else ""
