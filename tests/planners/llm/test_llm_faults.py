"""All that can go wrong between us and an endpoint, injected into a real server; and the key, which stays ours."""

import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from chat_server import KEY, LAYOUT, PROMPT, Response, Server, fails, says

from ttom_pl.chat import EndpointError
from ttom_pl.planners import FallbackPlanner, GrammarPlanner, LLMPlanner, PlanningError

MakePlanner = Callable[..., LLMPlanner]
GOOD = says(LAYOUT)


@pytest.mark.parametrize(
    "response",
    [
        fails(429, "slow down"),
        fails(500),
        fails(502, "Bad gateway"),
        Response("<html>Service Unavailable</html>", 503),
        fails(529, "overloaded"),
        Response(GOOD.body, drop=40),
        Response(GOOD.body, drop=0),
        Response("<html>starting up</html>"),
        Response("[1, 2]"),
    ],
)
def test_passing_failures_are_tried_again(server: Server, make_planner: MakePlanner, response: Response) -> None:
    server.script = [response, response, GOOD]
    assert len(make_planner().plan(PROMPT).tracks) == 2
    assert len(server.requests) == 3


def test_retry_after_is_respected(server: Server, make_planner: MakePlanner) -> None:
    server.script = [fails(429, headers={"Retry-After": "0.5"}), GOOD]
    make_planner().plan(PROMPT)
    assert server.times[1] - server.times[0] >= 0.5


def test_retry_after_as_a_date(server: Server, make_planner: MakePlanner) -> None:
    server.script = [fails(503, headers={"Retry-After": formatdate(time.time() + 2, usegmt=True)}), GOOD]
    make_planner().plan(PROMPT)
    assert server.times[1] - server.times[0] >= 0.9


def test_retry_after_that_is_too_long(server: Server, make_planner: MakePlanner) -> None:
    server.script = [fails(429, headers={"Retry-After": "3600"})]
    with pytest.raises(PlanningError, match="asked again in 3600 s, which is too long"):
        make_planner().plan(PROMPT)
    assert len(server.requests) == 1


def test_retry_after_that_is_nonsense(server: Server, make_planner: MakePlanner) -> None:
    server.script = [fails(429, headers={"Retry-After": "soon"}), GOOD]
    make_planner().plan(PROMPT)
    assert len(server.requests) == 2


def test_pauses_grow(server: Server, make_planner: MakePlanner) -> None:
    server.script = [fails(500)] * 3 + [GOOD]
    make_planner(backoff=0.1).plan(PROMPT)
    pauses = [after - before for before, after in zip(server.times, server.times[1:], strict=False)]
    assert [low <= pause for low, pause in zip((0.05, 0.1, 0.2), pauses, strict=True)] == [True] * 3


def test_failures_that_do_not_pass(server: Server, make_planner: MakePlanner) -> None:
    server.script = [fails(500, "the GPU is on fire")]
    with pytest.raises(PlanningError, match=r"answers 500: the GPU is on fire \(tried 3 times\)") as raised:
        make_planner(retries=2).plan(PROMPT)
    assert isinstance(raised.value.__cause__, EndpointError)
    assert raised.value.__cause__.status == 500
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("response", "message"),
    [
        (fails(401, "Incorrect API key"), r"answers 401: Incorrect API key; set \$OPENAI_API_KEY"),
        (fails(403, "not allowed"), r"answers 403: not allowed; set \$OPENAI_API_KEY"),
        (fails(404, "no such model"), "answers 404: no such model; check the model's name"),
        (fails(429, "You exceeded your quota", code="insufficient_quota"), "answers 429: You exceeded your quota"),
        (fails(307, headers={"Location": "http://127.0.0.1:9/v1"}), "answers 307: .*; it redirects"),
        (Response({"detail": "who are you"}, 401), "answers 401: who are you"),
        (Response("plain words", 404), "answers 404: plain words"),
        (Response({"error": "no such route"}, 404), "answers 404: no such route"),
        (Response({"choices": []}), "which is no chat completion; give an OpenAI-compatible endpoint"),
        (Response({"choices": [{"message": "hi"}]}), "which is no chat completion"),
    ],
)
def test_lasting_failures_are_not_tried_again(
    server: Server, make_planner: MakePlanner, response: Response, message: str
) -> None:
    server.script = [response]
    with pytest.raises(PlanningError, match=message):
        make_planner().plan(PROMPT)
    assert len(server.requests) == 1


def test_slow_server(server: Server, make_planner: MakePlanner) -> None:
    server.script = [Response(GOOD.body, delay=1.0), GOOD]
    assert len(make_planner(timeout=0.2).plan(PROMPT).tracks) == 2
    assert len(server.requests) == 2


def test_server_that_drips(server: Server, make_planner: MakePlanner) -> None:
    """Every byte comes in time, the answer does not."""
    server.script = [Response(GOOD.body, drip=0.02)]
    start = time.monotonic()
    with pytest.raises(PlanningError, match=r"did not answer within 0\.3 s; raise timeout"):
        make_planner(timeout=0.3, retries=0).plan(PROMPT)
    assert time.monotonic() - start < 2


