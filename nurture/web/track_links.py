"""Where clicks lead, in memory: the link tables of every published email.

A compiled email never changes, so its table is read once: all of them when a process starts, one
on the first click on an email published later. The last known tables lie in a file of the home
folder, so that a process that starts while the database is away still knows where to lead.
"""

import asyncio
import json
import logging
import os
import secrets
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any, Final

from nurture.engine.dependencies import Dependencies
from nurture.errors import NurtureError
from nurture.store import published
from nurture.tracking.links import safe_destination

FILE: Final = "links.json"
# After a miss that the database could not answer, or answered with no, it is left alone so long.
REST: Final = timedelta(seconds=5)

_log = logging.getLogger(__name__)


class Known(Enum):
    """What is known of a link whose destination the table cannot give."""

    #: There is no such link.
    NO = "no"
    #: The destination differs from contact to contact and comes sealed with the click.
    PERSONAL = "personal"
    #: The database is away and nobody has seen this email before.
    PERHAPS = "perhaps"


Table = Mapping[int, str | Known]


class LinkTables:
    """The tables of one process; `site` is where a click leads that has nowhere else to go."""

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self._path = deps.settings.home / FILE
        self._tables: dict[int, Table] = {}
        self._rest: dict[int, tuple[datetime, Known]] = {}
        self._asked: dict[int, asyncio.Task[Known | None]] = {}
        self.site = deps.settings.public_url
        self.load()

    def load(self) -> None:
        """Read every table: from the database, or from the file while it is away."""
        try:
            with self._deps.database.read() as tx:
                found = published.link_tables(tx)
                funnel = published.current_funnel(tx)
        except NurtureError as error:
            _log.warning("links are taken from %s: %s", self._path, error)
            self._recall()
            return
        if funnel is not None:
            self._name_site(funnel[1].get("account", {}).get("site"))
        self._take(found)
        self._remember(found)

    def recall(self, email_id: int, index: int) -> str | Known | None:
        """Return where a link leads, from memory alone; None for an email never seen here."""
        table = self._tables.get(email_id)
        return None if table is None else table.get(index, Known.NO)

    async def ask(self, email_id: int, index: int) -> str | Known:
        """Return where the link of an email never seen leads, or what is known instead.

        The database is asked in a thread, once for all who wait for the same email.
        """
        asked = self._asked.get(email_id)
        if asked is None:
            asked = asyncio.create_task(asyncio.to_thread(self._learn, email_id))
            self._asked[email_id] = asked
            asked.add_done_callback(lambda _: self._asked.pop(email_id))
        # Whoever waits may go away; the others still want to know.
        known = await asyncio.shield(asked)
        return self._tables[email_id].get(index, Known.NO) if known is None else known

    def _learn(self, email_id: int) -> Known | None:
        """Read one table; return None when it is there now, else what is known without it."""
        now = self._deps.wall.now()
        until, known = self._rest.get(email_id, (now, Known.NO))
        if now < until:
            return known
        try:
            with self._deps.database.read() as tx:
                compiled = published.compiled_email(tx, email_id)
        except NurtureError as error:
            _log.warning("the links of email %d cannot be read: %s", email_id, error)
            self._rest[email_id] = (now + REST, Known.PERHAPS)
            return Known.PERHAPS
        if compiled is None:
            self._rest[email_id] = (now + REST, Known.NO)
            return Known.NO
        # The others published since would miss one by one.
        self.load()
        if email_id not in self._tables:
            self._take({email_id: compiled.get("links", [])})
        return None

    def _take(self, found: Mapping[int, Iterable[Any]]) -> None:
        for email_id, links in found.items():
            if email_id not in self._tables:
                self._tables[email_id] = {
                    int(index): Known.PERSONAL if personal else self._safe(url)
                    for index, url, personal, *_ in links
                }

    def _safe(self, url: str) -> str:
        return safe_destination(url) or self.site

    def _name_site(self, site: object) -> None:
        safe = safe_destination(site) if isinstance(site, str) else None
        if safe is not None:
            self.site = safe

    def _remember(self, found: Mapping[int, Any]) -> None:
        """Write the file, whole or not at all; a full disk must not stop anybody's click."""
        text = json.dumps({"site": self.site, "emails": found}, ensure_ascii=False)
        draft = self._path.with_name(f".{FILE}.{os.getpid()}.{secrets.token_hex(4)}")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(text, "utf-8")
            draft.replace(self._path)
        except OSError as error:
            _log.warning("links cannot be kept in %s: %s", self._path, error)
            with suppress(OSError):
                draft.unlink()

    def _recall(self) -> None:
        found = _read(self._path)
        try:
            self._name_site(found.get("site"))
            self._take({int(key): links for key, links in found.get("emails", {}).items()})
        except (ValueError, TypeError, AttributeError) as error:
            _log.warning("the links kept in %s cannot be read: %s", self._path, error)


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
