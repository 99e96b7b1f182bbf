"""The judge against a real HTTP server: what it sends, what it reads, what it keeps, and what it never writes."""

import base64
import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from chat_server import KEY, Server, fails, says
from PIL import Image

from ttom_pl.evaluation.judge import CATEGORIES, Claims, JudgeError, LLMJudge
from ttom_pl.evaluation.judge.template import read_grades

CLAIMS = Claims("consistent_attribute", ("a blue car", "a white fence"))
VIDEO = torch.linspace(0, 1, 9)[:, None, None, None].expand(9, 3, 24, 48)
GOOD = says({"description": "a car at a fence", "grades": ["A", "D"]})

MakeJudge = Callable[..., LLMJudge]


@pytest.fixture
def make_judge(server: Server) -> MakeJudge:
    def make(**changes: Any) -> LLMJudge:
        settings = {"model": "tiny", "base_url": server.url, "backoff": 0.01, "timeout": 5.0, "frames": 3}
        return LLMJudge(**(settings | changes))

    server.script = [GOOD]
    return make


def test_what_is_sent(server: Server, make_judge: MakeJudge) -> None:
    """The claims, and the first, middle and last frame as images; the key in the header alone."""
    assert make_judge(side=32).grade(VIDEO, CLAIMS) == ("A", "D")
    ((path, headers, body),) = server.requests
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in json.dumps(body)
    system, user = body["messages"]
    assert "its attributes are wrong" in system["content"]
    text, *images = user["content"]
    assert "1. a blue car\n2. a white fence" in text["text"]
    frames = []
    for image in images:
        head, data = image["image_url"]["url"].split(",", 1)
        assert head == "data:image/jpeg;base64"
        frames.append(Image.open(BytesIO(base64.b64decode(data))))
    assert [frame.size for frame in frames] == [(32, 16)] * 3
    grays = [np.asarray(frame.convert("L")).mean() / 255 for frame in frames]
    assert grays == pytest.approx([0, 0.5, 1], abs=0.02)
    schema = body["response_format"]["json_schema"]
    assert schema["name"] == "verdict"
    assert schema["schema"]["properties"]["grades"]["minItems"] == 2


@pytest.mark.parametrize("category", CATEGORIES)
def test_every_category_has_its_rubric(server: Server, make_judge: MakeJudge, category: Any) -> None:
    server.script = [says({"description": "", "grades": ["B"]})]
    assert make_judge().grade(VIDEO, Claims(category, ("something",))) == ("B",)
    rubric = server.requests[0][2]["messages"][0]["content"]
    assert all(f"\n{letter}: " in rubric for letter in "ABCDE")


@pytest.mark.parametrize(
    "answer",
    [
        '```json\n{"description": "x", "grades": ["a", "D"]}\n```',
        '<think>{"grades": ["E", "E"]}</think> {"description": "{", "grades": ["A", "D"]}',
        "The car is fine.\nGrade: A\nThe fence is red.\n**Grade**: D",
        "1. grade is A\n2. grade is D",
    ],
)
def test_answers_in_other_clothes(answer: str) -> None:
    assert read_grades(answer, CLAIMS) == ("A", "D")


def test_a_wrong_answer_is_sent_back(server: Server, make_judge: MakeJudge) -> None:
    server.script = [says({"grades": ["A"]}), says({"grades": ["A", "F"]}), GOOD]
    assert make_judge().grade(VIDEO, CLAIMS) == ("A", "D")
    told = [body["messages"][-1]["content"] for _, _, body in server.requests[1:]]
    assert "it has 1 grades for 2 claims" in told[0]
    assert "'F' is no grade" in told[1]


def test_no_usable_answer(server: Server, make_judge: MakeJudge) -> None:
    server.script = [says("I like it")]
    with pytest.raises(JudgeError, match=r"no usable grades in 2 answers; .* 0 grades for 2 claims.*raise max_repairs"):
        make_judge(max_repairs=1).grade(VIDEO, CLAIMS)
    server.script = [says(None, refusal="I do not look at videos")]
    with pytest.raises(JudgeError, match="tiny refuses to judge: I do not look at videos"):
        make_judge().grade(VIDEO, CLAIMS)


def test_failures_of_the_endpoint(server: Server, make_judge: MakeJudge) -> None:
    server.script = [fails(503), GOOD]
    assert make_judge().grade(VIDEO, CLAIMS) == ("A", "D")
    server.script = [fails(401, f"{KEY} is not welcome")]
    with pytest.raises(JudgeError, match=r"answers 401: \*\*\* is not welcome; set \$OPENAI_API_KEY") as raised:
        make_judge().grade(VIDEO, CLAIMS)
    assert KEY not in str(raised.value)


def test_verdicts_are_kept(server: Server, make_judge: MakeJudge, tmp_path: Path) -> None:
    """The same frames and claims are paid for once; another video, claim or model is not the same."""
    cache = tmp_path / "verdicts"
    for _ in range(2):
        assert make_judge(cache=cache).grade(VIDEO, CLAIMS) == ("A", "D")
    assert len(server.requests) == 1
    make_judge(cache=cache).grade(1 - VIDEO, CLAIMS)
    make_judge(cache=cache).grade(VIDEO, Claims("consistent_attribute", ("a red car", "a white fence")))
    make_judge(cache=cache).grade(VIDEO, Claims("action_binding", CLAIMS.items))
    make_judge(cache=cache, model="other").grade(VIDEO, CLAIMS)
    assert len(server.requests) == 5
    files = list(cache.glob("*.json"))
    assert len(files) == 5
    assert not any(KEY in file.read_text() for file in files)
    for file in files:
        file.write_text("torn {")
    make_judge(cache=cache).grade(VIDEO, CLAIMS)
    assert len(server.requests) == 6


def test_arguments_are_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_MODEL", raising=False)
    with pytest.raises(ValueError, match="no model to judge with"):
        LLMJudge()
    with pytest.raises(ValueError, match="frames is 0; it must be at least 1"):
        LLMJudge("tiny", frames=0)
    with pytest.raises(ValueError, match="no rubric for 'taste'"):
        Claims("taste", ("sweet",))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="give at least one"):
        Claims("action_binding", ())
