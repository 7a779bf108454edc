"""Every vendor's adapter on a bad day, as far as the day is the same for all of them.

What only one vendor does stands in `test_hubspot_troubles`, `test_salesforce_troubles`, `test_zoho_troubles`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from config.errors import ConfigurationError
from config.object_mapping import ObjectMapping
from syncer.domain.crm_record import CrmContact
from syncer.domain.errors import DeliveryError, TryAgain, TryLater
from syncer.ports import CRM
from tests.contract.simulated import Simulated
from tests.integration.crm_vendors import VENDORS, Vendor, message

COUNT = 450
Place = tuple[Vendor, Any, CRM]


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.name)
def place_with(request: pytest.FixtureRequest) -> Iterator[Callable[..., Place]]:
    running: list[tuple[Simulated, CRM]] = []

    def begin(mapping: ObjectMapping | None = None, **config: Any) -> Place:
        site = request.param.begin(**config)
        crm = request.param.adapter(site.url, mapping or request.param.mapping)
        running.append((site, crm))
        return request.param, site, crm

    yield begin
    for site, crm in running:
        crm.close()
        site.close()


@pytest.fixture
def place(place_with: Callable[..., Place]) -> Place:
    return place_with(contacts=COUNT)


def read(crm: CRM, cursor: str | None = None) -> list[str]:
    return [row.crm_id for page in crm.pages(cursor, page_size=200) for row in page.rows]


def everyone(vendor: Vendor) -> list[str]:
    return [vendor.contact(number) for number in range(COUNT)]


@pytest.mark.parametrize(
    ("kind", "how", "error"),
    [
        ("rate_limit", {}, TryLater),
        ("server_error", {"status": 500}, TryAgain),
        ("server_error", {"status": 503}, TryAgain),
        ("wrong_json", {"body": "html"}, TryLater),
        ("wrong_json", {"body": "truncated"}, TryAgain),
        ("wrong_json", {"body": "empty"}, TryAgain),
        ("wrong_shape", {"answer": []}, TryAgain),
        ("half_answer", {}, TryAgain),
        ("cut", {}, TryAgain),
    ],
)
def test_a_page_that_fails_is_read_again_from_its_cursor(
    place: Place, kind: str, how: dict[str, Any], error: type[DeliveryError]
) -> None:
    vendor, site, crm = place
    pages = crm.pages(None, page_size=200)
    first = next(pages)
    site.fault(vendor.listing, kind, **how)
    with pytest.raises(error):
        next(pages)
    site.heal()
    assert [row.crm_id for row in first.rows] + read(crm, first.cursor) == everyone(vendor)


def test_a_page_that_the_vendor_refuses_in_its_own_words_is_read_again(place: Place) -> None:
    vendor, site, crm = place
    for kind, how, error in vendor.refusals:
        pages = crm.pages(None, page_size=200)
        first = next(pages)
        site.fault(vendor.listing, kind, **how)
        with pytest.raises(error):
            next(pages)
        site.heal()
        assert [row.crm_id for row in first.rows] + read(crm, first.cursor) == everyone(vendor)


def test_a_record_that_nobody_can_read_costs_itself_alone(place: Place) -> None:
    vendor, site, crm = place
    poisoned = vendor.contact(255)
    vendor.poison(site, [255])
    pages = list(crm.pages(None, page_size=200))
    [lost] = [page.lost for page in pages if page.lost]
    assert poisoned in lost
    found = [row.crm_id for page in pages for row in page.rows]
    assert found == [one for one in everyone(vendor) if one != poisoned]
    assert sum(site.requests().values()) < 50


def test_a_list_that_fails_everywhere_loses_nobody(place: Place) -> None:
    vendor, site, crm = place
    site.fault(vendor.listing, "server_error")
    with pytest.raises(TryAgain):
        read(crm)
    site.heal()
    assert read(crm) == everyone(vendor)


def test_a_misspelled_field_is_told_before_anything_is_read(place_with: Callable[..., Place]) -> None:
    vendor, _, _ = place_with()
    right, wrong = vendor.phone
    told = vendor.mapping.model_dump()
    told["contacts"]["fields"] = [
        {**line, "crm": wrong} if line["crm"] == right else line for line in told["contacts"]["fields"]
    ]
    _, site, crm = place_with(mapping=ObjectMapping.model_validate(told), contacts=3)
    with pytest.raises(ConfigurationError, match=f"did you mean '{right}'"):
        read(crm)
    with pytest.raises(ConfigurationError, match=rf"mappings/{vendor.name}\.toml"):
        crm.prepare()
    assert {vendor.listing, f"{vendor.listing}.list"}.isdisjoint(site.requests())
    fits = f"mapping fits the {vendor.account}"
    assert [check.ok for check in crm.check() if check.name == fits] == [False]


def test_a_vendor_that_does_not_answer_keeps_nobody_from_starting(place: Place) -> None:
    _, site, crm = place
    site.fault("*", "server_error", status=503)
    crm.prepare()
    assert [check.ok for check in crm.check()] == [False]
    site.heal()
    assert all(check.ok for check in crm.check())


def test_the_shipped_mapping_writes_what_it_reads(place: Place) -> None:
    vendor, site, crm = place
    given: dict[str, Any] = {"full_name": "王小明", "phone": "+886987654321", "email": "wang@example.com"}
    given |= {"tags": ["VIP", "老客戶"], "marketing_consent": True, "transactional_consent": False, "blocked": True}
    given |= {"language": "zh_TW", "birthday": "1991-03-09", "lifecycle_stage": "customer"}
    [result] = crm.write_contacts([CrmContact("contact-1", None, given)])
    assert result.error is None
    [fate] = crm.look_up([result.crm_id or ""])
    assert fate.row is not None
    told = crm.translate([fate.row])[0].fields
    assert {name: told.get(name) for name in given} == given
    [again] = crm.write_contacts([CrmContact("contact-1", result.crm_id, given | {"city": "台北市"})])
    assert again.error is None
    seen = str(site.told("GET", f"{vendor.records}/{result.crm_id}"))
    assert "台北市" in seen
    assert "wa-886987654321" in seen


def test_a_message_known_late_to_be_somebodys_is_tied_to_them(place: Place) -> None:
    vendor, site, crm = place
    assert crm.write_messages([message("in-1")])[0].error is None
    assert crm.write_messages([message("in-1", vendor.contact(0))])[0].error is None
    assert vendor.linked(site) == [[vendor.contact(0)]]


def test_a_write_whose_answer_is_lost_is_written_once(place: Place) -> None:
    vendor, site, crm = place
    crm.write_messages([message("in-0")])
    site.fault(vendor.creating, "cut", moment="after_accept", count=1)
    with pytest.raises(TryAgain):
        crm.write_messages([message("in-1"), message("in-2")])
    assert not [result for result in crm.write_messages([message("in-1"), message("in-2")]) if result.error]
    assert sorted(vendor.refs(site)) == ["in-0", "in-1", "in-2"]
