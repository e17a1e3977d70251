"""Forms of a page as a browser would send them when nobody touched anything."""

from html.parser import HTMLParser

from werkzeug.datastructures import MultiDict

Attributes = list[tuple[str, str | None]]


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.forms: list[list[tuple[str, str]]] = []
        self.actions: list[str] = []
        self._fields: list[tuple[str, str]] | None = None
        self._select: tuple[str, list[tuple[str, bool]]] | None = None
        self._area: tuple[str, str] | None = None

    def handle_starttag(self, tag: str, attrs: Attributes) -> None:
        given = {name: value or "" for name, value in attrs}
        name = given.get("name", "")
        if tag == "form":
            self._fields = []
            self.forms.append(self._fields)
            self.actions.append(given.get("action", ""))
        elif tag == "option" and self._select is not None:
            # The text stands for a value that is missing; all of ours have one.
            self._select[1].append((given["value"], "selected" in given))
        elif self._fields is None or not name:
            return
        elif tag == "input":
            kind = given.get("type", "text")
            if kind not in ("radio", "checkbox") or "checked" in given:
                self._fields.append((name, _one_line(given.get("value", ""))))
        elif tag == "select":
            self._select = (name, [])
        elif tag == "textarea":
            self._area = (name, "")

    def handle_startendtag(self, tag: str, attrs: Attributes) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        if self._area is not None:
            self._area = (self._area[0], self._area[1] + data)

    def handle_endtag(self, tag: str) -> None:
        fields = self._fields
        if tag == "form":
            self._fields = None
        elif tag == "select" and self._select is not None and fields is not None:
            name, options = self._select
            chosen = [value for value, selected in options if selected]
            # The last that is marked; a select of one line shows its first option otherwise.
            fields += [(name, value) for value in (chosen[-1:] or [options[0][0]])]
            self._select = None
        elif tag == "textarea" and self._area is not None and fields is not None:
            name, text = self._area
            fields.append((name, text.removeprefix("\n").replace("\n", "\r\n")))
            self._area = None


def forms_of(page: str) -> dict[str, MultiDict[str, str]]:
    """Return the fields of each form in a page, by its action, as they would be posted."""
    reader = _Forms()
    # What every browser does before it looks at the tags.
    reader.feed(page.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\ufffd"))
    reader.close()
    fields = (MultiDict(one) for one in reader.forms)
    return dict(zip(reader.actions, fields, strict=True))


def _one_line(value: str) -> str:
    return value.replace("\n", "").replace("\r", "")
