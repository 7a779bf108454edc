"""Templates: what they take, and exactly what the customer will read (R13, R36)."""

from __future__ import annotations

import pytest

from syncer.domain.frozen import freeze, thaw
from syncer.domain.template import (
    ButtonParameter,
    HeaderMedium,
    Template,
    TemplateButton,
    TemplateContent,
    TemplateMismatch,
    from_graph,
)
from syncer.domain.template_preview import ShownButton, preview

BODY = "{{1}} 您好，訂單 {{2}} 已成立。{{1}}，謝謝！"
ORDER = Template("order_confirmation", "zh_TW", "utility", BODY, "福爾摩沙茶行")
PLAIN = Template("closed_today", "en", "utility", "We are closed today.")


def test_a_placeholder_used_twice_is_one_parameter() -> None:
    assert ORDER.parameter_count == 2
    assert PLAIN.parameter_count == 0


@pytest.mark.parametrize(
    ("template", "parameters", "words"),
    [
        (ORDER, (), "order_confirmation takes 2 parameters, got 0"),
        (ORDER, ("王小明",), "takes 2 parameters, got 1"),
        (ORDER, ("王小明", "A1", "x"), "takes 2 parameters, got 3"),
        (ORDER, ("王小明", ""), "order_confirmation: parameter 2 is empty"),
        (ORDER, (" \t", "A1"), "parameter 1 is empty"),
        (PLAIN, ("x",), "takes 0 parameters, got 1"),
    ],
)
def test_what_does_not_fit_is_told_before_the_platform_would(
    template: Template, parameters: tuple[str, ...], words: str
) -> None:
    with pytest.raises(TemplateMismatch, match=words):
        template.fill(parameters)


def test_what_fits_becomes_the_content_to_send() -> None:
    assert ORDER.fill(["王小明", "A1"]) == TemplateContent("order_confirmation", "zh_TW", ("王小明", "A1"))
    assert PLAIN.fill([]) == TemplateContent("closed_today", "en", ())


@pytest.mark.parametrize(
    ("template", "parameters", "read"),
    [
        (ORDER, ("王小明", "A1"), "王小明 您好，訂單 A1 已成立。王小明，謝謝！\n福爾摩沙茶行"),
        (ORDER, ("{{2}}", "A1"), "{{2}} 您好，訂單 A1 已成立。{{2}}，謝謝！\n福爾摩沙茶行"),
        (ORDER, (r"\1", "A\\g<0>"), "\\1 您好，訂單 A\\g<0> 已成立。\\1，謝謝！\n福爾摩沙茶行"),
        (PLAIN, (), "We are closed today."),
    ],
)
def test_a_customer_reads_the_values_as_they_are(template: Template, parameters: tuple[str, ...], read: str) -> None:
    assert template.render(parameters) == read


def test_ten_parameters_are_not_mistaken_for_one_and_a_zero() -> None:
    body = " ".join(f"{{{{{number}}}}}" for number in range(1, 12))
    values = [chr(ord("a") + number) for number in range(11)]
    assert Template("many", "en", "utility", body).render(values) == "a b c d e f g h i j k"


def test_the_platforms_shape_is_read() -> None:
    item = {
        "name": "order_confirmation",
        "language": "zh_TW",
        "category": "UTILITY",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "訂單"},
            {"type": "body", "text": "{{1}} 您好"},
            {"type": "FOOTER", "text": "福爾摩沙茶行"},
            {"type": "BUTTONS", "buttons": []},
        ],
    }
    read = Template("order_confirmation", "zh_TW", "utility", "{{1}} 您好", "福爾摩沙茶行", "TEXT", "訂單")
    assert from_graph(item) == read
    assert from_graph({"name": "bare", "language": "en"}) == Template("bare", "en", "utility", "")


# Every parameter is checked before the call

BUTTONS = (
    TemplateButton("QUICK_REPLY", "停止", payload="OPT_OUT"),
    TemplateButton("URL", "包裹", "https://x.test/parcels/{{1}}"),
    TemplateButton("URL", "首頁", "https://x.test/"),
    TemplateButton("PHONE_NUMBER", "來電", phone_number="+886255501000"),
    TemplateButton("COPY_CODE"),
)
FULL = Template("full", "zh_TW", "marketing", "您好 {{1}}。", "茶行", "TEXT", "訂單 {{1}}", BUTTONS)
NAMED = Template("visit", "en", "utility", "On {{day}}, {{name}}: {{day}}.", "Tea", "TEXT", "For {{name}}")
OTP_URL = "https://www.whatsapp.com/otp/code/?otp_type=COPY_CODE&code=otp{{1}}"
CODE = Template(
    "code", "en", "authentication", "*{{1}}* is your code.", buttons=(TemplateButton("URL", "Copy", OTP_URL),)
)
PATH, COUPON = ButtonParameter(1, "url", "A1"), ButtonParameter(4, "copy_code", "TEA15")


