"""Keys besides the phone: a row that names its person in another CRM, and an e-mail address where the company allows it
(R5, X3).

Rows that name one row, and that row itself, are one person. By its address only a row without a usable phone joins the
one person of that address; of two such persons, nobody, and of an address that many rows carry nobody either. What a
person has taken apart is left out of all of this, and two contacts with a life of their own are never made one here: a
person decides about them.

A contact that is nothing but its rows is opened where such a key plays a part: its rows are placed anew, so that the
end is the same whatever came first.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from syncer.domain.contact import SourceRecord
from syncer.domain.phone_variants import canonical
from syncer.policies.groups import Groups, Node
from syncer.policies.merging import usable_phone
from syncer.policies.neighbourhood import Key, Neighbourhood, Rows

SAME_AS = "same_as"
#: An address in more rows than this is a family's at best: it leads nowhere, like a switchboard's number (R5).
FAMILY = 5
#: Addresses that belong to a desk and not to a person, whoever's they are (RFC 2142 and its relatives).
# fmt: off
_DESKS = frozenset(
    {"abuse", "accounting", "accounts", "admin", "billing", "contact", "customerservice", "hello", "help",
    "helpdesk", "hr", "info", "inquiry", "mail", "marketing", "no-reply", "noreply", "office", "order", "orders",
    "postmaster", "reception", "sales", "service", "support", "team", "webmaster"}
)
# fmt: on


def address(record: SourceRecord) -> str | None:
    """The row's e-mail address, as far as it could be one person's."""
    email = record.fields.get("email")
    return email if email and is_personal(email) else None


def is_personal(email: str) -> bool:
    """Whether this could be one person's address, and not a desk's."""
    return email.partition("@")[0].lower() not in _DESKS


def name_of(key: Key) -> str:
    """A row's name as another row writes it: `hubspot:42`."""
    return f"{key[0]}:{key[1]}"


def named_by(record: SourceRecord) -> str | None:
    """The row of another CRM that this one names as its person."""
    name = record.fields.get(SAME_AS)
    return name if isinstance(name, str) and ":" in name else None


def knots(touched: Rows, near: Neighbourhood) -> dict[Key, int]:
    """The rows around these among which another key than the phone plays a part, or played one until now, each with the
    number of its group. Most often nothing."""
    versions = list(_versions(touched, near))
    meeting = _meetings(versions, near.by_email)
    if not meeting:
        return {}
    groups, tied = Groups(), list[Node]()
    for key, record in versions:
        row: Node = ("row", *key)
        for place in _places(key, record, near):
            groups.unite(row, place)
        for meet in meetings(key, record, near.by_email):
            if meet in meeting:
                groups.unite(row, meet)
                tied.append(row)
    roots = {root: number for number, root in enumerate(dict.fromkeys(map(groups.find, tied)))}
    found = ((key, roots.get(groups.find(("row", *key)))) for key in near.after(touched))
    return {key: number for key, number in found if number is not None}


def _versions(touched: Rows, near: Neighbourhood) -> Iterator[tuple[Key, SourceRecord]]:
    """Every row as it was and as it is."""
    for key, resident in near.residents.items():
        if not resident.apart:
            yield key, resident.record
    for key, record in touched.items():
        if not (key in near.residents and near.residents[key].apart):
            yield key, record


def _meetings(versions: Sequence[tuple[Key, SourceRecord]], by_email: bool) -> set[Node]:
    """Names and addresses at which different rows meet; of addresses those that a row without a usable phone has."""
    named = {name for _, record in versions if (name := named_by(record))}
    at: dict[Node, set[Key]] = {}
    for name in named:
        at[("named", name)] = set()
    poor: set[Node] = set()
    for key, record in versions:
        for node in meetings(key, record, by_email):
            if node[0] == "email" or node in at:
                at.setdefault(node, set()).add(key)
                if usable_phone(record) is None:
                    poor.add(node)
    return {node for node, keys in at.items() if len(keys) > 1 and (node[0] == "named" or node in poor)}


def meetings(key: Key, record: SourceRecord, by_email: bool) -> Iterator[Node]:
    """What this row could meet others at: its own name, the one it names, its address."""
    yield "named", name_of(key)
    if name := named_by(record):
        yield "named", name
    if by_email and (email := address(record)):
        yield "email", email


def _places(key: Key, record: SourceRecord, near: Neighbourhood) -> Iterator[Node]:
    if before := near.residents.get(key):
        yield "at", before.contact_id
    if phone := usable_phone(record):
        yield "phone", canonical(phone)
        if (holder := near.holder(phone)) is not None:
            yield "at", holder


def openable(near: Neighbourhood, knotted: Collection[Key], rooted: Collection[int]) -> frozenset[int]:
    """The contacts of these rows that are nothing but their rows: no life of their own, nothing that a person has
    placed there, no record of ours that we have not read yet."""
    unread = {r.contact_id for r in near.residents.values() if not r.record.digest and not r.record.fields}
    closed = {r.contact_id for key, r in near.residents.items() if r.apart or key not in knotted}
    inhabited = {near.residents[key].contact_id for key in knotted if key in near.residents}
    return frozenset(inhabited - closed - unread - set(rooted))


def reopened(touched: Rows, near: Neighbourhood) -> Rows:
    """The touched rows, with all rows of the open contacts that they are knotted with."""
    live = {near.knots[key] for key in touched if key in near.knots}
    more = {
        key: resident.record
        for key, resident in near.residents.items()
        if resident.contact_id in near.open and near.knots.get(key) in live
    }
    return more | touched
