"""What every CRM adapter must do, its in-memory twin included: inherit `CrmSuite`, give it a `room` fixture."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from syncer.domain.contact import LONGEST_TEXT, SourceRecord
from syncer.domain.crm_record import CrmContact, CrmMessage, CrmTask, Fate, RawRow, TakenReply
from syncer.domain.errors import Never
from syncer.ports import CRM

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=30)
ODD_TEXTS = (
    "👨‍👩‍👧 小美🌸",
    "محمد بن عبد الله",
    "𠮷野家",
    "Robert'); DROP TABLE customers;--",
    "100 % {{1}} :name ?",
    "a\nb\tc",
)


class Room(Protocol):
    """A CRM under test, and its people: what they type and what they see. Fields go by their canonical names."""

    crm: CRM
    #: Whether its texts can hold NUL at all.
    holds_nul: bool
    #: What its people can say of a message to be sent besides whom it goes to and its text: of `phone` (instead of a
    #: customer of theirs), `template`, `language`, `reply_to`, `author`.
    reply_fields: frozenset[str]
    #: Whether a message to be sent is the very record that is kept of it from then on; where people write into a queue
    #: of its own, it is not.
    replies_are_messages: bool

    def add(self, changed_at: datetime = ..., **fields: Any) -> str:
        """Type in a customer; returns the CRM's id."""

    def change(self, crm_id: str, changed_at: datetime = ..., **fields: Any) -> None:
        """Retype some of a customer's fields."""

    def remove(self, crm_id: str) -> None:
        """Delete a customer."""

    def contact(self, crm_id: str) -> dict[str, Any]:
        """A customer as the CRM's people see it."""

    def contact_ids(self) -> list[str]:
        """All customers that are not removed."""

    def messages(self) -> list[dict[str, Any]]:
        """All recorded messages, by the names of `CrmMessage`."""

    def tasks(self) -> list[dict[str, Any]]:
        """All recorded tasks, by the names of `CrmTask` and `status`."""

    def finish_task(self, ref: str) -> None:
        """Someone does the work."""

    def write_reply(self, body: str, *, crm_id: str | None = None, phone: str | None = None, **more: Any) -> str:
        """Someone writes a message and says that it is to be sent; `more` by the names of `AgentReply`. Returns the
        record's id."""

    def log_message(self, crm_id: str, body: str) -> str:
        """Someone notes a message that they have sent elsewhere; returns the record's id."""

    def reply(self, record_id: str) -> dict[str, Any]:
        """A message of theirs as they see it: `ref`, `status` and `error`, None where there is none."""


def read(room: Room, page_size: int = 100, **how: Any) -> list[RawRow]:
    return [row for page in room.crm.pages(None, page_size=page_size, **how) for row in page.rows]


def records(room: Room) -> dict[str, SourceRecord]:
    return {record.crm_id: record for record in room.crm.translate(read(room))}


def record(room: Room, **fields: Any) -> SourceRecord:
    crm_id = room.add(**fields)
    return records(room)[crm_id]


def message(crm_id: str | None, ref: str = "in-wamid.1", **changes: Any) -> CrmMessage:
    values: dict[str, Any] = {
        "ref": ref,
        "crm_contact_id": crm_id,
        "phone": "+886912345678",
        "direction": "in",
        "kind": "text",
        "body": "請問營業時間？",
        "wamid": f"wamid.of.{ref}",
        "status": None,
        "status_at": None,
        "occurred_at": NOON,
    }
    return CrmMessage(**values | changes)


def task(crm_id: str | None, ref: str = "handoff-1", **changes: Any) -> CrmTask:
    values = {"subject": "WhatsApp: complaint", "body": "我要客訴", "priority": "urgent", "created_at": NOON}
    return CrmTask(ref=ref, crm_contact_id=crm_id, **values | changes)


def person(crm_id: str | None = None, ref: str = "contact-1", **fields: Any) -> CrmContact:
    return CrmContact(ref=ref, crm_id=crm_id, fields=fields)


def errors(results: Sequence[Any]) -> list[Any]:
    return [result.error for result in results if result.error is not None]


