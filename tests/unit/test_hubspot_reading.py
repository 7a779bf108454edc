"""How HubSpot is asked: its list by cursor, its search by windows, single records by id."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
import responses

from syncer.crm.hubspot.call import Api
from syncer.crm.hubspot.pace import HubSpotPace
from syncer.crm.hubspot.reading import OVERLAP, Reader
from syncer.crm.hubspot.rows import Rows
from syncer.domain.errors import DeliveryError, FixCredentials, OverQuota, TryAgain, TryLater
from syncer.http import HttpClient
from syncer.throttle.quota_memory import MemoryQuota
from tests.contract.hubspot_rooms import MAPPING
from tests.fakes.clock import FakeClock

URL = "https://api.hubapi.com/crm/objects/2026-09/contacts"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def reader(slept: list[float]) -> Reader:
    pace = HubSpotPace(sleep=slept.append)
    api = Api(HttpClient(), base_url="https://api.hubapi.com", version="2026-09", access_token=lambda: "t-1", pace=pace)
    return Reader(api, "contacts", Rows(MAPPING.contacts.to_contact, "TW"))


def row(number: int, at: datetime = NOON, **properties: Any) -> dict[str, Any]:
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"id": str(number), "properties": {"hs_object_id": str(number), "lastmodifieddate": stamp} | properties}


def listing(rows: list[dict[str, Any]], after: str | None = None) -> dict[str, Any]:
    return {"results": rows} | ({"paging": {"next": {"after": after, "link": "x"}}} if after else {})


def read(reader: Reader, cursor: str | None = None, size: int = 1000, **how: Any) -> list[str]:
    pages = reader.pages(cursor, size, how.get("changed_since"))
    return [found.crm_id for page in pages for found in page.rows]


def asked(http: responses.RequestsMock) -> list[dict[str, Any]]:
    return [json.loads(call.request.body or b"{}") for call in http.calls]


def test_a_page_is_made_of_as_many_answers_as_it_takes(reader: Reader, http: responses.RequestsMock) -> None:
    http.get(URL, json=listing([row(number) for number in range(1, 101)], "100"))
    http.get(URL, json=listing([row(number) for number in range(101, 151)], "150"))
    http.get(URL, json=listing([row(151)]))
    first, second = reader.pages(None, 150, None)
    assert (len(first.rows), first.cursor) == (150, "150")
    assert ([found.crm_id for found in second.rows], second.cursor) == (["151"], None)
    queries = [call.request.params for call in http.calls]
    assert [(query["limit"], query.get("after")) for query in queries] == [("100", None), ("50", "100"), ("100", "150")]
    assert "lastmodifieddate" in queries[0]["properties"]
    assert http.calls[0].request.headers["Authorization"] == "Bearer t-1"


def test_what_was_read_before_a_failure_is_handed_on_with_its_cursor(
    reader: Reader, http: responses.RequestsMock
) -> None:
    http.get(URL, json=listing([row(1)], "1"))
    http.get(URL, status=429, json={"status": "error", "policyName": "TEN_SECONDLY_ROLLING"})
    pages = reader.pages(None, 1000, None)
    assert next(pages).cursor == "1"
    with pytest.raises(TryLater):
        next(pages)


def test_a_touched_row_has_the_digest_it_had(reader: Reader, http: responses.RequestsMock) -> None:
    later = NOON + timedelta(hours=1)
    for answer in ([row(1, city="甲")], [row(1, later, city="甲")], [row(1, later, city="乙")]):
        http.get(URL, body=json.dumps(listing(answer), separators=(",", ":")))
    before, touched, changed = (next(reader.pages(None, 100, None)).rows[0].digest for _ in range(3))
    assert before == touched
    assert changed != before


def test_a_value_that_looks_like_the_stamp_counts(reader: Reader, http: responses.RequestsMock) -> None:
    values = ['"lastmodifieddate":"1"', '"lastmodifieddate":"2"', "lastmodifieddate"]
    for value in values:
        http.get(URL, body=json.dumps(listing([row(1, city=value)]), separators=(",", ":")))
    assert len({next(reader.pages(None, 100, None)).rows[0].digest for _ in values}) == 3


def test_half_a_surrogate_pair_is_read_as_far_as_it_goes(reader: Reader, http: responses.RequestsMock) -> None:
    http.get(URL, body=b'{"results":[{"id":"1","properties":{"typed_name":"\\ud83d \xe7\x8e\x8b","phone":null}}]}')
    rows = next(reader.pages(None, 100, None)).rows
    [told] = reader.rows.translated(rows)
    assert told.fields["full_name"] == "\ufffd 王"


class Index:
    """A search over (stamp, id), as strict as HubSpot's."""

    def __init__(self, stamps: dict[int, datetime]) -> None:
        self.stamps = stamps
        self.limits: list[int] = []

    def __call__(self, request: requests.PreparedRequest) -> tuple[int, dict[str, str], str]:
        told = json.loads(request.body or "{}")
        assert "after" not in told
        assert len(request.body or "") <= 3000
        self.limits.append(told["limit"])
        [group] = told["filterGroups"]
        found = [(at, number) for number, at in self.stamps.items() if self._fits(group["filters"], at, number)]
        by_id = told["sorts"][0]["propertyName"] == "hs_object_id"
        found.sort(key=lambda pair: (pair[1],) if by_id else (pair[0], -pair[1]))
        rows = [row(number, at) for at, number in found[: told["limit"]]]
        return 200, {}, json.dumps({"total": len(found), **listing(rows)})

    def _fits(self, filters: list[dict[str, str]], at: datetime, number: int) -> bool:
        compare: dict[str, Callable[[int, int], bool]] = {
            "GTE": int.__ge__,
            "LTE": int.__le__,
            "GT": int.__gt__,
        }
        values = {"lastmodifieddate": round(at.timestamp() * 1000), "hs_object_id": number}
        return all(compare[one["operator"]](values[one["propertyName"]], int(one["value"])) for one in filters)


