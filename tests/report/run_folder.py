"""A line of ``results.jsonl`` as a stream writes it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ttom_pl.layout import Layout, Track
from ttom_pl.run import Result

BOXES = ((0.5, 0.1, 0.9, 0.5), (0.1, 0.1, 0.5, 0.5))
WriteRun = Callable[..., Path]


def make_result(number: int, prompt: str = "a red circle moves left", **changes: Any) -> Result:
    """The result of a prompt with one object."""
    return Result.from_dict(make_line(number, prompt, **changes))


def make_line(number: int, prompt: str = "a red circle moves left", **changes: Any) -> dict[str, Any]:
    """Its line of ``results.jsonl``."""
    word = "circle" if "circle" in prompt else "cat"
    layout = Layout(prompt, (Track(0, "a red circle", (word,), BOXES),), f"{number:04d}", planner="fixed")
    return {
        "id": f"{number:04d}",
        "number": number,
        "prompt": prompt,
        "seed": 41 + number,
        "memory": {},
        "updates": 4,
        "losses": [[0.5, 0.3], [0.2, 0.1]],
        "seconds": {"plan": 0.0, "fit": 1.5, "decode": 0.5},
        "scores": {"layout_iou": number / 10},
        "files": {"video": f"videos/{number:04d}.mp4", "attention": f"attention/{number:04d}.json"},
        "layout": json.loads(json.dumps(layout.to_dict())),
        "versions": {"ttom_pl": "0.1.0"},
    } | changes
