"""A simulated HubSpot portal as a room of the CRM suite; whoever types there types text, as in the other rooms."""

from __future__ import annotations

import html
from datetime import datetime
from typing import Any

from config.object_mapping import ObjectMapping
from syncer.crm import moments
from syncer.crm.hubspot.adapter import HubSpotCRM
from syncer.crm.hubspot.mapping import MESSAGE_PROPERTIES, REF, TEMPLATE
from syncer.crm.hubspot.messages import as_html
from syncer.crm.hubspot.pace import HubSpotPace
from syncer.simulators.hubspot.app import start
from syncer.simulators.hubspot.config import Behaviour, HubSpotConfig, Limits
from tests.contract.crm_suite import NOON
from tests.contract.simulated import Simulated, mapping_of, milliseconds

#: Contact field -> property; those that begin with `typed_` are texts of the company's own, which take any word.
PROPERTIES = {
    "external_id": "hs_object_id",
    "full_name": "typed_name",
    "phone": "phone",
    "phone_alt": "mobilephone",
    "email": "typed_email",
    "company": "company",
    "city": "city",
    "address": "address",
    "birthday": "typed_birthday",
    "gender": "typed_gender",
    "language": "typed_language",
    "tags": "typed_tags",
    "owner": "hubspot_owner_id",
    "notes": "typed_notes",
    "source": "typed_source",
    "marketing_consent": "typed_marketing",
    "transactional_consent": "typed_service",
    "blocked": "typed_blocked",
    "created_at": "createdate",
    "updated_at": "lastmodifieddate",
}
MAPPING = mapping_of("contacts", "wa_external_id", PROPERTIES)
TOKEN = HubSpotConfig().access_token
UNLIMITED = Limits(burst=0, daily=0, searches=0)


def adapter(url: str, mapping: ObjectMapping = MAPPING, *, token: str = TOKEN) -> HubSpotCRM:
    """An adapter that waits for nothing."""
    pace = HubSpotPace(sleep=lambda seconds: None)
    return HubSpotCRM(mapping, "TW", base_url=url, version="2026-09", access_token=lambda: token, pace=pace)


class Portal(Simulated):
    """A running portal and its control API."""

    def __init__(self, **config: Any) -> None:
        config = {"behaviour": Behaviour(limits=UNLIMITED), "seed": 1, **config}
        super().__init__(start(HubSpotConfig(**config)))

    def asked(self, method: str, path: str, body: Any = None, token: str = TOKEN) -> Any:
        """One request of the API itself, as `requests.Response`."""
        head = {"Authorization": f"Bearer {token}"}
        return self._session.request(method, f"{self.url}/crm/{path}", json=body, headers=head)

    def of(self, kind: str) -> list[dict[str, Any]]:
        """All records of a kind that were typed in or written and are not deleted."""
        return [row for row in self.told("GET", f"objects/{kind}")["results"] if not row["archived"]]


