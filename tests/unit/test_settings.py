"""The environment: every name with its default, and every mistake told in one line."""

from __future__ import annotations

import dataclasses
import re
import traceback
from pathlib import Path

import pytest
from dotenv import dotenv_values
from pydantic import ValidationError

from config.describe import env_example, markdown_table
from config.errors import ConfigurationError
from config.settings import PACKAGED_FILES, describe, load

ROOT = Path(__file__).parents[2]
PROMISED = """
DATABASE_URL REDIS_URL SYNCER_HOME SYNCER_CONFIG SYNCER_SECRET_KEY SYNCER_API_KEYS SYNCER_PUBLIC_URL PORT CONSOLE_PORT
FLOWER_PORT BIND WHATSAPP_API_URL WHATSAPP_API_VERSION WHATSAPP_ACCESS_TOKEN WHATSAPP_APP_SECRET WHATSAPP_VERIFY_TOKEN
WHATSAPP_BUSINESS_ACCOUNT_ID WHATSAPP_PHONE_NUMBER_ID WHATSAPP_BACKUP_PHONE_NUMBER_ID WHATSAPP_TIER CRM
CRM_DATABASE_URL HUBSPOT_API_URL HUBSPOT_API_VERSION HUBSPOT_ACCESS_TOKEN HUBSPOT_CLIENT_SECRET SALESFORCE_LOGIN_URL
SALESFORCE_CLIENT_ID SALESFORCE_CLIENT_SECRET SALESFORCE_API_VERSION ZOHO_ACCOUNTS_URL ZOHO_API_URL ZOHO_API_VERSION
ZOHO_CLIENT_ID ZOHO_CLIENT_SECRET ZOHO_REFRESH_TOKEN DEFAULT_REGION COMPANY_NAME FLOWER_BASIC_AUTH CONSOLE_PASSWORD
"""
CONTRACT_NAMES = PROMISED.split()
DIGEST = "0" * 64


def error_of(env: dict[str, str]) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(env)
    return str(caught.value)


def told_by(env: dict[str, str]) -> str | None:
    try:
        load(env)
    except ConfigurationError as error:
        return str(error)
    return None


def test_every_promised_variable_is_read():
    assert set(CONTRACT_NAMES) <= {item.name for item in describe()}


def test_an_empty_environment_gives_the_promised_defaults():
    settings = load({})
    assert (settings.database_url, settings.redis_url) == (None, None)
    assert (settings.port, settings.console_port, settings.flower_port) == (8000, 8001, 5555)
    assert settings.bind == "127.0.0.1"
    assert settings.home == Path(".syncer").absolute()
    assert settings.config_dir == Path("config").absolute()
    assert settings.whatsapp.api_url == "https://graph.facebook.com"
    assert settings.whatsapp.api_version == "v25.0"
    assert settings.whatsapp.tier == "standard"
    assert settings.whatsapp.app_secrets == ()
    assert settings.crm.names == ("sql",)
    assert settings.hubspot.api_version == "2026-09"
    assert settings.salesforce.api_version == "v67.0"
    assert settings.zoho.api_version == "v8"
    assert settings.default_region == "TW"


def test_an_empty_value_is_an_unset_value():
    assert load(dict.fromkeys(CONTRACT_NAMES, "  ")) == load({})


def test_every_example_is_accepted(tmp_path):
    (tmp_path / "syncer.toml").touch()
    examples = {item.name: item.example for item in describe()} | {"SYNCER_CONFIG": str(tmp_path)}
    settings = load(examples)
    settings.require(*(item.name for item in describe()))


def test_settings_cannot_be_changed():
    settings = load({})
    with pytest.raises(ValidationError):
        settings.port = 1


