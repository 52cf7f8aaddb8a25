"""The scatter of characters: every point is on it, where it belongs, and inside its width."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from capmap.report.chart import HEIGHT, MARKS, scatter

CORNERS = ("near high", "near low", "far high", "far low")


def drawn(x: list[float], y: list[float], width: int = 60) -> list[str]:
    split = (sorted(x)[len(x) // 2], sorted(y)[len(y) // 2])
    lines = scatter(x, y, marks=MARKS[: len(x)], titles=("density", "PCI"), split=split, corners=CORNERS, width=width)
    return [line.plain for line in lines]


def field(lines: list[str]) -> list[str]:
    return [line[9:] for line in lines[1 : HEIGHT + 1]]


def test_points_stand_in_their_order() -> None:
    lines = drawn([0.0, 0.5, 1.0], [3.0, 1.0, 2.0])
    place = {mark: (row, line.index(mark)) for row, line in enumerate(field(lines)) for mark in "123" if mark in line}
    assert place["1"][0] < place["3"][0] < place["2"][0], "higher values stand higher"
    assert place["1"][1] < place["2"][1] < place["3"][1], "larger values stand further right"
    assert place["1"] == (0, 0)
    assert lines[0].split() == ["PCI", "far", "high", "near", "high"]
    assert lines[-2].split() == ["far", "low", "near", "low"]
    assert lines[-1].split() == ["0.00", "density", "1.00"]


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(-9, 9)), min_size=1, max_size=len(MARKS) - 1))
def test_every_point_is_drawn_once_and_nothing_sticks_out(points: list[tuple[int, int]]) -> None:
    x, y = [float(a) for a, _ in points], [float(b) for _, b in points]
    lines = drawn(x, y)
    assert max(map(len, lines)) <= 60
    text = "".join(field(lines))
    for mark in MARKS[: len(points)]:
        assert text.count(mark) == 1, mark
