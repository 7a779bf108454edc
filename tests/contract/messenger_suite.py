"""What the client of the platform must make of each exchange: inherit `MessengerSuite`, give it a `place` fixture."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import pytest

from syncer.domain import errors as named
from syncer.domain.content import (
    ButtonsContent,
    Choice,
    ContactCard,
    ContactsContent,
    Content,
    FlowContent,
    LinkContent,
    ListContent,
    LocationContent,
    LocationRequestContent,
    MediaContent,
    MediaKind,
    PhoneRequestContent,
    ReactionContent,
    Section,
    TextContent,
)
from syncer.domain.errors import (
    AskPerson,
    DeliveryError,
    FixCredentials,
    Never,
    OptedOut,
    OutcomeUnknown,
    PauseTemplate,
    SendAsTemplate,
    TryAgain,
    TryLater,
    WrongTemplate,
)
from syncer.domain.message import Accepted, Category, SendRequest
from syncer.domain.template import HeaderMedium, TemplateContent
from syncer.domain.template_button import ButtonParameter
from syncer.whatsapp import call as graph_call
from syncer.whatsapp.client import WhatsAppMessenger

PERSON, STRANGER = "+886912345678", "+886922000111"
MARK = "out-42-1"
LINK = "https://shop.example/files/photo"
TEXT = TextContent("您好,營業時間是每天 9:00 到 21:00。")
ORDER = TemplateContent("order_confirmation", "zh_TW", ("王小明", "A20260001", "1,280"))
NEWS = TemplateContent("new_arrivals", "zh_TW", ("王小明", "9"))
CODE = TemplateContent("login_code", "zh_TW", ("481516",), buttons=(ButtonParameter(0, "url", "481516"),))
CHOICES = (Choice("yes", "確認訂單"), Choice("no", "取消"))

#: Templates that the simulator does not know from the start.
MORE_TEMPLATES = [
    {
        "name": "table_booking",
        "language": "en_US",
        "category": "UTILITY",
        "parameter_format": "NAMED",
        "components": [
            {
                "type": "HEADER",
                "format": "TEXT",
                "text": "Hello {{guest}}",
                "example": {"header_text_named_params": [{"param_name": "guest", "example": "Ana"}]},
            },
            {
                "type": "BODY",
                "text": "Your table is booked for {{day}}.",
                "example": {"body_text_named_params": [{"param_name": "day", "example": "May 1"}]},
            },
        ],
    },
    {
        "name": "price_alert",
        "language": "en_US",
        "category": "UTILITY",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "News on {{1}}", "example": {"header_text": ["tea"]}},
            {"type": "BODY", "text": "Its price has changed."},
        ],
    },
    {
        "name": "survey",
        "language": "en_US",
        "category": "UTILITY",
        "components": [
            {"type": "BODY", "text": "How was it?"},
            {"type": "BUTTONS", "buttons": [{"type": "FLOW", "text": "Answer", "flow_id": "1144"}]},
        ],
    },
]

CONTENTS: dict[str, Content] = {
    "text": TEXT,
    "text_with_preview": TextContent("https://shop.example/", preview_url=True),
    "image_by_link": MediaContent(MediaKind.IMAGE, link=LINK, caption="新品"),
    "video_by_link": MediaContent(MediaKind.VIDEO, link=LINK, caption="開箱"),
    "audio_by_link": MediaContent(MediaKind.AUDIO, link=LINK),
    "voice_note": MediaContent(MediaKind.AUDIO, link=LINK, voice=True),
    "document_by_link": MediaContent(MediaKind.DOCUMENT, link=LINK, caption="發票", filename="發票.pdf"),
    "sticker_by_link": MediaContent(MediaKind.STICKER, link=LINK),
    "location": LocationContent(25.033, 121.5654, "門市", "台北市信義區"),
    "bare_location": LocationContent(-0.00001, 121.0),
    "contacts": ContactsContent(
        (ContactCard("王 小明", ("+886 912 345 678",), ("ming@shop.example",), "好茶"), ContactCard("客服"))
    ),
    "buttons": ButtonsContent("訂單 A1 正確嗎?", CHOICES, header="訂單", footer="好茶股份有限公司"),
    "list": ListContent(
        "請選擇服務",
        "查看",
        (Section((Choice("a", "查詢進度", "訂單與物流"),), "訂單"), Section((Choice("b", "聯絡客服"),), "其他")),
    ),
    "link": LinkContent("您的收據", "開啟", "https://shop.example/receipt", footer="好茶股份有限公司"),
    "flow": FlowContent("請填寫問卷", "1144", "開始", "token-7", screen="WELCOME"),
    "flow_from_its_start": FlowContent("請填寫問卷", "1144", "開始", "token-7"),
    "location_request": LocationRequestContent("請分享您的位置"),
    "phone_request": PhoneRequestContent("請分享您的電話"),
    "template": ORDER,
    "template_without_values": TemplateContent("hello_world", "en_US"),
    "template_of_named_values": TemplateContent(
        "appointment_reminder", "en_US", ("Ana", "May 1"), names=("first_name", "day")
    ),
    "template_with_text_header": TemplateContent("price_alert", "en_US", header="tea"),
    "template_with_named_header": TemplateContent(
        "table_booking", "en_US", ("May 1",), names=("day",), header="Ana", header_name="guest"
    ),
    "template_with_document_and_address": TemplateContent(
        "order_receipt",
        "zh_TW",
        ("王小明", "A1"),
        header=HeaderMedium("document", link=LINK, filename="收據.pdf"),
        buttons=(ButtonParameter(0, "url", "A1"),),
    ),
    "template_with_image_and_coupon": TemplateContent(
        "member_coupon",
        "zh_TW",
        ("王小明", "100"),
        header=HeaderMedium("image", link=LINK),
        buttons=(ButtonParameter(1, "copy_code", "SAVE100"), ButtonParameter(0, "quick_reply", "STOP")),
    ),
    "template_with_flow": TemplateContent("survey", "en_US", buttons=(ButtonParameter(0, "flow", "token-7"),)),
    "template_of_a_code": CODE,
}

#: One code of each class of error; the whole table is walked in tests/unit/test_whatsapp_errors.py.
REFUSALS = {
    190: "FixCredentials",
    131005: "FixCredentials",
    4: "TryLater",
    130429: "TryLater",
    131056: "TryLater",
    131057: "TryLater",
    2: "TryAgain",
    131016: "TryAgain",
    100: "Never",
    131026: "Never",
    131030: "Never",
    131049: "Never",
    130472: "Never",
    131047: "SendAsTemplate",
    131050: "OptedOut",
    131063: "WrongTemplate",
    132001: "WrongTemplate",
    132015: "PauseTemplate",
    132016: "PauseTemplate",
    131064: "PauseTemplate",
    131048: "PauseNumber",
    131037: "PauseNumber",
    133010: "PauseNumber",
    368: "StopAccount",
    131031: "StopAccount",
    131042: "StopAccount",
}


class Place(Protocol):
    """A platform to talk to."""

    messenger: WhatsAppMessenger
    number: str
    folder: Path

    def control(self, method: str, command: str, body: Any = None) -> Any:
        """What the simulator's control answers to a command; it sets the scene of an exchange."""


