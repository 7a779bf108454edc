"""Which failed messages a second try may heal: the table of cases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from syncer.policies.second_try import Failed, Verdict, judge
from syncer.whatsapp.errors import pause_before_anew

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("taken", "letter", "code", "verdict"),
    [
        (True, None, "131000", Verdict.AGAIN),  # a fault of the platform's
        (True, None, "130429", Verdict.AGAIN),  # a rate, over by now
        (True, None, "132015", Verdict.AGAIN),  # its template was paused; it waits where it still is
        (True, None, "131049", Verdict.LATER),  # kept back: not before a day
        (True, None, "131026", Verdict.NEVER),  # not on WhatsApp
        (True, None, "131050", Verdict.NEVER),  # wants no marketing
        (True, None, "131047", Verdict.NEVER),  # its window is closed: the fallback goes instead
        (True, None, "132001", Verdict.NEVER),  # no such template
        (True, None, "4711", Verdict.NEVER),  # a code that nobody knows
        (True, None, "", Verdict.NEVER),
        (True, "open", "131026", Verdict.NEVER),
        (False, "open", "http_500", Verdict.AGAIN),  # three attempts, none taken
        (False, "replayed", "lease", Verdict.AGAIN),
        (False, "settled", "190", Verdict.AGAIN),
        (False, "discarded", "131000", Verdict.NEVER),  # a person's word
        (False, None, "100", Verdict.NEVER),
        (False, None, "131049", Verdict.LATER),
    ],
)
def test_the_reason_and_the_person_decide(taken: bool, letter: str | None, code: str, verdict: Verdict) -> None:
    assert judge(Failed(NOW - HOUR, taken, letter, pause_before_anew(code)), NOW) is verdict


def test_what_had_to_rest_has_rested() -> None:
    assert judge(Failed(NOW - 24 * HOUR, True, None, pause_before_anew("131049")), NOW) is Verdict.AGAIN
