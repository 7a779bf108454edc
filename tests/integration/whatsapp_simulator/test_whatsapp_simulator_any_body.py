"""Whatever a request holds, the account half of the simulated platform answers with a refusal, never with a fall."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncer.simulators.serving import RunningServer
from syncer.simulators.whatsapp.app import start
from syncer.simulators.whatsapp.config import AccountRules, Behaviour, SimulatorConfig

NUMBER, ACCOUNT, TOKEN = "106540352242922", "102290129340398", "simulator-access-token"
EDGES = [
    f"{ACCOUNT}/message_templates",
    f"{ACCOUNT}/message_templates/archive",
    f"{ACCOUNT}/phone_numbers",
    "700000000000001",
    "700000000000001/unpause",
    NUMBER,
    f"{NUMBER}/request_code",
    f"{NUMBER}/verify_code",
    f"{NUMBER}/register",
    f"{NUMBER}/whatsapp_business_profile",
    f"{NUMBER}/username",
    f"{NUMBER}/smb_app_data",
]
WORDS = st.sampled_from(
    [
        "BODY",
        "HEADER",
        "BUTTONS",
        "FOOTER",
        "URL",
        "OTP",
        "COPY_CODE",
        "QUICK_REPLY",
        "TEXT",
        "IMAGE",
        "UTILITY",
        "en_US",
        "AUTHENTICATION",
        "NAMED",
        "{{1}}",
        "Hi {{1}}, hello {{x}}.",
        "{{",
        "https://a.example/{{1}}",
        "whatsapp",
        "SMS",
        "x",
    ]
)
KEYS = st.sampled_from(
    [
        "type",
        "format",
        "text",
        "buttons",
        "example",
        "url",
        "body_text",
        "body_text_named_params",
        "header_handle",
        "name",
        "category",
        "language",
        "components",
        "parameter_format",
        "hsm_ids",
        "pin",
        "code",
        "messaging_product",
        "websites",
        "new_display_name",
        "webhook_configuration",
        "code_method",
        "cc",
        "phone_number",
        "verified_name",
        "username",
        "sync_type",
        "otp_type",
        "code_expiration_minutes",
        "param_name",
        "vertical",
    ]
)
LEAVES = WORDS | st.integers() | st.booleans() | st.none() | st.text(max_size=5)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=12)
COMPONENT = st.fixed_dictionaries(
    {"type": WORDS}, optional={"text": WORDS, "format": WORDS, "buttons": VALUES, "example": VALUES}
)
TEMPLATE = st.fixed_dictionaries(
    {"name": st.just("any"), "language": st.just("en_US"), "category": WORDS, "components": st.lists(COMPONENT)}
)
GIVEN = st.fixed_dictionaries(
    {"type": st.sampled_from(["header", "body", "button"])}, optional={"parameters": VALUES, "index": LEAVES}
)
SEEDED = st.sampled_from(["order_receipt", "member_coupon", "store_pickup", "login_code", "order_confirmation"])


@pytest.fixture(scope="module")
def platform() -> Iterator[RunningServer]:
    rules = AccountRules(management_per_hour=0, template_limit=0)
    with start(SimulatorConfig(behaviour=Behaviour(account=rules))) as running:
        yield running


def status(platform: RunningServer, path: str, body: Any) -> int:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    answer = requests.post(f"{platform.url}/v25.0/{path}", data=json.dumps(body), headers=headers, timeout=5)
    assert answer.status_code == 200 or "code" in answer.json()["error"], answer.text
    return answer.status_code


slow = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@slow
@given(edge=st.sampled_from(EDGES), body=st.dictionaries(KEYS, VALUES))
def test_any_object_on_any_edge(platform: RunningServer, edge: str, body: dict[str, Any]):
    assert status(platform, edge, body) in (200, 400)


@slow
@given(body=TEMPLATE)
def test_any_template(platform: RunningServer, body: dict[str, Any]):
    assert status(platform, EDGES[0], body) in (200, 400)


@slow
@given(name=SEEDED, components=st.lists(GIVEN | VALUES, max_size=3) | VALUES)
def test_any_parameters(platform: RunningServer, name: str, components: Any):
    template = {"name": name, "language": {"code": "zh_TW"}, "components": components}
    message = {"messaging_product": "whatsapp", "to": "+886912345678", "type": "template", "template": template}
    assert status(platform, f"{NUMBER}/messages", message) in (200, 400, 404, 429)
