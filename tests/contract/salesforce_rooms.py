"""A simulated Salesforce org as a room of the CRM suite; whoever types there types text, as in the other rooms."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from config.object_mapping import ObjectMapping
from syncer.crm import moments
from syncer.crm.salesforce.adapter import SalesforceCRM
from syncer.crm.salesforce.mapping import BODY, CONTACT_LOOKUP, MESSAGE_FIELDS, OCCURRED, REF, REPLY_FIELDS
from syncer.crm.salesforce.pace import SalesforcePace
from syncer.crm.salesforce.tokens import client_credentials
from syncer.simulators.salesforce.app import start
from syncer.simulators.salesforce.config import Behaviour, SalesforceConfig
from tests.contract.crm_suite import NOON
from tests.contract.simulated import Simulated, mapping_of, milliseconds

#: Contact field -> field; those that begin with `Typed_` are texts of the company's own, which take any word.
FIELDS = {
    "external_id": "Id",
    "full_name": "Typed_Name__c",
    "phone": "MobilePhone",
    "phone_alt": "Phone",
    "email": "Typed_Email__c",
    "company": "Typed_Company__c",
    "city": "MailingCity",
    "address": "MailingStreet",
    "birthday": "Typed_Birthday__c",
    "gender": "Typed_Gender__c",
    "language": "Typed_Language__c",
    "tags": "Typed_Tags__c",
    "owner": "Owner.Name",
    "notes": "Description",
    "source": "Typed_Source__c",
    "marketing_consent": "Typed_Marketing__c",
    "transactional_consent": "Typed_Service__c",
    "blocked": "Typed_Blocked__c",
    "created_at": "CreatedDate",
    "updated_at": "SystemModstamp",
}
MAPPING = mapping_of("Contact", "WA_External_Id__c", FIELDS)
CONFIG = SalesforceConfig()


def adapter(url: str, mapping: ObjectMapping = MAPPING, **how: Any) -> SalesforceCRM:
    """An adapter that waits for nothing."""
    how = {"pace": SalesforcePace(sleep=lambda seconds: None), "version": "v67.0", **how}
    how.setdefault("grant", client_credentials(CONFIG.client_id, CONFIG.client_secret))
    return SalesforceCRM(mapping, "TW", login_url=url, **how)


class Org(Simulated):
    """A running org and its control API."""

    def __init__(self, **config: Any) -> None:
        config = {"behaviour": Behaviour(calls_most=0), "seed": 1, **config}
        super().__init__(start(SalesforceConfig(**config)))
        self._token = ""

    def login(self, **form: str) -> Any:
        """One request for a token, as `requests.Response`."""
        known = {"grant_type": "client_credentials", "client_id": CONFIG.client_id}
        known["client_secret"] = CONFIG.client_secret
        return self._session.post(f"{self.url}/services/oauth2/token", data={**known, **form})

    def asked(self, method: str, path: str, body: Any = None, **how: Any) -> Any:
        """One request of the API itself, as `requests.Response`."""
        if not self._token:
            self._token = self.login().json()["access_token"]
        headers = {"Authorization": f"Bearer {self._token}", **how.pop("headers", {})}
        url = f"{self.url}/services/data/v67.0/{path}"
        return self._session.request(method, url, json=body, headers=headers, **how)

    def query(self, soql: str, where: str = "query") -> Any:
        """The answer to a query, as `requests.Response`."""
        return self.asked("GET", where, params={"q": soql})

    def of(self, kind: str) -> list[dict[str, Any]]:
        """All records of an object that were typed in or written and are not deleted, with their fields."""
        return [row["fields"] for row in self.told("GET", f"objects/{kind}")["records"] if not row["deleted"]]

    def record(self, crm_id: str, kind: str = "Contact") -> dict[str, Any]:
        """All fields of one record."""
        found: dict[str, Any] = self.told("GET", f"objects/{kind}/{crm_id}")["fields"]
        return found


class SalesforceRoom:
    """The org under `MAPPING`; messages are tasks, or in `WA_Message__c` where the org has it."""

    holds_nul = False
    reply_fields = frozenset({*REPLY_FIELDS, "reply_to", "author"})
    replies_are_messages = True

    def __init__(self, **config: Any) -> None:
        self.org = Org(**config)
        for name in FIELDS.values():
            if name.startswith("Typed_"):
                self.org.told("POST", "fields/Contact", field=f"{name}:textarea(32768)")
        urgent = ["Urgent", "High", "Medium", "Low"]
        self.org.told("POST", "fields/Case", field="Priority:picklist", values=urgent)
        self.crm = adapter(self.org.url)
        self._kind = "WA_Message__c" if config.get("message_object") else "Task"
        self._owners: dict[str, str] = {}

    def close(self) -> None:
        self.crm.close()
        self.org.close()

    def add(self, changed_at: datetime = NOON, **fields: Any) -> str:
        typed = {"LastName": "(WhatsApp)", **self._typed(fields)}
        return str(self.org.told("POST", "objects/Contact", fields=typed, at=milliseconds(changed_at))["id"])

    def change(self, crm_id: str, changed_at: datetime = NOON, **fields: Any) -> None:
        body = {"fields": self._typed(fields), "at": milliseconds(changed_at)}
        self.org.told("PATCH", f"objects/Contact/{crm_id}", **body)

    def remove(self, crm_id: str) -> None:
        self.org.told("DELETE", f"objects/Contact/{crm_id}")

    def merge(self, crm_id: str, into: str) -> None:
        self.org.told("POST", "merge", master=into, other=crm_id)

    def contact(self, crm_id: str) -> dict[str, Any]:
        values = self.org.record(crm_id)
        seen = {contact: values.get(crm) for contact, crm in FIELDS.items()}
        return {**seen, "owner": self._owners.get(values["OwnerId"])}

    def contact_ids(self) -> list[str]:
        return [row["Id"] for row in self.org.of("Contact")]

    def messages(self) -> list[dict[str, Any]]:
        return [self._message(row) for row in self.org.of(self._kind)]

    def tasks(self) -> list[dict[str, Any]]:
        return [_task(row) for row in self.org.of("Case")]

    def finish_task(self, ref: str) -> None:
        [case] = [row for row in self.org.of("Case") if row[REF] == ref]
        self.org.told("PATCH", f"objects/Case/{case['Id']}", fields={"Status": "Closed", "Subject": "!"})

    def write_reply(self, body: str, *, crm_id: str | None = None, phone: str | None = None, **more: Any) -> str:
        fields = {"WA_Direction__c": "out", "WA_Status__c": "to_send", "WA_Phone__c": phone}
        if author := more.pop("author", None):
            fields["CreatedById"] = self._user(author)
        names = {**REPLY_FIELDS, "reply_to": MESSAGE_FIELDS["reply_to"]}
        fields |= {names[name]: value for name, value in more.items()}
        return self._write_down(body, crm_id, {name: value for name, value in fields.items() if value is not None})

    def log_message(self, crm_id: str, body: str) -> str:
        return self._write_down(body, crm_id, {"WA_Direction__c": "out", "WA_Status__c": "sent"})

    def reply(self, record_id: str) -> dict[str, Any]:
        row = self.org.record(record_id, self._kind)
        return {"ref": row.get(REF), "status": row.get("WA_Status__c"), "error": row.get("WA_Error__c")}

    def _write_down(self, body: str, crm_id: str | None, fields: dict[str, Any]) -> str:
        own = self._kind == "WA_Message__c"
        fields |= {
            BODY if own else "Description": body,
            OCCURRED if own else "ActivityDate": NOON.isoformat() if own else NOON.date().isoformat(),
        }
        fields |= {CONTACT_LOOKUP if own else "WhoId": crm_id} if crm_id else {}
        fields |= {} if own else {"Subject": "WhatsApp", "Status": "Completed"}
        return str(self.org.told("POST", f"objects/{self._kind}", fields=fields)["id"])

    def _typed(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Owners are users of the org: whoever is typed in becomes one."""
        typed = {FIELDS[name]: value for name, value in fields.items() if name != "owner"}
        if owner := fields.get("owner"):
            typed["OwnerId"] = self._user(owner)
        return typed

    def _user(self, name: str) -> str:
        user = {"Username": f"user{len(self._owners)}@example.com", "Name": name, "IsActive": True}
        number = str(self.org.told("POST", "objects/User", fields=user)["id"])
        self._owners[number] = name
        return number

    def _message(self, row: dict[str, Any]) -> dict[str, Any]:
        own = self._kind == "WA_Message__c"
        seen = {role: row.get(name) for role, name in MESSAGE_FIELDS.items()}
        happened = row[OCCURRED] if own else f"{row['ActivityDate']}T12:00:00Z"
        return seen | {
            "ref": row.get(REF),
            "body": row.get(BODY if own else "Description", ""),
            "crm_contact_id": row.get(CONTACT_LOOKUP if own else "WhoId"),
            "status_at": moments.moment(seen["status_at"]) if seen["status_at"] else None,
            "occurred_at": moments.moment(happened),
        }


def _task(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "ref": row[REF],
        "crm_contact_id": row.get("ContactId"),
        "subject": row["Subject"],
        "body": row["Description"],
        "priority": row["Priority"].lower(),
        "status": row["Status"],
    }
