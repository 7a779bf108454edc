"""The in-memory CRM that the flows are tested with behaves as the real ones do."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

import pytest

from syncer.domain.errors import Never, TryAgain
from tests.contract.crm_suite import NOON, CrmSuite, MergingSuite, message
from tests.fakes.crm import FakeCRM


class MemoryRoom:
    """The insides of a `FakeCRM`."""

    holds_nul = True
    reply_fields = frozenset({"phone", "template", "language", "reply_to", "author"})
    replies_are_messages = True

    def __init__(self) -> None:
        self.crm = FakeCRM()
        self._finished: set[str] = set()

    def add(self, changed_at: datetime = NOON, **fields: Any) -> str:
        return self.crm.add(changed_at, **fields)

    def change(self, crm_id: str, changed_at: datetime = NOON, **fields: Any) -> None:
        self.crm.contacts[crm_id] |= {"updated_at": changed_at, **fields}

    def remove(self, crm_id: str) -> None:
        del self.crm.contacts[crm_id]

    def merge(self, crm_id: str, into: str) -> None:
        self.crm.merge(crm_id, into)

    def contact(self, crm_id: str) -> dict[str, Any]:
        return self.crm.contacts[crm_id]

    def contact_ids(self) -> list[str]:
        return list(self.crm.contacts)

    def messages(self) -> list[dict[str, Any]]:
        return [asdict(message) for message in self.crm.messages.values()]

    def tasks(self) -> list[dict[str, Any]]:
        return [asdict(task) | {"status": task.ref in self._finished} for task in self.crm.tasks.values()]

    def finish_task(self, ref: str) -> None:
        self._finished.add(ref)

    def write_reply(self, body: str, **more: Any) -> str:
        return self.crm.write_reply(body, **more)

    def log_message(self, crm_id: str, body: str) -> str:
        return self.crm.log_message(crm_id, body)

    def reply(self, record_id: str) -> dict[str, Any]:
        typed = self.crm.typed[record_id]
        kept = self.crm.messages.get(typed.ref or "")
        return {"ref": typed.ref, "status": kept and kept.status, "error": kept and kept.error}


class TestFakeCrm(CrmSuite, MergingSuite):
    @pytest.fixture
    def room(self) -> MemoryRoom:
        return MemoryRoom()


def test_it_fails_as_a_whole_when_told_to() -> None:
    crm = FakeCRM()

    def away(method: str) -> None:
        raise TryAgain(f"{method}: connection refused")

    crm.on_call = away
    with pytest.raises(TryAgain, match="write_messages"):
        crm.write_messages([message(None)])
    assert crm.messages == {}
    assert crm.calls == [("write_messages", 1)]


def test_it_refuses_single_items_when_told_to() -> None:
    crm = FakeCRM()
    crm.refuses.add("in-2")
    results = crm.write_messages([message(None, "in-1"), message(None, "in-2")])
    assert [type(result.error) for result in results] == [type(None), Never]
    assert list(crm.messages) == ["in-1"]
