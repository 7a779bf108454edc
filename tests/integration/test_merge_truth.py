"""On a table of which the truth is known: whoever is the same is merged, nobody else is, and unmerging everything ends
where a sync would that merges nobody (R5)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from syncer.domain.consent import Tier
from syncer.domain.contact import SourceRecord
from syncer.flows.contacts.merging import Merging
from syncer.policies import consent_import
from syncer.policies.merging import golden
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.integration import merge_truth
from tests.integration.contact_desk import Desk, open_desk
from tests.integration.merge_truth import Company

ROWS = 5_000
SAID = ("full_name", "phone", "phone_problem", "email", "language", "tags", "attributes", "blocked")


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[Desk]:
    with open_desk(store, clock) as desk:
        desk.flow = replace(desk.flow, page_size=500, shared_above=20, by_email=True)
        yield desk


def homes(desk: Desk) -> dict[tuple[str, str], int]:
    return {(row.crm, row.crm_id): row.contact_id for row in desk.rows("select * from contact_sources")}


def people(desk: Desk) -> set[frozenset[tuple[str, str]]]:
    found: dict[int, set[tuple[str, str]]] = {}
    for key, contact_id in homes(desk).items():
        found.setdefault(contact_id, set()).add(key)
    return {frozenset(keys) for keys in found.values()}


def pairs(groups: set[frozenset[tuple[str, str]]]) -> set[tuple[tuple[str, str], tuple[str, str]]]:
    return {(one, other) for group in groups for one in group for other in group if one < other}


def records(company: Company) -> dict[tuple[str, str], SourceRecord]:
    found = {}
    for name, crm in company.crms.items():
        for page in crm.pages(None, page_size=1000):
            found |= {(name, record.crm_id): record for record in crm.translate(page.rows)}
    return found


def unmerged(record: SourceRecord) -> dict[str, Any]:
    """What the contact of this row says when nobody else is it."""
    alone, said = golden([record]), consent_import.said([record])
    words = {tier.value: said[tier].word.value if tier in said else "unknown" for tier in Tier}
    return {name: getattr(alone, name) for name in SAID} | {"tags": list(alone.tags)} | words


def shown(desk: Desk) -> dict[tuple[str, str], dict[str, Any]]:
    rows = desk.rows("select s.crm, s.crm_id, c.* from contact_sources s join contacts c on c.id = s.contact_id")
    names = (*SAID, "transactional", "marketing")
    return {(row.crm, row.crm_id): {name: row._mapping[name] for name in names} for row in rows}


def differences(found: dict[Any, dict[str, Any]], expected: dict[Any, dict[str, Any]]) -> list[Any]:
    """The fields in which contacts differ from what their rows say."""
    return [
        (key, name, said[name], expected[key][name])
        for key, said in found.items()
        for name in said
        if said[name] != expected[key][name]
    ]


def sync(desk: Desk) -> None:
    for crm in ("sql", "hubspot"):
        desk.sync(crm=crm)


def test_whoever_is_one_is_merged_and_nobody_else_and_all_of_it_can_be_undone(desk: Desk) -> None:
    company = merge_truth.make({"sql": desk.crm, "hubspot": desk.other}, ROWS, seed=20261123)
    sync(desk)
    merged, true = pairs(people(desk)), pairs(company.people)
    assert merged - true == set(), "wrong merges"
    assert true - merged == set(), "duplicates that were not found"
    assert len(true) > ROWS / 5

    merging = Merging(desk.store, (), desk.clock, RecordingJobs(), by_email=True)
    for contact_id in sorted({row.contact_id for row in desk.rows("select distinct contact_id from merges")}):
        merging.unmerge_all(contact_id, "alice")
    expected = {key: unmerged(record) for key, record in records(company).items()}
    # A number in too many rows is nobody's, whether it was merged by or not.
    carried = desk.rows("select crm, crm_id from contact_sources where phone_problem = 'shared'")
    expected |= {tuple(key): expected[tuple(key)] | {"phone": None, "phone_problem": "shared"} for key in carried}
    assert len(set(homes(desk).values())) == len(company.truth)
    found = shown(desk)
    assert {key: said for key, said in found.items() if said != expected[key]} == {}, differences(found, expected)

    with desk.store.begin() as tx:
        tx.execute(text("update contact_sources set digest = 'read anew'::bytea"))
    before = homes(desk)
    sync(desk)
    assert homes(desk) == before
    assert shown(desk) == expected
