"""Who somebody is: phones in several forms, user ids, and what the platform calls people (X3)."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import pytest
from sqlalchemy import event, text

from syncer.domain.message import Sender
from syncer.store import contact_joins, contact_separation, identities, recognition
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.integration.contact_desk import A, B, Desk, open_desk

LONG, SHORT = "+5511987654321", "+551187654321"
UID = "BR.13491208655302741918"


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[Desk]:
    with open_desk(store, clock) as desk:
        yield desk


def meet(desk: Desk, *senders: Sender) -> list[int]:
    """The contact of each sender, all asked at once."""

    def ask(tx):
        found = recognition.resolve(tx, senders, desk.clock.now())
        return [found[sender] for sender in senders]

    return desk.store.run(ask)


def leads(desk: Desk, contact_id: int) -> list[str]:
    return [
        row.value for row in desk.rows("select value from identities where contact_id = :i order by 1", i=contact_id)
    ]


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_):
        seen.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(store.engine, "before_cursor_execute", note)


# Forms


@pytest.mark.parametrize(
    ("stored", "told"),
    [
        (LONG, SHORT),
        (SHORT, LONG),
        ("+525541637145", "+5215541637145"),
        ("+5491123456789", "+541123456789"),
        ("+54111523456789", "+5491123456789"),
        ("+22997123456", "+2290197123456"),
    ],
)
def test_a_person_known_by_one_form_is_recognised_by_the_other(desk: Desk, stored: str, told: str) -> None:
    (person,) = meet(desk, Sender(stored, name="Ana"))
    assert meet(desk, Sender(told)) == [person]
    assert leads(desk, person) == sorted([stored, told])
    assert desk.value("select phone from contacts") == stored


def test_both_forms_in_one_set_are_one_stranger(desk: Desk) -> None:
    one, other = meet(desk, Sender(LONG), Sender(SHORT))
    assert one == other
    assert desk.value("select count(*) from contacts") == 1


def test_forms_of_two_contacts_lead_to_each_of_them_and_are_not_guessed_at(desk: Desk) -> None:
    with desk.store.begin() as tx:
        made = [
            recognition.resolve(tx, [Sender(user_id=name)], desk.clock.now())[Sender(user_id=name)] for name in "ab"
        ]
        identities.link(tx, {("phone", LONG): made[0], ("phone", SHORT): made[1]})
    assert meet(desk, Sender(LONG), Sender(SHORT)) == made
    assert [desk.holder(LONG), desk.holder(SHORT)] == made


def test_a_landline_does_not_become_the_mobile_with_a_nine_in_front(desk: Desk) -> None:
    one, other = meet(desk, Sender("+551132345678"), Sender("+5511932345678"))
    assert one != other


def test_a_user_id_is_never_altered(desk: Desk) -> None:
    one, other = meet(desk, Sender(user_id=UID), Sender(user_id=UID.lower()))
    assert one != other
    assert leads(desk, one) == [UID]


# Phone and user id


def test_a_phone_and_a_user_id_seen_together_lead_to_one_person(desk: Desk) -> None:
    (person,) = meet(desk, Sender(A, UID, "Ana"))
    assert meet(desk, Sender(A), Sender(user_id=UID)) == [person, person]


@pytest.mark.parametrize("first", [Sender(A), Sender(user_id=UID)])
def test_the_unknown_one_of_the_two_is_added_to_the_known(desk: Desk, first: Sender) -> None:
    (person,) = meet(desk, first)
    assert meet(desk, Sender(A, UID)) == [person]
    assert leads(desk, person) == sorted([A, UID])


def test_senders_of_one_set_that_share_anything_are_one_person(desk: Desk) -> None:
    found = meet(desk, Sender(A), Sender(user_id=UID), Sender(A, UID, "Ana"), Sender(B))
    assert len(set(found[:3])) == 1
    assert found[3] != found[0]
    assert desk.value("select full_name from contacts where id = :i", i=found[0]) == "Ana"
    assert desk.value("select count(*) from contacts") == 2


def test_two_contacts_that_turn_out_to_be_one_person_are_joined(desk: Desk) -> None:
    by_phone, by_user_id = desk.hear_from(A), meet(desk, Sender(user_id=UID))[0]
    assert desk.hear_from(A, UID) == by_phone
    assert leads(desk, by_phone) == sorted([A, UID])
    assert desk.rows("select id from contacts") == [(by_phone,)]
    journal = desk.rows("select kept_id, absorbed_id, key from contact_joins")
    assert journal == [(by_phone, by_user_id, f"phone:{A} user_id:{UID}")]


def test_a_number_that_comes_with_another_account_has_changed_hands(desk: Desk) -> None:
    old, new = meet(desk, Sender(A, "TW.1"))[0], meet(desk, Sender(user_id="TW.2"))[0]
    assert meet(desk, Sender(A, "TW.2")) == [new]
    assert desk.rows("select * from contact_joins") == []
    assert desk.holder(A) == old


def test_what_somebody_took_apart_is_not_joined_again_by_itself(desk: Desk) -> None:
    one, other = meet(desk, Sender(A))[0], meet(desk, Sender(user_id=UID))[0]
    meet(desk, Sender(A, UID))
    with desk.store.begin() as tx:
        contact_separation.separate(tx, desk.value("select id from contact_joins"), desk.clock.now())
    assert meet(desk, Sender(A, UID)) == [other]
    assert (desk.holder(A), desk.value("select count(*) from contact_joins")) == (one, 1)


# Two workers


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Sender(A, name="x"), Sender(A, name="y")),
        (Sender(A, UID), Sender(A)),
        (Sender(A, UID), Sender(user_id=UID)),
        (Sender(LONG), Sender(SHORT)),
        (Sender(LONG, UID), Sender(SHORT, UID)),
    ],
)
def test_two_workers_at_once_make_one_person(desk: Desk, one: Sender, other: Sender) -> None:
    for round_ in range(5):
        start = Barrier(2)

        def ask(sender: Sender, start: Barrier = start) -> int:
            def look(tx):
                start.wait(5)
                return recognition.resolve(tx, [sender], desk.clock.now())[sender]

            return desk.store.run(look, tries=1)

        with ThreadPoolExecutor(2) as pool:
            found = list(pool.map(ask, [one, other]))
        assert len(set(found)) == 1, round_
        assert desk.value("select count(*) from contacts") == 1
        with desk.store.begin() as tx:
            tx.execute(text("delete from identities"))
            tx.execute(text("delete from contacts"))


def test_a_conversation_waits_for_the_page_that_is_being_placed_and_then_joins(desk: Desk) -> None:
    by_phone = meet(desk, Sender(A))[0]
    meet(desk, Sender(user_id=UID))
    with ThreadPoolExecutor(1) as pool:
        with desk.store.begin() as page:
            contact_joins.take_turn(page)
            waiting = pool.submit(meet, desk, Sender(A, UID))
            wait_for_lock(desk)
            page.execute(text("update contacts set full_name = 'Ana' where id = :id"), {"id": by_phone})
        assert waiting.result(5) == [by_phone]
    assert desk.rows("select full_name from contacts") == [("Ana",)]


def wait_for_lock(desk: Desk) -> None:
    """Until another connection waits for a lock; it is polled, since PostgreSQL tells nobody."""
    for _ in range(500):
        with desk.store.begin() as tx:
            blocked = tx.execute(
                text("""select count(*) from pg_stat_activity, pg_sleep(0.01)
                        where wait_event_type = 'Lock' and datname = current_database()""")
            )
            if blocked.scalar_one():
                return
    raise AssertionError("nobody waits")


# Sets


def test_two_hundred_senders_take_a_handful_of_statements(desk: Desk) -> None:
    strangers = [Sender(f"+8869{n:08d}", f"TW.{n}", f"n{n}") for n in range(150)]
    strangers += [Sender(f"+55119{87650000 + n}", f"BR.{n}") for n in range(50)]
    with statements(desk.store) as first:
        made = meet(desk, *strangers)
    assert len(set(made)) == 200
    assert desk.value("select count(*) from identities") == 400
    with statements(desk.store) as again:
        assert meet(desk, *strangers) == made
    assert (len(first), len(again)) == (6, 2)


# What the platform calls people


def learn(desk: Desk, contact_id: int, *senders: Sender) -> None:
    with desk.store.begin() as tx:
        recognition.learn(tx, [(contact_id, sender) for sender in senders], desk.clock.now())


def test_the_form_and_the_user_id_in_an_answer_are_remembered(desk: Desk) -> None:
    (person,) = meet(desk, Sender(LONG))
    learn(desk, person, Sender(SHORT, UID))
    assert leads(desk, person) == sorted([LONG, SHORT, UID])
    with statements(desk.store) as again:
        learn(desk, person, Sender(SHORT, UID))
    assert len(again) == 1


def test_somebody_known_by_user_id_only_gets_the_phone_that_a_status_names(desk: Desk) -> None:
    (person,) = meet(desk, Sender(user_id=UID))
    learn(desk, person, Sender(A))
    assert desk.holder(A) == person
    assert desk.value("select phone from contacts") == A


def test_the_platform_tells_that_two_forms_are_one_account(desk: Desk) -> None:
    with desk.store.begin() as tx:
        made = [
            recognition.resolve(tx, [Sender(user_id=name)], desk.clock.now())[Sender(user_id=name)] for name in "ab"
        ]
        tx.execute(text("delete from identities"))
        identities.link(tx, {("phone", LONG): made[0], ("phone", SHORT): made[1]})
    learn(desk, made[0], Sender(SHORT))
    assert meet(desk, Sender(LONG), Sender(SHORT)) == [made[0], made[0]]


@pytest.mark.parametrize("late", [Sender(B), Sender(user_id="TW.old"), Sender("+886900000009", "TW.old")])
def test_a_late_status_that_names_somebody_else_teaches_nothing(desk: Desk, late: Sender) -> None:
    (person,), (other,) = meet(desk, Sender(A, UID)), meet(desk, Sender(B))
    learn(desk, person, late)
    assert leads(desk, person) == sorted([A, UID])
    assert leads(desk, other) == [B]


# The contact sync


def test_a_crm_row_and_a_whatsapp_contact_in_another_form_become_one(desk: Desk) -> None:
    person = desk.hear_from(SHORT)
    crm_id = desk.crm.add(full_name="Ana", phone="+55 11 98765-4321")
    desk.sync()
    contact = desk.contact_of(crm_id)
    assert (contact.id, contact.phone) == (person, LONG)
    assert leads(desk, person) == sorted([LONG, SHORT])
    assert desk.hear_from(SHORT) == desk.hear_from(LONG) == person


def test_rows_in_two_forms_are_one_person_on_one_page_and_on_two(desk: Desk) -> None:
    rows = [desk.crm.add(phone=phone) for phone in (LONG, SHORT, "+52 1 55 4163 7145")]
    desk.sync()
    assert desk.contact_of(rows[0]).id == desk.contact_of(rows[1]).id != desk.contact_of(rows[2]).id
    rows.append(desk.other.add(phone="+52 55 4163 7145"))
    desk.sync(crm="hubspot")
    assert desk.contact_of(rows[2]).id == desk.contact_of(rows[3], "hubspot").id
    assert desk.value("select count(*) from contacts") == 2


def test_a_stranger_and_a_page_that_meet_one_number_in_two_forms_at_once_make_one_contact(desk: Desk) -> None:
    desk.crm.add(phone=LONG)
    with ThreadPoolExecutor(1) as pool:
        with desk.store.begin() as tx:
            person = recognition.resolve(tx, [Sender(SHORT)], desk.clock.now())[Sender(SHORT)]
            page = pool.submit(desk.sync)
            wait_for_lock(desk)
        page.result(10)
    assert desk.rows("select id from contacts") == [(person,)]
