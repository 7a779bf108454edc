"""Media: the files that customers send are fetched at once, kept, and shown to the CRM (R24).

The platform forgets a file seven days after it was sent. A file is kept under the hash of its bytes, so that a worker
which dies between storing it and saying so leaves nothing but work done twice.
"""

from __future__ import annotations

import logging
import mimetypes
import os
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row

from syncer.domain.work import Subject
from syncer.flows.setbacks import Setbacks
from syncer.ports import Clock, Download, Jobs
from syncer.ports import Media as Platform
from syncer.store import claims, crm_writes, media
from syncer.store.crm_writes import Topic, Want
from syncer.store.media import MEDIA
from syncer.store.session import Store

log = logging.getLogger(__name__)

Fetched = Download | Exception


@dataclass(frozen=True)
class Media:
    """Fetches what is noted. `folder` holds the files; every host's workers and web processes must see the same one.

    `lease_seconds` covers one set: its files are fetched side by side, the largest (100 MB) in a minute or two.
    """

    store: Store
    platform: Platform
    setbacks: Setbacks
    crms: tuple[str, ...]
    folder: Path
    pool: Executor
    clock: Clock
    jobs: Jobs
    set_size: int = 4
    lease_seconds: float = 300.0

    def fetch(self, worker: int) -> int:
        """Everything that waits, a set at a time; returns how many files were looked after."""
        handled = 0
        while rows := self._claim(worker):
            fetched = list(self.pool.map(self._download, rows))
            self._settle(worker, list(zip(rows, fetched, strict=True)))
            handled += len(rows)
        return handled

    def path(self, sha256: str) -> Path:
        """Where the file with this hash is."""
        return place(self.folder, sha256)

    def _claim(self, worker: int) -> Sequence[Row[Any]]:
        with self.store.begin() as tx:
            now = self.clock.now()
            return claims.claim(tx, MEDIA, worker, now=now, lease_seconds=self.lease_seconds, limit=self.set_size)

    def _download(self, row: Row[Any]) -> Fetched:
        coming = self.folder / "coming" / f"{row.id}.{os.getpid()}"
        try:
            coming.parent.mkdir(parents=True, exist_ok=True)
            found = self.platform.download(row.media_id, row.phone_number_id, coming)
            kept = self.path(found.sha256)
            kept.parent.mkdir(parents=True, exist_ok=True)
            os.replace(found.path, kept)
            return found
        except Exception as error:  # one file's trouble must not cost the others of its set
            log.warning("medium %d was not fetched: %s", row.id, error)
            return error
        finally:
            coming.unlink(missing_ok=True)

    def _settle(self, worker: int, results: Sequence[tuple[Row[Any], Fetched]]) -> None:
        now = self.clock.now()
        with self.store.begin() as tx:
            whole = [(row, found) for row, found in results if isinstance(found, Download)]
            kept = media.keep(tx, worker, whole, now)
            self._tell(tx, [row for row, _ in whole if row.id in kept])
            failures = [(row, error) for row, error in results if isinstance(error, Exception)]
            self.setbacks.record(tx, Subject.MEDIA, MEDIA, worker, failures, since="noted_at")
        if whole:
            self.jobs.ring("crm")

    def _tell(self, tx: Connection, rows: Sequence[Row[Any]]) -> None:
        wants = [Want(Topic.MESSAGE, row.message_id, row.contact_id) for row in rows]
        crm_writes.request(tx, self.crms, wants, self.clock.now())


def place(folder: Path, sha256: str) -> Path:
    """Where the file with this hash is kept below `folder`."""
    return folder / sha256[:2] / sha256


def suggested_name(row: Row[Any]) -> str:
    """The name to offer when somebody saves the file: its own, or one by number and type."""
    extension = mimetypes.guess_extension(str(row.mime_type).split(";")[0].strip()) or ""
    return row.filename or f"whatsapp-{row.message_id}{extension}"
