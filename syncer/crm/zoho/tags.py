"""Zoho's own tags: added and taken away by calls of their own, one for all records that get the same labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from config.contact_fields import FieldMap
from syncer.crm.batches import chunks
from syncer.crm.side_by_side import all_of
from syncer.crm.spelling import writer
from syncer.crm.zoho import errors
from syncer.crm.zoho.call import Api
from syncer.crm.zoho.mapping import TAG
from syncer.crm.zoho.rows import plain
from syncer.crm.zoho.writing import outcome
from syncer.domain.errors import DeliveryError, Never
from syncer.domain.text import storable

#: Records of one call, and characters of one tag.
_RECORDS, _LONGEST = 500, 25


@dataclass(frozen=True, slots=True)
class TagChange:
    """The labels that a record is to have more, and those it is to have no more."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


def change(line: FieldMap, region: str, value: Sequence[str] | None, row: Mapping[str, Any]) -> TagChange:
    """What is missing of the tags of a person; None takes all away. Tags that people gave stay."""
    there = [str(label) for label in plain(row.get(TAG)) or ()]
    if value is None:
        return TagChange(remove=tuple(there))
    wanted = writer(line, region, list)([storable(label)[:_LONGEST] for label in value], there) or ()
    return TagChange(add=tuple(label for label in wanted if label not in there))


def write_tags(api: Api, module: str, changes: Mapping[str, TagChange]) -> dict[str, DeliveryError]:
    """Make the changes, by record; returns those that were refused. Raises `TryAgain`, `TryLater`,
    `FixCredentials`."""
    calls = []
    for verb in ("add", "remove"):
        together: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for crm_id, one in changes.items():
            if labels := getattr(one, verb):
                together[labels].append(crm_id)
        for labels, ids in together.items():
            for part in chunks(ids, _RECORDS):
                calls.append(partial(_tagged, api, f"{module}/actions/{verb}_tags", labels, part))
    return {crm_id: error for failed in all_of(calls) for crm_id, error in failed.items()}


def _tagged(api: Api, path: str, labels: Sequence[str], ids: Sequence[str]) -> dict[str, DeliveryError]:
    try:
        told = api.batch("POST", path, {"tags": [{"name": label} for label in labels], "ids": list(ids)})
    except Never as error:
        return dict.fromkeys(ids, error)
    padded = [*told, *([{}] * (len(ids) - len(told)))]
    fates = {
        crm_id: outcome(item).error if item else errors.VENDOR.silence()
        for crm_id, item in zip(ids, padded, strict=False)
    }
    return {crm_id: error for crm_id, error in fates.items() if error is not None}
