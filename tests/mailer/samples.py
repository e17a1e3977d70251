"""Emails small enough to read, for the tests of this room."""

from datetime import UTC, datetime
from pathlib import Path

from nurture.mailer.compile import compile_email
from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.compose import Envelope, Sender
from nurture.mailer.sources import EmailSource, read_source

FOOTER = (
    '<mj-section><mj-column><mj-text><a href="{{ unsubscribe_url }}">Unsubscribe</a><br/>'
    "{{ sender.address }}</mj-text></mj-column></mj-section>"
)
UNSUBSCRIBE = "https://t.example.com/u/token"
SENDER = Sender("Lotus", "lan@lotus.example", "1 Lê Lợi, Hà Nội", "0900", "https://lotus.example")
MERGE: dict[str, object] = {
    "contact": {"first_name": "Ngọc", "email": "ngoc@example.com"},
    "sender": SENDER.merge(),
    "unsubscribe_url": UNSUBSCRIBE,
    "view_url": "https://t.example.com/v/token",
    "language": "en",
}


def mjml(inner: str, footer: str = FOOTER) -> str:
    """A whole body with `inner` inside one mj-text."""
    return columns(f"<mj-text>{inner}</mj-text>", footer)


def columns(inner: str, footer: str = FOOTER) -> str:
    """A whole body with `inner` inside one mj-column."""
    return (
        f"<mjml><mj-body>\n<mj-section><mj-column>\n{inner}\n</mj-column></mj-section>\n"
        f"{footer}</mj-body></mjml>"
    )


def written(
    root: Path, body: str, *, subject: str = "Hello", text: str | None = None, language: str = "en"
) -> EmailSource:
    """The source of an email named `sample` with these contents."""
    folder = root / "sample"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"subject.{language}.txt").write_text(subject, encoding="utf-8")
    (folder / f"body.{language}.mjml").write_text(body, encoding="utf-8")
    if text is not None:
        (folder / f"text.{language}.txt").write_text(text, encoding="utf-8")
    return read_source(root, "sample", language)


def compiled(
    root: Path, body: str, *, subject: str = "Hello", text: str | None = None
) -> CompiledEmail:
    """The same, compiled."""
    return compile_email(written(root, body, subject=subject, text=text))


def bare(subject: str = "s", html: str = "h", text: str = "t") -> CompiledEmail:
    """A compiled email that no compiler has checked, as it might come from a tampered store."""
    return CompiledEmail("sample", "en", subject, html, text)


def envelope(
    *,
    sender: Sender = SENDER,
    reply_to: str = "reply@lotus.example",
    recipient: str = "ngoc@example.com",
    recipient_name: str = "Ngọc",
    message_id: str = "<1.abc@lotus.example>",
    unsubscribe_url: str = UNSUBSCRIBE,
    list_id: str = "news.lotus.example",
    feedback_id: str = "funnel:welcome:nurture:lotus",
    language: str = "vi",
) -> Envelope:
    """An envelope in which everything is right unless said otherwise."""
    return Envelope(
        send_id=7,
        message_id=message_id,
        sender=sender,
        reply_to=reply_to,
        recipient=recipient,
        recipient_name=recipient_name,
        date=datetime(2026, 11, 22, 7, 0, tzinfo=UTC),
        unsubscribe_url=unsubscribe_url,
        list_id=list_id,
        feedback_id=feedback_id,
        language=language,
    )
