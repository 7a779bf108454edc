"""Template seeds in the Graph API's shape: data only. The first is the order confirmation of the Taiwanese demo
company."""

from __future__ import annotations

from typing import Any

_SENDER = "Formosa Goods 福爾摩沙選物"
_SHOP = "https://shop.example/orders/"


def _template(name: str, language: str, category: str, body: str, examples: list[str], **more: Any) -> dict[str, Any]:
    example = {"example": {"body_text": [examples]}} if examples else {}
    components = [more.pop("head")] if "head" in more else []
    components += [{"type": "BODY", "text": body, **example}, {"type": "FOOTER", "text": more.pop("footer", _SENDER)}]
    components += more.pop("extra", [])
    fixed = {"name": name, "language": language, "category": category, "parameter_format": "POSITIONAL"}
    return {**fixed, "components": components, **more}


def _buttons(*buttons: dict[str, Any]) -> dict[str, Any]:
    return {"type": "BUTTONS", "buttons": list(buttons)}


TEMPLATES: tuple[dict[str, Any], ...] = (
    _template(
        "order_confirmation",
        "zh_TW",
        "UTILITY",
        "{{1}} 您好,我們已收到您的訂單 {{2}},總金額 NT${{3}} 元。出貨後會再通知您。",
        ["王小明", "A20260001", "1,280"],
    ),
    _template(
        "order_confirmation",
        "en_US",
        "UTILITY",
        "Hello {{1}}, we have received your order {{2}}, NT${{3}} in total. We will tell you when it ships.",
        ["Ana", "A20260001", "1,280"],
    ),
    _template(
        "shipping_notice",
        "zh_TW",
        "UTILITY",
        "{{1}} 您好,您的訂單 {{2}} 已出貨,物流編號 {{3}},謝謝您。",
        ["王小明", "A20260001", "TW123456789"],
        extra=[
            {
                "type": "BUTTONS",
                "buttons": [{"type": "QUICK_REPLY", "text": "查詢進度"}, {"type": "QUICK_REPLY", "text": "聯絡客服"}],
            }
        ],
    ),
    _template(
        "payment_reminder",
        "zh_TW",
        "UTILITY",
        "{{1}} 您好,訂單 {{2}} 尚未付款,請於 {{3}} 前完成,謝謝。",
        ["王小明", "A20260001", "5 月 1 日"],
    ),
    _template(
        "conversation_reopen",
        "zh_TW",
        "UTILITY",
        "{{1}} 您好,關於您先前的詢問,我們已有回覆。請回傳任意訊息,我們將立即為您說明。",
        ["王小明"],
    ),
    _template(
        "new_arrivals",
        "zh_TW",
        "MARKETING",
        "{{1}} 您好,本週新品上架,會員享 {{2}} 折優惠,歡迎選購。",
        ["王小明", "9"],
        extra=[{"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "停止接收"}]}],
    ),
    _template(
        "login_code",
        "zh_TW",
        "AUTHENTICATION",
        "您的驗證碼是 {{1}},請勿告訴任何人。",
        ["123456"],
        footer="驗證碼 5 分鐘後失效",
        extra=[{"type": "BUTTONS", "buttons": [{"type": "OTP", "otp_type": "COPY_CODE", "text": "複製驗證碼"}]}],
    ),
    _template(
        "order_receipt",
        "zh_TW",
        "UTILITY",
        "{{1}} 您好,訂單 {{2}} 的收據如附件,謝謝您。",
        ["王小明", "A20260001"],
        head={"type": "HEADER", "format": "DOCUMENT", "example": {"header_handle": ["4::cmVjZWlwdA=="]}},
        extra=[_buttons({"type": "URL", "text": "查看訂單", "url": _SHOP + "{{1}}", "example": [_SHOP + "A20260001"]})],
    ),
    _template(
        "member_coupon",
        "zh_TW",
        "MARKETING",
        "{{1}} 您好,送您 {{2}} 元折價券,結帳時輸入即可使用。",
        ["王小明", "100"],
        head={"type": "HEADER", "format": "IMAGE", "example": {"header_handle": ["4::Y291cG9u"]}},
        extra=[_buttons({"type": "QUICK_REPLY", "text": "停止接收"}, {"type": "COPY_CODE", "example": "SAVE100"})],
    ),
    _template(
        "store_pickup",
        "zh_TW",
        "UTILITY",
        "{{1}} 您好,訂單 {{2}} 已到門市,歡迎前來取貨。",
        ["王小明", "A20260001"],
        head={"type": "HEADER", "format": "LOCATION"},
        extra=[_buttons({"type": "PHONE_NUMBER", "text": "致電門市", "phone_number": "+886255501000"})],
    ),
    _template(
        "hello_world", "en_US", "UTILITY", "Welcome and congratulations!", [], footer="WhatsApp Business Platform"
    ),
    {
        "name": "appointment_reminder",
        "language": "en_US",
        "category": "UTILITY",
        "parameter_format": "NAMED",
        "components": [
            {
                "type": "BODY",
                "text": "Hello {{first_name}}, see you on {{day}} at our shop.",
                "example": {
                    "body_text_named_params": [
                        {"param_name": "first_name", "example": "Ana"},
                        {"param_name": "day", "example": "May 1"},
                    ]
                },
            },
            {"type": "FOOTER", "text": _SENDER},
        ],
    },
)
