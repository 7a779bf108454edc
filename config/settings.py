"""The environment, read once into one frozen object.

`load()` is the only place where the engine looks at environment variables. Each field stands beside the name, meaning,
example and default of its variable, so errors, `.env.example` and the README's table cannot drift from the code.
"""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Literal

from pydantic import SecretStr, ValidationError, field_validator

from config import values
from config.errors import problem_of
from config.neighbours import (
    CrmSettings,
    HubSpotSettings,
    SalesforceSettings,
    Section,
    WhatsAppSettings,
    ZohoSettings,
)
from config.variables import Variable, environment, folded, variable, variables

PACKAGED_FILES = Path(__file__).parent
"""The TOML files that come with the engine, beside this module."""

PAGE_PASSWORDS = {"flower": "FLOWER_BASIC_AUTH", "console": "CONSOLE_PASSWORD"}
"""The pages for people, which show customers' data, and the variable that locks each."""


class Settings(Section):
    """Everything the environment says. Made by `load()`."""

    database_url: values.DatabaseUrl | None = variable(
        "DATABASE_URL",
        "PostgreSQL of the engine; unset = embedded server under SYNCER_HOME",
        "postgresql+psycopg2://syncer:password@db:5432/syncer",
        secret=True,
    )
    redis_url: values.RedisUrl | None = variable(
        "REDIS_URL",
        "Redis, the broker; unset = embedded server under SYNCER_HOME",
        "redis://127.0.0.1:6379/0",
        secret=True,
    )
    home: values.Folder = variable(
        "SYNCER_HOME", "Folder of embedded servers, reports and beat state", "/var/lib/syncer", ".syncer"
    )
    media_dir: values.Folder | None = variable(
        "SYNCER_MEDIA",
        "Folder of the files customers send, shared by all hosts; unset = media under SYNCER_HOME",
        "/var/lib/syncer/media",
    )
    config_dir: values.Folder = variable("SYNCER_CONFIG", "Folder of the TOML files", "/etc/syncer", "config")
    secret_keys: values.FernetKeys = variable(
        "SYNCER_SECRET_KEY",
        "Fernet keys (`Fernet.generate_key()`) that encrypt stored credentials, newest first, with commas",
        "ZXhhbXBsZS1rZXktbWFrZS15b3VyLW93bi1wbGVhc2U=",
        secret=True,
    )
    api_keys: values.ApiKeys = variable(
        "SYNCER_API_KEYS",
        "First API keys, name:scope+scope:sha256hex, with commas; `syncer keys create` makes others",
        "zapier:messages+contacts:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    )
    hooks_private_networks: values.Networks = variable(
        "HOOKS_PRIVATE_NETWORKS",
        "Networks that are not of the open internet and may be targets of hooks all the same, with commas",
        "10.20.0.0/16,127.0.0.1/32",
    )
    public_url: values.HttpUrl | None = variable(
        "SYNCER_PUBLIC_URL", "Address at which the providers reach the web process", "https://sync.example.com"
    )
    port: values.Port = variable("PORT", "Port of the web process (webhooks and API)", "8000", "8000")
    console_port: values.Port = variable("CONSOLE_PORT", "Port of the console", "8001", "8001")
    flower_port: values.Port = variable("FLOWER_PORT", "Port of Flower", "5555", "5555")
    bind: values.Bind = variable(
        "BIND", "Address that the web process, the console and Flower listen on", "0.0.0.0", "127.0.0.1"
    )
    whatsapp: WhatsAppSettings
    crm: CrmSettings
    hubspot: HubSpotSettings
    salesforce: SalesforceSettings
    zoho: ZohoSettings
    default_region: values.Region = variable(
        "DEFAULT_REGION", "ISO country of numbers written without a country code (R3)", "TW", "TW"
    )
    company_name: values.CompanyName | None = variable(
        "COMPANY_NAME", "Registered name, shown in every business message (R8)", "Formosa Tea Co."
    )
    flower_basic_auth: values.BasicAuth | None = variable(
        "FLOWER_BASIC_AUTH", "user:password of Flower; required off loopback", "ops:a-long-password", secret=True
    )
    console_password: SecretStr | None = variable(
        "CONSOLE_PASSWORD", "Password of the console; required off loopback", "a-long-password", secret=True
    )
    log_level: values.LogLevel = variable(
        "SYNCER_LOG_LEVEL", "Least level that is logged: DEBUG, INFO, WARNING or ERROR", "DEBUG", "INFO"
    )

    @field_validator("config_dir")
    @classmethod
    def _holds_the_files(cls, folder: Path) -> Path:
        # os.path, unlike pathlib, answers no for a path that no file system has.
        if os.path.isfile(folder / "syncer.toml"):
            return folder
        # Started from another folder, the default still means the files that came with the engine.
        if folder == Path("config").absolute():
            return PACKAGED_FILES
        raise ValueError("is not a folder with a syncer.toml in it")

    @property
    def binds_loopback(self) -> bool:
        """Whether only this machine can reach the three listening processes."""
        return ipaddress.ip_address(self.bind).is_loopback

    def require(self, *names: str) -> None:
        """Raise `ConfigurationError` unless every named variable is set; a process asks for what it needs.

        `settings.require("WHATSAPP_ACCESS_TOKEN", "WHATSAPP_PHONE_NUMBER_ID")`
        """
        known = {variable.name: (path, variable) for path, variable in variables(Settings)}
        unset = [known[name][1] for name in names if not attrgetter(".".join(known[name][0]))(self)]
        if unset:
            others = ", ".join(variable.name for variable in unset[1:])
            raise unset[0].error("is not set" + (f", nor are {others}" if others else ""))

    def require_page_password(self, page: Literal["flower", "console"]) -> None:
        """Raise `ConfigurationError` if `page` would be open to other machines without its password."""
        if not self.binds_loopback:
            self.require(PAGE_PASSWORDS[page])

    def secret_values(self) -> tuple[str, ...]:
        """Every secret text in use, for the log's mask; never print it."""
        found = [attrgetter(".".join(path))(self) for path, _ in variables(Settings)]
        flat = [item for value in found for item in (value if isinstance(value, tuple) else (value,))]
        return tuple(item.get_secret_value() for item in flat if isinstance(item, SecretStr))


@dataclass(frozen=True)
class VariableDoc:
    """One row of the README's environment table."""

    name: str
    default: str
    """The default text; empty if the variable is unset by default."""
    meaning: str
    example: str
    secret: bool


def describe() -> list[VariableDoc]:
    """Every variable the engine reads, in the order of the documents."""
    return [
        VariableDoc(item.name, item.default or "", item.meaning, item.example, item.secret)
        for _, item in variables(Settings)
    ]


def load(env: Mapping[str, str] | None = None, dotenv: Path | None = None) -> Settings:
    """Read the settings from `env` (default: the process environment over the file `.env`).

    Each `NAME` may instead be given as `NAME_FILE`, the path of a file with the value. An empty value is unset.
    Raises `ConfigurationError` naming the variable, the problem and an example.
    """
    try:
        return Settings.model_validate(folded(Settings, environment(env, dotenv)))
    except ValidationError as error:
        # `from None`: the original error would carry the values, secrets included, into the traceback.
        raise _first_problem(error) from None


def _first_problem(error: ValidationError) -> Exception:
    first = error.errors(include_url=False, include_input=False)[0]
    path = tuple(str(part) for part in first["loc"])
    by_path: dict[tuple[str, ...], Variable] = dict(variables(Settings))
    return by_path[path].error(problem_of(dict(first)))
