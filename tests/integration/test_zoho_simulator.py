"""The simulated Zoho organisation refuses what Zoho refuses, and calls back when it is told to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from syncer.crm.zoho.notices import ZohoNotices
from syncer.domain.change_notice import Changed, Kind, Pushed
from syncer.simulators.zoho.__main__ import config_from
from syncer.simulators.zoho.config import Behaviour, Limits
from syncer.simulators.zoho.seeds import FIRST_ID, FIRST_STAMP
from tests.contract.zoho_rooms import CONFIG, UNLIMITED, Site, adapter


@pytest.fixture
def site_with() -> Iterator[Callable[..., Site]]:
    running: list[Site] = []

    def begin(**config: Any) -> Site:
        running.append(Site(**config))
        return running[-1]

    yield begin
    for site in running:
        site.close()


@pytest.fixture
def site(site_with: Callable[..., Site]) -> Site:
    return site_with()


def code(answer: Any) -> tuple[int, str]:
    told = answer.json()
    return answer.status_code, told["code"] if "code" in told else told["data"][0]["code"]


def ids(answer: Any) -> list[int]:
    return [int(row["id"]) for row in answer.json()["data"]] if answer.status_code == 200 else []


def test_page_numbers_reach_two_thousand_and_tokens_go_on(site_with: Callable[..., Site]) -> None:
    site = site_with(contacts=2_500)
    asked = "Contacts?fields=Last_Name&sort_by=id&sort_order=asc&per_page=200"
    tenth = site.asked("GET", f"{asked}&page=10")
    assert ids(tenth)[0] == FIRST_ID + 1800
    assert code(site.asked("GET", f"{asked}&page=11")) == (400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED")
    found, token = [], ""
    while token is not None:
        page = site.asked("GET", f"{asked}&page_token={token}" if token else asked)
        found += ids(page)
        token = page.json()["info"]["next_page_token"]
    assert found == [FIRST_ID + number for number in range(2_500)]


def test_a_page_token_is_bound_to_its_question_and_its_day(site_with: Callable[..., Site]) -> None:
    site = site_with(contacts=30)
    asked = "Contacts?fields=Last_Name&per_page=10"
    token = site.asked("GET", asked).json()["info"]["next_page_token"]
    other = "Contacts?fields=Email&per_page=10"
    assert code(site.asked("GET", f"{other}&page_token={token}")) == (400, "TOKEN_BOUND_DATA_MISMATCH")
    assert code(site.asked("GET", f"{asked}&page_token={token}&page=2")) == (400, "AMBIGUITY_DURING_PROCESSING")
    assert code(site.asked("GET", f"{asked}&page_token=guess")) == (400, "INVALID_DATA")
    site.told("POST", "settings", limits={"page_token_seconds": 0})
    token = site.asked("GET", asked).json()["info"]["next_page_token"]
    assert code(site.asked("GET", f"{asked}&page_token={token}")) == (400, "EXPIRED_VALUE")
    site.told("POST", "settings", limits={"page_token_seconds": 100, "chained": 20})
    token = site.asked("GET", asked).json()["info"]["next_page_token"]
    token = site.asked("GET", f"{asked}&page_token={token}").json()["info"]["next_page_token"]
    assert code(site.asked("GET", f"{asked}&page_token={token}")) == (400, "PAGINATION_LIMIT_EXCEEDED")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "REQUIRED_PARAM_MISSING"),
        ("?fields=" + ",".join(f"F{number}" for number in range(51)), "LIMIT_EXCEEDED"),
        ("?fields=id&per_page=201", "INVALID_DATA"),
        ("?fields=id&sort_by=Mobile", "INVALID_DATA"),
        ("?fields=id&ids=1,x", "INVALID_DATA"),
        ("?fields=id&ids=" + ",".join(map(str, range(101))), "LIMIT_EXCEEDED"),
    ],
)
def test_a_list_refuses_what_it_does_not_know(site: Site, query: str, expected: str) -> None:
    assert code(site.asked("GET", f"Contacts{query}")) == (400, expected)


def test_changes_are_told_by_a_header(site_with: Callable[..., Site]) -> None:
    site = site_with(contacts=100)
    since = datetime.fromtimestamp(FIRST_STAMP + 90, UTC).isoformat()
    asked = "Contacts?fields=Last_Name,Modified_Time&sort_by=Modified_Time&sort_order=asc"
    found = site.asked("GET", asked, If_Modified_Since=since)
    assert ids(found) == [FIRST_ID + number for number in range(90, 100)]
    assert site.asked("GET", asked, If_Modified_Since="2030-01-01T00:00:00+00:00").status_code == 304
    site.told("DELETE", f"records/Contacts/{FIRST_ID}")
    assert site.asked("GET", "Contacts/deleted?type=all").json()["data"][0]["id"] == str(FIRST_ID)
    assert site.asked("GET", f"Contacts/{FIRST_ID}").status_code == 204


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, ("MANDATORY_NOT_FOUND", "Last_Name")),
        ({"Last_Name": "x" * 81}, ("INVALID_DATA", "Last_Name")),
        ({"Last_Name": "x", "Phne": "1"}, ("INVALID_DATA", "Phne")),
        ({"Last_Name": "x", "Full_Name": "y"}, ("INVALID_DATA", "Full_Name")),
        ({"Last_Name": "x", "Email_Opt_Out": "true"}, ("INVALID_DATA", "Email_Opt_Out")),
        ({"Last_Name": "x", "Lead_Source": "Pigeon"}, ("INVALID_DATA", "Lead_Source")),
        ({"Last_Name": "x", "Date_of_Birth": "9.3.1991"}, ("INVALID_DATA", "Date_of_Birth")),
        ({"Last_Name": "x", "Owner": {"id": "99"}}, ("INVALID_DATA", "Owner")),
        ({"Last_Name": "x", "Title": 5}, ("INVALID_DATA", "Title")),
    ],
)
def test_a_record_that_does_not_hold_is_refused_alone(
    site: Site, values: dict[str, Any], expected: tuple[str, str]
) -> None:
    answer = site.asked("POST", "Contacts", {"data": [values, {"Last_Name": "good"}], "trigger": []})
    refused, good = answer.json()["data"]
    assert (answer.status_code, refused["code"], refused["details"]["api_name"]) == (207, *expected)
    assert good["code"] == "SUCCESS"
    assert site.asked("POST", "Contacts", {"data": [values], "trigger": []}).status_code == 400


def test_an_upsert_finds_by_a_unique_field_and_a_double_is_named(site: Site) -> None:
    body = {"data": [{"Last_Name": "王", "WA_External_Id": "wa-1"}], "duplicate_check_fields": ["WA_External_Id"]}
    first, again = (site.asked("POST", "Contacts/upsert", body).json()["data"][0] for _ in range(2))
    assert (first["action"], again["action"], first["details"]["id"]) == ("insert", "update", again["details"]["id"])
    double = site.asked("POST", "Contacts", {"data": [{"Last_Name": "x", "WA_External_Id": "wa-1"}]}).json()["data"][0]
    assert (double["code"], double["details"]["id"]) == ("DUPLICATE_DATA", first["details"]["id"])
    assert code(site.asked("POST", "Contacts/upsert", {**body, "duplicate_check_fields": ["Title"]})) == (
        400,
        "INVALID_DATA",
    )
    assert code(site.asked("POST", "Tasks/upsert", {"data": [{"Subject": "x"}]})) == (400, "INVALID_MODULE")
    assert site.told("GET", "stats")["workflows"] == 2


def test_tokens_are_few_and_refusals_look_like_successes(site_with: Callable[..., Site]) -> None:
    site = site_with(behaviour=Behaviour())
    for changes, error in (
        ({"client_id": "x"}, "invalid_client"),
        ({"client_secret": "x"}, "invalid_client_secret"),
        ({"refresh_token": "x"}, "invalid_code"),
    ):
        answer = site.token(**changes)
        assert (answer.status_code, answer.json()) == (200, {"error": error})
    assert [site.token().status_code for _ in range(11)] == [200] * 10 + [400]


def test_credits_are_told_once_half_of_them_are_used(site_with: Callable[..., Site]) -> None:
    site = site_with(behaviour=Behaviour(limits=Limits(credits=4)))
    answers = [site.asked("GET", "Contacts?fields=id") for _ in range(5)]
    assert [answer.headers.get("X-API-CREDITS-REMAINING") for answer in answers] == [None, "2", "1", "0", "0"]
    assert code(answers[-1]) == (429, "TOO_MANY_REQUESTS")
    assert "Retry-After" not in answers[-1].headers


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("select Last_Name from Contacts", "SYNTAX_ERROR"),
        ("select Phne from Contacts where id > '0'", "INVALID_QUERY"),
        ("select id from Contacts where Mobile in ('1') or Phone in ('1') or Email in ('1')", "SYNTAX_ERROR"),
        ("select id from Contacts where id > '0' limit 0, 201", "LIMIT_EXCEEDED"),
        ("select id from Contacts where Mobile in (" + ",".join(["'1'"] * 51) + ")", "LIMIT_EXCEEDED"),
        ("select id from Nowhere where id > '0'", "INVALID_MODULE"),
        ("select id from Notes where id > '0'", "INVALID_QUERY"),
        ("select id from Contacts where Last_Name = 'O\\'Neill'", "SYNTAX_ERROR"),
        ("select id from Contacts where Email is empty", "SYNTAX_ERROR"),
    ],
)
def test_a_query_refuses_what_it_does_not_know(site: Site, query: str, expected: str) -> None:
    assert code(site.asked("POST", "coql", {"select_query": query})) == (400, expected)


def test_a_query_finds_what_is_asked_for(site_with: Callable[..., Site]) -> None:
    site = site_with(contacts=1_000)
    site.told("POST", "records/Contacts", values={"Last_Name": "O'Neill", "Phone": "0912-345-678"})
    where = "(Mobile in ('+886900000001', '0912-345-678') or Phone in ('0912-345-678'))"
    query = f"select id, Last_Name from Contacts where {where} order by id asc limit 0, 200"
    assert [row["Last_Name"] for row in site.asked("POST", "coql", {"select_query": query}).json()["data"]] == [
        "李",
        "O'Neill",
    ]
    named = "select id from Contacts where Last_Name = 'O''Neill' limit 0, 5"
    assert len(site.asked("POST", "coql", {"select_query": named}).json()["data"]) == 1
    after = f"select id from Contacts where id > '{FIRST_ID + 990}' order by id asc limit 0, 200"
    assert len(site.asked("POST", "coql", {"select_query": after}).json()["data"]) == 10
    assert site.asked("POST", "coql", {"select_query": named.replace("O", "P")}).status_code == 204
    for word, count in (("null", 1), ("not null", 0)):
        query = f"select id from Contacts where (Last_Name = 'O''Neill' and Email is {word})"
        found = site.asked("POST", "coql", {"select_query": query})
        assert (found.status_code, len(ids(found))) == (200 if count else 204, count)


def test_the_search_shows_what_was_so_a_moment_ago_and_whatever_contains_the_words(
    site_with: Callable[..., Site],
) -> None:
    site = site_with(contacts=1, behaviour=Behaviour(limits=UNLIMITED, index_lag=60.0))
    values = {"Parent_Id": {"id": str(FIRST_ID)}, "Note_Content": "x"}
    numbers = [
        site.told("POST", "records/Notes", values={**values, "Note_Title": title})["id"] for title in ("A b", "a b c")
    ]
    asked = "Notes/search?criteria=(Note_Title:equals:a b)"
    assert site.asked("GET", asked).status_code == 204
    site.told("POST", "settings", index_lag=0.0)
    assert ids(site.asked("GET", asked)) == [int(one) for one in numbers]
    site.told("PATCH", f"records/Notes/{numbers[0]}", values={"Note_Title": "z"})
    assert ids(site.asked("GET", asked)) == [int(numbers[1])]
    site.told("DELETE", f"records/Notes/{numbers[1]}")
    assert site.asked("GET", asked).status_code == 204
    assert code(site.asked("GET", "Notes/search?criteria=(Note_Title:like:a)")) == (400, "INVALID_DATA")
    assert code(site.asked("GET", "Contacts/search?criteria=(Email:equals:a)")) == (400, "INVALID_MODULE")
    site.told("POST", "tokens", scopes=["ZohoCRM.modules.ALL"])
    assert code(site.asked("GET", asked)) == (401, "OAUTH_SCOPE_MISMATCH")


class Door:
    """Whoever is called back: keeps the bodies."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        self.told = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                outer.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.end_headers()
                outer.told.set()

            def log_message(self, *_: object) -> None:
                """Silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/zoho"
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def door() -> Iterator[Door]:
    door = Door()
    yield door
    door.close()


def channels(site: Site) -> list[dict[str, Any]]:
    return list(site.told("GET", "channels")["channels"])


def test_a_channel_tells_of_a_change_and_is_renewed_before_it_ends(site: Site, door: Door) -> None:
    crm = adapter(site.url)
    now = datetime.now(UTC)
    until = crm.renew_channels(door.url, now)
    assert timedelta(days=6) < until - now < timedelta(days=7)
    opened = channels(site)
    assert crm.renew_channels(door.url, now) == until
    crm_id = site.told("POST", "records/Contacts", values={"Last_Name": "王"})["id"]
    assert door.told.wait(5.0)
    [body] = door.bodies
    told = Pushed("/zoho", {}, body)
    assert ZohoNotices([CONFIG.client_secret], door.url, "Contacts").read(told) == [Changed(Kind.CONTACT, crm_id)]
    assert ZohoNotices([CONFIG.client_secret], f"{door.url}/else", "Contacts").read(told) is None
    assert crm.renew_channels(door.url, now + timedelta(hours=3)) == until
    assert channels(site) == opened
    crm.close()


def test_a_channel_that_is_about_to_end_is_prolonged(site: Site, door: Door) -> None:
    crm = adapter(site.url)
    now = datetime.now(UTC)
    crm.renew_channels(door.url, now)
    first, *others = channels(site)
    old = {**first, "token": "an old word"}
    old["channel_expiry"] = (now + timedelta(days=1)).replace(microsecond=0).isoformat()
    assert site.asked("PUT", "actions/watch", {"watch": [old]}).status_code == 200
    assert crm.renew_channels(door.url, now) > now + timedelta(days=6)
    renewed, *same = channels(site)
    assert (renewed["channel_id"], renewed["token"]) == (first["channel_id"], first["token"])
    assert same == others
    crm.close()


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "x" * 51},
        {"channel_id": "abc"},
        {"events": []},
        {"events": ["Contacts.rename"]},
        {"notify_url": "ftp://x"},
        {"channel_expiry": "2040-01-01T00:00:00+00:00"},
    ],
)
def test_a_channel_that_zoho_would_not_open_is_not_opened(site: Site, changes: dict[str, Any]) -> None:
    row = {"channel_id": "1", "events": ["Contacts.edit"], "notify_url": "https://example.com", "token": "t"}
    answer = site.asked("POST", "actions/watch", {"watch": [row | changes]})
    assert (answer.status_code, answer.json()["watch"][0]["status"]) == (400, "error")
    assert site.told("GET", "channels")["channels"] == []


def test_the_command_line_makes_the_configuration() -> None:
    config = config_from(["--contacts", "5", "--no-limits", "--refresh-token", "r"])
    assert (config.contacts, config.refresh_token, config.client_id) == (5, "r", CONFIG.client_id)
    assert (config.behaviour.limits.tokens, config.behaviour.limits.credits) == (0, 0)
    with pytest.raises(SystemExit):
        config_from(["--contcts", "5"])
