"""The planner that asks a language model."""

import os
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

from ttom_pl.chat import OPENAI, AnswerCache, Chat, Endpoint, EndpointError
from ttom_pl.io.ranges import check_range
from ttom_pl.layout.schema import MOST_KEYFRAMES, Layout, LayoutError
from ttom_pl.planners.base import Planner
from ttom_pl.planners.errors import PlanningError
from ttom_pl.planners.llm.answer import read_answer
from ttom_pl.planners.llm.template import TEMPLATE_VERSION, answer_schema, conversation, repair

_TRUNCATED = "it was cut off at the limit of its length; answer with the JSON object alone, without any reasoning"


class LLMPlanner(Planner):
    """Plan by a language model behind any OpenAI-compatible endpoint: hosted, vLLM, Ollama, llama.cpp.

    Answers are validated like every layout; what is wrong goes back to the model, in the words of the validation, until
    it is right or ``max_repairs`` is used up. The key is read from the environment for each request; it is in no
    message, file or config.

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
        enrich: let the model write a richer prompt, from which the video is then made.
        cache: folder of answers, keyed by prompt, model and template version; a prompt found there costs nothing.
        max_concurrency: prompts that :func:`~ttom_pl.planners.many.plan_many` asks for at a time.
        num_keyframes: keyframes of a layout.
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
        timeout: float = 60.0,
        retries: int = 4,
        backoff: float = 1.0,
        max_repairs: int = 2,
        enrich: bool = False,
        cache: Path | None = None,
        max_concurrency: int = 4,
        num_keyframes: int = 6,
        max_tokens: int | None = None,
    ) -> None:
        self.model = model or os.environ.get("OPENAI_MODEL", "")
        if not self.model:
            raise ValueError("there is no model to plan with; give model, or set $OPENAI_MODEL")
        check_range("max_repairs", max_repairs, least=0)
        check_range("max_concurrency", max_concurrency, least=1, most=1000, meaning="requests at a time")
        check_range("num_keyframes", num_keyframes, least=2, most=MOST_KEYFRAMES)
        endpoint = Endpoint(base_url or os.environ.get("OPENAI_BASE_URL", "") or OPENAI, api_key_env, timeout)
        self.max_repairs = max_repairs
        self.enrich = enrich
        self.max_concurrency = max_concurrency
        self.num_keyframes = num_keyframes
        self._temperature = temperature
        self._cache = AnswerCache(cache) if cache else None
        self._chat = Chat(endpoint, self.model, temperature, max_tokens, retries, backoff, "layout")

    def plan(self, prompt: str, id: str = "") -> Layout:
        """Return the layout of a prompt.

        Raises:
            PlanningError: if the endpoint gives no answer, the model refuses, or no answer can be used.
        """
        if not prompt.strip():
            raise PlanningError("the prompt is empty; write what the video shows")
        question = self._question(prompt)
        kept = self._cache.get(question) if self._cache else None
        if kept is not None:
            try:
                return self._layout(kept, prompt, id)
            except LayoutError:
                pass
        answer, layout = self._ask(prompt, id)
        if self._cache:
            try:
                self._cache.put(question, answer)
            except OSError as error:
                warnings.warn(
                    f"cannot write the cache {self._cache.path}: {error}; free space, or move it", stacklevel=2
                )
        return layout

    def _ask(self, prompt: str, id: str) -> tuple[str, Layout]:
        messages = conversation(prompt, self.num_keyframes, self.enrich)
        schema = answer_schema(self.num_keyframes, self.enrich)
        wrong = ""
        for _ in range(self.max_repairs + 1):
            try:
                reply = self._chat.ask(messages, schema)
            except EndpointError as error:
                raise PlanningError(str(error)) from error
            if reply.refusal:
                raise PlanningError(
                    f"{self.model} refuses to plan {prompt!r}: {reply.refusal[:200]}; "
                    "reword the prompt, or use another planner"
                )
            try:
                return reply.text, self._layout(reply.text, prompt, id)
            except LayoutError as error:
                wrong = _TRUNCATED if reply.truncated else str(error)
                messages += repair(reply.text, wrong)
        raise PlanningError(
            f"{self.model} gave no usable layout for {prompt!r} in {self.max_repairs + 1} answers; "
            f"of the last one: {wrong}; raise max_repairs, or use a stronger model or another planner"
        )

    def _layout(self, answer: str, prompt: str, id: str) -> Layout:
        layout = read_answer(answer, prompt, id, self.num_keyframes, self.enrich)
        return replace(layout, planner=f"llm:{self.model}")

    def _question(self, prompt: str) -> dict[str, Any]:
        return {
            "prompt": prompt,
            "model": self.model,
            "template": TEMPLATE_VERSION,
            "temperature": self._temperature,
            "num_keyframes": self.num_keyframes,
            "enrich": self.enrich,
        }
