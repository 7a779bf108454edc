"""The log: one line per event on stderr, a correlation id on every line, secrets and telephone numbers masked.

    2026-11-23T05:42:00.123Z INFO    syncer.flows.intake [3f9a1c] stored items=3

Call `configure()` once per process. Fields of `extra={...}` are appended as `key=value`.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import time
import uuid
from collections.abc import Iterable, Iterator
from contextvars import ContextVar
from typing import TextIO

from config.masking import Mask

_correlation: ContextVar[str] = ContextVar("correlation", default="-")

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
"""Attributes every log record has; whatever else it carries came from `extra`."""

_ESCAPES = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
_ESCAPES |= {code: f"\\u{code:04x}" for code in (0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A))}
_ESCAPES |= {ord("\n"): "\\n", ord("\r"): "\\r", ord("\t"): " "}
"""Line breaks, control characters and writing-direction marks: a customer's text must not forge a log line."""


@contextlib.contextmanager
def correlation(identity: str | None = None) -> Iterator[str]:
    """Put `identity` (default: a fresh short one) on every line logged inside the block; blocks may nest."""
    identity = identity or uuid.uuid4().hex[:8]
    token = _correlation.set(identity)
    try:
        yield identity
    finally:
        _correlation.reset(token)


def correlation_id() -> str:
    """The id of the block we are in, `-` outside any; to hand on to a task or a request."""
    return _correlation.get()


class LineFormatter(logging.Formatter):
    """Writes a record as one masked line, its traceback included."""

    def __init__(self, mask: Mask) -> None:
        super().__init__()
        self._mask = mask

    def format(self, record: logging.LogRecord) -> str:
        """The whole line without its line break; masking comes last, so nothing gets around it."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        head = f"{moment}.{int(record.msecs):03d}Z {record.levelname:<7} {record.name} [{_correlation.get()}]"
        words = [record.getMessage()]
        words += [f"{key}={value}" for key, value in vars(record).items() if key not in _STANDARD]
        if record.exc_info:
            words.append(self.formatException(record.exc_info))
        if record.stack_info:
            words.append(record.stack_info)
        return f"{head} {self._mask(' '.join(words)).translate(_ESCAPES)}"


class LineHandler(logging.StreamHandler[TextIO]):
    """Our handler, told from others by its class so that `configure()` may run twice."""


def configure(level: str = "INFO", stream: TextIO | None = None, secrets: Iterable[str] = ()) -> None:
    """Send every log line of the process to `stream` (default stderr, as UTF-8).

    `secrets` are texts to mask wherever they appear, such as `settings.secret_values()`. Running it again replaces
    the former configuration; handlers of others stay.
    """
    stream = stream or sys.stderr
    if hasattr(stream, "reconfigure"):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    handler = LineHandler(stream)
    handler.setFormatter(LineFormatter(Mask(secrets)))
    root = logging.getLogger()
    for former in [item for item in root.handlers if isinstance(item, LineHandler)]:
        root.removeHandler(former)
    root.addHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(True)
