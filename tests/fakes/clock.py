"""Time for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


class FakeClock:
    """Stands still until told to move."""

    def __init__(self, at: datetime = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)) -> None:
        self.at = at

    def now(self) -> datetime:
        """The moment last set."""
        return self.at

    def advance(self, **span: float) -> datetime:
        """Move on by `timedelta(**span)`."""
        self.at += timedelta(**span)
        return self.at
