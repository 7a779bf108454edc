"""API keys from the database: made and revoked while the web process runs, read without a query for each request."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import httpx
import pytest
from sqlalchemy import event, text

from syncer.bootstrap import Runtime
from syncer.domain.errors import Refused
from syncer.flows.api_keys import ApiKeyBook
from syncer.store.session import Store
from syncer.web import app
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.integration.commands import Syncer
from tests.integration.test_cli import company as company
from tests.integration.test_cli import environment as environment
from tests.integration.test_cli import syncer as syncer
from tests.integration.web_server import problem, serving

BOOTSTRAP = f"first:*:{sha256(b'first').hexdigest()}"
#: Seconds within which every web process must know; the promise is "a few".
SOON = 4.0


@pytest.fixture
def runtimes() -> list[Runtime]:
    return []


@pytest.fixture
def api(
    database_url: str, redis_url: str, jobs: RecordingJobs, clock: FakeClock, runtimes: list[Runtime]
) -> Iterator[httpx.Client]:
    def build(runtime: Runtime) -> object:
        runtimes.append(runtime)
        return app.build(runtime)

    with serving(build, database_url, redis_url, jobs, clock, SYNCER_API_KEYS=BOOTSTRAP) as client:  # type: ignore[arg-type]
        client.base_url = client.base_url.join("/api/v1/")
        yield client


@pytest.fixture
def book(store: Store, clock: FakeClock) -> ApiKeyBook:
    return ApiKeyBook(store, clock, ["first"])


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def soon(condition: Callable[[], bool]) -> bool:
    until = time.monotonic() + SOON
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def test_a_new_key_opens_and_a_revoked_one_closes_without_a_restart(api: httpx.Client, book: ApiKeyBook) -> None:
    problem(api.get("me", headers=bearer("guess")), 401)
    token = book.create("zapier", ["messages", "contacts.read"])
    assert soon(lambda: api.get("me", headers=bearer(token)).status_code == 200)
    told = api.get("me", headers=bearer(token)).json()
    assert told == {"name": "zapier", "scopes": ["contacts.read", "messages"], "company": "Formosa Tea Co."}
    problem(api.post("contacts", json={}, headers=bearer(token)), 403)
    book.revoke("zapier")
    assert soon(lambda: api.get("me", headers=bearer(token)).status_code == 401)


def test_a_key_may_come_by_its_own_header(api: httpx.Client, book: ApiKeyBook) -> None:
    assert api.get("me", headers={"X-API-Key": "first"}).json()["name"] == "first"
    answer = api.get("me", headers={"X-API-Key": "guess"})
    problem(answer, 401)
    assert "invalid_token" in answer.headers["www-authenticate"]
    assert api.get("me", headers={"X-API-Key": book.create("own", ["*"])}).status_code in (200, 401)


def test_a_thousand_requests_are_not_a_thousand_queries(
    api: httpx.Client, book: ApiKeyBook, runtimes: list[Runtime]
) -> None:
    token = book.create("busy", ["*"])
    asked = []
    event.listen(
        runtimes[0].store.engine,
        "before_cursor_execute",
        lambda *args: asked.append(args[2]) if "api_keys" in args[2] else None,
    )
    assert soon(lambda: api.get("me", headers=bearer(token)).status_code == 200)
    began = time.monotonic()
    with ThreadPoolExecutor(4) as pool:
        codes = set(pool.map(lambda _: api.get("me", headers=bearer(token)).status_code, range(300)))
    assert codes == {200}
    reads = [statement for statement in asked if statement.startswith("SELECT")]
    assert len(reads) <= 4 + (time.monotonic() - began)


def test_a_database_that_is_away_leaves_the_keys_of_the_environment(redis_url: str) -> None:
    nowhere = "postgresql+psycopg2://nobody@127.0.0.1:9/nothing"
    with serving(app.build, nowhere, redis_url, SYNCER_API_KEYS=BOOTSTRAP) as client:
        assert client.get("/api/v1/me", headers=bearer("first")).status_code == 200
        answer = client.get("/api/v1/me", headers=bearer("syncer_other"))
        problem(answer, 503)  # and not 401, at which Zapier would ask its user to connect anew
        assert answer.headers["retry-after"] == "5"


def test_when_a_key_was_used_is_known_within_minutes(
    api: httpx.Client, book: ApiKeyBook, store: Store, clock: FakeClock
) -> None:
    token = book.create("zapier", ["*"])
    assert soon(lambda: api.get("me", headers=bearer(token)).status_code == 200)
    assert soon(lambda: book.listing()[0].last_used_at == clock.now())
    noted = clock.now()
    clock.advance(minutes=4)
    api.get("me", headers=bearer(token))
    clock.advance(minutes=2)
    assert book.listing()[0].last_used_at == noted
    api.get("me", headers=bearer(token))
    assert soon(lambda: book.listing()[0].last_used_at == clock.now())


def test_only_the_hash_of_a_key_is_stored(book: ApiKeyBook, store: Store) -> None:
    token = book.create("zapier", ["*"])
    with store.begin() as tx:
        held = str(tx.execute(text("select to_jsonb(k) from api_keys k")).scalar_one())
    assert sha256(token.encode()).hexdigest() in held
    assert token not in held
    assert token.removeprefix("syncer_") not in held


def test_a_name_has_one_living_key_and_may_have_another_afterwards(book: ApiKeyBook) -> None:
    first = book.create("zapier", ["*"])
    with pytest.raises(Refused, match="has a key already"):
        book.create("zapier", ["*"])
    with pytest.raises(Refused, match="SYNCER_API_KEYS"):
        book.create("first", ["*"])
    with pytest.raises(Refused, match="SYNCER_API_KEYS"):
        book.revoke("first")
    with pytest.raises(Refused, match="name"):
        book.create("no:colons", ["*"])
    book.revoke("zapier")
    assert book.create("zapier", ["*"]) != first
    with pytest.raises(LookupError):
        book.revoke("nobody")


def test_of_many_who_make_a_key_of_one_name_one_does(book: ApiKeyBook) -> None:
    def make(_: int) -> bool:
        try:
            return bool(book.create("zapier", ["*"]))
        except Refused:
            return False

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(make, range(6))) == 1


def test_the_command_line_makes_lists_and_revokes_keys(syncer: Syncer) -> None:
    made = syncer("keys", "create", "zapier", "--scope", "messages", "-s", "contacts.read", "--json")
    assert made.code == 0
    assert made.document["key"].startswith("syncer_")
    assert made.document["scopes"] == ["contacts.read", "messages"]
    assert syncer("keys", "create", "zapier", "--scope", "*").code == 4
    listed = syncer("keys", "list", "--json")
    assert [(key["name"], key["from"], key["revoked_at"]) for key in listed.document["keys"]] == [
        ("zapier", "database", None)
    ]
    assert made.document["key"] not in listed.out
    assert syncer("keys", "revoke", "zapier", "--json").document == {"name": "zapier", "revoked": True}
    assert syncer("keys", "revoke", "zapier").code == 1
    assert "zapier" in syncer("keys", "list").out


def test_a_key_is_printed_alone_on_stdout(syncer: Syncer) -> None:
    made = syncer("keys", "create", "zapier", "--scope", "*")
    assert made.out.strip().startswith("syncer_")
    assert len(made.out.split()) == 1


def test_a_scope_that_is_none_is_wrong_usage(syncer: Syncer) -> None:
    wrong = syncer("keys", "create", "zapier", "--scope", "mesages")
    assert wrong.code == 2
    assert "did you mean 'messages'" in wrong.err
    assert syncer("keys", "create", "zapier").code == 2


def test_failed_recipients_of_a_campaign_that_is_not_there_cannot_be_tried_again(syncer: Syncer) -> None:
    result = syncer("campaigns", "retry-failed", "99999", "--json")
    assert result.code == 1
    assert "99999" in result.document["error"]
