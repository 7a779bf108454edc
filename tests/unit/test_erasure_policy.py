"""What is kept of somebody of whom nothing is kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from syncer.policies.erasure import fingerprint, fingerprints, refusal

KEY = b"a key of this test"


def test_a_fingerprint_stays_the_same_for_ever() -> None:
    """Whoever changes how it is made forgets everybody who was erased before."""
    made = fingerprint(KEY, ("phone", "+886912345678")).hex()
    assert made == "a341f9d1f14c7fb9b39c82b416c1c132804444b3dcf654ed95f10a75347a0e25"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("phone", "+5511987654321"), ("phone", "+551187654321")),
        (("phone", "+5215512345678"), ("phone", "+525512345678")),
        (("email", "Ming@Example.com"), ("email", "ming@example.com")),
    ],
)
def test_what_means_the_same_has_one_fingerprint(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert fingerprint(KEY, one) == fingerprint(KEY, other)


def test_kind_value_and_key_all_count() -> None:
    pairs = [("phone", "17"), ("user_id", "17"), ("crm:sql", "17"), ("crm:zoho", "17"), ("crm:sql", "71")]
    made = {fingerprint(key, pair) for pair in pairs for key in (KEY, b"another")}
    assert len(made) == 10


def test_every_key_is_tried() -> None:
    found = fingerprints([KEY, b"older"], [("phone", "+886912345678")])
    assert set(found) == {fingerprint(key, ("phone", "+886912345678")) for key in (KEY, b"older")}
    assert set(found.values()) == {("phone", "+886912345678")}


def test_the_refusal_names_the_day_and_nobody() -> None:
    at = datetime(2026, 11, 23, 10, tzinfo=UTC)
    entry = refusal(7, at)
    assert (entry.contact_id, entry.at, entry.explicit, entry.source) == (7, at, True, "erasure")
    assert "2026-11-23" in entry.proof
