"""The simulated account: catalogue, numbers, token, logs; and the simulator as a process."""

from __future__ import annotations

import copy
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from syncer.simulators.whatsapp.app import start
from syncer.simulators.whatsapp.config import SimulatorConfig
from syncer.simulators.whatsapp.seeds import TEMPLATES
from tests.fakes.whatsapp_bench import Bench, code_of

ROOT = Path(__file__).parents[3]
TEXT = {"type": "text", "text": "x"}


# --- the account


def test_the_catalogue_is_read_page_by_page(bench: Bench):
    extra = [
        {"name": f"notice_{n}", "language": "en_US", "components": [{"type": "BODY", "text": "Hello."}]}
        for n in range(20)
    ]
    total = len(bench.control("POST", "templates", {"templates": extra})["templates"]) + len(TEMPLATES)
    path: str | None = f"{bench.config.waba_id}/message_templates?limit=7&fields=name,language,status"
    seen, pages = [], 0
    while path:
        page = bench.graph("GET", path).json()
        seen += [(row["id"], row["name"], row["status"]) for row in page["data"]]
        path = page["paging"]["next"].partition("/v25.0/")[2] if "next" in page["paging"] else None
        pages += 1
    assert (len(seen), len(set(seen)), pages) == (total, total, -(-total // 7))
    paused = bench.graph("GET", f"{bench.config.waba_id}/message_templates?status=PAUSED").json()
    assert paused == {"data": []}


def test_a_created_template_is_sendable_once_it_is_approved(bench_with: Callable[..., Bench]):
    bench = bench_with(template_review_seconds=0.1)
    body = {"type": "BODY", "text": "Your invoice {{1}} is ready.", "example": {"body_text": [["A1"]]}}
    spec = {"name": "invoice", "language": "en_US", "category": "UTILITY", "components": [body]}
    edge = f"{bench.config.waba_id}/message_templates"
    created = bench.graph("POST", edge, spec).json()
    assert (created["status"], created["category"]) == ("PENDING", "UTILITY")
    invoice = {"name": "invoice", "language": {"code": "en_US"}}
    assert code_of(bench.filled(invoice, [TEXT])) == (404, 132001)
    bench.webhook.wait(bench.webhook.changes)
    (change,) = bench.webhook.changes()
    assert (change["field"], change["value"]["event"]) == ("message_template_status_update", "APPROVED")
    assert change["value"]["message_template_id"] == int(created["id"])
    assert bench.filled(invoice, [TEXT]).status_code == 200
    again = bench.graph("POST", edge, spec)
    assert again.json()["error"]["error_subcode"] == 2388024
    unexplained = copy.deepcopy(spec) | {"name": "other", "components": [{"type": "BODY", "text": "Hi {{1}}."}]}
    assert code_of(bench.graph("POST", edge, unexplained)) == (400, 100)


def test_numbers_and_token_can_be_examined(bench: Bench):
    numbers = bench.graph("GET", f"{bench.config.waba_id}/phone_numbers").json()["data"]
    assert [row["id"] for row in numbers] == list(bench.config.phone_number_ids)
    fields = "?fields=status,quality_rating,throughput,whatsapp_business_manager_messaging_limit"
    assert bench.graph("GET", bench.number + fields).json()["whatsapp_business_manager_messaging_limit"] == "TIER_100K"
    token = bench.graph("GET", f"debug_token?input_token={bench.config.access_token}").json()["data"]
    assert (token["is_valid"], "whatsapp_business_messaging" in token["scopes"]) == (True, True)
    assert bench.graph("GET", "debug_token?input_token=other").json()["data"]["is_valid"] is False


def test_a_number_taken_out_of_service_cannot_send(bench: Bench):
    bench.control("POST", "numbers", {"id": bench.number, "status": "DISCONNECTED"})
    assert code_of(bench.template()) == (400, 133010)


def test_logs_keep_the_newest_rows_and_a_reset_empties_them(bench_with: Callable[..., Bench]):
    bench = bench_with(log_limit=3)
    wamids = [bench.template().json()["messages"][0]["id"] for _ in range(5)]
    assert [row["wamid"] for row in bench.accepted()] == wamids[2:]
    assert bench.control("GET", "stats")["sends"]["dropped"] == 2
    bench.control("POST", "reset")
    assert bench.accepted() == []
    assert bench.control("GET", "stats")["sends"]["accepted"] == 0


# --- as a process


def test_the_process_prints_its_address_and_stops_on_sigterm():
    command = [sys.executable, "-m", "syncer.simulators.whatsapp", "--port", "0", "--phone-number-id", "42"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[:2] == ["listening", "on"]
        assert requests.get(f"{words[2]}/_sim/", timeout=5).json()["phone_number_ids"] == ["42"]
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0


def test_a_taken_port_is_told_to_who_starts(bench: Bench):
    port = urlsplit(bench.url).port
    assert port is not None
    with pytest.raises(OSError, match="address already in use"):
        start(SimulatorConfig(port=port))
