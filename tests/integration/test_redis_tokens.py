"""One access token for all workers, in a real Redis."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from syncer.crm.tokens import ProcessTokens
from syncer.domain.access_token import AccessToken
from syncer.domain.errors import TryAgain, TryLater
from syncer.throttle.tokens import MOST, RedisTokens

SECRET = "1000.refresh.token"


def tokens_at(url: str) -> RedisTokens:
    return RedisTokens(url, name="zoho", refresh_token=SECRET, twin=ProcessTokens(most=2))


class Accounts:
    """Counts in Redis, so that other processes' renewals are seen."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url)

    def fetch(self) -> AccessToken:
        time.sleep(0.02)
        number = self._client.incr("given")
        return AccessToken(f"t-{number}", "https://www.zohoapis.eu", time.time() + 3600)

    def given(self) -> int:
        return int(self._client.get("given") or 0)

    def close(self) -> None:
        self._client.close()


@pytest.fixture
def accounts(redis_url: str) -> Iterator[Accounts]:
    accounts = Accounts(redis_url)
    yield accounts
    accounts.close()


def _work(url: str, answers: multiprocessing.Queue[set[str]]) -> None:
    accounts, tokens = Accounts(url), tokens_at(url)
    with ThreadPoolExecutor(8) as threads:
        answers.put({token.value for token in threads.map(lambda _: tokens.get(accounts.fetch), range(8))})


def test_processes_of_many_threads_make_one_renewal(redis_url: str, accounts: Accounts) -> None:
    context = multiprocessing.get_context("spawn")
    answers = context.Queue()
    workers = [context.Process(target=_work, args=(redis_url, answers)) for _ in range(2)]
    for worker in workers:
        worker.start()
    told = [answers.get(timeout=30) for _ in workers]
    for worker in workers:
        worker.join()
    assert (told, accounts.given()) == ([{"t-1"}, {"t-1"}], 1)


def test_a_refused_token_is_renewed_once_for_all(redis_url: str, accounts: Accounts) -> None:
    workers = [tokens_at(redis_url) for _ in range(8)]
    refused = {worker.get(accounts.fetch) for worker in workers}
    assert len(refused) == 1
    with ThreadPoolExecutor(8) as threads:
        renewed = set(threads.map(lambda worker: worker.renew(next(iter(refused)), accounts.fetch), workers))
    assert ({token.value for token in renewed}, accounts.given()) == ({"t-2"}, 2)


def test_all_workers_together_keep_below_the_vendors_limit(redis_url: str, accounts: Accounts) -> None:
    one, other = tokens_at(redis_url), tokens_at(redis_url)
    token = one.get(accounts.fetch)
    for number in range(MOST - 1):
        token = (one, other)[number % 2].renew(token, accounts.fetch)
    with pytest.raises(TryLater, match="token_limit") as stopped:
        other.renew(token, accounts.fetch)
    assert accounts.given() == MOST
    assert 500 < stopped.value.wait_seconds <= 600


def test_a_renewal_that_fails_holds_nobody_up(redis_url: str, accounts: Accounts) -> None:
    def down() -> AccessToken:
        raise TryAgain("no answer")

    with pytest.raises(TryAgain):
        tokens_at(redis_url).get(down)
    assert tokens_at(redis_url).get(accounts.fetch).value == "t-1"


def test_another_refresh_token_has_another_place(redis_url: str, accounts: Accounts) -> None:
    tokens_at(redis_url).get(accounts.fetch)
    other = RedisTokens(redis_url, name="zoho", refresh_token="another", twin=ProcessTokens())
    assert other.get(accounts.fetch).value == "t-2"
    names = redis.Redis.from_url(redis_url).keys("*")
    assert not [name for name in names if SECRET.encode() in name]


def test_without_redis_every_process_has_a_token_of_its_own(redis_url: str, accounts: Accounts) -> None:
    alone = tokens_at("redis://127.0.0.1:1/0")
    token = alone.get(accounts.fetch)
    assert alone.get(accounts.fetch) == token
    assert alone.renew(token, accounts.fetch).value == "t-2"
