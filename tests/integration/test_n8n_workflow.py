"""The n8n workflow: of the shape that n8n imports, its requests are ones that our API takes, and it knows our
signature."""

from __future__ import annotations

import hmac
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.fernet import Fernet

from syncer.crm.hooks import signature
from syncer.domain.hook import HookCall, HookEvent
from syncer.web import app
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.fakes.messenger import said
from tests.integration.conftest import House
from tests.integration.web_server import serving

WORKFLOW = json.loads((Path(__file__).parents[2] / "integrations/n8n/syncer.workflow.json").read_text(encoding="utf-8"))
NODES: dict[str, dict[str, Any]] = {node["name"]: node for node in WORKFLOW["nodes"]}
REQUESTS = [node for node in NODES.values() if node["type"] == "n8n-nodes-base.httpRequest"]
BASE = "https://syncer.example.com/api/v1"
KEYS = f"n8n:messages+contacts+hooks:{sha256(b'n8n').hexdigest()}"

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node is not installed")

#: What n8n gives a Code node and an expression, as far as ours ask for it.
_FRAME = """
const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));
const $ = () => ({ item: { json: { event: given.event } } });
const $input = { first: () => ({ json: { headers: given.headers } }) };
const self = { helpers: { getBinaryDataBuffer: async () => Buffer.from(given.raw || '', 'utf8') } };
"""


@pytest.fixture
def api(
    database_url: str, redis_url: str, jobs: RecordingJobs, clock: FakeClock, house: House
) -> Iterator[httpx.Client]:
    more = {"SYNCER_SECRET_KEY": Fernet.generate_key().decode(), "HOOKS_PRIVATE_NETWORKS": "127.0.0.0/8"}
    with serving(app.build, database_url, redis_url, jobs, clock, SYNCER_API_KEYS=KEYS, **more) as client:
        client.headers["X-API-Key"] = "n8n"
        yield client


def node(program: str, **given: Any) -> Any:
    """What a program of the workflow's language returns."""
    whole = f"{_FRAME}(async () => {program})().then((found) => console.log(JSON.stringify(found)));"
    done = subprocess.run(["node", "-e", whole], input=json.dumps(given), capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def evaluated(template: str, event: dict[str, Any]) -> str:
    """One field of a node, with its expressions worked out."""
    assert template.startswith("=")
    return re.sub(r"{{(.*?)}}", lambda found: str(node(f"({found[1]})", event=event)), template[1:], flags=re.DOTALL)


def test_every_node_is_one_that_n8n_can_import() -> None:
    assert len({one["id"] for one in NODES.values()}) == len(WORKFLOW["nodes"]) == len(NODES)
    for one in NODES.values():
        assert re.fullmatch(r"n8n-nodes-base\.\w+", one["type"])
        assert isinstance(one["typeVersion"], int | float)
        assert isinstance(one["parameters"], dict)
        assert len(one["position"]) == 2
    assert WORKFLOW["active"] is False


def test_every_connection_leads_from_one_node_to_another() -> None:
    for source, outputs in WORKFLOW["connections"].items():
        assert source in NODES
        for way in (way for output in outputs["main"] for way in output):
            assert (way["node"] in NODES, way["type"], way["index"]) == (True, "main", 0)
    triggers = {name for name, one in NODES.items() if one["type"].endswith(("Trigger", "webhook", "stickyNote"))}
    reached = {way["node"] for o in WORKFLOW["connections"].values() for output in o["main"] for way in output}
    assert reached == set(NODES) - triggers


def test_every_request_is_one_of_our_api_with_the_headers_that_it_wants(api: httpx.Client) -> None:
    paths = api.get("/api/v1/openapi.json").json()["paths"]
    assert {one["parameters"]["url"].removeprefix(BASE) for one in REQUESTS} == {"/hooks", "/messages", "/contacts"}
    for one in REQUESTS:
        operation = paths[one["parameters"]["url"].removeprefix(BASE)][one["parameters"]["method"].lower()]
        sent = {
            header["name"].lower() for header in one["parameters"].get("headerParameters", {}).get("parameters", [])
        }
        known = {p["name"].lower(): p["required"] for p in operation.get("parameters", []) if p["in"] == "header"}
        assert {name for name, required in known.items() if required} <= sent <= set(known)
        assert one["credentials"].keys() == {one["parameters"]["genericAuthType"]}


@needs_node
def test_the_requests_do_what_they_say(api: httpx.Client, house: House) -> None:
    house.receive(said("wamid.in", "hello", at=house.clock.now()))
    event = api.get("/api/v1/lists/messages").json()[0]
    for _ in range(2):
        for one in REQUESTS:
            parameters = one["parameters"]
            headers = {
                header["name"]: evaluated(header["value"], event)
                for header in parameters.get("headerParameters", {}).get("parameters", [])
            }
            body = json.loads(evaluated(parameters["jsonBody"], event))
            if "target_url" in body:
                body["target_url"] = "http://127.0.0.1:9/webhook/syncer"
            answer = api.post(parameters["url"].replace("https://syncer.example.com", ""), json=body, headers=headers)
            assert answer.status_code in (200, 201, 202), answer.text
    assert house.value("select count(*) from outgoing") == 1
    assert house.value("select count(*) from hook_subscriptions") == 1
    assert house.value("select attributes ->> 'custom.last_message' from contacts") == "hello"


@needs_node
def test_what_it_signs_is_what_we_have_signed(clock: FakeClock) -> None:
    raw = json.dumps({"id": "message-1", "body": "您好 🍵", "phone": "+886912345678"}, ensure_ascii=False).encode()
    call = HookCall("https://n8n.example.com/webhook/syncer", HookEvent.MESSAGE_RECEIVED, "d1", raw, "s3cret")
    headers = {name.lower(): value for name, value in signature.headers(call, clock.now()).items()}
    code = NODES["What was signed"]["parameters"]["jsCode"]
    program = f"{{ return (async function () {{ {code} }}).call(self) }}"
    found = node(program, headers=headers, raw=raw.decode())[0]["json"]
    assert found["event"]["body"] == "您好 🍵"
    crypto = NODES["Sign with the secret"]["parameters"]
    assert (crypto["action"], crypto["type"], crypto["encoding"]) == ("hmac", "SHA256", "hex")
    assert hmac.new(b"s3cret", found["signed"].encode(), "sha256").hexdigest() == found["given"]
