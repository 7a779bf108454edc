"""Access tokens of many threads: renewed once, and never more often than the vendor bears."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from syncer.crm.tokens import MOST, WINDOW, ProcessTokens
from syncer.domain.access_token import AccessToken
from syncer.domain.errors import FixCredentials, TryLater

DOMAIN = "https://www.zohoapis.eu"


class Accounts:
    """Gives out tokens, one a time; counts them."""

    def __init__(self, seconds: float = 0.0, life: float = 3600.0) -> None:
        self.given, self.now = 0, 1_000_000.0
        self._seconds, self._life = seconds, life
        self._lock = threading.Lock()

    def fetch(self) -> AccessToken:
        time.sleep(self._seconds)
        with self._lock:
            self.given += 1
            return AccessToken(f"t-{self.given}", DOMAIN, self.now + self._life)

    def clock(self) -> float:
        return self.now


def test_many_threads_make_one_renewal() -> None:
    accounts = Accounts(seconds=0.02)
    tokens = ProcessTokens(clock=accounts.clock)
    with ThreadPoolExecutor(32) as workers:
        first = set(workers.map(lambda _: tokens.get(accounts.fetch), range(64)))
    assert ({token.value for token in first}, accounts.given) == ({"t-1"}, 1)
    [refused] = first
    with ThreadPoolExecutor(32) as workers:
        second = set(workers.map(lambda _: tokens.renew(refused, accounts.fetch), range(64)))
    assert ({token.value for token in second}, accounts.given) == ({"t-2"}, 2)


def test_a_token_is_replaced_before_it_expires() -> None:
    accounts = Accounts()
    tokens = ProcessTokens(clock=accounts.clock)
    assert tokens.get(accounts.fetch).value == "t-1"
    accounts.now += 3600 - 61
    assert tokens.get(accounts.fetch).value == "t-1"
    accounts.now += 2
    assert tokens.get(accounts.fetch).value == "t-2"


def test_tokens_that_are_refused_at_once_stop_being_asked_for() -> None:
    accounts = Accounts()
    tokens = ProcessTokens(clock=accounts.clock)
    token = tokens.get(accounts.fetch)
    for _ in range(MOST - 1):
        token = tokens.renew(token, accounts.fetch)
    with pytest.raises(TryLater, match="token_limit") as stopped:
        tokens.renew(token, accounts.fetch)
    assert (accounts.given, stopped.value.wait_seconds) == (MOST, WINDOW)
    accounts.now += WINDOW
    assert tokens.renew(token, accounts.fetch).value == f"t-{MOST + 1}"


def test_nobody_waits_long_for_another_ones_renewal() -> None:
    tokens, inside, go_on = ProcessTokens(patience=0.05), threading.Event(), threading.Event()

    def slow() -> AccessToken:
        inside.set()
        go_on.wait(5.0)
        return AccessToken("t-1", DOMAIN, time.time() + 3600)

    with ThreadPoolExecutor(1) as worker:
        first = worker.submit(tokens.get, slow)
        inside.wait(5.0)
        with pytest.raises(TryLater, match="token_busy"):
            tokens.get(slow)
        go_on.set()
        assert first.result().value == "t-1"


def test_a_refusal_leaves_the_door_open() -> None:
    accounts = Accounts()
    tokens = ProcessTokens(clock=accounts.clock)

    def refused() -> AccessToken:
        raise FixCredentials("no such client", code="invalid_client")

    with pytest.raises(FixCredentials):
        tokens.get(refused)
    assert tokens.get(accounts.fetch).value == "t-1"


def test_a_token_reaches_no_log() -> None:
    token = AccessToken("1000.secret", DOMAIN, 1.0)
    assert "secret" not in f"{token} {token!r}"
    assert AccessToken.unpacked(token.packed()) == token
    assert [AccessToken.unpacked(text) for text in (None, "", "{}", "[1]", "x")] == [None] * 5
