"""Campaigns in batches of at most 100 (R27)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncer.policies.batching import MOST_RECIPIENTS, cut


@pytest.mark.parametrize(
    ("count", "size", "sizes"),
    [
        (0, 100, []),
        (1, 100, [1]),
        (100, 100, [100]),
        (101, 100, [51, 50]),
        (250, 100, [84, 83, 83]),
        (7, 3, [3, 2, 2]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_parts_are_as_equal_as_can_be(count: int, size: int, sizes: list[int]) -> None:
    assert [len(part) for part in cut(range(count), size)] == sizes


@given(st.integers(0, 3000), st.integers(1, MOST_RECIPIENTS))
def test_nobody_is_left_out_or_written_to_twice_and_no_batch_is_too_big(count: int, size: int) -> None:
    parts = list(cut(range(count), size))
    assert [item for part in parts for item in part] == list(range(count))
    assert all(0 < len(part) <= size for part in parts)
    assert len(parts) == -(-count // size)
    assert max(map(len, parts), default=0) - min(map(len, parts), default=0) <= 1


@pytest.mark.parametrize("size", [0, -1, 101])
def test_a_batch_that_is_too_big_or_empty_is_refused(size: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 100 recipients, not {size}"):
        list(cut([1, 2, 3], size))
