"""A scatter of labelled points in characters, for terminals."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.text import Text

#: Marks for points in an order; further points share the last.
MARKS = "123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ+"
#: Lines of the field.
HEIGHT = 15


def scatter(
    x: Sequence[float],
    y: Sequence[float],
    *,
    marks: Sequence[str],
    titles: tuple[str, str],
    split: tuple[float, float],
    corners: tuple[str, str, str, str],
    width: int = 72,
    ascii_only: bool = False,
) -> list[Text]:
    """Points as marks, a character each: `x` to the right, `y` upwards.

    Lines stand at `split`; `corners` name the quadrants (upper right, lower right, upper left, lower left). A point that
    falls on another moves to the nearest free place in its line, so that each mark can be read.
    """
    across, up, cross = ("-", "|", "+") if ascii_only else ("─", "│", "┼")
    columns = max(24, width - 10)
    field = [[" "] * columns for _ in range(HEIGHT)]
    place_x, place_y = _scale(x, split[0], columns), _scale(y, split[1], HEIGHT)
    middle, level = place_x(split[0]), HEIGHT - 1 - place_y(split[1])
    for line in field:
        line[middle] = up
    field[level] = [across] * columns
    field[level][middle] = cross
    taken: set[tuple[int, int]] = set()
    for k, (a, b) in enumerate(zip(x, y, strict=True)):
        row = HEIGHT - 1 - place_y(b)
        spot = _free(taken, row, place_x(a), columns)
        taken.add(spot)
        field[row][spot[1]] = marks[k]
    upper_right, lower_right, upper_left, lower_left = corners
    lines = [_line(titles[1].rjust(8), upper_left, upper_right, columns)]
    for k, line in enumerate(field):
        edge = f"{max(y):8.2f}" if k == 0 else f"{min(y):8.2f}" if k == HEIGHT - 1 else " " * 8
        lines.append(Text(f"{edge} ") + Text("".join(line)))
    lines.append(_line(" " * 8, lower_left, lower_right, columns))
    low, high = f"{min(x):.2f}", f"{max(x):.2f}"
    gap = max(1, columns - len(low) - len(high) - len(titles[0]) - 2)
    lines.append(Text(f"{'':9}{low}{' ' * (gap // 2 + 1)}{titles[0]}{' ' * (gap - gap // 2 + 1)}{high}", style="dim"))
    return lines


def _line(edge: str, left: str, right: str, columns: int) -> Text:
    """Names of two quadrants above or below their corners."""
    return Text(f"{edge} {left}{' ' * max(1, columns - len(left) - len(right))}{right}", style="dim")


def _scale(values: Sequence[float], split: float, room: int) -> Callable[[float], int]:
    """A function from a value to its place, 0 to `room` - 1."""
    low, high = min(*values, split), max(*values, split)
    width = high - low
    return lambda value: 0 if width <= 0 else min(room - 1, int((value - low) / width * (room - 1) + 0.5))


def _free(taken: set[tuple[int, int]], row: int, column: int, columns: int) -> tuple[int, int]:
    """The nearest free place in a line; its own where the line is full."""
    for step in range(columns):
        for spot in (column + step, column - step):
            if 0 <= spot < columns and (row, spot) not in taken:
                return row, spot
    return row, column
