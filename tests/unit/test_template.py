"""Templates: what they take, and exactly what the customer will read (R13, R36)."""

from __future__ import annotations

import pytest

from syncer.domain.template import Template, TemplateContent, TemplateMismatch, from_graph

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
    assert from_graph(item) == Template("order_confirmation", "zh_TW", "utility", "{{1}} 您好", "福爾摩沙茶行")
    assert from_graph({"name": "bare", "language": "en"}) == Template("bare", "en", "utility", "")
