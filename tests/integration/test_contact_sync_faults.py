"""A contact sync that is cut off, refused, taken over or met by a conversation: nothing is lost, doubled, mixed up."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from syncer.domain.consent import Word
from syncer.domain.errors import FixCredentials, Refused, TryAgain, TryLater, Unreachable
from syncer.domain.message import Sender
from syncer.flows.contacts.sync import SyncOutcome
from syncer.store import conversations, recognition
from syncer.store.conversations import Heard
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.integration.contact_desk import A, B, Desk, failing, open_desk


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[Desk]:
    with open_desk(store, clock) as desk:
        yield desk


# Interruptions


def thirty(desk: Desk) -> None:
    for n in range(30):
        desk.crm.add(full_name=f"Customer {n}", phone=f"09111111{n % 25:02d}")


def all_thirty_are_in(desk: Desk, outcome: SyncOutcome) -> None:
    assert (outcome.seen, outcome.new, outcome.merged, outcome.unchanged) == (30, 30, 5, 0)
    assert desk.value("select count(*) from contacts") == 25
    assert desk.value("select count(*) from merges") == 5
    assert desk.rows("select state, counts->>'seen' as seen from sync_runs") == [("done", "30")]


def test_a_crm_that_fails_once_is_asked_again_at_once_where_it_stopped(desk: Desk) -> None:
    thirty(desk)
    desk.crm.on_page = failing(TryAgain("connection reset"))
    all_thirty_are_in(desk, desk.sync())
    assert desk.crm.cursors == [None, "000020"]


def test_a_crm_that_asks_for_patience_is_left_alone_and_then_asked_where_it_stopped(desk: Desk) -> None:
    thirty(desk)
    desk.crm.on_page = failing(TryLater("rate limit", wait_seconds=90))
    with pytest.raises(TryLater):
        desk.sync()
    with pytest.raises(Refused):
        desk.sync()
    desk.clock.advance(seconds=91)
    all_thirty_are_in(desk, desk.sync(worker=desk.another_worker()))
    assert desk.crm.cursors == [None, "000020"]


def test_a_crm_that_keeps_failing_is_a_persons_business(desk: Desk) -> None:
    thirty(desk)
    desk.crm.on_page = failing(TryAgain("down"), page=1, times=99)
    with pytest.raises(TryAgain):
        desk.sync()
    assert desk.value("select state from sync_runs") == "running"
    desk.clock.advance(seconds=31)
    with pytest.raises(TryAgain):
        desk.sync()
    assert desk.rows("select state, error from sync_runs") == [("failed", "down")]


def test_renewed_credentials_let_the_run_go_on(desk: Desk) -> None:
    thirty(desk)
    desk.crm.on_page = failing(FixCredentials("token expired"), page=1, times=3)
    for _ in range(3):
        with pytest.raises(FixCredentials):
            desk.sync()
        desk.clock.advance(seconds=61)
    desk.crm.on_page = lambda number: None
    all_thirty_are_in(desk, desk.sync())


def test_a_defect_ends_the_run_as_failed(desk: Desk) -> None:
    thirty(desk)
    desk.crm.on_page = failing(RuntimeError("a bug"))
    with pytest.raises(RuntimeError):
        desk.sync()
    assert desk.rows("select state, error from sync_runs") == [("failed", "RuntimeError: a bug")]
    assert desk.value("select count(*) from contact_sources") == 20


def test_a_second_worker_is_refused_while_the_first_lives(desk: Desk) -> None:
    thirty(desk)
    second = desk.another_worker()
    refused: list[Refused] = []

    def try_too(number: int) -> None:
        with pytest.raises(Refused) as caught:
            desk.sync(worker=second)
        refused.append(caught.value)

    desk.crm.on_page = try_too
    all_thirty_are_in(desk, desk.sync())
    assert len(refused) == 3


def test_the_run_of_a_dead_worker_is_taken_over_at_once(desk: Desk) -> None:
    thirty(desk)
    second = desk.another_worker()
    desk.crm.on_page = failing(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        desk.flow.run("sql", desk.sessions[0].number)
    with pytest.raises(Refused):
        desk.sync(worker=second)
    desk.sessions[0].close()
    all_thirty_are_in(desk, desk.sync(worker=second))


def test_a_worker_that_was_thought_dead_writes_nothing_any_more(desk: Desk) -> None:
    thirty(desk)
    second = desk.another_worker()
    epochs: list[int] = []

    def stall(number: int) -> None:
        if number == 3 and not epochs:
            epochs.append(1)
            desk.clock.advance(seconds=61)
            all_thirty_are_in(desk, desk.sync(worker=second))
            epochs.append(desk.value("select epoch from sync_runs"))

    desk.crm.on_page = stall
    with pytest.raises(Refused, match="taken over"):
        desk.sync()
    assert epochs == [1, 2]
    assert desk.value("select count(*) from contacts") == 25


def test_a_process_killed_in_the_middle_of_a_page_loses_and_doubles_nothing(
    desk: Desk, database_url: str, tmp_path: Path
) -> None:
    thirty(desk)
    with desk.store.begin() as tx:  # the third page's insert hangs until its process is killed
        tx.execute(
            text(
                "create function hang() returns trigger language plpgsql as $$ begin"
                " if new.crm_id = '000025' then perform pg_sleep(60); end if; return new; end $$"
            )
        )
        tx.execute(text("create trigger hang before insert on contact_sources for each row execute function hang()"))
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, database_url], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "started\n"
        wait_until(lambda: desk.value(_HANGING) == 1)
    finally:
        child.kill()
        child.wait()
        child.stdout.close()
    assert desk.value("select counts->>'seen' from sync_runs") == "20"
    with desk.store.begin() as tx:
        tx.execute(text("drop trigger hang on contact_sources"))
    all_thirty_are_in(desk, desk.sync())


_HANGING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'"
_CHILD = """
import sys
from syncer.clock import SystemClock
from syncer.flows.contacts.sync import ContactSync
from syncer.store.session import Store, open_engine
from syncer.store.workers import WorkerSession
from tests.fakes.crm import FakeCRM
store, crm = Store(open_engine(sys.argv[1])), FakeCRM()
for n in range(30):
    crm.add(full_name=f"Customer {n}", phone=f"09111111{n % 25:02d}")
