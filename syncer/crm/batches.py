"""Many records at once: in parts of what one request may hold, and each with its own fate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from syncer.domain.errors import Never

Item = TypeVar("Item")
Outcome = TypeVar("Outcome")


def chunks(items: Sequence[Item], size: int) -> list[Sequence[Item]]:
    """The items in parts of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]


def written(
    inputs: Mapping[str, Item],
    size: int,
    send: Callable[[Mapping[str, Item]], dict[str, Outcome]],
    refused: Callable[[Never], Outcome],
) -> dict[str, Outcome]:
    """`send` parts of the inputs, which go by our own reference. A part that is refused whole is halved until the one
    to blame stands alone. Raises what `send` does, `Never` excepted; what was written by then may be written again."""
    found: dict[str, Outcome] = {}
    for part in chunks(list(inputs), size):
        found |= _halved({ref: inputs[ref] for ref in part}, send, refused)
    return found


def _halved(
    inputs: Mapping[str, Item],
    send: Callable[[Mapping[str, Item]], dict[str, Outcome]],
    refused: Callable[[Never], Outcome],
) -> dict[str, Outcome]:
    try:
        return send(inputs)
    except Never as error:
        if len(inputs) == 1:
            return dict.fromkeys(inputs, refused(error))
    refs = list(inputs)
    first, second = refs[: len(refs) // 2], refs[len(refs) // 2 :]
    return _halved({ref: inputs[ref] for ref in first}, send, refused) | _halved(
        {ref: inputs[ref] for ref in second}, send, refused
    )
