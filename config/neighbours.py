"""Settings of the systems next door: WhatsApp and the CRMs."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator
from pydantic_core.core_schema import ValidationInfo

from config import values
from config.variables import variable


class Section(BaseModel):
    """A frozen group of settings, silent about values in errors and about secrets in representations."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class WhatsAppSettings(Section):
    """The WhatsApp Business account and how to reach it (R16, R18)."""

    api_url: values.HttpUrl = variable(
        "WHATSAPP_API_URL", "Graph API, or a simulator", "https://graph.facebook.com", "https://graph.facebook.com"
    )
    api_version: values.GraphVersion = variable("WHATSAPP_API_VERSION", "Graph API version", "v25.0", "v25.0")
    access_token: values.Token | None = variable(
        "WHATSAPP_ACCESS_TOKEN",
        "System-user token of the Graph API",
        "EAAGm0PX4ZCpsBAKZCxy",
        secret=True,
    )
    app_secrets: values.Tokens = variable(
        "WHATSAPP_APP_SECRET",
        "App secret, signs webhooks; new,old during a rotation",
        "8d6f1f2b4c0a4c5e9f2d",
        secret=True,
    )
    verify_token: values.Token | None = variable(
        "WHATSAPP_VERIFY_TOKEN", "Word chosen by you for the webhook's GET handshake", "a-long-random-word", secret=True
    )
    business_account_id: values.PlatformId | None = variable(
        "WHATSAPP_BUSINESS_ACCOUNT_ID", "Id of the WhatsApp Business account (WABA)", "102290129340398"
    )
    phone_number_id: values.PlatformId | None = variable(
        "WHATSAPP_PHONE_NUMBER_ID", "Id of the number that sends", "106540352242922"
    )
    backup_phone_number_id: values.PlatformId | None = variable(
        "WHATSAPP_BACKUP_PHONE_NUMBER_ID", "Id of the number that takes over (R12); optional", "106540352242923"
    )
    tier: values.Tier = variable(
        "WHATSAPP_TIER", "Request-rate tier: standard 300/min, enterprise 1,500/min (R18)", "enterprise", "standard"
    )

    @field_validator("backup_phone_number_id")
    @classmethod
    def _another_number(cls, backup: str | None, info: ValidationInfo) -> str | None:
        if backup is not None and backup == info.data.get("phone_number_id"):
            raise ValueError("is the same number as WHATSAPP_PHONE_NUMBER_ID, so it cannot stand in for it")
        return backup


class CrmSettings(Section):
    """Which CRMs are connected, and the address of the company's own database (R15)."""

    names: values.CrmNames = variable(
        "CRM", "sql, hubspot, salesforce, zoho; several with commas, the first is the master", "hubspot,sql", "sql"
    )
    database_url: values.SqlAlchemyUrl | None = variable(
        "CRM_DATABASE_URL",
        "The company's own CRM database, any SQLAlchemy URL",
        "mysql+pymysql://crm:password@db/crm",
        secret=True,
    )

    @property
    def master(self) -> str:
        """The CRM whose record wins when two disagree."""
        return self.names[0]


class HubSpotSettings(Section):
    """HubSpot, reached with a private app's token."""

    api_url: values.HttpUrl = variable(
        "HUBSPOT_API_URL", "HubSpot API", "https://api.hubapi.com", "https://api.hubapi.com"
    )
    api_version: values.ApiVersion = variable("HUBSPOT_API_VERSION", "HubSpot API version", "2026-09", "2026-09")
    access_token: values.Token | None = variable(
        "HUBSPOT_ACCESS_TOKEN", "Token of the HubSpot private app", "pat-eu1-0123abcd", secret=True
    )
    client_secrets: values.Tokens = variable(
        "HUBSPOT_CLIENT_SECRET",
        "Client secret of the HubSpot app, signs its change notices; new,old during a rotation",
        "5e1b0f4c-2d3a-4a63-9f5c",
        secret=True,
    )


class SalesforceSettings(Section):
    """Salesforce, reached on the organisation's My Domain URL by the client-credentials flow, or with a key of ours by
    the JWT bearer flow."""

    login_url: values.MyDomainUrl | None = variable(
        "SALESFORCE_LOGIN_URL", "Salesforce My Domain URL", "https://acme.my.salesforce.com"
    )
    client_id: values.Token | None = variable(
        "SALESFORCE_CLIENT_ID",
        "Salesforce client app: consumer key",
        "3MVG9lKcPoNINVBIPJjdw1J9LLM82Hn",
        secret=True,
    )
    client_secret: values.Token | None = variable(
        "SALESFORCE_CLIENT_SECRET", "Salesforce client app: consumer secret", "D5A2F1C0B7E94C3A8F6D", secret=True
    )
    username: str | None = variable(
        "SALESFORCE_USERNAME", "Salesforce user that the engine acts as, with a private key", "syncer@acme.example"
    )
    private_key: SecretStr | None = variable(
        "SALESFORCE_PRIVATE_KEY",
        "RSA key (PEM) in place of the consumer secret; best as SALESFORCE_PRIVATE_KEY_FILE",
        "-----BEGIN PRIVATE KEY-----",
        secret=True,
    )
    api_version: values.GraphVersion = variable(
        "SALESFORCE_API_VERSION", "Salesforce REST API version", "v67.0", "v67.0"
    )


class ZohoSettings(Section):
    """Zoho CRM; the data centre is chosen by the two addresses."""

    accounts_url: values.HttpUrl = variable(
        "ZOHO_ACCOUNTS_URL",
        "Zoho accounts server of the data centre",
        "https://accounts.zoho.eu",
        "https://accounts.zoho.com",
    )
    api_url: values.HttpUrl = variable(
        "ZOHO_API_URL", "Zoho API of the data centre", "https://www.zohoapis.eu", "https://www.zohoapis.com"
    )
    api_version: values.ApiVersion = variable("ZOHO_API_VERSION", "Zoho CRM API version", "v8", "v8")
    client_id: values.Token | None = variable("ZOHO_CLIENT_ID", "Zoho client: id", "1000.GMB0YULZHJK", secret=True)
    client_secret: values.Token | None = variable(
        "ZOHO_CLIENT_SECRET", "Zoho client: secret", "122c324d3496d5d777", secret=True
    )
    refresh_token: values.Token | None = variable(
        "ZOHO_REFRESH_TOKEN",
        "Zoho client: refresh token",
        "1000.8ecdb6c1e7e9d3b5.a1b2c3d4e5f6",
        secret=True,
    )
