"""An email as its author sees it before anybody gets it: true links, no pixel, nothing counted."""

from collections.abc import Mapping
from typing import Final

from nurture.mailer.compiled import CompiledEmail
from nurture.mailer.links import Links
from nurture.mailer.render import Rendered, Renderer
from nurture.tracking.tokens import Tokens

# No token is made for a preview, so this key seals nothing.
_UNUSED: Final = Tokens(bytes(32))


def preview(
    email: CompiledEmail, merge: Mapping[str, object], *, renderer: Renderer | None = None
) -> Rendered:
    """The finished email for these merge fields. Raises `TemplateFailed`."""
    rendered = (renderer or Renderer()).render(email, merge)
    site = str(merge.get("view_url") or "https://example.com")
    return Links("", _UNUSED, site=site).fill(rendered, email, 0, 0, tracked=False)
