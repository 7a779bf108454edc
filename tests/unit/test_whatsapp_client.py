"""The messenger asks the Graph API exactly what the recorded requests say, and believes only what was promised."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from responses import matchers

from syncer.domain.errors import FixCredentials, OutcomeUnknown, TryAgain, TryLater
from syncer.domain.message import Accepted, SendRequest, TextContent
from syncer.domain.template import TemplateContent
from syncer.http import HttpClient
from syncer.whatsapp.client import WhatsAppMessenger
from syncer.whatsapp.webhooks import WhatsAppWebhooks

FILES = Path(__file__).parents[1] / "data" / "whatsapp"
ROOT = "https://graph.test/v25.0"
NUMBER, ACCOUNT, PERSON = "106540352242922", "102290129340398", "+886912345678"
TEXT = SendRequest(NUMBER, PERSON, "out-42-1", TextContent("您好,營業時間是每天 9:00 到 21:00。"))
REQUESTS = {
    "send_text": TEXT,
    "send_text_to_user_id": SendRequest(NUMBER, "TW.17441250173473496707", "out-42-1", TextContent("hi")),
    "send_template": SendRequest(
        NUMBER, PERSON, "out-42-1", TemplateContent("order_confirmation", "zh_TW", ("王小明", "A20260001", "1,280"))
    ),
    "send_template_without_parameters": SendRequest(
        NUMBER, PERSON, "out-42-1", TemplateContent("opening_hours", "en_US")
    ),
}


def recorded(name: str) -> Any:
    return json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))


@pytest.fixture
def platform() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def tokens() -> list[str]:
    """The current token stands last."""
    return ["EAAfirst"]


@pytest.fixture
def messenger(tokens: list[str]) -> WhatsAppMessenger:
    return WhatsAppMessenger(
        HttpClient(),
        base_url="https://graph.test/",
        version="v25.0",
        access_token=lambda: tokens[-1],
        business_account_id=ACCOUNT,
    )


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_a_send_says_what_was_recorded(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, name: str
) -> None:
    platform.post(
        f"{ROOT}/{NUMBER}/messages",
        json=recorded("responses/accepted"),
        match=[
            matchers.json_params_matcher(recorded(f"requests/{name}")),
            matchers.header_matcher({"Authorization": "Bearer EAAfirst", "Content-Type": "application/json"}),
        ],
    )
    wamid = "wamid.HBgMODg2OTEyMzQ1Njc4FQIAERgSMEQwNDk0NEIwMDAwMDAwMDAwMDEA"
    assert messenger.send(REQUESTS[name]) == Accepted(wamid, "886912345678")


def test_every_recorded_request_is_asked() -> None:
    assert {path.stem for path in (FILES / "requests").glob("*.json")} == set(REQUESTS)


def test_a_renewed_token_is_used_at_once(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, tokens: list[str]
) -> None:
    platform.post(f"{ROOT}/{NUMBER}/messages", json=recorded("responses/accepted"))
    messenger.send(TEXT)
    tokens.append("EAAsecond")
    messenger.send(TEXT)
    assert [call.request.headers["Authorization"] for call in platform.calls] == ["Bearer EAAfirst", "Bearer EAAsecond"]


def test_a_user_id_is_accepted_without_a_wa_id(platform: responses.RequestsMock, messenger: WhatsAppMessenger) -> None:
    platform.post(f"{ROOT}/{NUMBER}/messages", json=recorded("responses/accepted_for_user_id"))
    assert messenger.send(REQUESTS["send_text_to_user_id"]) == Accepted("wamid.HBgLVFcuMTc0NDEyNTA=", None)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "OK",
        "null",
        "[]",
        "{}",
        '{"messages": []}',
        '{"messages": [{}]}',
        '{"messages": [{"id": ""}]}',
        '{"messages": [{"id": 7}]}',
        '{"messages": {"id": "wamid.1"}}',
        '{"success": true}',
        "[" * 100_000,
    ],
)
def test_a_200_that_is_not_the_promise_leaves_the_outcome_unknown(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, body: str
) -> None:
    platform.post(f"{ROOT}/{NUMBER}/messages", body=body)
    with pytest.raises(OutcomeUnknown):
        messenger.send(TEXT)


def test_strange_contacts_do_not_hide_an_acceptance(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger
) -> None:
    platform.post(f"{ROOT}/{NUMBER}/messages", json={"messages": [{"id": "wamid.1"}], "contacts": [None]})
    assert messenger.send(TEXT) == Accepted("wamid.1", None)


@pytest.mark.parametrize(
    ("status", "name", "expected"),
    [
        (429, "error_rate_limit", TryLater),
        (401, "error_expired_token", FixCredentials),
        (400, "error_no_such_number", FixCredentials),
    ],
)
def test_a_refusal_becomes_the_error_that_says_what_to_do(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, status: int, name: str, expected: type[Exception]
) -> None:
    platform.post(f"{ROOT}/{NUMBER}/messages", json=recorded(f"responses/{name}"), status=status)
    with pytest.raises(expected) as refused:
        messenger.send(TEXT)
    assert "EAAfirst" not in str(refused.value)


def test_a_number_cannot_lead_to_another_address(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger
) -> None:
    platform.post(f"{ROOT}/..%2Fme%3Fa/messages", json=recorded("responses/accepted"))
    messenger.send(SendRequest("../me?a", PERSON, "out-1-1", TextContent("hi")))


def test_the_catalogue_is_read_page_by_page(platform: responses.RequestsMock, messenger: WhatsAppMessenger) -> None:
    address = f"{ROOT}/{ACCOUNT}/message_templates"
    fields = {
        "limit": "100",
        "fields": "id,name,language,status,category,components,parameter_format,quality_score,rejected_reason",
    }
    first, second = recorded("responses/templates_page_1"), recorded("responses/templates_page_2")
    platform.get(address, json=first, match=[matchers.query_param_matcher(fields)])
    platform.get(address, json=second, match=[matchers.query_param_matcher({**fields, "after": "QVFJ"})])
    listed = messenger.templates()
    assert [(one.template.name, one.status, one.quality) for one in listed] == [
        ("order_confirmation", "APPROVED", "GREEN"),
        ("summer_sale", "PAUSED", "RED"),
        ("payment_reminder", "REJECTED", "GREEN"),
    ]
    assert (listed[0].template.parameter_count, listed[0].template.footer) == (2, "好茶股份有限公司")
    assert (listed[1].template.category, listed[1].rejected_reason) == ("marketing", None)
    assert listed[2].rejected_reason == "INVALID_FORMAT"


def test_a_catalogue_that_goes_in_circles_comes_to_an_end(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger
) -> None:
    platform.get(f"{ROOT}/{ACCOUNT}/message_templates", json=recorded("responses/templates_page_1"))
    assert len(messenger.templates()) == 4
    assert len(platform.calls) == 2


def test_a_number_tells_its_state(platform: responses.RequestsMock, messenger: WhatsAppMessenger) -> None:
    platform.get(f"{ROOT}/{NUMBER}", json=recorded("responses/phone_number"))
    state = messenger.phone_number(NUMBER)
    assert (state.status, state.quality, state.throughput, state.messaging_limit, state.name_status) == (
        "CONNECTED",
        "GREEN",
        "STANDARD",
        "TIER_2K",
        "APPROVED",
    )


@pytest.mark.parametrize(("body", "subscribed"), [(recorded("responses/subscribed_apps"), True), ({"data": []}, False)])
def test_the_subscription_can_be_seen(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, body: Any, subscribed: bool
) -> None:
    platform.get(f"{ROOT}/{ACCOUNT}/subscribed_apps", json=body)
    assert messenger.subscribed() is subscribed


@pytest.mark.parametrize(("status", "body"), [(200, "<html>"), (200, "[]"), (502, "")])
def test_a_read_that_fails_is_tried_again(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, status: int, body: str
) -> None:
    platform.get(f"{ROOT}/{NUMBER}", body=body, status=status)
    with pytest.raises(TryAgain):
        messenger.phone_number(NUMBER)


def test_the_messenger_reads_inbox_items(messenger: WhatsAppMessenger) -> None:
    [item] = WhatsAppWebhooks([]).split((FILES / "webhooks" / "message_text.json").read_bytes())
    assert messenger.read(item).text == "請問營業時間?"  # type: ignore[union-attr]
