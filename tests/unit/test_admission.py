"""May this message leave now? Consent (R7), special states (R6) and the window (X6), as a table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from syncer.domain.consent import Word
from syncer.domain.message import Category
from syncer.policies.admission import SkipReason, Standing, refusal

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
OPEN, CLOSED = NOW + timedelta(seconds=1), NOW
STRANGER = Standing(
    address="+886912345678",
    blocked=False,
    unreachable=False,
    marketing=Word.UNKNOWN,
    transactional=Word.UNKNOWN,
    window_until=None,
)
UTILITY, MARKETING, SERVICE, CODE = (
    Category.UTILITY,
    Category.MARKETING,
    Category.SERVICE,
    Category.AUTHENTICATION,
)
YES, NO = Word.GRANTED, Word.REVOKED


@pytest.mark.parametrize(
    ("category", "known", "expected"),
    [
        pytest.param(UTILITY, {}, None, id="first contact: utility may go"),
        pytest.param(CODE, {}, None, id="first contact: a code may go"),
        pytest.param(MARKETING, {}, SkipReason.NO_MARKETING_CONSENT, id="first contact: marketing may not"),
        pytest.param(SERVICE, {}, SkipReason.WINDOW_CLOSED, id="first contact: there is no window"),
        pytest.param(MARKETING, {"marketing": YES}, None, id="marketing needs a yes"),
        pytest.param(MARKETING, {"marketing": NO}, SkipReason.NO_MARKETING_CONSENT, id="a no is a no"),
        pytest.param(
            MARKETING,
            {"marketing": YES, "confirmed": False},
            SkipReason.MARKETING_UNCONFIRMED,
            id="nor does one that waits for its second step",
        ),
        pytest.param(
            MARKETING,
            {"marketing": NO, "confirmed": False},
            SkipReason.NO_MARKETING_CONSENT,
            id="a no needs no second step",
        ),
        pytest.param(UTILITY, {"confirmed": False}, None, id="notices take no second step"),
        pytest.param(MARKETING, {"transactional": YES}, SkipReason.NO_MARKETING_CONSENT, id="notices are no offers"),
        pytest.param(
            MARKETING, {"window_until": OPEN}, SkipReason.NO_MARKETING_CONSENT, id="an open window is no consent"
        ),
        pytest.param(UTILITY, {"marketing": NO}, None, id="no offers, but notices still"),
        pytest.param(UTILITY, {"transactional": NO}, SkipReason.TRANSACTIONAL_REVOKED, id="no notices either"),
        pytest.param(CODE, {"transactional": NO}, SkipReason.TRANSACTIONAL_REVOKED, id="nor codes"),
        pytest.param(SERVICE, {"window_until": OPEN}, None, id="a reply within the window"),
        pytest.param(SERVICE, {"window_until": CLOSED}, SkipReason.WINDOW_CLOSED, id="the window's end is outside it"),
        pytest.param(
            SERVICE, {"window_until": OPEN, "transactional": NO, "marketing": NO}, None, id="who asks gets an answer"
        ),
        pytest.param(SERVICE, {"window_until": OPEN, "unreachable": True}, None, id="who writes is reachable"),
        pytest.param(UTILITY, {"unreachable": True}, SkipReason.UNREACHABLE, id="a dead number gets no template"),
        pytest.param(
            MARKETING, {"unreachable": True, "marketing": YES}, SkipReason.UNREACHABLE, id="nor does its consent help"
        ),
    ],
)
def test_who_may_get_what(category: Category, known: dict[str, Any], expected: SkipReason | None) -> None:
    assert refusal(category, replace(STRANGER, **known), NOW) == expected


@pytest.mark.parametrize("category", list(Category))
@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"blocked": True}, SkipReason.BLOCKED),
        ({"address": None}, SkipReason.NO_ADDRESS),
        ({"address": ""}, SkipReason.NO_ADDRESS),
        ({"address": None, "blocked": True}, SkipReason.NO_ADDRESS),
    ],
)
def test_nothing_reaches_whom_it_cannot_or_must_not(
    category: Category, known: dict[str, Any], expected: SkipReason
) -> None:
    welcome = replace(STRANGER, marketing=YES, transactional=YES, window_until=OPEN)
    assert refusal(category, replace(welcome, **known), NOW) is expected


def test_every_reason_not_to_send_occurs_in_this_table() -> None:
    marks = (*test_who_may_get_what.pytestmark, *test_nothing_reaches_whom_it_cannot_or_must_not.pytestmark)
    rows = [getattr(row, "values", row) for mark in marks for row in mark.args[1] if not isinstance(row, Category)]
    assert {row[-1] for row in rows} - {None} == set(SkipReason)
