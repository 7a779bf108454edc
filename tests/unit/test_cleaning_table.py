"""A table read record by record, however it was exported and whatever is broken in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.flows.contacts import cleaning_table
from syncer.flows.contacts.cleaning_table import Records, UnreadableTable, recognise, records

ROWS = [
    ["姓名", "手機", "地址"],
    ["王小明", "0912-345-678", "台北市\n大安區"],
    ["陳美玲", "0922333444", "新北市,板橋區"],
]


def written(rows: list[list[str]], delimiter: str = ",") -> str:
    return "".join(delimiter.join(f'"{cell}"' for cell in row) + "\r\n" for row in rows)


def read(path: Path, encoding: str | None = None) -> list[list[str]]:
    with records(recognise(path, encoding)) as (found, _):
        return list(found)


def parted(*lines: str, width: int = 0) -> Records:
    return Records(iter(lines), ",", width)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp950", "gb18030"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_table_is_read_in_any_encoding_and_dialect(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "customers.csv"
    path.write_bytes(written(ROWS, delimiter).encode(encoding))
    assert read(path) == ROWS


def test_an_encoding_shows_itself_late(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    plain = "name,phone\r\n" + "Wang,0912345678\r\n" * 100_000
    path.write_bytes(plain.encode() + "王小明,0922333444\r\n".encode("cp950"))
    assert recognise(path).encoding == "cp950"
    assert read(path)[-1] == ["王小明", "0922333444"]


def test_an_encoding_may_be_told(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_bytes("이름,전화\n김,010\n".encode("cp949"))
    assert read(path, "cp949") == [["이름", "전화"], ["김", "010"]]


def test_a_spreadsheet_names_its_separator_in_the_first_line(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("sep=;\r\nname;phone\r\nWang, Ming;0912345678\r\n")
    assert read(path) == [["name", "phone"], ["Wang, Ming", "0912345678"]]


def test_one_column_needs_no_separator(tmp_path: Path) -> None:
    path = tmp_path / "numbers.txt"
    path.write_text("0912345678\n0922333444\n")
    assert read(path) == [["0912345678"], ["0922333444"]]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\r\n \n", "empty"),
        (b"\0" * 5000, "empty"),
        (b"PK\x03\x04.....", "spreadsheet"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "spreadsheet"),
    ],
)
def test_what_is_no_table_says_so(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "customers.csv"
    path.write_bytes(content)
    with pytest.raises(UnreadableTable, match=said):
        recognise(path)


def test_an_unclosed_quotation_mark_costs_its_own_line_only() -> None:
    found = parted('1,"a\n', "2,b\n", *(f"{n},c\n" for n in range(3, 1000)), width=2)
    assert list(found) == [["1", "a"], ["2", "b"], *([str(n), "c"] for n in range(3, 1000))]
    assert found.oddities.unclosed_quotes == 1


def test_an_unclosed_quotation_mark_in_the_last_lines_loses_none_of_them() -> None:
    found = parted("1,a\n", '2,"b\n', "3,c\n", "4,d", width=2)
    assert list(found) == [["1", "a"], ["2", "b"], ["3", "c"], ["4", "d"]]


def test_lines_between_two_stray_quotation_marks_are_not_swallowed() -> None:
    found = parted('1,a,"x\n', "2,b,x\n", '3,"c",x\n', "4,d,x\n", width=3)
    assert list(found) == [["1", "a", "x"], ["2", "b", "x"], ["3", "c", "x"], ["4", "d", "x"]]


def test_a_cell_may_have_many_lines() -> None:
    assert list(parted('1,"a\n', "b\n", 'c"\n', "2,d\n", width=2)) == [["1", "a\nb\nc"], ["2", "d"]]


def test_zero_bytes_are_left_out_and_counted() -> None:
    found = parted("1,09\x0012\0\n", "2,b\n")
    assert list(found) == [["1", "0912"], ["2", "b"]]
    assert found.oddities.zero_bytes == 1


def test_a_cell_of_many_megabytes_is_its_own_line_only(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text(
        "name,phone\n" + f'"{"x" * (cleaning_table._LONGEST_FIELD + 1)}",0912345678\n' + "Wang,0922333444\n"
    )
    with records(recognise(path)) as (found, _):
        rows = list(found)
    assert [row[1] for row in rows] == ["phone", "0912345678", "0922333444"]


@given(st.lists(st.text(alphabet='ab,"\n\r\0', max_size=12), max_size=30), st.integers(0, 4))
def test_no_text_makes_it_raise_and_no_letter_is_lost(lines: list[str], width: int) -> None:
    text = "".join(lines)
    found = list(Records(iter(text.splitlines(keepends=True)), ",", width))
    assert sum(cell.count("a") for row in found for cell in row) == text.count("a")
