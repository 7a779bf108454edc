"""Messages in an account that takes no properties of ours on communications: direction, status and reference stand in a
last line of the body, where people read them too.

HubSpot then knows no reference, so a message is known again by what this process remembers and by searching for a word
that is made of the reference. The index of searches lags by seconds: within them, two processes that write one message
may record it twice.
"""

from __future__ import annotations

import hashlib
import html
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from syncer.crm.batches import chunks
from syncer.crm.exchange import reading
from syncer.crm.hubspot.call import Api, parsed
from syncer.crm.hubspot.mapping import MESSAGE_PROPERTIES
from syncer.crm.hubspot.messages import KIND, as_html
from syncer.crm.hubspot.writing import properties, read
from syncer.crm.message_changes import Recorded, Values
from syncer.domain.crm_record import CrmMessage
from syncer.domain.errors import Never

#: References kept in memory, the newest: what may be written again soon.
_REMEMBERED = 20_000
#: Filter groups of one search, each for one reference.
_PER_SEARCH = 5
_LINE = re.compile(r"<p>(wa[0-9a-f]{24}) · (.*)</p>$", re.DOTALL)


class InBody:
    """Keeps what HubSpot has no property for in the body's last line."""

    def __init__(self) -> None:
        self._lock, self._turn = threading.Lock(), threading.Lock()
        self._ids: OrderedDict[str, str] = OrderedDict()

    def sought(self, messages: Iterable[CrmMessage]) -> list[str]:
        """All: nothing else keeps a second one from being made."""
        return [message.ref for message in messages]

    def recorded(self, api: Api, refs: Sequence[str]) -> dict[str, Recorded]:
        """Those that are there already, by ref."""
        words = {word(ref): ref for ref in refs}
        with self._lock:
            known = [self._ids[ref] for ref in refs if ref in self._ids]
            unknown = [ref for ref in refs if ref not in self._ids]
        rows = read(api, KIND, known, ["hs_communication_body"]) if known else []
        for part in chunks(unknown, _PER_SEARCH):
            rows += self._search(api, part)
        found: dict[str, Recorded] = {}
        for row in rows:
            line = _LINE.search(str(properties(row).get("hs_communication_body") or ""))
            if line and line[1] in words:
                found.setdefault(words[line[1]], Recorded(str(row.get("id")), _values(line[2])))
        return found

    def properties(self, message: CrmMessage, values: Values) -> dict[str, str]:
        """The body with its last line."""
        told = " · ".join(f"{role}={_flat(value)}" for role, value in values.items() if value is not None)
        line = f"<p>{word(message.ref)} · {told}</p>"
        return {"hs_communication_body": as_html(message.body) + line}

    def changes(self, message: CrmMessage, known: Mapping[str, Any], changes: Values) -> dict[str, str]:
        """The body with a new last line."""
        return self.properties(message, {**known, **changes})

    def learn(self, ref: str, object_id: str) -> None:
        """Remember a record until its word can be searched for."""
        with self._lock:
            self._ids[ref] = object_id
            if len(self._ids) > _REMEMBERED:
                self._ids.popitem(last=False)

    def turn(self) -> AbstractContextManager[object]:
        """Of this process one at a time: what one has recorded the next remembers."""
        return self._turn

    def _search(self, api: Api, refs: Sequence[str]) -> list[dict[str, Any]]:
        name = "hs_communication_body"
        groups = [
            {"filters": [{"propertyName": name, "operator": "CONTAINS_TOKEN", "value": word(ref)}]} for ref in refs
        ]
        try:
            found = parsed(api.search(KIND, {"filterGroups": groups, "properties": [name], "limit": 100}))
        except Never as error:
            raise reading(error) from error
        return [row for row in found.get("results") or () if isinstance(row, dict)]


def word(ref: str) -> str:
    """One word that stands for a reference, whatever characters that has."""
    return "wa" + hashlib.blake2b(ref.encode(errors="replace"), digest_size=12).hexdigest()


def _flat(value: str) -> str:
    """A value that cannot be taken for two."""
    return html.escape(" ".join(value.split()).replace("·", "-"), quote=False)


def _values(line: str) -> dict[str, Any]:
    pairs = (part.partition("=") for part in html.unescape(line).split(" · "))
    told = {role: value for role, _, value in pairs}
    return {role: told.get(role) for role in MESSAGE_PROPERTIES}
