"""Business numbers are read with suspicion, and each step of registration says exactly what the platform documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import responses
from responses import matchers

from syncer.domain.errors import AskPerson, FixCredentials, Never, OutcomeUnknown, TryAgain, TryLater
from syncer.domain.number import NumberState
from syncer.whatsapp.business import BusinessProfile, TokenState
from syncer.whatsapp.client import WhatsAppMessenger
from tests.fakes.graph import ACCOUNT, NUMBER, ROOT, client, recorded, refusal

FIELDS = (
    "id,display_phone_number,verified_name,status,quality_rating,code_verification_status,name_status,throughput,"
    "whatsapp_business_manager_messaging_limit,health_status,is_on_biz_app"
)


@pytest.fixture
def platform() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def messenger() -> WhatsAppMessenger:
    return client()


# Reading


def test_a_number_tells_its_state(platform: responses.RequestsMock, messenger: WhatsAppMessenger) -> None:
    asked = [matchers.query_param_matcher({"fields": FIELDS})]
    platform.get(f"{ROOT}/{NUMBER}", json=recorded("responses/phone_number"), match=asked)
    assert messenger.phone_number(NUMBER) == NumberState(
        id=NUMBER,
        display_phone_number="+886 2 5550 1000",
        verified_name="好茶",
        status="CONNECTED",
        quality="GREEN",
        name_status="APPROVED",
        code_verification_status="VERIFIED",
        throughput="STANDARD",
        messaging_limit="TIER_2K",
        can_send="AVAILABLE",
    )


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, NumberState("")),
        ({"id": 7, "status": None, "quality_rating": "", "throughput": "HIGH"}, NumberState("7")),
        ({"messaging_limit_tier": "TIER_1K"}, NumberState("", messaging_limit="TIER_1K")),
        ({"status": "ON_FIRE", "quality_rating": "PURPLE"}, NumberState("", status="ON_FIRE", quality="PURPLE")),
        ({"health_status": {"can_send_message": "BLOCKED", "entities": []}}, NumberState("", can_send="BLOCKED")),
        ({"health_status": [], "throughput": {"level": "HIGH"}}, NumberState("", throughput="HIGH")),
        ({"is_on_biz_app": True}, NumberState("", on_business_app=True)),
    ],
)
def test_what_a_number_does_not_say_stays_empty(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, told: dict[str, Any], expected: NumberState
) -> None:
    platform.get(f"{ROOT}/{NUMBER}", json=told)
    assert messenger.phone_number(NUMBER) == expected


def test_all_numbers_are_listed(platform: responses.RequestsMock, messenger: WhatsAppMessenger) -> None:
    address = f"{ROOT}/{ACCOUNT}/phone_numbers"
    paging = {"next": f"{address}?after=B", "cursors": {"after": "B"}}
    platform.get(address, json={"data": [{"id": "1", "status": "CONNECTED"}, None], "paging": paging})
    platform.get(address, json={"data": [{"id": "2"}]})
    assert [number.id for number in messenger.phone_numbers()] == ["1", "2"]


@pytest.mark.parametrize(("status", "body"), [(200, "<html>"), (200, "[]"), (502, "")])
def test_a_read_that_fails_is_tried_again(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, status: int, body: str
) -> None:
    platform.get(f"{ROOT}/{NUMBER}", body=body, status=status)
    with pytest.raises(TryAgain):
        messenger.phone_number(NUMBER)


# Registration

STEPS: dict[str, tuple[str, dict[str, Any], Callable[[WhatsAppMessenger], None]]] = {
    "request_code": (
        "/request_code",
        {"code_method": "SMS", "language": "zh_TW"},
        lambda messenger: messenger.request_code(NUMBER, "sms", "zh_TW"),
    ),
    "verify_code": ("/verify_code", {"code": "048151"}, lambda messenger: messenger.verify_code(NUMBER, "048151")),
    "register": (
        "/register",
        {"messaging_product": "whatsapp", "pin": "012345"},
        lambda messenger: messenger.register(NUMBER, "012345"),
    ),
    "deregister": (
        "/deregister",
        {"messaging_product": "whatsapp"},
        lambda messenger: messenger.deregister(NUMBER),
    ),
    "rename": (
        "",
        {"messaging_product": "whatsapp", "new_display_name": "好茶"},
        lambda messenger: messenger.rename(NUMBER, "好茶"),
    ),
    "set_pin": ("", {"pin": "012345"}, lambda messenger: messenger.set_pin(NUMBER, "012345")),
}


@pytest.mark.parametrize("step", sorted(STEPS))
def test_each_step_says_what_is_documented(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, step: str
) -> None:
    edge, body, act = STEPS[step]
    address = f"{ROOT}/{NUMBER}{edge}"
    platform.post(address, json={"success": True}, match=[matchers.json_params_matcher(body)])
    act(messenger)


@pytest.mark.parametrize(
    ("step", "status", "body", "expected"),
    [
        ("request_code", 400, refusal(136024), Never),
        ("request_code", 502, None, OutcomeUnknown),
        ("verify_code", 400, refusal(136025), Never),
        ("register", 400, refusal(133005), AskPerson),
        ("register", 400, refusal(133008), AskPerson),
        ("register", 400, refusal(133016), TryLater),
        ("register", 200, {"success": False}, OutcomeUnknown),
        ("deregister", 401, refusal(190), FixCredentials),
        ("rename", 400, refusal(100), Never),
    ],
)
def test_a_refused_step_says_what_to_do(
    platform: responses.RequestsMock,
    messenger: WhatsAppMessenger,
    step: str,
    status: int,
    body: Any,
    expected: type[Exception],
) -> None:
    edge, _, act = STEPS[step]
    platform.post(f"{ROOT}/{NUMBER}{edge}", json=body, status=status)
    with pytest.raises(expected):
        act(messenger)


# The account around them


@pytest.mark.parametrize(("body", "subscribed"), [(recorded("responses/subscribed_apps"), True), ({"data": []}, False)])
def test_the_subscription_can_be_seen(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, body: Any, subscribed: bool
) -> None:
    platform.get(f"{ROOT}/{ACCOUNT}/subscribed_apps", json=body)
    assert messenger.subscribed() is subscribed


def test_an_answer_without_a_list_does_not_mean_that_we_are_deaf(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger
) -> None:
    platform.get(f"{ROOT}/{ACCOUNT}/subscribed_apps", json={"success": True})
    with pytest.raises(TryAgain):
        messenger.subscribed()


@pytest.mark.parametrize("address", [None, "https://engine.test/webhooks/whatsapp"])
def test_the_app_subscribes(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, address: str | None
) -> None:
    body = {"override_callback_uri": address, "verify_token": "v"} if address else {}
    platform.post(
        f"{ROOT}/{ACCOUNT}/subscribed_apps", json={"success": True}, match=[matchers.json_params_matcher(body)]
    )
    messenger.subscribe(address, "v" if address else None)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            recorded("responses/debug_token")["data"],
            TokenState(
                True,
                "670843887433847",
                datetime(2026, 12, 31, tzinfo=UTC),
                frozenset({"whatsapp_business_messaging", "whatsapp_business_management"}),
            ),
        ),
        ({"is_valid": True, "expires_at": 0}, TokenState(True)),
        ({"is_valid": "yes", "expires_at": 10**20, "scopes": "x"}, TokenState(False)),
        ({"is_valid": False, "error": {"code": 190, "message": "expired"}}, TokenState(False, detail="expired")),
    ],
)
def test_a_token_tells_what_it_is_good_for(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, told: dict[str, Any], expected: TokenState
) -> None:
    asked = [matchers.query_param_matcher({"input_token": "EAAother"})]
    platform.get(f"{ROOT}/debug_token", json={"data": told}, match=asked)
    assert messenger.token("EAAother") == expected


def test_missing_permissions_are_named() -> None:
    token = TokenState(True, scopes=frozenset({"whatsapp_business_messaging"}))
    assert token.missing == {"whatsapp_business_management"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            {"data": [{"about": "好茶", "websites": ["https://tea.test/"], "vertical": "RETAIL"}]},
            BusinessProfile(about="好茶", websites=("https://tea.test/",), vertical="RETAIL"),
        ),
        ({"data": []}, BusinessProfile()),
        ({"data": [{"about": None, "websites": "x"}]}, BusinessProfile()),
        ({}, BusinessProfile()),
    ],
)
def test_the_business_profile_can_be_read(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, body: Any, expected: BusinessProfile
) -> None:
    platform.get(f"{ROOT}/{NUMBER}/whatsapp_business_profile", json=body)
    assert messenger.business_profile(NUMBER) == expected
