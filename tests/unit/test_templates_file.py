"""`templates.toml`: what ships covers the requirements, and a wrong template is told."""

from __future__ import annotations

import pytest

from config.files import load_templates
from config.settings import PACKAGED_FILES

STARTER_LANGUAGES = ("zh_TW", "zh_CN", "en_US")


def test_the_starter_catalogue_is_large_enough_in_every_language():
    catalogue = load_templates(PACKAGED_FILES)
    utility = [template for template in catalogue.templates if template.category == "UTILITY"]
    assert len(utility) >= 20
    for template in catalogue.templates:
        assert template.languages == STARTER_LANGUAGES, template.name
    names = {template.name for template in utility}
    assert {"order_confirmation", "payment_reminder", "shipping_notice", "invoice_issued", "refund_done"} <= names


def test_every_template_becomes_a_payload_that_names_the_company_and_explains_its_variables():
    catalogue = load_templates(PACKAGED_FILES)
    for template in catalogue.templates:
        for language in template.languages:
            payload = catalogue.graph_payload(template.name, language, "台灣茶業股份有限公司")
            parts = {part["type"]: part for part in payload["components"]}
            assert parts["FOOTER"]["text"] == "台灣茶業股份有限公司"
            (examples,) = parts["BODY"]["example"]["body_text"]
            assert len(examples) == len(template.parameters)
            assert len(parts.get("BUTTONS", {"buttons": ()})["buttons"]) == len(template.buttons)


def test_a_payload_has_the_shape_of_the_graph_api():
    assert load_templates(PACKAGED_FILES).graph_payload("out_for_delivery", "en_US", "Formosa Tea Co.") == {
        "name": "out_for_delivery",
        "category": "UTILITY",
        "language": "en_US",
        "parameter_format": "POSITIONAL",
        "components": [
            {
                "type": "BODY",
                "text": "Hello {{1}}, order {{2}} is being delivered today by {{3}}. Please keep your phone at hand.",
                "example": {"body_text": [["Amy Wang", "A20261123-018", "DHL"]]},
            },
            {"type": "FOOTER", "text": "Formosa Tea Co."},
        ],
    }


def test_a_company_name_too_long_for_the_footer_is_refused():
    with pytest.raises(ValueError, match="60 characters"):
        load_templates(PACKAGED_FILES).graph_payload("out_for_delivery", "en_US", "x" * 61)


def test_every_marketing_template_offers_the_way_out():
    for template in load_templates(PACKAGED_FILES).templates:
        if template.category == "MARKETING":
            assert "OPT_OUT" in {button.payload for button in template.buttons}, template.name


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('footer = "{company}"', 'footer = "Syncer"', "footer must contain {company}"),
        ('name = "payment_reminder"', 'name = "order_confirmation"', "has two templates named 'order_confirmation'"),
        ('name = "order_confirmation"', 'name = "Order Confirmation"', "].name: "),
        ("訂單 {{2}}，金額 {{3}}", "訂單 {{2}}，金額 {{4}}", "must use {{1}} to {{3}} in zh_TW"),
        ("您好 {{1}}，我們已收到您的訂單", "{{1}} 您好，我們已收到您的訂單", "variable at the start or end"),
        ("您的訂單 {{2}}，金額 {{3}}", "您的訂單 {{2}} {{3}}", "two side by side"),
        ('parameters = ["customer_name", "order_number", "amount"]', 'parameters = ["a"]', "must use {{1}} to {{1}}"),
        ("[parameters.days]", "[parameters.day]", "uses 'days', which [parameters] does not explain"),
        ('category = "UTILITY"', 'category = "AUTHENTICATION"', "templates[order_confirmation].category: must be"),
    ],
)
def test_a_wrong_template_is_told(spoilt, old, new, problem):
    text = spoilt("templates.toml", old, new)
    assert text.startswith("config/templates.toml")
    assert problem in text
