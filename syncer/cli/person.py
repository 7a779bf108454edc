"""The person at the terminal, or the script on the other end of stdin, from whom registration wants a PIN and codes."""

from __future__ import annotations

import queue
import sys
import threading
import time

import typer

from syncer.cli.output import note

_ABOVE = "\x1b7\x1b[1A\r{}\x1b[K\x1b8"


class AtTerminal:
    """Implements `flows.registration.Person`. Whatever is typed is neither printed nor logged again."""

    def __init__(self, pin: str | None = None) -> None:
        self._pin = pin
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader: threading.Thread | None = None

    def pin(self) -> str:
        """As given with `--pin`, typed unseen, or the next line of a script."""
        if self._pin is not None:
            return self._pin
        if sys.stdin.isatty():
            return str(typer.prompt("Two-step PIN (six digits)", hide_input=True, err=True))
        return self._next_line(None) or ""

    def code(self, method: str, seconds: float) -> str | None:
        """The next line that comes within `seconds`; on a terminal the seconds are counted down above it."""
        way = "SMS" if method == "SMS" else "voice call"
        note(f"a code is on its way by {way}; {seconds:.0f} s to enter it")
        if not sys.stderr.isatty():
            return self._next_line(seconds)
        sys.stderr.write("\nCode: ")
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            sys.stderr.write(_ABOVE.format(f"{left:.0f} s left"))
            sys.stderr.flush()
            try:
                return self._line(min(1.0, left))
            except queue.Empty:
                continue
        sys.stderr.write("\n")
        return None

    def told(self, text: str) -> None:
        """News, on stderr."""
        note(text)

    def _next_line(self, seconds: float | None) -> str | None:
        try:
            return self._line(seconds)
        except queue.Empty:
            return None

    def _line(self, seconds: float | None) -> str | None:
        """A line without its end; None when there will be no more. Raises `queue.Empty` when none came in time. A
        thread reads, since waiting for a line with a time limit is not possible on every kind of stdin."""
        if self._reader is None:
            self._reader = threading.Thread(target=self._read, name="stdin", daemon=True)
            self._reader.start()
        line = self._lines.get(timeout=seconds)
        if line is None:
            self._lines.put(None)
        return line

    def _read(self) -> None:
        for line in sys.stdin:
            self._lines.put(line.strip())
        self._lines.put(None)
