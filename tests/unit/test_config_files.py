"""The TOML files: what ships is right, and a mistake is told with file, key and problem in one line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from config.errors import ConfigurationError
from config.files import load_prices, load_rules, load_tuning
from config.settings import PACKAGED_FILES

FILES = (
    *("syncer.toml", "rules.toml", "templates.toml", "prices.toml"),
    *("mappings/sql.toml", "mappings/hubspot.toml", "mappings/salesforce.toml", "mappings/zoho.toml"),
)

# --- syncer.toml


def test_the_shipped_figures_are_the_required_ones():
    tuning = load_tuning(PACKAGED_FILES)
    assert (tuning.rate.per_minute("standard"), tuning.rate.per_minute("enterprise")) == (300, 1500)  # R18
    assert tuning.rate.reserve_share == 0.2  # R2
    assert tuning.whatsapp.timeout_seconds == 3.5  # R17
    assert tuning.send.batch_size == 100  # R27
    assert tuning.send.daily_template_quota == 1000  # R14
    assert tuning.retry.first_within_seconds <= 1  # R26
    assert tuning.retry.second_after_seconds == 30
    assert tuning.retry.alarm_after_hours < tuning.retry.person_within_hours == 24
    assert tuning.sync.interval_seconds == 600  # R25
    assert tuning.conversations.long_after_messages == 6  # R33
    assert tuning.conversations.handoff_within_seconds == 20  # R32
    assert (tuning.alerts.rate_low_share, tuning.alerts.rate_high_share) == (0.7, 1.3)  # R41
    assert (tuning.alerts.error_rate, tuning.alerts.answered_share) == (0.005, 0.85)


@pytest.mark.parametrize(
    ("old", "new", "key", "problem"),
    [
        ("batch_size = 100 ", "batch_size = 101 ", "send.batch_size", "100"),
        ("interval_seconds = 600", "interval_seconds = 300", "sync.interval_seconds", "600"),
        ("interval_seconds = 600", "interval_seconds = 901", "sync.interval_seconds", "900"),
        ("timeout_seconds = 3.5", 'timeout_seconds = "long"', "whatsapp.timeout_seconds", "number"),
        ("connect_timeout_seconds = 1.0", "connect_timeout_seconds = 9", "whatsapp", "must not be longer"),
        ("reserve_share = 0.20", "reserve_share = 1.0", "rate.reserve_share", "less than 1"),
        ("heartbeat_seconds = 15", "heartbeat_seconds = 40", "sync", "at most half"),
        ("alarm_after_hours = 20", "alarm_after_hours = 24", "retry", "too late"),
        ("batch_size = 100 ", "batchsize = 100 ", "send", "unknown key 'batchsize'; did you mean 'batch_size'?"),
        ("concurrency = 8", "", "send.concurrency", "is missing"),
        ("concurrency = 8", "concurrency = nan", "send.concurrency", "finite number"),
    ],
)
def test_a_wrong_figure_is_told_with_its_key(spoilt, old, new, key, problem):
    text = spoilt("syncer.toml", old, new)
    assert text.startswith(f"config/syncer.toml {key}: ")
    assert problem in text
    assert "\n" not in text


# --- any file


@pytest.mark.parametrize("file", FILES)
def test_every_shipped_file_is_valid(load, file):
    load(file, PACKAGED_FILES)


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(folder, load, file):
    (folder / file).unlink()
    with pytest.raises(ConfigurationError, match=f"{Path(file).name}: cannot be read: No such file"):
        load(file, folder)


def test_broken_toml_is_told_with_its_line(folder):
    (folder / "rules.toml").write_text("fallback_language = \n")
    with pytest.raises(ConfigurationError, match=r"^config/rules.toml: is not valid TOML: .*line 1"):
        load_rules(folder)


def test_a_file_in_another_encoding_is_told(folder):
    (folder / "rules.toml").write_bytes('fallback_language = "繁中"'.encode("big5"))
    with pytest.raises(ConfigurationError, match="is not UTF-8 text at byte 21"):
        load_rules(folder)


def test_a_file_saved_with_a_byte_order_mark_is_read(folder):
    path = folder / "syncer.toml"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert load_tuning(folder) == load_tuning(PACKAGED_FILES)


# --- prices.toml


def test_prices_are_exact_and_unknown_countries_have_one_too():
    prices = load_prices(PACKAGED_FILES)
    assert prices.price("marketing", "TW") == prices.countries["TW"].marketing
    assert prices.price("utility", "IS") == prices.other.utility
    assert prices.price("utility", "IN") == Decimal("0.0014")
    assert "illustrative" in prices.source


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("TW = {", "UK = {", "'UK' is not an ISO 3166 country"),
        ("[other]\nmarketing = 0.0600", "[other]\nmarketing = -0.06", "other.marketing: "),
        ('currency = "USD"', 'currency = "dollars"', "currency: "),
        ("valid_from = 2026-10-01", 'valid_from = "soon"', "valid_from: "),
    ],
)
def test_a_wrong_price_is_told(spoilt, old, new, problem):
    assert problem in spoilt("prices.toml", old, new)
