"""Whatever is typed on three sides, and in whatever order it is read and written: all end up saying the same, and what
was said last - as far as a CRM tells - is what they say."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from syncer.domain.contact import Wins
from syncer.domain.errors import Refused
from syncer.store.base import metadata
from syncer.store.session import Store
from tests.fakes.clock import FakeClock
from tests.integration.two_way_desk import MASTER, SECOND, TwoWay, open_two_way

FIELDS = ("full_name", "city", "company")
VALUES = ("", "a", "b", "c")
ENGINE = "engine"

steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from([MASTER, SECOND, ENGINE]), st.sampled_from(FIELDS), st.sampled_from(VALUES)),
        st.tuples(st.just("sync"), st.sampled_from([MASTER, SECOND]), st.just("")),
        st.tuples(st.just("drain"), st.just(""), st.just("")),
        st.tuples(st.just("crash"), st.just(""), st.just("")),
    ),
    max_size=14,
)
SETTINGS = settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


class Sides:
    """Three sides that talk about one person, and who said what last."""

    def __init__(self, desk: TwoWay) -> None:
        self.desk = desk
        self.person, self.one, self.two = desk.known_in_both(full_name="a", city="b")
        self.last: dict[str, str] = {"full_name": "a", "city": "b", "company": ""}
        self.now: dict[tuple[str, str], Any] = {}

    def take(self, kind: str, what: str, value: str) -> None:
        """One step. Typing what stands there already is no word; and what is typed and taken back between two of our
        looks nobody can see."""
        if kind == "sync":
            self.desk.sync(what)
        elif kind in ("drain", "crash"):
            self._write(dies=kind == "crash")
        elif value not in (self.says(kind, what), self._read(kind, what)):
            self._say(kind, what, value)
            self.last[what] = value
            if kind != ENGINE:  # a CRM tells one moment for all that was changed since our last look
                self.last |= {name: self.says(kind, name) for name in FIELDS if self._is_unread(kind, name)}

    def _say(self, side: str, name: str, value: str) -> None:
        if side == ENGINE:
            self.desk.says(self.person, **{name: value or None})
        else:
            self.desk.types(self._row(side), side, **{name: value})

    def _write(self, *, dies: bool) -> None:
        for crm in self.desk.crms.values():
            crm.dies = dies
        try:
            self.desk.drain()
        except SystemExit:
            self.desk.rows("update crm_writes set state = 'pending' where state = 'claimed' returning id")
        for crm in self.desk.crms.values():
            crm.dies = False

    def _row(self, crm: str) -> str:
        return self.one if crm == MASTER else self.two

    def _read(self, side: str, name: str) -> str | None:
        """What we know of a record."""
        known = "select fields from contact_sources where crm = :crm"
        return None if side == ENGINE else str(self.desk.rows(known, crm=side)[0].fields.get(name, ""))

    def _is_unread(self, side: str, name: str) -> bool:
        return self.says(side, name) != self._read(side, name)

    def says(self, side: str, name: str) -> str:
        if side != ENGINE:
            return str(self.desk.at(self._row(side), side).get(name) or "")
        contact = self.desk.contact(self.one)
        return str(contact.full_name if name == "full_name" else contact.attributes.get(name, ""))

    def everywhere(self, name: str) -> set[str]:
        return {self.says(side, name) for side in (MASTER, SECOND, ENGINE)}


@pytest.fixture
def desk(store: Store) -> Any:
    """Makes a fresh one for each example."""

    def fresh() -> Any:
        with store.begin() as tx:
            for table in reversed(metadata.sorted_tables):
                tx.execute(text(f"delete from {table.name}"))
        return open_two_way(store, FakeClock())

    return fresh


@SETTINGS
@given(steps)
def test_all_sides_agree_on_what_was_said_last(desk: Any, taken: list[tuple[str, str, str]]) -> None:
    with desk() as two_way:
        sides = Sides(two_way)
        for step in taken:
            sides.take(*step)
        two_way.settle()
        assert {name: sides.everywhere(name) for name in FIELDS} == {name: {sides.last[name]} for name in FIELDS}
        still = two_way.everything()
        for crm in (MASTER, SECOND):
            two_way.sync(crm)
        assert two_way.everything() == still


@SETTINGS
@given(steps, st.sampled_from(list(Wins)), st.sampled_from(list(Wins)))
def test_under_every_rule_the_crms_come_to_rest(
    desk: Any, taken: list[tuple[str, str, str]], first: Wins, second: Wins
) -> None:
    with desk() as two_way:
        two_way.crms[MASTER].wins = dict.fromkeys(FIELDS, first)
        two_way.crms[SECOND].wins = dict.fromkeys(FIELDS, second)
        sides = Sides(two_way)
        for step in taken:
            with suppress(Refused):  # an edit of what is a CRM's to say
                sides.take(*step)
        two_way.settle()
        if Wins.CRM not in (first, second):
            assert all(len(sides.everywhere(name)) == 1 for name in FIELDS)
        if first is Wins.CRM:
            agreed = {name for name in FIELDS if sides.says(MASTER, name)}
            assert all(sides.says(ENGINE, name) == sides.says(MASTER, name) for name in agreed)
