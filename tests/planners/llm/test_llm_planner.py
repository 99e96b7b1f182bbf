"""The planner that asks a language model, against a real server: answers good, bad and repaired."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from chat_server import LAYOUT, PROMPT, Server, says

from ttom_pl.layout import Layout
from ttom_pl.planners import GrammarPlanner, LLMPlanner, Planner, PlanningError, plan_many
from ttom_pl.planners.llm.answer import read_answer
from ttom_pl.planners.llm.template import _EXAMPLES, answer_schema, conversation

MakePlanner = Callable[..., LLMPlanner]


def changed(**fields: Any) -> dict[str, Any]:
    """The good answer with other fields of its first object."""
    answer = deepcopy(LAYOUT)
    answer["objects"][0] |= fields
    return answer


def test_layout(server: Server, make_planner: MakePlanner) -> None:
    planner = make_planner()
    assert isinstance(planner, Planner)
    layout = planner.plan(PROMPT, "7")
    assert (layout.prompt, layout.id, layout.planner, layout.confidence) == (PROMPT, "7", "llm:tiny", 1)
    car, tree = layout.tracks
    assert (car.phrase, car.words, car.spans) == ("a red car", ("car",), ((6, 9),))
    assert car.boxes[0] == (0.7, 0.5, 0.95, 0.75)
    assert tree.id == 1


def test_request(server: Server, make_planner: MakePlanner) -> None:
    """What an endpoint gets: the standard's path and fields, and a strict schema."""
    make_planner(max_tokens=500).plan(PROMPT)
    ((path, headers, body),) = server.requests
    assert path == "/v1/chat/completions"
    assert headers["Authorization"] == "Bearer sk-very-secret-0123456789"
    assert (body["model"], body["temperature"], body["max_tokens"]) == ("tiny", 0, 500)
    assert body["response_format"]["json_schema"] == {
        "name": "layout",
        "strict": True,
        "schema": answer_schema(3, enrich=False),
    }
    assert [message["role"] for message in body["messages"]] == ["system", *["user", "assistant"] * 3, "user"]
    assert body["messages"][-1]["content"] == f"Prompt: {PROMPT}"
    assert "3 keyframes" in body["messages"][0]["content"]


def test_temperature_can_be_left_out(server: Server, make_planner: MakePlanner) -> None:
    make_planner(temperature=None).plan(PROMPT)
    assert "temperature" not in server.requests[0][2]


def test_model_and_address_from_the_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_MODEL", "from-env")
    LLMPlanner(num_keyframes=3).plan(PROMPT)
    assert server.requests[0][2]["model"] == "from-env"


@pytest.mark.parametrize(
    "text",
    [
        f"```json\n{json.dumps(LAYOUT)}\n```",
        f"```\n{json.dumps(LAYOUT)}\n```\nI hope this helps.",
        f"Here it is: {json.dumps(LAYOUT)} Is it what you want?",
        f"<think>A car {{moves}} left.</think>\n\n{json.dumps(LAYOUT, indent=2)}",
    ],
)
def test_json_among_other_things(server: Server, make_planner: MakePlanner, text: str) -> None:
    server.script = [says(text)]
    assert len(make_planner().plan(PROMPT).tracks) == 2
    assert len(server.requests) == 1


def test_content_in_parts(server: Server, make_planner: MakePlanner) -> None:
    server.script = [says(None, content=[{"type": "text", "text": json.dumps(LAYOUT)}])]
    assert len(make_planner().plan(PROMPT).tracks) == 2


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (changed(boxes=[[0.7, 0.5, 1.2, 0.75]] * 3), "object 0 ('a red car'), keyframe 0: box (0.7, 0.5, 1.2, 0.75)"),
        (changed(boxes=[[0.7, 0.5, 0.7, 0.75]] * 3), "box (0.7, 0.5, 0.7, 0.75) is empty"),
        (changed(boxes=[None] * 3), "object 0 ('a red car') has no box in any keyframe"),
        (changed(boxes=[[0.1, 0.1, 0.2]] * 3), "tracks[0], keyframe 0: a box is [x0, y0, x1, y1] or null"),
        (changed(boxes=[[0.1, 0.1, 0.2, 0.2]] * 2), "objects[0] ('a red car'): field 'boxes' must have 3 entries"),
        (changed(boxes="left"), "field 'boxes' must have 3 entries, one per keyframe, got 'left'"),
        (changed(phrase="a blue car"), "objects[0] ('a blue car'): the phrase is not in the prompt"),
        (changed(phrase=3), "objects[0]: field 'phrase' must be a phrase of the prompt, got 3"),
        (changed(words=["tree"]), "the word 'tree' is not in the phrase"),
        (changed(words=["lorry"]), "the word 'lorry' of the object 'a red car' is not in the prompt"),
        (changed(words="car"), "field 'words' must be a list of words"),
        ({"background": ""}, "field 'objects' must be a list with at least one object, got None"),
        ({"objects": ["car"]}, "objects[0] must be an object with 'phrase', 'words' and 'boxes', got 'car'"),
        ("I would rather not plan", "there is no JSON object in it"),
        ('{"objects": [{"phrase" "a red car"}]}', "it is not JSON: Expecting ':' delimiter at character 23"),
        ("", "there is no JSON object in it"),
        ("[" * 5000 + "{" + '"a":{' * 5000, "it is n"),
    ],
)
def test_a_bad_answer_is_repaired(server: Server, make_planner: MakePlanner, answer: Any, wrong: str) -> None:
    """The model is told exactly what is wrong, sees its answer again, and may correct it."""
    server.script = [says(answer), says(LAYOUT)]
    assert len(make_planner().plan(PROMPT).tracks) == 2
    *before, said, told = server.requests[1][2]["messages"]
    assert before == server.requests[0][2]["messages"]
    assert said["role"] == "assistant"
    assert said["content"] == ((answer if isinstance(answer, str) else json.dumps(answer)) or "(empty)")
    assert told["role"] == "user"
    assert wrong in told["content"]


