"""Where hooks may lead: to addresses of the open internet and nowhere else (SSRF).

Whoever may subscribe chooses where our servers connect to, and so could make them talk to what stands behind our own
doors: databases, the cloud's metadata service, a router. An address is judged when it is subscribed and again at every
delivery, then by the connection itself, on the very address that it connects to: a name that changes its mind between
the two gains nothing. Networks of the company's own (an n8n on its intranet) can be let in by setting.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from syncer.connections.sockets import resolve
from syncer.domain.errors import Refused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolver = Callable[[str, int, float], list[str]]

LONGEST_URL = 2048
#: Ports of the web; a database or a mail server listens on others.
PORTS = frozenset({443, 8443})
_LOOKUP_SECONDS = 3.0
_UNPRINTABLE = re.compile(r"[\x00-\x20\x7f\\]")

#: Addresses that Python's `is_global` lets through, or did in some version: Azure's platform address (its metadata and
#: keys), site-local, and the ways to write an IPv4 address as an IPv6 one that cannot be taken apart safely.
_NEVER = tuple(
    map(
        ipaddress.ip_network,
        (
            "168.63.129.16/32",
            "192.88.99.0/24",
            "192.0.0.0/24",
            "100.64.0.0/10",
            "0.0.0.0/8",
            "fec0::/10",
            "64:ff9b:1::/48",
            "2001::/23",
            "100::/64",
        ),
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


@dataclass(frozen=True)
class Targets:
    """`private` are networks that may be reached although they are not of the open internet; there also by http and on
    any port. `resolver` looks names up."""

    private: Sequence[Network] = ()
    resolver: Resolver = resolve

    def check(self, url: str) -> None:
        """Raises `Refused`, saying why, unless this can be a target now: its form, and where its name leads."""
        parts = _parts(url)
        host, port = parts.hostname or "", _port(parts)
        try:
            addresses = self.resolver(host, port, _LOOKUP_SECONDS)
        except (socket.gaierror, TimeoutError):
            raise Refused(f"the name {host} of the target has no address") from None
        admits = self.door(url)
        if not addresses or not all(map(admits, addresses)):
            raise Refused(f"{host} is not an address of the open internet, or not at this port")

    def door(self, url: str) -> Callable[[str], bool]:
        """Which addresses may be connected to for this target. Raises `Refused` for one that can be no target."""
        parts = _parts(url)
        web = parts.scheme == "https" and _port(parts) in PORTS

        def admits(address: str) -> bool:
            return self._is_let_in(address) or (web and is_public(address))

        return admits

    def _is_let_in(self, address: str) -> bool:
        found = _plain(address)
        return found is not None and any(found in network for network in self.private)


def is_public(address: str) -> bool:
    """Whether an address (as text) is one of the open internet."""
    found = _plain(address)
    if found is None or found.is_multicast or found.is_reserved or not found.is_global:
        return False
    return not any(found in network for network in _NEVER)


def _plain(address: str) -> Address | None:
    """What an address really is: the IPv4 one within it, where it is one in disguise."""
    with contextlib.suppress(ValueError):
        found = ipaddress.ip_address(address)
        return found if found.version == 4 else _unwrapped(found)
    return None


def _unwrapped(found: ipaddress.IPv6Address) -> Address:
    inner = found.ipv4_mapped or found.sixtofour
    if inner is None and (found in _NAT64 or (found in _COMPATIBLE and int(found) > 1)):
        inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return inner or found


def _parts(url: str) -> SplitResult:
    """The address, taken apart. Raises `Refused` for what is none of https:// (or http://), for one with a user, and
    for one that two programs could read in two ways."""
    if len(url) > LONGEST_URL or _UNPRINTABLE.search(url):
        raise Refused(f"the target is no address: over {LONGEST_URL} characters, or with spaces or backslashes in it")
    try:
        parts = urlsplit(url)
        port = _port(parts)
    except ValueError:
        raise Refused("the target is no address") from None
    if parts.scheme not in ("https", "http") or not parts.hostname or not port:
        raise Refused("the target must start with https:// and name a host")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise Refused("the target must not name a user")
    return parts


def _port(parts: SplitResult) -> int:
    default = 443 if parts.scheme == "https" else 80
    return default if parts.port is None else parts.port
