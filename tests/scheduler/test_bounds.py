"""What the benchmark holds the scheduler against is a bound, and no lower than it need be."""

from itertools import combinations_with_replacement, count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from benchmarks._scheduling_bounds import Window, fewest_changes

WINDOWS = st.lists(
    st.builds(
        lambda opens, length, *, planner: Window(opens, opens + length, planner),
        st.integers(0, 12),
        st.integers(0, 5),
        planner=st.booleans(),
    ),
    max_size=6,
)


@given(WINDOWS)
def test_no_schedule_has_fewer_changes(windows: list[Window]) -> None:
    """Trying all schedules out finds none with fewer changes, and one with as many."""
    closes = sorted({window.closes for window in windows})
    fewest = next(
        number
        for number in count()
        for changes in combinations_with_replacement(closes, number)
        if _serves(changes, windows)
    )
    assert fewest_changes(windows) == fewest


def _serves(changes: tuple[float, ...], windows: list[Window]) -> bool:
    """Tell whether each window meets a stay of what it needs; the residents are there first."""
    edges: list[Any] = [float("-inf"), *changes, float("inf")]
    stays = [(edges[i], edges[i + 1], i % 2 == 1) for i in range(len(edges) - 1)]
    return all(
        any(
            is_planner is window.needs_planner and window.opens <= end and begin <= window.closes
            for begin, end, is_planner in stays
        )
        for window in windows
    )
