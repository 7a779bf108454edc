"""A simulated Zoho organisation as a room of the CRM suite; whoever types there types text, as in the other rooms."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import requests

from config.object_mapping import ObjectMapping
from syncer.crm import moments
from syncer.crm.exchange import client
from syncer.crm.tokens import ProcessTokens, Tokens
from syncer.crm.zoho.adapter import ZohoCRM
from syncer.crm.zoho.auth import Auth
from syncer.crm.zoho.lines import read_line, word
from syncer.crm.zoho.mapping import MESSAGE_FIELDS, REPLY_FIELDS
from syncer.crm.zoho.pace import ZohoPace
from syncer.crm.zoho.rows import plain
from syncer.simulators.zoho.app import start
from syncer.simulators.zoho.config import Behaviour, Limits, ZohoConfig
from tests.contract.crm_suite import NOON
from tests.contract.simulated import Simulated, mapping_of

#: Contact field -> Zoho's; those that begin with `typed_` are texts of the company's own, which take any word.
FIELDS = {
    "external_id": "id",
    "full_name": "typed_name",
    "phone": "Mobile",
    "phone_alt": "Phone",
    "email": "typed_email",
    "company": "typed_company",
    "city": "Mailing_City",
    "address": "Mailing_Street",
    "birthday": "typed_birthday",
    "gender": "typed_gender",
    "language": "typed_language",
    "tags": "Tag",
    "owner": "Owner",
    "notes": "Description",
    "source": "typed_source",
    "marketing_consent": "typed_marketing",
    "transactional_consent": "typed_service",
    "blocked": "typed_blocked",
    "created_at": "Created_Time",
    "updated_at": "Modified_Time",
}
MAPPING = mapping_of("Contacts", "WA_External_Id", FIELDS)
CONFIG = ZohoConfig()
#: A note holds one word for its reference; these are what the suite calls its messages.
_REFS = {word(ref): ref for ref in ("out-1", "out-2", "refused-1")}
UNLIMITED = Limits(tokens=0, credits=0, concurrent=0)
_BETWEEN_TAGS = re.compile(r"[,，;；\s]+")


def adapter(
    url: str,
    mapping: ObjectMapping = MAPPING,
    *,
    tokens: Tokens | None = None,
    pace: ZohoPace | None = None,
    **auth: str,
) -> ZohoCRM:
    """An adapter over one organisation; without a `pace` it waits for nothing. `auth` replaces parts of credentials."""
    http = client("zoho", 10.0)
    given = {
        "accounts_url": url,
        "api_url": url,
        "client_id": CONFIG.client_id,
        "client_secret": CONFIG.client_secret,
        "refresh_token": CONFIG.refresh_token,
        **auth,
    }
    found = Auth(http, tokens or ProcessTokens(most=1000), **given)
    pace = pace or ZohoPace(sleep=lambda seconds: None)
    return ZohoCRM(mapping, "TW", http=http, auth=found, version="v8", channel_secret=CONFIG.client_secret, pace=pace)


class Site(Simulated):
    """A running organisation and its control API."""

    def __init__(self, **config: Any) -> None:
        config = {"behaviour": Behaviour(limits=UNLIMITED), "seed": 1, **config}
        super().__init__(start(ZohoConfig(**config)))
        self._token = ""

    def token(self, **changes: str) -> requests.Response:
        """One request of the accounts server."""
        form = {"grant_type": "refresh_token", "client_id": CONFIG.client_id, "client_secret": CONFIG.client_secret}
        form |= {"refresh_token": CONFIG.refresh_token, **changes}
        return self._session.post(f"{self.url}/oauth/v2/token", data=form)

    def asked(self, method: str, path: str, body: Any = None, **headers: str) -> requests.Response:
        """One request of the API itself."""
        if not self._token:
            self._token = self.token().json()["access_token"]
        head = {"Authorization": f"Zoho-oauthtoken {self._token}"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        return self._session.request(method, f"{self.url}/crm/v8/{path}", json=body, headers=head)

    def of(self, module: str) -> list[dict[str, Any]]:
        """All records of a module that were typed in or written and are not deleted."""
        return [row for row in self.told("GET", f"records/{module}")["data"] if not row["deleted"]]


class ZohoRoom:
    """The organisation under `MAPPING`."""

    holds_nul = False
    replies_are_messages = True

    def __init__(self, **config: Any) -> None:
        self.site = Site(**config)
        self._module = "WA_Messages" if "WA_Messages" in self.site.told("GET", "")["records"] else "Notes"
        more = {*REPLY_FIELDS, "reply_to"} if self._module == "WA_Messages" else set()
        self.reply_fields = frozenset({*more, "author"})
        for name in FIELDS.values():
            if name.startswith("typed_"):
                self.site.told("POST", "fields/Contacts", field=f"{name}:textarea")
        self.site.told("POST", "fields/Cases", field="Priority:picklist=-None-|Urgent|High|Medium|Low")
        self.crm = adapter(self.site.url)

    def close(self) -> None:
        self.crm.close()
        self.site.close()

    def add(self, changed_at: datetime = NOON, **fields: Any) -> str:
        body = {**self._typed(fields), "at": int(changed_at.timestamp())}
        return str(self.site.told("POST", "records/Contacts", **body)["id"])

    def change(self, crm_id: str, changed_at: datetime = NOON, **fields: Any) -> None:
        body = {**self._typed(fields), "at": int(changed_at.timestamp())}
        self.site.told("PATCH", f"records/Contacts/{crm_id}", **body)

    def remove(self, crm_id: str) -> None:
        self.site.told("DELETE", f"records/Contacts/{crm_id}")

    def contact(self, crm_id: str) -> dict[str, Any]:
        values = self.site.told("GET", f"records/Contacts/{crm_id}")
        return {contact: plain(values.get(crm)) for contact, crm in FIELDS.items()}

    def contact_ids(self) -> list[str]:
        return [row["id"] for row in self.site.of("Contacts")]

    def messages(self) -> list[dict[str, Any]]:
        if self._module == "WA_Messages":
            return [_message(row) for row in self.site.of("WA_Messages")]
        return [_note(row) for row in self.site.of("Notes")]

    def tasks(self) -> list[dict[str, Any]]:
        return [_case(row) for row in self.site.of("Cases")] + [_task(row) for row in self.site.of("Tasks")]

    def finish_task(self, ref: str) -> None:
        for module, done in (("Cases", "Closed"), ("Tasks", "Completed")):
            for row in self.site.of(module):
                told = _case(row) if module == "Cases" else _task(row)
                if told["ref"] == ref:
                    self.site.told("PATCH", f"records/{module}/{row['id']}", values={"Status": done, "Subject": "!"})

    def write_reply(self, body: str, *, crm_id: str | None = None, phone: str | None = None, **more: Any) -> str:
        owner = {"owner": self._user(author)} if (author := more.pop("author", None)) else {}
        if self._module == "Notes":
            note = {"Note_Title": "WhatsApp to send", "Note_Content": body, "Parent_Id": {"id": crm_id}}
            return str(self.site.told("POST", "records/Notes", values=note, **owner)["id"])
        names = {**REPLY_FIELDS, "reply_to": MESSAGE_FIELDS["reply_to"]}
        said = {names[name]: value for name, value in {**more, "phone": phone}.items() if value is not None}
        values = self._outgoing(crm_id, body, "to_send") | said
        return str(self.site.told("POST", "records/WA_Messages", values=values, **owner)["id"])

    def log_message(self, crm_id: str, body: str) -> str:
        note = {"Note_Title": "WhatsApp", "Note_Content": body, "Parent_Id": {"id": crm_id}}
        values = note if self._module == "Notes" else self._outgoing(crm_id, body, "sent")
        return str(self.site.told("POST", f"records/{self._module}", values=values)["id"])

    def reply(self, record_id: str) -> dict[str, Any]:
        row = self.site.told("GET", f"records/{self._module}/{record_id}")
        if self._module == "WA_Messages":
            return {"ref": row.get("WA_Ref"), "status": row.get("WA_Status"), "error": row.get("WA_Error")}
        line = read_line(row["Note_Content"])
        told = line[1] if line else {}
        return {"ref": _REFS[line[0]] if line else None, "status": told.get("status"), "error": told.get("error")}

    def _outgoing(self, crm_id: str | None, body: str, status: str) -> dict[str, Any]:
        contact = {"WA_Contact": {"id": crm_id}} if crm_id else {}
        moment = NOON.isoformat(timespec="seconds")
        told = {"Name": "WhatsApp", "WA_Direction": "out", "WA_Status": status, "WA_Body": body, "WA_Time": moment}
        return {**told, **contact}

    def _user(self, name: str) -> str:
        number = str(50_000 + len(name))
        self.site.told("POST", "users", id=number, name=name, email=f"{number}@example.com")
        return number

    def _typed(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Owners are users of the organisation: whoever is typed in becomes one. Tags are labels, not a text."""
        values = {FIELDS[name]: value for name, value in fields.items() if name not in ("owner", "tags")}
        told: dict[str, Any] = {"values": values | {"Last_Name": "x"}}
        if "tags" in fields:
            told["tags"] = list(dict.fromkeys(filter(None, _BETWEEN_TAGS.split(fields["tags"] or ""))))
        if owner := fields.get("owner"):
            told["owner"] = self._user(owner)
        return told