def photo() -> Template:
    return Template("photo", "en", "utility", "Look.", "Tea", "IMAGE")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("a\nb", "parameter 1 holds a line break"),
        ("a\rb", "parameter 1 holds a line break"),
        ("a\tb", "a tab"),
        ("a     b", "more than four spaces"),
        ("   ", "parameter 1 is empty"),
        ("x" * 1023, "filled in, its body is longer than 1024"),
    ],
)
def test_values_that_the_platform_refuses_are_told(value: str, words: str) -> None:
    with pytest.raises(TemplateMismatch, match=words):
        Template("one", "en", "utility", "Hello {{1}}!").fill([value])


def test_values_at_the_limit_pass() -> None:
    assert Template("one", "en", "utility", "Hello {{1}}!").fill(["x" * 1017])
    assert Template("one", "en", "utility", "Hello {{1}}!").fill(["a    b"])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"day": "Monday"}, "takes the parameters day, name; it is about name"),
        ({"day": "Monday", "name": "Ana", "hour": "3"}, "it is about hour"),
        ({"day": "Monday", "name": ""}, "parameter name is empty"),
        (["Monday"], "takes 2 parameters, got 1"),
    ],
)
def test_values_by_name_are_checked_by_name(given: dict[str, str] | list[str], words: str) -> None:
    with pytest.raises(TemplateMismatch, match=words):
        NAMED.fill(given, header="Ana")


def test_values_by_name_keep_their_names_on_the_way() -> None:
    content = NAMED.fill({"name": "Ana", "day": "Monday"}, header="Ana")
    assert (content.parameters, content.names) == (("Monday", "Ana"), ("day", "name"))
    assert (content.header, content.header_name) == ("Ana", "name")
    assert NAMED.fill(["Monday", "Ana"], header="Ana") == content
    assert thaw("template", freeze(content)) == content


@pytest.mark.parametrize(
    ("template", "header", "words"),
    [
        (FULL, None, "its header takes one text"),
        (FULL, HeaderMedium("image", id="1"), "its header takes one text"),
        (FULL, "a\nb", "the header's value holds a line break"),
        (FULL, " ", "the header's value is empty"),
        (FULL, "x" * 58, "the header is longer than 60"),
        (ORDER, "x", "its header takes no text"),
        (ORDER, HeaderMedium("image", id="1"), "its header takes no medium"),
        (photo(), None, "its header takes a medium of kind image"),
        (photo(), "x", "its header takes no text"),
        (photo(), HeaderMedium("video", id="1"), "its header takes a medium of kind image"),
        (photo(), HeaderMedium("image"), "named by its id or by a link"),
        (photo(), HeaderMedium("image", id="1", link="https://x.test/a.png"), "named by its id or by a link"),
        (photo(), HeaderMedium("image", link="ftp://x.test/a.png"), "is no http or https address"),
        (photo(), HeaderMedium("image", id="1", filename="a.png"), "only a document has a file name"),
        (Template("place", "en", "utility", "Here.", header_format="LOCATION"), None, "a place as header"),
    ],
)
def test_headers_are_checked(template: Template, header: str | HeaderMedium | None, words: str) -> None:
    values = ["x"] * template.parameter_count
    with pytest.raises(TemplateMismatch, match=words):
        template.fill(values, header=header, buttons=(PATH, COUPON) if template is FULL else ())


@pytest.mark.parametrize(
    "medium", [HeaderMedium("image", id="1"), HeaderMedium("image", link="https://x.test/a.png")], ids=["id", "link"]
)
def test_a_medium_by_id_or_by_link_passes(medium: HeaderMedium) -> None:
    content = photo().fill([], header=medium)
    assert content.header == medium
    assert thaw("template", freeze(content)) == content


