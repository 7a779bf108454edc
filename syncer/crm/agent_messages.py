"""Messages that a company's people write in a CRM to be sent (R22): the words of their status, and what taking changes.

They are the same for every vendor whose record of a message is also the place where one is written: a record that says
`to_send` and carries no reference of ours is to be sent, and nothing else is. Taking it gives it our reference, by
which it is known from then on as the message it became.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from syncer.crm.message_changes import difference
from syncer.domain.crm_record import TakenReply, WriteResult
from syncer.domain.errors import Never
from syncer.domain.status import Status

#: The status of a message that is to leave, as a person says it.
TO_SEND = "to_send"
#: The status of one that the engine has taken and WhatsApp has not accepted yet.
QUEUED = "queued"
#: The direction in which nobody sends; empty is taken for `out`, since the status says it clearly enough.
INBOUND = "in"
#: Most that are listed at once.
MOST = 200

Values = Mapping[str, Any]
"""What a record says, by the names of `CrmMessage`; fields that the CRM does not keep are absent."""


@dataclass(frozen=True, slots=True)
class Taking:
    """A batch held against the records as they are: what to write, by record id, and what is refused, by place."""

    changes: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: dict[int, WriteResult] = field(default_factory=dict)

    def results(self, taken: Sequence[TakenReply], errors: Mapping[str, Exception | None]) -> list[WriteResult]:
        """In the order of the batch; `errors` are those of the records that were written."""
        return [
            self.refused.get(place) or WriteResult(one.ref, one.record_id, errors.get(one.record_id))
            for place, one in enumerate(taken)
        ]


def waits(status: object, ref: object, direction: object) -> bool:
    """Whether a record is a message to be sent that nobody has taken."""
    return plain(status) == TO_SEND and not ref and plain(direction) != INBOUND


def words_of_status() -> tuple[str, ...]:
    """All words that a message's status may ever be: a list that lacks one refuses the record that needs it."""
    return (TO_SEND, QUEUED, *(status.value for status in Status))


def plain(word: object) -> str:
    """A word of a list as it is compared, whoever typed it."""
    return str(word or "").strip().casefold()


def taking(
    taken: Sequence[TakenReply], known: Mapping[str, Values], gone: str, key: Callable[[str], str] = str
) -> Taking:
    """What of the records changes; `known` are those that are there, by record id, `key` a reference as the CRM keeps
    it, `gone` the vendor's code for a record that is not there. Of two words on a record the later counts."""
    found = Taking()
    for place, one in enumerate(taken):
        there = known.get(one.record_id)
        if there is None:
            error = Never(f"the record {one.record_id} is not there any more", code=gone)
            found.refused[place] = WriteResult(one.ref, error=error, gone=True)
            continue
        there = {**there, **found.changes.get(one.record_id, {})}
        try:
            changes = _changes(there, key(one.ref), one.error)
        except Never as error:
            found.refused[place] = WriteResult(one.ref, one.record_id, error)
            continue
        if changes:
            found.changes.setdefault(one.record_id, {}).update(changes)
    return found


def _changes(known: Values, ref: str, error: str | None) -> dict[str, Any]:
    """Raises `Never` where the record is another message already."""
    there = known.get("ref") or None
    if there not in (None, ref):
        raise Never(f"the record is the message {there} already", code="taken")
    changes = {} if there else {"ref": ref}
    if error is not None:
        # What has climbed further is not taken back.
        told = {name: known[name] for name in ("status", "error") if name in known}
        return changes | difference(told, {"status": Status.FAILED.value, "error": error})
    if "status" in known and (not there or plain(known["status"]) == TO_SEND):
        changes["status"] = QUEUED
    return changes
