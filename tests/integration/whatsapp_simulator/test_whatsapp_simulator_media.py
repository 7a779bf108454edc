"""Media over real HTTP: upload, look-up, download, sends by id and by link, and what customers send."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
import requests

from syncer.simulators.whatsapp.sample_files import sample_file
from tests.fakes.whatsapp_bench import CUSTOMER, Bench, code_of

JPEG = sample_file("image")[0]
OGG = sample_file("audio")[0]


def upload(bench: Bench, content: bytes = JPEG, mime_type: str = "image/jpeg", **fields: str) -> requests.Response:
    form = {"messaging_product": "whatsapp", **fields}
    files = {"file": ("photo.jpg", content, mime_type)}
    return bench.graph("POST", f"{bench.number}/media", data=form, files=files)


def download(bench: Bench, url: str, token: str | None = None) -> requests.Response:
    headers = {"Authorization": f"Bearer {token or bench.config.access_token}"}
    return requests.get(url, headers=headers, timeout=5)


def send_media(bench: Bench, kind: str, medium: dict[str, Any]) -> requests.Response:
    return bench.send({"messaging_product": "whatsapp", "to": f"+{CUSTOMER}", "type": kind, kind: medium})


# --- the business's own files


def test_an_upload_can_be_looked_up_and_downloaded_and_removed(bench: Bench):
    media_id = upload(bench).json()["id"]
    found = bench.graph("GET", f"{media_id}?phone_number_id={bench.number}").json()
    assert {key: found[key] for key in ("messaging_product", "mime_type", "file_size", "id")} == {
        "messaging_product": "whatsapp",
        "mime_type": "image/jpeg",
        "file_size": len(JPEG),
        "id": media_id,
    }
    assert found["sha256"] == hashlib.sha256(JPEG).hexdigest()
    answer = download(bench, found["url"])
    assert (answer.content, answer.headers["Content-Type"]) == (JPEG, "image/jpeg")
    assert bench.graph("DELETE", media_id).json() == {"success": True}
    assert download(bench, found["url"]).status_code == 404
    gone = bench.graph("GET", media_id)
    assert (*code_of(gone), gone.json()["error"]["error_subcode"]) == (400, 100, 33)


def test_a_download_needs_the_token(bench: Bench):
    url = bench.graph("GET", upload(bench).json()["id"]).json()["url"]
    assert code_of(download(bench, url, "somebody-elses")) == (401, 190)


def test_an_address_ends_and_a_fresh_one_is_given(bench: Bench):
    bench.control("POST", "settings", {"media": {"url_seconds": 0}})
    media_id = upload(bench).json()["id"]
    assert download(bench, bench.graph("GET", media_id).json()["url"]).status_code == 404
    bench.control("POST", "settings", {"media": {"url_seconds": 300}})
    url = bench.graph("GET", media_id).json()["url"]
    assert download(bench, url).content == JPEG
    bench.control("POST", "media", {"expire": [media_id]})
    assert download(bench, url).status_code == 404
    assert download(bench, bench.graph("GET", media_id).json()["url"]).content == JPEG


def test_an_id_of_another_number_is_not_found(bench: Bench):
    media_id = upload(bench).json()["id"]
    other = bench.config.phone_number_ids[1]
    assert code_of(bench.graph("GET", f"{media_id}?phone_number_id={other}")) == (400, 100)


def test_an_upload_lives_30_days(bench: Bench):
    bench.control("POST", "settings", {"media": {"upload_seconds": 0}})
    media_id = upload(bench).json()["id"]
    assert code_of(bench.graph("GET", media_id)) == (400, 100)
    assert code_of(send_media(bench, "image", {"id": media_id})) == (400, 131009)


@pytest.mark.parametrize(
    ("content", "mime_type", "code"),
    [
        (JPEG, "image/gif", 100),
        (JPEG, "application/octet-stream", 100),
        (b"", "image/jpeg", 100),
        (b"x" * (5 * 1024 * 1024 + 1), "image/jpeg", 131053),
        (b"x" * (16 * 1024 * 1024 + 1), "audio/mpeg", 131053),
        (b"x" * (100 * 1024 + 1), "image/webp", 131053),
    ],
)
def test_a_file_of_a_wrong_type_or_size_is_refused(bench: Bench, content: bytes, mime_type: str, code: int):
    assert code_of(upload(bench, content, mime_type)) == (400, code)
    assert bench.control("GET", "media")["media"] == []


def test_an_animated_sticker_may_be_five_times_as_large(bench: Bench):
    moving = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x02" + b"x" * (400 * 1024)
    assert upload(bench, moving, "image/webp").status_code == 200


def test_the_type_field_wins_over_that_of_the_file(bench: Bench):
    media_id = upload(bench, OGG, "application/octet-stream", type="audio/ogg").json()["id"]
    assert bench.graph("GET", media_id).json()["mime_type"] == "audio/ogg"


@pytest.mark.parametrize("left_out", ["file", "messaging_product", "form"])
def test_an_upload_without_its_parts_is_refused(bench: Bench, left_out: str):
    more: dict[str, Any] = {"data": {"messaging_product": "whatsapp"}, "files": {"file": ("a.jpg", JPEG, "image/jpeg")}}
    match left_out:
        case "file":
            more["files"] = {"other": ("a.jpg", JPEG, "image/jpeg")}
        case "messaging_product":
            more["data"] = {}
        case "form":
            more = {"body": {"messaging_product": "whatsapp"}}
    assert code_of(bench.graph("POST", f"{bench.number}/media", **more)) == (400, 100)
    assert code_of(bench.graph("POST", "999/media", **more)) == (400, 100)


# --- sending media


def test_media_are_sent_by_id_and_by_link(bench: Bench):
    bench.says("hi")
    media_id = upload(bench).json()["id"]
    link = "https://example.com/a.jpg"
    for medium in ({"id": media_id, "caption": "看這裡"}, {"link": link}):
        assert bench.statuses(send_media(bench, "image", medium), "sent", "delivered", "read")
    assert [row["text"] for row in bench.accepted()] == ["看這裡", ""]


def test_an_unknown_id_is_refused_at_once(bench: Bench):
    bench.says("hi")
    assert code_of(send_media(bench, "image", {"id": "123"})) == (400, 131009)
    header = {"type": "header", "parameters": [{"type": "image", "image": {"id": "123"}}]}
    bench.control(
        "POST",
        "templates",
        {
            "templates": [
                {
                    "name": "poster",
                    "language": "zh_TW",
                    "components": [{"type": "HEADER", "format": "IMAGE"}, {"type": "BODY", "text": "週年慶"}],
                }
            ]
        },
    )
    assert code_of(bench.template(template={"name": "poster", "components": [header]})) == (400, 131009)


@pytest.mark.parametrize("code", [131052, 131053])
def test_a_bad_link_fails_afterwards(bench: Bench, code: int):
    bench.says("hi")
    link = "https://example.com/gone.jpg"
    bench.control("POST", "media", {"bad_links": {link: code}})
    (status,) = bench.statuses(send_media(bench, "image", {"link": link}), "failed")
    assert status["errors"][0]["code"] == code
    bench.control("POST", "media", {"bad_links": {link: None}})
    assert bench.statuses(send_media(bench, "image", {"link": link}), "read")


@pytest.mark.parametrize(
    ("kind", "medium"),
    [("video", {}), ("sticker", {}), ("audio", {}), ("audio", {"voice": True})],
)
def test_a_file_that_is_not_of_the_kind_fails_afterwards(bench: Bench, kind: str, medium: dict[str, Any]):
    bench.says("hi")
    content, mime_type = (OGG, "audio/mpeg") if medium else (JPEG, "image/jpeg")
    media_id = upload(bench, content, mime_type).json()["id"]
    (status,) = bench.statuses(send_media(bench, kind, {"id": media_id, **medium}), "failed")
    assert status["errors"][0]["code"] == 131053


# --- customers' files


def inbound_medium(bench: Bench, kind: str, **content: Any) -> dict[str, Any]:
    bench.says(messages=[{"from": CUSTOMER, "type": kind, **({kind: content} if content else {})}])
    message = bench.webhook.told("messages")[-1]
    return message[message["type"]]


@pytest.mark.parametrize(
    ("kind", "mime_type", "start"),
    [
        ("image", "image/jpeg", b"\xff\xd8\xff"),
        ("video", "video/mp4", b"\0\0\0\x18ftyp"),
        ("audio", "audio/ogg; codecs=opus", b"OggS"),
        ("voice", "audio/ogg; codecs=opus", b"OggS"),
        ("document", "application/pdf", b"%PDF-"),
        ("sticker", "image/webp", b"RIFF"),
    ],
)
def test_a_customer_sends_a_file_that_can_be_fetched(bench: Bench, kind: str, mime_type: str, start: bytes):
    told = inbound_medium(bench, kind)
    found = bench.graph("GET", told["id"]).json()
    assert told["mime_type"] == found["mime_type"] == mime_type
    for url in (told["url"], found["url"]):
        content = download(bench, url).content
        assert content.startswith(start)
        assert base64.b64decode(told["sha256"]) == hashlib.sha256(content).digest()
    assert told.get("voice", True) is True


def test_a_customers_own_bytes_arrive_as_they_were(bench: Bench):
    content = bytes(range(256)) * 4096
    encoded = base64.b64encode(content).decode()
    told = inbound_medium(
        bench, "document", content=encoded, mime_type="application/zip", filename="訂單.zip", caption="請看"
    )
    assert (told["filename"], told["caption"], "content" in told) == ("訂單.zip", "請看", False)
    answer = download(bench, told["url"])
    assert answer.content == content
    assert "%E8%A8%82" in answer.headers["Content-Disposition"]


def test_a_medium_vanishes(bench: Bench):
    told = inbound_medium(bench, "image")
    bench.control("POST", "media", {"vanish": [told["id"]]})
    assert download(bench, told["url"]).status_code == 404
    assert code_of(bench.graph("GET", told["id"])) == (400, 100)


def test_a_medium_given_by_id_is_told_untouched(bench: Bench):
    given = {"id": "1003", "mime_type": "image/jpeg", "sha256": "yBql"}
    assert inbound_medium(bench, "image", **given) == given


def test_content_that_is_no_base64_is_refused_with_a_sentence(bench: Bench):
    order = {"messages": [{"from": CUSTOMER, "type": "image", "image": {"content": "%%"}}]}
    answer = requests.post(f"{bench.url}/_sim/inbound", json=order, timeout=5)
    assert answer.status_code == 400
    assert "base64" in json.loads(answer.content)["error"]


def test_faults_strike_uploads_and_downloads(bench: Bench):
    url = bench.graph("GET", upload(bench).json()["id"]).json()["url"]
    plan = [{"route": "media", "kind": "server_error"}, {"route": "media_download", "kind": "half_answer", "count": 1}]
    bench.control("POST", "faults", {"faults": plan})
    assert code_of(upload(bench)) == (500, 131000)
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        download(bench, url)
    assert download(bench, url).content == JPEG
