"""Killing and stopping things while customers write: nothing is lost, nothing is doubled, and it is noticed by
nobody."""

from __future__ import annotations

import signal
import time

import pytest
from sqlalchemy import text

from tests.faults.conftest import Breakable, rows, settle

pytestmark = pytest.mark.faults

CUT = """
    select pg_terminate_backend(pid) from pg_stat_activity
    where pid <> pg_backend_pid() and usename = current_user"""


def assert_once_each(engine: Breakable, wamids: list[str]) -> None:
    engine.wait_for(wamids)
    found = engine.recorded(wamids)
    assert sorted(set(wamids) - set(found)) == []
    assert set(found.values()) == {1}


def test_a_killed_real_time_worker_costs_no_message_and_less_than_three_seconds(engine: Breakable) -> None:
    wamids = engine.play("kill", 200)
    time.sleep(0.6)
    engine.supervisor.kill("realtime")
    time.sleep(1.0)
    assert_once_each(engine, wamids)
    assert engine.delays(wamids)[-1] < 5


def test_a_killed_crm_worker_writes_nothing_twice(engine: Breakable) -> None:
    wamids = engine.play("crm-kill", 200)
    time.sleep(0.6)
    engine.supervisor.kill("crm")
    assert_once_each(engine, wamids)


def test_a_killed_web_process_costs_no_message_because_the_provider_repeats(engine: Breakable) -> None:
    wamids = engine.play("web-kill", 200)
    time.sleep(0.6)
    engine.supervisor.kill("web")
    assert_once_each(engine, wamids)


def test_redis_gone_for_good_holds_up_neither_the_webhook_nor_the_message(engine: Breakable) -> None:
    engine.supervisor.kill("redis")
    assert_nobody_notices(engine, "redis-gone")
    assert "redis" not in engine.supervisor.names().values()


def test_a_worker_that_starts_while_redis_is_gone_works_all_the_same(engine: Breakable) -> None:
    engine.supervisor.kill("redis")
    for kind in ("realtime", "crm"):
        engine.supervisor.kill(kind)
    wamids = engine.play("redis-gone-start", 100)
    assert_once_each(engine, wamids)


def test_redis_stalled_holds_up_neither_the_webhook_nor_the_message(engine: Breakable) -> None:
    engine.signal("redis", signal.SIGSTOP)
    assert_nobody_notices(engine, "redis-stall")


def assert_nobody_notices(engine: Breakable, name: str) -> None:
    """200 deliveries: each answered 200 within 300 ms, each message in the CRM within 3 s (law 2). Twelve a second are
    so far apart that the platform delivers each by itself."""
    before = len(engine.platform.deliveries())
    wamids = engine.play(name, 210, rate=12)
    assert_once_each(engine, wamids)
    answers = engine.platform.deliveries()[before:]
    assert len(answers) >= 200
    assert {answer["status"] for answer in answers} == {200}
    assert max(answer["milliseconds"] for answer in answers) < 300
    assert engine.delays(wamids)[-1] < 3


def test_every_database_connection_cut_costs_no_message(engine: Breakable) -> None:
    wamids = engine.play("postgres-cut", 200)
    for _ in range(3):
        time.sleep(0.5)
        with engine.crm.connect() as connection:
            connection.execute(text(CUT))
    engine.crm.dispose()
    engine.store.close()
    assert_once_each(engine, wamids)


def test_answers_lost_after_acceptance_are_settled_by_echoes_and_never_sent_again(engine: Breakable) -> None:
    fault = {"route": "messages", "kind": "hang", "moment": "after_accept", "share": 0.1, "seconds": 6}
    engine.platform.call("POST", "faults", {"faults": [fault]})
    before = len(engine.platform.sends())
    wamids = engine.play("hang", 100, rate=30, words="營業時間")
    assert_once_each(engine, wamids)
    settle(engine)
    states = {row[0]: row[1] for row in rows(engine.store, "select state, count(*) from outgoing group by state")}
    marks = [send["biz_opaque_callback_data"] for send in engine.platform.sends()[before:]]
    assert set(states) == {"accepted"}
    assert len({mark.rsplit(".", 1)[0] for mark in marks}) == len(marks)
