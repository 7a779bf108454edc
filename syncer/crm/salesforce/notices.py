"""What Salesforce's outbound messages tell, over an address that only the org was given (see `outbound`)."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
from collections.abc import Callable, Sequence

from config.errors import ConfigurationError
from config.files import load_object_mapping
from config.settings import Settings
from syncer.crm.exchange import client
from syncer.crm.salesforce import outbound
from syncer.crm.salesforce.adapter import grant_of
from syncer.crm.salesforce.call import DEADLINE
from syncer.crm.salesforce.mapping import MESSAGE_OBJECT
from syncer.crm.salesforce.tokens import Tokens
from syncer.domain.change_notice import Changed, Kind, Pushed, Receipt
from syncer.domain.errors import SyncerError, TryLater
from syncer.ports import Clock

log = logging.getLogger(__name__)

#: Where messages are recorded, in whichever of the two the org has.
_OF_REPLIES = ("Task", MESSAGE_OBJECT)
#: Characters of the address's secret: 160 bits.
_SECRET = 40


def from_settings(settings: Settings, clock: Clock) -> SalesforceNotices:
    """By our secret keys and the org's own id. Raises `ConfigurationError`."""
    settings.require("SYNCER_SECRET_KEY", "SALESFORCE_LOGIN_URL", "SALESFORCE_CLIENT_ID")
    login_url, grant = str(settings.salesforce.login_url), grant_of(settings)

    def ask() -> str:
        http = client("salesforce", DEADLINE)
        try:
            return Tokens(http, login_url, grant).current().organisation
        finally:
            http.close()

    mapping = load_object_mapping(settings.config_dir, "salesforce")
    return SalesforceNotices(secrets_of(settings), ask, mapping.contacts.object)


def secrets_of(settings: Settings) -> list[str]:
    """The words that an address may end with, the one to be entered first: one of each secret key, so that the address
    stays good while keys are rotated."""
    keys = [key.get_secret_value().encode() for key in settings.secret_keys or ()]
    return [hmac.new(key, b"salesforce outbound messages", hashlib.sha256).hexdigest()[:_SECRET] for key in keys]


class SalesforceNotices:
    """Reads deliveries to an address that ends with one of `secrets`, from the org whose id `organisation` tells when
    it is asked (it may take its time, and raise). `contacts` is the object that holds the customers."""

    largest = outbound.LARGEST

    def __init__(self, secrets: Sequence[str], organisation: Callable[[], str], contacts: str) -> None:
        self._secrets, self._ask = tuple(secrets), organisation
        self._kinds = {contacts: Kind.CONTACT} | dict.fromkeys(_OF_REPLIES, Kind.REPLY)
        self._organisation = ""
        self._asking = threading.Lock()

    @property
    def ending(self) -> str:
        """The newest secret."""
        return f"/{self._secrets[0]}"

    def open(self) -> None:
        """Ask for the org's id beside everything else, unless that is known or being asked for."""
        if not self._organisation and self._asking.acquire(blocking=False):
            threading.Thread(target=self._learn, name="salesforce-organisation", daemon=True).start()

    def _learn(self) -> None:
        try:
            self._organisation = self._ask()
        except (SyncerError, ConfigurationError) as error:
            log.warning("the org's id is not known, so that its outbound messages wait: %s", error)
        finally:
            self._asking.release()

    def read(self, pushed: Pushed) -> list[Changed] | None:
        """The records that the notifications are about; what else they say may be older than what is there now."""
        secret = pushed.address.partition("?")[0].rpartition("/")[2]
        if not outbound.knows(secret, self._secrets):
            return None
        delivery = outbound.parse(pushed.body)
        if not self._organisation:
            self.open()
            raise TryLater("it is not known yet which org is ours")
        if not outbound.is_from(delivery, self._organisation, secret, self._secrets):
            return None
        told = ((self._kinds.get(one.kind), one.crm_id) for one in delivery.notifications)
        return list(dict.fromkeys(Changed(kind, crm_id) for kind, crm_id in told if kind is not None))

    def receipt(self) -> Receipt:
        """The acknowledgement, without which it is delivered again for a day."""
        return Receipt(outbound.answer(accepted=True), "text/xml; charset=utf-8")
