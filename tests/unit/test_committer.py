"""Group commit: what waits together is stored together, and nobody is told more than is true."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from syncer.domain.errors import TryAgain, Unreachable
from syncer.domain.inbox import InboxItem
from syncer.web.committer import MOST_CHARACTERS, MOST_TURNS, Committer, Overloaded

AT = datetime(2026, 11, 23, tzinfo=UTC)


def item(name: str, payload: str = "{}") -> InboxItem:
    return InboxItem("whatsapp", "100", name, "message", "+886912345678", AT, payload)


class Disk:
    """Stores as it is told to: each transaction waits for `free` and may be refused by `refusal`."""

    def __init__(self) -> None:
        self.transactions: list[list[str]] = []
        self.free = threading.Event()
        self.free.set()
        self.begun = threading.Event()
        self.refusals: list[Exception] = []
        self.odd = ""

    def receive(self, items: Sequence[InboxItem]) -> int:
        self.begun.set()
        assert self.free.wait(5)
        if self.refusals:
            raise self.refusals.pop(0)
        names = [one.item_id for one in items]
        if self.odd in names:
            raise ValueError("cannot be stored")
        self.transactions.append(names)
        return len(names)


def commit_all(disk: Disk, names: Sequence[str], payload: str = "{}", **options: float) -> list[BaseException | None]:
    """Commit the first, and the others while it is being stored; returns how each of them ended."""

    async def run() -> list[BaseException | None]:
        committer = Committer(disk.receive, **options)  # type: ignore[arg-type]
        committer.start()
        disk.free.clear()
        tasks = [asyncio.create_task(committer.commit([item(names[0], payload)]))]
        await asyncio.to_thread(disk.begun.wait, 5)
        tasks += [asyncio.create_task(committer.commit([item(name, payload)])) for name in names[1:]]
        await asyncio.sleep(0)
        if "patience" not in options:
            disk.free.set()
        ended = await asyncio.gather(*tasks, return_exceptions=True)
        disk.free.set()
        await committer.close()
        return list(ended)

    return asyncio.run(run())


def test_what_comes_while_one_commit_runs_shares_the_next() -> None:
    disk = Disk()
    names = [f"w{number}" for number in range(50)]
    assert commit_all(disk, names) == [None] * 50
    assert disk.transactions == [["w0"], names[1:]]


def test_a_transaction_stays_within_its_bound() -> None:
    disk = Disk()
    commit_all(disk, [f"w{number}" for number in range(25)], most_items=10)
    assert [len(names) for names in disk.transactions] == [1, 10, 10, 4]


def test_long_payloads_make_small_groups() -> None:
    disk = Disk()
    commit_all(disk, [f"w{number}" for number in range(6)], payload="x" * (MOST_CHARACTERS // 2))
    assert [len(names) for names in disk.transactions] == [1, 2, 2, 1]


def test_what_arrives_in_the_same_turns_of_the_loop_shares_one_transaction() -> None:
    disk = Disk()

    async def run() -> None:
        committer = Committer(disk.receive)
        committer.start()

        async def late(turns: int) -> None:
            for _ in range(turns):
                await asyncio.sleep(0)
            await committer.commit([item(f"w{turns}")])

        await asyncio.gather(*[late(turns) for turns in range(3)])
        await committer.close()

    asyncio.run(run())
    assert disk.transactions == [["w0", "w1", "w2"]]


def test_a_group_does_not_wait_for_company_for_ever() -> None:
    disk = Disk()

    async def run() -> None:
        committer = Committer(disk.receive)
        committer.start()
        tasks = []
        while not disk.transactions:
            tasks.append(asyncio.create_task(committer.commit([item(f"w{len(tasks)}")])))
            await asyncio.sleep(0)
        await asyncio.gather(*tasks)
        await committer.close()

    asyncio.run(asyncio.wait_for(run(), 10))
    assert len(disk.transactions[0]) <= MOST_TURNS + 2


def test_one_odd_delivery_costs_the_others_nothing() -> None:
    disk = Disk()
    disk.odd = "w7"
    names = [f"w{number}" for number in range(20)]
    ended = commit_all(disk, names)
    assert [name for name, error in zip(names, ended, strict=True) if error] == ["w7"]
    assert sorted(name for group in disk.transactions for name in group) == sorted(set(names) - {"w7"})


def test_an_unreachable_database_is_asked_once_for_the_whole_group() -> None:
    disk = Disk()
    disk.refusals = [Unreachable("gone"), Unreachable("gone")]
    ended = commit_all(disk, [f"w{number}" for number in range(20)])
    assert {type(error) for error in ended} == {Unreachable}
    assert disk.refusals == []


def test_a_deadlock_is_tried_again() -> None:
    disk = Disk()
    disk.refusals = [TryAgain("deadlock"), TryAgain("deadlock")]
    assert commit_all(disk, ["w0", "w1"]) == [None, None]


def test_more_than_may_wait_is_turned_away() -> None:
    disk = Disk()
    ended = commit_all(disk, [f"w{number}" for number in range(15)], most_items=5, most_groups=2)
    assert [type(error) for error in ended[10:]] == [Overloaded] * 5
    assert ended[:10] == [None] * 10


def test_long_payloads_fill_what_may_wait_sooner() -> None:
    disk = Disk()
    ended = commit_all(disk, ["w0", "w1", "w2"], payload="x" * MOST_CHARACTERS, most_groups=2)
    assert ended[:2] == [None, None]
    assert isinstance(ended[2], Overloaded)


def test_one_delivery_larger_than_may_wait_is_taken_when_nothing_else_waits() -> None:
    disk = Disk()
    asyncio.run(alone(disk, [item(f"w{number}") for number in range(30)], most_items=5, most_groups=2))
    assert len(disk.transactions[0]) == 30


def test_what_was_turned_away_or_stored_leaves_room_again() -> None:
    disk = Disk()

    async def run() -> list[BaseException | None]:
        committer = Committer(disk.receive, most_items=3, most_groups=1)
        committer.start()
        ended = []
        for _ in range(100):
            ended += await asyncio.gather(*[committer.commit([item("w")]) for _ in range(4)], return_exceptions=True)
        await committer.close()
        return ended

    ended = asyncio.run(run())
    assert [type(error).__name__ for error in ended] == ["NoneType", "NoneType", "NoneType", "Overloaded"] * 100


async def alone(disk: Disk, items: Sequence[InboxItem], **options: int) -> None:
    committer = Committer(disk.receive, **options)
    committer.start()
    await committer.commit(items)
    await committer.close()


def test_nobody_waits_for_ever_for_a_stalled_database() -> None:
    disk = Disk()
    ended = commit_all(disk, ["w0", "w1"], patience=0.05)
    assert {type(error) for error in ended} == {Unreachable}
    assert disk.transactions == [["w0"], ["w1"]], "what was given up on is stored nevertheless, and known if repeated"


def test_closing_stores_what_still_waits() -> None:
    disk = Disk()

    async def run() -> None:
        committer = Committer(disk.receive)
        committer.start()
        disk.free.clear()
        tasks = [asyncio.create_task(committer.commit([item(f"w{number}")])) for number in range(3)]
        await asyncio.sleep(0)
        disk.free.set()
        await committer.close()
        await asyncio.gather(*tasks)

    asyncio.run(run())
    assert sorted(name for group in disk.transactions for name in group) == ["w0", "w1", "w2"]


def test_nothing_to_store_is_stored_at_once() -> None:
    asyncio.run(Committer(Disk().receive).commit([]))


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL")