@pytest.mark.parametrize(
    ("buttons", "words"),
    [
        ((), "button 1 needs a parameter of kind url"),
        ((PATH,), "button 4 needs a parameter of kind copy_code"),
        ((PATH, COUPON, PATH), "it has 5 buttons"),
        ((PATH, COUPON, ButtonParameter(5, "url", "x")), "it has 5 buttons, numbered from 0"),
        ((ButtonParameter(1, "quick_reply", "x"), COUPON), "button 1 takes a parameter of kind url"),
        ((PATH, COUPON, ButtonParameter(0, "url", "x")), "button 0 takes a parameter of kind quick_reply"),
        ((PATH, COUPON, ButtonParameter(2, "url", "x")), "button 2 takes no parameter"),
        ((PATH, COUPON, ButtonParameter(3, "url", "x")), "button 3 takes no parameter"),
        ((ButtonParameter(1, "url", "a b"), COUPON), "the parameter of full: button 1 holds a space"),
        ((ButtonParameter(1, "url", ""), COUPON), "the parameter of full: button 1 is empty"),
        ((ButtonParameter(1, "url", "x" * 1978), COUPON), "its address is longer than 2000"),
        ((PATH, ButtonParameter(4, "copy_code", "x" * 21)), "a code has at most 20 characters"),
    ],
)
def test_buttons_are_checked(buttons: tuple[ButtonParameter, ...], words: str) -> None:
    with pytest.raises(TemplateMismatch, match=words):
        FULL.fill(["Ana"], header="A1", buttons=buttons)


def test_buttons_that_we_cannot_fill_are_told() -> None:
    catalogue = Template("shop", "en", "marketing", "Look.", buttons=(TemplateButton("MPM", "See"),))
    with pytest.raises(TemplateMismatch, match="of the kind MPM, which cannot be filled here"):
        catalogue.fill([])


@pytest.mark.parametrize("kind", ["OTP", "URL"])
def test_a_code_is_repeated_in_its_button(kind: str) -> None:
    button = TemplateButton(kind, "Copy", OTP_URL if kind == "URL" else "")
    template = Template("code", "en", "authentication", "*{{1}}* is your code.", buttons=(button,))
    assert template.fill(["123456"]).buttons == (ButtonParameter(0, "url", "123456"),)
    with pytest.raises(TemplateMismatch, match="a code has at most 15 characters"):
        template.fill(["1" * 16])


def test_our_payload_goes_along_unless_another_is_given() -> None:
    (first, *_) = sorted(FULL.fill(["Ana"], header="A1", buttons=(PATH, COUPON)).buttons, key=lambda one: one.index)
    assert first == ButtonParameter(0, "quick_reply", "OPT_OUT")
    mine = ButtonParameter(0, "quick_reply", "MINE")
    assert mine in FULL.fill(["Ana"], header="A1", buttons=(mine, PATH, COUPON)).buttons
    assert len(FULL.fill(["Ana"], header="A1", buttons=(mine, PATH, COUPON)).buttons) == 3


# What the customer sees


def test_the_preview_has_header_body_footer_and_every_button() -> None:
    seen = preview(FULL, FULL.fill(["Ana"], header="A1", buttons=(PATH, COUPON)))
    assert seen.text == "訂單 A1\n您好 Ana。\n茶行"
    assert seen.buttons == (
        ShownButton("QUICK_REPLY", "停止", "OPT_OUT"),
        ShownButton("URL", "包裹", "https://x.test/parcels/A1"),
        ShownButton("URL", "首頁", "https://x.test/"),
        ShownButton("PHONE_NUMBER", "來電", "+886255501000"),
        ShownButton("COPY_CODE", "", "TEA15"),
    )
    assert seen.drawn.splitlines()[3:] == [
        "[停止]",
        "[包裹] https://x.test/parcels/A1",
        "[首頁] https://x.test/",
        "[來電] +886255501000",
        "[COPY_CODE] TEA15",
    ]


def test_the_preview_of_a_medium_names_its_kind() -> None:
    seen = preview(photo(), photo().fill([], header=HeaderMedium("image", id="1")))
    assert (seen.medium, seen.text, seen.drawn) == ("image", "Look.\nTea", "[image]\nLook.\nTea")


def test_the_preview_of_a_code_shows_what_its_button_opens() -> None:
    (button,) = preview(CODE, CODE.fill(["123456"])).buttons
    assert button.value.endswith("code=otp123456")
