"""The simulated WhatsApp platform, as a play uses it: customers speak through its control API, and its own log is the
witness of what was really sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from syncer.acceptance.control_api import ControlApi


class SimulatedPlatform(ControlApi):
    """A simulator that listens at `url`. Every call raises `Unreachable` when nobody answers there, `ValueError` when
    the simulator refuses the request."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "the simulated platform")

    def play(self, messages: Sequence[Mapping[str, Any]], rate: float) -> list[str]:
        """Let customers say these, `rate` per second from now on; returns the wamids in their order at once."""
        answer = self.call("POST", "inbound", {"messages": list(messages), "rate": rate})
        return [str(wamid) for wamid in answer["ids"]]

    def mark(self, customers: Sequence[Mapping[str, Any]]) -> None:
        """Say what is special about customers (`dead`, `hides_phone`, `opted_out` ...)."""
        self.call("POST", "customers", {"customers": list(customers)})

    def sends(self) -> list[dict[str, Any]]:
        """Every message it has accepted from us, with its statuses' times."""
        accepted: list[dict[str, Any]] = self.call("GET", "log/sends")["accepted"]
        return accepted

    def deliveries(self) -> list[dict[str, Any]]:
        """Every webhook request that it made, with our answer's time."""
        attempts: list[dict[str, Any]] = self.call("GET", "log/callbacks")["attempts"]
        return attempts

    def said(self) -> dict[str, dict[str, Any]]:
        """Every customer's message by wamid."""
        return {row["wamid"]: row for row in self.call("GET", "log/inbound")["messages"]}

    def quiet(self) -> bool:
        """Whether everything that it has to tell has been told, and nothing more is to come by itself."""
        backlog = self.call("GET", "stats?recipients=0")["backlog"]
        return not any(backlog.values())
