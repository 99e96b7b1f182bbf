"""A prompt that is planned and waits to be served."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass

from ttom_pl.layout.schema import Layout
from ttom_pl.prompts.prompt import Prompt


@dataclass(frozen=True)
class Request:
    """A prompt that is planned and waits to be served.

    Attributes:
        number: place in the stream, from 1.
        total: prompts in the stream.
        prompt: the prompt.
        layout: where its objects are to be.
        seed: seed of the initial noise.
        image: path and SHA-256 of the image that the video starts from, if there is one.
        plain: whether the layout is not trusted, so that the prompt is sampled without rehearsal and memory.
        seconds: what planning took.
    """

    number: int
    total: int
    prompt: Prompt
    layout: Layout
    seed: int
    image: Mapping[str, str] | None = None
    plain: bool = False
    seconds: float = 0.0

    def digest(self, run: str) -> str:
        """Return a name of the request in a run, of 16 hexadecimal digits, by all that is asked for."""
        image = (self.image or {}).get("sha256")
        asked = [run, self.prompt.id, self.prompt.text, self.layout.to_dict(), self.seed, image]
        return hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:16]