session = WorkerSession(store, "child", SystemClock())
print("started", flush=True)
ContactSync(store, {"sql": crm}, SystemClock(), page_size=10).run("sql", session.number)
"""


def wait_until(condition: Callable[[], bool]) -> None:
    """Real processes take real time."""
    done = threading.Event()
    for _ in range(600):
        if condition():
            return
        done.wait(0.05)
    raise AssertionError("it never came")


def test_a_cut_connection_is_no_fault_of_the_rows(desk: Desk) -> None:
    thirty(desk)
    with desk.store.begin() as tx:
        tx.execute(
            text(
                "create function cut() returns trigger language plpgsql as $$ begin"
                " if new.crm_id = '000025' then perform pg_terminate_backend(pg_backend_pid()); end if;"
                " return new; end $$"
            )
        )
        tx.execute(text("create trigger cut before insert on contact_sources for each row execute function cut()"))
    with pytest.raises(Unreachable):
        desk.sync()
    assert desk.rows("select state, counts->>'seen' from sync_runs") == [("running", "20")]
    with desk.store.begin() as tx:
        tx.execute(text("drop trigger cut on contact_sources"))
    desk.clock.advance(seconds=61)
    all_thirty_are_in(desk, desk.sync())


# Beside conversations


@pytest.mark.parametrize("user_id", [None, "user-1"])
def test_a_sync_and_a_message_that_meet_a_new_number_make_one_contact(desk: Desk, user_id: str | None) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    sender = Sender(phone=A, user_id=user_id)
    results: list[SyncOutcome] = []
    syncing = threading.Thread(target=lambda: results.append(desk.sync()))
    with desk.store.begin() as tx:
        writer = recognition.resolve(tx, [sender], desk.clock.now())[sender]
        syncing.start()
        wait_until(lambda: desk.value(_WAITING) == 1)
    syncing.join()
    assert results[0].new == 1
    assert desk.contact_of(crm_id).id == writer
    assert desk.value("select count(*) from contacts") == 1


_WAITING = "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"


@pytest.mark.parametrize("user_id", [None, "user-1"])
def test_a_message_and_a_sync_that_meet_a_new_number_make_one_contact(desk: Desk, user_id: str | None) -> None:
    """The other way round: the sync is first and has not committed when the message comes."""
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    sender = Sender(phone=A, user_id=user_id)
    found: list[int] = []

    def hear() -> None:
        with desk.store.begin() as tx:
            found.append(recognition.resolve(tx, [sender], desk.clock.now())[sender])

    hearing = threading.Thread(target=hear)
    with Gate(desk):
        hearing.start()
        wait_until(lambda: desk.value(_WAITING) == 2)
    hearing.join()
    assert found == [desk.contact_of(crm_id).id]
    assert desk.value("select count(*) from contacts") == 1


def test_a_message_that_comes_while_its_number_is_given_away_starts_a_new_contact(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    desk.sync()
    desk.change(crm_id, phone="0922222222")
    found: list[int] = []
    hearing = threading.Thread(target=lambda: found.append(desk.hear_from(A)))
    with Gate(desk):
        hearing.start()
        wait_until(lambda: desk.value(_WAITING) == 2)
    hearing.join()
    assert found == [desk.holder(A)]
    assert desk.holder(B) == desk.contact_of(crm_id).id != found[0]


def test_a_message_that_came_first_keeps_its_number(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    desk.sync()
    desk.change(crm_id, phone="0922222222")
    syncing = threading.Thread(target=desk.sync)
    sender, now = Sender(phone=A), desk.clock.now()
    with desk.store.begin() as tx:
        writer = recognition.resolve(tx, [sender], now)[sender]
        syncing.start()
        wait_until(lambda: desk.value(_WAITING) == 1)
        conversations.hear(tx, [Heard(writer, "100", now, now)])
    syncing.join()
    assert desk.holder(A) == writer
    assert desk.contact_of(crm_id).id != writer


def test_a_stop_that_comes_during_a_sync_is_not_lost(desk: Desk) -> None:
    crm_id = desk.crm.add(full_name="王小明", phone="0911111111")
    desk.sync()
    contact_id = desk.contact_of(crm_id).id
    desk.change(crm_id, marketing_consent="Y")
    stopping = threading.Thread(target=lambda: desk.says(contact_id, Word.REVOKED))
    with Gate(desk):
        stopping.start()
        wait_until(lambda: desk.value(_WAITING) == 2)
    stopping.join()
    assert desk.contact_of(crm_id).marketing == Word.REVOKED
    assert {row.word for row in desk.rows("select word from consents")} == {"granted", "revoked"}


class Gate:
    """Holds a sync at the very end of its page: everything is written, nothing committed."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._connection = desk.store.engine.connect()
        self._syncing = threading.Thread(target=desk.sync)

    def __enter__(self) -> None:
        self._desk.crm.on_page = self._close
        self._syncing.start()
        wait_until(lambda: self._desk.value(_WAITING) == 1)

    def _close(self, page: int) -> None:
        self._connection.execute(text("lock table sync_runs in exclusive mode"))

    def __exit__(self, *_: object) -> None:
        self._connection.rollback()
        self._connection.close()
        self._syncing.join()


