"""What all sides have seen, held against the script: the platform's own log, the CRM's tables, the engine's ledger.

Nothing is taken on the engine's word where somebody else was a witness: what was sent is what the platform accepted,
what is recorded is what stands in the CRM's tables.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, text

from syncer.acceptance.conversation_script import Line, Part
from syncer.domain import callback
from syncer.store.session import Store

_NO_WORDS = ("N", "n", "0", "F", "f", "No", "NO", "no", "False", "FALSE", "false", "否", "不要", "不同意", "不接受")


@dataclass(frozen=True, slots=True)
class Person:
    """Who plays a part. `address` is what the platform calls them: digits of the phone, or the user id."""

    address: str
    phone: str | None
    user_id: str | None = None
    name: str | None = None
    contact_id: int | None = None


@dataclass(frozen=True, slots=True)
class Spoken:
    """A line that was said: its wamid, and when the customer pressed send (unix seconds)."""

    line: Line
    person: Person
    wamid: str
    at: float


@dataclass(frozen=True, slots=True)
class Found:
    """One comparison: how many are right, of how many, and a few of the wrong ones in words."""

    right: int
    of: int
    wrong: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether all are."""
        return self.right == self.of and not self.wrong


def _verdict(pairs: Iterable[tuple[bool, str]]) -> Found:
    judged = list(pairs)
    return Found(sum(ok for ok, _ in judged), len(judged), tuple(what for ok, what in judged if not ok))


# The CRM's side


def crm_messages(crm: Engine) -> list[Any]:
    """Every message in the CRM."""
    columns = "wamid, customer_id, direction, kind, body, status"
    with crm.connect() as connection:
        return list(connection.execute(text(f"select {columns} from whatsapp_messages")).fetchall())


def recorded(spoken: Sequence[Spoken], rows: Sequence[Any]) -> Found:
    """Each customer message stands in the CRM's table exactly once, whole, and belongs to somebody (R24)."""
    found: dict[str, list[Any]] = {}
    for row in rows:
        found.setdefault(row.wamid, []).append(row)

    def judge(said: Spoken) -> tuple[bool, str]:
        mine = found.get(said.wamid, [])
        wanted = ("in", said.line.kind, said.line.body)
        right = [row for row in mine if (row.direction, row.kind, row.body) == wanted and row.customer_id is not None]
        return len(mine) == len(
            right
        ) == 1, f"{said.line.kind} {said.line.body!r}: {len(mine)} rows, {len(right)} whole"

    return _verdict(map(judge, spoken))


def crm_tasks(crm: Engine) -> list[str]:
    """What every task in the CRM is about: the customer's words."""
    with crm.connect() as connection:
        return list(connection.execute(text("select body from service_tasks")).scalars())


def handed_over(spoken: Sequence[Spoken], bodies: Iterable[str]) -> Found:
    """Each line that a person must see is one open task, and nothing else is (R32, R33); `bodies` are the tasks'."""
    tasks = Counter(bodies)
    wanted = Counter(said.line.body for said in spoken if said.line.handoff)
    return _verdict((tasks[body] == wanted[body], f"{body!r}: {tasks[body]} tasks") for body in sorted(tasks | wanted))


def statuses(sends: Sequence[Mapping[str, Any]], rows: Sequence[Any]) -> Found:
    """The CRM shows of each accepted message the platform's last status (R23)."""
    shown = {row.wamid: row.status for row in rows}
    return _verdict(
        (
            shown.get(send["wamid"]) == (last := last_status(send)),
            f"{send['wamid'][-12:]}: {last}, CRM {shown.get(send['wamid'])}",
        )
        for send in sends
    )


def last_status(send: Mapping[str, Any]) -> str:
    """How far the platform says a message has come."""
    steps = (("read_at", "read"), ("delivered_at", "delivered"), ("failed_at", "failed"), ("sent_at", "sent"))
    return next((status for moment, status in steps if send[moment] is not None), "accepted")


def withdrawn(spoken: Sequence[Spoken], store: Store, crm: Engine) -> Found:
    """Each STOP stands in the ledger as the customer's own word, and in the CRM as no (X4)."""
    stops = [said for said in spoken if said.line.consent == "revoked"]
    with store.begin() as tx:
        ledger = _ledger(tx, [said.wamid for said in stops])
        records = _crm_rows(tx, [said.person.contact_id for said in stops])
    with crm.connect() as connection:
        rows = connection.execute(text("select customer_id::text as id, accepts_marketing as word from customers"))
        words = {row.id: row.word for row in rows}

    def judge(said: Spoken) -> tuple[bool, str]:
        in_crm = [words.get(crm_id) for crm_id in records.get(said.person.contact_id or 0, [])]
        refused = any(word in _NO_WORDS for word in in_crm)
        return ledger[
            said.wamid
        ] == 1 and refused, f"{said.line.body!r}: {ledger[said.wamid]} in the ledger, CRM {in_crm}"

    return _verdict(map(judge, stops))


