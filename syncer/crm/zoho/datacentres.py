"""Zoho's data centres: an organisation lives in one of them, and its tokens are good for nothing in any other."""

from __future__ import annotations

from urllib.parse import urlsplit

#: Ending of the accounts server's and the API's name -> where that is (page "multi-DC").
_PLACES = {
    "com.au": "Australia",
    "com.cn": "China",
    "eu": "Europe",
    "in": "India",
    "jp": "Japan",
    "sa": "Saudi Arabia",
    "ca": "Canada",
    "com": "United States",
}


def named(url: str) -> str:
    """The data centre of an address, for people: `accounts.zoho.eu (Europe)`."""
    host = urlsplit(url).hostname or url
    place = next((name for ending, name in _PLACES.items() if host.endswith(f".{ending}")), None)
    return f"{host} ({place})" if place else host


def is_another(url: str, other: str) -> bool:
    """Whether two addresses of Zoho's belong to two data centres; False where either is none of Zoho's."""
    ends = [_ending(one) for one in (url, other)]
    return None not in ends and ends[0] != ends[1]


def _ending(url: str) -> str | None:
    host = urlsplit(url).hostname or ""
    if "zoho" not in host:
        return None
    return next((ending for ending in _PLACES if host.endswith(f".{ending}")), None)
