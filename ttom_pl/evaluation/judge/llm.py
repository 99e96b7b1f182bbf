"""The judge that is a multimodal language model."""

import hashlib
import json
import os
import warnings
from pathlib import Path
from typing import Any

from torch import Tensor

from ttom_pl.chat import OPENAI, AnswerCache, Chat, Endpoint, EndpointError, Message
from ttom_pl.evaluation.judge.base import Judge, JudgeError
from ttom_pl.evaluation.judge.claims import Claims
from ttom_pl.evaluation.judge.template import TEMPLATE_VERSION, answer_schema, conversation, read_grades, repair
from ttom_pl.io.ranges import check_range


class LLMJudge(Judge):
    """Judge by a multimodal model behind any OpenAI-compatible endpoint: hosted, vLLM, Ollama, llama.cpp.

    The model sees evenly spaced frames as images, and gives a letter for each claim by the rubric of its category.
    Rubrics and letters follow T2V-CompBench's idea, their wording is this project's: compare scores of the same judge,
    not with those that another one gave. The key is read from the environment for each request; it is in no message,
    file or config.

    Args:
        model: name of the model; ``$OPENAI_MODEL`` when not given.
        base_url: address of the API, e.g. ``"http://localhost:11434/v1"``; ``$OPENAI_BASE_URL`` when not given, or else
            OpenAI's own.
        api_key_env: the environment variable that holds the key; local servers need none.
        temperature: of the sampling; ``None`` leaves it out, for models that take none.
        timeout: seconds that one request may take.
        retries: attempts after the first one, for passing failures (429, 5xx, no connection).
        backoff: seconds before the second attempt; doubled before each further one.
        max_repairs: how often the model is told what is wrong with its answer.
        frames: frames that it sees.
        side: pixels of the longer side of what it sees, at most.
        cache: folder of verdicts, keyed by frames, claims, model and template version; one found there costs nothing.
        max_tokens: longest answer; ``None`` leaves it to the server.

    Raises:
        ValueError: if an argument is out of its range or there is no model.
    """

    def __init__(
        self,
        model: str = "",
        base_url: str = "",
        api_key_env: str = "OPENAI_API_KEY",
        temperature: float | None = 0.0,
        timeout: float = 120.0,
        retries: int = 4,
        backoff: float = 1.0,
        max_repairs: int = 2,
        frames: int = 6,
        side: int = 512,
        cache: Path | None = None,
        max_tokens: int | None = None,
    ) -> None:
        self.model = model or os.environ.get("OPENAI_MODEL", "")
        if not self.model:
            raise ValueError("there is no model to judge with; give model, or set $OPENAI_MODEL")
        check_range("max_repairs", max_repairs, least=0)
        check_range("frames", frames, least=1, meaning="frames that the model sees")
        check_range("side", side, least=16, meaning="pixels")
        endpoint = Endpoint(base_url or os.environ.get("OPENAI_BASE_URL", "") or OPENAI, api_key_env, timeout)
        self.max_repairs = max_repairs
        self.frames = frames
        self.side = side
        self._temperature = temperature
        self._down = ""
        self._cache = AnswerCache(cache) if cache else None
        self._chat = Chat(endpoint, self.model, temperature, max_tokens, retries, backoff, "verdict")

    def grade(self, video: Tensor, claims: Claims) -> tuple[str, ...]:
        """Return a letter for each claim; see :class:`Judge`."""
        messages = conversation(video, claims, self.frames, self.side)
        question = self._question(messages, claims)
        kept = self._cache.get(question) if self._cache else None
        if kept is not None:
            try:
                return read_grades(kept, claims)
            except ValueError:
                pass
        answer, grades = self._ask(messages, claims)
        if self._cache:
            try:
                self._cache.put(question, answer)
            except OSError as error:
                warnings.warn(
                    f"cannot write the cache {self._cache.path}: {error}; free space, or move it", stacklevel=2
                )
        return grades

    def _ask(self, messages: list[Message], claims: Claims) -> tuple[str, tuple[str, ...]]:
        wrong = ""
        for _ in range(self.max_repairs + 1):
            if self._down:
                raise JudgeError(self._down)
            try:
                reply = self._chat.ask(messages, answer_schema(claims))
            except EndpointError as error:
                self._down = f"{error}; it is not asked again"  # each of many videos would wait for it
                raise JudgeError(str(error)) from error
            if reply.refusal:
                raise JudgeError(f"{self.model} refuses to judge: {reply.refusal[:200]}; use another judge")
            try:
                return reply.text, read_grades(reply.text, claims)
            except ValueError as error:
                wrong = "it was cut off at the limit of its length" if reply.truncated else str(error)
                messages = [*messages, *repair(reply.text, wrong)]
        raise JudgeError(
            f"{self.model} gave no usable grades in {self.max_repairs + 1} answers; of the last one: {wrong}; "
            "raise max_repairs, or use a stronger model"
        )

    def _question(self, messages: list[Message], claims: Claims) -> dict[str, Any]:
        frames = hashlib.sha256(json.dumps(messages[-1]["content"]).encode()).hexdigest()
        return {
            "category": claims.category,
            "claims": list(claims.items),
            "frames": frames,
            "model": self.model,
            "template": TEMPLATE_VERSION,
            "temperature": self._temperature,
        }
