"""A renewed secret is in force without a restart (R16)."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest

from config.rotation import LOOK_SECONDS, Rotating
from config.settings import Settings, load


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def token(settings: Settings) -> str:
    found = settings.whatsapp.access_token
    return found.get_secret_value() if found else ""


def rewrite(file: Path, text: str, stamp: int) -> None:
    file.write_text(text)
    os.utime(file, (stamp, stamp))


def rotating(file: Path, time: Time) -> Rotating[str]:
    env = {"WHATSAPP_ACCESS_TOKEN_FILE": str(file)}
    return Rotating("WHATSAPP_ACCESS_TOKEN", load(env), token, env=env, monotonic=time)


def test_a_new_token_in_the_file_is_used_within_a_second(tmp_path: Path) -> None:
    file, time = tmp_path / "token", Time()
    rewrite(file, "the-first-token", 1)
    secret = rotating(file, time)
    rewrite(file, "the-second-token", 2)
    assert secret() == "the-first-token"
    time.now += LOOK_SECONDS
    assert secret() == "the-second-token"


@pytest.mark.parametrize("broken", ["", "two\nlines\x00"])
def test_a_file_without_a_valid_secret_changes_nothing(
    tmp_path: Path, broken: str, caplog: pytest.LogCaptureFixture
) -> None:
    file, time = tmp_path / "token", Time()
    rewrite(file, "the-first-token", 1)
    secret = rotating(file, time)
    rewrite(file, broken, 2)
    time.now += LOOK_SECONDS
    with caplog.at_level(logging.ERROR):
        assert secret() == "the-first-token"
    assert "WHATSAPP_ACCESS_TOKEN was changed, but the last value stays in force" in caplog.text
    rewrite(file, "the-third-token", 3)
    time.now += LOOK_SECONDS
    assert secret() == "the-third-token"


def test_a_file_that_is_gone_for_a_moment_changes_nothing(tmp_path: Path) -> None:
    file, time = tmp_path / "token", Time()
    rewrite(file, "the-first-token", 1)
    secret = rotating(file, time)
    file.unlink()
    time.now += LOOK_SECONDS
    assert secret() == "the-first-token"
    rewrite(file, "the-second-token", 2)
    time.now += LOOK_SECONDS
    assert secret() == "the-second-token"


def test_the_dotenv_file_is_watched_too(tmp_path: Path) -> None:
    file, time = tmp_path / ".env", Time()
    rewrite(file, "WHATSAPP_ACCESS_TOKEN=from-the-file\n", 1)
    secret = Rotating("WHATSAPP_ACCESS_TOKEN", load({}, file), token, env={}, dotenv=file, monotonic=time)
    rewrite(file, "WHATSAPP_ACCESS_TOKEN=renewed-in-file\n", 2)
    time.now += LOOK_SECONDS
    assert secret() == "renewed-in-file"


def test_no_line_of_the_log_holds_the_secret(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file, time = tmp_path / "token", Time()
    rewrite(file, "the-first-token", 1)
    secret = rotating(file, time)
    rewrite(file, "the-second-token", 2)
    time.now += LOOK_SECONDS
    with caplog.at_level(logging.DEBUG):
        secret()
    assert "the-second-token" not in caplog.text
    assert "the-first-token" not in caplog.text
