"""Whatever becomes of a message of ours is known to the engine and to the company (R23, X2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncer.domain.status import Status
from syncer.simulators.whatsapp.errors import DETAILS, TABLE
from tests.integration.whatsapp_round_trip.engine import Engine, template

#: How far a message may come: what the platform is told to do with it, and what it ends as.
JOURNEYS: dict[Status, dict[str, Any]] = {
    Status.ACCEPTED: {},
    Status.SENT: {"told": ["sent"]},
    Status.DELIVERED: {"told": ["sent", "delivered"]},
    Status.READ: {"told": ["sent", "delivered", "read"]},
    Status.PLAYED: {"told": ["sent", "delivered", "read", "played"]},
    Status.FAILED: {"told": ["failed"]},
}
#: What each code that comes after the platform's 200 says besides: about the person, or about what to do next.
AFTERWARDS: dict[int, Callable[[Engine, Any], object]] = {
    130472: lambda engine, row: _contact(engine, row)[:2] == (False, "granted"),
    131026: lambda engine, row: _contact(engine, row)[0] is True,
    131047: lambda engine, row: _contact(engine, row)[:2] == (False, "granted"),
    131049: lambda engine, row: _contact(engine, row)[:2] == (False, "granted"),
    131050: lambda engine, row: _contact(engine, row)[1] == "revoked",
    131052: lambda engine, row: _contact(engine, row)[:2] == (False, "granted"),
    131053: lambda engine, row: _contact(engine, row)[:2] == (False, "granted"),
}


def test_every_rung_of_the_ladder_reaches_the_message_and_the_crm(engine: Engine) -> None:
    assert set(JOURNEYS) == set(Status)
    engine.control("POST", "faults", {"route": "callbacks.statuses", "kind": "drop"})
    sent = {journey: _template_to(engine, n) for n, journey in enumerate(JOURNEYS)}
    engine.settle()
    wamids = {journey: engine.message(number)["wamid"] for journey, number in sent.items()}
    engine.control("DELETE", "faults")
    told = [
        {"id": wamids[journey], "status": word, "timestamp": 1795000000 + step} | _reason(word)
        for journey, how in JOURNEYS.items()
        for step, word in enumerate(how.get("told", ()))
    ]
    engine.control("POST", "statuses", {"statuses": told[::-1]})
    engine.settle()

    records = engine.recorded()
    for journey, number in sent.items():
        message, record = engine.message(number), records[wamids[journey]]
        assert (message["state"], message["status"], record.status) == ("accepted", journey, journey)
        for step in JOURNEYS[journey].get("told", ()):
            assert message[f"{step}_at"], f"{journey}: {step}"
    assert records[wamids[Status.FAILED]].error.startswith("131000: ")
    assert {row.state for row in engine.inbox()} == {"done"}
    assert engine.value("select count(*) from inbox where kind like 'status:%'") == len(told)


def test_a_message_that_fails_after_the_platform_took_it_is_failed_everywhere_with_its_reason(engine: Engine) -> None:
    assert set(AFTERWARDS) == set(DETAILS), "the codes of the platform that come after its 200"
    people = dict(zip(AFTERWARDS, engine.people(len(AFTERWARDS), marketing="granted"), strict=True))
    phones = {code: engine.value("select phone from contacts where id = :id", id=key) for code, key in people.items()}
    marked = [{"phone": phone, "fails_with": code} for code, phone in phones.items()]
    engine.control("POST", "customers", {"customers": marked})
    numbers = {
        code: engine.order(
            f"k{code}", to={"contact_id": key}, template=template("promotion_offer", "王小明", "85 折", "週日")
        )
        for code, key in people.items()
    }
    engine.settle()

    records, failed = engine.recorded(), {}
    for code, number in numbers.items():
        message = engine.message(number)
        row = engine.rows("select * from messages where outgoing_id = :id", id=number)[0]
        record = records[message["wamid"]]
        failed[code] = (
            message["state"],
            message["status"],
            row.error_code,
            record.status,
            record.error.startswith(f"{code}: {TABLE[code][1]}"),
            AFTERWARDS[code](engine, row),
        )
    assert failed == dict.fromkeys(AFTERWARDS, ()) | {
        code: ("accepted", "failed", str(code), "failed", True, True) for code in AFTERWARDS
    }
    assert engine.value("select count(*) from consents where word = 'revoked' and source = 'whatsapp:status'") == 1
    assert {row.accepts_marketing for row in engine.customers() if row.mobile == phones[131050]} == {"N"}


def test_a_window_that_was_closed_at_the_platform_only_brings_the_template_and_the_answer_the_message(
    engine: Engine,
) -> None:
    """131047 after the 200: our clock said open, the platform's said closed."""
    phone = "886921000001"
    engine.says({"from": phone, "name": "王小明", "text": "有人嗎 42"})
    engine.control("POST", "failures", {"code": 131047, "kind": "text", "count": 1})
    number = engine.order("k1", to={"phone": phone}, text={"body": "包裹明天到"})
    engine.settle()
    assert [row["kind"] for row in engine.accepted()] == ["text", "template"]
    assert engine.message(number)["status"] == "failed"

    engine.says({"from": phone, "type": "button", "button": {"payload": "READ_ANSWER", "text": "查看回覆"}})
    texts = [row["text"] for row in engine.accepted() if row["kind"] == "text"]
    assert sum("包裹明天到" in text for text in texts) == 2
    assert engine.recorded()[engine.accepted()[-1]["wamid"]].status == "read"


def test_what_a_message_costs_is_kept_with_it(engine: Engine) -> None:
    number = _template_to(engine, 1)
    engine.settle()
    row = engine.rows("select * from messages where outgoing_id = :id", id=number)[0]
    assert (row.price_category, row.price_type, row.billable) == ("utility", "regular", True)


def test_statuses_of_messages_that_were_never_sent_wait_and_harm_nobody(engine: Engine) -> None:
    known = _template_to(engine, 1)
    engine.settle()
    strangers = [{"status": word, "phone": "886922000001", "id": f"wamid.stranger.{word}"} for word in Status]
    engine.control("POST", "statuses", {"statuses": [row for row in strangers if row["status"] != "accepted"]})
    engine.control("POST", "statuses", {"statuses": [{"status": "teleported", "id": engine.message(known)["wamid"]}]})
    engine.settle()
    assert engine.message(known)["status"] == "read"
    assert engine.value("select count(*) from early_statuses") == len(Status) - 1
    states = {row.kind: row.state for row in engine.inbox()}
    assert states.pop("status:teleported") == "ignored"
    assert set(states.values()) == {"done"}
    assert all(row.reason for row in engine.inbox() if row.state == "ignored")


def _reason(word: str) -> dict[str, int]:
    return {"code": 131000} if word == "failed" else {}


def _template_to(engine: Engine, person: int) -> int:
    values = ("王小明", "A1", "NT$100")
    return engine.order(
        f"t{person}", to={"phone": f"88692300000{person}"}, template=template("order_confirmation", *values)
    )


def _contact(engine: Engine, row: Any) -> tuple[Any, ...]:
    return tuple(engine.rows("select unreachable, marketing from contacts where id = :id", id=row.contact_id)[0])
