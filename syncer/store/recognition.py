"""Recognition: from phones and user ids to persons, in sets (X3, law 5).

A phone and a user id that the platform names together are one person's. Locks are taken in one order - the turn of the
contact sync (only where two contacts have to be joined), numbers with several forms, identities, contacts - so
conversations and syncs wait for each other instead of deadlocking.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from syncer.domain.message import Sender
from syncer.domain.phone_variants import canonical, variants
from syncer.store import contact_joins
from syncer.store.identities import (
    PHONE,
    USER_ID,
    Pair,
    forms_of,
    given_up_by,
    held_by,
    holder_of,
    holders,
    link,
    lock_forms,
    pairs_of,
)

Known = dict[Pair, int]


def resolve(tx: Connection, senders: Iterable[Sender], now: datetime) -> dict[Sender, int]:
    """The contact of each sender, created where nobody is known by any of their identities in any form. What was
    unknown of a sender leads to their contact from now on; a phone and a user id of two contacts make them one."""
    wanted = sorted(set(senders), key=lambda sender: sender.key)
    known = _known(tx, wanted, now)
    homes, made = _homes(tx, wanted, known, now)
    new = _link(tx, wanted, homes, known)
    _show_phones(tx, {pair: home for pair, home in new.items() if home not in made}, now)
    _give_way(tx, wanted, made, known)
    return {sender: known[pairs_of(sender)[-1]] for sender in wanted}


def find(tx: Connection, sender: Sender) -> int | None:
    """Who this is, if anybody is known by it; nothing is created or changed."""
    return _holder(holders(tx, forms_of(sender), lock=True), sender)


def learn(tx: Connection, named: Iterable[tuple[int, Sender]], now: datetime) -> None:
    """What the platform calls people it has a message for: another form of their number, their user id (`wa_id` and
    `user_id` of its answers, recipients of its statuses). One query where it tells nothing new.

    A number that is no form of theirs, a second user id and what they have given up are not learned: a late status may
    still name what somebody was called before. One that was joined to another meanwhile is that other one. Call it
    last in a transaction, since it may join contacts.
    """
    told = sorted({(pair, contact_id) for contact_id, sender in named for pair in pairs_of(sender)})
    known = holders(tx, [pair for pair, _ in told])
    news = [(pair, contact_id) for pair, contact_id in told if known.get(pair) != contact_id]
    if not news:
        return
    moved = contact_joins.survivors(tx, {contact_id for _, contact_id in news})
    news = [(pair, moved.get(who, who)) for pair, who in news if known.get(pair) != moved.get(who, who)]
    people = {contact_id for _, contact_id in news}
    held, gone = held_by(tx, people), given_up_by(tx, people)
    credible = [(pair, who) for pair, who in news if pair not in gone[who] and _fits(pair, held[who])]
    new = link(tx, {pair: who for pair, who in credible if pair not in known})
    _show_phones(tx, new, now)
    doubles = [(who, known[pair], f"{pair[0]}:{pair[1]}") for pair, who in credible if pair in known]
    if doubles:
        contact_joins.take_turn(tx)
        _join_all(tx, doubles, now)


def _fits(pair: Pair, held: Collection[Pair]) -> bool:
    kind, value = pair
    same_kind = {other for other_kind, other in held if other_kind == kind}
    return not same_kind or (kind == PHONE and not same_kind.isdisjoint(variants(value)))


def _holder(known: Mapping[Pair, int], sender: Sender) -> int | None:
    """The account decides before the number: numbers change hands, user ids do not."""
    by_user_id = known.get((USER_ID, sender.user_id)) if sender.user_id else None
    if by_user_id is not None or not sender.phone:
        return by_user_id
    return holder_of(known, sender.phone)


def _known(tx: Connection, senders: Sequence[Sender], now: datetime) -> Known:
    """Who holds what, locked. Whether two contacts have to be joined, or a number could be met in another form at this
    moment, is looked up beforehand, since their locks come first."""
    forms = {form for sender in senders for form in forms_of(sender)}
    doubles: list[tuple[int, int, str]] = []
    if len(forms) > len(senders):
        seen = holders(tx, forms)
        doubles = _doubles(senders, seen)
        if doubles:
            contact_joins.take_turn(tx)
        lock_forms(tx, [s.phone for s in senders if s.phone and (PHONE, s.phone) not in seen])
    known = holders(tx, forms, lock=True)
    if doubles and (doubles := _doubles(senders, known)):
        joined = _join_all(tx, doubles, now)
        return {pair: joined.get(contact_id, contact_id) for pair, contact_id in known.items()}
    return known


def _doubles(senders: Iterable[Sender], known: Mapping[Pair, int]) -> list[tuple[int, int, str]]:
    """Contacts that one sender leads to both: (by phone, by user id, what shows it)."""
    found = []
    for sender in senders:
        if sender.phone and sender.user_id:
            one, other = holder_of(known, sender.phone), known.get((USER_ID, sender.user_id))
            if one is not None and other is not None and one != other:
                found.append((one, other, f"phone:{sender.phone} user_id:{sender.user_id}"))
    return found


def _join_all(tx: Connection, doubles: Iterable[tuple[int, int, str]], now: datetime) -> dict[int, int]:
    """Join what may be joined; returns where absorbed contacts are now."""
    moved: dict[int, int] = {}
    for one, other, key in doubles:
        pair = {_follow(moved, one), _follow(moved, other)}
        if len(pair) == 2 and _may_join(tx, *sorted(pair)):
            keep, absorb = contact_joins.choose(tx, pair)
            contact_joins.join(tx, keep, absorb, key, now)
            moved[absorb] = keep
    return {absorbed: _follow(moved, absorbed) for absorbed in moved}


def _follow(moved: Mapping[int, int], contact_id: int) -> int:
    while contact_id in moved:
        contact_id = moved[contact_id]
    return contact_id


def _may_join(tx: Connection, one: int, other: int) -> bool:
    """Not what somebody has taken apart, and not two accounts: a number whose contact has a user id of its own and that
    now comes with another has changed hands."""
    held = held_by(tx, [one, other])
    accounts = [{value for kind, value in held[who] if kind == USER_ID} for who in (one, other)]
    return not all(accounts) and not contact_joins.were_separated(tx, one, other)


def _homes(
    tx: Connection, senders: Sequence[Sender], known: Mapping[Pair, int], now: datetime
) -> tuple[dict[Sender, int], set[int]]:
    """A contact for every sender, and those of them that were made for strangers: one for each group of senders that
    share a number, in whatever form, or a user id."""
    groups = _Groups()
    for sender in senders:
        groups.add(sender, _holder(known, sender))
    strangers = groups.strangers()
    made = _create(tx, strangers, now)
    for group, contact_id in zip(strangers, made, strict=True):
        groups.settle(group, contact_id)
    return {sender: groups.home(sender) for sender in senders}, set(made)


class _Groups:
    """Senders who are one person as far as this set of them tells."""

    def __init__(self) -> None:
        self._of: dict[Pair, list[Sender]] = {}
        self._homes: dict[Sender, int] = {}

    def add(self, sender: Sender, home: int | None) -> None:
        """One more sender, with the contact they are known as."""
        keys = [(kind, canonical(value) if kind == PHONE else value) for kind, value in pairs_of(sender)]
        group = [sender]
        for other in {id(found): found for key in keys if (found := self._of.get(key))}.values():
            group += other
        for key, members in list(self._of.items()) if len(group) > 1 else ():
            if members[0] in group:
                self._of[key] = group
        self._of |= dict.fromkeys(keys, group)
        if home is not None:
            self._homes[sender] = home

    def strangers(self) -> list[list[Sender]]:
        """Groups of which nobody is known. In a known group who is unknown joins who is known first."""
        unknown = []
        for group in {id(group): group for group in self._of.values()}.values():
            home = next((self._homes[member] for member in group if member in self._homes), None)
            if home is None:
                unknown.append(group)
            else:
                self.settle(group, home)
        return unknown

    def settle(self, group: Iterable[Sender], home: int) -> None:
        """The group's contact, for those who have none."""
        for sender in group:
            self._homes.setdefault(sender, home)

    def home(self, sender: Sender) -> int:
        """A sender's contact, once all are settled."""
        return self._homes[sender]