def test_never_repaired(server: Server, make_planner: MakePlanner) -> None:
    server.script = [says(changed(boxes=[[0.7, 0.5, 1.2, 0.75]] * 3))]
    with pytest.raises(PlanningError, match=r"no usable layout for .* in 3 answers; .* leaves the frame.*max_repairs"):
        make_planner().plan(PROMPT)
    assert len(server.requests) == 3


def test_no_repairs(server: Server, make_planner: MakePlanner) -> None:
    server.script = [says("no")]
    with pytest.raises(PlanningError, match="in 1 answers"):
        make_planner(max_repairs=0).plan(PROMPT)
    assert len(server.requests) == 1


def test_truncated_answer(server: Server, make_planner: MakePlanner) -> None:
    server.script = [says(json.dumps(LAYOUT)[:100], finish="length"), says(LAYOUT)]
    make_planner().plan(PROMPT)
    assert "cut off at the limit" in server.requests[1][2]["messages"][-1]["content"]


@pytest.mark.parametrize(
    "response",
    [says(None, refusal="I cannot help with that."), says("", finish="content_filter")],
)
def test_refusal_is_final(server: Server, make_planner: MakePlanner, response: Any) -> None:
    server.script = [response]
    with pytest.raises(PlanningError, match="tiny refuses to plan 'a red car moves left past a tree'"):
        make_planner().plan(PROMPT)
    assert len(server.requests) == 1


def test_enrichment(server: Server, make_planner: MakePlanner) -> None:
    """The video is made from the richer prompt; what was asked for stays known."""
    richer = "At dusk a shiny  red car moves left past a tree, leaves whirl."
    answer = {"prompt": richer, **changed(phrase="a shiny red car")}
    server.script = [says(answer)]
    layout = make_planner(enrich=True).plan(PROMPT)
    assert layout.prompt == "At dusk a shiny red car moves left past a tree, leaves whirl."
    assert layout.original_prompt == PROMPT
    assert layout.tracks[0].phrase == "a shiny red car"
    assert Layout.from_dict(layout.to_dict() | {"tracks": json.loads(json.dumps(layout.to_dict()["tracks"]))}) == layout
    assert "rewrite the prompt" in server.requests[0][2]["messages"][0]["content"]


def test_enrichment_steers_every_mention(server: Server, make_planner: MakePlanner) -> None:
    """Also of objects that the answer names as they were asked for."""
    richer = "A crimson sports car, old and low, rolls left past a tall oak tree. The car gleams, the tree rustles."
    server.script = [says({"prompt": richer, **LAYOUT})]
    car, tree = make_planner(enrich=True).plan(PROMPT).tracks
    assert (car.phrase, car.words) == ("A crimson sports car", ("car", "car"))
    assert tree.words == ("tree", "tree")


def test_an_object_that_the_enrichment_lost_is_asked_for(server: Server, make_planner: MakePlanner) -> None:
    server.script = [says({"prompt": "A lonely tree at dusk.", **LAYOUT}), says({"prompt": PROMPT, **LAYOUT})]
    make_planner(enrich=True).plan(PROMPT)
    assert "does not mention the object 'a red car'" in server.requests[1][2]["messages"][-1]["content"]


def test_enrichment_without_a_prompt_is_repaired(server: Server, make_planner: MakePlanner) -> None:
    server.script = [says(LAYOUT), says({"prompt": PROMPT, **LAYOUT})]
    make_planner(enrich=True).plan(PROMPT)
    assert "field 'prompt' must be your version" in server.requests[1][2]["messages"][-1]["content"]


def test_cache_makes_a_second_run_free(server: Server, make_planner: MakePlanner, tmp_path: Path) -> None:
    first = make_planner(cache=tmp_path / "cache").plan(PROMPT, "1")
    second = make_planner(cache=tmp_path / "cache").plan(PROMPT, "2")
    assert (second.tracks, second.id) == (first.tracks, "2")
    assert len(server.requests) == 1


