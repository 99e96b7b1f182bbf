"""Charts as the numbers that inline SVG is made of; colours and text are the page's."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 400, 170
_LEFT, _RIGHT, _TOP, _BOTTOM = 38, 392, 10, 144


@dataclass(frozen=True)
class Tick:
    """A mark on an axis: where, and what is written beside it."""

    at: float
    label: str


@dataclass(frozen=True)
class ChartMark:
    """A line or a set of bars.

    Attributes:
        name: what it shows.
        path: data of an SVG path.
        filled: bars rather than a line.
        color: number of its colour, from 0.
    """

    name: str
    path: str
    filled: bool
    color: int


@dataclass(frozen=True)
class Chart:
    """A chart in a view box of :data:`WIDTH` × :data:`HEIGHT`.

    Attributes:
        title: what is drawn, with its unit.
        x_label: what the horizontal axis counts.
        marks: what is drawn, the first at the back.
        x_ticks: along the horizontal axis.
        y_ticks: along the vertical axis.
        rules: where faint vertical lines part the horizontal axis.
    """

    title: str
    x_label: str
    marks: list[ChartMark]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    rules: list[float]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = _LEFT
    right: int = _RIGHT
    top: int = _TOP
    bottom: int = _BOTTOM


def line_chart(
    title: str, x_label: str, lines: Mapping[str, Sequence[float]], top: float | None = None, percent: bool = False
) -> Chart:
    """Return lines over the numbers from 1 on.

    Args:
        title: what is drawn.
        x_label: what is counted.
        lines: values by name; what is not finite is a gap.
        top: upper end of the vertical axis; that of the values when not given.
        percent: write fractions as percentages.
    """
    count = max(map(len, lines.values()))
    top = top or _nice_top(value for values in lines.values() for value in values)
    marks = []
    for color, (name, values) in enumerate(lines.items()):
        marks.append(ChartMark(name, _line([(_x(i, count), _y(v, top)) for i, v in enumerate(values)]), False, color))
    return Chart(title, x_label, marks, _x_ticks(count), _y_ticks(top, percent), [])


def bar_chart(title: str, x_label: str, parts: Mapping[str, Sequence[float]]) -> Chart:
    """Return stacked bars over the numbers from 1 on, the first part at the bottom."""
    count = max(map(len, parts.values()))
    top = _nice_top(sum(bar) for bar in zip(*parts.values(), strict=True))
    wide = (_RIGHT - _LEFT) / count
    below = [0.0] * count
    marks = []
    for color, (name, values) in enumerate(parts.items()):
        path = []
        for i, value in enumerate(values):
            if math.isfinite(value) and value > 0:
                low, high = _y(below[i], top), _y(below[i] + value, top)
                path.append(f"M{_LEFT + i * wide + 0.08 * wide:.1f} {low:.1f}V{high:.1f}h{0.84 * wide:.2f}V{low:.1f}z")
                below[i] += value
        marks.append(ChartMark(name, "".join(path), True, color))
    return Chart(title, x_label, marks, _x_ticks(count, bars=True), _y_ticks(top), [])


def loss_chart(losses: Sequence[Sequence[float]]) -> Chart | None:
    """Return the layout loss over the iterations, parted at the guided steps; ``None`` where there is no loss.

    Args:
        losses: a list for each guided step.
    """
    flat = [loss for step in losses for loss in step]
    if not any(map(math.isfinite, flat)):
        return None
    top, count, start = _nice_top(flat), len(flat), 0
    path, rules, ticks = "", [], []
    for number, step in enumerate(losses, start=1):
        if not step:
            continue
        points = [(_x(start + i, count), _y(v, top)) for i, v in enumerate(step)]
        path += _line(points, dots=True)
        if start:
            rules.append(round((_x(start - 1, count) + _x(start, count)) / 2, 1))
        ticks.append(Tick(round((points[0][0] + points[-1][0]) / 2, 1), str(number)))
        start += len(step)
    every = math.ceil(len(ticks) / 16)
    return Chart(
        "layout loss", "guided step", [ChartMark("layout loss", path, False, 0)], ticks[::every], _y_ticks(top), rules
    )


def _x(index: int, count: int) -> float:
    return (_LEFT + _RIGHT) / 2 if count == 1 else _LEFT + 4 + index / (count - 1) * (_RIGHT - _LEFT - 8)


def _y(value: float, top: float) -> float:
    return _BOTTOM - value / top * (_BOTTOM - _TOP)


def _line(points: Sequence[tuple[float, float]], dots: bool = False) -> str:
    """Return a path through the points, broken where one is not finite; a lone point, or each, is a dot."""
    path, pen = "", "M"
    for x, y in points:
        if math.isfinite(y):
            path += f"{pen}{x:.1f} {y:.1f}"
            pen = "L"
        else:
            pen = "M"
    if dots or len(points) == 1:
        path += "".join(f"M{x:.1f} {y:.1f}h0" for x, y in points if math.isfinite(y))
    return path


def _nice_top(values: Iterable[float]) -> float:
    """Return the least of 1, 1.5, 2, 3, 4, 5, 6, 8 times a power of ten that no value exceeds."""
    top = max((v for v in values if math.isfinite(v)), default=0.0)
    if top <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(top))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * power >= top * (1 - 1e-9))


def _y_ticks(top: float, percent: bool = False) -> list[Tick]:
    values = [top * part / 2 for part in range(3)]
    return [Tick(round(_y(v, top), 1), f"{v:.0%}" if percent else f"{v:.3g}") for v in values]


def _x_ticks(count: int, bars: bool = False) -> list[Tick]:
    step = max(1, int(_nice_top([count / 6])))
    shown = [1, *(n for n in range(step, count + 1, step) if n > 1)]
    wide = (_RIGHT - _LEFT) / count
    return [Tick(round(_LEFT + (n - 0.5) * wide if bars else _x(n - 1, count), 1), str(n)) for n in shown]
