"""Onboarding readiness of the business numbers (R9): what the platform's API knows of verification, names and pages."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from syncer.acceptance.kpis import Check
from syncer.bootstrap import Runtime
from syncer.domain.number import NumberState
from syncer.flows.number_alerts import NAMES_IN_ORDER

#: A token that ends sooner should be renewed now (R16).
TOKEN_DAYS = 7


def ready(runtime: Runtime) -> Iterator[Check]:
    """Verification and name of our numbers, the token's permissions, and what customers see of the business."""
    known = runtime.settings.whatsapp
    for role, number in (("primary", known.phone_number_id), ("backup", known.backup_phone_number_id)):
        if number is not None:
            yield from _number(role, runtime.platform.phone_number(number))
    yield from _token(runtime)
    yield _profile(runtime)


def _number(role: str, state: NumberState) -> Iterator[Check]:
    verified = state.code_verification_status
    yield _line(f"R9.{role}.verified", f"{role} number is verified", verified, "VERIFIED", verified == "VERIFIED")
    named = state.name_status in NAMES_IN_ORDER
    name = f"{state.verified_name}, {state.name_status or 'state unknown'}"
    yield _line(f"R9.{role}.name", f"display name of the {role} number", name, "approved", named)
    word = state.can_send or "unknown"
    sends = word != "BLOCKED" and state.status in ("CONNECTED", "FLAGGED")
    detail = "" if sends else "syncer numbers status tells why"
    yield _line(f"R9.{role}.sends", f"{role} number may send", f"{state.status}, {word}", "AVAILABLE", sends, detail)


def _token(runtime: Runtime) -> Iterator[Check]:
    """The token's permissions and its end."""
    token = runtime.settings.whatsapp.access_token
    state = runtime.platform.token(token.get_secret_value() if token else "")
    missing = ", ".join(sorted(state.missing))
    good = state.valid and not missing
    detail = state.detail or (f"missing: {missing}" if missing else "")
    yield _line("R9.permissions", "the access token is permitted", "yes" if good else "no", "yes", good, detail)
    soon = runtime.clock.now() + timedelta(days=TOKEN_DAYS)
    lasts = state.expires_at is None or state.expires_at > soon
    ends = "never" if state.expires_at is None else f"{state.expires_at:%Y-%m-%d %H:%M}"
    yield _line("R9.token", "end of the access token", ends, f"not within {TOKEN_DAYS} days", lasts)


def _profile(runtime: Runtime) -> Check:
    """Customers look for a website, with its privacy policy, and a way to write. Advice: messages leave without it."""
    profile = runtime.platform.business_profile(runtime.settings.whatsapp.phone_number_id or "")
    told = {"website": profile.websites, "e-mail": profile.email, "description": profile.description}
    missing = ", ".join(name for name, value in told.items() if not value)
    detail = f"to be added: {missing}" if missing else ", ".join(profile.websites)
    return _line("R9.profile", "business profile", "partly" if missing else "complete", "complete", True, detail)


def _line(check_id: str, name: str, value: str, standard: str, ok: bool, detail: str = "") -> Check:
    return Check(check_id, name, value or "unknown", standard=standard, ok=ok, detail=detail)
