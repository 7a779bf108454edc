"""A whole engine between a simulated platform and a company's database: the web process on a socket, and a worker whose
rounds the test walks through itself.

Nothing is replaced but time: the clock is the real one, which a test may set forward.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import redis
from sqlalchemy import Engine as Database
from sqlalchemy import create_engine, text

from config import files
from config.settings import PACKAGED_FILES
from syncer.acceptance import customer_tables
from syncer.bootstrap import Runtime
from syncer.domain.errors import TryAgain
from syncer.services import Services
from syncer.simulators.whatsapp.app import start
from syncer.simulators.whatsapp.config import Behaviour, CallbackRules, Limits, SimulatorConfig, StatusPace
from syncer.store.workers import WorkerSession
from syncer.web import app
from tests.fakes.jobs import RecordingJobs
from tests.integration.web_server import ENVIRONMENT, serving, settings

COMPANY = ENVIRONMENT["COMPANY_NAME"]
PRIMARY, BACKUP = "106540352242922", "106540352242923"
KEY = "everything"
#: Statuses follow each other at once, and every message is read: a test says itself what is to be late or missing.
AT_ONCE = Behaviour(
    statuses=StatusPace(
        sent=(0, 0), delivered=(0, 0), read=(0, 0), played=(0, 0), read_share=1, played_share=1, skip_delivered_share=0
    ),
    limits=Limits(throughput=0, pair_interval=0),
    callbacks=CallbackRules(window=0.01, retry_gaps=(0.0, 0.05, 0.1)),
)
#: Unsettled rows, by table.
_OPEN = {
    "inbox": "state in ('pending', 'claimed')",
    "outgoing": "state in ('planned', 'claimed', 'sending')",
    "media": "state in ('pending', 'claimed')",
    "crm_writes": "state in ('pending', 'claimed')",
}


class SetForward:
    """The real time, and what a test has added to it."""

    def __init__(self) -> None:
        self._added = timedelta(0)

    def now(self) -> datetime:
        """The moment it is taken to be."""
        return datetime.now(UTC) + self._added

    def advance(self, **span: float) -> None:
        """Set it forward by `timedelta(**span)`."""
        self._added += timedelta(**span)


@dataclass
class Engine:
    """The engine, the platform and the company's tables; `walk` lets the worker do what waits."""

    runtime: Runtime
    web: httpx.Client
    platform_url: str
    crm: Database
    clock: SetForward
    jobs: RecordingJobs
    session: WorkerSession
    #: Whether the worker serves campaigns in its rounds.
    sends_batches: bool = True
    _control: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10, trust_env=False))

    # The platform

    def control(self, method: str, command: str, body: Any = None) -> Any:
        """One command to the simulator."""
        answer = self._control.request(method, f"{self.platform_url}/_sim/{command}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def graph(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """One request to the platform's own API by somebody else than the engine."""
        token = ENVIRONMENT["WHATSAPP_ACCESS_TOKEN"]
        return self._control.request(
            method, f"{self.platform_url}/v25.0/{path}", headers={"Authorization": f"Bearer {token}"}, json=body
        )

    def says(self, *messages: Mapping[str, Any], **order: Any) -> list[str]:
        """Customers say these; everything that follows has happened when it returns. Returns the wamids."""
        ids: list[str] = self.control("POST", "inbound", {"messages": list(messages), **order})["ids"]
        self.settle()
        return ids

    def accepted(self) -> list[dict[str, Any]]:
        """What the platform has taken, oldest first."""
        rows: list[dict[str, Any]] = self.control("GET", "log/sends")["accepted"]
        return rows

    def sent(self, wamid: str) -> dict[str, Any]:
        """What the platform has taken under this id."""
        return next(row for row in self.accepted() if row["wamid"] == wamid)

    def quiet(self) -> bool:
        """Whether the platform has told everything and will tell nothing more by itself."""
        return not any(self.control("GET", "stats?recipients=0")["backlog"].values())

    # The worker

    def walk(self) -> int:
        """One round of everything that a worker does; returns how much there was to do."""
        worker, runtime = self.session.number, self.runtime
        done = runtime.intake.drain(worker)
        done += runtime.sending.drain_live(worker)
        for batch in runtime.sending.open_batches() if self.sends_batches else ():
            done += runtime.sending.send_batch(worker, batch)
        done += runtime.media.fetch(worker)
        self.sweep()
        done += runtime.crm_writes.drain(worker)
        return done

    def sweep(self) -> None:
        """What a worker looks after besides: appointments, the numbers, the catalogue."""
        replace(self.runtime.recovery, every=timedelta(0)).sweep()
        if "upkeep" in self.jobs.queues:
            self.jobs.rung.clear()
            self.runtime.number_watch.check()
        self.runtime.number_watch.check_if_late()
        self.runtime.template_watch.keep()

    def free_throttle(self) -> None:
        """End the limiter's pauses: they run by real time, in Redis and in this process."""
        throttle = self.runtime.__dict__.pop("throttle", None)
        if throttle is not None:
            throttle.close()
        for part in ("sending",):
            self.runtime.__dict__.pop(part, None)
        with redis.Redis.from_url(self.runtime.services.redis_url) as client:
            client.flushall()

    def until(self, enough: Callable[[], bool], seconds: float = 15.0) -> None:
        """Walk on until `enough()` holds; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        while not enough():
            assert time.monotonic() < deadline, f"did not happen within {seconds} s; waiting: {self.waiting()}"
            if not self.walk():
                time.sleep(0.005)

    def settle(self, seconds: float = 15.0) -> None:
        """Walk on until neither side has anything left to do now."""
        self.until(lambda: self.quiet() and not self.waiting() and not self.walk() and self.quiet(), seconds)

    def settle_ours(self, seconds: float = 15.0) -> None:
        """Walk on until we have nothing left to do now, whatever the platform has not told yet."""
        self.until(lambda: not self.walk() and not self.waiting(), seconds)

    def waiting(self) -> dict[str, int]:
        """How many rows of each table have something to do now."""
        counts = {table: self.value(f"select count(*) from {table} where {where}") for table, where in _OPEN.items()}
        if not self.sends_batches:
            counts["outgoing"] = self.value(
                f"select count(*) from outgoing where {_OPEN['outgoing']} and lane = 'live'"
            )
        elif counts["outgoing"] and not self.runtime.sending.open_batches():
            counts["outgoing"] = self.value(
                f"select count(*) from outgoing where {_OPEN['outgoing']} and (lane = 'live' or state <> 'planned')"
            )
        return {table: count for table, count in counts.items() if count}

    # The API

    def api(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One request of an application of the company's."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.web.request(
            method, f"/api/v1/{path}", json=body, headers={"Authorization": f"Bearer {KEY}", **named}
        )

    def order(self, key: str, **order: Any) -> int:
        """Ask for a message; returns its number."""
        answer = self.api("POST", "messages", order, Idempotency_Key=key)
        assert answer.status_code == 202, answer.text
        return int(answer.json()["id"])

    def message(self, number: int) -> dict[str, Any]:
        """How far a message has come, as the API says it."""
        answer = self.api("GET", f"messages/{number}")
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    # Looking

    def rows(self, query: str, **values: Any) -> list[Any]:
        """Look into the engine's database."""
        with self.runtime.store.begin() as tx:
            return list(tx.execute(text(query), values).fetchall())

    def value(self, query: str, **values: Any) -> Any:
        """One value of it."""
        return self.rows(query, **values)[0][0]

    def column(self, query: str, **values: Any) -> list[Any]:
        """One column of it."""
        return [row[0] for row in self.rows(query, **values)]

    def recorded(self) -> dict[str, Any]:
        """The company's records of messages, by wamid. Each has its customer's phone as `mobile`."""
        query = text(
            "select m.*, c.mobile, c.name from whatsapp_messages m left join customers c using (customer_id) order by 1"
        )
        with self.crm.connect() as connection:
            return {row.wamid: row for row in connection.execute(query)}

    def customers(self) -> list[Any]:
        """The company's customers."""
        with self.crm.connect() as connection:
            return list(connection.execute(text("select * from customers order by 1")))

    def inbox(self) -> list[Any]:
        """Everything the platform has told."""
        return self.rows("select * from inbox order by id")

    def open_alerts(self) -> list[str]:
        """The keys of what a person should know now."""
        return sorted(self.column("select key from alerts where ended_at is null"))

    def people(self, count: int, **columns: Any) -> list[int]:
        """Contacts who wrote to nobody yet, with Taiwanese numbers."""
        sets = ", ".join(f"{name} = :{name}" for name in columns)
        numbers = [f"+8869{n:08d}" for n in range(10_000_000, 10_000_000 + count)]
        answers = self.rows(
            "insert into contacts (full_name, phone, created_at, updated_at) select '顧客', n, now(), now() "
            "from unnest(cast(:numbers as text[])) n returning id",
            numbers=numbers,
        )
        ids = [row[0] for row in answers]
        self.rows(
            "insert into identities (kind, value, contact_id) select 'phone', phone, id from contacts "
            "where id = any(:ids) returning 1",
            ids=ids,
        )
        if sets:
            self.rows(f"update contacts set {sets} where id = any(:ids) returning 1", ids=ids, **columns)
        return ids


def catalogue() -> list[dict[str, Any]]:
    """The shipped templates as the account has them, approved."""
    book = files.load_templates(PACKAGED_FILES)
    return [
        book.graph_payload(template.name, language, COMPANY)
        for template in book.templates
        for language in template.languages
    ]


@contextmanager
def opened(
    database: str,
    redis: str,
    crm_url: str,
    home: Path,
    *,
    tuned: Mapping[str, float | str] | None = None,
    behaviour: Behaviour = AT_ONCE,
    secrets: Mapping[str, str] | None = None,
    **config: Any,
) -> Iterator[Engine]:
    """An engine on these servers. `tuned` changes figures of `syncer.toml` by name, `secrets` adds to the environment;
    the rest is for the simulator."""
    with ExitStack() as stack:
        wanted = SimulatorConfig(phone_number_ids=(PRIMARY, BACKUP), **(_common(behaviour) | config))
        # The simulator is asked for first, because the engine must know its address; it is told ours afterwards.
        simulator = stack.enter_context(start(wanted))
        crm = _emptied(crm_url)
        stack.callback(crm.dispose)
        environment = {
            "SYNCER_HOME": str(home),
            "SYNCER_CONFIG": str(_tuned(home, tuned or {})),
            "SYNCER_PUBLIC_URL": "https://sync.example",
            "SYNCER_API_KEYS": f"{KEY}:*:{sha256(KEY.encode()).hexdigest()}",
            "WHATSAPP_API_URL": simulator.url,
            "WHATSAPP_BUSINESS_ACCOUNT_ID": wanted.waba_id,
            "WHATSAPP_BACKUP_PHONE_NUMBER_ID": BACKUP,
            "WHATSAPP_TIER": "enterprise",
            "CRM_DATABASE_URL": crm_url,
            **(secrets or {}),
        }
        clock, jobs = SetForward(), RecordingJobs()
        runtime = Runtime(settings(**environment), Services(database, redis), jobs, clock)
        stack.callback(runtime.close)
        web = stack.enter_context(serving(app.build, database, redis, jobs, clock, **environment))
        session = WorkerSession(runtime.store, "worker", clock)
        stack.callback(session.close)
        engine = Engine(runtime, web, simulator.url, crm, clock, jobs, session)
        stack.callback(engine._control.close)
        _subscribe(engine, wanted, str(web.base_url.join("/webhooks/whatsapp")))
        _patiently(runtime.number_watch.check)
        _patiently(runtime.template_watch.pull)
        yield engine


def _patiently(ask: Callable[[], object]) -> None:
    """Before the test begins: on a busy machine a hasty time-out may end a question that nobody is testing."""
    for _ in range(4):
        try:
            ask()
            return
        except TryAgain:
            continue
    ask()


def _common(behaviour: Behaviour) -> dict[str, Any]:
    return {
        "access_token": ENVIRONMENT["WHATSAPP_ACCESS_TOKEN"],
        "app_secret": ENVIRONMENT["WHATSAPP_APP_SECRET"],
        "verify_token": ENVIRONMENT["WHATSAPP_VERIFY_TOKEN"],
        "templates": catalogue(),
        "verified_name": COMPANY,
        "behaviour": behaviour,
        "seed": 1,
        "subscribed": False,
    }


def _subscribe(engine: Engine, config: SimulatorConfig, address: str) -> None:
    """As an operator does: the platform asks at our address first (the handshake), and tells from then on."""
    wanted = {"override_callback_uri": address, "verify_token": config.verify_token}
    answer = engine.graph("POST", f"{config.waba_id}/subscribed_apps", wanted)
    assert answer.status_code == 200, answer.text


def _tuned(home: Path, changes: Mapping[str, float | str]) -> Path:
    """The configuration files, with some figures changed."""
    folder = home / "config"
    folder.mkdir(parents=True)
    for source in PACKAGED_FILES.rglob("*.toml"):
        target = folder / source.relative_to(PACKAGED_FILES)
        target.parent.mkdir(exist_ok=True)
        if source.name == "syncer.toml" and changes:
            target.write_text(_changed(source.read_text(encoding="utf-8"), changes), encoding="utf-8")
        else:
            target.symlink_to(source)
    return folder


def _changed(figures: str, changes: Mapping[str, float | str]) -> str:
    for name, value in changes.items():
        section, _, key = name.rpartition(".")
        place = rf"(?ms)(^\[{section or '[a-z]+'}\][^\[]*?^{key} = )[^#\n]*"
        figures, found = re.subn(place, rf"\g<1>{value} ", figures)
        assert found == 1, f"{name} stands {found} times in syncer.toml"
    return figures


def _emptied(url: str) -> Database:
    crm = create_engine(url)
    with crm.begin() as connection:
        customer_tables.metadata.create_all(connection)
        for table in reversed(customer_tables.metadata.sorted_tables):
            connection.execute(table.delete())
    return crm


def template(name: str, *parameters: str, language: str = "zh_TW", **more: Any) -> dict[str, Any]:
    """A template as the API takes it."""
    return {"name": name, "language": language, "parameters": list(parameters), **more}
