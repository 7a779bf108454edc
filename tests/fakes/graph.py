"""A client of the platform whose calls are answered by `responses`, and the recorded bodies to answer with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from syncer.http import HttpClient
from syncer.whatsapp.client import WhatsAppMessenger

FILES = Path(__file__).parents[1] / "data" / "whatsapp"
BASE = "https://graph.test"
ROOT = f"{BASE}/v25.0"
NUMBER, ACCOUNT, PERSON = "106540352242922", "102290129340398", "+886912345678"


def recorded(name: str) -> Any:
    """A request or an answer, by folder and name."""
    return json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))


def client(token: str = "EAAfirst") -> WhatsAppMessenger:
    """The real client on an address that does not exist."""
    return WhatsAppMessenger(
        HttpClient(), base_url=f"{BASE}/", version="v25.0", access_token=lambda: token, business_account_id=ACCOUNT
    )


def refusal(code: int, message: str = "no", **more: Any) -> dict[str, Any]:
    """The platform's envelope of an error."""
    return {"error": {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, **more}}
