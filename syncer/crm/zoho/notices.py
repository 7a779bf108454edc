"""What Zoho's watch channels tell: ids of changed records, with the word of the channel (see `watch`)."""

from __future__ import annotations

from collections.abc import Sequence

from config.files import load_object_mapping
from config.settings import Settings
from syncer.crm.zoho import watch
from syncer.crm.zoho.mapping import MESSAGES
from syncer.domain.change_notice import Changed, Kind, Pushed, Receipt
from syncer.ports import Clock

#: Where Zoho delivers, below our public address.
PATH = "/webhooks/zoho"
#: Bytes of a notice: ids and little else.
LARGEST = 256 * 1024
_GONE = "delete"


def from_settings(settings: Settings, clock: Clock) -> ZohoNotices:
    """By the client's secret, of which the channels' words are made, and our public address. Raises
    `ConfigurationError`."""
    settings.require("ZOHO_CLIENT_SECRET", "SYNCER_PUBLIC_URL")
    assert settings.zoho.client_secret is not None
    secret = settings.zoho.client_secret.get_secret_value()
    mapping = load_object_mapping(settings.config_dir, "zoho")
    return ZohoNotices([secret], f"{settings.public_url}{PATH}", mapping.contacts.object)


class ZohoNotices:
    """Reads notices to `notify_url`; `contacts` is the module that holds the customers. Any of `secrets` may have made
    a channel's word."""

    largest = LARGEST
    ending = ""

    def __init__(self, secrets: Sequence[str], notify_url: str, contacts: str) -> None:
        self._secrets = tuple(secrets)
        kinds = {contacts: Kind.CONTACT, MESSAGES: Kind.REPLY}
        self._channels = {watch.channel_id(module, notify_url): (module, kind) for module, kind in kinds.items()}

    def open(self) -> None:
        """Nothing has to be asked for."""

    def read(self, pushed: Pushed) -> list[Changed] | None:
        """The records that a notice names. A message that is gone is nothing to be sent."""
        notice = watch.read_notice(pushed.body)
        module, kind = self._channels.get(notice.channel_id, ("", None))
        if not watch.verify(self._secrets, notice) or kind is None or notice.module not in ("", module):
            return None
        if kind is Kind.REPLY and notice.operation == _GONE:
            return []
        return [Changed(kind, record_id) for record_id in notice.ids]

    def receipt(self) -> Receipt:
        """Zoho wants a 200, and does not repeat itself without one."""
        return Receipt()
