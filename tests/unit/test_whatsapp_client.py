"""The messenger asks the Graph API exactly what the recorded requests say, and believes only what was promised."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest
import responses
from responses import matchers

from syncer.domain.content import TextContent
from syncer.domain.errors import FixCredentials, OutcomeUnknown, TryAgain, TryLater, WrongTemplate
from syncer.domain.message import Accepted, Category, SendRequest
from syncer.domain.template import TemplateContent
from syncer.domain.template_button import ButtonParameter
from syncer.http import HttpClient
from syncer.whatsapp import pairs
from syncer.whatsapp.client import WhatsAppMessenger
from syncer.whatsapp.usage import Usage
from syncer.whatsapp.webhooks import WhatsAppWebhooks
from tests.fakes.graph import ACCOUNT, FILES, NUMBER, PERSON, ROOT, recorded

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
    assert messenger.send(REQUESTS["send_text_to_user_id"]) == Accepted(
        "wamid.HBgLVFcuMTc0NDEyNTA=", None, "TW.17441250173473496707"
    )


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


# The route for marketing

MARKETING = SendRequest(
    NUMBER, PERSON, "out-7-1", TemplateContent("summer_sale", "zh_TW", ("王小明",)), category=Category.MARKETING
)
REFUSED = {"error": {"message": "(#131063) Marketing messages are off", "type": "OAuthException", "code": 131063}}


def test_marketing_goes_by_its_own_route_once_the_common_one_has_refused_it(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger
) -> None:
    platform.post(f"{ROOT}/{NUMBER}/messages", json=REFUSED, status=400)
    platform.post(
        f"{ROOT}/{NUMBER}/marketing_messages",
        json=recorded("responses/accepted"),
        match=[matchers.json_params_matcher(recorded("requests/send_marketing"))],
    )
    assert messenger.send(MARKETING).wamid == messenger.send(MARKETING).wamid
    edges = [str(call.request.url).rpartition("/")[2] for call in platform.calls]
    assert edges == ["messages", "marketing_messages", "marketing_messages"]


def test_other_messages_stay_on_the_common_route(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger
) -> None:
    platform.post(f"{ROOT}/{NUMBER}/messages", json=REFUSED, status=400)
    platform.post(f"{ROOT}/{NUMBER}/marketing_messages", json=recorded("responses/accepted"))
    messenger.send(MARKETING)
    platform.replace("POST", f"{ROOT}/{NUMBER}/messages", json=recorded("responses/accepted"))
    messenger.send(TEXT)
    messenger.send(replace(MARKETING, category=Category.UTILITY))
    assert len(platform.calls) == 4
    assert str(platform.calls[-1].request.url).endswith("/messages")


def test_what_we_did_not_take_for_marketing_is_not_sent_as_marketing(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger
) -> None:
    platform.post(f"{ROOT}/{NUMBER}/messages", json=REFUSED, status=400)
    for request in (replace(MARKETING, category=Category.UTILITY), replace(MARKETING, category=None)):
        with pytest.raises(WrongTemplate):
            messenger.send(request)


def test_a_doubt_on_the_common_route_is_not_resolved_by_sending_twice(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger
) -> None:
    platform.post(f"{ROOT}/{NUMBER}/messages", body="<html>", status=200)
    with pytest.raises(OutcomeUnknown):
        messenger.send(MARKETING)
    assert len(platform.calls) == 1


# One person, written to too fast


def test_the_wait_for_one_person_grows_until_a_message_goes_through(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger
) -> None:
    address = f"{ROOT}/{NUMBER}/messages"
    platform.post(address, json={"error": {"message": "pair", "code": 131056}}, status=429)
    assert [refusal(messenger, TEXT) for _ in range(6)] == [6, 6, 16, 64, 256, 270]
    assert refusal(messenger, replace(TEXT, to="+886912000000")) == 6
    platform.replace("POST", address, json=recorded("responses/accepted"))
    messenger.send(TEXT)
    platform.replace("POST", address, json={"error": {"message": "pair", "code": 131056}}, status=429)
    assert refusal(messenger, TEXT) == 6


def test_a_longer_wait_that_the_platform_names_is_kept(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger
) -> None:
    body = {"error": {"message": "pair", "code": 131056}}
    platform.post(f"{ROOT}/{NUMBER}/messages", json=body, status=429, headers={"Retry-After": "99"})
    assert refusal(messenger, TEXT) == 99


def test_people_are_forgotten_when_they_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "MOST_PAIRS", 2)
    waits = pairs.PairWaits()
    for _ in range(3):
        waits.refused("1", "first")
    waits.refused("1", "second")
    waits.refused("1", "third")
    assert waits.refused("1", "first") == 6


def refusal(messenger: WhatsAppMessenger, request: SendRequest) -> float:
    with pytest.raises(TryLater) as refused:
        messenger.send(request)
    assert refused.value.scope == "item"
    return refused.value.wait_seconds


# Read receipts, tokens, usage, the trace


@pytest.mark.parametrize("typing", [False, True])
def test_a_message_is_marked_as_read(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, typing: bool
) -> None:
    name = "mark_read_and_typing" if typing else "mark_read"
    platform.post(
        f"{ROOT}/{NUMBER}/messages",
        json={"success": True},
        match=[matchers.json_params_matcher(recorded(f"requests/{name}"))],
    )
    messenger.mark_read(NUMBER, "wamid.HBgM", typing=typing)


def test_a_read_receipt_leaves_no_doubt(platform: responses.RequestsMock, messenger: WhatsAppMessenger) -> None:
    platform.post(f"{ROOT}/{NUMBER}/messages", status=500)
    with pytest.raises(TryAgain):
        messenger.mark_read(NUMBER, "wamid.HBgM")


def test_after_a_refused_token_the_next_call_asks_for_a_new_one(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, tokens: list[str]
) -> None:
    address = f"{ROOT}/{NUMBER}/messages"
    platform.post(address, json=recorded("responses/error_expired_token"), status=401)
    with pytest.raises(FixCredentials):
        messenger.send(TEXT)
    tokens.append("EAAsecond")
    platform.replace("POST", address, json=recorded("responses/accepted"))
    messenger.send(TEXT)
    assert platform.calls[-1].request.headers["Authorization"] == "Bearer EAAsecond"


BUSINESS_USAGE = (
    '{"102290129340398":[{"type":"whatsapp","call_count":%d,"total_cputime":3,"total_time":7,'
    '"estimated_time_to_regain_access":2}]}'
)


def test_what_the_platform_says_of_our_usage_is_kept_and_told_once(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, caplog: pytest.LogCaptureFixture
) -> None:
    assert messenger.usage() == {}
    warnings = []
    for count in (12, 80, 97, 40, 81):
        headers = {"X-Business-Use-Case-Usage": BUSINESS_USAGE % count, "X-App-Usage": '{"call_count":28}'}
        platform.upsert("GET", f"{ROOT}/{NUMBER}", json={"id": NUMBER}, headers=headers)
        messenger.phone_number(NUMBER)
        warnings.append(len(caplog.records))
    assert warnings == [0, 1, 1, 1, 2]
    assert messenger.usage() == {"app": Usage(28), "102290129340398 whatsapp": Usage(81, 120)}


@pytest.mark.parametrize(
    "header",
    ["", "x", "[]", "7", '{"a":7}', '{"a":[7]}', '{"a":[{"call_count":"x"}]}', '{"a":[{"call_count":1e999}]}'],
)
def test_a_strange_word_on_usage_does_no_harm(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, header: str
) -> None:
    headers = {"X-Business-Use-Case-Usage": header, "X-App-Usage": header}
    platform.post(f"{ROOT}/{NUMBER}/messages", json=recorded("responses/accepted"), headers=headers)
    messenger.send(TEXT)
    assert all(usage.percent == 0 for usage in messenger.usage().values())


def test_a_refusal_tells_of_usage_too(platform: responses.RequestsMock, messenger: WhatsAppMessenger) -> None:
    headers = {"X-App-Usage": '{"call_count":100}'}
    platform.post(f"{ROOT}/{NUMBER}/messages", json=recorded("responses/error_rate_limit"), status=429, headers=headers)
    with pytest.raises(TryLater):
        messenger.send(TEXT)
    assert messenger.usage()["app"].percent == 100


def test_the_log_shows_no_token_no_number_no_code_and_no_words(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, caplog: pytest.LogCaptureFixture
) -> None:
    platform.post(f"{ROOT}/{NUMBER}/messages", json=recorded("responses/accepted"))
    for edge in ("verify_code", "register"):
        platform.post(f"{ROOT}/{NUMBER}/{edge}", json={"success": True})
    platform.get(f"{ROOT}/debug_token", json={"data": {"is_valid": True}})
    code = ButtonParameter(0, "url", "481516")
    with caplog.at_level(logging.DEBUG):
        messenger.send(replace(TEXT, content=TemplateContent("login", "zh_TW", ("481516",), buttons=(code,))))
        messenger.send(replace(TEXT, content=TextContent('密碼是 "零七" 481516')))
        messenger.verify_code(NUMBER, "234200")
        messenger.register(NUMBER, "112233")
        messenger.token("EAAother")
    assert "verify_code" in caplog.text
    for secret in ("EAA", "912345", "481516", "密碼", "零七", "234200", "112233"):
        assert secret not in caplog.text


def test_the_messenger_reads_inbox_items(messenger: WhatsAppMessenger) -> None:
    [item] = WhatsAppWebhooks([]).split((FILES / "webhooks" / "message_text.json").read_bytes())
    assert messenger.read(item).text == "請問營業時間?"  # type: ignore[union-attr]
