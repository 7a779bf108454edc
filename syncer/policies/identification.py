"""Every business message names its sender (R8)."""

from __future__ import annotations


def signed(body: str, company: str) -> str:
    """The text with the company's registered name at its end, unless the name is in it already."""
    return body if company in body else f"{body}\n— {company}"