def test_lists_are_taken_apart():
    settings = load(
        {
            "WHATSAPP_APP_SECRET": "new-secret, old-secret",
            "CRM": "hubspot, SQL",
            "SYNCER_API_KEYS": f"zapier:messages+contacts:{DIGEST},ops:*:{'AB' * 32}",
        }
    )
    assert [secret.get_secret_value() for secret in settings.whatsapp.app_secrets] == ["new-secret", "old-secret"]
    assert settings.crm.names == ("hubspot", "sql")
    assert settings.crm.master == "hubspot"
    assert settings.api_keys[0].scopes == {"messages", "contacts"}
    assert dataclasses.astuple(settings.api_keys[1]) == ("ops", frozenset({"*"}), "ab" * 32)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_a_bare_postgresql_address_is_read_through_psycopg2(scheme):
    assert load({"DATABASE_URL": f"{scheme}://u:p@h:5432/d"}).database_url == "postgresql+psycopg2://u:p@h:5432/d"
    assert load({"CRM_DATABASE_URL": f"{scheme}://h/d"}).crm.database_url == "postgresql+psycopg2://h/d"


def test_a_crm_database_may_be_any_sqlalchemy_address():
    assert load({"CRM_DATABASE_URL": "sqlite:////srv/crm.db"}).crm.database_url == "sqlite:////srv/crm.db"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("DATABASE_URL", "localhost/syncer", "is not a URL"),
        ("DATABASE_URL", "mysql://db/syncer", "must be a PostgreSQL address"),
        ("DATABASE_URL", "postgresql+psycopg://db/syncer", "through psycopg2"),
        ("DATABASE_URL", "postgresql://db:99999/syncer", "is not a valid URL"),
        ("DATABASE_URL", "postgresql://u:p[w@db/syncer", "is not a valid URL"),
        ("REDIS_URL", "127.0.0.1:6379", "is not a URL"),
        ("REDIS_URL", "http://127.0.0.1:6379/0", "must start with redis://"),
        ("REDIS_URL", "redis://127.0.0.1/first", "number of a database"),
        ("REDIS_URL", "redis:///0", "has no host"),
        ("SYNCER_CONFIG", "/nowhere/at/all", "syncer.toml"),
        ("SYNCER_SECRET_KEY", "not-a-key", "Fernet key"),
        ("SYNCER_SECRET_KEY", "ключ", "Fernet key"),
        ("SYNCER_API_KEYS", "zapier:messages", "name:scope+scope:sha256hex"),
        ("SYNCER_API_KEYS", f"a:x:{DIGEST},a:y:{DIGEST}", "one key twice"),
        ("SYNCER_PUBLIC_URL", "http://sync.example.com", "https://"),
        ("PORT", "70000", "1 to 65535"),
        ("PORT", "0", "1 to 65535"),
        ("CONSOLE_PORT", "http", "1 to 65535"),
        ("FLOWER_PORT", "-1", "1 to 65535"),
        ("BIND", "everywhere", "IP address"),
        ("WHATSAPP_API_URL", "graph.facebook.com", "https://"),
        ("WHATSAPP_API_URL", "http://graph.facebook.com", "in clear"),
        ("WHATSAPP_API_URL", "https://", "has no host"),
        ("WHATSAPP_API_URL", "https://graph.facebook.com/?a=1", "plain address"),
        ("WHATSAPP_API_VERSION", "2.37", "On-Premises"),
        ("WHATSAPP_ACCESS_TOKEN", "EAAG first\nsecond", "space or line break"),
        ("WHATSAPP_APP_SECRET", "new,,old", "empty part"),
        ("WHATSAPP_PHONE_NUMBER_ID", "+886912345678", "digits only"),
        ("WHATSAPP_TIER", "premium", "'standard' or 'enterprise'"),
        ("CRM", "hubspott", "did you mean 'hubspot'?"),
        ("CRM", "sql,sql", "one CRM twice"),
        ("HUBSPOT_API_VERSION", "latest", "must be a version"),
        ("SALESFORCE_LOGIN_URL", "https://login.salesforce.com", "My Domain"),
        ("DEFAULT_REGION", "UK", "ISO 3166"),
        ("DEFAULT_REGION", "886", "ISO 3166"),
        ("COMPANY_NAME", "x" * 61, "60 characters"),
        ("COMPANY_NAME", "two\nlines", "one line"),
        ("FLOWER_BASIC_AUTH", "only-a-password", "user:password"),
        ("SYNCER_LOG_LEVEL", "LOUD", "'DEBUG'"),
    ],
)
def test_a_malformed_value_is_told_in_one_line_with_name_problem_and_example(name, value, problem):
    text = error_of({name: value})
    assert text.startswith(f"{name}: ")
    assert problem in text
    assert f"(example: {name}=" in text
    assert "\n" not in text


