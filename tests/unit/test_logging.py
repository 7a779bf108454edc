"""The log: one line per event, with its correlation id, without secrets and telephone numbers."""

from __future__ import annotations

import io
import logging
import re
import threading
import time

import pytest

from config.logging import LineHandler, configure, correlation, correlation_id
from config.masking import Mask

log = logging.getLogger("syncer.test")


@pytest.fixture
def lines():
    """Configure the log onto a stream; gives a function that reads the lines so far. Puts the root back after."""
    root = logging.getLogger()
    level, handlers = root.level, list(root.handlers)
    stream = io.StringIO()
    configure("INFO", stream, secrets=["correct-horse-battery"])
    yield lambda: stream.getvalue().splitlines()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.captureWarnings(False)


def test_a_line_says_when_how_grave_where_and_what(lines):
    log.info("stored %d items", 3, extra={"wamid": "wamid.X"})
    assert re.fullmatch(
        r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    syncer\.test \[-\] stored 3 items wamid=wamid\.X", lines()[0]
    )


def test_levels_below_the_configured_one_are_dropped(lines):
    log.debug("noise")
    assert lines() == []


def test_the_correlation_id_is_on_every_line_of_its_block_and_blocks_nest(lines):
    with correlation("outer"):
        log.info("a")
        with correlation() as inner:
            log.info("b")
            assert correlation_id() == inner
        log.info("c")
    log.info("d")
    assert [re.search(r"\[(.+?)\]", line)[1] for line in lines()] == ["outer", inner, "outer", "-"]


def test_the_correlation_id_ends_with_its_block_even_when_it_fails():
    with pytest.raises(RuntimeError), correlation("doomed"):
        raise RuntimeError
    assert correlation_id() == "-"


def test_threads_do_not_see_each_others_correlation_id():
    seen = []
    with correlation("mine"):
        thread = threading.Thread(target=lambda: seen.append(correlation_id()))
        thread.start()
        thread.join()
    assert seen == ["-"]


def test_an_exception_stays_on_one_line_and_is_masked(lines):
    try:
        raise ValueError("no answer for +886912345678\nwith Bearer EAAGm0PX4ZCpsBAKZCxy")
    except ValueError:
        log.exception("send failed")
    (line,) = lines()
    assert "Traceback" in line
    assert "ValueError: no answer for +***678\\nwith Bearer ***" in line


def test_text_from_outside_cannot_forge_a_line_or_turn_the_writing_around(lines):
    log.info("name=%s", "x\n2026-01-01 CRITICAL all is lost\x1b[31m\u202e\x00\u2028\x85")
    assert len(lines()) == 1
    assert not re.search(r"[\x00-\x1f\x85\u2028\u202e]", lines()[0])


def test_a_known_secret_is_masked_wherever_it_stands(lines):
    log.info("digest of correct-horse-battery!", extra={"key": "correct-horse-battery"})
    assert lines()[0].endswith("digest of ***! key=***")


def test_emoji_chinese_and_half_characters_are_written(tmp_path, lines):
    with (tmp_path / "log").open("w", encoding="ascii") as stream:
        configure("INFO", stream)
        log.info("您好 👋 \ud83d")
    assert (tmp_path / "log").read_text(encoding="utf-8").endswith("您好 👋 \\ud83d\n")


def test_configuring_twice_writes_a_line_once(lines):
    stream = io.StringIO()
    configure("INFO", stream)
    log.info("once")
    assert len(stream.getvalue().splitlines()) == 1
    assert lines() == []
    assert sum(isinstance(handler, LineHandler) for handler in logging.getLogger().handlers) == 1


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Authorization: Bearer EAAGm0PX4ZCpsBAKZCxy", "Authorization: Bearer ***"),
        ("'Authorization': 'Zoho-oauthtoken 1000.abc.def'", "'Authorization': 'Zoho-oauthtoken ***'"),
        (
            "GET /debug_token?input_token=abc123&access_token=EAAB HTTP/1.1",
            "GET /debug_token?input_token=***&access_token=*** HTTP/1.1",
        ),
        ('{"refresh_token": "1000.abc", "expires_in": 3600}', '{"refresh_token": "***", "expires_in": 3600}'),
        ("app_secret=8d6f1f2b, client_secret: 'x-y'", "app_secret=***, client_secret: '***'"),
        (
            "hub.mode=subscribe&hub.verify_token=word&hub.challenge=1",
            "hub.mode=subscribe&hub.verify_token=***&hub.challenge=1",
        ),
        ("WHATSAPP_APP_SECRET=8d6f1f2b", "WHATSAPP_APP_SECRET=***"),
        ("appsecret_proof%3Dabcdef", "appsecret_proof%3D***"),
        ('{"pin": "123456"}', '{"pin": "***"}'),
        ("found EAAGm0PX4ZCpsBAKZCxyZZZZZZ lying around", "found *** lying around"),
        ("postgresql+psycopg2://syncer:pa55@db:5432/syncer", "postgresql+psycopg2://syncer:***@db:5432/syncer"),
        ("redis://:pa55@127.0.0.1:6379/0", "redis://:***@127.0.0.1:6379/0"),
    ],
)
def test_secrets_are_masked(text, masked):
    assert Mask()(text) == masked


@pytest.mark.parametrize(
    "phone",
    [
        "+886912345678",
        "+886 912 345 678",
        "+886-912-345-678",
        "+886(0)912-345678",
        "00886912345678",
        "%2B886912345678",
        "886912345678",
        "0912345678",
        "0912-345-678",
        "0912 345 678",
        "(02)2345-6678",
        "02-23456678",
        "13912345678",
        "8613912345678",
        "415-555-2678",
        "(415) 555-2678",
        "14155552678",
        "5511987654678",
    ],
)
@pytest.mark.parametrize(
    "frame", ["to {}", '{{"to":"{}"}}', "to={}&x=1", "whatsapp:{}.", "{}@s.whatsapp.net", "電話{}，"]
)
def test_telephone_numbers_keep_their_last_three_digits(phone, frame):
    masked = Mask()(frame.format(phone))
    assert "***678" in masked
    assert not re.search(r"\d{4}", masked)


@pytest.mark.parametrize(
    "text",
    [
        "phone_number_id=106540352242922",
        "timestamp 1749416383 and 1763876543210",
        "0.0123456789 s, 12.3456789012 ms",
        "2026-11-23T05:42:00.123Z",
        "550e8400-e29b-41d4-a716-446655440000",
        "wamid.HBgLMTY1MDU1NTEyMzQVAgARGBI5QTNDQTVCM0Q0Q0Q2RTY3RTcA",
        "batch 12 of 250 recipients in 3.5 s",
        "shipping=3 mapping: sql keys: 4",
        "https://graph.facebook.com/v25.0/106540352242922/messages",
        "order A20261123-018 for NT$1,280",
    ],
)
def test_ids_times_and_figures_are_left_alone(text):
    assert Mask()(text) == text


def test_a_long_hostile_text_is_masked_in_reasonable_time():
    started = time.thread_time()
    for text in ("a." * 20_000, "0" * 40_000, "+1 " * 10_000, "token" * 8_000, "1-" * 20_000, "://" * 10_000):
        Mask()(text)
    assert time.thread_time() - started < 2
