"""A vendor's simulator that tells a web process of ours, as it is served in production, and a worker that looks."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from cryptography.fernet import Fernet
from sqlalchemy import text

from syncer import parts
from syncer.bootstrap import Runtime
from syncer.domain.change_notice import Kind
from syncer.services import Services
from syncer.simulators.hubspot.config import HubSpotConfig
from syncer.simulators.salesforce.config import SalesforceConfig
from syncer.simulators.zoho.config import ZohoConfig
from syncer.store.workers import WorkerSession
from syncer.web import app
from syncer.web.server import configured, listen
from tests.contract.simulated import Simulated
from tests.fakes.jobs import RecordingJobs
from tests.integration.crm_vendors import Vendor
from tests.integration.web_server import settings

#: Two keys, the newer first.
KEYS = ("bmV3ZXN0LWtleS1vZi10aGUtdGVzdHMtMDAwMDAwMDA=", "b2xkZXItLWtleS1vZi10aGUtdGVzdHMtMDAwMDAwMDA=")
assert [Fernet(key) for key in KEYS]


def environment(vendor: str, url: str) -> dict[str, str]:
    """What connects the engine with a simulator at `url`."""
    hubspot, salesforce, zoho = HubSpotConfig(), SalesforceConfig(), ZohoConfig()
    return {
        "hubspot": {
            "HUBSPOT_API_URL": url,
            "HUBSPOT_ACCESS_TOKEN": hubspot.access_token,
            "HUBSPOT_CLIENT_SECRET": f"the-new-one,{hubspot.client_secret}",
        },
        "salesforce": {
            "SALESFORCE_LOGIN_URL": url,
            "SALESFORCE_CLIENT_ID": salesforce.client_id,
            "SALESFORCE_CLIENT_SECRET": salesforce.client_secret,
            "SYNCER_SECRET_KEY": ",".join(KEYS),
        },
        "zoho": {
            "ZOHO_ACCOUNTS_URL": url,
            "ZOHO_API_URL": url,
            "ZOHO_CLIENT_ID": zoho.client_id,
            "ZOHO_CLIENT_SECRET": zoho.client_secret,
            "ZOHO_REFRESH_TOKEN": zoho.refresh_token,
        },
    }[vendor]


class House:
    """One web process and one worker of an engine that is connected with `site`."""

    def __init__(self, vendor: Vendor, site: Simulated, runtime: Runtime, web: httpx.Client, url: str) -> None:
        self.vendor, self.site, self.runtime, self.web, self.url = vendor, site, runtime, web, url
        self.session = WorkerSession(runtime.store, "one", runtime.clock)
        self.notices = parts.crm_notices(runtime)

    @property
    def address(self) -> str:
        """What is entered at the vendor."""
        found = parts.notice_addresses(self.runtime)[self.vendor.name]
        assert isinstance(found, str)
        return found

    @property
    def path(self) -> str:
        """The address below ours."""
        return self.address.removeprefix(self.url)

    def subscribe(self, address: str | None = None) -> None:
        """Have the vendor tell us of everything."""
        address = self.address if address is None else address
        match self.vendor.name:
            case "hubspot":
                self.site.told("POST", "webhooks", url=address)
            case "salesforce":
                self.site.told("POST", "outbound", url=address)
            case "zoho":
                assert all(parts.notice_channels(self.runtime).renew().values())

    def look(self, kind: Kind = Kind.CONTACT, notices: int = 1) -> int:
        """What the worker does at the bell, once so many notices are here; returns how many it handled."""
        self.until(lambda: len(self.pending(kind)) >= notices)
        return self.notices.drain(self.session.number, kind)

    def wake(self) -> None:
        """The time has come for what waits."""
        self.rows("update retries set due_at = now() - interval '1 second' returning 1")
        self.until(self.runtime.recovery.sweep)

    def pending(self, kind: Kind = Kind.CONTACT) -> list[str]:
        """The records to be looked at."""
        query = "select record_id from crm_notices where kind = :kind and state = 'pending' order by record_id"
        return [row.record_id for row in self.rows(query, kind=str(kind))]

    def rows(self, query: str, **values: Any) -> list[Any]:
        """Look into the database."""
        with self.runtime.store.begin() as tx:
            return list(tx.execute(text(query), values).fetchall())

    def field(self, crm_id: str, name: str) -> Any:
        """What a row of the CRM says here; None where it is not known."""
        query = "select fields ->> :name as value from contact_sources where crm = :crm and crm_id = :crm_id"
        found = self.rows(query, name=name, crm=self.vendor.name, crm_id=crm_id)
        return found[0].value if found else None

    def until(self, come: Callable[[], Any], seconds: float = 5.0) -> Any:
        """Wait for what comes over a socket."""
        end = time.monotonic() + seconds
        while not (found := come()):
            assert time.monotonic() < end, "it does not come"
            time.sleep(0.01)
        return found


@contextmanager
def house(
    vendor: Vendor, database_url: str, redis_url: str, config: dict[str, Any] | None = None, **more: str
) -> Iterator[House]:
    """The engine and `vendor`, connected; nothing is told before `subscribe`. `config` is the simulator's, `more` of
    the environment."""
    listening = listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    site = vendor.begin(**(config or {}))
    told = {"CRM": vendor.name, "SYNCER_PUBLIC_URL": url, **environment(vendor.name, site.url), **more}
    runtime = Runtime(settings(**told), Services(database_url, redis_url), RecordingJobs())
    server = uvicorn.Server(configured(app.build(runtime)))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    with httpx.Client(base_url=url, timeout=15, trust_env=False) as client:
        found = House(vendor, site, runtime, client, url)
        try:
            yield found
        finally:
            found.session.close()
            server.should_exit = True
            thread.join(10)
            runtime.close()
            site.close()
