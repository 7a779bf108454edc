"""How Zoho is asked: its list by page tokens, then by id where no token goes on; its changes; single records."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses

from syncer.crm.tokens import ProcessTokens
from syncer.crm.zoho.auth import Auth
from syncer.crm.zoho.call import Api
from syncer.crm.zoho.reading import Reader
from syncer.crm.zoho.rows import Rows
from syncer.domain.crm_record import RawRow
from syncer.domain.errors import DeliveryError, FixCredentials, TryAgain, TryLater
from syncer.http import HttpClient
from tests.contract.zoho_rooms import MAPPING

ACCOUNTS, API = "https://accounts.zoho.eu", "https://www.zohoapis.eu"
URL, COQL = f"{API}/crm/v8/Contacts", f"{API}/crm/v8/coql"
TOKEN = {"access_token": "t-1", "expires_in": 3600, "api_domain": API, "token_type": "Bearer"}
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def http() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mock:
        yield mock


@pytest.fixture
def reader(http: responses.RequestsMock) -> Reader:
    http.post(f"{ACCOUNTS}/oauth/v2/token", json=TOKEN)
    given = {"client_id": "c", "client_secret": "s", "refresh_token": "r"}
    # The configured address is another data centre's: what comes with the token counts.
    auth = Auth(HttpClient(), ProcessTokens(), accounts_url=ACCOUNTS, api_url="https://www.zohoapis.com", **given)
    return Reader(Api(HttpClient(), auth, version="v8"), "Contacts", Rows(MAPPING.contacts.to_contact, "TW"))


def row(number: int, stamp: str = "2026-11-23T20:00:00+08:00", **values: Any) -> dict[str, Any]:
    return {"id": str(number), "Modified_Time": stamp, **values}


def listing(numbers: range, token: str | None = None, **values: Any) -> dict[str, Any]:
    info = {"per_page": 200, "count": len(numbers), "more_records": token is not None, "next_page_token": token}
    return {"data": [row(number, **values) for number in numbers], "info": info}


def refusal(code: str, **details: Any) -> dict[str, Any]:
    return {"code": code, "details": details, "message": "m", "status": "error"}


def read(reader: Reader, cursor: str | None = None, size: int = 200, **how: Any) -> list[int]:
    pages = reader.pages(cursor, size, how.get("changed_since"))
    return [int(found.crm_id) for page in pages for found in page.rows]


def asked(http: responses.RequestsMock) -> list[dict[str, str]]:
    calls = [call.request for call in http.calls if call.request.method == "GET"]
    return [{name: one[0] for name, one in parse_qs(urlsplit(call.url or "").query).items()} for call in calls]


def queries(http: responses.RequestsMock) -> list[str]:
    return [json.loads(call.request.body or b"")["select_query"] for call in http.calls if call.request.url == COQL]


def test_pages_follow_their_tokens_and_always_name_the_fields(http: responses.RequestsMock, reader: Reader) -> None:
    http.get(URL, json=listing(range(1, 201), "n-2"))
    http.get(URL, json=listing(range(201, 251)))
    assert read(reader) == list(range(1, 251))
    first, second = asked(http)
    assert {"id", "Mobile", "Modified_Time", "Tag"} <= set(first["fields"].split(","))
    assert (first["per_page"], first["sort_by"], first["sort_order"]) == ("200", "id", "asc")
    assert "page" not in first
    assert second == {**first, "page_token": "n-2"}
    assert http.calls[1].request.headers["Authorization"] == "Zoho-oauthtoken t-1"


@pytest.mark.parametrize("code", ["EXPIRED_VALUE", "PAGINATION_LIMIT_EXCEEDED", "TOKEN_BOUND_DATA_MISMATCH"])
def test_where_a_token_ends_reading_goes_on_by_id(http: responses.RequestsMock, reader: Reader, code: str) -> None:
    http.get(URL, status=400, json=refusal(code, param_name="page_token"))
    http.post(COQL, json={"data": [{"id": str(number)} for number in range(201, 401)]})
    http.get(URL, json=listing(range(201, 301)))
    http.get(URL, json=listing(range(301, 401)))
    http.post(COQL, status=204)
    pages = reader.pages("token:200:200:n-2", 200, None)
    first = next(pages)
    assert [int(found.crm_id) for found in first.rows] == list(range(201, 401))
    assert first.cursor == "id:400"
    assert list(next(pages).rows) == []
    assert queries(http)[0] == "select id from Contacts where id > '200' order by id asc limit 0, 200"
    assert "id > '400'" in queries(http)[1]


def test_a_list_that_gives_no_token_goes_on_by_id(http: responses.RequestsMock, reader: Reader) -> None:
    told = listing(range(1, 201))
    told["info"] |= {"more_records": True, "next_page_token": None}
    http.get(URL, json=told)
    http.post(COQL, json={"data": [{"id": "201"}]})
    http.get(URL, json=listing(range(201, 202)))
    assert read(reader) == list(range(1, 202))


def test_nothing_is_an_empty_page(http: responses.RequestsMock, reader: Reader) -> None:
    http.get(URL, status=204)
    assert [(list(page.rows), page.cursor) for page in reader.pages(None, 200, None)] == [([], None)]


def test_changes_are_asked_for_with_an_overlap(http: responses.RequestsMock, reader: Reader) -> None:
    http.get(URL, status=304)
    assert read(reader, changed_since=NOON) == []
    head = http.calls[1].request.headers
    assert head["If-Modified-Since"] == "2026-11-23T11:58:00+00:00"
    assert asked(http)[0]["sort_by"] == "Modified_Time"


def test_a_chain_of_changes_that_ends_begins_anew_at_its_last_moment(
    http: responses.RequestsMock, reader: Reader
) -> None:
    http.get(URL, json=listing(range(1, 201), "n-2", stamp="2026-11-23T20:30:00+08:00"))
    http.get(URL, status=400, json=refusal("PAGINATION_LIMIT_EXCEEDED"))
    http.get(URL, json=listing(range(200, 211)))
    assert read(reader, changed_since=NOON) == [*range(1, 201), *range(200, 211)]
    assert http.calls[-1].request.headers["If-Modified-Since"] == "2026-11-23T12:30:00+00:00"
    assert "page_token" not in asked(http)[-1]


def test_more_changes_of_one_moment_than_a_chain_reaches_are_all_read(
    http: responses.RequestsMock, reader: Reader
) -> None:
    stamp = "2026-11-23T19:58:00+08:00"
    http.get(URL, status=400, json=refusal("PAGINATION_LIMIT_EXCEEDED"))
    http.post(COQL, json={"data": [{"id": "1"}, {"id": "2"}]})
    http.get(URL, json=listing(range(1, 3), stamp=stamp))
    moment = int(datetime.fromisoformat(stamp).timestamp())
    pages = list(reader.pages(f"token:200:{moment}:{moment}:n-500", 200, NOON))
    assert [page.cursor for page in pages] == ["id:0", None]
    assert [int(found.crm_id) for page in pages for found in page.rows] == [1, 2]
    assert read(reader, "id:0", changed_since=NOON) == [1, 2]


def test_a_row_that_was_only_touched_keeps_its_digest(http: responses.RequestsMock, reader: Reader) -> None:
    for stamp, city in (("20:00:00", "台北"), ("21:00:00", "台北"), ("21:00:00", "台南")):
        told = [row(1, f"2026-11-23T{stamp}+08:00", Mailing_City=city)]
        http.get(URL, json={"data": told, "info": {"more_records": False}})
    before, touched, changed = (next(reader.pages(None, 200, None)).rows[0].digest for _ in range(3))
    assert before == touched
    assert changed != before


def test_half_a_letter_in_a_row_is_mended(http: responses.RequestsMock, reader: Reader) -> None:
    http.get(URL, body=b'{"data":[{"id":"1","typed_name":"\\ud83d!","Modified_Time":"x"}],"info":{}}')
    [found] = next(reader.pages(None, 200, None)).rows
    assert reader.rows.translated([found])[0].fields["full_name"] == "\ufffd!"


def test_what_stands_in_for_a_name_is_no_name(reader: Reader) -> None:
    named = next(line for line in MAPPING.contacts.fields if line.crm == "typed_name")
    lines = [named.model_copy(update={"crm": "Last_Name"})]
    rows = Rows(lines, "TW")
    names = ("+886912345678", "WhatsApp", "王小明")
    raw = [RawRow("1", b"", (json.dumps({"id": "1", "Last_Name": name}).encode(),)) for name in names]
    told = rows.translated(raw)
    assert [one.fields.get("full_name") for one in told] == [None, None, "王小明"]


def test_an_id_that_none_can_have_spoils_nobody_elses_answer(http: responses.RequestsMock, reader: Reader) -> None:
    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        ids = parse_qs(urlsplit(request.url).query)["ids"][0].split(",")
        if "13" in ids:
            return 400, {}, json.dumps(refusal("INVALID_DATA", param_name="ids"))
        return 200, {}, json.dumps({"data": [row(int(one)) for one in ids]})

    http.add_callback(responses.GET, URL, callback=answer)
    fates = reader.look_up(["12", "13", "14", "no id"])
    assert [(fate.crm_id, fate.row is None) for fate in fates] == [
        ("12", False),
        ("13", True),
        ("14", False),
        ("no id", True),
    ]


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, refusal("INVALID_DATA", param_name="fields"), FixCredentials),
        (403, refusal("NO_PERMISSION"), FixCredentials),
        (429, refusal("TOO_MANY_REQUESTS"), TryLater),
        (503, {}, TryAgain),
        (200, [], TryAgain),
        (200, {"data": [{"no": "id"}]}, TryAgain),
    ],
)
def test_a_list_that_is_refused_says_what_to_do(
    http: responses.RequestsMock, reader: Reader, status: int, body: Any, error: type[DeliveryError]
) -> None:
    http.get(URL, status=status, json=body)
    http.post(COQL, status=503, json={})
    with pytest.raises(error):
        read(reader)
