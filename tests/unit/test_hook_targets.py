"""Where hooks may lead: every way that is known to reach what stands behind our own doors is shut."""

from __future__ import annotations

import socket
from ipaddress import ip_network

import pytest

from syncer.crm.hooks.errors import LONGEST_PAUSE, error_of
from syncer.crm.hooks.signature import sign
from syncer.crm.hooks.targets import Targets, is_public
from syncer.domain.errors import Never, Refused, TryAgain, TryLater

INSIDE = (
    "127.0.0.1",
    "127.8.8.8",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "169.254.170.2",
    "100.64.0.1",
    "100.100.100.200",
    "0.0.0.0",
    "0.1.2.3",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "203.0.113.7",
    "224.0.0.1",
    "239.1.2.3",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::127.0.0.1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::a00:1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::",
    "2001:0:7f00:1::",
    "2001:db8::1",
    "100::1",
    "nonsense",
)
OUTSIDE = (
    "93.184.216.34",
    "8.8.8.8",
    "104.16.1.1",
    "2606:4700::6810:1",
    "2a00:1450:4001:80b::200e",
    "::ffff:8.8.8.8",
    "2002:808:808::",
)


def of(*addresses: str) -> Targets:
    return Targets(resolver=lambda host, port, seconds: list(addresses))


@pytest.mark.parametrize("address", INSIDE)
def test_an_address_inside_is_no_target(address: str) -> None:
    assert not is_public(address)
    with pytest.raises(Refused):
        of(address).check("https://hooks.example.com/1")


@pytest.mark.parametrize("address", OUTSIDE)
def test_an_address_of_the_open_internet_is_one(address: str) -> None:
    of(address).check("https://hooks.example.com/1")


def test_one_address_inside_among_many_is_one_too_many() -> None:
    with pytest.raises(Refused):
        of("93.184.216.34", "10.0.0.1").check("https://hooks.example.com/1")


@pytest.mark.parametrize(
    "url",
    [
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0177.0.0.1/",
        "https://127.1/",
        "https://localhost/",
        "https://localhost./",
        "https://[::ffff:7f00:1]/",
    ],
)
def test_other_spellings_of_this_machine_are_seen_through(url: str) -> None:
    with pytest.raises(Refused):
        Targets().check(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example.com/",
        "https://hooks.example.com:22/",
        "https://hooks.example.com:5432/",
        "https://hooks.example.com:0/",
        "https://hooks.example.com:99999/",
        "https://u@hooks.example.com/",
        "https://u:p@hooks.example.com/",
        "https://good.example\\@evil.example/",
        "https://hooks.example.com/ with space",
        "https://hooks.example.com/\r\nX-Evil: 1",
        "https://",
        "https:///path",
        "//hooks.example.com/",
        "gopher://hooks.example.com/",
        "file:///etc/passwd",
        "https://hooks.example.com/" + "x" * 3000,
    ],
)
def test_an_odd_address_is_refused_whatever_it_leads_to(url: str) -> None:
    with pytest.raises(Refused):
        of("93.184.216.34").check(url)


def test_a_name_without_an_address_is_refused() -> None:
    def nowhere(host: str, port: int, seconds: float) -> list[str]:
        raise socket.gaierror

    with pytest.raises(Refused, match="no address"):
        Targets(resolver=nowhere).check("https://hooks.example.com/")


def test_a_network_that_was_let_in_may_be_reached_by_http_and_at_any_port_and_no_other_may() -> None:
    targets = Targets([ip_network("10.20.0.0/16")], lambda host, port, seconds: ["10.20.1.1"])
    targets.check("http://n8n.internal:5678/webhook/1")
    assert targets.door("http://n8n.internal:5678/")("10.20.9.9")
    assert targets.door("http://n8n.internal:5678/")("::ffff:10.20.9.9")
    assert not targets.door("http://n8n.internal:5678/")("10.21.0.1")
    assert not targets.door("http://n8n.internal:5678/")("93.184.216.34")


@pytest.mark.parametrize(
    ("status", "meaning"),
    [
        (204, None),
        *((status, Never) for status in (301, 400, 401, 404, 410, 422)),
        *((status, TryAgain) for status in (408, 425, 500, 502, 599)),
        (429, TryLater),
    ],
)
def test_what_an_answer_means(status: int, meaning: type[Exception] | None) -> None:
    found = error_of(status, {})
    assert (found and type(found)) == meaning


@pytest.mark.parametrize(("given", "seconds"), [("7", 7.0), ("999999", LONGEST_PAUSE), ("-3", 0.0), ("soon", 60.0)])
def test_a_targets_word_on_how_long_to_wait_is_obeyed_within_reason(given: str, seconds: float) -> None:
    found = error_of(429, {"Retry-After": given})
    assert isinstance(found, TryLater)
    assert (found.wait_seconds, found.scope) == (seconds, "item")
    busy = error_of(503, {"retry-after": given})
    assert isinstance(busy, TryLater) == (given != "soon")


def test_the_signature_is_over_timestamp_dot_body() -> None:
    """`printf '1700000000.{"id":"message-1"}' | openssl dgst -sha256 -hmac whsec_test`"""
    expected = "0f2e2ddd37173cc513159b120ec72c4303cdbe664eea4ee15bc03cba78904543"
    assert sign("whsec_test", "1700000000", b'{"id":"message-1"}') == expected
