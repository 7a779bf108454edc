"""`templates.toml`: what ships covers the requirements, and a wrong template is told."""

from __future__ import annotations

import pytest

from config.errors import ConfigurationError
from config.files import load_templates
from config.settings import PACKAGED_FILES
from syncer import catalogue as nouns
from syncer.domain.template import HeaderMedium
from syncer.domain.template_preview import preview
from syncer.policies.identification import objection

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
            if template.category == "AUTHENTICATION":
                continue
            payload = catalogue.graph_payload(template.name, language, "台灣茶業股份有限公司")
            parts = {part["type"]: part for part in payload["components"]}
            assert parts["FOOTER"]["text"] == "台灣茶業股份有限公司"
            example = parts["BODY"]["example"]
            named = [item["example"] for item in example.get("body_text_named_params", ())]
            (examples,) = example.get("body_text", [named])
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
    with pytest.raises(ConfigurationError, match="longer than 60 characters"):
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
        ('category = "UTILITY"', 'category = "SERVICE"', "templates[order_confirmation].category: must be"),
        ('category = "UTILITY"', 'category = "AUTHENTICATION"', "has a button of kind OTP"),
        ('category = "AUTHENTICATION"', 'category = "UTILITY"', "no other template has one"),
        ("expires_minutes = 10", "expires_minutes = 91", "expires_minutes: must be"),
        ("expires_minutes = 10\n", "", "expiry and expires_minutes go together"),
        ('format = "DOCUMENT"', 'format = "DOCUMENT", parameter = "amount"', "only the text of a header"),
        ('format = "DOCUMENT"', 'format = "PLACE"', "header.format: must be"),
        ('format = "DOCUMENT"', 'format = "TEXT"', "a header of format TEXT, and no other, has a text"),
        ('訂單 {{1}}"', '訂單 {{2}}"', "header that does not use its parameter in zh_TW"),
        ('訂單 {{1}}"', f'{"訂" * 61}{{{{1}}}}"', "header.text.zh_TW: String should have at most 60"),
        ("/parcels/{{1}}", "/parcels/{{1}}/now", "the variable of a button's url is {{1}}, at its end"),
        ('url = "{site}/parcels/{{1}}"', 'url = "{site}/parcels"', "a button has a parameter when its url ends"),
        ('url = "{site}/parcels/{{1}}", ', "", "a button of kind URL, and no other, has a url"),
        ('parameter = "tracking_path"', 'parameter = "nowhere"', "uses 'nowhere', which [parameters] does not explain"),
        ("{{place}} 為您", "{{town}} 為您", "must use {{name}} of each of its parameters"),
        ('en_US = "Copy code"', 'de = "Copy code"', "has a button without text in en_US"),
        ('languages = ["zh_TW"', 'languages = ["Chinese"', "languages"),
        ('site = "https://www.example.com"', 'site = "www.example.com"', "site: String should match"),
    ],
)
def test_a_wrong_template_is_told(spoilt, old, new, problem):
    text = spoilt("templates.toml", old, new)
    assert text.startswith("config/templates.toml")
    assert problem in text


def test_a_named_template_explains_its_variables_by_name():
    payload = load_templates(PACKAGED_FILES).graph_payload("service_visit", "en_US", "Formosa Tea Co.")
    assert payload["parameter_format"] == "NAMED"
    assert payload["components"][0]["example"]["body_text_named_params"][0] == {
        "param_name": "customer_name",
        "example": "Amy Wang",
    }


def test_headers_and_buttons_have_the_shape_of_the_graph_api():
    catalogue = load_templates(PACKAGED_FILES)
    header, _, _, buttons = catalogue.graph_payload("parcel_tracking", "en_US", "Formosa Tea Co.")["components"]
    assert header == {
        "type": "HEADER",
        "format": "TEXT",
        "text": "Order {{1}}",
        "example": {"header_text": ["A20261123-018"]},
    }
    url = "https://www.example.com/parcels/"
    button = {"type": "URL", "text": "Track parcel", "url": f"{url}{{{{1}}}}", "example": [f"{url}90765432"]}
    assert buttons == {"type": "BUTTONS", "buttons": [button]}
    document = catalogue.graph_payload("invoice_document", "en_US", "Formosa Tea Co.", header_handle="4::abc")
    assert document["components"][0] == {
        "type": "HEADER",
        "format": "DOCUMENT",
        "example": {"header_handle": ["4::abc"]},
    }


def test_of_an_authentication_template_only_what_may_be_chosen_is_submitted():
    catalogue = load_templates(PACKAGED_FILES)
    assert catalogue.graph_payload("login_code", "en_US", "Formosa Tea Co.")["components"] == [
        {"type": "BODY", "add_security_recommendation": True},
        {"type": "FOOTER", "code_expiration_minutes": 10},
        {"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": "Copy code"}]},
    ]
    listed = catalogue.listed_payload("login_code", "en_US", "Formosa Tea Co.")["components"]
    assert listed[1] == {"type": "FOOTER", "text": "This code expires in 10 minutes."}
    assert "/otp/code/" in listed[2]["buttons"][0]["url"]


def test_every_starter_template_can_be_filled_with_its_examples_and_names_its_sender():
    file = load_templates(PACKAGED_FILES)
    for (name, language), template in nouns.templates(file, "台灣茶業股份有限公司").items():
        assert objection(template, "台灣茶業股份有限公司") is None
        kind = template.header_format.lower()
        medium = HeaderMedium(kind, id="1") if kind == "document" else None
        examples = nouns.examples(file, name, language)
        filling = nouns.filled(file.get(name), examples, medium)
        seen = preview(template, template.fill(filling.parameters, header=filling.header, buttons=filling.buttons))
        for value in examples.values():
            assert value in seen.drawn, (name, language, value)
        assert "{{" not in seen.drawn


def test_what_a_quick_reply_brings_back_is_sent_along():
    file = load_templates(PACKAGED_FILES)
    template = nouns.templates(file, "Formosa")["promotion_offer", "en_US"]
    (button,) = template.fill(["Amy", "15 % off", "10 December"]).buttons
    assert (button.index, button.kind, button.value) == (0, "quick_reply", "OPT_OUT")
