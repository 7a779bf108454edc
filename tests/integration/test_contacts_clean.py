"""`syncer contacts clean` as a company meets it: with its own table, before anything is connected (R3, R4)."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from syncer.acceptance import customers
from syncer.cli.main import main

HEADER = "姓名,手機,拒收,狀態\r\n"
#: Cleans one file into another and prints its peak memory in kB.
PEAK = """
import re, sys
from pathlib import Path
from syncer.crm import words
from syncer.flows.contacts.cleaning import Cleaning
Cleaning("TW", words.answer, words.refuses).run(Path(sys.argv[1]), Path(sys.argv[2]))
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
"""
TABLE = HEADER + (
    "王小明,0912-345-678,,正常\r\n"
    "陳美玲,02-2345-6789,,正常\r\n"
    "林志豪,0912345678 / 02-2345-6789,,正常\r\n"
    "黃淑芬,8.86912E+11,,正常\r\n"
    "吳俊傑,0922-333-444,是,正常\r\n"
    "吳俊傑,+886 922 333 444,,正常\r\n"
    "周杰,0933444555,,空號\r\n"
    ",,,\r\n"
    "\r\n"
    "鄭雅文,0944555666,,正常\r\n"
)


@dataclass(frozen=True)
class Result:
    """What the command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout; fails if there is anything else."""
        return json.loads(self.out)


Clean = Callable[..., Result]


@pytest.fixture
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Clean:
    """Run the command in this process and in an empty folder, with nothing in its environment."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.endswith(("_URL", "_SECRET", "_KEY"))]:
        monkeypatch.delenv(name)

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["syncer", "contacts", "clean", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        code = left.value.code
        return Result(code if isinstance(code, int) else 0, *capsys.readouterr())

    return run


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "customers.csv"
    path.write_text(TABLE, encoding="utf-8", newline="")
    return path


def rows_of(path: Path, encoding: str = "utf-8", delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding=encoding, newline="") as opened:
        return list(csv.reader(opened, delimiter=delimiter))


def test_each_row_is_counted_for_what_it_is(clean: Clean, file: Path) -> None:
    told = clean(file, "--json").document
    assert (told["phone_column"], told["phone_column_found_by"], told["header"]) == ("手機", "header", True)
    assert told["telling_columns"] == {"拒收": "opted_out", "狀態": "status"}
    figures = ("rows", "mobile", "not_mobile", "duplicates", "duplicated_numbers", "opted_out", "dead", "bad", "usable")
    assert [told[name] for name in figures] == [9, 6, 1, 2, 2, 1, 1, 7, 2]
    assert told["invalid"] == {"lost_digits": 1, "empty": 1}
    assert told["opted_out_elsewhere"] == 1
    assert told["samples"]["lost_digits"] == [[5, "8.86912E+11"]]
    assert told["shares"]["bad"] == 77.78
    assert told["shares"]["usually_bad"] == 35


def test_the_cleaned_table_keeps_every_row_and_says_what_is_wrong_with_it(clean: Clean, file: Path) -> None:
    assert clean(file, "--out", "clean.csv").code == 0
    out = file.with_name("clean.csv")
    found = rows_of(out)
    assert found[0] == [
        "phone_e164",
        "phone_reason",
        "phone_duplicate_of",
        "phone_others",
        "姓名",
        "手機",
        "拒收",
        "狀態",
    ]
    assert [row[:4] for row in found[1:]] == [
        ["+886912345678", "", "", ""],
        ["", "not_mobile", "", "+886223456789"],
        ["+886912345678", "duplicate", "2", "+886223456789"],
        ["", "lost_digits", "", ""],
        ["+886922333444", "opted_out", "", ""],
        ["+886922333444", "opted_out", "6", ""],
        ["+886933444555", "dead", "", ""],
        ["", "empty", "", ""],
        ["+886944555666", "", "", ""],
    ]
    original = [row for row in rows_of(file) if row]
    assert [row[4:] for row in found] == original
    assert out.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp950", "gb18030"])
@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_any_export_is_cleaned_into_one_that_spreadsheets_can_read(
    clean: Clean, file: Path, encoding: str, delimiter: str
) -> None:
    file.write_bytes(TABLE.replace(",", delimiter).encode(encoding))
    told = clean(file, "--out", "clean.csv", "--json").document
    assert (told["rows"], told["usable"], told["encoding"]) == (9, 2, encoding)
    assert file.with_name("clean.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert rows_of(file.with_name("clean.csv"), "utf-8-sig", delimiter)[1][4] == "王小明"


def test_the_made_up_company_is_as_bad_as_it_was_made(clean: Clean, tmp_path: Path) -> None:
    made, truth = customers.make(rows=3_000)
    with (tmp_path / "company.csv").open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, made[0])
        writer.writeheader()
        writer.writerows(made)
    told = clean("company.csv", "--json").document
    assert told["rows"] == truth.rows
    assert told["mobile"] == truth.valid
    assert told["not_mobile"] + sum(told["invalid"].values()) == truth.dead
    assert told["duplicates"] == truth.valid - truth.unique_phones
    assert told["opted_out"] == truth.opted_out + truth.blocked
    assert told["shares"]["bad"] == pytest.approx(35, abs=0.5)


def test_a_table_without_a_header_is_read_by_its_content(clean: Clean, file: Path) -> None:
    file.write_text("王小明,0912-345-678\n陳美玲,0922333444\n王大明,0912345678\n", encoding="utf-8")
    told = clean(file, "--out", "clean.csv", "--json").document
    assert (told["header"], told["phone_column"], told["phone_column_found_by"]) == (False, "2", "content")
    assert rows_of(file.with_name("clean.csv"))[2] == ["+886912345678", "duplicate", "1", "", "王大明", "0912345678"]


def test_a_title_above_the_header_stays_and_rows_are_numbered_as_a_spreadsheet_does(clean: Clean, file: Path) -> None:
    file.write_text("客戶名單,\n姓名,手機\n王小明,0912345678\n\n王大明,0912345678\n", encoding="utf-8")
    told = clean(file, "--out", "clean.csv", "--json").document
    found = rows_of(file.with_name("clean.csv"))
    assert (told["rows"], found[0], found[3][:3]) == (
        2,
        ["", "", "", "", "客戶名單", ""],
        ["+886912345678", "duplicate", "3"],
    )


def test_rows_with_too_few_or_too_many_cells_keep_them(clean: Clean, file: Path) -> None:
    file.write_text(
        "姓名,手機,城市\n王,0912345678,台北\n陳\n林,0922333444,新北,板橋\n李,0933444555,台中\n", encoding="utf-8"
    )
    told = clean(file, "--out", "clean.csv", "--json").document
    assert told["oddities"] == {"uneven_rows": 2}
    assert told["invalid"] == {"row_too_short": 1}
    found = rows_of(file.with_name("clean.csv"))
    assert found[2] == ["", "row_too_short", "", "", "陳"]
    assert found[3][0] == "+886922333444"
    assert found[3][4:] == ["林", "0922333444", "新北", "板橋"]


def test_zero_bytes_and_stray_quotation_marks_spoil_no_other_row(clean: Clean, file: Path) -> None:
    body = '姓名,手機\n王,0912\x00345678\n"陳,0922333444\n林,0933444555\n李,0944555666\n'
    file.write_text(body, encoding="utf-8")
    told = clean(file, "--json").document
    assert told["oddities"] == {"unclosed_quotes": 1, "zero_bytes": 1}
    assert (told["rows"], told["mobile"]) == (4, 4)


def test_a_column_full_of_text_leaves_nothing_usable(clean: Clean, file: Path) -> None:
    result = clean(file, "--phone", "姓名", "--json")
    assert result.code == 1
    assert result.document["invalid"] == {"not_a_number": 8, "empty": 1}
    assert "姓名" in result.err


@pytest.mark.parametrize(
    ("content", "said"),
    [("", "empty"), ("姓名,備註\n王小明,下午再打\n", "--phone"), ("PK\x03\x04", "save it as CSV")],
)
def test_what_is_no_customer_table_says_why(clean: Clean, file: Path, content: str, said: str) -> None:
    file.write_text(content, encoding="utf-8")
    result = clean(file, "--out", "clean.csv")
    assert (result.code, result.out) == (1, "")
    assert said in result.err
    assert not file.with_name("clean.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere.csv",), "nowhere.csv"),
        (("customers.csv", "--phone", "傳真"), "手機"),
        (("customers.csv", "--region", "XX"), "XX"),
        (("customers.csv", "--encoding", "utf-99"), "utf-99"),
        (("customers.csv", "--out", "customers.csv"), "the table itself"),
        (("customers.csv", "--out", "alias.csv"), "the table itself"),
        (("customers.csv", "--out", "nowhere/clean.csv"), "nowhere"),
    ],
)
def test_wrong_usage_is_told_and_changes_nothing(
    clean: Clean, file: Path, arguments: tuple[str, ...], said: str
) -> None:
    file.with_name("alias.csv").symlink_to(file)
    result = clean(*arguments)
    assert result.code == 2
    assert said in result.err
    assert file.read_bytes() == TABLE.encode()


