"""How a number gets into service: code by text or voice, verification, registration with a pin, deregistration.

Sources: the registering-phone-numbers and two-step-verification pages. A code is six digits; it can be read through the
control API, as a person would read it on the telephone.
"""

from __future__ import annotations

import random
import re
import time
from collections import deque
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from syncer.simulators.whatsapp.business_number import BusinessNumber, VerificationCode
from syncer.simulators.whatsapp.config import AccountRules
from syncer.simulators.whatsapp.errors import GraphError, required

if TYPE_CHECKING:
    from syncer.simulators.whatsapp.platform import Platform

_METHODS = ("SMS", "VOICE")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2,3})?$")
_PIN = re.compile(r"\d{6}$")
_CODES_KEPT = 1_000


class Codes:
    """Every verification code sent, the newest last."""

    def __init__(self, rules: AccountRules, rng: random.Random) -> None:
        self._rules, self._rng = rules, rng
        self.clear()

    def clear(self) -> None:
        """Forget them."""
        self._sent: deque[VerificationCode] = deque(maxlen=_CODES_KEPT)

    def rows(self, number_id: str | None = None) -> list[dict[str, Any]]:
        """The codes of one number, or of all."""
        return [asdict(code) for code in self._sent if number_id in (None, code.phone_number_id)]

    def send(self, number: BusinessNumber, method: str, language: str) -> VerificationCode:
        """A new code for a number, by text (SMS) or VOICE; the one before is void."""
        now = time.time()
        digits = f"{self._rng.randrange(1_000_000):06d}"
        number.code = VerificationCode(number.id, method, language, digits, now, now + self._rules.code_seconds)
        self._sent.append(number.code)
        return number.code


def request_code(platform: Platform, number: BusinessNumber, told: dict[str, Any]) -> None:
    """`POST /{PHONE_ID}/request_code`: raises 136024 for a number that is verified already."""
    method, language = str(told.get("code_method", "")).upper(), str(told.get("language", ""))
    if method not in _METHODS:
        raise GraphError(100, message="(#100) Param code_method must be one of {SMS, VOICE}.")
    if not _LANGUAGE.match(language):
        raise GraphError(100, message="(#100) Param language must be a locale such as en_US.")
    if number.code_verification_status == "VERIFIED":
        raise GraphError(136024, "You have already verified the ownership of this phone number.", subcode=2388091)
    platform.codes.send(number, method, language)
    number.code_verification_status = "NOT_VERIFIED"


def verify_code(platform: Platform, number: BusinessNumber, told: dict[str, Any]) -> None:
    """`POST /{PHONE_ID}/verify_code`: raises 136025 for a wrong, void or late code, and after too many tries."""
    given = str(told.get("code") or "").replace("-", "").strip()
    if not given:
        raise required("code")
    code = number.code
    if code is None:
        raise GraphError(136025, "No verification code was requested for this phone number.")
    if code.wrong >= platform.behaviour.account.code_tries:
        raise GraphError(136025, "Too many wrong codes. Request a new one and try again.")
    if time.time() > code.expires_at:
        raise GraphError(136025, "The verification code has expired. Request a new one.")
    if given != code.code:
        code.wrong += 1
        raise GraphError(136025, "The code you entered is incorrect. Please try again.")
    number.code, number.code_verification_status = None, "VERIFIED"


def register(platform: Platform, number: BusinessNumber, told: dict[str, Any]) -> None:
    """`POST /{PHONE_ID}/register`: puts the number into service.

    Raises 133006 for a number not verified, 133005 for a wrong pin (133008 after too many), 133016 after 10 tries in 72
    hours. Without two-step verification the pin given becomes the pin.
    """
    if told.get("messaging_product") != "whatsapp":
        raise required("messaging_product")
    pin = _pin(told)
    _count_try(platform.behaviour.account, number)
    if number.code_verification_status != "VERIFIED":
        raise GraphError(133006, "Phone number needs to be verified before registering.")
    _check_pin(platform.behaviour.account, number, pin)
    number.pin, number.status = pin, "CONNECTED"


def deregister(platform: Platform, number: BusinessNumber) -> None:
    """`POST /{PHONE_ID}/deregister`: takes the number out of service; one that the app uses too stays (100)."""
    if number.is_on_biz_app:
        raise GraphError(100, "A number that is in use with the WhatsApp Business App cannot be deregistered.")
    _count_try(platform.behaviour.account, number)
    if number.status in ("DISCONNECTED", "PENDING"):
        raise GraphError(133010, "The phone number is not registered.")
    number.status = "DISCONNECTED"


def set_pin(number: BusinessNumber, told: dict[str, Any]) -> None:
    """`POST /{PHONE_ID}` with `pin`: two-step verification is on from now on."""
    number.pin, number.wrong_pins = _pin(told), 0


def _pin(told: dict[str, Any]) -> str:
    pin = str(told.get("pin") or "")
    if not pin:
        raise required("pin")
    if not _PIN.match(pin):
        raise GraphError(100, message="(#100) Param pin must be 6 digits.")
    return pin


def _check_pin(rules: AccountRules, number: BusinessNumber, pin: str) -> None:
    if number.pin is None or pin == number.pin:
        number.wrong_pins = 0
        return
    if rules.pin_tries and number.wrong_pins >= rules.pin_tries:
        raise GraphError(133008, "Too many wrong pins. Wait before you try again.")
    number.wrong_pins += 1
    raise GraphError(133005, "The two-step verification pin is wrong.")


def _count_try(rules: AccountRules, number: BusinessNumber) -> None:
    now = time.time()
    number.registered_at = [at for at in number.registered_at if at > now - rules.register_window]
    if rules.register_tries and len(number.registered_at) >= rules.register_tries:
        raise GraphError(133016, "There were too many registration attempts for this phone number in 72 hours.")
    number.registered_at.append(now)
