"""What can be read and counted of the exchanges with CRMs: never a customer's data, always every exchange."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine

from config.settings import load
from syncer.acceptance import customers
from syncer.connections import trace
from syncer.connections.trace import Exchange
from syncer.crm import registry
from syncer.crm.sharing import Shared
from syncer.domain.crm_record import CrmContact
from syncer.domain.errors import TryAgain
from syncer.monitoring import exchanges, metrics
from syncer.ports import CRM
from syncer.throttle.tallies import BOUNDS, RedisTallies
from tests.contract.simulated import Simulated
from tests.integration.crm_vendors import VENDORS, Vendor, message
from tests.integration.notice_house import environment

DATA = Path(__file__).parent.parent / "data"
PERSON = {
    "full_name": "王小明",
    "phone": "+886912345678",
    "email": "ming@example.tw",
    "city": "花蓮市",
    "company": "Chen & Sons",
}
BODY = "my order A20260001 is late, call 0987654321"


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.name)
def vendor(request: pytest.FixtureRequest) -> Vendor:
    found: Vendor = request.param
    return found


@pytest.fixture
def desk(vendor: Vendor) -> Iterator[tuple[Simulated, CRM]]:
    site = vendor.begin(contacts=30)
    crm = vendor.adapter(site.url, vendor.mapping)
    yield site, crm
    crm.close()  # type: ignore[attr-defined]
    site.close()


def test_the_trace_of_a_whole_days_work_tells_nothing_of_anybody(
    desk: tuple[Simulated, CRM], vendor: Vendor, caplog: pytest.LogCaptureFixture
) -> None:
    site, crm = desk
    vendor.change(site, 1, {vendor.city: "台東市"})
    with caplog.at_level(logging.DEBUG):
        assert all(result.error is None for result in crm.write_contacts([CrmContact("c", None, PERSON)]))
        crm.write_messages([message("in-1", vendor.contact(1), body=BODY)])
        rows = [row for page in crm.pages(None, page_size=100) for row in page.rows]
        crm.look_up([vendor.contact(1)])
        crm.replies()
    said = "\n".join(record.getMessage() for record in caplog.records)
    told = [record.fields for record in crm.translate(rows)]
    people = {str(value) for fields in told for name, value in fields.items() if name != "external_id"}
    texts = {value for value in people if len(value) > 5}
    assert len(texts) > 30
    secrets = [*PERSON.values(), *texts, BODY, "912345678", "台東市", "0987654321"]
    assert [value for value in secrets if value in said] == []
    assert said.count("POST ") >= 2
    assert vendor.contact(1) in said, "ids are what a trace is for"


@pytest.mark.parametrize(
    ("path", "secrets"),
    [
        ("hubspot/batch_207.json", ["8380080352", "Existing"]),
        ("salesforce/collection_mixed.json", ["duplicate value", "maybe"]),
        ("salesforce/outbound_message.xml", ["<"]),
        ("zoho/upsert_207.json", ["Patricia", "Pranav"]),
    ],
)
def test_the_trace_of_a_real_answer_holds_ids_only(
    path: str, secrets: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    answer = (DATA / path).read_bytes()
    with caplog.at_level(logging.DEBUG, logger="syncer.http"):
        trace.write_outline(Exchange("POST", "https://crm.example/a?phone=0912", b'{"n":"x"}', 0.12, 207, answer))
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith(f"POST crm.example/a (9 bytes) -> 207 in 120 ms ({len(answer)} bytes) ids ")
    assert not any(secret in line for secret in [*secrets, "0912"])


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        (
            "https://api.hubapi.com/crm/objects/2026-09/contacts/84805801001",
            "/crm/objects/2026-09/contacts/84805801001",
        ),
        ("https://x.example/services/data/v67.0/query?q=SELECT+'0912'", "/services/data/v67.0/query"),
        (
            "https://x.example/sobjects/Contact/WA_External_Id__c/wa-886912345678",
            "/sobjects/Contact/WA_External_Id__c/***",
        ),
        ("https://x.example/contacts/ming%40example.tw", "/contacts/***"),
        ("https://x.example/contacts/+886912345678", "/contacts/***"),
        ("https://x.example/sobjects/Contact/0035g00000XyZabAAF", "/sobjects/Contact/0035g00000XyZabAAF"),
    ],
)
def test_a_path_names_records_and_not_people(url: str, shown: str) -> None:
    assert trace.named(url).partition("/")[2] == shown[1:]


# Counting


@pytest.fixture
def tallies(redis_url: str, request: pytest.FixtureRequest) -> Iterator[Callable[..., RedisTallies]]:
    """The tallies of one more process."""
    made: list[RedisTallies] = []

    def build(url: str = redis_url) -> RedisTallies:
        made.append(RedisTallies(url, key=f"tallies:{request.node.name}"))
        return made[-1]

    yield build
    for one in made:
        one.close()


def test_what_all_processes_ask_is_one_figure_for_prometheus(tallies: Callable[..., RedisTallies]) -> None:
    for process, seconds in ((tallies(), 0.04), (tallies(), 0.3), (tallies(), 60.0)):
        process.count("hubspot", "search", seconds)
    tallies().count("zoho", "write", 0.1)
    exchanges.told(tallies().read())
    families = {one.name: one for one in text_string_to_metric_families(metrics.exposition().decode())}
    counted = {(one.labels["crm"], one.labels["kind"]): one.value for one in families["syncer_crm_requests"].samples}
    assert {pair: n for pair, n in counted.items() if n} == {("hubspot", "search"): 3, ("zoho", "write"): 1}
    samples = families["syncer_crm_request_seconds"].samples
    ours = [one for one in samples if one.labels["crm"] == "hubspot"]
    searches = {one.labels.get("le", one.name.rpartition("_")[2]): one.value for one in ours}
    assert (searches["0.05"], searches["0.5"], searches["10"], searches["+Inf"]) == (1, 2, 2, 3)
    assert searches["sum"] == pytest.approx(60.34)
    exchanges.told([])


def test_every_exchange_with_a_vendor_is_counted_by_its_kind(
    vendor: Vendor, tallies: Callable[..., RedisTallies]
) -> None:
    site = vendor.begin(contacts=30)
    process = tallies()
    crm = registry.build(
        vendor.name, load({"CRM": vendor.name} | environment(vendor.name, site.url)), Shared(meter=process.count)
    )
    list(crm.pages(None, page_size=100))
    crm.write_messages([message("in-1", vendor.contact(1))])
    told = {one.kind: one.count for one in process.read()}
    assert sum(told.values()) == sum(site.requests().values())
    assert told.get("token", 0) == site.requests().get("token", 0)
    assert told["write"] >= 1
    assert set(told) <= {"token", "read", "search", "write"}
    crm.close()  # type: ignore[attr-defined]
    site.close()


def test_an_exchange_without_an_answer_is_counted_too(tallies: Callable[..., RedisTallies]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    told = {"CRM": "hubspot", "HUBSPOT_API_URL": f"http://127.0.0.1:{port}", "HUBSPOT_ACCESS_TOKEN": "t"}
    crm = registry.build("hubspot", load(told), Shared(meter=tallies().count))
    with pytest.raises(TryAgain):
        crm.look_up(["1"])
    assert sum(one.count for one in tallies().read()) == 2, "at the start, and now"


def test_transactions_in_a_database_are_counted(tmp_path: Path, tallies: Callable[..., RedisTallies]) -> None:
    told = {"CRM": "sql", "CRM_DATABASE_URL": f"sqlite:///{tmp_path}/crm.db"}
    company = create_engine(told["CRM_DATABASE_URL"])
    customers.rebuild(company, rows=5)
    company.dispose()
    crm = registry.build("sql", load(told), Shared(meter=tallies().count))
    before = {one.kind: one.count for one in tallies().read()}
    crm.write_messages([message("in-1")])
    assert crm.look_up(["999999"])[0].row is None
    after = {one.kind: one.count for one in tallies().read()}
    assert after["write"] == before.get("write", 0) + 1
    assert after["read"] > before["read"]
    assert {one.crm for one in tallies().read()} == {"sql"}


def test_counting_without_redis_costs_nobody_anything() -> None:
    process = RedisTallies("redis://127.0.0.1:1/0")
    for _ in range(100):
        process.count("hubspot", "read", 0.1)
    assert process.read() == []
    assert tuple(sorted(BOUNDS)) == BOUNDS
