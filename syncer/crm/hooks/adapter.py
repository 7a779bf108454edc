"""Deliveries to subscribers: one signed POST each, to a vetted address, without redirects."""

from __future__ import annotations

import time
from dataclasses import dataclass

from syncer.crm.hooks import signature
from syncer.crm.hooks.errors import GONE, error_of
from syncer.crm.hooks.targets import Targets
from syncer.domain.errors import DeliveryError, Never, Refused
from syncer.domain.hook import HookAnswer, HookCall
from syncer.http import HttpClient
from syncer.ports import Clock

#: Bytes that are read of an answer. Nothing is done with them; a short answer leaves the connection open for the next.
_KEPT = 4096


@dataclass(frozen=True)
class HookPoster:
    """The port `HookCaller`. `http` has the deadline for one delivery."""

    http: HttpClient
    targets: Targets
    clock: Clock

    def check(self, url: str) -> None:
        """Raises `Refused` unless deliveries may go there."""
        self.targets.check(url)

    def call(self, call: HookCall) -> HookAnswer:
        """Deliver. Never raises."""
        started = time.monotonic()
        try:
            answer = self.http.post_to_stranger(
                call.target_url,
                call.body,
                headers=signature.headers(call, self.clock.now()),
                admits=self.targets.door(call.target_url),
                keep=_KEPT,
            )
        except Refused as error:
            return HookAnswer(None, time.monotonic() - started, Never(str(error), code="target"))
        except DeliveryError as error:
            return HookAnswer(None, time.monotonic() - started, error)
        said = error_of(answer.status, answer.headers)
        return HookAnswer(answer.status, time.monotonic() - started, said, gone=answer.status == GONE)
