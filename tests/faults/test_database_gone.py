"""PostgreSQL killed, stopped and started again under a web process that is being written to: what was answered 200 is
in the inbox, all else was answered 503, and the platform's repetitions bring the rest."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from config.settings import PACKAGED_FILES
from syncer.acceptance import processes
from syncer.acceptance.processes import Supervisor
from syncer.embedded import servers
from syncer.store import schema
from syncer.store.session import Store, open_engine
from tests.faults.conftest import NUMBER, ROOT, rows
from tests.integration.web_server import ENVIRONMENT, deliver

pytestmark = pytest.mark.faults

SENDERS = 8


class Platform:
    """Delivers messages without a pause, each once, and remembers the answer and the seconds that it took."""

    def __init__(self, web: httpx.Client) -> None:
        self.answers: dict[str, int] = {}
        self.seconds: list[float] = []
        self._web = web
        self._enough = threading.Event()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """For as long as the block runs."""
        with ThreadPoolExecutor(SENDERS) as pool:
            senders = [pool.submit(self._write, number) for number in range(SENDERS)]
            yield
            self._enough.set()
        assert [sender.exception() for sender in senders] == [None] * SENDERS

    def deliver(self, wamid: str) -> int:
        """One message."""
        started = time.monotonic()
        status = deliver(self._web, message(wamid)).status_code
        self.seconds.append(time.monotonic() - started)
        self.answers[wamid] = status
        return status

    def until_accepted(self, patience: float = 30.0) -> None:
        """Until deliveries are stored again."""
        known, deadline = self.accepted(), time.monotonic() + patience
        while len(self.accepted()) < len(known) + 50:
            assert time.monotonic() < deadline, "nothing is accepted any more"
            time.sleep(0.02)

    def accepted(self) -> set[str]:
        """What was answered 200."""
        return {wamid for wamid, status in self.answers.copy().items() if status == 200}

    def _write(self, sender: int) -> None:
        number = 0
        while not self._enough.is_set():
            number += 1
            if self.deliver(f"wamid.{sender}.{number}") != 200:
                self._enough.wait(0.02)


def message(wamid: str) -> bytes:
    """A customer's text."""
    said = {"from": "886912345678", "id": wamid, "timestamp": "1763892000", "type": "text", "text": {"body": wamid}}
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER}, "messages": [said]}
    return json.dumps({"entry": [{"id": "1", "changes": [{"field": "messages", "value": value}]}]}).encode()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home with a PostgreSQL of its own, up and empty."""
    with servers.acquire(tmp_path, redis=False) as running:
        store = Store(open_engine(running.database_url))
        schema.upgrade(store)
        store.close()
        yield tmp_path
    servers.stop(tmp_path)


@pytest.fixture
def platform(home: Path) -> Iterator[Platform]:
    """A real web process on that database; Redis it has none."""
    with servers.acquire(home, redis=False) as running:
        url = running.database_url
    port = processes.free_port(18400)
    ours = {
        **ENVIRONMENT,
        "DATABASE_URL": url,
        "REDIS_URL": f"redis://127.0.0.1:{processes.free_port(16900)}/0",
        "SYNCER_HOME": str(home / "web"),
        "SYNCER_CONFIG": str(PACKAGED_FILES),
        "PORT": str(port),
    }
    supervisor = Supervisor(processes.environment(ours), ROOT, home / "logs")
    supervisor.start("web", processes.read_procfile(ROOT / "Procfile")["web"])
    transport = httpx.HTTPTransport(limits=httpx.Limits(max_connections=SENDERS))
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20, transport=transport) as web:
            _wait_until_up(web)
            yield Platform(web)
    finally:
        supervisor.stop()


def _wait_until_up(web: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            web.get("/healthz").raise_for_status()
            return
        except httpx.HTTPError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def stored(home: Path) -> dict[str, int]:
    """How often each message is in the inbox."""
    with servers.acquire(home, redis=False) as running:
        store = Store(open_engine(running.database_url))
        counted = rows(store, "select item_id, count(*) from inbox group by item_id")
        store.close()
    return {row[0]: row[1] for row in counted}


def kill(home: Path) -> None:
    """The server falls over; its guardian starts it again, and it recovers from its log."""
    family(home)[0].kill()


def family(home: Path) -> list[psutil.Process]:
    """The server and all its processes."""
    running = servers.status(home).postgres
    assert running is not None
    server = psutil.Process(running.pid)
    return [server, *server.children(recursive=True)]


@pytest.mark.timeout(180)
def test_what_was_acknowledged_is_stored_however_often_postgresql_falls(home: Path, platform: Platform) -> None:
    with platform.writing():
        platform.until_accepted()
        for _ in range(2):
            kill(home)
            platform.until_accepted()
        servers.stop(home)
        time.sleep(2)
        with servers.acquire(home, redis=False):
            platform.until_accepted()
    assert set(platform.answers.values()) == {200, 503}
    assert max(platform.seconds) < 6
    before = stored(home)
    assert sorted(platform.accepted() - set(before)) == []
    refused = sorted(set(platform.answers) - platform.accepted())
    assert [platform.deliver(wamid) for wamid in refused] == [200] * len(refused)
    assert stored(home) == dict.fromkeys(platform.answers, 1)


@pytest.mark.timeout(120)
def test_a_postgresql_that_stands_still_is_503_within_the_patience_and_goes_on_afterwards(
    home: Path, platform: Platform
) -> None:
    with platform.writing():
        platform.until_accepted()
        stopped = family(home)
        for process in stopped:
            process.suspend()
        try:
            time.sleep(7)
        finally:
            for process in stopped:
                process.resume()
        platform.until_accepted()
    assert set(platform.answers.values()) == {200, 503}
    assert max(platform.seconds) < 6
    assert sorted(platform.accepted() - set(stored(home))) == []
