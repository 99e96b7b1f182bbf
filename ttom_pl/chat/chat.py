"""Chat completions with structured output, tried again while that may help."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from ttom_pl.chat.endpoint import Endpoint, EndpointError
from ttom_pl.io.ranges import check_range

Message = dict[str, Any]
"""A chat message: ``{"role": "system" | "user" | "assistant", "content": text or a list of parts}``."""

_LONGEST_WAIT = 60.0
_REFUSES_FORMAT = {400, 415, 422, 501}


@dataclass(frozen=True)
class Reply:
    """What a model answered.

    Attributes:
        text: the answer.
        refusal: why it declines to answer; empty where it does not.
        truncated: whether the answer was cut off at the limit of its length.
    """

    text: str
    refusal: str = ""
    truncated: bool = False


class Chat:
    """Asks one model.

    Requests that fail for a passing reason (429, 5xx, no connection, no answer in time) are sent again after a pause
    that doubles, or as long as the server's Retry-After says. After a request that no attempt got a response to, the
    next ones get a single attempt until one succeeds, so that a server that is down does not hold up a stream.

    Answers are asked for by JSON schema. A server that refuses that is asked for a JSON object, and then for plain
    text; what it accepts is remembered.

    Args:
        endpoint: where the model is served.
        model: its name there.
        temperature: of the sampling; ``None`` leaves it to the server.
        max_tokens: longest answer; ``None`` leaves it to the server.
        retries: attempts after the first one.
        backoff: seconds before the second attempt.
        answer: what an answer is called in its schema.

    Raises:
        ValueError: if a number is out of its range.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        temperature: float | None = 0.0,
        max_tokens: int | None = None,
        retries: int = 4,
        backoff: float = 1.0,
        answer: str = "answer",
    ) -> None:
        check_range("temperature", temperature, least=0)
        check_range("max_tokens", max_tokens, least=1)
        check_range("retries", retries, least=0)
        check_range("backoff", backoff, least=0, meaning="seconds")
        self.endpoint = endpoint
        self.model = model
        self.temperature = temperature
        self.max_tokens = max_tokens
        self.retries = retries
        self.backoff = backoff
        self.answer = answer
        self._format = 0
        self._is_down = False
        self._random = random.Random()  # not the global one: a pause must not change what a seeded run draws

    def ask(self, messages: Sequence[Message], schema: Mapping[str, Any]) -> Reply:
        """Return the model's reply.

        Args:
            messages: the conversation.
            schema: JSON schema of the answer.

        Raises:
            EndpointError: if there is none.
        """
        body: dict[str, Any] = {"model": self.model, "messages": list(messages)}
        if self.temperature is not None:
            body["temperature"] = self.temperature
        if self.max_tokens is not None:
            body["max_tokens"] = self.max_tokens
        formats = [{"response_format": response_format} for response_format in _formats(self.answer, schema)] + [{}]
        refused: EndpointError | None = None
        for number in range(self._format, len(formats)):
            try:
                data = self._persist(body | formats[number])
            except EndpointError as error:
                if error.status not in _REFUSES_FORMAT:
                    raise
                # The first refusal is the one to show: if plain text is refused too, the format was not the reason.
                refused = refused or error
            else:
                self._format = number
                return _reply(data, self.endpoint.base_url)
        assert refused is not None
        raise refused

    def _persist(self, body: Mapping[str, Any]) -> dict[str, Any]:
        retrying = Retrying(
            stop=stop_after_attempt(1 if self._is_down else self.retries + 1),
            wait=self._pause,
            retry=retry_if_exception(_may_pass),
            reraise=True,
        )
        try:
            data = retrying(self.endpoint.post, "chat/completions", body)
        except EndpointError as error:
            self._is_down = error.passing and not error.status
            raise _final(error, int(retrying.statistics["attempt_number"])) from None
        self._is_down = False
        return data

    def _pause(self, state: RetryCallState) -> float:
        """Return how long to wait: as the server says, or longer and longer, of several clients not all the same."""
        error = state.outcome and state.outcome.exception()
        if isinstance(error, EndpointError) and error.retry_after is not None:
            return error.retry_after
        longest = wait_exponential(self.backoff, max=_LONGEST_WAIT)(state)
        return longest * self._random.uniform(0.5, 1.0)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, EndpointError) and error.passing and (error.retry_after or 0) <= _LONGEST_WAIT


def _formats(name: str, schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    named = {"name": name, "strict": True, "schema": dict(schema)}
    return [{"type": "json_schema", "json_schema": named}, {"type": "json_object"}]


def _final(error: EndpointError, attempts: int) -> EndpointError:
    message = str(error)
    if error.passing and not _may_pass(error):
        message += f"; it wants to be asked again in {error.retry_after:.0f} s, which is too long to wait"
    elif attempts > 1:
        message += f" (tried {attempts} times)"
    return EndpointError(message, error.status, error.passing, error.retry_after)


def _reply(data: Mapping[str, Any], where: str) -> Reply:
    try:
        choice = data["choices"][0]
        message = choice["message"]
        content = message.get("content") or ""
        refusal = message.get("refusal") or ""
        finish = choice.get("finish_reason")
    except (LookupError, TypeError, AttributeError):
        raise EndpointError(
            f"{where} answers with {str(dict(data))[:80]!r}, which is no chat completion; "
            "give an OpenAI-compatible endpoint"
        ) from None
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    if finish == "content_filter":
        refusal = refusal or "the server's content filter stopped the answer"
    return Reply(str(content), str(refusal), finish == "length")