class ReadingSuite:
    """Reading customers and recognising what has changed."""

    @pytest.mark.parametrize("page_size", [1, 2, 3, 5, 6, 100])
    def test_every_customer_is_read_once_whatever_the_page_size(self, room: Room, page_size: int) -> None:
        ids = [room.add(phone=f"0912-000-00{number}") for number in range(6)]
        pages = list(room.crm.pages(None, page_size=page_size))
        assert sorted(row.crm_id for page in pages for row in page.rows) == sorted(ids)
        assert all(len(page.rows) <= page_size for page in pages)
        assert pages[-1].cursor is None
        assert all(page.cursor for page in pages[:-1])

    def test_reading_goes_on_where_a_cursor_points(self, room: Room) -> None:
        for number in range(5):
            room.add(phone=f"0912-000-00{number}")
        first, *rest = room.crm.pages(None, page_size=2)
        resumed = room.crm.pages(first.cursor, page_size=2)
        assert [row for page in resumed for row in page.rows] == [row for page in rest for row in page.rows]

    def test_a_customer_who_comes_or_goes_between_two_pages_moves_nobody(self, room: Room) -> None:
        ids = [room.add(phone=f"0912-000-00{number}") for number in range(5)]
        pages = room.crm.pages(None, page_size=2)
        seen = [row.crm_id for row in next(pages).rows]
        room.remove(seen[0])
        room.add(phone="0912-000-009")
        seen += [row.crm_id for page in pages for row in page.rows]
        assert set(ids) <= set(seen)
        assert len(seen) == len(set(seen))

    def test_an_empty_crm_reads_as_nothing_to_follow(self, room: Room) -> None:
        assert [(list(page.rows), page.cursor) for page in room.crm.pages(None, page_size=10)] == [([], None)]

    def test_a_removed_customer_is_not_read(self, room: Room) -> None:
        gone, stays = room.add(phone="0912-000-001"), room.add(phone="0912-000-002")
        room.remove(gone)
        assert [row.crm_id for row in read(room)] == [stays]

    def test_a_digest_stays_until_the_content_changes(self, room: Room) -> None:
        crm_id = room.add(full_name="王小明", phone="0912-345-678", changed_at=LONG_AGO)
        before = read(room)[0].digest
        assert len(before) == 16
        room.change(crm_id, changed_at=NOON)
        assert read(room)[0].digest == before
        room.change(crm_id, full_name="王大明")
        assert read(room)[0].digest != before

    def test_two_fields_that_swap_their_values_change_the_digest(self, room: Room) -> None:
        crm_id = room.add(full_name="甲", company="乙", phone="0912-345-678")
        before = read(room)[0].digest
        room.change(crm_id, full_name="乙", company="甲")
        assert read(room)[0].digest != before

    def test_changes_since_a_moment_are_all_read(self, room: Room) -> None:
        old = room.add(phone="0912-000-001", changed_at=LONG_AGO)
        new = room.add(phone="0912-000-002", changed_at=NOON + timedelta(seconds=1))
        just = room.add(phone="0912-000-003", changed_at=NOON)
        found = {row.crm_id for row in read(room, changed_since=NOON)}
        assert {new, just} <= found
        assert old not in found

    def test_reading_leaves_no_transaction_open_between_pages(self, room: Room) -> None:
        crm_id = room.add(phone="0912-000-001")
        room.add(phone="0912-000-002")
        pages = room.crm.pages(None, page_size=1)
        next(pages)
        assert not errors(room.crm.write_contacts([person(crm_id, full_name="王小明")]))
        assert len(list(pages)) >= 1


