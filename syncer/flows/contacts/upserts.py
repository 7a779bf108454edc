"""Customers by the word of an outside program (Zapier, Make, n8n, a form): rows of the source `hooks`, taken in like
those of any CRM - cleaned, merged, with their consent - and told to the CRMs that know the person (R15).

Everything about one request happens in one transaction, its idempotency key included: a repeat finds the first answer,
even when somebody has said something newer since.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.contact import SourceRecord
from syncer.flows import crm_records
from syncer.flows.contacts.page import take_in
from syncer.flows.messages_out import KeyReused
from syncer.policies import upserting
from syncer.policies.editing import NotAcceptable
from syncer.policies.ownership import Law
from syncer.policies.upserting import Said
from syncer.ports import Clock, Jobs
from syncer.store import contact_joins, crm_writes, hook_contacts, idempotent_requests
from syncer.store.crm_writes import HOOKS, Topic, Want
from syncer.store.session import Store

CREATED, UPDATED, UNCHANGED, REFUSED = "created", "updated", "unchanged", "refused"


@dataclass(frozen=True, slots=True)
class Upserted:
    """What came of one customer of a request. `key` is the row's id here; `problems` says of each field why it was
    refused, `unknown` names those that are no contact fields."""

    result: str
    contact_id: int | None = None
    key: str | None = None
    problems: Mapping[str, str] = field(default_factory=dict)
    unknown: Sequence[str] = ()


@dataclass(frozen=True)
class ContactUpserts:
    """`names` are the fields that may be said, `region` (ISO country) is assumed for numbers without a country code;
    the rest as in `flows.contacts.sync`."""

    store: Store
    clock: Clock
    jobs: Jobs
    law: Law
    names: Collection[str]
    region: str
    shared_above: int = 20
    by_email: bool = False
    sealing_keys: tuple[bytes, ...] = ()

    def put(self, items: Sequence[Mapping[str, Any]], owner: str, key: str | None = None) -> list[Upserted]:
        """Take in these customers, each by itself: one that is refused keeps nobody else out. The same `key` of the
        same `owner` (an API key's name) is answered as the first time. Raises `KeyReused` when it belonged to another
        request."""
        asked = [self._read(item) for item in items]
        fingerprint = upserting.digest({"contacts": list(items)})
        done = self.store.run(lambda tx: self._once(tx, asked, owner, key, fingerprint))
        self.jobs.ring("crm")
        return done

    def _read(self, item: Mapping[str, Any]) -> Said | Upserted:
        try:
            return upserting.read(item, self.names, self.region)
        except NotAcceptable as error:
            return Upserted(REFUSED, problems=error.problems, unknown=error.unknown)

    def _once(
        self, tx: Connection, asked: Sequence[Said | Upserted], owner: str, key: str | None, fingerprint: bytes
    ) -> list[Upserted]:
        now = self.clock.now()
        if key is None:
            return self._put(tx, asked, now)
        before = idempotent_requests.begin(tx, owner, key, fingerprint, now)
        if before is not None:
            if bytes(before.fingerprint) != fingerprint:
                raise KeyReused("this idempotency key was used for a different request")
            return [_again(one, told) for one, told in zip(asked, before.answer, strict=True)]
        done = self._put(tx, asked, now)
        # Without the rows' ids: a phone or an address has no place in this table (personal data).
        idempotent_requests.answer(tx, owner, key, [{**asdict(one), "key": None} for one in done])
        return done

    def _put(self, tx: Connection, asked: Sequence[Said | Upserted], now: datetime) -> list[Upserted]:
        contact_joins.take_turn(tx)
        last = hook_contacts.last_contact(tx)
        known = hook_contacts.rows(tx, [one.key for one in asked if isinstance(one, Said)])
        records, refused = self._records(tx, asked, known, now)
        news = [row for key, row in records.items() if key not in known or row.fields != known[key].fields]
        left_out = self._take_in(tx, news, now)
        self._tell(tx, news, known, now)
        hook_contacts.durably(tx)
        homes = {key: row.contact_id for key, row in hook_contacts.rows(tx, records).items()}
        changed = {row.crm_id for row in news}

        def came_of(place: int, one: Said | Upserted) -> Upserted:
            if isinstance(one, Upserted):
                return one
            if place in refused or one.key in left_out:
                why = refused.get(place) or {one.named_by: left_out[one.key]}
                return Upserted(REFUSED, key=one.key, problems=why)
            result = UPDATED if one.key in changed else UNCHANGED
            return Upserted(CREATED if homes[one.key] > last else result, homes[one.key], one.key)

        return [came_of(place, one) for place, one in enumerate(asked)]

    def _records(
        self, tx: Connection, asked: Sequence[Said | Upserted], known: Mapping[str, Row[Any]], now: datetime
    ) -> tuple[dict[str, SourceRecord], dict[int, dict[str, str]]]:
        """The rows as they are to be, of several words on one row the last on top; and who is not to be known by their
        address alone, by place."""
        rows = {key: _as_record(row) for key, row in known.items()}
        refused: dict[int, dict[str, str]] = {}
        for place, one in enumerate(asked):
            if isinstance(one, Upserted):
                continue
            record = upserting.lay_over(rows.get(one.key), one, HOOKS, now)
            if one.named_by == "email" and one.key not in rows:
                people = hook_contacts.by_email(tx, one.key, 2)
                if len(people) > 1:
                    refused[place] = {"email": "belongs to several contacts; say which by phone or external_id"}
                    continue
                row = hook_contacts.any_row(tx, people[0]) if people else None
                record = upserting.tied_to(record, row) if row else record
            if one.key in rows and one.key not in known:
                record.stamps = dict.fromkeys(record.fields, now)
            rows[one.key] = record
        return {one.key: rows[one.key] for one in asked if isinstance(one, Said) and one.key in rows}, refused

    def _take_in(self, tx: Connection, news: Sequence[SourceRecord], now: datetime) -> dict[str, str]:
        """Returns those that cannot be taken in, each with the reason."""
        if not news:
            return {}
        result = take_in(
            tx,
            HOOKS,
            news,
            now,
            shared_above=self.shared_above,
            by_email=self.by_email,
            law=self.law,
            sealing_keys=self.sealing_keys,
        )
        return {one.crm_id: "cannot be stored" for one in result.parked}

    def _tell(self, tx: Connection, news: Sequence[SourceRecord], known: Mapping[str, Row[Any]], now: datetime) -> None:
        """The CRMs that know these persons; of whom no CRM knows, the master."""
        new = {row.crm_id: row.stamps for row in news if row.crm_id not in known}
        hook_contacts.stamp(tx, new)
        people = {row.contact_id for row in hook_contacts.rows(tx, [one.crm_id for one in news]).values()}
        told = crm_records.lacking(tx, people, self.law) if people else {}
        strangers = hook_contacts.unknown_to(tx, self.law.crms, people) if people and self.law.crms else []
        if strangers:
            told.setdefault(self.law.crms[0], []).extend(strangers)
        for crm, ids in told.items():
            crm_writes.request(tx, [crm], [Want(Topic.CONTACT, one, one) for one in sorted(set(ids))], now)


def _again(asked: Said | Upserted, told: Mapping[str, Any]) -> Upserted:
    return replace(Upserted(**told), key=asked.key)


def _as_record(row: Row[Any]) -> SourceRecord:
    return SourceRecord(HOOKS, row.crm_id, upserting.digest(row.fields), row.fields, row.fields.get("phone"), None)