def _create(tx: Connection, groups: Sequence[Sequence[Sender]], now: datetime) -> list[int]:
    """A contact for each group, in their order."""
    if not groups:
        return []
    statement = text("""
        with numbered as materialized (
            select position, name, phone, nextval(pg_get_serial_sequence('contacts', 'id')) as id
            from unnest(cast(:names as text[]), cast(:phones as text[])) with ordinality w(name, phone, position)),
        made as (
            insert into contacts (id, full_name, phone, created_at, updated_at)
            select id, name, phone, :now, :now from numbered)
        select id from numbered order by position""")
    names = [next((sender.name for sender in group if sender.name), "") for group in groups]
    phones = [next((sender.phone for sender in group if sender.phone), None) for group in groups]
    return list(tx.execute(statement, {"names": names, "phones": phones, "now": now}).scalars())


def _link(tx: Connection, senders: Sequence[Sender], homes: Mapping[Sender, int], known: Known) -> Known:
    """What was unknown of the senders leads to their contacts; `known` has it afterwards, and it is returned. Phones
    first: who was faster with the number has the person, and gets the user id too."""
    new: Known = {}
    for kind in (PHONE, USER_ID):
        wanted: Known = {}
        for sender in senders:
            for pair in pairs_of(sender):
                if pair[0] == kind and pair not in known:
                    first = known.get(pairs_of(sender)[0]) if kind == USER_ID and sender.phone else None
                    wanted.setdefault(pair, homes[sender] if first is None else first)
        new |= link(tx, wanted)
        known |= new
    return new


def _show_phones(tx: Connection, new: Mapping[Pair, int], now: datetime) -> None:
    """Contacts of whom only a user id was known have a number now."""
    phones = {home: value for (kind, value), home in sorted(new.items()) if kind == PHONE}
    statement = text("""
        update contacts c set phone = w.phone, phone_problem = null, revision = revision + 1, updated_at = :now
        from unnest(cast(:ids as bigint[]), cast(:phones as text[])) w(id, phone)
        where c.id = w.id and c.phone is null""")
    if phones:
        tx.execute(statement, {"ids": list(phones), "phones": list(phones.values()), "now": now})


def _give_way(tx: Connection, senders: Iterable[Sender], made: Collection[int], known: Known) -> None:
    """Somebody else was faster with some of these persons: ours are nobody, and what they hold is the others'."""
    for sender in senders:
        first, last = (known[pair] for pair in (pairs_of(sender)[0], pairs_of(sender)[-1]))
        if first in made and last not in made:
            statement = text("update identities set contact_id = :last where contact_id = :first")
            tx.execute(statement, {"first": first, "last": last})
            known |= {pair: last for pair, holder in known.items() if holder == first}
    nobody = set(made) - set(known.values())
    if nobody:
        tx.execute(text("delete from contacts where id = any(:ids)"), {"ids": sorted(nobody)})
