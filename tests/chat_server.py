"""A real HTTP server that speaks the chat completions protocol, and fails on demand."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ttom_pl.planners import LLMPlanner

KEY = "sk-very-secret-0123456789"
PROMPT = "a red car moves left past a tree"
BOXES = [[0.7, 0.5, 0.95, 0.75], [0.4, 0.5, 0.65, 0.75], [0.05, 0.5, 0.3, 0.75]]
LAYOUT = {
    "background": "",
    "objects": [
        {"phrase": "a red car", "words": ["car"], "boxes": BOXES},
        {"phrase": "a tree", "words": ["tree"], "boxes": [[0.4, 0.1, 0.6, 0.45]] * 3},
    ],
}


@dataclass(frozen=True)
class Response:
    """What the server does with a request.

    Attributes:
        body: sent as it is if a text, else as JSON.
        status: HTTP status.
        headers: further headers.
        delay: seconds before anything is sent.
        drop: close the connection after so many bytes of the body; -1 sends all.
        drip: seconds between the bytes of the body.
    """

    body: Any = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    drop: int = -1
    drip: float = 0.0


def says(answer: Any, finish: str = "stop", **message: Any) -> Response:
    """A completion whose message is a text, or an object as JSON."""
    content = answer if isinstance(answer, str) or answer is None else json.dumps(answer)
    choice = {"index": 0, "message": {"role": "assistant", "content": content, **message}, "finish_reason": finish}
    return Response({"object": "chat.completion", "choices": [choice]})


def fails(status: int, message: str = "no", headers: dict[str, str] | None = None, **error: Any) -> Response:
    """An error response as OpenAI writes it."""
    return Response({"error": {"message": message, **error}}, status, headers or {})


@dataclass
class Server:
    """The server: its script is answered in turn, the last response for ever.

    Attributes:
        url: base URL.
        script: the responses, or functions from a request's body to its response.
        requests: path, headers and body of each request.
        times: when each request came.
    """

    url: str
    script: list[Any] = field(default_factory=lambda: [says(LAYOUT)])
    requests: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    at_once: int = 0
    busiest: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def formats(self) -> list[str | None]:
        """The response format of each request."""
        return [body.get("response_format", {}).get("type") for _, _, body in self.requests]

    def respond(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Response:
        with self.lock:
            number = len(self.requests)
            self.requests.append((path, headers, body))
            self.times.append(time.monotonic())
        response = self.script[min(number, len(self.script) - 1)]
        result: Response = response(body) if callable(response) else response
        return result


class Handler(BaseHTTPRequestHandler):
    """Does what the script says."""

    server: Any

    def do_POST(self) -> None:
        state: Server = self.server.state
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with state.lock:
            state.at_once += 1
            state.busiest = max(state.busiest, state.at_once)
        try:
            self._answer(state.respond(self.path, dict(self.headers), body))
        finally:
            with state.lock:
                state.at_once -= 1

    def do_GET(self) -> None:
        self.server.state.respond(self.path, dict(self.headers), {})
        self.send_error(404)

    def _answer(self, response: Response) -> None:
        time.sleep(response.delay)
        data = (response.body if isinstance(response.body, str) else json.dumps(response.body)).encode()
        try:
            self.send_response(response.status)
            for name, value in response.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            for i in range(len(data)) if response.drip else ():
                self.wfile.write(data[i : i + 1])
                time.sleep(response.drip)
            if not response.drip:
                self.wfile.write(data if response.drop < 0 else data[: response.drop])
        except OSError:
            pass  # the client went away, as it should

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """The server, with a script that always gives a good layout, and the key in the environment."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for name in ("OPENAI_BASE_URL", "OPENAI_MODEL"):
        monkeypatch.delenv(name, raising=False)
    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    http.block_on_close = False
    http.state = state = Server(f"http://127.0.0.1:{http.server_address[1]}/v1")  # type: ignore[attr-defined]
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield state
    http.shutdown()
    http.server_close()


@pytest.fixture
def make_planner(server: Server) -> Callable[..., LLMPlanner]:
    """A planner at the server, with three keyframes and short pauses."""

    def make(**changes: Any) -> LLMPlanner:
        settings = {"model": "tiny", "base_url": server.url, "num_keyframes": 3, "backoff": 0.01, "timeout": 5.0}
        return LLMPlanner(**(settings | changes))

    return make
