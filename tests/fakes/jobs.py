"""Doorbells for tests."""

from __future__ import annotations


class RecordingJobs:
    """Remembers every ring, in order."""

    def __init__(self) -> None:
        self.rung: list[tuple[str, int | str | None]] = []

    def ring(self, queue: str, subject_id: int | str | None = None) -> None:
        """Remember."""
        self.rung.append((queue, subject_id))

    @property
    def queues(self) -> set[str]:
        """Which queues were rung."""
        return {queue for queue, _ in self.rung}
