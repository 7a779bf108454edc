"""Which WhatsApp API versions are accepted, and what is said of the others (R1)."""

from __future__ import annotations

import pytest

from syncer.policies.compatibility import objection


@pytest.mark.parametrize("version", ["v25.0", "v26.0", "v24.0", "v23.0", "25.0", "v31.0"])
def test_todays_cloud_versions_are_accepted(version: str) -> None:
    assert objection(version) is None


@pytest.mark.parametrize("version", ["2.38", "v2.37", "v2.37.2", "2.21.6"])
def test_on_premises_generations_before_2_39_are_refused_as_too_old(version: str) -> None:
    assert "older than 2.39" in str(objection(version))


@pytest.mark.parametrize("version", ["2.39", "v2.41.2", "2.53"])
def test_later_on_premises_generations_are_refused_because_that_api_has_ended(version: str) -> None:
    assert "ended on 2025-10-23" in str(objection(version))


@pytest.mark.parametrize("version", ["v16.0", "v3.2"])
def test_cloud_versions_that_are_not_served_any_more_are_refused(version: str) -> None:
    assert "has expired" in str(objection(version))


@pytest.mark.parametrize("version", ["", "latest", "v25", "v25.0.0.0", "v٢٥.0"])
def test_what_is_no_version_is_refused_with_an_example(version: str) -> None:
    assert "v25.0" in str(objection(version))
