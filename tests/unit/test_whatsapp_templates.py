"""The catalogue is read whole or not at all, and a change that may have happened is never called a failure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import responses
from responses import matchers

from syncer.domain.errors import AskPerson, Never, OutcomeUnknown, TryAgain, TryLater
from syncer.whatsapp.client import WhatsAppMessenger
from tests.fakes.graph import ACCOUNT, ROOT, client, recorded, refusal

ADDRESS = f"{ROOT}/{ACCOUNT}/message_templates"
FIELDS = "id,name,language,status,category,previous_category,components,parameter_format,quality_score,rejected_reason"
PAYLOAD = recorded("requests/create_template")


@pytest.fixture
def platform() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def messenger() -> WhatsAppMessenger:
    return client()


def page(*rows: Any, **paging: Any) -> dict[str, Any]:
    return {"data": list(rows), **({"paging": paging} if paging else {})}


def row(name: str, **more: Any) -> dict[str, Any]:
    return {"id": "1", "name": name, "language": "zh_TW", "status": "APPROVED", **more}


# Reading


def test_the_catalogue_is_read_page_by_page(platform: responses.RequestsMock, messenger: WhatsAppMessenger) -> None:
    fields = {"limit": "100", "fields": FIELDS}
    first, second = recorded("responses/templates_page_1"), recorded("responses/templates_page_2")
    platform.get(ADDRESS, json=first, match=[matchers.query_param_matcher(fields)])
    platform.get(ADDRESS, json=second, match=[matchers.query_param_matcher({**fields, "after": "QVFJ"})])
    listed = messenger.templates()
    assert [(one.template.name, one.status, one.quality) for one in listed] == [
        ("order_confirmation", "APPROVED", "GREEN"),
        ("summer_sale", "PAUSED", "RED"),
        ("payment_reminder", "REJECTED", "GREEN"),
    ]
    assert (listed[0].template.parameter_count, listed[0].template.footer) == (2, "好茶股份有限公司")
    assert listed[0].components == tuple(first["data"][0]["components"])
    assert (listed[1].template.category, listed[1].rejected_reason) == ("marketing", None)
    assert listed[2].rejected_reason == "INVALID_FORMAT"


@pytest.mark.parametrize(
    ("paging", "after"),
    [
        ({"next": f"{ADDRESS}?limit=100&after=QVFJ"}, "QVFJ"),
        ({"next": f"{ADDRESS}?limit=100&after=QVFJ", "cursors": {"before": "x"}}, "QVFJ"),
        ({"next": "https://evil.test/?after=QVFJ", "cursors": {"after": "QVFJ"}}, "QVFJ"),
        ({"next": ADDRESS}, None),
        ({"next": 7, "cursors": {"after": "QVFJ"}}, None),
        ({"cursors": {"after": "QVFJ"}}, None),
    ],
)
def test_the_next_page_is_asked_of_the_same_address(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, paging: Any, after: str | None
) -> None:
    params = {"limit": "100", "fields": FIELDS}
    platform.get(ADDRESS, json=page(row("a"), **paging), match=[matchers.query_param_matcher(params)])
    if after:
        platform.get(ADDRESS, json=page(row("b")), match=[matchers.query_param_matcher({**params, "after": after})])
    assert len(messenger.templates()) == (2 if after else 1)


def test_a_catalogue_that_goes_in_circles_comes_to_an_end_and_is_not_believed(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger
) -> None:
    for after in ("A", "B", "A"):
        platform.get(ADDRESS, json=page(row(after), next=ADDRESS, cursors={"after": after}))
    with pytest.raises(TryAgain, match="goes in circles"):
        messenger.templates()


@pytest.mark.parametrize("strange", [{}, {"data": None}, {"data": {"id": "1"}}, {"success": True}, [], "x"])
def test_half_a_catalogue_is_none(platform: responses.RequestsMock, messenger: WhatsAppMessenger, strange: Any) -> None:
    platform.get(ADDRESS, json=page(row("a"), next=ADDRESS, cursors={"after": "A"}))
    platform.get(ADDRESS, json=strange)
    with pytest.raises(TryAgain):
        messenger.templates()


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({}, {"status": "APPROVED", "quality": "UNKNOWN", "parameter_format": "POSITIONAL", "rejected_reason": None}),
        ({"status": "ON_FIRE", "quality_score": {"score": "PURPLE"}}, {"status": "ON_FIRE", "quality": "PURPLE"}),
        ({"status": None, "quality_score": "GREEN"}, {"status": "", "quality": "UNKNOWN"}),
        ({"parameter_format": "named", "rejected_reason": "NONE"}, {"parameter_format": "NAMED"}),
        ({"rejected_reason": "SCAM"}, {"rejected_reason": "SCAM", "previous_category": None}),
        ({"previous_category": "UTILITY"}, {"previous_category": "utility"}),
        ({"components": [{"type": "BODY"}, 7]}, {"components": ({"type": "BODY"},)}),
        ({"components": "x"}, {"components": ()}),
    ],
)
def test_a_row_says_as_much_as_it_says(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, item: dict[str, Any], expected: dict[str, Any]
) -> None:
    platform.get(ADDRESS, json=page(row("a", **item)))
    [one] = messenger.templates()
    assert {name: getattr(one, name) for name in expected} == expected


def test_rows_that_are_none_are_passed_over(platform: responses.RequestsMock, messenger: WhatsAppMessenger) -> None:
    platform.get(ADDRESS, json=page(row("a"), None, 7, {"id": "2"}, {"name": "b"}, row("c")))
    assert [one.template.name for one in messenger.templates()] == ["a", "c"]


# Changing


def test_a_template_is_submitted_as_it_stands(platform: responses.RequestsMock, messenger: WhatsAppMessenger) -> None:
    answer = {"id": "594425479261596", "status": "PENDING", "category": "MARKETING"}
    platform.post(ADDRESS, json=answer, match=[matchers.json_params_matcher(PAYLOAD)])
    made = messenger.create_template(PAYLOAD)
    assert (made.id, made.status, made.template.name) == ("594425479261596", "PENDING", "order_confirmation")
    assert made.template.category == "marketing", "the platform gave it another one than asked for"
    assert made.components == tuple(PAYLOAD["components"])


def test_a_submission_of_which_only_the_id_is_told_is_pending(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger
) -> None:
    platform.post(ADDRESS, json={"id": 594425479261596})
    made = messenger.create_template(PAYLOAD)
    assert (made.id, made.status, made.template.category) == ("594425479261596", "PENDING", "utility")


def edit(messenger: WhatsAppMessenger) -> None:
    messenger.edit_template("594425479261596", {"components": PAYLOAD["components"]})


def delete(messenger: WhatsAppMessenger) -> None:
    messenger.delete_template("order_confirmation", "594425479261596")


def unpause(messenger: WhatsAppMessenger) -> None:
    messenger.unpause_template("594425479261596")


def create(messenger: WhatsAppMessenger) -> None:
    messenger.create_template(PAYLOAD)


CHANGES: dict[str, tuple[str, str, Callable[[WhatsAppMessenger], None]]] = {
    "create": ("POST", ADDRESS, create),
    "edit": ("POST", f"{ROOT}/594425479261596", edit),
    "delete": ("DELETE", ADDRESS, delete),
    "unpause": ("POST", f"{ROOT}/594425479261596/unpause", unpause),
}


@pytest.mark.parametrize("change", sorted(CHANGES))
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "<html>", OutcomeUnknown),
        (200, "[]", OutcomeUnknown),
        (200, '{"success": false}', OutcomeUnknown),
        (502, "", OutcomeUnknown),
        (400, json.dumps(refusal(100, error_subcode=2388024)), Never),
        (400, json.dumps(refusal(100, error_subcode=2388019)), AskPerson),
        (400, json.dumps(refusal(80007)), TryLater),
        (503, json.dumps(refusal(2)), TryAgain),
    ],
)
def test_a_change_that_may_have_happened_is_a_doubt(
    platform: responses.RequestsMock,
    messenger: WhatsAppMessenger,
    change: str,
    status: int,
    body: str,
    expected: type[Exception],
) -> None:
    method, address, act = CHANGES[change]
    platform.add(method, address, body=body, status=status)
    with pytest.raises(expected):
        act(messenger)


def test_components_are_replaced_whole(platform: responses.RequestsMock, messenger: WhatsAppMessenger) -> None:
    body = {"components": PAYLOAD["components"]}
    platform.post(f"{ROOT}/594425479261596", json={"success": True}, match=[matchers.json_params_matcher(body)])
    edit(messenger)


@pytest.mark.parametrize(
    ("template_id", "params"),
    [(None, {"name": "order_confirmation"}), ("7", {"name": "order_confirmation", "hsm_id": "7"})],
)
def test_one_language_or_all_are_deleted(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, template_id: str | None, params: dict[str, str]
) -> None:
    platform.delete(ADDRESS, json={"success": True}, match=[matchers.query_param_matcher(params)])
    messenger.delete_template("order_confirmation", template_id)
