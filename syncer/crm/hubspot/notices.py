"""What HubSpot's app webhooks tell: an array of events, signed over the address they were sent to.

Sources: "Webhooks API" (at most 100 events, in no order, delivered again until answered 2xx), "Create generic webhook
subscriptions" (`object.*` with an `objectTypeId`), "New subscription types for webhooks" (merge, association change).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from json import loads
from typing import Any

from config.settings import Settings
from syncer.crm.hubspot import signature
from syncer.crm.hubspot.call import is_id
from syncer.domain.change_notice import Changed, Kind, Pushed, Receipt
from syncer.ports import Clock

#: Bytes of a delivery: a hundred events of some hundred bytes, of which a few may quote a long text.
LARGEST = 4 * 1024 * 1024
SIGNATURE, TIMESTAMP = "x-hubspot-signature-v3", "x-hubspot-request-timestamp"
#: Object type ids (HubSpot's published table), and what the older subscriptions call them.
_CONTACTS, _COMMUNICATIONS = "0-1", "0-18"
_KINDS = {"contact": Kind.CONTACT, _CONTACTS: Kind.CONTACT, _COMMUNICATIONS: Kind.REPLY}
#: An agent's message that is gone, or that was merged into another, is nothing to be sent.
_OF_REPLIES = frozenset({"creation", "propertyChange", "restore", "associationChange"})
#: One of an app's own calls, by its `sourceId`.
_BY_APP = "INTEGRATION"


def from_settings(settings: Settings, clock: Clock) -> HubSpotNotices:
    """By the app's client secrets and our public address. Raises `ConfigurationError`."""
    settings.require("HUBSPOT_CLIENT_SECRET", "SYNCER_PUBLIC_URL")
    secrets = [secret.get_secret_value() for secret in settings.hubspot.client_secrets]
    return HubSpotNotices(secrets, str(settings.public_url), clock)


class HubSpotNotices:
    """Reads deliveries to `public_url`, which is how HubSpot knows us, not how a proxy passes it on. Any of `secrets`
    may have signed."""

    largest = LARGEST
    ending = ""

    def __init__(self, secrets: Sequence[str], public_url: str, clock: Clock) -> None:
        self._secrets, self._public_url, self._clock = tuple(secrets), public_url.rstrip("/"), clock

    def open(self) -> None:
        """Nothing has to be asked for."""

    def read(self, pushed: Pushed) -> list[Changed] | None:
        """The records that the events name. Contacts are looked at whoever changed them, our own app too: another
        integration may share it. Messages that our app wrote are left out - one customer's message would else be read
        back four times - and what such a sharer wrote there is found by polling."""
        genuine = signature.verify(
            self._secrets,
            method="POST",
            uri=self._public_url + pushed.address,
            body=pushed.body,
            timestamp=pushed.headers.get(TIMESTAMP),
            signature=pushed.headers.get(SIGNATURE),
            now=self._clock.now(),
        )
        if not genuine:
            return None
        events = (event for event in _events(pushed.body) if isinstance(event, dict))
        return list(dict.fromkeys(changed for event in events for changed in _told(event)))

    def receipt(self) -> Receipt:
        """Any 2xx will do."""
        return Receipt()


def _events(body: bytes) -> list[Any]:
    try:
        events = loads(body)
    except RecursionError:
        events = None
    if not isinstance(events, list):
        raise ValueError("not a delivery of HubSpot's")
    return events


def _told(event: Mapping[str, Any]) -> Iterator[Changed]:
    """What one event names; a merge names several."""
    of, _, what = str(event.get("subscriptionType") or "").partition(".")
    if what == "associationChange":
        ends = (("from", of), ("to", ""))
        told = [(event.get(f"{end}ObjectTypeId") or usual, event.get(f"{end}ObjectId")) for end, usual in ends]
    else:
        merged = event.get("mergedObjectIds")
        ids = [event.get("objectId"), event.get("primaryObjectId"), event.get("newObjectId")]
        told = [(event.get("objectTypeId") or of, one) for one in (*ids, *(merged if isinstance(merged, list) else ()))]
    for type_id, object_id in told:
        kind = _KINDS.get(str(type_id))
        if kind is None or not is_id(str(object_id)):
            continue
        if kind is Kind.CONTACT or (what in _OF_REPLIES and not _is_our_own(event)):
            yield Changed(kind, str(object_id))


def _is_our_own(event: Mapping[str, Any]) -> bool:
    app = event.get("appId")
    return event.get("changeSource") == _BY_APP and app is not None and str(event.get("sourceId")) == str(app)
