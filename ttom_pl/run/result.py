"""What is known of a prompt once it is served: a line of ``results.jsonl``."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

from ttom_pl.layout.schema import Layout

SCHEMA = 2
"""Version of the lines. Lines of version 1 have no ``schema``; they lack nothing that a reader needs."""


@dataclass(frozen=True)
class Decision:
    """What the memory gave to a prompt, and what became of what the prompt learnt.

    Attributes:
        key: the abstracted scene that was looked up.
        hit: whether an entry answered.
        read: how what answered was used, or why nothing did.
        hit_rate: hits a prompt so far in the run, from 0 to 1.
        entry: id of the nearest entry, or of the one that was inserted.
        similarity: cosine similarity of the keys of the prompt and the nearest entry.
        iterations_saved: iterations fewer than the scene takes without a memory; ``None`` on a miss.
        parents: ids of the entries that the rehearsal started from.
        blended: the same where there are several.
        loaded_loss: layout loss with what was loaded, where it was measured.
        write: ``insert``, ``update`` or ``none``.
        reason: why.
    """

    key: str
    hit: bool
    read: str
    hit_rate: float = 0.0
    entry: str | None = None
    similarity: float | None = None
    iterations_saved: int | None = None
    parents: tuple[str, ...] = ()
    blended: tuple[str, ...] = ()
    loaded_loss: float | None = None
    write: str = "none"
    reason: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; what there was none of is left out."""
        data = {column.name: getattr(self, column.name) for column in fields(self)}
        data |= {"parents": list(self.parents), "blended": list(self.blended)}
        return {name: value for name, value in data.items() if value is not None and value != []}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the JSON form; what is unknown is left out."""
        known: dict[str, Any] = {column.name: data[column.name] for column in fields(cls) if column.name in data}
        known |= {name: tuple(known[name]) for name in ("parents", "blended") if name in known}
        defaults: dict[str, Any] = {"key": "", "hit": False, "read": ""}
        return cls(**(defaults | known))


@dataclass(frozen=True)
class Result:
    """A prompt that was served.

    Attributes:
        id: name of the prompt in its stream.
        number: place in the stream, from 1.
        prompt: the text.
        long: the text that the video was made from, where that is another one.
        sample: number of the video among those of its prompt, from 0.
        sample_of: id of the prompt that this is a sample of; empty where one video was made of it.
        layout: where the objects were to be; ``None`` for a video of another tool.
        seed: seed of the initial noise; ``None`` where nobody knows.
        image: path and SHA-256 of the image that the video starts from, if there is one.
        losses: layout losses, in nats from 0 to ln 2, of each iteration of each guided step.
        updates: optimiser iterations.
        shifts: root mean square of what was added to the latents before each guided step, where the noise has 1; empty
            where latents are not moved.
        memory: what the memory decided; ``None`` without a memory.
        seconds: wall-clock seconds per stage.
        scores: what evaluation found, by name.
        files: what was written, relative to the run folder, by kind.
        plain: whether its layout was not trusted, so that it was sampled without rehearsal and memory.
        truth: where it is known from, by score, what the video must show.
        asked: what the video should show, in words, where the scores rest on it.
        errors: what could not be scored, and why.
        versions: packages that made it.
    """

    id: str
    number: int
    prompt: str
    layout: Layout | None = None
    seed: int | None = None
    image: Mapping[str, str] | None = None
    losses: tuple[tuple[float, ...], ...] = ()
    updates: int = 0
    shifts: tuple[float, ...] = ()
    memory: Decision | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    scores: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    plain: bool = False
    truth: Mapping[str, str] = field(default_factory=dict)
    asked: str = ""
    errors: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
    long: str = ""
    sample: int = 0
    sample_of: str = ""

    @property
    def source(self) -> str:
        """The id that the prompt has in its file, which all of its samples share."""
        return self.sample_of or self.id

    @property
    def iterations(self) -> tuple[float, ...]:
        """The losses of all guided steps, one after the other."""
        return tuple(loss for step in self.losses for loss in step)

    @property
    def hit(self) -> bool | None:
        """Whether the memory answered; ``None`` without a memory."""
        return None if self.memory is None else self.memory.hit

    def remembered(self, memory: Decision | None, seconds: float | None = None) -> Self:
        """Return the result with what the memory decided, and how long writing to it took."""
        spent = {} if seconds is None else {"memory": round(self.seconds.get("memory", 0.0) + seconds, 4)}
        return replace(self, memory=memory, seconds={**self.seconds, **spent})

    def to_dict(self) -> dict[str, Any]:
        """Return the line of ``results.jsonl``."""
        return (
            {
                "schema": SCHEMA,
                "id": self.id,
                "number": self.number,
                **({"sample": self.sample, "sample_of": self.sample_of} if self.sample_of else {}),
                "prompt": self.prompt,
                "long": self.long,
                "image": None if self.image is None else dict(self.image),
                "seed": self.seed,
                "memory": {} if self.memory is None else self.memory.to_dict(),
                "updates": self.updates,
                "losses": [[round(loss, 5) for loss in step] for step in self.losses],
                "seconds": dict(self.seconds),
                "scores": dict(self.scores),
                "files": dict(self.files),
                "layout": None if self.layout is None else self.layout.to_dict(),
            }
            | ({"shifts": [round(shift, 5) for shift in self.shifts]} if self.shifts else {})
            | ({"truth": dict(self.truth)} if self.truth else {})
            | ({"plain": True} if self.plain else {})
            | {"versions": dict(self.versions)}
        )

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a line; fields that it lacks have their defaults, fields that are unknown are left out.

        Raises:
            KeyError, TypeError, ValueError: if it is no result.
        """
        known = {column.name: data[column.name] for column in fields(cls) if data.get(column.name) is not None}
        layout, memory = data.get("layout"), data.get("memory")
        known |= {
            "id": str(data["id"]),
            "number": int(data["number"]),
            "prompt": str(data["prompt"]),
            "layout": Layout.from_dict(layout) if layout else None,
            "memory": Decision.from_dict(memory) if memory else None,
            "shifts": tuple(map(float, data.get("shifts") or ())),
            "losses": tuple(tuple(map(float, step)) for step in data.get("losses") or ()),
        }
        return cls(**known)


@dataclass(frozen=True)
class Skipped:
    """A prompt that could not be served.

    Attributes:
        id: name of the prompt in its stream.
        prompt: the text.
        error: why, and what to do.
    """

    id: str
    prompt: str
    error: str

    def to_dict(self) -> dict[str, Any]:
        """Return the line of ``results.jsonl``."""
        return {"id": self.id, "prompt": self.prompt, "error": self.error}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read a line."""
        return cls(str(data["id"]), str(data.get("prompt", "")), str(data["error"]))