def test_nobody_listens(server: Server, make_planner: MakePlanner) -> None:
    """Tried as often as was asked for the first prompt, once for each later one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    planner = make_planner(base_url=f"http://127.0.0.1:{port}/v1", retries=2)
    with pytest.raises(PlanningError, match=r"refuses connections; start the server.* \(tried 3 times\)"):
        planner.plan(PROMPT)
    with pytest.raises(PlanningError, match=r"or correct base_url$"):
        planner.plan(PROMPT)


def test_unknown_host(server: Server, make_planner: MakePlanner) -> None:
    with pytest.raises(PlanningError, match=r"cannot be reached \(.*\); start the server, or correct base_url"):
        make_planner(base_url="http://nowhere.invalid/v1", retries=0).plan(PROMPT)


@pytest.mark.parametrize("status", [400, 422])
@pytest.mark.parametrize(("accepts", "formats"), [("json_object", 2), (None, 3)])
def test_server_without_schemas(
    server: Server, make_planner: MakePlanner, status: int, accepts: str | None, formats: int
) -> None:
    """One step down at a time, and what was learnt stays."""

    def picky(body: dict[str, Any]) -> Response:
        given = body.get("response_format", {}).get("type")
        return GOOD if given == accepts else fails(status, f"response_format {given} is not supported")

    server.script = [picky]
    planner = make_planner()
    planner.plan(PROMPT)
    assert server.formats == ["json_schema", "json_object", None][:formats]
    planner.plan(PROMPT)
    assert server.formats[formats:] == [accepts]


def test_bad_request_for_another_reason(server: Server, make_planner: MakePlanner) -> None:
    server.script = [fails(400, "temperature must be 1")]
    planner = make_planner()
    with pytest.raises(PlanningError, match="answers 400: temperature must be 1"):
        planner.plan(PROMPT)
    server.script = [GOOD]
    planner.plan(PROMPT)
    assert server.formats == ["json_schema", "json_object", None, "json_schema"]


def echo(status: int) -> Callable[[dict[str, Any]], Response]:
    return lambda _: Response({"error": {"message": f"Incorrect API key provided: {KEY}."}}, status)


@pytest.mark.parametrize(
    "response",
    [
        echo(401),
        echo(500),
        echo(400),
        Response(f"<html>Bearer {KEY}</html>"),
        Response(f"<html>Bearer {KEY}</html>", 502),
        Response({"oops": KEY}),
        says(f"Your key is {KEY}"),
        says(None, refusal=f"I will not use {KEY}"),
        fails(302, headers={"Location": "/elsewhere"}),
    ],
)
def test_the_key_is_in_no_output(
    server: Server,
    make_planner: MakePlanner,
    response: Any,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever a server repeats of it: not in errors and their causes, the planner, the cache, logs or the terminal."""
    caplog.set_level(0)
    server.script = [response]
    planner = make_planner(cache=tmp_path / "cache", retries=1)
    with pytest.raises(PlanningError) as raised:
        planner.plan(PROMPT)
    server.script = [lambda _: says({**LAYOUT, "background": KEY})]
    layout = planner.plan(PROMPT)
    error: BaseException | None = raised.value
    said = [
        repr(planner),
        repr(vars(planner)),
        repr(vars(planner._chat)),
        repr(layout),
        caplog.text,
        *capfd.readouterr(),
    ]
    while error is not None:
        said += [repr(error), repr(vars(error))]
        error = None if error.__suppress_context__ and not error.__cause__ else error.__cause__ or error.__context__
    said += [file.read_text() for file in (tmp_path / "cache").iterdir()]
    assert not [text for text in said if KEY in text]


def test_the_key_does_not_follow_a_redirect(server: Server, make_planner: MakePlanner) -> None:
    server.script = [fails(302, headers={"Location": "/elsewhere"}), GOOD]
    with pytest.raises(PlanningError, match="it redirects"):
        make_planner().plan(PROMPT)
    assert len(server.requests) == 1


@pytest.mark.parametrize("key", ["sk-two\nlines", "sk with spaces", "sk-schlüssel"])
def test_a_malformed_key_is_not_shown(
    server: Server, make_planner: MakePlanner, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(PlanningError, match=r"\$OPENAI_API_KEY holds characters that no key has") as raised:
        make_planner().plan(PROMPT)
    assert key not in str(raised.value)


def test_no_key(server: Server, make_planner: MakePlanner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Local servers need none."""
    monkeypatch.delenv("OPENAI_API_KEY")
    make_planner().plan(PROMPT)
    assert "Authorization" not in server.requests[0][1]


def test_key_of_another_variable(server: Server, make_planner: MakePlanner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTHER_KEY", "other")
    make_planner(api_key_env="OTHER_KEY").plan(PROMPT)
    assert server.requests[0][1]["Authorization"] == "Bearer other"


def test_the_grammar_steps_in(server: Server, make_planner: MakePlanner) -> None:
    server.script = [fails(401, "who are you")]
    layout = FallbackPlanner([make_planner(), GrammarPlanner()]).plan("a dog runs to the left", "1")
    assert (layout.planner, layout.id, layout.confidence) == ("grammar", "1", 1)
    assert layout.reason.startswith("LLMPlanner failed: http://127.0.0.1")
    assert "answers 401: who are you" in layout.reason