def request(place: Place, content: Content, to: str = PERSON, **more: Any) -> SendRequest:
    return SendRequest(place.number, to, MARK, content, **more)


def customer_writes(place: Place) -> str:
    """The customer service window opens; the wamid of what was written."""
    said = {"messages": [{"from": PERSON.removeprefix("+"), "name": "王小明", "text": "你好"}]}
    wamid: str = place.control("POST", "inbound", said)["ids"][0]
    return wamid


def user_id(place: Place) -> str:
    """A customer who hides their number and has written."""
    [customer] = place.control("POST", "customers", {"customers": [{"phone": "886933000222", "hides_phone": True}]})[
        "customers"
    ]
    place.control("POST", "inbound", {"messages": [{"user_id": customer["user_id"], "text": "你好"}]})
    known: str = customer["user_id"]
    return known


def trouble(place: Place, **fault: Any) -> None:
    place.control("POST", "faults", {"faults": [{"route": "messages", "count": 1, **fault}]})


def tells_at_once(place: Place) -> None:
    """What the platform may also tell by a `failed` status, it tells in its answer."""
    place.control("POST", "settings", {"statuses": {"failures_at_once": True}})


def template_id(place: Place, name: str) -> str:
    return next(one.id for one in place.messenger.templates() if one.template.name == name)