class LookingUpSuite:
    """Asking by id what became of customers; what a page has missed is found, what is deleted is told."""

    def test_a_customer_who_is_there_comes_back_as_a_page_would_have_it(self, room: Room) -> None:
        first = room.add(full_name="王小明", phone="0912-000-001")
        second = room.add(full_name="李大文", phone="0912-000-002")
        rows = {row.crm_id: row for row in read(room)}
        fates = room.crm.look_up([second, first])
        assert [(fate.crm_id, fate.into) for fate in fates] == [(second, None), (first, None)]
        found = [fate.row for fate in fates if fate.row is not None]
        assert [(row.crm_id, row.digest) for row in found] == [
            (rows[key].crm_id, rows[key].digest) for key in (second, first)
        ]
        assert [told.fields["full_name"] for told in room.crm.translate(found)] == ["李大文", "王小明"]

    def test_a_removed_customer_is_gone(self, room: Room) -> None:
        gone, stays = room.add(phone="0912-000-001"), room.add(phone="0912-000-002")
        room.remove(gone)
        fates = room.crm.look_up([gone, stays])
        assert [fate.row is None for fate in fates] == [True, False]
        assert fates[0] == Fate(gone)

    @pytest.mark.parametrize("crm_id", ["999999", "no such id", "0", "-1", "9" * 30, "王"])
    def test_an_id_that_nobody_has_is_gone(self, room: Room, crm_id: str) -> None:
        stays = room.add(phone="0912-000-001")
        fates = room.crm.look_up([crm_id, stays])
        assert fates[0] == Fate(crm_id)
        assert fates[1].row is not None

    def test_hundreds_are_looked_up_in_their_order(self, room: Room) -> None:
        ids = [room.add(phone=f"0912-{number:06d}") for number in range(250)]
        for crm_id in ids[::10]:
            room.remove(crm_id)
        fates = room.crm.look_up(ids[::-1])
        assert [fate.crm_id for fate in fates] == ids[::-1]
        assert [fate.crm_id for fate in fates if fate.row is None] == ids[::10][::-1]
        assert all(fate.row is None or fate.row.crm_id == fate.crm_id for fate in fates)

    def test_nobody_is_looked_up_for_nothing(self, room: Room) -> None:
        assert room.crm.look_up([]) == []


class MergingRoom(Room, Protocol):
    """A CRM whose people merge records."""

    def merge(self, crm_id: str, into: str) -> None:
        """Make two customers one, as the CRM's people would: the first is part of the second from now on."""


class MergingSuite:
    """For CRMs that merge records and remember it; inherit it beside `CrmSuite`."""

    def test_a_merged_customer_is_told_with_the_one_it_went_into(self, room: MergingRoom) -> None:
        absorbed, kept = room.add(phone="0912-000-001"), room.add(phone="0912-000-002")
        room.merge(absorbed, kept)
        fates = room.crm.look_up([absorbed, kept])
        assert fates[0] == Fate(absorbed, into=kept)
        assert fates[1].row is not None
        assert fates[1].into is None

    def test_a_merged_customer_is_read_once(self, room: MergingRoom) -> None:
        absorbed, kept = room.add(phone="0912-000-001"), room.add(phone="0912-000-002")
        room.merge(absorbed, kept)
        assert [row.crm_id for row in read(room)] == [kept]

    def test_whoever_was_merged_twice_is_where_the_last_merge_put_them(self, room: MergingRoom) -> None:
        first, second, third = (room.add(phone=f"0912-000-00{number}") for number in range(3))
        room.merge(first, second)
        room.merge(second, third)
        assert [fate.into for fate in room.crm.look_up([first, second])] == [third, third]


