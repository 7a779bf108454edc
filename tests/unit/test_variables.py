"""What fills a template where nobody gave a value: the contact's own fields, or nothing at all."""

from __future__ import annotations

from typing import Any

import pytest

from config.files import load_templates
from config.settings import PACKAGED_FILES
from syncer.domain.campaign import Recipient
from syncer.domain.contact import GoldenRecord
from syncer.domain.template import Template, TemplateMismatch
from syncer.policies.variables import Missing, Sources, completed, spoken

ORDER = Template("order", "zh_TW", "utility", "您好 {{1}}，訂單 {{2}} 已成立。", "Formosa Tea")
NAMED = Template(
    "hello", "en", "utility", "Dear {{name}}, see you on {{day}}.", header_format="TEXT", header="For {{city}}"
)
SOURCES = Sources({"1": "full_name"})
AMY = GoldenRecord("王小明", attributes={"city": "台北\n市", "custom.level": "gold", "points": 0})


@pytest.mark.parametrize(
    ("field", "text"),
    [
        ("full_name", "王小明"),
        ("first_name", "小明"),
        ("last_name", "王"),
        ("city", "台北 市"),
        ("custom.level", "gold"),
        ("company", None),
        ("email", None),
    ],
)
def test_a_field_is_quoted_on_one_line_and_an_empty_one_not_at_all(field: str, text: str | None) -> None:
    assert spoken(AMY, field) == text


def test_a_given_name_of_the_crms_own_is_better_than_one_that_was_split_off() -> None:
    assert spoken(GoldenRecord("王小明", attributes={"first_name": "Ming"}), "first_name") == "Ming"


@pytest.mark.parametrize("given", [{"2": "A1"}, {"1": "", "2": "A1"}, ("", "A1")])
def test_a_value_that_nobody_gave_is_the_contacts(given: Any) -> None:
    found = completed(ORDER, Recipient(7, given), SOURCES, AMY)
    assert isinstance(found, Recipient)
    assert ORDER.fill(found.parameters).parameters == ("王小明", "A1")


@pytest.mark.parametrize("given", [("Ms. Wang", "A1"), {"1": "Ms. Wang", "2": "A1"}])
def test_a_value_that_was_given_stays(given: Any) -> None:
    person = Recipient(7, given)
    assert completed(ORDER, person, SOURCES, AMY) is person


def test_without_a_value_anywhere_the_recipient_gets_nothing_and_it_is_said_why() -> None:
    found = completed(ORDER, Recipient(7, {"2": "A1"}), SOURCES, GoldenRecord())
    assert found == Missing(("1",), ("full_name",))
    assert str(found) == "no value for 1: the contact has no full_name"


def test_what_has_no_source_is_left_to_the_template_to_judge() -> None:
    found = completed(ORDER, Recipient(7, ()), SOURCES, AMY)
    assert isinstance(found, Recipient)
    with pytest.raises(TemplateMismatch, match="it is about 2"):
        ORDER.fill(found.parameters)
    too_many = Recipient(7, ("", "b", "c"))
    assert completed(ORDER, too_many, SOURCES, AMY) is too_many


def test_named_variables_and_a_header_are_filled_too() -> None:
    sources = Sources({"name": "full_name"}, header="city")
    found = completed(NAMED, Recipient(7, {"day": "Monday"}), sources, AMY)
    assert isinstance(found, Recipient)
    assert (dict(found.parameters), found.header) == ({"name": "王小明", "day": "Monday"}, "台北 市")
    nobody = completed(NAMED, Recipient(7, {"day": "Monday"}), sources, GoldenRecord("Amy"))
    assert nobody == Missing(("header",), ("city",))


# --- templates.toml


def test_the_shipped_templates_take_the_customers_name_from_the_contact() -> None:
    catalogue = load_templates(PACKAGED_FILES)
    assert catalogue.source("customer_name") == "full_name"
    assert catalogue.source("order_number") is None
    assert catalogue.source(None) is None


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        (
            "contact.fullname",
            "is no field of a contact that fills a text: 'contact.fullname'; did you mean 'contact.full_name'?",
        ),
        ("full_name", "did you mean 'contact.full_name'?"),
        ("contact.blocked", "is no field of a contact that fills a text: 'contact.blocked'"),
    ],
)
def test_a_source_that_is_none_is_told(spoilt: Any, source: str, problem: str) -> None:
    text = spoilt("templates.toml", 'from = "contact.full_name"', f'from = "{source}"')
    assert text.startswith("config/templates.toml parameters.customer_name.from: ")
    assert problem in text


def test_a_source_may_be_a_field_of_the_companys_own(folder: Any) -> None:
    path = folder / "templates.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("contact.full_name", "contact.custom.membership_level"), encoding="utf-8")
    assert load_templates(folder).source("customer_name") == "custom.membership_level"
