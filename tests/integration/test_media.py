"""Customers' files: fetched at once, kept under their hash, shown to the CRM; a vanished one is a person's business."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from syncer.domain.errors import Never, TryAgain
from syncer.domain.message import Direction, Medium, PastMessage, Sender
from syncer.flows.chronicle import Chronicle
from syncer.flows.failures import Failures
from syncer.flows.media import Media
from syncer.ports import Download
from tests.fakes.messenger import NUMBER
from tests.integration.conftest import House

PERSON = Sender("+886912345678", name="王小明")


class Shelf:
    """A platform's files: `files` by id, `broken` by id with the error to raise; `asked` in order."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.broken: dict[str, Exception] = {}
        self.asked: list[str] = []

    def upload(self, phone_number_id: str, path: Path, mime_type: str, filename: str) -> str:
        self.files[filename] = path.read_bytes()
        return filename

    def download(self, media_id: str, phone_number_id: str, into: Path) -> Download:
        self.asked.append(media_id)
        if media_id in self.broken:
            raise self.broken[media_id]
        into.write_bytes(self.files[media_id])
        return Download(into, "image/png", len(self.files[media_id]), hashlib.sha256(self.files[media_id]).hexdigest())


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def media(house: House, shelf: Shelf, tmp_path: Path) -> Iterator[Media]:
    with ThreadPoolExecutor(2) as pool:
        setbacks = house.intake.setbacks
        yield Media(house.store, shelf, setbacks, ("sql",), tmp_path / "media", pool, house.clock, house.jobs)


def note(house: House, *ids: str) -> None:
    """Messages with these files have come."""
    told = [
        PastMessage(
            NUMBER, f"wamid.{key}", Direction.IN, PERSON, house.clock.now(), "image", "[image]", "app",
            medium=Medium(key, "image/jpeg"),
        )
        for key in ids
    ]  # fmt: skip
    with house.store.begin() as tx:
        Chronicle(("sql",)).apply(tx, told, house.clock.now())


def states(house: House) -> dict[str, str]:
    return dict(tuple(row) for row in house.rows("select media_id, state from media"))


def test_a_file_is_fetched_kept_and_shown_to_the_crm(house: House, media: Media, shelf: Shelf) -> None:
    shelf.files["7"] = b"picture"
    note(house, "7")
    house.crm_writes.drain(house.worker)
    assert house.crm.messages["in-wamid.7"].media_url is None
    assert media.fetch(house.worker) == 1
    row = house.rows("select id, state, size, sha256, mime_type, fetched_at from media")[0]
    assert (row.state, row.size, row.mime_type) == ("done", 7, "image/jpeg")
    assert media.path(row.sha256).read_bytes() == b"picture"
    house.crm_writes.drain(house.worker)
    shown = house.crm.messages["in-wamid.7"]
    assert (shown.media_url, shown.media_type) == (f"/{row.id}", "image/jpeg")


def test_nothing_is_left_lying_about(house: House, media: Media, shelf: Shelf) -> None:
    shelf.files |= {"7": b"picture", "8": b"other"}
    shelf.broken["9"] = TryAgain("cut")
    note(house, "7", "8", "9")
    media.fetch(house.worker)
    assert list((media.folder / "coming").iterdir()) == []


def test_a_vanished_file_is_a_persons_business_at_once(house: House, media: Media, shelf: Shelf) -> None:
    shelf.broken["7"] = Never("the medium does not exist", code="131009")
    note(house, "7")
    media.fetch(house.worker)
    assert states(house) == {"7": "dead"}
    assert house.rows("select subject, error_code from dead_letters") == [("media", "131009")]
    assert house.value("select count(*) from messages where wamid = 'wamid.7'") == 1, "the message itself is kept"


def test_one_bad_file_costs_the_others_nothing(house: House, media: Media, shelf: Shelf) -> None:
    shelf.files |= {"1": b"a", "3": b"c"}
    shelf.broken |= {"2": RuntimeError("a defect of ours"), "4": OSError("disk full")}
    note(house, "1", "2", "3", "4")
    media.fetch(house.worker)
    assert {key for key, state in states(house).items() if state == "done"} == {"1", "3"}


def test_a_failed_fetch_has_its_three_tiers(house: House, media: Media, shelf: Shelf) -> None:
    shelf.broken["7"] = TryAgain("503")
    note(house, "7")
    media.fetch(house.worker)
    assert house.recovery.sweep() >= {"realtime"}
    media.fetch(house.worker)
    house.recovery.sweep()
    assert media.fetch(house.worker) == 0, "the second retry waits its 30 seconds"
    house.clock.advance(seconds=30)
    house.recovery.sweep()
    shelf.files["7"] = b"picture"
    shelf.broken.clear()
    assert media.fetch(house.worker) == 1
    assert states(house) == {"7": "done"}
    assert len(shelf.asked) == 3


def test_the_files_of_a_dead_worker_are_fetched_by_another(house: House, media: Media, shelf: Shelf) -> None:
    shelf.files["7"] = b"picture"
    note(house, "7")
    other = house.another_worker()

    class Killed(BaseException):
        pass

    def die(*_: object) -> Download:
        raise Killed

    object.__setattr__(media, "platform", type("Deadly", (), {"download": staticmethod(die)})())
    with pytest.raises(Killed):
        media.fetch(other.number)
    assert states(house) == {"7": "claimed"}
    other.close()
    house.recovery.sweep()
    object.__setattr__(media, "platform", shelf)
    assert media.fetch(house.worker) == 1
    assert states(house) == {"7": "done"}


def test_a_person_can_have_a_file_tried_again(house: House, media: Media, shelf: Shelf) -> None:
    shelf.broken["7"] = Never("not found")
    note(house, "7")
    media.fetch(house.worker)
    failures = Failures(house.store, house.statuses, house.clock, house.jobs)
    failures.replay(house.value("select id from dead_letters"))
    shelf.broken.clear()
    shelf.files["7"] = b"picture"
    assert media.fetch(house.worker) == 1
    assert states(house) == {"7": "done"}


def test_the_same_file_sent_twice_is_stored_once(house: House, media: Media, shelf: Shelf) -> None:
    shelf.files |= {"7": b"picture", "8": b"picture"}
    note(house, "7", "8")
    media.fetch(house.worker)
    stored = [path for path in media.folder.rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in stored] == [b"picture"]
