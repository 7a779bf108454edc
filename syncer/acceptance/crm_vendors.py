"""HubSpot, Salesforce and Zoho as the scenario plays with them: how each calls things, and how it is set up."""

from __future__ import annotations

import html
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from syncer.acceptance.crm_simulated import SimulatedCrm, Words
from syncer.acceptance.stage import Stage
from syncer.crm.salesforce.notices import secrets_of
from syncer.simulators.hubspot.seeds import FIRST_ID as HUBSPOT_FIRST
from syncer.simulators.salesforce.ids import record_id
from syncer.simulators.salesforce.seeds import FIRST as SALESFORCE_FIRST
from syncer.simulators.zoho.seeds import FIRST_ID as ZOHO_FIRST


def _with(stage: Stage, **options: str) -> str:
    """Options whose values are the environment's; with an equals sign, since a made-up secret may begin with a dash."""
    return " ".join(f"--{name.replace('_', '-')}={stage.environment[value]}" for name, value in options.items())


def _made_up(*names: str) -> dict[str, str]:
    return {name: secrets.token_urlsafe(24) for name in names}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def hubspot() -> SimulatedCrm:
    """HubSpot: messages are communications, handoffs are tickets. The app's webhooks are set up with it."""
    names = (
        "wa_ref",
        "wa_message_id",
        "wa_contact_id",
        "wa_direction",
        "wa_kind",
        "hs_communication_body",
        "wa_status",
    )

    def options(stage: Stage) -> str:
        hooks = f" --webhook-url {stage.url(stage.ports.web, '/webhooks/hubspot')}"
        return _with(stage, access_token="HUBSPOT_ACCESS_TOKEN", client_secret="HUBSPOT_CLIENT_SECRET") + hooks

    def reply(crm_id: str, text: str) -> Mapping[str, Any]:
        told = {
            "hs_communication_channel_type": "WHATS_APP",
            "hs_communication_body": f"<p>{html.escape(text, quote=False)}</p>",
            "hs_timestamp": _now(),
            "wa_status": "to_send",
        }
        return {"properties": told, "links": {"contacts": [crm_id]}}

    return SimulatedCrm(
        "hubspot",
        Words(
            room="objects",
            listed="results",
            fields="properties",
            typed="properties",
            contacts="contacts",
            phone="phone",
            email="email",
            city="city",
            messages="communications",
            message=names,
            handoffs="tickets",
            handoff="content",
            seed_id=lambda index: str(HUBSPOT_FIRST + index),
            options=options,
            addresses=("HUBSPOT_API_URL",),
            reply=reply,
            variables=_made_up("HUBSPOT_ACCESS_TOKEN", "HUBSPOT_CLIENT_SECRET"),
            read_body=lambda told: html.unescape(told.replace("<br>", "\n")),
        ),
    )


def salesforce() -> SimulatedCrm:
    """Salesforce: messages in the object of `docs/salesforce`, handoffs are cases. The outbound messages are set up
    with the address that the engine gave out."""
    names = ("WA_Ref__c", "WA_Message_Id__c", "WA_Contact__c", "WA_Direction__c", "WA_Kind__c", "WA_Body__c")

    def options(stage: Stage) -> str:
        outbound = stage.url(stage.ports.web, f"/webhooks/salesforce/{secrets_of(stage.settings)[0]}")
        known = _with(stage, client_id="SALESFORCE_CLIENT_ID", client_secret="SALESFORCE_CLIENT_SECRET")
        return f"--message-object --outbound-url {outbound} {known}"

    def reply(crm_id: str, text: str) -> Mapping[str, Any]:
        told = {"WA_Direction__c": "out", "WA_Status__c": "to_send", "WA_Body__c": text, "WA_Contact__c": crm_id}
        return {"fields": told | {"WA_Occurred_At__c": _now()}}

    return SimulatedCrm(
        "salesforce",
        Words(
            room="objects",
            listed="records",
            fields="fields",
            typed="fields",
            contacts="Contact",
            phone="MobilePhone",
            email="Email",
            city="MailingCity",
            messages="WA_Message__c",
            message=(*names, "WA_Status__c"),
            handoffs="Case",
            handoff="Description",
            seed_id=lambda index: record_id("003", SALESFORCE_FIRST + index),
            options=options,
            addresses=("SALESFORCE_LOGIN_URL",),
            reply=reply,
            variables=_made_up("SALESFORCE_CLIENT_ID", "SALESFORCE_CLIENT_SECRET"),
        ),
    )


def zoho() -> SimulatedCrm:
    """Zoho: messages in the company's module, handoffs are cases. The engine opens the watch channels itself."""
    names = ("WA_Ref", "WA_Message_Id", "WA_Contact", "WA_Direction", "WA_Kind", "WA_Body", "WA_Status")

    def reply(crm_id: str, text: str) -> Mapping[str, Any]:
        told = {"Name": "WhatsApp", "WA_Direction": "out", "WA_Status": "to_send", "WA_Body": text, "WA_Time": _now()}
        return {"values": told | {"WA_Contact": {"id": crm_id}}}

    return SimulatedCrm(
        "zoho",
        Words(
            room="records",
            listed="data",
            fields="",
            typed="values",
            contacts="Contacts",
            phone="Mobile",
            email="Email",
            city="Mailing_City",
            messages="WA_Messages",
            message=names,
            handoffs="Cases",
            handoff="Description",
            seed_id=lambda index: str(ZOHO_FIRST + index),
            options=lambda stage: _with(
                stage,
                client_id="ZOHO_CLIENT_ID",
                client_secret="ZOHO_CLIENT_SECRET",
                refresh_token="ZOHO_REFRESH_TOKEN",
            ),
            addresses=("ZOHO_ACCOUNTS_URL", "ZOHO_API_URL"),
            reply=reply,
            variables=_made_up("ZOHO_CLIENT_ID", "ZOHO_CLIENT_SECRET", "ZOHO_REFRESH_TOKEN"),
        ),
    )
