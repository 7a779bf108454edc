"""The HTTP module against a real server that hangs, trickles, cuts and lies."""

from __future__ import annotations

import datetime
import gzip
import ipaddress
import json
import logging
import os
import socket
import ssl
import struct
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import responses
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from syncer.connections import form, sockets
from syncer.connections.form import FilePart
from syncer.domain.errors import AskPerson, DeliveryError, OutcomeUnknown, TryAgain
from syncer.http import HttpClient, Response

#: Shorter than R17's so that the tests are quick; what holds for one holds for the other.
DEADLINE = 0.25
SLACK = 0.2
FILE = bytes(range(256)) * 1000


class Peer(ThreadingHTTPServer):
    """Behaves as the path says. `connections` counts those opened, `bodies` holds what arrived whole."""

    daemon_threads = True

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.connections = 0
        self.bodies: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.over = threading.Event()
        scheme = "https" if context else "http"
        if context:
            self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"{scheme}://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        super().process_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what these tests are about."""

    def stop(self) -> None:
        self.over.set()
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Peer

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if self.path == "/swallow":
            self.swallow(length)
            return
        if self.path == "/read-slowly":
            self.server.over.wait(5)
            return
        body = self.rfile.read(length)
        self.server.bodies.append(body)
        self.server.headers.append(dict(self.headers))
        behaviour = getattr(self, self.path.strip("/").split("?")[0].replace("-", "_"))
        behaviour()

    do_GET = do_POST

    def ok(self, body: bytes = b'{"ok":true}', **headers: str) -> None:
        self.send_response(200)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def then_close(self) -> None:
        self.ok()
        self.close_connection = True

    def ok_once(self) -> None:
        """The first request of a connection is answered, the second meets a connection that was just given up."""
        if getattr(self, "used", False):
            self.reset()
        else:
            self.used = True
            self.ok()

    def hang(self) -> None:
        self.server.over.wait(5)

    def trickle_head(self) -> None:
        self.trickle(b"HTTP/1.1 200 OK\r\nX-Padding: " + b"x" * 500)

    def trickle_body(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "500")
        self.end_headers()
        self.trickle(b"x" * 500)

    def trickle(self, data: bytes) -> None:
        for byte in data:
            self.wfile.write(bytes([byte]))
            self.wfile.flush()
            if self.server.over.wait(0.02):
                return

    def reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    def swallow(self, left: int) -> None:
        """Takes a body of any length and keeps none of it."""
        while left > 0:
            left -= len(self.rfile.read(min(left, 65536)))
        self.ok()

    def file(self) -> None:
        self.ok(FILE, Content_Type="image/jpeg")

    def stop_half_way(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(FILE)))
        self.end_headers()
        self.wfile.write(FILE[: len(FILE) // 2])
        self.server.over.wait(5)

    def slowly_but_surely(self) -> None:
        """Longer than the deadline of a plain request, never still for as long as a stall."""
        self.send_response(200)
        self.send_header("Content-Length", "30")
        self.end_headers()
        self.trickle(b"x" * 30)

    def gone(self) -> None:
        self.send_response(404)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"gone")

    def cut_in_the_body(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b'{"messages":[')
        self.close_connection = True

    def huge(self) -> None:
        self.ok(b"x" * 5000)

    def bomb(self) -> None:
        self.ok(gzip.compress(b"\0" * 1_000_000), Content_Encoding="gzip")

    def broken_gzip(self) -> None:
        self.ok(b"\x1f\x8b nonsense", Content_Encoding="gzip")

    def zipped(self) -> None:
        self.ok(gzip.compress(b'{"ok":"zipped"}'), Content_Encoding="gzip")

    def no_http(self) -> None:
        self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
        self.close_connection = True

    def elsewhere(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/ok")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.stop()


@pytest.fixture
def client() -> Iterator[HttpClient]:
    client = HttpClient(deadline=DEADLINE, connect=0.1, largest_body=4000)
    yield client
    client.close()


@pytest.fixture
def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


def post(client: HttpClient, url: str, **options: Any) -> Response:
    return client.request("POST", url, json={"to": "+886912345678"}, **options)


def timed(call: Callable[[], object], error: type[DeliveryError]) -> tuple[DeliveryError, float]:
    started = time.monotonic()
    with pytest.raises(error) as caught:
        call()
    return caught.value, time.monotonic() - started


def test_an_answer_has_status_headers_and_body(client: HttpClient, peer: Peer) -> None:
    response = post(client, f"{peer.url}/ok", headers={"Authorization": "Bearer t"})
    assert (response.status, response.json()) == (200, {"ok": True})
    assert response.headers["content-length"] == "11"
    assert json.loads(peer.bodies[0]) == {"to": "+886912345678"}
    assert peer.headers[0]["Authorization"] == "Bearer t"
    assert peer.headers[0]["Content-Type"] == "application/json"


def test_parameters_and_forms_are_encoded(client: HttpClient, peer: Peer) -> None:
    client.request("POST", f"{peer.url}/ok", params={"q": "a b&c"}, data={"grant": "x y"})
    assert peer.bodies == [b"grant=x+y"]


def test_text_beyond_unicode_goes_out_as_escapes(client: HttpClient, peer: Peer) -> None:
    client.request("POST", f"{peer.url}/ok", json={"body": "a\x00b\ud800"})
    assert peer.bodies == [b'{"body":"a\\u0000b\\ud800"}']


def test_connections_are_kept_alive(client: HttpClient, peer: Peer) -> None:
    for _ in range(5):
        post(client, f"{peer.url}/ok")
    assert peer.connections == 1


def test_a_compressed_answer_is_unpacked(client: HttpClient, peer: Peer) -> None:
    assert client.request("GET", f"{peer.url}/zipped").json() == {"ok": "zipped"}


def test_a_redirect_is_an_answer_and_is_not_followed(client: HttpClient, peer: Peer) -> None:
    assert post(client, f"{peer.url}/elsewhere").status == 302
    assert len(peer.bodies) == 1


def test_proxies_of_the_environment_are_ignored(
    client: HttpClient, peer: Peer, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port}")
    assert post(client, f"{peer.url}/ok").status == 200


@pytest.mark.parametrize("body", [b"<html>", b"", b"\xff", b"[" * 100_000])
def test_json_that_is_none_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError, match=r".+"):
        Response(200, {}, body).json()


# Before the request has left: try again


def test_a_refused_connection_has_done_nothing(client: HttpClient, closed_port: int) -> None:
    error, _ = timed(lambda: post(client, f"http://127.0.0.1:{closed_port}/ok"), TryAgain)
    assert error.code == "unreachable"
    assert "refused" in str(error)


def test_an_unknown_name_has_done_nothing(client: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(sockets.socket, "getaddrinfo", unknown)
    error, _ = timed(lambda: post(client, "http://graph.test/ok"), TryAgain)
    assert "Name or service not known" in str(error)


def test_a_hanging_name_server_does_not_outlast_the_connect_timeout(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()
    monkeypatch.setattr(sockets.socket, "getaddrinfo", lambda *_, **__: over.wait(5) and [])
    error, seconds = timed(lambda: post(client, "http://graph.test/ok"), TryAgain)
    over.set()
    assert error.code == "timeout"
    assert seconds < 0.1 + SLACK


def test_a_dead_first_address_leaves_the_second_its_chance(
    client: HttpClient, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "resolve", lambda *_: ["127.0.0.2", "127.0.0.1"])
    assert post(client, f"http://graph.test:{peer.server_port}/ok").status == 200


def test_a_tls_handshake_without_an_answer_has_done_nothing(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        error, seconds = timed(lambda: post(client, f"https://127.0.0.1:{mute.getsockname()[1]}/ok"), TryAgain)
    assert error.code == "timeout"
    assert seconds < DEADLINE + SLACK


def test_a_peer_that_speaks_no_tls_has_done_nothing(client: HttpClient, peer: Peer) -> None:
    timed(lambda: post(client, peer.url.replace("http:", "https:") + "/ok"), TryAgain)
    assert peer.bodies == []


def test_a_head_that_never_left_whole_has_done_nothing(
    client: HttpClient, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(client, f"{peer.url}/ok")
    monkeypatch.setattr(sockets._Bounded, "is_connected", True)
    pools = client._adapter.poolmanager.pools
    keys = pools.keys()
    kept = next(c for key in keys for c in pools[key].pool.queue if c)
    kept.sock.shutdown(socket.SHUT_WR)
    timed(lambda: post(client, f"{peer.url}/ok"), TryAgain)
    assert len(peer.bodies) == 1


# After the request has left: nobody knows


@pytest.mark.parametrize("path", ["hang", "trickle-head", "trickle-body"])
def test_one_deadline_covers_silence_and_trickles(client: HttpClient, peer: Peer, path: str) -> None:
    error, seconds = timed(lambda: post(client, f"{peer.url}/{path}"), OutcomeUnknown)
    assert error.code == "timeout"
    assert DEADLINE - 0.02 < seconds < DEADLINE + SLACK
    assert len(peer.bodies) == 1


def test_a_call_may_bring_its_own_deadline(client: HttpClient, peer: Peer) -> None:
    _, seconds = timed(lambda: post(client, f"{peer.url}/hang", deadline=0.05), OutcomeUnknown)
    assert seconds < 0.05 + SLACK


@pytest.mark.parametrize("path", ["reset", "cut-in-the-body", "no-http", "broken-gzip", "huge", "bomb"])
def test_an_answer_that_cannot_be_read_leaves_the_outcome_unknown(client: HttpClient, peer: Peer, path: str) -> None:
    error, _ = timed(lambda: post(client, f"{peer.url}/{path}"), OutcomeUnknown)
    assert error.code in {"cut", "too_large"}
    assert len(peer.bodies) == 1, "it must not be sent a second time"


@pytest.mark.parametrize("path", ["hang", "trickle-body", "reset", "cut-in-the-body", "huge"])
def test_what_may_be_repeated_is_merely_tried_again(client: HttpClient, peer: Peer, path: str) -> None:
    timed(lambda: client.request("GET", f"{peer.url}/{path}"), TryAgain)
    timed(lambda: post(client, f"{peer.url}/{path}", repeatable=True), TryAgain)


def test_after_a_fault_the_client_works_on(client: HttpClient, peer: Peer) -> None:
    for path in ("hang", "huge", "reset", "trickle-body"):
        timed(lambda path=path: post(client, f"{peer.url}/{path}"), OutcomeUnknown)  # type: ignore[misc]
        assert post(client, f"{peer.url}/ok").status == 200


# Connections that were closed while idle


def test_a_connection_the_server_closed_while_idle_is_replaced(client: HttpClient, peer: Peer) -> None:
    post(client, f"{peer.url}/then-close")
    time.sleep(0.02)
    assert post(client, f"{peer.url}/ok").status == 200
    assert peer.connections == 2


def test_a_connection_idle_for_too_long_is_replaced(
    client: HttpClient, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(client, f"{peer.url}/ok")
    monkeypatch.setattr(sockets, "IDLE_SECONDS", 0.0)
    assert post(client, f"{peer.url}/ok").status == 200
    assert peer.connections == 2


def test_a_close_that_crosses_the_request_leaves_the_outcome_unknown(client: HttpClient, peer: Peer) -> None:
    post(client, f"{peer.url}/ok-once")
    timed(lambda: post(client, f"{peer.url}/ok-once"), OutcomeUnknown)


def test_a_forked_process_makes_connections_of_its_own(
    client: HttpClient, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    post(client, f"{peer.url}/ok")
    child = os.getpid() + 1
    monkeypatch.setattr("syncer.http.os.getpid", lambda: child)
    post(client, f"{peer.url}/ok")
    post(client, f"{peer.url}/ok")
    assert peer.connections == 2


def test_many_threads_share_a_client(client: HttpClient, peer: Peer) -> None:
    statuses: list[int] = []

    def work() -> None:
        statuses.extend(post(client, f"{peer.url}/ok", deadline=5.0).status for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 160
    assert peer.connections <= 8


# Files


def upload(client: HttpClient, url: str, path: Path, filename: str = "a.pdf", **options: Any) -> Response:
    part = FilePart("file", path, filename, "application/pdf")
    return client.upload(url, part, fields={"messaging_product": "whatsapp", "type": "application/pdf"}, **options)


@pytest.fixture
def some_file(tmp_path: Path) -> Path:
    path = tmp_path / "a.pdf"
    path.write_bytes(FILE)
    return path


@pytest.mark.parametrize("filename", ["a.pdf", "訂單 確認.pdf", 'x".pdf\r\nX-Evil: 1'])
def test_a_file_goes_up_in_a_form(client: HttpClient, peer: Peer, some_file: Path, filename: str) -> None:
    response = upload(client, f"{peer.url}/ok", some_file, filename, headers={"Authorization": "Bearer t"})
    assert response.status == 200
    head = peer.headers[0]
    assert (head["Authorization"], head["Content-Length"]) == ("Bearer t", str(len(peer.bodies[0])))
    parts = BytesParser().parsebytes(f"Content-Type: {head['Content-Type']}\r\n\r\n".encode() + peer.bodies[0])
    assert not parts.defects
    product, kind, file = parts.get_payload()  # type: ignore[misc]
    assert (product.get_payload(), kind.get_payload()) == ("whatsapp", "application/pdf")  # type: ignore[union-attr]
    assert file.get_payload(decode=True) == FILE  # type: ignore[union-attr]
    assert file.get_content_type() == "application/pdf"  # type: ignore[union-attr]
    assert "X-Evil" not in file  # type: ignore[operator]
    assert filename.partition('"')[0].encode() in peer.bodies[0]


def test_a_large_file_never_stands_in_memory_whole(client: HttpClient, peer: Peer, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(30_000_000)
    tracemalloc.start()
    upload(client, f"{peer.url}/swallow", large, deadline=10.0)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2_000_000


def test_a_file_that_becomes_shorter_on_the_way_is_not_taken_for_sent(
    client: HttpClient, peer: Peer, some_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = form.Form.read

    def shorten(self: form.Form, size: int = -1) -> bytes:
        os.truncate(some_file, 10)
        return whole(self, size)

    monkeypatch.setattr(form.Form, "read", shorten)
    error, _ = timed(lambda: upload(client, f"{peer.url}/ok", some_file, repeatable=True), TryAgain)
    assert "shorter" in str(error)
    assert not any(body.endswith(b"--\r\n") for body in peer.bodies)


def test_a_peer_that_reads_no_further_ends_an_upload(client: HttpClient, peer: Peer, tmp_path: Path) -> None:
    large = tmp_path / "large"
    with large.open("wb") as file:
        file.truncate(30_000_000)
    _, seconds = timed(lambda: upload(client, f"{peer.url}/read-slowly", large, stall=DEADLINE), OutcomeUnknown)
    assert seconds < DEADLINE + SLACK + 0.3


def test_a_file_that_is_not_there_is_no_matter_of_the_platform(client: HttpClient, peer: Peer, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        upload(client, f"{peer.url}/ok", tmp_path / "nothing")


def test_a_file_comes_down_in_pieces(client: HttpClient, peer: Peer) -> None:
    sink = BytesIO()
    response = client.download(f"{peer.url}/file", sink, largest=len(FILE), headers={"Authorization": "Bearer t"})
    assert (response.status, response.body, response.headers["content-type"]) == (200, b"", "image/jpeg")
    assert sink.getvalue() == FILE
    assert peer.headers[0]["Authorization"] == "Bearer t"
    assert peer.headers[0]["Accept-Encoding"] == "identity"
    post(client, f"{peer.url}/ok")
    assert peer.connections == 1


def test_what_is_no_file_stays_out_of_it(client: HttpClient, peer: Peer) -> None:
    sink = BytesIO()
    response = client.download(f"{peer.url}/gone", sink, largest=1)
    assert (response.status, response.body, sink.getvalue()) == (404, b"gone", b"")


def test_a_download_may_last_longer_than_a_request_if_it_moves(client: HttpClient, peer: Peer) -> None:
    started = time.monotonic()
    client.download(f"{peer.url}/slowly-but-surely", BytesIO(), largest=30, stall=DEADLINE)
    assert time.monotonic() - started > DEADLINE


@pytest.mark.parametrize(
    ("path", "options", "code"),
    [
        ("stop-half-way", {"stall": DEADLINE}, "timeout"),
        ("trickle-body", {"deadline": DEADLINE}, "timeout"),
        ("cut-in-the-body", {}, "cut"),
        ("huge", {"largest": 4999}, "too_large"),
        ("bomb", {"largest": 4999}, "too_large"),
    ],
)
def test_a_download_that_does_not_end_well_may_be_repeated(
    client: HttpClient, peer: Peer, path: str, options: dict[str, Any], code: str
) -> None:
    error, seconds = timed(
        lambda: client.download(f"{peer.url}/{path}", BytesIO(), **{"largest": 10**9, **options}), TryAgain
    )
    assert error.code == code
    assert seconds < DEADLINE + SLACK
    assert post(client, f"{peer.url}/ok").status == 200


# TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that signs itself, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "peer")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "peer.pem"
    no_password = serialization.NoEncryption()
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, no_password)
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.fixture
def tls_peer(certificate: Path) -> Iterator[Peer]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    peer = Peer(context)
    yield peer
    peer.stop()


def test_a_stranger_s_certificate_is_refused_before_anything_is_said(client: HttpClient, tls_peer: Peer) -> None:
    error, _ = timed(lambda: post(client, f"{tls_peer.url}/ok"), TryAgain)
    assert "certificate" in str(error).lower()
    assert tls_peer.bodies == []


def test_the_deadline_holds_over_tls_too(tls_peer: Peer, certificate: Path) -> None:
    client = HttpClient(deadline=DEADLINE, ca_bundle=str(certificate))
    assert post(client, f"{tls_peer.url}/ok").json() == {"ok": True}
    _, seconds = timed(lambda: post(client, f"{tls_peer.url}/trickle-body"), OutcomeUnknown)
    assert seconds < DEADLINE + SLACK
    client.close()


# What cannot even be asked


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("graph.facebook.com/v25.0", {}),
        ("ftp://graph.facebook.com/", {}),
        ("http://", {}),
        ("http://127.0.0.1:1/", {"Authorization": "Bearer secret-token\n"}),
        ("http://127.0.0.1:1/", {"Authorization": "Bearer secret-token…"}),
    ],
)
def test_an_address_or_token_that_makes_no_request_is_a_person_s_matter_and_stays_secret(
    client: HttpClient, url: str, headers: dict[str, str]
) -> None:
    error, _ = timed(lambda: post(client, url, headers=headers), AskPerson)
    assert "secret-token" not in f"{error} {error!r} {error.__cause__!r}"


def test_a_number_that_json_does_not_have_is_a_person_s_matter(client: HttpClient) -> None:
    with pytest.raises(AskPerson):
        client.request("POST", "http://127.0.0.1:1/", json={"amount": float("nan")})


# The log


def test_the_debug_log_shows_neither_secrets_nor_numbers(
    client: HttpClient, peer: Peer, closed_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="syncer.http"):
        client.request(
            "POST",
            f"{peer.url}/ok",
            headers={"Authorization": "Bearer EAAtoken"},
            params={"access_token": "EAAquery"},
            json={"to": "+886912345678", "pin": "246810", "client_secret": "s3cr3t"},
        )
        with pytest.raises(TryAgain) as refused:
            post(client, f"http://127.0.0.1:{closed_port}/ok?access_token=EAAquery")
    said = caplog.text + str(refused.value)
    assert "POST" in said
    assert "678" in said
    for secret in ("EAAtoken", "EAAquery", "246810", "s3cr3t", "886912345"):
        assert secret not in said


@responses.activate
def test_it_can_be_played_back_by_responses(client: HttpClient) -> None:
    responses.get("https://graph.test/v25.0/1", json={"id": "1"}, headers={"X-App-Usage": "{}"})
    response = client.request("GET", "https://graph.test/v25.0/1", params={"fields": "id"})
    assert response.json() == {"id": "1"}
    assert response.headers["x-app-usage"] == "{}"