NONSENSE = ["\x00", "😀" * 99, "http://[", "://", ",", ":", "~nobody-here/x", "%", "\ud83d", "x" * 9999]


@pytest.mark.parametrize("value", NONSENSE, ids=lambda value: ascii(value)[:20])
@pytest.mark.parametrize("suffix", ["", "_FILE"])
def test_nonsense_in_any_variable_is_accepted_or_told_in_one_line(value, suffix):
    told = {name: told_by({name + suffix: value}) for name in CONTRACT_NAMES}
    assert not {name for name, text in told.items() if text and ("\n" in text or not text.startswith(name))}
    assert len(list(filter(None, told.values()))) >= 15


def test_a_backup_number_must_be_another_number():
    text = error_of({"WHATSAPP_PHONE_NUMBER_ID": "123456", "WHATSAPP_BACKUP_PHONE_NUMBER_ID": "123456"})
    assert text.startswith("WHATSAPP_BACKUP_PHONE_NUMBER_ID: is the same number")


def test_plain_http_is_accepted_inside_a_private_network():
    for url in ("http://127.0.0.1:9000", "http://10.0.0.5", "http://[::1]:9000", "http://simulator:9000"):
        assert load({"WHATSAPP_API_URL": url + "/"}).whatsapp.api_url == url


# --- secrets


def test_no_secret_shows_in_a_representation_or_an_error():
    secret = "hunter2hunter2"
    names = [item.name for item in describe() if item.secret]
    assert {"WHATSAPP_ACCESS_TOKEN", "WHATSAPP_APP_SECRET", "DATABASE_URL", "CONSOLE_PASSWORD"} <= set(names)
    env = {
        name: secret
        for name in names
        if not name.endswith("_URL") and name not in ("SYNCER_SECRET_KEY", "FLOWER_BASIC_AUTH")
    }
    env |= {"DATABASE_URL": f"postgresql://u:{secret}@h/d", "REDIS_URL": f"redis://:{secret}@h/0"}
    env |= {"CRM_DATABASE_URL": f"mysql://u:{secret}@h/d", "FLOWER_BASIC_AUTH": f"ops:{secret}"}
    assert secret not in repr(load(env))
    with pytest.raises(ConfigurationError) as caught:
        load({"SYNCER_SECRET_KEY": secret, "DATABASE_URL": f"mysql://u:{secret}@h/d"})
    assert secret not in "".join(traceback.format_exception(caught.value))


def test_the_secrets_in_use_are_known_to_the_logs_mask():
    settings = load({"WHATSAPP_APP_SECRET": "new-secret,old-secret", "CONSOLE_PASSWORD": "open sesame"})
    assert set(settings.secret_values()) == {"new-secret", "old-secret", "open sesame"}


def test_a_secret_may_come_from_a_file(tmp_path):
    (tmp_path / "token").write_text("EAAGfromfile\n")
    settings = load({"WHATSAPP_ACCESS_TOKEN_FILE": str(tmp_path / "token"), "PORT_FILE": ""})
    assert settings.whatsapp.access_token.get_secret_value() == "EAAGfromfile"


