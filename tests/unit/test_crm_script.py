"""What the customers of the CRM scenario say."""

from __future__ import annotations

from collections import Counter

import pytest

from syncer.acceptance import crm_script


@pytest.mark.parametrize(("messages", "handoffs"), [(500, 50), (40, 4), (20, 2)])
def test_every_tenth_line_asks_for_a_person(messages: int, handoffs: int) -> None:
    lines = crm_script.write(messages)
    assert len(lines) == messages
    assert sum(line.handoff is not None for line in lines) == handoffs


def test_every_line_can_be_told_from_the_others() -> None:
    assert len({line.body for line in crm_script.write(2_000)}) == 2_000


def test_nobody_says_so_much_that_a_person_would_take_over_for_that_alone() -> None:
    said = Counter(line.part for line in crm_script.write(500))
    assert max(said.values()) <= crm_script.LINES_EACH


def test_who_asks_for_a_person_says_nothing_else() -> None:
    lines = crm_script.write(500)
    said = Counter(line.part for line in lines)
    assert {said[line.part] for line in lines if line.handoff} == {1}