def _contact(row: dict[str, Any], name: str) -> str | None:
    return row[name]["id"] if row.get(name) else None


def _message(row: dict[str, Any]) -> dict[str, Any]:
    seen = {role: row.get(name) for role, name in MESSAGE_FIELDS.items()}
    return seen | {
        "ref": row.get("WA_Ref"),
        "body": row.get("WA_Body", ""),
        "crm_contact_id": _contact(row, "WA_Contact"),
        "status_at": moments.moment(seen["status_at"]) if seen["status_at"] else None,
        "occurred_at": moments.moment(row["WA_Time"]),
    }


def _note(row: dict[str, Any]) -> dict[str, Any]:
    content = row["Note_Content"]
    line = read_line(content)
    assert line is not None
    values: dict[str, Any] = {role: line[1].get(role) for role in MESSAGE_FIELDS}
    return values | {
        "ref": _REFS.get(line[0], line[0]),
        "body": content.rpartition("\n")[0],
        "crm_contact_id": _contact(row, "Parent_Id"),
        "status_at": moments.moment(values["status_at"]) if values["status_at"] else None,
        "occurred_at": moments.moment(row["Note_Title"].split()[-1]),
    }


def _case(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "ref": row.get("WA_Ref"),
        "crm_contact_id": _contact(row, "Related_To"),
        "subject": row["Subject"],
        "body": row.get("Description", ""),
        "priority": row["Priority"].lower(),
        "status": row["Status"],
    }


def _task(row: dict[str, Any]) -> dict[str, Any]:
    line = read_line(row["Description"])
    return {
        "ref": line[0] if line else None,
        "crm_contact_id": _contact(row, "Who_Id"),
        "subject": row["Subject"],
        "body": row["Description"].rpartition("\n")[0],
        "priority": {"Highest": "urgent"}.get(row["Priority"], row["Priority"].lower()),
        "status": row["Status"],
    }
