"""What `syncer doctor` looks at, one function per part of the world. Each returns lines and never raises: a part that
does not answer is a line that says so."""

from __future__ import annotations

import ipaddress
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import cast
from urllib.parse import urlsplit

from config.errors import ConfigurationError
from config.settings import PAGE_PASSWORDS
from syncer import parts
from syncer.acceptance.kpis import Check, at_least, at_most
from syncer.bootstrap import Runtime
from syncer.cli import readiness
from syncer.cli.session import is_of_another_version
from syncer.domain.errors import DeliveryError, Unreachable
from syncer.domain.text import shorten
from syncer.monitoring import probes
from syncer.policies import compatibility
from syncer.store import alerts, crm_notices, dead_letters, figures, schema, sync_runs
from syncer.store import workers as worker_sessions
from syncer.whatsapp.client import WhatsAppMessenger

FREE_GIB = 1.0
SKEW_SECONDS = 2.0
#: A sync every 600 s (R25); half as long again without one, and nobody rings any more.
SYNC_LATENESS = 1.5

Part = Callable[[Runtime], Iterator[Check]]


def examine(runtime: Runtime) -> list[Check]:
    """Everything, in the order in which things depend on each other."""
    checks: list[Check] = []
    for check_id, name, part in PARTS:
        try:
            checks += part(runtime)
        except (ConfigurationError, Unreachable, DeliveryError, OSError) as error:
            checks.append(_no(check_id, name, error))
        except Exception as error:
            if not is_of_another_version(error):
                raise
            checks.append(_no(check_id, name, "the schema is not this version's; run `syncer db upgrade`"))
    return checks


def _no(check_id: str, name: str, reason: object) -> Check:
    return Check(check_id, name, "no", standard="yes", ok=False, detail=" ".join(str(reason).split()))


def _yes(check_id: str, name: str, ok: bool = True, detail: str = "") -> Check:
    return Check(check_id, name, "yes" if ok else "no", standard="yes", ok=ok, detail=detail)


def settings_of(runtime: Runtime) -> Iterator[Check]:
    """The environment and the files (they are read here; a mistake is `ConfigurationError`)."""
    found = runtime.settings
    for load in (lambda: runtime.tuning, lambda: runtime.rules, lambda: runtime.templates):
        load()
    yield _yes("settings", "settings and files are valid")
    needed = ("WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN", "WHATSAPP_ACCESS_TOKEN", "WHATSAPP_PHONE_NUMBER_ID")
    try:
        found.require(*needed, "COMPANY_NAME")
        for page in PAGE_PASSWORDS:
            found.require_page_password(page)  # type: ignore[arg-type]
    except ConfigurationError as error:
        yield _no("settings.needed", "everything a process asks for is set", error)
    else:
        yield _yes("settings.needed", "everything a process asks for is set")
    yield _public_address(found.public_url)


def _public_address(url: str | None) -> Check:
    """R1: the platform delivers over TLS only; a simulator on this machine may do without."""
    name = "webhook address is https"
    if url is None:
        return _no("R1.tls", name, "SYNCER_PUBLIC_URL is not set (example: https://sync.example.com)")
    parts = urlsplit(url)
    return _yes("R1.tls", name, parts.scheme == "https" or _is_loopback(parts.hostname), url)


def _is_loopback(host: str | None) -> bool:
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return host == "localhost"


def database(runtime: Runtime) -> Iterator[Check]:
    """Reachable, current, and of our time."""
    began = time.perf_counter()
    runtime.store.ping()
    yield at_most("database", "database answers", (time.perf_counter() - began) * 1000, "ms", standard=1000)
    missing = schema.missing(runtime.store)
    yield _yes("database.schema", "schema is this version's", missing is None, missing or "")
    skew = abs((runtime.clock.now() - runtime.store.clock()).total_seconds())
    yield at_most("database.clock", "clocks agree", skew, "s", standard=SKEW_SECONDS)


def broker(runtime: Runtime) -> Iterator[Check]:
    """Redis answers."""
    began = time.perf_counter()
    probes.broker(runtime.services.redis_url)
    yield at_most("broker", "broker answers", (time.perf_counter() - began) * 1000, "ms", standard=1000)


def workers(runtime: Runtime) -> Iterator[Check]:
    """Living worker sessions, whose sweepers need no broker, and a consumer for each queue, which answers over it."""
    with runtime.store.begin() as tx:
        living = len(worker_sessions.living(tx))
    nobody = "" if living else _NO_WORKER
    yield at_least("workers", "worker processes alive, each with its sweeper", living, "", standard=1).saying(nobody)
    from tasks import inspection  # the Celery library takes a third of a second to load

    for queue, names in inspection.consumers(runtime.services.redis_url, expected=living or None).items():
        detail = ", ".join(names) if names else "no worker answers for it" if living else _NO_WORKER
        yield at_least(f"queue.{queue}", f"consumers of queue {queue}", len(names), "", standard=1).saying(detail)


_NO_WORKER = "no worker runs; start the processes of the Procfile"


def sync(runtime: Runtime) -> Iterator[Check]:
    """The last full sync of each CRM is not too old (R25)."""
    longest = runtime.tuning.sync.interval_seconds * SYNC_LATENESS
    for crm in runtime.settings.crm.names:
        with runtime.store.begin() as tx:
            run = sync_runs.last(tx, crm, state="done")
        age = None if run is None else (runtime.clock.now() - run.finished_at).total_seconds()
        detail = "" if run else "no contact sync has ended well yet: syncer contacts sync --wait"
        yield at_most("R25", f"age of the last contact sync ({crm})", age, "s", standard=longest).saying(detail)


