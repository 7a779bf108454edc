"""App webhooks: which changes are told, to which address, signed as HubSpot signs (version 3 of its signature).

Sources: "Webhooks API" and "Validating requests". Events of one subscription each, at most a hundred together, in no
order that one could rely on; what is not answered 2xx comes again, ten times within a day, unless the answer says that
it is not wanted.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from syncer.simulators.hubspot.moments import now_ms
from syncer.simulators.hubspot.objects import encoded
from syncer.simulators.hubspot.portal import Portal
from syncer.simulators.hubspot.records import Record
from syncer.simulators.pushing import Manner, Post, Pusher

#: Answers after which HubSpot does not try again.
UNWANTED = frozenset({400, 401, 403, 404, 405})
#: Kind -> the prefix of the older subscriptions, and the object type id of the generic ones.
_NAMES = {
    "contacts": ("contact", "0-1"),
    "communications": ("communication", "0-18"),
    "tickets": ("ticket", "0-5"),
    "tasks": ("task", "0-27"),
    "notes": ("note", "0-46"),
}
#: What an app of ours asks for; without a `propertyName` every property is told, which spares a list of fifty.
WANTED: tuple[Mapping[str, Any], ...] = (
    {"eventType": "contact.creation"},
    {"eventType": "contact.propertyChange"},
    {"eventType": "contact.deletion"},
    {"eventType": "contact.merge"},
    {"eventType": "object.creation", "objectTypeId": "0-18"},
    {"eventType": "object.propertyChange", "objectTypeId": "0-18", "propertyName": "wa_status"},
)

_people: ContextVar[bool] = ContextVar("people", default=False)


@contextmanager
def by_people() -> Iterator[None]:
    """What is done within was done by the portal's people, not over the API."""
    token = _people.set(True)
    try:
        yield
    finally:
        _people.reset(token)


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a record."""

    kind: str
    what: str
    record: Record
    told: Mapping[str, Any]


class Teller:
    """Tells the app's address of what its subscriptions ask for."""

    def __init__(self, portal: Portal) -> None:
        self._portal, self._events = portal, 0
        manner = Manner(self._compose, _taken, lambda attempt: portal.behaviour.push_retry * 2 ** (attempt - 1))
        self._pusher = Pusher(portal, manner)
        portal.heard = self.heard

    def heard(self, kind: str, what: str, record: Record, told: Mapping[str, Any]) -> None:
        """Something was done to a record."""
        if not self._portal.webhook_url:
            return
        for number, wanted in enumerate(self._portal.subscriptions):
            for event in _of(wanted, Change(kind, what, record, told)):
                self._events += 1
                head = {"eventId": self._events, "subscriptionId": 1000 + number, **self._origin()}
                self._pusher.tell(self._portal.webhook_url, head | event)

    def _origin(self) -> dict[str, Any]:
        config, people = self._portal.config, _people.get()
        return {
            "portalId": config.portal_id,
            "appId": config.app_id,
            "occurredAt": now_ms(),
            "changeSource": "CRM_UI" if people else "INTEGRATION",
            "sourceId": "userId:9" if people else str(config.app_id),
        }

    def _compose(self, url: str, events: Sequence[Mapping[str, Any]], attempt: int) -> Post:
        body = encoded([{**event, "attemptNumber": attempt} for event in events])
        stamp = str(now_ms())
        content = b"POST" + url.encode() + body + stamp.encode()
        signed = hmac.new(self._portal.webhook_secret.encode(), content, hashlib.sha256).digest()
        signature = base64.b64encode(signed).decode()
        told = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp}
        return Post(body, {"Content-Type": "application/json;charset=utf-8", **told})


def _of(wanted: Mapping[str, Any], change: Change) -> Iterator[dict[str, Any]]:
    """The events that a subscription makes of a change."""
    prefix, type_id = _NAMES[change.kind]
    of, _, what = str(wanted["eventType"]).partition(".")
    generic = of == "object"
    if what != change.what or (wanted.get("objectTypeId") if generic else of) != (type_id if generic else prefix):
        return
    event: dict[str, Any] = {"subscriptionType": wanted["eventType"]}
    if generic:
        event["objectTypeId"] = type_id
    if what == "merge":
        primary, other = change.record.id, change.told["other"]
        merged = {"primaryObjectId": primary, "mergedObjectIds": [other], "newObjectId": primary}
        yield event | merged | {"objectId": primary, "numberOfPropertiesMoved": 0, "changeFlag": "MERGED"}
    elif what == "propertyChange":
        for name, value in change.told.items():
            if wanted.get("propertyName") in (None, name):
                yield event | {"objectId": change.record.id, "propertyName": name, "propertyValue": value or ""}
    else:
        yield event | {"objectId": change.record.id, "changeFlag": "NEW" if what == "creation" else "DELETED"}


def _taken(status: int, body: bytes) -> bool:
    return status < 300 or status in UNWANTED
