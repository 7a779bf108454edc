"""A whole engine as real processes - web, a real-time and a CRM worker, a Redis of its own - to be broken on
purpose."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, text

from config.settings import PACKAGED_FILES
from syncer.acceptance import customer_tables, processes
from syncer.acceptance.platform import SimulatedPlatform
from syncer.acceptance.processes import Supervisor
from syncer.embedded import redis as embedded_redis
from syncer.http import HttpClient
from syncer.simulators.whatsapp.app import start
from syncer.simulators.whatsapp.config import Behaviour, Limits, SimulatorConfig
from syncer.store import schema
from syncer.store.session import Store, open_engine

ROOT = Path(__file__).resolve().parents[2]
NUMBER = "106540352242922"
#: Seconds within which everything must have settled after the last fault.
PATIENCE = 20.0


@dataclass
class Breakable:
    """What a test breaks and what it looks at."""

    supervisor: Supervisor
    platform: SimulatedPlatform
    store: Store
    crm: Engine
    redis_command: str

    def start_redis(self) -> None:
        """With what it had written. Nobody else starts it: a test decides how long it is gone."""
        self.supervisor.start("redis", self.redis_command, restarts=False)

    def play(self, name: str, count: int, rate: float = 100.0, words: str = "你好") -> list[str]:
        """Customers say `count` different things, each person two; returns their wamids at once."""
        lines = [
            {"from": f"8869{hash_of(name)}{n // 2:05d}", "type": "text", "text": {"body": f"{name} {words} {n}"}}
            for n in range(count)
        ]
        return self.platform.play(lines, rate)

    def signal(self, name: str, number: signal.Signals) -> None:
        """To the whole group of one process."""
        os.killpg(self.supervisor.pid(name), number)

    def recorded(self, wamids: list[str]) -> dict[str, int]:
        """How often each message stands in the company's table."""
        query = text("select wamid, count(*) from whatsapp_messages where wamid = any(:wamids) group by wamid")
        with self.crm.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(query, {"wamids": wamids})}

    def wait_for(self, wamids: list[str], patience: float = PATIENCE) -> None:
        """Until all of them are recorded, or time is up."""
        deadline = time.monotonic() + patience
        while len(self.recorded(wamids)) < len(wamids) and time.monotonic() < deadline:
            time.sleep(0.05)

    def delays(self, wamids: list[str]) -> list[float]:
        """Seconds from the customer's pressing send to the row in the CRM, the longest last."""
        said = self.platform.said()
        query = text("select wamid, extract(epoch from recorded_at) at from whatsapp_messages where wamid = any(:w)")
        with self.crm.connect() as connection:
            return sorted(
                float(row.at) - said[row.wamid]["sent_at"] for row in connection.execute(query, {"w": wamids})
            )


def hash_of(name: str) -> str:
    """Three digits, so that no two tests write as the same person."""
    return f"{sum(map(ord, name)) % 1000:03d}"


@pytest.fixture(scope="module")
def engine(_migrated: str, _administrator: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Breakable]:
    home = tmp_path_factory.mktemp("faults")
    crm_url = _migrated.rpartition("/")[0] + f"/faults_{os.getpid()}"
    with _administrator.connect() as connection:
        connection.execute(text(f'create database "{crm_url.rpartition("/")[2]}"'))
    crm = create_engine(crm_url)
    customer_tables.metadata.create_all(crm)
    store = Store(open_engine(_migrated))
    schema.upgrade(store)
    web_port, redis_port = processes.free_port(18000), processes.free_port(16400)
    config = SimulatorConfig(
        callback_url=f"http://127.0.0.1:{web_port}/webhooks/whatsapp",
        phone_number_ids=(NUMBER,),
        behaviour=Behaviour(limits=Limits(throughput=1000, pair_interval=0)),
    )
    with start(config) as simulator:
        ours = _environment(home, _migrated, crm_url, web_port, redis_port, simulator.url, config)
        supervisor = Supervisor(processes.environment(ours), ROOT, home / "logs")
        try:
            (home / "redis").mkdir()
            program = f"{embedded_redis.find()} --port {redis_port} --bind 127.0.0.1"
            redis_command = f"{program} --appendonly yes --dir {home / 'redis'}"
            breakable = Breakable(supervisor, SimulatedPlatform(simulator.url), store, crm, redis_command)
            breakable.start_redis()
            commands = processes.read_procfile(ROOT / "Procfile")
            for kind in ("web", "realtime", "crm"):
                supervisor.start(kind, commands[kind])
            _wait_until_ready(web_port, store)
            yield breakable
        finally:
            supervisor.stop()
            store.close()
            crm.dispose()
            with _administrator.connect() as connection:
                connection.execute(text(f'drop database "{crm_url.rpartition("/")[2]}" with (force)'))


def _environment(
    home: Path, database: str, crm: str, web_port: int, redis_port: int, api: str, config: SimulatorConfig
) -> dict[str, str]:
    return {
        "DATABASE_URL": database,
        "REDIS_URL": f"redis://127.0.0.1:{redis_port}/0",
        "SYNCER_HOME": str(home),
        "SYNCER_CONFIG": str(PACKAGED_FILES),
        "PORT": str(web_port),
        "WHATSAPP_API_URL": api,
        "WHATSAPP_ACCESS_TOKEN": config.access_token,
        "WHATSAPP_APP_SECRET": config.app_secret,
        "WHATSAPP_VERIFY_TOKEN": config.verify_token,
        "WHATSAPP_PHONE_NUMBER_ID": NUMBER,
        "WHATSAPP_TIER": "enterprise",
        "CRM": "sql",
        "CRM_DATABASE_URL": crm,
        "COMPANY_NAME": "Formosa Tea Co.",
    }


def _wait_until_ready(web_port: int, store: Store) -> None:
    http = HttpClient()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            if http.request("GET", f"http://127.0.0.1:{web_port}/readyz").status == 200 and _workers(store) >= 2:
                return
        except Exception:
            time.sleep(0.1)
        time.sleep(0.1)
    raise TimeoutError("the engine did not become ready")


def _workers(store: Store) -> int:
    with store.begin() as tx:
        return int(tx.execute(text("select count(*) from workers")).scalar_one())


@pytest.fixture(autouse=True)
def _calm(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every test leaves the engine whole again, and nothing to do for it: the next one measures its own fault."""
    engine: Breakable | None = request.getfixturevalue("engine") if "engine" in request.fixturenames else None
    yield
    if engine is None:
        return
    if "redis" not in engine.supervisor.names().values():
        engine.start_redis()
    engine.platform.call("DELETE", "faults")
    for name in ("redis", "realtime", "crm", "web"):
        engine.signal(name, signal.SIGCONT)
    settle(engine)


def settle(engine: Breakable, patience: float = 40.0) -> None:
    """Until every reply has its fate, or time is up: one in doubt waits 30 s for evidence (law 6)."""
    unsettled = "select count(*) from outgoing where state in ('planned', 'claimed', 'sending', 'waiting', 'unknown')"
    deadline = time.monotonic() + patience
    while rows(engine.store, unsettled)[0][0] and time.monotonic() < deadline:
        time.sleep(0.1)


def rows(store: Store, query: str, **values: Any) -> list[Any]:
    """Look into the engine's database."""
    with store.begin() as tx:
        return list(tx.execute(text(query), values).fetchall())
