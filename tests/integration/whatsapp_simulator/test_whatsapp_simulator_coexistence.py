"""A number that the WhatsApp Business App uses too: history, contacts, and what an agent types on a telephone."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
import requests

from tests.fakes.whatsapp_bench import CUSTOMER, SAMPLES, Bench, code_of, shape


def onboard(bench: Bench, **order: Any) -> Any:
    return bench.control("POST", "app/onboard", order)


def sync(bench: Bench, kind: str) -> requests.Response:
    return bench.graph("POST", f"{bench.number}/smb_app_data", {"messaging_product": "whatsapp", "sync_type": kind})


def told(bench: Bench, field: str) -> list[dict[str, Any]]:
    return [change["value"] for change in bench.webhook.changes() if change["field"] == field]


def test_what_an_agent_types_in_the_app_is_told_as_an_echo(bench: Bench):
    onboard(bench)
    said = [{"to": CUSTOMER, "text": "我是店員"}, {"to": f"+{CUSTOMER}", "type": "image", "image": {"id": "1"}}]
    ids = bench.control("POST", "app/messages", {"messages": said})["ids"]
    bench.webhook.wait(lambda: len(bench.webhook.told("message_echoes")) == 2)
    echoes = bench.webhook.told("message_echoes")
    assert [echo["id"] for echo in echoes] == ids
    assert {(echo["from"], echo["to"]) for echo in echoes} == {("886255501000", CUSTOMER)}
    assert echoes[0]["text"] == {"body": "我是店員"}
    assert bench.accepted() == []
    recorded = json.loads((SAMPLES / "webhooks" / "message_echoes.json").read_text(encoding="utf-8"))
    assert shape(recorded["entry"][0]["changes"][0]) in [shape(change) for change in _single(bench)]


def _single(bench: Bench) -> list[dict[str, Any]]:
    """The changes with one echo each."""
    changes = []
    for change in bench.webhook.changes():
        for echo in change["value"]["message_echoes"]:
            changes.append({**change, "value": {**change["value"], "message_echoes": [echo]}})
    return changes


def test_the_history_comes_in_chunks_with_progress_once(bench: Bench):
    bench.control("POST", "settings", {"account": {"history_chunk": 5, "history_gap": 0.01}})
    assert onboard(bench, threads=4, messages=3) == {"contacts": 0, "threads": 4, "messages": 12}
    answer = sync(bench, "history").json()
    assert answer["messaging_product"] == "whatsapp"
    assert answer["request_id"]
    bench.webhook.wait(lambda: len(bench.webhook.told("history")) == 3)
    chunks = sorted(bench.webhook.told("history"), key=lambda chunk: chunk["metadata"]["chunk_order"])
    assert [chunk["metadata"]["chunk_order"] for chunk in chunks] == [1, 2, 3]
    assert [chunk["metadata"]["progress"] for chunk in chunks] == [33, 66, 100]
    threads = [thread for chunk in chunks for thread in chunk["threads"]]
    assert len({thread["id"] for thread in threads}) == 4
    messages = [message for thread in threads for message in thread["messages"]]
    assert len({message["id"] for message in messages}) == 12
    mine = [message for message in messages if message["from"] == "886255501000"]
    assert len(mine) == 4
    assert all("to" in message for message in mine)
    assert {message["history_context"]["status"] for message in messages} == {"READ"}
    assert code_of(sync(bench, "history")) == (400, 2593107)


def test_old_messages_belong_to_later_phases(bench: Bench):
    now = time.time()
    ages = {"today": 3600, "last month": 30 * 86_400, "spring": 120 * 86_400, "long ago": 400 * 86_400}
    messages = [{"text": text, "timestamp": now - age} for text, age in ages.items()]
    onboard(bench, threads=[{"phone": CUSTOMER, "messages": messages}])
    sync(bench, "history")
    bench.webhook.wait(lambda: len(bench.webhook.told("history")) == 3)
    phases = {
        chunk["metadata"]["phase"]: chunk["threads"][0]["messages"][0]["text"]["body"]
        for chunk in bench.webhook.told("history")
    }
    assert phases == {0: "today", 1: "last month", 2: "spring"}


def test_a_business_may_keep_its_history_to_itself(bench: Bench):
    onboard(bench, threads=2, share_history=False)
    sync(bench, "history")
    bench.webhook.wait(lambda: bench.webhook.told("history"))
    assert bench.webhook.told("history")[0]["errors"][0]["code"] == 2593109


def test_contacts_are_told_when_asked_for_and_whenever_they_change(bench: Bench):
    onboard(bench, contacts=[{"phone": CUSTOMER, "name": "王小明 先生"}])
    bench.control("POST", "app/contacts", {"add": [{"phone": "886911111111", "name": "Ana"}]})
    assert bench.webhook.changes() == []
    assert sync(bench, "smb_app_state_sync").status_code == 200
    bench.webhook.wait(lambda: len(bench.webhook.told("state_sync")) == 2)
    first = bench.webhook.told("state_sync")[0]
    assert first["contact"] == {"full_name": "王小明 先生", "first_name": "王小明", "phone_number": CUSTOMER}
    assert (first["type"], first["action"]) == ("contact", "add")
    assert first["metadata"]["timestamp"].isdigit()
    bench.control("POST", "app/contacts", {"remove": [CUSTOMER]})
    bench.webhook.wait(lambda: len(bench.webhook.told("state_sync")) == 3)
    assert bench.webhook.told("state_sync")[2]["contact"] == {"phone_number": CUSTOMER}
    assert {change["field"] for change in bench.webhook.changes()} == {"smb_app_state_sync"}
    assert code_of(sync(bench, "smb_app_state_sync")) == (400, 2593107)


def test_a_synchronisation_is_refused_a_day_later_and_without_the_app(bench: Bench):
    assert code_of(sync(bench, "history")) == (400, 100)
    onboard(bench, onboarded_ago=86_401)
    assert code_of(sync(bench, "history")) == (400, 2593108)
    assert code_of(sync(bench, "everything")) == (400, 100)


def test_such_a_number_sends_20_messages_a_second_and_cannot_leave(bench: Bench):
    onboard(bench)
    codes = [bench.template(f"8869{line:08d}").status_code for line in range(60)]
    assert codes[:20] == [200] * 20
    assert 429 in codes
    row = bench.graph("GET", f"{bench.number}?fields=is_on_biz_app,throughput").json()
    assert (row["is_on_biz_app"], row["throughput"]["level"]) == (True, "STANDARD")
    assert code_of(bench.graph("POST", f"{bench.number}/deregister")) == (400, 100)


@pytest.mark.parametrize("command", ["app/messages", "app/contacts"])
def test_the_app_is_connected_first(bench: Bench, command: str):
    order = {"messages": [{"to": CUSTOMER, "text": "x"}], "add": [{"phone": CUSTOMER}]}
    answer = requests.post(f"{bench.url}/_sim/{command}", json=order, timeout=5)
    assert (answer.status_code, "app/onboard" in answer.json()["error"]) == (400, True)
