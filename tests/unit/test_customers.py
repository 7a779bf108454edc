"""The made-up company: as dirty as told, the same at every run, and with a truth that our own reading agrees with."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import pytest
from sqlalchemy import func, select

from config.files import load_mapping
from config.settings import PACKAGED_FILES
from syncer.acceptance import customer_names
from syncer.acceptance.customer_tables import customers
from syncer.acceptance.customers import Expected, make, rebuild
from syncer.crm.sql.adapter import SqlCRM
from syncer.crm.sql.engine import open_engine
from syncer.domain.phone import Phone, PhoneProblem, parse

Rows = list[dict[str, str | None]]


@pytest.fixture(scope="module")
def made() -> tuple[Rows, Expected]:
    return make()


def test_the_same_seed_makes_the_same_customers_and_another_seed_others() -> None:
    assert make(rows=300) == make(rows=300)
    assert make(rows=300)[0] != make(rows=300, seed=1)[0]


def test_about_a_third_of_the_rows_is_bad(made: tuple[Rows, Expected]) -> None:
    rows, expected = made
    assert len(rows) == expected.rows == 10_000
    assert expected.share_bad == pytest.approx(0.35, abs=0.01)
    assert expected.duplicates / expected.rows == pytest.approx(0.18, abs=0.01)
    assert expected.dead / expected.rows == pytest.approx(0.10, abs=0.01)
    assert (expected.opted_out + expected.blocked) / expected.rows == pytest.approx(0.07, abs=0.01)
    assert expected.unique_people == expected.rows - expected.duplicates


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_truth_is_what_the_parser_finds(seed: int) -> None:
    rows, expected = make(rows=3_000, seed=seed)
    read = [parse(row["mobile"], "TW") for row in rows]
    numbers = {found.e164 for found in read if isinstance(found, Phone)}
    assert sum(isinstance(found, PhoneProblem) for found in read) == expected.dead
    assert expected.valid == expected.rows - expected.dead
    assert len(numbers) == expected.unique_phones
    assert set(expected.promotable) < set(expected.reachable) < numbers
    assert len(set(expected.reachable)) == len(expected.reachable)


def test_every_kind_of_dirt_is_there(made: tuple[Rows, Expected]) -> None:
    rows, _ = made
    mobiles = [row["mobile"] or "" for row in rows]
    read = [parse(mobile, "TW") for mobile in mobiles]
    found = {problem for problem in read if isinstance(problem, PhoneProblem)}
    assert found == set(PhoneProblem) - {PhoneProblem.SHARED, PhoneProblem.LOST_DIGITS}
    for sign in ("(09", "０９", "+886", "00886", "#12", "ext.", " ", ".", "xxx", "無"):
        assert any(sign in mobile for mobile in mobiles), sign
    regions = Counter(found.region for found in read if isinstance(found, Phone))
    assert regions["TW"] > 8_000
    assert {"HK", "JP", "US", "SG"} <= set(regions)
    assert set(customer_names.NASTY_NAMES) <= {row["name"] for row in rows}
    assert max(len(row["name"] or "") for row in rows) == 10_000


def test_duplicates_are_written_differently(made: tuple[Rows, Expected]) -> None:
    rows, expected = made
    spellings: dict[str, list[str | None]] = {}
    for row in rows:
        found = parse(row["mobile"], "TW")
        if isinstance(found, Phone):
            spellings.setdefault(found.e164, []).append(row["mobile"])
    repeated = [written for written in spellings.values() if len(written) > 1]
    assert sum(len(written) - 1 for written in repeated) == expected.valid - expected.unique_phones
    assert sum(len(set(written)) > 1 for written in repeated) / len(repeated) > 0.8
    assert {len(written) for written in repeated} == {2, 3}


def test_the_flags_read_as_they_were_meant(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/crm.db"
    engine = open_engine(url)
    expected = rebuild(engine, rows=2_000)
    crm = SqlCRM(url, load_mapping(PACKAGED_FILES, "sql"), "TW")
    told = [record for page in crm.pages(None, page_size=500) for record in crm.translate(page.rows)]
    crm.close()
    engine.dispose()
    assert len(told) == expected.rows
    blocked = {record.phone for record in told if record.phone and record.fields.get("blocked")}
    refusing = {record.phone for record in told if record.phone and record.fields.get("transactional_consent") is False}
    agreeing = {record.phone for record in told if record.phone and record.fields.get("marketing_consent")}
    assert len(blocked) == expected.blocked
    assert {record.phone for record in told if record.phone} - blocked - refusing == set(expected.reachable)
    assert agreeing - blocked - refusing == set(expected.promotable)


def test_rebuilding_starts_the_company_anew_with_the_same_keys(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    started = time.perf_counter()
    expected = rebuild(engine)
    took = time.perf_counter() - started
    for _ in range(2):
        rebuild(engine, rows=300)
        with engine.connect() as connection:
            counted = connection.execute(select(func.count(), func.min(customers.c.customer_id)).select_from(customers))
            assert tuple(counted.one()) == (300, 1)
    engine.dispose()
    assert expected.rows == 10_000
    assert took < 10  # some 1.5 s on two idle cores
