"""Charts against the numbers that they show."""

import math
import re

import pytest

from ttom_pl.report.charts import bar_chart, line_chart, loss_chart


def value_at(chart, y: float) -> float:
    """Read a height back by the ends of the axis."""
    low, high = chart.y_ticks[0], chart.y_ticks[-1]
    return (y - low.at) / (high.at - low.at) * float(high.label.rstrip("%"))


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"[ML]([\d.]+) ([\d.]+)", path)]


def test_lines_are_at_their_values() -> None:
    chart = line_chart("hit rate", "prompts", {"so far": [0.0, 0.5, 1.0]}, top=1.0, percent=True)
    (mark,) = chart.marks
    assert [value_at(chart, y) for _, y in points(mark.path)] == pytest.approx([0, 50, 100], abs=0.5)
    xs = [x for x, _ in points(mark.path)]
    assert xs == pytest.approx([tick.at for tick in chart.x_ticks], abs=0.1)
    assert chart.left <= xs[0] < xs[1] < xs[2] <= chart.right


def test_what_is_not_finite_is_a_gap() -> None:
    chart = line_chart("x", "n", {"x": [1.0, 2.0, math.nan, math.inf, 3.0]})
    assert [part[0] for part in re.findall(r"[ML][\d.]+ [\d.]+", chart.marks[0].path)] == ["M", "L", "M"]
    assert chart.y_ticks[-1].label == "3"


def test_bars_stand_on_each_other() -> None:
    chart = bar_chart("seconds", "prompts", {"fit": [1.0, 0.0], "decode": [2.0, 4.0]})
    bars = [re.findall(r"M([\d.]+) ([\d.]+)V([\d.]+)", mark.path) for mark in chart.marks]
    (fit,), (first, second) = bars
    assert [value_at(chart, float(y)) for y in fit[1:]] == pytest.approx([0, 1], abs=0.02)
    assert [value_at(chart, float(y)) for y in first[1:]] == pytest.approx([1, 3], abs=0.02)
    assert [value_at(chart, float(y)) for y in second[1:]] == pytest.approx([0, 4], abs=0.02)
    assert fit[0] == first[0] != second[0]


def test_losses_are_parted_at_the_guided_steps() -> None:
    chart = loss_chart([[0.5, 0.4], [], [0.3]])
    assert chart is not None
    assert [tick.label for tick in chart.x_ticks] == ["1", "3"]
    first, second, third = points(chart.marks[0].path.split("h0")[0])[:2] + points(chart.marks[0].path)[-1:]
    assert chart.rules == [pytest.approx((second[0] + third[0]) / 2, abs=0.1)]
    assert [value_at(chart, y) for _, y in (first, second, third)] == pytest.approx([0.5, 0.4, 0.3], abs=0.005)
    assert loss_chart([]) is None
    assert loss_chart([[math.nan]]) is None


@pytest.mark.parametrize("count", [1, 2, 7, 60, 200, 1000])
def test_axes_are_not_crowded(count: int) -> None:
    for chart in (line_chart("x", "n", {"x": [1.0] * count}), bar_chart("x", "n", {"x": [1.0] * count})):
        assert 1 <= len(chart.x_ticks) <= 9
        assert all(chart.left <= tick.at <= chart.right for tick in chart.x_ticks)