def crms(runtime: Runtime) -> Iterator[Check]:
    """Each CRM's own examination (R1, R21)."""
    for name, crm in runtime.crms.items():
        for line in crm.check():
            yield _yes("R1.crm", f"{name}: {line.name}", line.ok, line.detail)


def standings(runtime: Runtime) -> Iterator[Check]:
    """Which CRMs do not serve and are left in peace, while what they have to be told waits (R23)."""
    away = runtime.crm_standing.away()
    for name in runtime.settings.crm.names:
        yield _yes("R23.open", f"{name} takes what it is told", name not in away, away.get(name, ""))


def notices(runtime: Runtime) -> Iterator[Check]:
    """R22: each CRM that tells of changes has a door to tell at."""
    for name, address in parts.notice_addresses(runtime).items():
        with runtime.store.begin() as tx:
            told = crm_notices.last_told(tx, name)
        last = f"told us last at {told.isoformat()}" if told else "nothing told in the last 7 days"
        line = f"{name} can tell us of changes"
        if isinstance(address, ConfigurationError):
            yield _no("R22.notices", line, address)
        else:
            yield _yes("R22.notices", line, detail=f"{last}; syncer webhooks list shows the address to enter there")


def whatsapp_version(runtime: Runtime) -> Iterator[Check]:
    """R1: today's Cloud API versions only."""
    version = runtime.settings.whatsapp.api_version
    objection = compatibility.objection(version)
    yield Check(
        "R1", "WhatsApp API version", version, standard="Cloud API", ok=objection is None, detail=objection or ""
    )


def whatsapp(runtime: Runtime) -> Iterator[Check]:
    """R9: the number can send, somebody hears its webhooks, and R13: the starter catalogue can be used."""
    runtime.settings.require("WHATSAPP_BUSINESS_ACCOUNT_ID")
    platform = cast("WhatsAppMessenger", runtime.messenger)
    number = platform.phone_number(runtime.settings.whatsapp.phone_number_id or "")
    limits = f"{number.display_phone_number}, {number.throughput}, {number.messaging_limit}"
    connected = number.status == "CONNECTED"
    yield Check("R9.number", "business number", number.status, standard="CONNECTED", ok=connected, detail=limits)
    quality = number.quality in ("GREEN", "YELLOW", "UNKNOWN", "NA")
    yield Check("R9.quality", "quality of the number", number.quality, standard="not RED", best="GREEN", ok=quality)
    heard = platform.subscribed()
    yield _yes("R9.webhook", "an app is subscribed to webhooks", heard, "" if heard else "nothing is told to anybody")
    approved = {(i.template.name, i.template.language) for i in platform.templates() if i.status == "APPROVED"}
    yield _catalogue(set(runtime.templates), approved)


def _catalogue(starter: set[tuple[str, str]], approved: set[tuple[str, str]]) -> Check:
    missing = ", ".join(f"{name} ({language})" for name, language in sorted(starter - approved)[:3])
    line = at_least("R13", "starter templates approved", len(starter & approved), "", standard=len(starter))
    return line.saying(f"missing: {missing}") if missing else line


def letters(runtime: Runtime) -> Iterator[Check]:
    """R26: nothing waits for a person beyond its deadline."""
    now = runtime.clock.now()
    with runtime.store.begin() as tx:
        waiting = dead_letters.listing(tx, limit=1000)
    overdue = sum(letter.deadline_at <= now for letter in waiting)
    yield at_most("R26", "dead letters past their deadline", overdue, "", standard=0).saying(f"{len(waiting)} wait")


def troubles(runtime: Runtime) -> Iterator[Check]:
    """R41: no alert lasts; and what the platform told that we have no use for, for information."""
    now = runtime.clock.now()
    with runtime.store.begin() as tx:
        lasting = alerts.open_alerts(tx)
        ignored = figures.ignored(tx, now - timedelta(hours=24))
    told = "; ".join(shorten(alert.message, 80) for alert in lasting[:3])
    yield at_most("R41.alerts", "alerts that last", len(lasting), "", standard=0).saying(told)
    kinds = ", ".join(f"{count} {kind}" for kind, _, count in ignored[:5])
    yield _yes("webhooks.ignored", "webhook items without use in 24 h are kept", detail=kinds or "none")


def disk(runtime: Runtime) -> Iterator[Check]:
    """Room for logs, reports and embedded servers."""
    home = runtime.settings.home
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(existing).free / 2**30
    yield at_least("disk", "free space", free, "GiB", standard=FREE_GIB).saying(str(existing))


#: (id, name, part): a part that fails as a whole is one line of that id and name.
PARTS: tuple[tuple[str, str, Part], ...] = (
    ("settings", "settings and files", settings_of),
    ("disk", "free space", disk),
    ("database", "database", database),
    ("broker", "broker", broker),
    ("workers", "workers", workers),
    ("R1", "WhatsApp API version", whatsapp_version),
    ("R9", "WhatsApp number and templates", whatsapp),
    ("R9.ready", "WhatsApp onboarding", readiness.ready),
    ("R1.crm", "CRM", crms),
    ("R23.open", "CRMs that do not serve", standings),
    ("R22.notices", "notices of the CRMs", notices),
    ("R25", "last contact sync", sync),
    ("R26", "dead letters", letters),
    ("R41.alerts", "alerts", troubles),
)