def test_a_value_and_a_file_for_the_same_name_contradict_each_other(tmp_path):
    (tmp_path / "token").write_text("EAAGfromfile")
    env = {"WHATSAPP_ACCESS_TOKEN": "EAAG", "WHATSAPP_ACCESS_TOKEN_FILE": str(tmp_path / "token")}
    assert error_of(env).startswith("WHATSAPP_ACCESS_TOKEN: is set and so is WHATSAPP_ACCESS_TOKEN_FILE")


@pytest.mark.parametrize(
    ("content", "problem"),
    [(None, "No such file"), (b"", "is empty"), (b"\n \n", "is empty"), (b"\xff\xfe\x00", "not UTF-8")],
)
def test_an_unusable_secret_file_is_named(tmp_path, content, problem):
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    text = error_of({"WHATSAPP_APP_SECRET_FILE": str(path)})
    assert text.startswith("WHATSAPP_APP_SECRET_FILE: ")
    assert problem in text
    assert "\n" not in text


# --- what a process needs


def test_a_missing_secret_is_told_with_the_others_that_are_missing_too():
    settings = load({"WHATSAPP_VERIFY_TOKEN": "word"})
    with pytest.raises(ConfigurationError) as caught:
        settings.require("WHATSAPP_VERIFY_TOKEN", "WHATSAPP_ACCESS_TOKEN", "WHATSAPP_APP_SECRET", "COMPANY_NAME")
    assert str(caught.value) == (
        "WHATSAPP_ACCESS_TOKEN: is not set, nor are WHATSAPP_APP_SECRET, COMPANY_NAME "
        "(example: WHATSAPP_ACCESS_TOKEN=EAAGm0PX4ZCpsBAKZCxy)"
    )
    settings.require("WHATSAPP_VERIFY_TOKEN")


@pytest.mark.parametrize(("page", "name"), [("flower", "FLOWER_BASIC_AUTH"), ("console", "CONSOLE_PASSWORD")])
def test_a_page_off_loopback_needs_its_password(page, name):
    with pytest.raises(ConfigurationError, match=f"^{name}: is not set"):
        load({"BIND": "0.0.0.0"}).require_page_password(page)
    load({"BIND": "0.0.0.0", name: "ops:secret"}).require_page_password(page)
    for loopback in ("127.0.0.1", "localhost", "::1", "127.0.0.2"):
        load({"BIND": loopback}).require_page_password(page)


# --- .env, and the documents


def test_the_environment_wins_over_the_env_file(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("\ufeffPORT=9001\nDEFAULT_REGION=JP\nCONSOLE_PASSWORD='pa$HOME ss'\nBIND\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PORT", "9002")
    monkeypatch.delenv("DEFAULT_REGION", raising=False)
    settings = load()
    assert (settings.port, settings.default_region) == (9002, "JP")
    assert settings.console_password.get_secret_value() == "pa$HOME ss"


def test_a_given_environment_is_all_that_is_read(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("PORT=9001\n")
    monkeypatch.chdir(tmp_path)
    assert load({}).port == 8000
    assert load({}, dotenv=tmp_path / ".env").port == 9001


def test_started_elsewhere_the_default_files_are_those_of_the_package(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load({}).config_dir == PACKAGED_FILES


def test_the_env_example_is_what_the_code_says():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert text == env_example(), "write it again: python -m config.describe > .env.example"


def test_the_env_example_copied_as_it_is_changes_nothing():
    assert load({}, dotenv=ROOT / ".env.example") == load({})


def test_the_env_example_names_every_variable_once():
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^(?:# )?([A-Z_]+)=", text, re.M)) == sorted(item.name for item in describe())
    assert dotenv_values(ROOT / ".env.example")["PORT"] == "8000"


def test_the_readme_table_has_a_row_for_every_variable():
    rows = markdown_table().splitlines()[2:]
    assert [row.split("`")[1] for row in rows] == [item.name for item in describe()]
    assert {row.count("|") for row in rows} == {4}
