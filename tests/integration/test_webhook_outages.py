"""The webhook door while PostgreSQL or Redis is away: what was answered 200 is stored, Redis costs nobody anything."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
from sqlalchemy import text
from sqlalchemy.engine import make_url
from starlette.types import ASGIApp

from syncer.bootstrap import Runtime
from syncer.store.session import Store
from syncer.web import app
from syncer.web.committer import Committer
from tasks.queueing import CeleryJobs
from tests.integration.web_server import deliver, serving
from tests.integration.webhook_deliveries import message, stored


def test_without_a_database_nothing_is_acknowledged(redis_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"postgresql+psycopg2://syncer@127.0.0.1:{taken.getsockname()[1]}/syncer"
    with serving(app.build, nobody, redis_url) as web:
        answer = deliver(web, message("wamid.1"))
        assert answer.status_code == 503
        assert answer.headers["retry-after"]
        assert web.get("/healthz").status_code == 200
        ready = web.get("/readyz")
        assert (ready.status_code, ready.json()["broker"]) == (503, "ok")


def test_a_database_that_comes_back_is_used_again(database_url: str, redis_url: str, store: Store) -> None:
    url = make_url(database_url)
    with Relay(url.port or 5432) as relay:
        through = url.set(port=relay.port).render_as_string(hide_password=False)
        with serving(app.build, through, redis_url) as web:
            assert deliver(web, message("wamid.1")).status_code == 200
            relay.cut()
            assert deliver(web, message("wamid.2")).status_code == 503
            relay.mend()
            assert deliver(web, message("wamid.2")).status_code == 200
    assert [row.item_id for row in stored(store)] == ["wamid.1", "wamid.2"]


def test_whatever_moment_the_database_goes_what_was_acknowledged_is_stored(
    database_url: str, redis_url: str, store: Store
) -> None:
    url = make_url(database_url)
    answers: dict[str, int] = {}
    with Relay(url.port or 5432) as relay:
        through = url.set(port=relay.port).render_as_string(hide_password=False)
        with serving(app.build, through, redis_url) as web, ThreadPoolExecutor(8) as pool:
            whole = threading.Event()
            writers = [pool.submit(_write, web, f"wamid.{writer}", answers, whole) for writer in range(8)]
            for _ in range(5):
                _wait_for_more(answers, 200)
                relay.cut()
                _wait_for_more(answers, 503)
                relay.mend()
            _wait_for_more(answers, 200)
            whole.set()
            assert [writer.result() for writer in writers] == [None] * 8
    kept = [row.item_id for row in stored(store)]
    assert len(kept) == len(set(kept))
    assert {wamid for wamid, status in answers.items() if status == 200} <= set(kept)
    assert set(answers.values()) == {200, 503}


def _write(web: httpx.Client, name: str, answers: dict[str, int], enough: threading.Event) -> None:
    number = 0
    while not enough.is_set():
        number += 1
        answers[f"{name}.{number}"] = deliver(web, message(f"{name}.{number}")).status_code


def _wait_for_more(answers: dict[str, int], status: int) -> None:
    """Until forty more deliveries were answered so."""
    deadline = time.monotonic() + 20
    enough = list(answers.copy().values()).count(status) + 40
    while list(answers.copy().values()).count(status) < enough:
        assert time.monotonic() < deadline, f"no more {status}"
        time.sleep(0.005)


def test_a_database_that_stands_still_is_503_within_the_patience(
    database_url: str, redis_url: str, store: Store
) -> None:
    def impatient(runtime: Runtime) -> ASGIApp:
        return app.build(runtime, Committer(runtime.intake.receive, patience=0.2))

    with serving(impatient, database_url, redis_url) as web:
        assert deliver(web, message("wamid.1")).status_code == 200
        with store.begin() as tx:
            tx.execute(text("lock table inbox in access exclusive mode"))
            refused = [deliver(web, message("wamid.2")) for _ in range(2)]
        assert [answer.status_code for answer in refused] == [503, 503]
        assert max(answer.elapsed.total_seconds() for answer in refused) < 1
        assert deliver(web, message("wamid.2")).status_code == 200
    assert [row.item_id for row in stored(store)] == ["wamid.1", "wamid.2"]


def test_a_dead_redis_costs_a_delivery_nothing(database_url: str, store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"redis://127.0.0.1:{taken.getsockname()[1]}/0"
    _stays_fast(database_url, nobody, store)


def test_a_stalled_redis_costs_a_delivery_nothing(database_url: str, store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says a word
        _stays_fast(database_url, f"redis://127.0.0.1:{silent.getsockname()[1]}/0", store)


def _stays_fast(database_url: str, redis_url: str, store: Store) -> None:
    bells = CeleryJobs(redis_url)
    with serving(app.build, database_url, redis_url, bells) as web:
        deliver(web, message("wamid.first"))
        answers = [deliver(web, message(f"wamid.{n}")) for n in range(200)]
        assert {answer.status_code for answer in answers} == {200}
        assert max(answer.elapsed.total_seconds() for answer in answers) < 0.3
        assert web.get("/readyz").json()["database"] == "ok"
        assert web.get("/readyz").status_code == 503
    bells.close()
    assert len(stored(store)) == 201


class Relay:
    """A port that leads to another one of this machine, until it is cut."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self._whole = True
        self.port: int = self._listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._listening.close()

    def cut(self) -> None:
        """Break every connection and refuse new ones."""
        self._whole = False
        for one in self._open:
            # A close alone would not wake the thread that reads from it.
            one.shutdown(socket.SHUT_RDWR) if one.fileno() >= 0 else None
            one.close()
        self._open.clear()

    def mend(self) -> None:
        """Lead there again."""
        self._whole = True

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listening.accept()
            except OSError:
                return
            if not self._whole:
                near.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._target))
            self._open += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()

    def _pass_on(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while part := one.recv(65536):
                other.sendall(part)
        except OSError:
            return
