"""Errors are named by what to do next, and tell an operator the provider's own code (law 14)."""

from __future__ import annotations

import pytest

from syncer.domain import errors
from syncer.domain.errors import DeliveryError, Refused, SyncerError, TryLater, Unreachable

KINDS = [errors.TryAgain, errors.TryLater, errors.OutcomeUnknown, errors.Never, errors.FixCredentials, errors.AskPerson]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_reads_as_code_and_detail(kind: type[DeliveryError]) -> None:
    assert str(kind("Message undeliverable", code="131026")) == "131026: Message undeliverable"
    assert str(kind("connection refused")) == "connection refused"
    assert (kind("d", code="c").code, kind("d", code="c").detail) == ("c", "d")


def test_every_failed_delivery_has_exactly_one_next_step() -> None:
    """Whoever catches one kind never catches another by accident."""
    assert set(DeliveryError.__subclasses__()) == set(KINDS)
    assert not any(issubclass(one, other) for one in KINDS for other in KINDS if one is not other)


def test_our_own_refusals_and_dead_services_are_no_failed_deliveries() -> None:
    for kind in (Refused, Unreachable):
        assert issubclass(kind, SyncerError)
        assert not issubclass(kind, DeliveryError)


def test_a_wait_concerns_the_whole_number_unless_said_otherwise() -> None:
    assert (TryLater("slow").scope, TryLater("slow").wait_seconds) == ("number", 30.0)
    assert TryLater("pair rate", wait_seconds=6, scope="item").scope == "item"