class MessengerSuite:
    """Every kind of content, every method of the four ports, every class of error, every way to break off."""

    # Messages

    @pytest.mark.parametrize("kind", sorted(CONTENTS))
    def test_every_kind_of_content_is_accepted(self, place: Place, kind: str) -> None:
        customer_writes(place)
        place.control("POST", "templates", {"templates": MORE_TEMPLATES})
        promise = place.messenger.send(request(place, CONTENTS[kind]))
        assert promise.wamid.startswith("wamid.")
        assert promise == Accepted(promise.wamid, PERSON.removeprefix("+"), promise.user_id)

    def test_an_uploaded_file_is_sent_by_its_id(self, place: Place) -> None:
        customer_writes(place)
        path = place.folder / "photo.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n a photograph")
        media_id = place.messenger.upload(place.number, path, "image/png", "photo.png")
        image = MediaContent(MediaKind.IMAGE, id=media_id, caption="新品")
        coupon = CONTENTS["template_with_image_and_coupon"]
        assert isinstance(coupon, TemplateContent)
        header = TemplateContent(
            coupon.name,
            coupon.language,
            coupon.parameters,
            header=HeaderMedium("image", media_id),
            buttons=coupon.buttons,
        )
        for content in (image, header):
            assert place.messenger.send(request(place, content)).wamid

    def test_a_reaction_and_its_removal_are_accepted(self, place: Place) -> None:
        wamid = customer_writes(place)
        for emoji in ("👍", ""):
            assert place.messenger.send(request(place, ReactionContent(wamid, emoji))).wamid

    def test_a_reply_quotes_what_it_answers(self, place: Place) -> None:
        wamid = customer_writes(place)
        assert place.messenger.send(request(place, TEXT, reply_to=wamid)).wamid

    @pytest.mark.parametrize("content", [TEXT, ORDER], ids=["text", "template"])
    def test_a_user_id_is_accepted_in_place_of_a_phone(self, place: Place, content: Content) -> None:
        person = user_id(place)
        promise = place.messenger.send(request(place, content, to=person))
        assert promise == Accepted(promise.wamid, None, person)

    def test_a_code_goes_to_no_user_id(self, place: Place) -> None:
        with pytest.raises(Never) as refused:
            place.messenger.send(request(place, CODE, to=user_id(place)))
        assert refused.value.code == "131062"

    @pytest.mark.parametrize("typing", [False, True], ids=["read", "typing"])
    def test_a_message_is_marked_as_read_as_often_as_one_likes(self, place: Place, typing: bool) -> None:
        wamid = customer_writes(place)
        for _ in range(2):
            place.messenger.mark_read(place.number, wamid, typing=typing)

    def test_a_message_that_never_was_cannot_be_read(self, place: Place) -> None:
        with pytest.raises(Never):
            place.messenger.mark_read(place.number, "wamid.never")

    # Rules of the platform

    def test_outside_the_window_only_templates_go(self, place: Place) -> None:
        tells_at_once(place)
        with pytest.raises(SendAsTemplate):
            place.messenger.send(request(place, TEXT, to=STRANGER))
        assert place.messenger.send(request(place, ORDER, to=STRANGER)).wamid

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (TemplateContent("no_such_template", "zh_TW"), "132001"),
            (TemplateContent("order_confirmation", "fr"), "132001"),
            (TemplateContent("order_confirmation", "zh_TW", ("王小明",)), "132000"),
        ],
        ids=["name", "language", "count"],
    )
    def test_a_template_that_is_not_what_we_believe_is_looked_up(
        self, place: Place, content: Content, expected: str
    ) -> None:
        with pytest.raises(WrongTemplate) as refused:
            place.messenger.send(request(place, content))
        assert refused.value.code == expected

    def test_a_paused_template_pauses_those_who_would_use_it(self, place: Place) -> None:
        place.control("POST", "templates/pause", {"name": "order_confirmation", "language": "zh_TW"})
        with pytest.raises(PauseTemplate):
            place.messenger.send(request(place, ORDER))

    def test_who_stopped_our_marketing_gets_none(self, place: Place) -> None:
        tells_at_once(place)
        person = PERSON.removeprefix("+")
        place.control("POST", "customers", {"customers": [{"phone": person, "opted_out": True}]})
        with pytest.raises(OptedOut):
            place.messenger.send(request(place, NEWS, category=Category.MARKETING))
        assert place.messenger.send(request(place, ORDER, category=Category.UTILITY)).wamid

    def test_marketing_takes_its_own_route_where_the_common_one_is_closed(self, place: Place) -> None:
        place.control("POST", "marketing", {"disable_marketing_messages_on_cloud_api": True})
        for _ in range(2):
            assert place.messenger.send(request(place, NEWS, category=Category.MARKETING)).wamid
        with pytest.raises(WrongTemplate):
            place.messenger.send(request(place, NEWS, category=Category.UTILITY))

    def test_a_business_that_has_not_joined_the_marketing_route_is_told_so(self, place: Place) -> None:
        closed = {
            "disable_marketing_messages_on_cloud_api": True,
            "marketing_messages_onboarding_status": "ELIGIBLE",
        }
        place.control("POST", "marketing", closed)
        with pytest.raises(PauseTemplate) as refused:
            place.messenger.send(request(place, NEWS, category=Category.MARKETING))
        assert refused.value.code == "131055"

    # Errors

    @pytest.mark.parametrize("code", sorted(REFUSALS))
    def test_each_refusal_says_what_to_do(self, place: Place, code: int) -> None:
        trouble(place, kind="refuse", code=code)
        with pytest.raises(DeliveryError) as refused:
            place.messenger.send(request(place, ORDER))
        assert type(refused.value) is getattr(named, REFUSALS[code])
        assert refused.value.code == str(code)

    @pytest.mark.parametrize(("asked", "waited"), [(None, 2), (17, 17)], ids=["silent", "named"])
    def test_throttling_says_for_how_long(self, place: Place, asked: float | None, waited: float) -> None:
        trouble(place, kind="rate_limit", **({} if asked is None else {"retry_after": asked}))
        with pytest.raises(TryLater) as refused:
            place.messenger.send(request(place, ORDER))
        assert (refused.value.wait_seconds, refused.value.scope) == (waited, "number")

    @pytest.mark.parametrize("moment", ["before_accept", "after_accept"])
    @pytest.mark.parametrize("kind", ["hang", "cut", "server_error"])
    def test_what_breaks_off_leaves_the_outcome_unknown(self, place: Place, kind: str, moment: str) -> None:
        trouble(place, kind=kind, moment=moment)
        with pytest.raises(OutcomeUnknown):
            place.messenger.send(request(place, ORDER))
        assert place.messenger.send(request(place, ORDER)).wamid, "the next one finds its way"

    @pytest.mark.parametrize("body", ["truncated", "html", "text", "empty"])
    def test_a_success_that_is_no_promise_leaves_it_unknown_too(self, place: Place, body: str) -> None:
        trouble(place, kind="wrong_json", body=body)
        with pytest.raises(OutcomeUnknown):
            place.messenger.send(request(place, ORDER))

    @pytest.mark.parametrize("kind", ["wrong_shape", "half_answer"])
    def test_so_does_half_a_promise(self, place: Place, kind: str) -> None:
        trouble(place, kind=kind)
        with pytest.raises(OutcomeUnknown):
            place.messenger.send(request(place, ORDER))

    @pytest.mark.parametrize("kind", ["hang", "cut", "wrong_json", "wrong_shape", "half_answer", "server_error"])
    def test_a_read_that_breaks_off_is_merely_repeated(self, place: Place, kind: str) -> None:
        shape = {"answer": {"success": True}} if kind == "wrong_shape" else {}
        trouble(place, kind=kind, route="phone_numbers", **shape)
        with pytest.raises(TryAgain):
            place.messenger.phone_numbers()
        assert place.messenger.phone_numbers()

    def test_a_number_that_is_not_ours_is_a_matter_of_settings(self, place: Place) -> None:
        with pytest.raises(FixCredentials):
            place.messenger.send(SendRequest("42", PERSON, MARK, ORDER))

    # Files

    def test_a_customers_file_comes_down_whole(self, place: Place) -> None:
        content = {"content": "aGVsbG8=", "mime_type": "image/jpeg", "caption": "看"}
        media_id = received_medium(place, content)
        into = place.folder / "photo.jpg"
        got = place.messenger.download(media_id, place.number, into)
        assert (into.read_bytes(), got.size, got.mime_type) == (b"hello", 5, "image/jpeg")
        assert got.sha256 == "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

    def test_an_address_that_has_expired_is_asked_for_again(self, place: Place) -> None:
        media_id = received_medium(place, {"content": "aGVsbG8=", "mime_type": "image/jpeg"})
        fault = {"route": "media_download", "kind": "server_error", "status": 404, "count": 1}
        place.control("POST", "faults", {"faults": [fault]})
        assert place.messenger.download(media_id, place.number, place.folder / "photo.jpg").size == 5

    def test_a_file_that_vanished_is_gone_for_good(self, place: Place) -> None:
        media_id = received_medium(place, {"content": "aGVsbG8=", "mime_type": "image/jpeg"})
        place.control("POST", "media", {"vanish": [media_id]})
        with pytest.raises(Never):
            place.messenger.download(media_id, place.number, place.folder / "photo.jpg")
        assert list(place.folder.iterdir()) == []

    def test_an_upload_that_breaks_off_may_be_repeated(self, place: Place) -> None:
        trouble(place, route="media", kind="cut", moment="after_accept")
        path = place.folder / "a.pdf"
        path.write_bytes(b"%PDF-1.7 an invoice")
        with pytest.raises(TryAgain):
            place.messenger.upload(place.number, path, "application/pdf", "發票.pdf")
        assert place.messenger.upload(place.number, path, "application/pdf", "發票.pdf")

    # Templates

    def test_the_whole_catalogue_is_listed(self, place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(graph_call, "PAGE_SIZE", 5)
        place.control("POST", "templates", {"templates": MORE_TEMPLATES})
        listed = {(one.template.name, one.template.language): one for one in place.messenger.templates()}
        assert {(str(one["name"]), str(one["language"])) for one in MORE_TEMPLATES} <= set(listed)
        assert len(listed) > 2 * graph_call.PAGE_SIZE
        order, named_one = listed["order_confirmation", "zh_TW"], listed["appointment_reminder", "en_US"]
        assert (order.status, order.template.category, order.template.parameter_count) == ("APPROVED", "utility", 3)
        assert (order.parameter_format, named_one.parameter_format) == ("POSITIONAL", "NAMED")
        assert order.id

    def test_a_template_is_submitted_once(self, place: Place) -> None:
        payload = {**MORE_TEMPLATES[1], "name": "price_alert_again"}
        made = place.messenger.create_template(payload)
        assert made.id
        assert made.template.name == "price_alert_again"
        with pytest.raises(Never) as refused:
            place.messenger.create_template(payload)
        assert refused.value.code == "2388024"

    def test_a_template_is_edited_and_deleted(self, place: Place) -> None:
        target = template_id(place, "hello_world")
        place.messenger.edit_template(target, {"components": [{"type": "BODY", "text": "Welcome!"}]})
        place.messenger.delete_template("hello_world", target)
        place.messenger.delete_template("shipping_notice")
        with pytest.raises(FixCredentials):
            place.messenger.edit_template("999", {"components": []})

    def test_a_pause_can_be_ended(self, place: Place) -> None:
        place.control("POST", "templates/pause", {"name": "new_arrivals"})
        target = template_id(place, "new_arrivals")
        place.messenger.unpause_template(target)
        assert {one.status for one in place.messenger.templates() if one.id == target} == {"APPROVED"}

    # Numbers

    def test_the_numbers_tell_their_state(self, place: Place) -> None:
        numbers = place.messenger.phone_numbers()
        one = place.messenger.phone_number(place.number)
        assert one in numbers
        assert (one.id, one.status, one.quality, one.throughput) == (place.number, "CONNECTED", "GREEN", "STANDARD")
        assert one.messaging_limit.startswith("TIER_")
        assert one.verified_name

    @pytest.mark.parametrize("method", ["SMS", "VOICE"])
    def test_a_number_is_verified_and_registered(self, place: Place, method: str) -> None:
        fresh = {"id": place.number, "code_verification_status": "NOT_VERIFIED", "status": "DISCONNECTED"}
        place.control("POST", "numbers", fresh)
        place.messenger.request_code(place.number, method, "zh_TW")
        code = place.control("GET", "codes")["codes"][-1]
        assert code["method"] == method
        with pytest.raises(Never):
            place.messenger.verify_code(place.number, "000000" if code["code"] != "000000" else "111111")
        place.messenger.verify_code(place.number, code["code"])
        place.messenger.register(place.number, "123456")
        assert place.messenger.phone_number(place.number).status == "CONNECTED"

    def test_a_verified_number_needs_no_code(self, place: Place) -> None:
        with pytest.raises(Never) as refused:
            place.messenger.request_code(place.number, "SMS", "zh_TW")
        assert refused.value.code == "136024"

    def test_a_wrong_pin_is_a_matter_for_a_person(self, place: Place) -> None:
        place.control("POST", "numbers", {"id": place.number, "pin": "654321", "status": "DISCONNECTED"})
        with pytest.raises(AskPerson) as refused:
            place.messenger.register(place.number, "123456")
        assert refused.value.code == "133005"

    def test_a_number_is_disconnected_renamed_and_given_another_pin(self, place: Place) -> None:
        place.messenger.rename(place.number, "Formosa Goods Taiwan")
        place.messenger.set_pin(place.number, "112233")
        place.messenger.deregister(place.number)
        with pytest.raises(DeliveryError) as refused:
            place.messenger.send(request(place, ORDER))
        assert type(refused.value) is named.PauseNumber

    # The account

    def test_our_app_hears_the_webhooks(self, place: Place) -> None:
        assert place.messenger.subscribed()
        place.messenger.subscribe()
        assert place.messenger.subscribed()

    def test_a_token_is_examined(self, place: Place) -> None:
        assert place.messenger.token("simulator-access-token").valid
        assert not place.messenger.token("EAAnonsense").valid

    def test_a_renewed_token_is_used_at_once(self, place: Place) -> None:
        place.control("POST", "tokens", {"accept": ["renewed"], "expire": ["simulator-access-token"]})
        with pytest.raises(FixCredentials):
            place.messenger.send(request(place, ORDER))
        place.token = "renewed"  # type: ignore[attr-defined]
        assert place.messenger.send(request(place, ORDER)).wamid

    def test_the_business_profile_can_be_read(self, place: Place) -> None:
        assert place.messenger.business_profile(place.number)

    def test_the_platform_tells_of_our_usage(self, place: Place) -> None:
        place.messenger.phone_numbers()
        assert all(0 <= usage.percent <= 100 for usage in place.messenger.usage().values())
        assert place.messenger.usage()


def received_medium(place: Place, content: dict[str, Any]) -> str:
    """A customer sends a picture; its id."""
    said = {"messages": [{"from": PERSON.removeprefix("+"), "type": "image", "image": content}]}
    place.control("POST", "inbound", said)
    rows = place.control("POST", "media", {})["media"]
    media_id: str = rows[-1]["id"]
    return media_id
