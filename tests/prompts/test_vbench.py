"""VBench's list, in which a prompt may stand under several dimensions."""

import json
from pathlib import Path

from ttom_pl.prompts.readers import read_any

INFO = {"appearance_style": {"appearance_style": "oil painting"}}


def test_repeats_are_taken_together(tmp_path: Path) -> None:
    """With all that each says, the first one's id and long text; also where the first says less."""
    records = [
        {"prompt_en": "a cat, oil painting", "dimension": ["overall_consistency", "imaging_quality"]},
        {"prompt_en": "a dog", "dimension": ["color"]},
        {"prompt_en": "a cat, oil painting", "dimension": ["appearance_style", "color"], "auxiliary_info": INFO},
        {"prompt": "a dog"},  # not VBench's: a prompt that comes twice is two prompts
    ]
    (tmp_path / "list.json").write_text(json.dumps(records))
    (tmp_path / "long.txt").write_text("first\nsecond\nthird\nfourth")
    prompts = read_any(tmp_path / "list.json", tmp_path / "long.txt")
    assert [(prompt.id, prompt.text, prompt.long) for prompt in prompts] == [
        ("0001", "a cat, oil painting", "first"),
        ("0002", "a dog", "second"),
        ("0004", "a dog", "fourth"),
    ]
    dimensions = ["overall_consistency", "imaging_quality", "appearance_style", "color"]
    assert prompts[0].metadata == {"dimension": dimensions, "auxiliary_info": INFO}
    assert len(read_any(tmp_path / "list.json")) == 3