@pytest.mark.parametrize("change", [{"model": "other"}, {"enrich": True}, {"num_keyframes": 4}, {"temperature": 1.0}])
def test_cache_knows_what_was_asked(
    server: Server, make_planner: MakePlanner, tmp_path: Path, change: dict[str, Any]
) -> None:
    four = [[0.1, 0.1, 0.2, 0.2]] * 4
    wide = {"background": "", "objects": [{"phrase": "a tree", "words": ["tree"], "boxes": four}]}
    server.script = [says(LAYOUT), says(wide if "num_keyframes" in change else {"prompt": PROMPT, **LAYOUT})]
    make_planner(cache=tmp_path).plan(PROMPT)
    make_planner(cache=tmp_path, **change).plan(PROMPT)
    assert len(server.requests) == 2


def test_cache_knows_the_template(
    server: Server, make_planner: MakePlanner, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_planner(cache=tmp_path).plan(PROMPT)
    monkeypatch.setattr("ttom_pl.planners.llm.planner.TEMPLATE_VERSION", 0)
    make_planner(cache=tmp_path).plan(PROMPT)
    assert len(server.requests) == 2


@pytest.mark.parametrize("content", ["", "{", "[]", '{"question": {}, "answer": "x"}', "null"])
def test_torn_cache_is_asked_again(server: Server, make_planner: MakePlanner, tmp_path: Path, content: str) -> None:
    make_planner(cache=tmp_path).plan(PROMPT)
    (file,) = tmp_path.iterdir()
    good = file.read_text()
    file.write_text(content)
    make_planner(cache=tmp_path).plan(PROMPT)
    assert len(server.requests) == 2
    assert file.read_text() == good


def test_bad_answers_are_not_kept(server: Server, make_planner: MakePlanner, tmp_path: Path) -> None:
    server.script = [says("no"), says(LAYOUT)]
    make_planner(cache=tmp_path).plan(PROMPT)
    (file,) = tmp_path.iterdir()
    assert json.loads(json.loads(file.read_text())["answer"]) == LAYOUT


def test_unwritable_cache_costs_only_a_warning(server: Server, make_planner: MakePlanner, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match="cannot write the cache"):
        make_planner(cache=tmp_path / "file" / "cache").plan(PROMPT)


def test_many_at_a_time(server: Server, make_planner: MakePlanner) -> None:
    """In order, at most so many at a time, errors in their places."""

    def slow(body: dict[str, Any]) -> Any:
        prompt = body["messages"][-1]["content"]
        thing = {"phrase": prompt.split()[-1], "words": [prompt.split()[-1]], "boxes": [[0, 0, 1, 1]] * 3}
        response = says("no") if "worse" in str(body["messages"]) else says({"background": "", "objects": [thing]})
        return type(response)(response.body, delay=0.05)

    server.script = [slow]
    prompts = [(f"one thing{i}", str(i)) for i in range(8)]
    prompts[3] = ("one worse", "3")
    results = list(plan_many(make_planner(max_concurrency=3, max_repairs=0), prompts))
    assert [getattr(result, "id", "error") for result in results] == ["0", "1", "2", "error", "4", "5", "6", "7"]
    assert isinstance(results[3], PlanningError)
    assert results[5].tracks[0].phrase == "thing5"  # type: ignore[union-attr]
    assert server.busiest == 3


def test_one_at_a_time_by_planners_that_do_not_wait() -> None:
    layout, error = plan_many(GrammarPlanner(), [("a dog runs left", "a"), ("...", "b")])
    assert isinstance(layout, Layout)
    assert isinstance(error, ValueError)
    assert list(plan_many(GrammarPlanner(), [])) == []


@pytest.mark.parametrize("enrich", [False, True])
@pytest.mark.parametrize("keyframes", [2, 6, 9])
def test_examples_are_what_we_ask_for(keyframes: int, enrich: bool) -> None:
    """Every example passes the validation that answers must pass."""
    for example in _EXAMPLES:
        layout = read_answer(example.answer(keyframes, enrich), example.prompt, "", keyframes, enrich)
        assert len(layout.tracks) == len(example.things)
        assert layout.background in layout.prompt


def test_instructions_differ_by_task_alone() -> None:
    plain, enriched = (conversation("a cat", 6, enrich)[0]["content"] for enrich in (False, True))
    assert enriched.startswith(plain)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": ""}, "no model to plan with"),
        ({"retries": -1}, "retries is -1; it must be at least 0"),
        ({"max_concurrency": 0}, "max_concurrency is 0"),
        ({"num_keyframes": 1}, "num_keyframes is 1"),
        ({"timeout": 0}, "timeout is 0"),
        ({"base_url": "localhost:8000"}, "base_url is 'localhost:8000'; give an address such as"),
        ({"base_url": "https://me:secret@host/v1"}, "base_url carries a user, password or query"),
    ],
)
def test_wrong_arguments(make_planner: MakePlanner, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message) as raised:
        make_planner(**arguments)
    assert "secret" not in str(raised.value)


def test_empty_prompt(make_planner: MakePlanner, server: Server) -> None:
    with pytest.raises(PlanningError, match="the prompt is empty"):
        make_planner().plan("  ")
    assert not server.requests