class TranslatingSuite:
    """What a customer's row says in canonical fields."""

    def test_a_row_is_told_in_canonical_fields(self, room: Room) -> None:
        told = record(
            room,
            full_name="  王小明 ",
            phone="(0912) 345 678",
            email=" Wang@Example.COM ",
            birthday="民國80年3月9日",
            gender="先生",
            language="繁體中文",
            tags="VIP, 老客戶；VIP",
            marketing_consent="同意",
            transactional_consent="N",
            blocked="否",
            changed_at=NOON,
        )
        assert told.crm == room.crm.name
        assert (told.phone, told.phone_problem) == ("+886912345678", None)
        assert told.changed_at == NOON
        expected = {
            "full_name": "王小明",
            "phone": "+886912345678",
            "email": "wang@example.com",
            "birthday": "1991-03-09",
            "gender": "m",
            "language": "zh_TW",
            "tags": ["VIP", "老客戶"],
            "marketing_consent": True,
            "transactional_consent": False,
            "blocked": False,
        }
        assert {name: told.fields.get(name) for name in expected} == expected

    @pytest.mark.parametrize(
        ("raw", "problem"),
        [
            (None, "empty"),
            ("", "empty"),
            ("無", "not_a_number"),
            ("02-2345-6789", "not_mobile"),
            ("0000000000", "impossible"),
        ],
    )
    def test_a_number_that_is_none_is_told_with_its_reason(self, room: Room, raw: str | None, problem: str) -> None:
        told = record(room, full_name="王小明", phone=raw)
        assert (told.phone, told.phone_problem) == (None, problem)
        assert "phone" not in told.fields

    def test_a_foreign_number_keeps_its_country(self, room: Room) -> None:
        assert record(room, phone="+852 9123 4567").phone == "+85291234567"

    def test_a_name_of_ten_thousand_characters_is_cut(self, room: Room) -> None:
        name = record(room, full_name="長" * 10_000, phone="0912-345-678").fields["full_name"]
        assert len(name) == LONGEST_TEXT
        assert name.endswith("…")

    @pytest.mark.parametrize("text", ODD_TEXTS)
    def test_odd_text_arrives_as_it_was_typed(self, room: Room, text: str) -> None:
        assert record(room, full_name=text, phone="0912-345-678").fields["full_name"] == text

    def test_nul_becomes_the_replacement_character(self, room: Room) -> None:
        if not room.holds_nul:
            return
        assert record(room, full_name="王\x00明", phone="0912-345-678").fields["full_name"] == "王\ufffd明"

    def test_what_is_empty_or_unreadable_is_left_out(self, room: Room) -> None:
        told = record(
            room, full_name="  ", phone="0912345678", email="none", birthday="0000-00-00", marketing_consent="?"
        )
        assert not {"full_name", "email", "birthday", "marketing_consent"} & told.fields.keys()

    def test_an_unclear_word_beside_blocked_blocks(self, room: Room) -> None:
        assert record(room, phone="0912345678", blocked="黑名單").fields["blocked"] is True

    def test_records_come_in_the_order_of_the_rows(self, room: Room) -> None:
        for number in range(5):
            room.add(phone=f"0912-000-00{number}")
        rows = read(room)
        assert [told.crm_id for told in room.crm.translate(rows[::-1])] == [row.crm_id for row in rows[::-1]]
        assert [told.digest for told in room.crm.translate(rows)] == [row.digest for row in rows]


