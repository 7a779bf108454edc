"""The API of hooks: as Zapier, Make and n8n use it."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from syncer.domain.hook import HookEvent
from syncer.flows.hooks.samples import sample
from syncer.web import app
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.integration.hook_desk import Target, target
from tests.integration.web_server import problem, serving


def key(name: str, scopes: str) -> str:
    return f"{name}:{scopes}:{sha256(name.encode()).hexdigest()}"


KEYS = ",".join([key("zapier", "hooks"), key("make", "hooks"), key("reader", "hooks.read"), key("other", "messages")])
SETTINGS = {
    "SYNCER_API_KEYS": KEYS,
    "SYNCER_SECRET_KEY": Fernet.generate_key().decode(),
    "HOOKS_PRIVATE_NETWORKS": "127.0.0.0/8",
}


def bearer(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {name}"}


@pytest.fixture
def api(database_url: str, redis_url: str, jobs: RecordingJobs, clock: FakeClock) -> Iterator[httpx.Client]:
    with serving(app.build, database_url, redis_url, jobs, clock, **SETTINGS) as client:
        client.base_url = client.base_url.join("/api/v1/")
        client.headers.update(bearer("zapier"))
        yield client


@pytest.fixture
def shop() -> Iterator[Target]:
    with target() as made:
        yield made


def subscribe(api: httpx.Client, url: str, event: str = "message.received", **more: Any) -> httpx.Response:
    return api.post("hooks", json={"event": event, "target_url": url, **more})


def test_subscribing_tells_the_secret_once_and_again_finds_the_same(api: httpx.Client, shop: Target) -> None:
    first = subscribe(api, shop.url)
    assert first.status_code == 201
    assert first.json()["secret"].startswith("whsec_")
    again = api.post("hooks", json={"event": "message.received", "targetUrl": shop.url})
    assert again.status_code == 200
    assert (again.json()["id"], again.json()["secret"]) == (first.json()["id"], None)
    (listed,) = api.get("hooks").json()
    assert (listed["id"], listed["state"], listed["waiting"]) == (first.json()["id"], "active", 0)
    assert "secret" not in listed


def test_each_key_has_its_own_subscriptions(api: httpx.Client, shop: Target) -> None:
    mine = subscribe(api, shop.url).json()["id"]
    theirs = api.post("hooks", json={"event": "message.received", "target_url": shop.url}, headers=bearer("make"))
    assert theirs.status_code == 201
    assert theirs.json()["id"] != mine
    assert api.delete(f"hooks/{mine}", headers=bearer("make")).status_code == 204
    assert [one["id"] for one in api.get("hooks").json()] == [mine]
    problem(api.get(f"hooks/{mine}/deliveries", headers=bearer("make")), 404)
    problem(api.post(f"hooks/{mine}/test", headers=bearer("make")), 404)


def test_unsubscribing_may_be_repeated_and_of_nothing_is_no_error(api: httpx.Client, shop: Target) -> None:
    made = subscribe(api, shop.url).json()["id"]
    for number in (made, made, 999_999):
        answer = api.delete(f"hooks/{number}")
        assert (answer.status_code, answer.content) == (204, b"")
    assert api.get("hooks").json() == []


def test_the_scope_decides(api: httpx.Client, shop: Target) -> None:
    problem(api.get("hooks", headers=bearer("other")), 403)
    wish = {"event": "message.received", "target_url": shop.url}
    problem(api.post("hooks", json=wish, headers=bearer("reader")), 403)
    assert api.get("hooks", headers=bearer("reader")).status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "https://169.254.169.254/latest/meta-data",
        "https://10.0.0.5/hook",
        "https://[::1]/hook",
        "https://user:pass@example.com/hook",
        "http://example.com/hook",
        "ftp://example.com/hook",
        "hook",
        "https://no-such-name.invalid/hook",
    ],
)
def test_an_address_that_deliveries_may_not_go_to_is_refused(api: httpx.Client, url: str) -> None:
    told = problem(subscribe(api, url), 422)
    assert told["detail"]
    assert api.get("hooks").json() == []


def test_an_unknown_event_and_an_unknown_field_are_refused(api: httpx.Client, shop: Target) -> None:
    problem(subscribe(api, shop.url, event="message.exploded"), 422)
    problem(subscribe(api, shop.url, colour="red"), 422)


def test_without_a_secret_key_nobody_can_subscribe(database_url: str, redis_url: str, shop: Target) -> None:
    settings = SETTINGS | {"SYNCER_SECRET_KEY": ""}
    with serving(app.build, database_url, redis_url, **settings) as client:
        wish = {"event": "message.received", "target_url": shop.url}
        told = problem(client.post("/api/v1/hooks", json=wish, headers=bearer("zapier")), 422)
        assert "SYNCER_SECRET_KEY" in told["detail"]


def test_a_test_delivers_a_sample_now_and_tells_what_the_target_said(api: httpx.Client, shop: Target) -> None:
    made = subscribe(api, shop.url).json()["id"]
    told = api.post(f"hooks/{made}/test").json()
    assert (told["delivered"], told["status"], told["error"]) == (True, 200, None)
    assert shop.calls[0].json == sample(HookEvent.MESSAGE_RECEIVED)
    assert shop.calls[0].headers["x-syncer-signature"].startswith("sha256=")
    shop.always(500)
    told = api.post(f"hooks/{made}/test").json()
    assert (told["delivered"], told["status"]) == (False, 500)
    assert api.get("hooks").json()[0]["failures"] == 0


@pytest.mark.parametrize("event", list(HookEvent))
def test_samples_are_a_list_even_where_nothing_has_happened(api: httpx.Client, event: HookEvent) -> None:
    shown = api.get(f"hooks/samples/{event}", params={"limit": 3}).json()
    assert shown == [sample(event)]
    assert shown[0]["id"]


def test_what_happened_lately_is_shown_without_what_was_in_it(api: httpx.Client, shop: Target) -> None:
    made = subscribe(api, shop.url).json()["id"]
    assert api.get(f"hooks/{made}/deliveries").json() == []
    problem(api.get("hooks/999/deliveries"), 404)
