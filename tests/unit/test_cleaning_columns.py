"""Which column of an unknown table is which: by the words of its header, and by what stands in it."""

from __future__ import annotations

import pytest

from syncer.crm import words
from syncer.policies.cleaning_columns import NoPhoneColumn, NoSuchColumn, find, header_at, verdict
from syncer.policies.cleaning_words import Role, role, says_gone

PEOPLE = [["王小明", "0912-345-678", "02-2345-6789"], ["陳美玲", "0922333444", ""], ["林志豪", "", "04-2222-3333"]]


@pytest.mark.parametrize(
    ("header", "meant"),
    [
        *[
            (word, Role.MOBILE)
            for word in ("手機", "手機號碼", "行動電話", "手机号", "携帯電話", "휴대폰 번호", "Mobile")
        ],
        *[
            (word, Role.MOBILE)
            for word in ("mobile_no", "MobilePhone", "Cell", "WhatsApp", "whatsapp number", "HP", "ＨＰ")
        ],
        *[
            (word, Role.PHONE)
            for word in ("電話", "聯絡電話", "电话", "연락처", "Phone", "phone_1", "Tel.", "TEL", "Telefon")
        ],
        *[(word, Role.PHONE) for word in ("PhoneNumber", "số điện thoại", "เบอร์โทร", "Contact No")],
        *[(word, Role.OTHER) for word in ("傳真", "Fax", "fax phone", "姓名", "Name", "e-mail", "客戶編號", "分機")],
        *[
            (word, Role.OPTED_OUT)
            for word in ("拒收簡訊", "黑名單", "Blacklisted", "opt-out", "Unsubscribed", "do_not_call")
        ],
        *[(word, Role.OPTED_IN) for word in ("同意行銷", "訂閱電子報", "accepts_marketing", "Opt In", "subscribed")],
        *[(word, Role.DEAD) for word in ("空號", "停用", "Inactive", "is_deleted", "Deceased")],
        *[(word, Role.ALIVE) for word in ("有效", "Active", "is_active")],
        *[(word, Role.STATUS) for word in ("狀態", "會員狀態", "Status", "客户状态")],
        *[(word, None) for word in ("hotel", "", "x", "王小明", "台北市")],
    ],
)
def test_a_header_says_what_its_column_holds(header: str, meant: Role | None) -> None:
    assert role(header) is meant


@pytest.mark.parametrize(
    ("rows", "at"),
    [
        ([["姓名", "手機", "電話"], *PEOPLE], 0),
        ([["客戶名單", "", ""], [], ["姓名", "手機", "電話"], *PEOPLE], 2),
        (PEOPLE, None),
        ([["Alfa", "Bravo", "Charlie"], *PEOPLE], 0),
        ([["王大同", "無", "無"], *PEOPLE], None),
        ([["手機"], ["0912345678"]], 0),
        ([["0912345678"], ["0922333444"]], None),
        ([["no"], ["no"], ["yes"]], 0),
        ([[]], None),
        ([], None),
    ],
)
def test_a_header_is_found_under_a_title_and_never_in_a_customer(rows: list[list[str]], at: int | None) -> None:
    assert header_at(rows) == at


@pytest.mark.parametrize(
    ("header", "column", "found_by"),
    [
        (["姓名", "手機", "電話"], 1, "header"),
        (["姓名", "電話", "市話電話"], 1, "header"),
        (["客戶", "聯絡", "傳真"], 1, "content"),
        (None, 1, "content"),
        (["姓名", "備用", "手機"], 1, "content"),
    ],
)
def test_the_number_is_in_the_column_that_is_named_so_or_else_in_the_one_that_is_full_of_numbers(
    header: list[str] | None, column: int, found_by: str
) -> None:
    rows = [[name, mobile, "無" if header and header[-1] == "手機" else desk] for name, mobile, desk in PEOPLE]
    assert (find(header, rows, "TW").phone, find(header, rows, "TW").found_by) == (column, found_by)


def test_a_column_of_mobiles_beats_one_that_is_only_called_so() -> None:
    rows = [[f"09123450{n:02}", "0922333444" if n == 0 else ""] for n in range(30)]
    assert find(["phone", "mobile"], rows, "TW").phone == 0


def test_a_column_called_mobile_is_it_although_another_has_some_more() -> None:
    rows = [[f"09123450{n:02}", f"09223330{n:02}" if n % 2 else ""] for n in range(30)]
    assert find(["phone", "mobile"], rows, "TW").phone == 1


def test_a_column_is_taken_by_its_name_or_its_number() -> None:
    header = ["姓名", "手機", "電話"]
    assert [find(header, PEOPLE, "TW", asked).phone for asked in ("電話", " 電話 ", "3", "1")] == [2, 2, 2, 0]
    assert find(header, PEOPLE, "TW", "電話").found_by == "name"


@pytest.mark.parametrize("asked", ["傳真", "0", "4", "-1", ""])
def test_a_column_that_is_not_there_is_named_with_those_that_are(asked: str) -> None:
    with pytest.raises(NoSuchColumn, match="姓名, 手機, 電話"):
        find(["姓名", "手機", "電話"], PEOPLE, "TW", asked)


def test_a_table_without_numbers_has_no_such_column() -> None:
    with pytest.raises(NoPhoneColumn):
        find(["姓名", "備註"], [["王小明", "下午再打"], ["陳美玲", "VIP"]], "TW")


@pytest.mark.parametrize(
    ("said", "word", "meant"),
    [
        (Role.OPTED_OUT, "是", (True, False)),
        (Role.OPTED_OUT, "Y", (True, False)),
        (Role.OPTED_OUT, "黑名單", (True, False)),
        (Role.OPTED_OUT, "否", (False, False)),
        (Role.OPTED_IN, "否", (True, False)),
        (Role.OPTED_IN, "不同意", (True, False)),
        (Role.OPTED_IN, "退訂", (True, False)),
        (Role.OPTED_IN, "Y", (False, False)),
        (Role.DEAD, "TRUE", (False, True)),
        (Role.DEAD, "空號", (False, True)),
        (Role.DEAD, "0", (False, False)),
        (Role.ALIVE, "否", (False, True)),
        (Role.ALIVE, "Y", (False, False)),
        (Role.STATUS, "空號", (False, True)),
        (Role.STATUS, "Inactive", (False, True)),
        (Role.STATUS, "停用", (False, True)),
        (Role.STATUS, "退訂", (True, False)),
        (Role.STATUS, "正常", (False, False)),
        *[(said, word, (False, False)) for said in list(Role)[2:7] for word in ("", "  ", "maybe")],
    ],
)
def test_a_word_in_a_telling_column_means_what_its_column_asks(said: Role, word: str, meant: tuple[bool, bool]) -> None:
    assert verdict(said, words.answer, words.refuses, says_gone)(word) == meant
