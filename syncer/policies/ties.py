"""Where rows with other keys than their phone go: the groups they form, and the contact of each (R5, X3)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from syncer.domain.contact import SourceRecord
from syncer.domain.phone_variants import canonical
from syncer.policies.groups import Groups, Node
from syncer.policies.kinship import FAMILY, SAME_AS, address, meetings, name_of, named_by
from syncer.policies.merging import usable_phone
from syncer.policies.neighbourhood import Key, Neighbourhood, Resident, Rows, home_by_phone


@dataclass(frozen=True)
class Tied:
    """Where knotted rows go: `homes` for those whose contact is there, `needs` for groups that have none yet; `reasons`
    says what made a row join others where that is not its phone."""

    homes: Mapping[Key, int]
    needs: Sequence[tuple[str | None, Sequence[Key]]]
    reasons: Mapping[Key, str]


def tie(touched: Rows, near: Neighbourhood) -> Tied:
    """Decide for the knotted ones of the touched rows; the open contacts' rows are among them."""
    return _Tie(touched, near).decide()


class _Tie:
    def __init__(self, touched: Rows, near: Neighbourhood) -> None:
        self.touched, self.near = touched, near
        self.rows = {key: record for key, record in near.after(touched).items() if key in near.knots}
        self.groups = Groups()
        self.nodes = {key: self._node(key, record) for key, record in self.rows.items()}
        self.reasons: dict[Key, str] = {}

    def decide(self) -> Tied:
        self._by_phone()
        self._by_name()
        if self.near.by_email:
            self._by_address()
        homes: dict[Key, int] = {}
        needs: dict[Node, list[Key]] = {}
        for key in sorted(self.rows.keys() & self.touched.keys(), key=self._age):
            home = self.groups.anchor(self.nodes[key])
            if home is None:
                needs.setdefault(self.groups.find(self.nodes[key]), []).append(key)
            else:
                homes[key] = home
        groups = [(next(filter(None, map(self._phone, keys)), None), keys) for keys in needs.values()]
        return Tied(homes, groups, self.reasons)

    def _age(self, key: Key) -> tuple[float, bool, Key]:
        """The oldest contact lives on, with those who have not changed their word."""
        before = self.near.residents.get(key)
        if before is None:
            return float("inf"), True, key
        old, new = before.record, self.rows[key]
        moved = self._lost(old, new) or usable_phone(old) != usable_phone(new)
        return before.contact_id, moved, key

    def _phone(self, key: Key) -> str | None:
        return usable_phone(self.rows[key])

    def _node(self, key: Key, record: SourceRecord) -> Node:
        """A row that stays is its contact; the others are placed."""
        before = self.near.residents.get(key)
        if before is None or before.contact_id in self.near.open:
            return ("row", *key)
        stays = key not in self.touched or before.apart or self._stays(before, record)
        return self._at(before.contact_id) if stays else ("row", *key)

    def _at(self, contact_id: int) -> Node:
        node: Node = ("at", contact_id)
        self.groups.fasten(node, contact_id)
        return node

    def _stays(self, before: Resident, record: SourceRecord) -> bool:
        """As for rows that only have a phone - unless it was the lost name or address that had brought it there."""
        phone = usable_phone(record)
        if home_by_phone(phone, before, self.near) != before.contact_id:
            return False
        if phone and self.near.holder(phone) == before.contact_id:
            return True
        old = before.record
        return not (self._lost(old, record) and self._shared(before, old))

    def _lost(self, old: SourceRecord, new: SourceRecord) -> bool:
        return named_by(old) != named_by(new) or (self.near.by_email and address(old) != address(new))

    def _shared(self, before: Resident, old: SourceRecord) -> bool:
        key = (old.crm, old.crm_id)
        mine = set(meetings(key, old, self.near.by_email))
        return any(
            mine & set(meetings(other, resident.record, self.near.by_email))
            for other, resident in self.near.residents.items()
            if other != key and resident.contact_id == before.contact_id
        )

    def _by_phone(self) -> None:
        for key, record in self.rows.items():
            phone, node = usable_phone(record), self.nodes[key]
            if node[0] == "at" or not phone:
                continue
            holder = self.near.holder(phone)
            closed = holder is not None and holder not in self.near.open
            self.groups.unite(node, self._at(holder) if holder is not None and closed else ("phone", canonical(phone)))

    def _free(self) -> Iterator[Key]:
        """Rows that no person has placed, in one order."""
        for key in sorted(self.rows):
            before = self.near.residents.get(key)
            if before is None or not before.apart:
                yield key

    def _by_name(self) -> None:
        named = Counter(name for key in self._free() if (name := named_by(self.rows[key])))
        for key in self._free():
            mates = {name_of(key), named_by(self.rows[key])}
            for name in sorted(name for name in mates if name and 0 < named[name] <= self.near.most):
                self.groups.unite(self.nodes[key], ("named", name))
                self.reasons[key] = f"{SAME_AS}:{name}"

    def _by_address(self) -> None:
        carriers: dict[str, list[Key]] = {}
        for key in self._free():
            if email := address(self.rows[key]):
                carriers.setdefault(email, []).append(key)
        for email, keys in carriers.items():
            if len(keys) <= FAMILY:
                self._join(email, keys)

    def _join(self, email: str, keys: Sequence[Key]) -> None:
        single = [key for key in keys if self._alone(key)]
        persons = {self.groups.find(self.nodes[key]) for key in keys if key not in single}
        if len(persons) > 1:
            return
        for node in sorted({*persons, *(self.nodes[key] for key in single)}, key=repr):
            self.groups.unite(node, ("email", email))
        self.reasons |= dict.fromkeys(single, f"email:{email}")

    def _alone(self, key: Key) -> bool:
        """Neither a phone nor a name leads anywhere, and it is nobody's row for another reason."""
        return self.nodes[key][0] == "row" and not self._phone(key) and key not in self.reasons