def test_two_crms_and_conversations_at_once_mix_up_nobody(desk: Desk) -> None:
    chance = random.Random(1)
    numbers = [f"09{n:08d}" for n in range(30)]
    for crm in (desk.crm, desk.other):
        for n in range(40):
            crm.add(full_name=f"{crm.name} {n}", phone=chance.choice([*numbers, ""]))

    def synced(name: str, seed: int) -> None:
        turn, crm, worker = random.Random(seed), desk.flow.crms[name], desk.another_worker()
        for _ in range(12):
            desk.flow.run(name, worker)
            for crm_id in turn.sample(sorted(crm.contacts), 10):  # type: ignore[attr-defined]
                crm.contacts[crm_id] |= {"phone": turn.choice([*numbers, ""])}  # type: ignore[attr-defined]
        desk.flow.run(name, worker)

    def heard(seed: int) -> None:
        turn = random.Random(seed)
        for n in range(60):
            contact_id = desk.hear_from("+886" + turn.choice(numbers)[1:], user_id=turn.choice([None, f"user-{n % 9}"]))
            if n % 5 == 0:
                desk.says(contact_id, Word.REVOKED)

    threads = [threading.Thread(target=synced, args=(name, n)) for n, name in enumerate(desk.flow.crms)]
    threads += [threading.Thread(target=heard, args=(n,)) for n in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.rows(_STRAYED) == []
    assert desk.rows(_NOBODY) == []
    assert desk.rows(_OVERRIDDEN) == []


_STRAYED = """
    select s.crm, s.crm_id from contact_sources s
    left join identities i on i.kind = 'phone' and i.value = s.phone
    where s.phone is not null and s.phone_problem is null and i.contact_id is distinct from s.contact_id"""
_NOBODY = """
    select id from contacts c where not exists (select 1 from contact_sources where contact_id = c.id)
      and not exists (select 1 from conversations where contact_id = c.id)"""
_OVERRIDDEN = """
    select id from contacts c where marketing <> 'revoked'
      and exists (select 1 from consents where contact_id = c.id and explicit)"""
