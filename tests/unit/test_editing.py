"""What may be said of a contact on our side, and in which form it is kept."""

from __future__ import annotations

from typing import Any

import pytest

from config.contact_fields import CONTACT_FIELDS
from syncer.domain.contact import LONGEST_TEXT
from syncer.policies.editing import NotAcceptable, accept


def accepted(**fields: Any) -> dict[str, Any]:
    return accept(fields, CONTACT_FIELDS, "TW")


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("full_name", "  王小明 ", "王小明"),
        ("full_name", "", None),
        ("city", None, None),
        ("city", "x" * 2000, "x" * (LONGEST_TEXT - 1) + "…"),
        ("city", "a\x00b", "a\ufffdb"),
        ("phone", "0912-345-678", "+886912345678"),
        ("phone_alt", "+81 90-1234-5678", "+819012345678"),
        ("email", "Wang@Example.COM", "wang@example.com"),
        ("tags", ["b", " a ", "a", ""], ["a", "b"]),
        ("blocked", True, True),
        ("birthday", "1991-03-09", "1991-03-09"),
        ("gender", "f", "f"),
        ("language", "zh_TW", "zh_TW"),
    ],
)
def test_a_value_is_kept_as_crms_are_read(name: str, value: Any, kept: Any) -> None:
    assert accepted(**{name: value}) == {name: kept}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("phone", None),
        ("phone", "02-2345-6789"),
        ("phone", "soon"),
        ("email", "nobody"),
        ("tags", "vip"),
        ("tags", [{}]),
        ("blocked", "yes"),
        ("birthday", "tomorrow"),
        ("gender", "woman"),
        ("language", "Chinese"),
        ("city", {"name": "Taipei"}),
        ("full_name", True),
    ],
)
def test_what_is_no_such_value_is_refused_with_its_field(name: str, value: Any) -> None:
    with pytest.raises(NotAcceptable) as refused:
        accepted(**{name: value, "company": "x"})
    assert (list(refused.value.problems), refused.value.unknown) == ([name], [])


def test_a_field_of_the_companys_own_is_any_plain_value() -> None:
    fields = {"custom.level": "gold", "custom.points": 12, "custom.member": True}
    assert accept(fields, CONTACT_FIELDS, "TW") == {
        "custom.level": "gold",
        "custom.points": "12",
        "custom.member": True,
    }


def test_fields_that_there_are_not_are_named() -> None:
    with pytest.raises(NotAcceptable) as refused:
        accept({"compny": "x", "custom.": "y", "city": "z"}, CONTACT_FIELDS, "TW")
    assert refused.value.unknown == ["compny", "custom."]