def test_numbers_belong_to_the_region_that_is_told(clean: Clean, file: Path) -> None:
    file.write_text("name,phone\nWong,9123 4567\nChan,+886 912 345 678\n", encoding="utf-8")
    clean(file, "--region", "hk", "--out", "clean.csv")
    assert [row[0] for row in rows_of(file.with_name("clean.csv"))] == ["phone_e164", "+85291234567", "+886912345678"]


def test_two_forms_of_a_number_are_one_customer_and_stay_as_they_are_written(clean: Clean, file: Path) -> None:
    file.write_text("name,phone\nAna,11 98765-4321\nAna,11 8765-4321\n", encoding="utf-8")
    clean(file, "--region", "BR", "--out", "clean.csv")
    found = rows_of(file.with_name("clean.csv"))
    assert [row[:3] for row in found[1:]] == [["+5511987654321", "", ""], ["+551187654321", "duplicate", "2"]]


def test_a_person_sees_the_shares_beside_what_is_usual(clean: Clean, file: Path) -> None:
    shown = clean(file).out
    assert "77.8" in shown
    assert "about 35 %" in shown
    assert "8.86912E+11" in shown


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_no_half_file(tmp_path: Path, sign: signal.Signals) -> None:
    table, out = tmp_path / "customers.csv", tmp_path / "clean.csv"
    out.write_text("of yesterday")
    line = "王小明,0912345678,備註\n".encode()
    table.write_bytes("姓名,手機,備註\n".encode() + line * 200_000)
    command = [sys.executable, "-m", "syncer.cli.main", "contacts", "clean", str(table), "--out", str(out)]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".clean.csv.*")):
        assert running.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(sign)
    assert running.wait(30) == 130
    running.communicate()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clean.csv", "customers.csv"]
    assert out.read_text() == "of yesterday"


def test_memory_does_not_grow_with_the_table(tmp_path: Path) -> None:
    """Ten times the rows cost less than a table of them would: 600,000 numbers in a dict are some 100 MB."""
    peaks = []
    for rows in (60_000, 600_000):
        table = tmp_path / f"{rows}.csv"
        numbers = (f"王小明,09{n * 7919 % 90_000_000 + 10_000_000:08d},{'x' * 40}\n" for n in range(rows))
        table.write_text("姓名,手機,備註\n" + "".join(numbers), encoding="utf-8")
        command = [sys.executable, "-c", PEAK, str(table), str(tmp_path / "clean.csv")]
        peaks.append(int(subprocess.run(command, check=True, capture_output=True, text=True).stdout))
    assert peaks[1] - peaks[0] < 40_000