class MessageSuite:
    """Recording messages and their statuses (R23, R24)."""

    def test_a_message_is_recorded_in_full(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        results = room.crm.write_messages([message(crm_id, reply_to="wamid.0")])
        assert [(result.ref, result.error) for result in results] == [("in-wamid.1", None)]
        [seen] = room.messages()
        assert seen["crm_contact_id"] == crm_id
        assert (seen["direction"], seen["kind"], seen["body"]) == ("in", "text", "請問營業時間？")
        assert (seen["wamid"], seen["reply_to"]) == ("wamid.of.in-wamid.1", "wamid.0")
        assert seen["occurred_at"] == NOON

    def test_writing_a_message_again_records_it_once(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        for _ in range(2):
            assert not errors(room.crm.write_messages([message(crm_id), message(crm_id)]))
        assert len(room.messages()) == 1

    def test_a_status_climbs_and_never_falls(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        for minute, status in enumerate(("accepted", "delivered", "sent", "read", "delivered", "failed")):
            at = NOON + timedelta(minutes=minute)
            room.crm.write_messages([message(crm_id, "out-1", direction="out", status=status, status_at=at)])
        [seen] = room.messages()
        assert (seen["status"], seen["status_at"]) == ("read", NOON + timedelta(minutes=3))

    def test_a_failure_is_recorded_with_its_reason(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        room.crm.write_messages([message(crm_id, "out-1", status="sent")])
        room.crm.write_messages([message(crm_id, "out-1", status="failed", error="131026: not on WhatsApp")])
        [seen] = room.messages()
        assert (seen["status"], seen["error"]) == ("failed", "131026: not on WhatsApp")

    def test_a_message_that_the_platform_never_named_is_recorded_and_may_revive(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        lost = message(crm_id, "out-1", wamid=None, status="failed", error="no answer")
        assert not errors(room.crm.write_messages([lost]))
        assert [(seen["status"], seen["wamid"]) for seen in room.messages()] == [("failed", None)]
        room.crm.write_messages([message(crm_id, "out-1", status="accepted")])
        [seen] = room.messages()
        assert (seen["status"], seen["wamid"], seen["error"]) == ("accepted", "wamid.of.out-1", None)

    def test_what_we_do_not_know_erases_nothing(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        room.crm.write_messages([message(crm_id, "out-1", status="read", status_at=NOON, reply_to="wamid.0")])
        room.crm.write_messages([message(None, "out-1")])
        [seen] = room.messages()
        assert (seen["crm_contact_id"], seen["status"], seen["reply_to"]) == (crm_id, "read", "wamid.0")

    def test_a_refused_message_does_not_hold_back_the_others(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        batch = [message(crm_id, f"in-{number}") for number in range(9)]
        batch[4] = message("no such customer", "in-4")
        results = room.crm.write_messages(batch)
        assert [result.ref for result in results] == [item.ref for item in batch]
        assert [index for index, result in enumerate(results) if result.error] == [4]
        assert isinstance(results[4].error, Never)
        assert len(room.messages()) == 8

    def test_an_empty_batch_writes_nothing(self, room: Room) -> None:
        assert room.crm.write_messages([]) == []
        assert room.crm.write_tasks([]) == []
        assert room.crm.write_contacts([]) == []

    def test_a_batch_of_hundreds_is_recorded(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        batch = [message(crm_id, f"in-{number}", body=f"第 {number} 則") for number in range(450)]
        assert not errors(room.crm.write_messages(batch))
        assert {seen["body"] for seen in room.messages()} == {item.body for item in batch}

    @pytest.mark.parametrize("body", [*ODD_TEXTS, "字" * 4096, ""])
    def test_a_body_of_any_text_is_recorded_as_it_was_sent(self, room: Room, body: str) -> None:
        assert not errors(room.crm.write_messages([message(room.add(phone="0912-345-678"), body=body)]))
        assert room.messages()[0]["body"] == body

    def test_a_body_that_no_database_stores_is_recorded_without_what_it_cannot_store(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        assert not errors(room.crm.write_messages([message(crm_id, body="a\x00b\ud83dc")]))
        assert len(room.messages()) == 1

    def test_two_workers_with_the_same_messages_record_each_once(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        batch = [message(crm_id, f"in-{number}") for number in range(30)]
        with ThreadPoolExecutor(4) as workers:
            written = list(workers.map(room.crm.write_messages, [batch, batch[::-1], batch, batch[::-1]]))
        assert not [error for results in written for error in errors(results)]
        assert sorted(seen["wamid"] for seen in room.messages()) == sorted(item.wamid or "" for item in batch)


class TaskSuite:
    """Handing work to people (R32, R33)."""

    def test_a_task_is_there_for_a_person_to_do(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        assert not errors(room.crm.write_tasks([task(crm_id)]))
        [seen] = room.tasks()
        assert (seen["ref"], seen["crm_contact_id"], seen["priority"]) == ("handoff-1", crm_id, "urgent")
        assert (seen["subject"], seen["body"]) == ("WhatsApp: complaint", "我要客訴")

    def test_a_task_written_again_leaves_the_persons_work_alone(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        room.crm.write_tasks([task(crm_id)])
        room.finish_task("handoff-1")
        before = room.tasks()
        results = room.crm.write_tasks([task(crm_id, subject="again"), task(crm_id, "handoff-2")])
        assert not errors(results)
        assert [seen for seen in room.tasks() if seen["ref"] == "handoff-1"] == before
        assert len(room.tasks()) == 2

    def test_a_refused_task_does_not_hold_back_the_others(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        results = room.crm.write_tasks([task("no such customer"), task(crm_id, "handoff-2")])
        assert [isinstance(result.error, Never) for result in results] == [True, False]
        assert [seen["ref"] for seen in room.tasks()] == ["handoff-2"]


class ReplySuite:
    """Messages that the CRM's people write to be sent (R22)."""

    def test_a_written_reply_is_listed(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        record_id = room.write_reply("您的包裹明天到。", crm_id=crm_id)
        [found] = room.crm.replies()
        assert (found.record_id, found.crm_contact_id, found.body) == (record_id, crm_id, "您的包裹明天到。")
        assert (found.template, found.reply_to) == (None, None)

    def test_nothing_written_is_nothing_listed(self, room: Room) -> None:
        room.add(phone="0912-345-678")
        assert room.crm.replies() == []
        assert room.crm.replies([]) == []
        assert room.crm.take_replies([]) == []

    def test_a_message_that_a_person_only_logged_is_never_listed(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        logged = room.log_message(crm_id, "電話中已說明")
        assert room.crm.replies() == []
        assert room.crm.replies([logged]) == []

    def test_what_we_recorded_ourselves_is_never_listed(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        sent = message(crm_id, "out-1", direction="out", status="accepted")
        assert not errors(room.crm.write_messages([sent, message(crm_id)]))
        assert room.crm.replies() == []

    def test_whatever_else_is_said_of_it_comes_along(self, room: Room) -> None:
        said = {"template": "order_update", "language": "zh_TW", "reply_to": "wamid.7", "author": "林業務"}
        said = {name: value for name, value in said.items() if name in room.reply_fields}
        room.write_reply("王小明\nA-1", crm_id=room.add(phone="0912-345-678"), **said)
        [found] = room.crm.replies()
        assert {name: getattr(found, name) for name in said} == said
        assert found.body == "王小明\nA-1"

    def test_a_number_will_do_instead_of_a_customer(self, room: Room) -> None:
        if "phone" not in room.reply_fields:
            return
        room.write_reply("您好", phone="0912-345-678")
        [found] = room.crm.replies()
        assert (found.crm_contact_id, found.phone) == (None, "0912-345-678")

    def test_the_oldest_comes_first(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        written = [room.write_reply(f"第 {number} 則", crm_id=crm_id) for number in range(12)]
        assert [found.record_id for found in room.crm.replies()] == written

    def test_a_taken_reply_carries_its_ref_and_is_not_listed_any_more(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        taken, waits = (room.write_reply(body, crm_id=crm_id) for body in ("first", "second"))
        results = room.crm.take_replies([TakenReply(taken, "out-1")])
        assert [(result.ref, result.error) for result in results] == [("out-1", None)]
        assert [found.record_id for found in room.crm.replies()] == [waits]
        assert room.crm.replies([taken]) == []
        assert (room.reply(taken)["ref"], room.reply(taken)["error"]) == ("out-1", None)

    def test_taking_it_again_changes_nothing(self, room: Room) -> None:
        record_id = room.write_reply("您好", crm_id=room.add(phone="0912-345-678"))
        room.crm.take_replies([TakenReply(record_id, "out-1")])
        before = room.reply(record_id)
        for again in ("out-1", "out-2"):
            room.crm.take_replies([TakenReply(record_id, again)])
        assert room.reply(record_id) == before

    def test_a_refused_one_says_why(self, room: Room) -> None:
        record_id = room.write_reply("您好", crm_id=room.add(phone="0912-345-678"))
        assert not errors(room.crm.take_replies([TakenReply(record_id, "refused-1", "not a phone number")]))
        seen = room.reply(record_id)
        assert (seen["ref"], seen["status"], seen["error"]) == ("refused-1", "failed", "not a phone number")
        assert room.crm.replies() == []

    def test_one_that_fails_later_says_why_then(self, room: Room) -> None:
        record_id = room.write_reply("您好", crm_id=room.add(phone="0912-345-678"))
        room.crm.take_replies([TakenReply(record_id, "out-1")])
        for _ in range(2):
            assert not errors(room.crm.take_replies([TakenReply(record_id, "out-1", "window_closed")]))
        seen = room.reply(record_id)
        assert (seen["ref"], seen["status"], seen["error"]) == ("out-1", "failed", "window_closed")

    def test_one_that_is_gone_does_not_hold_back_the_others(self, room: Room) -> None:
        record_id = room.write_reply("您好", crm_id=room.add(phone="0912-345-678"))
        results = room.crm.take_replies([TakenReply("999999", "out-1"), TakenReply(record_id, "out-2")])
        assert [result.ref for result in results] == ["out-1", "out-2"]
        assert isinstance(results[0].error, Never)
        assert results[1].error is None
        assert room.reply(record_id)["ref"] == "out-2"

    def test_the_message_it_became_is_the_same_record(self, room: Room) -> None:
        if not room.replies_are_messages:
            return
        crm_id = room.add(phone="0912-345-678")
        record_id = room.write_reply("您好", crm_id=crm_id)
        room.crm.take_replies([TakenReply(record_id, "out-1")])
        for status in ("accepted", "read", "delivered"):
            sent = message(crm_id, "out-1", direction="out", status=status, status_at=NOON, body="您好\n— Formosa Tea")
            assert not errors(room.crm.write_messages([sent]))
        [seen] = room.messages()
        assert (seen["ref"], seen["wamid"], seen["crm_contact_id"]) == ("out-1", "wamid.of.out-1", crm_id)
        assert (room.reply(record_id)["ref"], room.reply(record_id)["status"]) == ("out-1", "read")
        assert room.crm.replies() == []

    def test_what_is_told_of_it_late_takes_no_status_back(self, room: Room) -> None:
        if not room.replies_are_messages:
            return
        crm_id = room.add(phone="0912-345-678")
        record_id = room.write_reply("您好", crm_id=crm_id)
        room.crm.take_replies([TakenReply(record_id, "out-1")])
        room.crm.write_messages([message(crm_id, "out-1", direction="out", status="delivered")])
        for error in (None, "late"):
            room.crm.take_replies([TakenReply(record_id, "out-1", error)])
        assert (room.reply(record_id)["status"], room.reply(record_id)["error"]) == ("delivered", None)

    @pytest.mark.parametrize("body", [*ODD_TEXTS, "第一行\n第二行\n\n第四行", "<b>1 < 2</b> & &amp;", "字" * 3000])
    def test_any_text_arrives_as_it_was_written(self, room: Room, body: str) -> None:
        room.write_reply(body, crm_id=room.add(phone="0912-345-678"))
        [found] = room.crm.replies()
        assert found.body == body

    def test_single_records_can_be_asked_for(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        first, second, third = (room.write_reply(f"第 {number} 則", crm_id=crm_id) for number in range(3))
        room.crm.take_replies([TakenReply(second, "out-1")])
        assert {found.record_id: found.body for found in room.crm.replies([third, second, first])} == {
            first: "第 0 則",
            third: "第 2 則",
        }
        assert all(found.crm_contact_id == crm_id for found in room.crm.replies([first]))

    @pytest.mark.parametrize("record_id", ["999999", "no such id", "0", "-1", "9" * 30, "王", "a'b"])
    def test_an_id_that_nobody_has_is_passed_over(self, room: Room, record_id: str) -> None:
        stays = room.write_reply("您好", crm_id=room.add(phone="0912-345-678"))
        assert [found.record_id for found in room.crm.replies([record_id, stays])] == [stays]

    def test_two_workers_who_take_one_give_it_one_ref(self, room: Room) -> None:
        record_id = room.write_reply("您好", crm_id=room.add(phone="0912-345-678"))
        taken = [TakenReply(record_id, "out-1")]
        with ThreadPoolExecutor(4) as workers:
            written = list(workers.map(room.crm.take_replies, [taken] * 4))
        assert not [error for results in written for error in errors(results)]
        assert room.reply(record_id)["ref"] == "out-1"

    def test_asking_whether_it_rings_never_waits_and_never_fails(self, room: Room) -> None:
        room.write_reply("您好", crm_id=room.add(phone="0912-345-678"))
        assert room.crm.rings() in (True, False)


class ContactSuite:
    """Telling the CRM what we learned about a customer (R21)."""

    def test_known_customers_get_the_given_fields_and_keep_the_others(self, room: Room) -> None:
        crm_id = room.add(full_name="王小明", phone="0912-345-678", city="台北市", marketing_consent="是")
        [result] = room.crm.write_contacts([person(crm_id, full_name="王大明", marketing_consent=False)])
        assert (result.error, result.crm_id) == (None, crm_id)
        told = records(room)[crm_id].fields
        assert (told["full_name"], told["city"], told["marketing_consent"]) == ("王大明", "台北市", False)

    def test_a_field_given_as_nothing_is_emptied(self, room: Room) -> None:
        crm_id = room.add(full_name="王小明", phone="0912-345-678", city="台北市", company="Formosa Tea")
        assert not errors(room.crm.write_contacts([person(crm_id, city=None)]))
        told = records(room)[crm_id].fields
        assert (told.get("city"), told["company"]) == (None, "Formosa Tea")

    def test_what_means_the_same_stays_as_it_was_typed(self, room: Room) -> None:
        crm_id = room.add(full_name="王小明", phone="0912-345-678")
        room.crm.write_contacts([person(crm_id, phone="+886912345678", full_name="王小明")])
        assert room.contact(crm_id)["phone"] == "0912-345-678"

    def test_new_tags_join_those_that_people_gave(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678", tags="VIP,老客戶")
        room.crm.write_contacts([person(crm_id, tags=["complaint", "VIP"])])
        assert set(records(room)[crm_id].fields["tags"]) == {"VIP", "老客戶", "complaint"}

    def test_fields_that_only_the_crms_people_fill_are_not_written(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678", owner="林業務")
        room.crm.write_contacts([person(crm_id, owner="ours", external_id="9", full_name="王小明")])
        assert room.contact(crm_id)["owner"] == "林業務"
        assert room.contact_ids() == [crm_id]

    @pytest.mark.parametrize(
        "typed", ["0912-345-678", "(0912) 345 678", "+886 912 345 678", "886912345678", "912345678"]
    )
    def test_a_stranger_is_found_by_phone_however_it_was_typed(self, room: Room, typed: str) -> None:
        room.add(phone="0922-222-222")
        crm_id = room.add(phone=typed)
        [result] = room.crm.write_contacts([person(phone="+886912345678", full_name="王小明")])
        assert result.crm_id == crm_id
        assert records(room)[crm_id].fields["full_name"] == "王小明"

    def test_a_stranger_whom_nobody_knows_is_created_once(self, room: Room) -> None:
        stranger = person(phone="+85291234567", full_name="陳大文", tags=["new"], marketing_consent=None)
        first, second = (room.crm.write_contacts([stranger])[0] for _ in range(2))
        assert first.error is None
        assert first.crm_id == second.crm_id
        assert room.contact_ids() == [first.crm_id]
        told = records(room)[first.crm_id or ""]
        assert (told.phone, told.fields["full_name"], told.fields["tags"]) == ("+85291234567", "陳大文", ["new"])

    def test_two_people_of_one_batch_with_one_phone_share_a_record(self, room: Room) -> None:
        strangers = [person(ref=f"contact-{number}", phone="+886912345678") for number in range(2)]
        results = room.crm.write_contacts(strangers)
        assert {result.crm_id for result in results} == set(room.contact_ids())
        assert len(room.contact_ids()) == 1

    def test_someone_without_a_phone_is_created(self, room: Room) -> None:
        [result] = room.crm.write_contacts([person(phone=None, full_name="Chen")])
        assert result.error is None
        assert room.contact_ids() == [result.crm_id]

    def test_a_customer_who_is_gone_does_not_hold_back_the_others(self, room: Room) -> None:
        crm_id = room.add(phone="0912-345-678")
        lost = person("999999", "contact-1", full_name="x")
        results = room.crm.write_contacts([lost, person(crm_id, "contact-2", full_name="王小明")])
        assert isinstance(results[0].error, Never)
        assert (results[1].error, results[1].crm_id) == (None, crm_id)
        assert records(room)[crm_id].fields["full_name"] == "王小明"

    def test_what_was_written_reads_back_the_same(self, room: Room) -> None:
        given = {"full_name": "👩 王小明", "phone": "+886912345678", "tags": ["a", "b"], "marketing_consent": True}
        given |= {"blocked": False, "language": "zh_TW", "gender": "f", "birthday": "1991-03-09"}
        [result] = room.crm.write_contacts([person(**given)])
        told = records(room)[result.crm_id or ""].fields
        assert {name: told.get(name) for name in given} == given

    def test_writing_again_changes_no_digest(self, room: Room) -> None:
        given = {"full_name": "王小明", "phone": "+886912345678", "tags": ["a"], "marketing_consent": True}
        room.crm.write_contacts([person(**given)])
        before = read(room)[0].digest
        room.crm.write_contacts([person(**given)])
        assert read(room)[0].digest == before


class CrmSuite(ReadingSuite, LookingUpSuite, TranslatingSuite, MessageSuite, TaskSuite, ReplySuite, ContactSuite):
    """All of it."""

    def test_a_healthy_crm_finds_nothing_wrong_with_itself(self, room: Room) -> None:
        checks = room.crm.check()
        assert checks
        assert [check for check in checks if not check.ok] == []
