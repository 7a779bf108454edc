"""Files go up only if the platform takes them, and come down whole, right, and without showing the token around."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from requests import PreparedRequest

from syncer.domain.content import LARGEST_FILE, MediaKind
from syncer.domain.errors import AskPerson, FixCredentials, Never, TryAgain, TryLater
from syncer.ports import Download
from syncer.whatsapp.client import WhatsAppMessenger
from syncer.whatsapp.media import is_the_platforms
from tests.fakes.graph import BASE, NUMBER, ROOT, client, recorded, refusal

MEDIUM = "1037543291543636"
ADDRESS = "https://lookaside.fbsbx.com/whatsapp_business/attachments/?mid=1037543291543636&ext=1&hash=ATs"
BYTES = b"\xff\xd8\xff\xe0 a photograph"
DIGEST = hashlib.sha256(BYTES)


@pytest.fixture
def platform() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


@pytest.fixture
def messenger() -> WhatsAppMessenger:
    return client()


@pytest.fixture
def into(tmp_path: Path) -> Path:
    folder = tmp_path / "media"
    folder.mkdir()
    return folder / "wamid.jpg"


def told(**changes: Any) -> dict[str, Any]:
    this = {"url": ADDRESS, "file_size": len(BYTES), "sha256": DIGEST.hexdigest()}
    return recorded("responses/media") | this | changes


def a_file(folder: Path, size: int) -> Path:
    path = folder / "file"
    with path.open("wb") as file:
        file.truncate(size)
    return path


# Up


def test_a_file_goes_up_with_its_type(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, tmp_path: Path
) -> None:
    bodies: list[bytes] = []

    def take(request: PreparedRequest) -> tuple[int, dict[str, str], str]:
        assert isinstance(request.body, bytes)
        bodies.append(request.body)
        assert request.headers["Authorization"] == "Bearer EAAfirst"
        assert request.headers["Content-Length"] == str(len(bodies[0]))
        return 200, {}, '{"id": "1037543291543636"}'

    platform.add_callback("POST", f"{ROOT}/{NUMBER}/media", take)
    path = tmp_path / "file"
    path.write_bytes(b"%PDF-1.7")
    assert messenger.upload(NUMBER, path, "application/pdf", "發票.pdf") == MEDIUM
    boundary = bodies[0].partition(b"\r\n")[0]
    assert bodies[0].replace(boundary, b"--").decode() == (
        '--\r\nContent-Disposition: form-data; name="messaging_product"\r\n\r\nwhatsapp\r\n'
        '--\r\nContent-Disposition: form-data; name="type"\r\n\r\napplication/pdf\r\n'
        '--\r\nContent-Disposition: form-data; name="file"; filename="發票.pdf"\r\n'
        "Content-Type: application/pdf\r\n\r\n%PDF-1.7\r\n----\r\n"
    )


@pytest.mark.parametrize(
    ("mime_type", "kind"),
    [
        ("image/jpeg", MediaKind.IMAGE),
        ("IMAGE/PNG", MediaKind.IMAGE),
        ("image/webp", MediaKind.STICKER),
        ("audio/ogg; codecs=opus", MediaKind.AUDIO),
        ("video/mp4", MediaKind.VIDEO),
        ("application/pdf", MediaKind.DOCUMENT),
        ("text/plain", MediaKind.DOCUMENT),
    ],
)
def test_a_file_may_be_as_large_as_its_kind_allows(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, tmp_path: Path, mime_type: str, kind: MediaKind
) -> None:
    platform.post(f"{ROOT}/{NUMBER}/media", json={"id": MEDIUM})
    assert messenger.upload(NUMBER, a_file(tmp_path, LARGEST_FILE[kind]), mime_type, "a") == MEDIUM
    with pytest.raises(Never, match=str(LARGEST_FILE[kind])):
        messenger.upload(NUMBER, a_file(tmp_path, LARGEST_FILE[kind] + 1), mime_type, "a")
    assert len(platform.calls) == 1


def test_what_cannot_be_a_medium_never_leaves(messenger: WhatsAppMessenger, tmp_path: Path) -> None:
    with pytest.raises(Never, match="JPEG or PNG"):
        messenger.upload(NUMBER, a_file(tmp_path, 5), "image/gif", "a.gif")
    with pytest.raises(Never, match="1 to"):
        messenger.upload(NUMBER, a_file(tmp_path, 0), "image/png", "a.png")
    with pytest.raises(Never, match="cannot be read: No such file"):
        messenger.upload(NUMBER, tmp_path / "nothing", "image/png", "a.png")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, "<html>", TryAgain),
        (200, '{"success": true}', TryAgain),
        (500, "", TryAgain),
        (400, refusal(131053), TryAgain),
        (401, refusal(190), FixCredentials),
        (429, refusal(130429), TryLater),
        (400, refusal(100), Never),
    ],
)
def test_an_upload_leaves_no_doubt(
    platform: responses.RequestsMock,
    messenger: WhatsAppMessenger,
    tmp_path: Path,
    status: int,
    body: Any,
    expected: type[Exception],
) -> None:
    said = {"body": body} if isinstance(body, str) else {"json": body}
    platform.post(f"{ROOT}/{NUMBER}/media", status=status, **said)
    with pytest.raises(expected):
        messenger.upload(NUMBER, a_file(tmp_path, 5), "image/png", "a.png")


# Down


@pytest.mark.parametrize(
    "sha256",
    [
        DIGEST.hexdigest(),
        DIGEST.hexdigest().upper(),
        base64.b64encode(DIGEST.digest()).decode(),
        base64.b64encode(DIGEST.digest()).decode().rstrip("="),
        "",
        None,
        "something new",
    ],
)
def test_a_file_comes_down_and_is_checked(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, into: Path, sha256: str | None
) -> None:
    platform.get(f"{ROOT}/{MEDIUM}?phone_number_id={NUMBER}", json=told(sha256=sha256))
    platform.get(ADDRESS, body=BYTES)
    assert messenger.download(MEDIUM, NUMBER, into) == Download(into, "image/jpeg", len(BYTES), DIGEST.hexdigest())
    assert into.read_bytes() == BYTES
    assert {call.request.headers["Authorization"] for call in platform.calls} == {"Bearer EAAfirst"}
    assert list(into.parent.iterdir()) == [into]


def test_a_file_of_which_little_is_told_comes_down_too(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, into: Path
) -> None:
    platform.get(f"{ROOT}/{MEDIUM}", json={"url": ADDRESS})
    platform.get(ADDRESS, body=BYTES)
    assert messenger.download(MEDIUM, NUMBER, into).mime_type == "application/octet-stream"


@pytest.mark.parametrize(
    "changes", [{"sha256": "0" * 64}, {"sha256": base64.b64encode(b"0" * 32).decode()}, {"file_size": len(BYTES) + 1}]
)
def test_a_file_that_is_not_the_announced_one_leaves_no_trace(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, into: Path, changes: dict[str, Any]
) -> None:
    into.write_bytes(b"an earlier one")
    platform.get(f"{ROOT}/{MEDIUM}", json=told(**changes))
    platform.get(ADDRESS, body=BYTES)
    with pytest.raises(TryAgain):
        messenger.download(MEDIUM, NUMBER, into)
    assert into.read_bytes() == b"an earlier one"
    assert list(into.parent.iterdir()) == [into]


def test_more_bytes_than_announced_are_not_taken(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, into: Path
) -> None:
    platform.get(f"{ROOT}/{MEDIUM}", json=told(file_size="7"))
    platform.get(ADDRESS, body=BYTES)
    with pytest.raises(TryAgain, match="over 7 bytes"):
        messenger.download(MEDIUM, NUMBER, into)
    assert list(into.parent.iterdir()) == []


def test_a_file_beyond_all_limits_is_not_even_asked_for(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, into: Path
) -> None:
    platform.get(f"{ROOT}/{MEDIUM}", json=told(file_size=10**12))
    with pytest.raises(Never, match="are the most"):
        messenger.download(MEDIUM, NUMBER, into)


def test_an_expired_address_is_asked_for_anew_once(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, into: Path
) -> None:
    fresh = ADDRESS.replace("ATs", "ATt")
    platform.get(f"{ROOT}/{MEDIUM}", json=told())
    platform.get(ADDRESS, status=404)
    platform.get(f"{ROOT}/{MEDIUM}", json=told(url=fresh))
    platform.get(fresh, body=BYTES)
    assert messenger.download(MEDIUM, NUMBER, into).size == len(BYTES)


def test_a_file_whose_address_leads_nowhere_twice_is_gone(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, into: Path
) -> None:
    platform.get(f"{ROOT}/{MEDIUM}", json=told())
    platform.get(ADDRESS, status=404)
    with pytest.raises(Never, match="nowhere"):
        messenger.download(MEDIUM, NUMBER, into)
    assert len(platform.calls) == 4
    assert list(into.parent.iterdir()) == []


def test_a_vanished_file_is_gone_for_good(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, into: Path
) -> None:
    platform.get(f"{ROOT}/{MEDIUM}", json=refusal(100, "no such object", error_subcode=33), status=400)
    with pytest.raises(Never, match="vanished"):
        messenger.download(MEDIUM, NUMBER, into)


@pytest.mark.parametrize(
    ("status", "expected"), [(401, FixCredentials), (429, TryLater), (500, TryAgain), (204, TryAgain), (302, AskPerson)]
)
def test_a_refused_file_says_what_to_do(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, into: Path, status: int, expected: type[Exception]
) -> None:
    platform.get(f"{ROOT}/{MEDIUM}", json=told())
    platform.get(ADDRESS, status=status, headers={"Location": "https://elsewhere.test/"})
    with pytest.raises(expected):
        messenger.download(MEDIUM, NUMBER, into)
    assert list(into.parent.iterdir()) == []


@pytest.mark.parametrize(
    "address",
    [
        "",
        "http://lookaside.fbsbx.com/x",
        "ftp://lookaside.fbsbx.com/x",
        "https://evil.test/x",
        "https://lookaside.fbsbx.com.evil.test/x",
        "https://evilfbsbx.com/x",
        "https://fbsbx.com@evil.test/x",
        "https://evil.test\\@lookaside.fbsbx.com/x",
        "https://evil.test#@lookaside.fbsbx.com/x",
        "https://evil.test/?x=https://lookaside.fbsbx.com/",
        "https://lookaside.fbsbx.com:8443/x",
        "https://lookaside.fbsbx.com:x/",
        "https://lookaside.fbsbx.com\t.evil.test/",
        "https://lookaside.fbsbx。com/",
        "https://[fbsbx.com/",
        "//lookaside.fbsbx.com/x",
        "http://graph.test/x",
        "https://graph.test:444/x",
    ],
)
def test_the_token_is_shown_to_nobody_else(
    platform: responses.RequestsMock, messenger: WhatsAppMessenger, into: Path, address: str
) -> None:
    assert not is_the_platforms(address, BASE)
    platform.get(f"{ROOT}/{MEDIUM}", json=told(url=address))
    with pytest.raises(AskPerson, match="not its own"):
        messenger.download(MEDIUM, NUMBER, into)


@pytest.mark.parametrize(
    ("address", "base"),
    [
        (ADDRESS, BASE),
        ("https://LOOKASIDE.FBSBX.COM:443/x", BASE),
        ("https://mmg.whatsapp.net/x", BASE),
        ("https://graph.facebook.com/x", BASE),
        ("https://graph.test/media/1", BASE),
        ("http://127.0.0.1:4010/media/1", "http://127.0.0.1:4010"),
    ],
)
def test_the_platforms_own_addresses_get_it(address: str, base: str) -> None:
    assert is_the_platforms(address, base)