@pytest.mark.parametrize("size", [1, 7, 100, 200, 1000])
@pytest.mark.parametrize("alike", [1, 3, 199, 200, 201, 650])
def test_changes_are_read_once_each_however_many_share_a_moment(
    reader: Reader, http: responses.RequestsMock, size: int, alike: int
) -> None:
    if size < 100 and alike > 3:
        alike = alike // 20
    stamps = {number: NOON + timedelta(milliseconds=number // alike) for number in range(1, 700 if size > 7 else 40)}
    http.add_callback("POST", f"{URL}/search", callback=Index(stamps))
    found = read(reader, size=size, changed_since=NOON)
    assert sorted(map(int, found)) == sorted(stamps)


def test_reading_changes_goes_on_where_any_cursor_points(reader: Reader, http: responses.RequestsMock) -> None:
    stamps = {number: NOON + timedelta(milliseconds=number // 300) for number in range(1, 900)}
    http.add_callback("POST", f"{URL}/search", callback=Index(stamps))
    cursor, found, pages = None, [], 0
    while cursor or not pages:
        page = next(reader.pages(cursor, 150, NOON))
        found += [one.crm_id for one in page.rows]
        cursor, pages = page.cursor, pages + 1
    assert sorted(map(int, found)) == sorted(stamps)


def test_the_index_lags_so_changes_are_looked_for_from_before(reader: Reader, http: responses.RequestsMock) -> None:
    http.post(f"{URL}/search", json={"total": 0, "results": []})
    read(reader, changed_since=NOON)
    [body] = asked(http)
    [condition] = body["filterGroups"][0]["filters"]
    assert int(condition["value"]) == round((NOON - OVERLAP).timestamp() * 1000)
    assert body["limit"] == 200


def test_a_full_second_of_searches_is_waited_out_once(
    reader: Reader, http: responses.RequestsMock, slept: list[float]
) -> None:
    full = {"status": "error", "errorType": "RATE_LIMIT", "policyName": "SECONDLY"}
    http.post(f"{URL}/search", status=429, json=full)
    http.post(f"{URL}/search", json={"total": 1, "results": [row(1)]})
    assert read(reader, changed_since=NOON) == ["1"]
    assert slept == [1.0]
    http.reset()
    http.post(f"{URL}/search", status=429, json=full)
    with pytest.raises(TryLater):
        read(reader, changed_since=NOON)


def test_what_became_of_records_is_told_by_hubspots_own_word(reader: Reader, http: responses.RequestsMock) -> None:
    lost = {"category": "OBJECT_NOT_FOUND", "message": "m", "context": {"ids": ["2"]}}
    http.post(f"{URL}/batch/read", status=207, json={"results": [row(1), row(9)], "errors": [lost]})
    http.get(f"{URL}/3", json=row(9))
    http.get(f"{URL}/4", status=404, json={"category": "OBJECT_NOT_FOUND", "message": "m"})
    fates = reader.look_up(["4", "3", "2", "1", "no id"])
    assert [(fate.crm_id, fate.row is not None, fate.into) for fate in fates] == [
        ("4", False, None),
        ("3", False, "9"),
        ("2", False, None),
        ("1", True, None),
        ("no id", False, None),
    ]


def test_nobody_is_gone_because_an_answer_was_cut_short(reader: Reader, http: responses.RequestsMock) -> None:
    http.post(f"{URL}/batch/read", json={"results": []})
    http.get(f"{URL}/3", status=500, json={"category": "INTERNAL_ERROR"})
    with pytest.raises(TryAgain):
        reader.look_up(["3"])


@pytest.mark.parametrize(
    ("status", "told", "kind"),
    [
        (400, '{"category":"VALIDATION_ERROR","message":"no such property"}', FixCredentials),
        (401, '{"category":"EXPIRED_AUTHENTICATION"}', FixCredentials),
        (200, "<html>Log in</html>", FixCredentials),
        (200, "<html>oops</html>", TryLater),
        (200, '{"results":[{"id":"1","properties":{"pho', TryAgain),
        (200, '{"data":[]}', TryAgain),
        (200, '{"results":null}', TryAgain),
    ],
)
def test_a_page_that_is_none_is_never_an_empty_one(
    reader: Reader, http: responses.RequestsMock, status: int, told: str, kind: type[DeliveryError]
) -> None:
    http.get(URL, status=status, body=told)
    http.post(f"{URL}/search", status=status, body=told)
    with pytest.raises(kind):
        read(reader)
    with pytest.raises(kind):
        read(reader, changed_since=NOON)


def test_reading_in_bulk_rests_where_looking_up_goes_on(http: responses.RequestsMock, clock: FakeClock) -> None:
    quota = MemoryQuota({}, clock)
    told = {"base_url": "https://api.hubapi.com", "version": "2026-09", "access_token": lambda: "t-1"}
    reader = Reader(
        Api(HttpClient(), **told, pace=HubSpotPace(quota)), "contacts", Rows(MAPPING.contacts.to_contact, "TW")
    )
    http.post(f"{URL}/batch/read", json={"status": "COMPLETE", "results": [row(1)]})
    for name in ("hubspot", "hubspot.search"):
        quota.slow_down(name, 60, bulk=True)
    with pytest.raises(OverQuota):
        read(reader)
    with pytest.raises(OverQuota):
        read(reader, changed_since=NOON)
    assert [fate.row is not None for fate in reader.look_up(["1"])] == [True]