class HubSpotRoom:
    """The portal under `MAPPING`."""

    holds_nul = False
    reply_fields = frozenset({"template", "language", "reply_to", "author"})
    replies_are_messages = True

    def __init__(self, **config: Any) -> None:
        self.portal = Portal(**config)
        for name in PROPERTIES.values():
            if name.startswith("typed_"):
                made = {"name": name, "label": name, "groupName": "contactinformation", "type": "string"}
                self.portal.told("POST", "properties/contacts", **made, fieldType="text")
        self.crm = adapter(self.portal.url)
        self._owners: dict[str, str] = {}

    def close(self) -> None:
        self.crm.close()
        self.portal.close()

    def add(self, changed_at: datetime = NOON, **fields: Any) -> str:
        body = {"properties": self._typed(fields), "at": milliseconds(changed_at)}
        return str(self.portal.told("POST", "objects/contacts", **body)["id"])

    def change(self, crm_id: str, changed_at: datetime = NOON, **fields: Any) -> None:
        body = {"properties": self._typed(fields), "at": milliseconds(changed_at)}
        self.portal.told("PATCH", f"objects/contacts/{crm_id}", **body)

    def remove(self, crm_id: str) -> None:
        self.portal.told("DELETE", f"objects/contacts/{crm_id}")

    def merge(self, crm_id: str, into: str) -> None:
        self.portal.told("POST", "merge", primary=into, other=crm_id)

    def contact(self, crm_id: str) -> dict[str, Any]:
        values = self.portal.told("GET", f"objects/contacts/{crm_id}")["properties"]
        seen = {contact: values.get(crm) for contact, crm in PROPERTIES.items()}
        return {**seen, "owner": self._owners.get(seen["owner"] or "", seen["owner"])}

    def contact_ids(self) -> list[str]:
        return [row["id"] for row in self.portal.of("contacts")]

    def messages(self) -> list[dict[str, Any]]:
        return [_message(row) for row in self.portal.of("communications")]

    def tasks(self) -> list[dict[str, Any]]:
        return [_task(row) for row in self.portal.of("tickets")]

    def finish_task(self, ref: str) -> None:
        [ticket] = [row for row in self.portal.of("tickets") if row["properties"]["wa_ref"] == ref]
        self.portal.told(
            "PATCH", f"objects/tickets/{ticket['id']}", properties={"hs_pipeline_stage": "4", "subject": "!"}
        )

    def write_reply(self, body: str, *, crm_id: str | None = None, **more: Any) -> str:
        """The status is what the portal's people choose from a list, once the engine has made it."""
        values = {MESSAGE_PROPERTIES["status"]: "to_send", MESSAGE_PROPERTIES["reply_to"]: more.get("reply_to")}
        if "template" in more:
            values[TEMPLATE] = "/".join(filter(None, (more["template"], more.get("language"))))
        if "author" in more:
            values["hubspot_owner_id"] = self._typed({"owner": more["author"]})[PROPERTIES["owner"]]
        self.crm.replies()
        return self._communication(body, crm_id, {name: value for name, value in values.items() if value})

    def log_message(self, crm_id: str, body: str) -> str:
        return self._communication(body, crm_id, {})

    def _communication(self, body: str, crm_id: str | None, values: dict[str, str]) -> str:
        told = {
            "hs_communication_channel_type": "WHATS_APP",
            "hs_communication_body": as_html(body),
            "hs_timestamp": NOON.isoformat().replace("+00:00", "Z"),
        }
        types = [{"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 81}]
        links = [{"to": {"id": crm_id}, "types": types}] if crm_id else []
        made = self.portal.asked(
            "POST", "objects/2026-09/communications", {"properties": told | values, "associations": links}
        )
        assert made.ok, made.text
        return str(made.json()["id"])

    def reply(self, record_id: str) -> dict[str, Any]:
        values = self.portal.told("GET", f"objects/communications/{record_id}")["properties"]
        named = {"ref": REF, "status": MESSAGE_PROPERTIES["status"], "error": MESSAGE_PROPERTIES["error"]}
        return {role: values.get(name) or None for role, name in named.items()}

    def _typed(self, fields: dict[str, Any]) -> dict[str, Any]:
        """Owners are users of the portal: whoever is typed in becomes one."""
        typed = {PROPERTIES[name]: value for name, value in fields.items()}
        if owner := fields.get("owner"):
            number = str(50_000 + len(self._owners))
            self._owners[number] = owner
            who = {"email": f"{number}@example.com", "first_name": owner[1:], "last_name": owner[:1]}
            self.portal.told("POST", "owners", id=int(number), **who)
            typed[PROPERTIES["owner"]] = number
        return typed


def _message(row: dict[str, Any]) -> dict[str, Any]:
    """Where the portal takes no properties of ours, all stands in the body's last line."""
    values = dict(row["properties"])
    body, line, told = values.get("hs_communication_body", "").partition("<p>wa")
    if line:
        pairs = [part.partition("=") for part in html.unescape(told.removesuffix("</p>")).split(" · ")]
        values |= {MESSAGE_PROPERTIES[role]: value for role, mark, value in pairs if mark}
        values |= {"hs_communication_body": body, "wa_ref": pairs[0][0]}
    seen = {role: values.get(name) for role, name in MESSAGE_PROPERTIES.items()}
    body = html.unescape(values.get("hs_communication_body", "").replace("<br>", "\n"))
    linked = row["links"].get("contacts", [])
    return seen | {
        "ref": values.get("wa_ref"),
        "body": body,
        "crm_contact_id": linked[0] if linked else None,
        "status_at": moments.moment(seen["status_at"]) if seen["status_at"] else None,
        "occurred_at": moments.moment(values["hs_timestamp"]),
    }


def _task(row: dict[str, Any]) -> dict[str, Any]:
    values = row["properties"]
    linked = row["links"].get("contacts", [])
    return {
        "ref": values["wa_ref"],
        "crm_contact_id": linked[0] if linked else None,
        "subject": values["subject"],
        "body": values["content"],
        "priority": values["hs_ticket_priority"].lower(),
        "status": values["hs_pipeline_stage"],
    }