def _ledger(tx: Connection, wamids: Sequence[str]) -> Counter[str]:
    statement = text("""
        select split_part(proof, ': ', 1) from consents
        where tier = 'marketing' and word = 'revoked' and explicit and split_part(proof, ': ', 1) = any(:wamids)""")
    return Counter(tx.execute(statement, {"wamids": list(wamids)}).scalars())


def _crm_rows(tx: Connection, contacts: Sequence[int | None]) -> dict[int, list[str]]:
    statement = text("select contact_id, crm_id from contact_sources where contact_id = any(:ids) order by crm_id")
    found: dict[int, list[str]] = {}
    for row in tx.execute(statement, {"ids": [contact for contact in contacts if contact]}):
        found.setdefault(row.contact_id, []).append(row.crm_id)
    return found


# The platform's side


def answered(spoken: Sequence[Spoken], sends: Sequence[Mapping[str, Any]]) -> Found:
    """Everybody got as many replies as the script says: none is missing, none came twice (R30, R31)."""
    wanted = Counter(said.person.address for said in spoken if said.line.answered)
    got = Counter(send["to"] for send in sends if send["kind"] == "text")
    right = sum(min(wanted[address], got[address]) for address in wanted)
    wrong = [f"{mask(a)}: {got[a]} replies, not {wanted[a]}" for a in sorted(wanted | got) if wanted[a] != got[a]]
    return Found(right, wanted.total(), tuple(wrong))


def doubled(sends: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """Messages of ours that the platform accepted more than once, by the mark that every send carries."""
    times = Counter(callback.ref_of(send["biz_opaque_callback_data"]) for send in sends)
    return tuple(f"{key}: accepted {count} times" for key, count in sorted(times.items(), key=str) if count > 1)


def mask(address: str) -> str:
    """The last three digits tell enough."""
    return f"***{address[-3:]}"


# The engine's own times, where nobody else has a clock on it


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds from a customer's pressing send: to the record in the CRM (by wamid), to the platform's taking the reply,
    to the task in the CRM."""

    to_crm: dict[str, float]
    to_reply: list[float]
    to_person: list[float]


def delays(spoken: Sequence[Spoken], sends: Sequence[Mapping[str, Any]], store: Store) -> Delays:
    """The CRM's times are taken when its transaction has been committed, the reply's time is the platform's."""
    said_at = {said.wamid: said.at for said in spoken}
    accepted_at = {callback.ref_of(s["biz_opaque_callback_data"]): s["accepted_at"] for s in sends}
    with store.begin() as tx:
        written = _written(tx, list(said_at))
        replies = _replies(tx, list(said_at))
    return Delays(
        to_crm={wamid: at.timestamp() - said_at[wamid] for wamid, topic, at in written if topic == "message"},
        to_reply=[accepted_at[key] - said_at[wamid] for wamid, key in replies if key in accepted_at],
        to_person=[at.timestamp() - said_at[wamid] for wamid, topic, at in written if topic == "handoff"],
    )


def _written(tx: Connection, wamids: list[str]) -> list[tuple[str, str, datetime]]:
    statement = text("""
        select m.wamid, w.topic, w.first_written_at
        from messages m
        left join handoffs h on h.message_id = m.id
        join crm_writes w on w.topic = 'message' and w.subject_id = m.id or w.topic = 'handoff' and w.subject_id = h.id
        where m.wamid = any(:wamids) and w.first_written_at is not null""")
    return [(row[0], row[1], row[2]) for row in tx.execute(statement, {"wamids": wamids})]


def _replies(tx: Connection, wamids: list[str]) -> list[tuple[str, str]]:
    statement = text("""
        select m.wamid, o.ref from messages m join outgoing o on o.answers_message_id = m.id
        where m.wamid = any(:wamids)""")
    return [(row[0], row[1]) for row in tx.execute(statement, {"wamids": wamids})]


def carried(spoken: Sequence[Spoken], delays: Delays, sends: Sequence[Mapping[str, Any]]) -> list[float]:
    """The moments (unix seconds) at which messages had been carried: into the CRM, and onto the platform."""
    into_crm = [said.at + delays.to_crm[said.wamid] for said in spoken if said.wamid in delays.to_crm]
    return into_crm + [send["accepted_at"] for send in sends]


def message_for(spoken_line: Line, person: Person) -> dict[str, Any]:
    """A line as the platform's control API wants it."""
    who = {"from": person.phone} if person.phone else {"user_id": person.user_id}
    name = {"name": person.name} if person.name else {}
    return {**who, **name, "type": spoken_line.kind, spoken_line.kind: spoken_line.content}


def cast_in_order(lines: Sequence[Line]) -> list[Part]:
    """Every part of the script once, in the order of their first words."""
    return list(dict.fromkeys(line.part for line in lines))
