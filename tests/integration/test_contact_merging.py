"""Keys besides the phone in a sync, merging by hand, and the way back from each of them (R5, X3)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from syncer.domain.consent import Word
from syncer.domain.errors import Refused
from syncer.flows.contacts.merging import Merging
from syncer.store import contacts
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import RecordingJobs
from tests.integration.contact_desk import A, B, Desk, open_desk
from tests.unit.placement_world import LIMIT, people_of

C = "+886933333333"


@pytest.fixture
def desk(store: Store, clock: FakeClock) -> Iterator[Desk]:
    with open_desk(store, clock) as desk:
        desk.flow = replace(desk.flow, by_email=True)
        yield desk


@pytest.fixture
def merging(desk: Desk) -> Merging:
    return Merging(desk.store, ("sql", "hubspot"), desk.clock, RecordingJobs(), by_email=True)


def home(desk: Desk, crm_id: str, crm: str = "sql") -> int:
    return int(desk.contact_of(crm_id, crm).id)


def told(desk: Desk, contact_id: int) -> dict[str, Any]:
    """What a contact says, without its own number and stamps."""
    row = desk.rows("select * from contacts where id = :i", i=contact_id)[0]._mapping
    return {name: row[name] for name in row if name not in ("id", "created_at", "updated_at", "revision")}


def tag(desk: Desk, contact_id: int, *tags: str) -> None:
    with desk.store.begin() as tx:
        contacts.add_tags(tx, contact_id, tags, desk.clock.now())


# Keys


@pytest.mark.parametrize("first", ["sql", "hubspot"])
def test_a_row_that_names_its_person_in_another_crm_is_that_person_whichever_is_read_first(
    desk: Desk, first: str
) -> None:
    ours = desk.crm.add(full_name="王小明", phone=A)
    theirs = desk.other.add(full_name="Wang", phone=B, same_as=f"sql:{ours}")
    for crm in sorted(["sql", "hubspot"], reverse=first == "sql"):
        desk.sync(crm=crm)
    assert home(desk, ours) == home(desk, theirs, "hubspot") == desk.holder(A) == desk.holder(B)
    assert desk.value("select count(*) from contacts") == 1
    assert desk.value("select key from merges where undone_at is null") == f"same_as:sql:{ours}"


def test_a_name_that_is_taken_back_parts_them_again_each_with_their_number(desk: Desk) -> None:
    ours, theirs = desk.crm.add(phone=A), desk.other.add(phone=B, same_as="sql:000001")
    desk.sync()
    desk.sync(crm="hubspot")
    desk.other.contacts[theirs] |= {"same_as": None}
    desk.sync(crm="hubspot")
    assert [desk.holder(A), desk.holder(B)] == [home(desk, ours), home(desk, theirs, "hubspot")]
    assert desk.value("select count(*) from contacts") == 2
    assert desk.value("select count(*) from merges where undone_at is null") == 0


def test_two_customers_with_conversations_are_not_made_one_by_a_name(desk: Desk) -> None:
    people = [desk.hear_from(A), desk.hear_from(B)]
    ours, theirs = desk.crm.add(phone=A), desk.other.add(phone=B, same_as="sql:000001")
    desk.sync()
    desk.sync(crm="hubspot")
    assert [home(desk, ours), home(desk, theirs, "hubspot")] == people


def test_a_row_without_a_number_joins_the_one_person_of_its_address_and_leaves_when_there_are_two(desk: Desk) -> None:
    known = desk.crm.add(phone=A, email="lin@example.com", full_name="林美麗")
    desk.sync()
    poor = desk.other.add(phone="", email="lin@example.com", company="Formosa Tea")
    desk.sync(crm="hubspot")
    assert home(desk, poor, "hubspot") == home(desk, known)
    assert desk.contact_of(known).attributes["company"] == "Formosa Tea"
    assert desk.value("select key from merges where undone_at is null") == "email:lin@example.com"
    brother = desk.crm.add(phone=B, email="lin@example.com")
    desk.sync()
    assert len({home(desk, known), home(desk, brother), home(desk, poor, "hubspot")}) == 3


@pytest.mark.parametrize("email", ["info@example.com", "crowd@example.com"])
def test_an_address_of_many_leads_nowhere(desk: Desk, email: str) -> None:
    rows = [desk.crm.add(phone=A if n == 0 else "", email=email) for n in range(7)]
    desk.sync()
    assert len({home(desk, crm_id) for crm_id in rows}) == 7


def test_an_address_is_no_key_unless_the_company_says_so(desk: Desk) -> None:
    desk.flow = replace(desk.flow, by_email=False)
    rows = [desk.crm.add(phone=phone, email="lin@example.com") for phone in (A, "")]
    desk.sync()
    assert home(desk, rows[0]) != home(desk, rows[1])


def test_a_page_without_such_keys_asks_the_database_nothing_more(desk: Desk, statements: list[str]) -> None:
    desk.flow = replace(desk.flow, by_email=False)
    for n in range(8):
        desk.crm.add(phone=f"091111111{n}", email=f"c{n}@example.com")
    desk.sync()
    plain = len(statements)
    desk.crm.add(phone="0922222222", email="x@example.com", same_as="hubspot:7")
    desk.crm.add(phone="0922222223", email="y@example.com")
    statements.clear()
    desk.sync()
    assert len(statements) <= plain


@pytest.fixture
def statements(store: Store) -> Iterator[list[str]]:
    from sqlalchemy import event

    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(store.engine, "before_cursor_execute", note)


@pytest.mark.parametrize("seed", range(6))
def test_any_history_of_two_crms_ends_where_the_plain_rule_says(desk: Desk, seed: int) -> None:
    """The bounded look around a page finds everything that matters."""
    chance = random.Random(seed)
    crms = {"sql": desk.crm, "hubspot": desk.other}

    def draw() -> dict[str, Any]:
        return {
            "phone": chance.choice(["", "", *(f"09{n:08d}" for n in range(7))]),
            "email": chance.choice(["", *(f"c{n}@example.com" for n in range(5))]),
            "same_as": chance.choice([None] * 5 + [f"{c}:{n:06d}" for c in crms for n in range(1, 13)]),
        }

    rows = [(name, crm.add(**draw())) for name, crm in crms.items() for _ in range(12)]
    desk.flow = replace(desk.flow, page_size=chance.choice([1, 3, 10]), shared_above=LIMIT)
    for _ in range(6):
        for name in crms:
            desk.sync(crm=name)
        for name, crm_id in chance.sample(rows, 6):
            crms[name].contacts[crm_id] |= {"updated_at": desk.clock.advance(minutes=1), **draw()}
    for name in crms:
        desk.sync(crm=name)
    records = [r for crm in crms.values() for page in crm.pages(None, page_size=99) for r in crm.translate(page.rows)]
    found: dict[int, set[tuple[str, str]]] = {}
    for name, crm_id in rows:
        found.setdefault(home(desk, crm_id, name), set()).add((name, crm_id))
    assert set(map(frozenset, found.values())) == people_of(records)
    assert desk.value("select count(*) from contacts") == len(found)
    alone = desk.value(
        "select count(*) from merges m where undone_at is null and not exists (select 1 from"
        " contact_sources s where (s.crm, s.crm_id, s.contact_id) = (m.crm, m.crm_id, m.contact_id))"
    )
    assert alone == 0


# A row taken apart


@pytest.fixture
def pair(desk: Desk) -> list[str]:
    """Two rows of one number, two persons."""
    rows = [
        desk.crm.add(full_name="王小明", phone=A, tags="vip", marketing_consent="Y", city="Taipei"),
        desk.crm.add(full_name="王太太", phone=A, tags="tea", email="wang@example.com", marketing_consent="N"),
    ]
    desk.sync()
    return rows


def test_a_row_taken_apart_says_what_it_would_have_said_alone_and_so_does_the_rest(
    desk: Desk, merging: Merging, pair: list[str], clock: FakeClock
) -> None:
    together = home(desk, pair[0])
    apart = merging.unmerge_row(together, "sql", pair[1], "alice")
    assert [home(desk, crm_id) for crm_id in pair] == [together, apart]
    kept, left = told(desk, together), told(desk, apart)
    assert (kept["full_name"], kept["tags"], kept["email"], kept["marketing"]) == ("王小明", ["vip"], None, "granted")
    assert (left["full_name"], left["tags"], left["marketing"]) == ("王太太", ["tea"], "revoked")
    assert (left["attributes"].get("city"), left["phone"], desk.holder(A)) == (None, A, together)
    assert desk.value("select count(*) from merges where undone_at is null") == 0
    wanted = desk.rows("select distinct subject_id from crm_writes order by 1")
    assert wanted == sorted([(together,), (apart,)])
    note = desk.rows("select * from row_separations")[0]
    assert (note.by, note.kept_before["tags"], note.kept_after["tags"]) == ("alice", ["tea", "vip"], ["vip"])


def test_a_row_taken_apart_is_never_merged_again_whatever_it_says(
    desk: Desk, merging: Merging, pair: list[str]
) -> None:
    together = home(desk, pair[0])
    apart = merging.unmerge_row(together, "sql", pair[1], "alice")
    for change in ({"full_name": "林"}, {"phone": B}, {"phone": A, "same_as": f"sql:{pair[0]}"}, {"phone": ""}):
        desk.change(pair[1], **change)
        desk.change(pair[0], notes=str(change))
        desk.sync()
        assert [home(desk, crm_id) for crm_id in pair] == [together, apart]
        assert desk.holder(A) == together
        assert desk.holder(B) == (apart if change.get("phone") == B else None)


def test_what_a_conversation_brought_stays_with_the_one_that_is_kept(
    desk: Desk, merging: Merging, pair: list[str]
) -> None:
    together = desk.hear_from(A)
    tag(desk, together, "complaint")
    desk.says(together, Word.GRANTED)
    apart = merging.unmerge_row(together, "sql", pair[0], "alice")
    assert (told(desk, together)["tags"], told(desk, apart)["tags"]) == (["complaint", "tea"], ["vip"])
    assert desk.holder(A) == together
    assert desk.value("select contact_id from conversations") == together
    assert desk.value("select count(*) from consents where explicit and contact_id = :i", i=together) == 1
    assert (told(desk, together)["marketing"], told(desk, apart)["marketing"]) == ("granted", "granted")


def test_the_number_goes_along_where_nobody_else_has_it(desk: Desk, merging: Merging) -> None:
    ours, theirs = desk.crm.add(phone=A), desk.other.add(phone=B, same_as="sql:000001")
    desk.sync()
    desk.sync(crm="hubspot")
    apart = merging.unmerge_row(home(desk, ours), "hubspot", theirs, "alice")
    assert (desk.holder(A), desk.holder(B)) == (home(desk, ours), apart)
    desk.other.contacts[theirs] |= {"full_name": "again", "updated_at": desk.clock.advance(minutes=1)}
    desk.sync(crm="hubspot")
    assert home(desk, theirs, "hubspot") == apart


def test_a_contact_that_is_nothing_but_the_row_is_not_taken_apart(desk: Desk, merging: Merging) -> None:
    crm_id = desk.crm.add(phone=A)
    desk.sync()
    with pytest.raises(Refused, match="nothing but"):
        merging.unmerge_row(home(desk, crm_id), "sql", crm_id, "alice")
    with pytest.raises(LookupError):
        merging.unmerge_row(home(desk, crm_id), "sql", "nobody", "alice")


@pytest.mark.parametrize("seed", range(5))
def test_merge_and_unmerge_is_nothing_with_edits_conversations_and_syncs_in_between(
    desk: Desk, merging: Merging, seed: int
) -> None:
    """Each row ends as its own contact, saying what it says when nobody ever merged it."""
    chance = random.Random(seed)
    rows = [desk.crm.add(phone=A, full_name=f"Customer {n}", tags=f"t{n}", email=f"c{n}@x.tw") for n in range(4)]
    desk.sync()
    together = home(desk, rows[0])
    for step in range(6):
        match chance.choice(["edit", "hear", "tag", "sync"]):
            case "edit":
                desk.change(chance.choice(rows), full_name=f"Renamed {step}", marketing_consent=chance.choice("YN"))
            case "hear":
                desk.hear_from(A)
            case "tag":
                tag(desk, together, "complaint")
        desk.sync()
    merging.unmerge_all(together, "alice")
    alone = {crm_id: desk.crm.contacts[crm_id] for crm_id in rows}
    for crm_id, raw in alone.items():
        contact = desk.contact_of(crm_id)
        assert (contact.full_name, contact.email, contact.phone) == (raw["full_name"], raw["email"], A)
        assert set(contact.tags) - {"complaint"} == {raw["tags"]}
        said = {None: "unknown", "Y": "granted", "N": "revoked"}[raw.get("marketing_consent")]
        assert contact.marketing == said
    assert len({home(desk, crm_id) for crm_id in rows}) == 4
    assert merging.history(together).rows == []


# Two contacts made one by a person


def test_two_contacts_are_made_one_and_parted_again_with_their_numbers(desk: Desk, merging: Merging) -> None:
    rows = [desk.crm.add(full_name="One", phone=A), desk.crm.add(full_name="Two", phone=B, email="two@x.tw")]
    desk.sync()
    before = [told(desk, home(desk, crm_id)) for crm_id in rows]
    one, two = (home(desk, crm_id) for crm_id in rows)
    keep, join_id = merging.merge(one, two, "alice", "the same shop")
    assert [home(desk, crm_id) for crm_id in rows] == [keep, keep]
    desk.change(rows[1], phone=C)
    desk.sync()
    assert home(desk, rows[1]) == keep == desk.holder(C)
    desk.change(rows[1], phone=B)
    desk.sync()
    history = merging.history(keep)
    assert [(join.join_id, join.by, join.key) for join in history.joins] == [(join_id, "alice", "person:the same shop")]
    assert merging.unmerge_join(join_id, "bob") == two
    assert [told(desk, home(desk, crm_id)) for crm_id in rows] == before
    assert [desk.holder(A), desk.holder(B)] == [one, two]
    assert desk.rows("select by, undone_by from contact_joins") == [("alice", "bob")]
    assert desk.value("select count(*) from contact_sources where apart") == 0


def test_rows_that_came_by_a_returned_number_go_back_with_it(desk: Desk, merging: Merging) -> None:
    rows = [desk.crm.add(phone=A), desk.crm.add(phone=B)]
    desk.sync()
    one, two = (home(desk, crm_id) for crm_id in rows)
    _, join_id = merging.merge(one, two, "alice")
    late = desk.crm.add(phone=B, full_name="late")
    desk.sync()
    merging.unmerge_join(join_id, "alice")
    assert home(desk, late) == home(desk, rows[1]) == two
    assert desk.contact_of(late).full_name == "late"


def test_what_rows_and_people_said_while_two_were_one_is_said_by_the_right_one_afterwards(
    desk: Desk, merging: Merging
) -> None:
    rows = [
        desk.crm.add(full_name="One", phone=A, tags="a", city="Taipei", marketing_consent="Y"),
        desk.crm.add(full_name="Two", phone=B, tags="b", email="two@x.tw", company="Two Ltd."),
    ]
    desk.sync()
    one, two = (home(desk, crm_id) for crm_id in rows)
    keep, join_id = merging.merge(one, two, "alice")
    desk.change(rows[1], full_name="Zwei", company="Zwei GmbH", tags="b,new", phone=C)
    desk.change(rows[0], city="Tainan")
    desk.sync()
    tag(desk, keep, "complaint")
    desk.hear_from(A)
    merging.unmerge_join(join_id, "alice")
    first, second = told(desk, one), told(desk, two)
    assert (first["full_name"], first["email"], first["tags"], first["phone"]) == ("One", None, ["a", "complaint"], A)
    assert (first["attributes"]["city"], first["attributes"].get("company")) == ("Tainan", None)
    assert (second["full_name"], second["email"], second["tags"]) == ("Zwei", "two@x.tw", ["b", "new"])
    assert (second["attributes"]["company"], second["attributes"].get("city")) == ("Zwei GmbH", None)
    assert (first["marketing"], second["marketing"]) == ("granted", "unknown")
    assert [second["phone"], desk.holder(C), desk.holder(A)] == [C, two, one]
    assert desk.value("select contact_id from conversations") == one


def test_what_was_parted_is_not_brought_together_by_a_name_again(desk: Desk, merging: Merging) -> None:
    ours = desk.crm.add(phone=A)
    desk.sync()
    people = [desk.hear_from(A), desk.hear_from(B)]
    theirs = desk.other.add(phone=B, same_as=f"sql:{ours}")
    desk.sync(crm="hubspot")
    _, join_id = merging.merge(*people, "alice")
    merging.unmerge_join(join_id, "alice")
    with desk.store.begin() as tx:
        tx.execute(text("delete from conversations"))
    desk.other.contacts[theirs] |= {"full_name": "x", "updated_at": desk.clock.advance(minutes=1)}
    desk.sync(crm="hubspot")
    assert [home(desk, ours), home(desk, theirs, "hubspot")] == people


def test_of_a_chain_the_join_to_be_undone_first_is_named(desk: Desk, merging: Merging) -> None:
    rows = [desk.crm.add(phone=phone) for phone in (A, B, C)]
    desk.sync()
    one, two, three = (home(desk, crm_id) for crm_id in rows)
    _, first = merging.merge(two, three, "alice")
    keep, second = merging.merge(one, two, "alice")
    with pytest.raises(Refused, match=f"undo join {second} first"):
        merging.unmerge_join(first, "alice")
    with pytest.raises(LookupError, match=f"it is contact {keep} today"):
        merging.merge(two, one, "alice")
    assert merging.unmerge_all(keep, "alice") == [two]
    assert merging.unmerge_all(two, "alice") == [three]
    assert [home(desk, crm_id) for crm_id in rows] == [one, two, three]
    with pytest.raises(LookupError):
        merging.unmerge_join(second, "alice")


def test_a_contact_is_not_merged_with_itself_or_nobody(desk: Desk, merging: Merging) -> None:
    crm_id = desk.crm.add(phone=A)
    desk.sync()
    with pytest.raises(Refused):
        merging.merge(home(desk, crm_id), home(desk, crm_id), "alice")
    with pytest.raises(LookupError):
        merging.merge(home(desk, crm_id), 999_999, "alice")


def test_a_row_can_be_taken_out_of_what_was_joined_since(desk: Desk, merging: Merging, pair: list[str]) -> None:
    third = desk.crm.add(full_name="Three", phone=B)
    desk.sync()
    keep, join_id = merging.merge(home(desk, pair[0]), home(desk, third), "alice")
    apart = merging.unmerge_row(keep, "sql", pair[1], "alice")
    merging.unmerge_join(join_id, "alice")
    assert [told(desk, home(desk, crm_id))["full_name"] for crm_id in (*pair, third)] == ["王小明", "王太太", "Three"]
    assert desk.contact_of(pair[1]).id == apart
    assert desk.contact_of(pair[0]).marketing == "granted"
