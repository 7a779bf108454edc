"""Registration of a business number (R11): a code by SMS, by voice where that fails, then into service with the PIN.

Nothing is read or printed here: a `Person` is asked, so that the same steps serve a terminal, a script and a test.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from syncer.domain.errors import (
    DeliveryError,
    Never,
    OutcomeUnknown,
    Refused,
    SyncerError,
    TryAgain,
    TryLater,
)
from syncer.domain.number import NumberState
from syncer.ports import Clock, Numbers

SMS, VOICE = "SMS", "VOICE"
BEFORE = "before"
#: R11: how long there is to enter a code.
CODE_LIFE = timedelta(seconds=60)
#: How often a code may be mistyped before another one is asked for.
CODE_TRIES = 3

_ALREADY_VERIFIED, _NOT_VERIFIED = "136024", "133006"
#: What the refusal of a PIN means to the person who typed it (error-codes page). Those of the second group pass.
_WRONG = {"133005": "the two-step PIN is wrong; WhatsApp Manager, Phone numbers, Two-step verification can change it"}
_NOT_NOW = {
    "133008": "too many wrong PINs; the platform takes none for a while, its answer says for how long",
    "133009": "the PIN came too soon after the last one; try again in some minutes",
    "133015": "the number was deleted a moment ago; try again in 5 minutes",
    "133016": "more than 10 registrations in 72 hours; each further try fails until 72 hours have passed",
}


class NotRegistered(SyncerError):
    """The number is not in service; the text says what is in the way."""


class Person(Protocol):
    """Whoever has the telephone and the PIN."""

    def pin(self) -> str:
        """The six-digit two-step PIN; where the number has none yet, this one becomes it."""

    def code(self, method: str, seconds: float) -> str | None:
        """The code that the platform sends by `method`; None when it was not entered within `seconds`."""

    def told(self, text: str) -> None:
        """News, as it comes."""


@dataclass(frozen=True, slots=True)
class Registered:
    """How it ended. `verified_by` is SMS, VOICE, `code` (given in advance) or `before`; `fresh` is false where the
    number was in service already."""

    state: NumberState
    verified_by: str
    fresh: bool


@dataclass(frozen=True)
class Registration:
    """Puts numbers into service."""

    platform: Numbers
    clock: Clock
    person: Person

    def run(self, number: str, *, method: str = SMS, language: str = "en_US", code: str | None = None) -> Registered:
        """Verify and register a number, `method` first and the other one where that fails. `code` was asked for
        earlier: no other is then requested.

        Raises `NotRegistered` when a step did not succeed, `Refused` when the platform takes no more tries for now,
        `TryAgain`, `TryLater` and `FixCredentials` as the platform does.
        """
        before = self.platform.phone_number(number)
        verified = before.code_verification_status == "VERIFIED"
        if verified and before.status == "CONNECTED":
            return Registered(before, BEFORE, fresh=False)
        pin = _clean(self.person.pin(), "PIN")
        verified_by = BEFORE if verified and not code else self._verify(number, method, language, code)
        self._register(number, pin, method, language)
        return Registered(self.platform.phone_number(number), verified_by, fresh=True)

    def _verify(self, number: str, method: str, language: str, code: str | None = None) -> str:
        if code is not None:
            if not self._accepted(number, _clean(code, "code")):
                raise NotRegistered("the code was not accepted; without --code another one is sent")
            return "code"
        for attempt in _both(method):
            if verified_by := self._by(number, attempt, language):
                return verified_by
        raise NotRegistered("neither the SMS nor the voice call brought a code that was accepted in time")

    def _by(self, number: str, method: str, language: str) -> str | None:
        """One code, and at most `CODE_TRIES` answers to it within its life; how the number is verified then."""
        try:
            self.platform.request_code(number, method, language)
        except OutcomeUnknown:
            self.person.told(f"the platform did not say whether it sends a code by {method}; it may still come")
        except (TryAgain, TryLater, Never) as refusal:
            if refusal.code == _ALREADY_VERIFIED:
                return BEFORE
            self.person.told(f"no code by {method}: {refusal}")
            return None
        ends = self.clock.now() + CODE_LIFE
        for _ in range(CODE_TRIES):
            left = (ends - self.clock.now()).total_seconds()
            code = self.person.code(method, left) if left > 0 else None
            if code is None:
                self.person.told(f"no code was entered within {CODE_LIFE.total_seconds():.0f} s")
                return None
            if self._accepted(number, re.sub(r"\D", "", code)):
                return method
        return None

    def _accepted(self, number: str, code: str) -> bool:
        try:
            self.platform.verify_code(number, code)
        except (Never, TryAgain) as refusal:
            self.person.told(f"not accepted: {refusal}")
            return False
        except OutcomeUnknown:
            return self.platform.phone_number(number).code_verification_status == "VERIFIED"
        return True

    def _register(self, number: str, pin: str, method: str, language: str) -> None:
        """A number whose verification has lapsed meanwhile is verified once more."""
        try:
            self._connect(number, pin)
        except DeliveryError as refusal:
            if refusal.code != _NOT_VERIFIED:
                raise
            self.person.told("the platform wants the number verified again")
            self._verify(number, method, language)
            self._connect(number, pin)

    def _connect(self, number: str, pin: str) -> None:
        try:
            self.platform.register(number, pin)
        except OutcomeUnknown as doubt:
            if self.platform.phone_number(number).status != "CONNECTED":
                raise NotRegistered(f"the platform did not say whether it registered the number: {doubt}") from doubt
        except DeliveryError as refusal:
            if refusal.code in _NOT_NOW:
                raise Refused(f"{_NOT_NOW[refusal.code]} ({refusal})") from refusal
            if refusal.code in _WRONG:
                raise NotRegistered(f"{_WRONG[refusal.code]} ({refusal})") from refusal
            raise


def _both(first: str) -> Sequence[str]:
    return (SMS, VOICE) if first == SMS else (VOICE, SMS)


def _clean(typed: str, what: str) -> str:
    """Six digits, however they were grouped. Raises `NotRegistered`, without repeating what was typed."""
    digits = re.sub(r"[\s-]", "", typed)
    if not re.fullmatch(r"\d{6}", digits, re.ASCII):
        raise NotRegistered(f"the {what} has six digits")
    return digits
