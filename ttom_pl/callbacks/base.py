"""Lightning callbacks that also follow the stream."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from lightning.pytorch import Callback
from torch import Tensor

from ttom_pl.prompts.prompt import Prompt
from ttom_pl.recall import Proposal, Recall
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.run import Decision, Result, RunFolder
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene


@dataclass(frozen=True)
class StreamInfo:
    """A stream that is about to serve.

    Attributes:
        folder: where the run is.
        module: the rehearsal, with the backbone.
        prompts: all prompts of the stream.
        requests: those that are to be served now, planned.
    """

    folder: RunFolder
    module: LayoutTTO
    prompts: Sequence[Prompt]
    requests: Sequence[Request]


@dataclass(frozen=True)
class Findings:
    """What a callback adds to the result of a prompt.

    Attributes:
        scores: scores of the video by name.
        files: what was written, relative to the run folder, by kind.
        truth: where it is known from, by score, what the video must show.
    """

    scores: Mapping[str, float] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    truth: Mapping[str, str] = field(default_factory=dict)


class StreamCallback(Callback):
    """A Lightning callback with hooks around each prompt; the Trainer's own hooks cover the fit inside.

    What a hook is given is frozen, and what it adds to a result it returns, so that the order of callbacks makes no
    difference to any result.

    Attributes:
        once: whether two of them in a stream would be a mistake.
    """

    once: ClassVar[bool] = False

    def on_stream_start(self, stream: StreamInfo) -> None:
        """Called once, when all prompts are planned and before the first is served."""

    def on_prompt_start(self, request: Request) -> None:
        """Called before a prompt is encoded."""

    def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: Tensor) -> Findings | None:
        """Called when a prompt's video exists, before its result is written.

        Args:
            request: the prompt with its layout.
            scene: the prompt as the model sees it.
            fit: its rehearsal.
            video: shape (F, 3, H, W) in [0, 1].

        Returns:
            What belongs into the result, if there is anything.
        """
        return None

    def on_prompt_served(self, result: Result) -> None:
        """Called when the prompt's result is on disk."""

    def on_stream_end(self, stream: StreamInfo) -> None:
        """Called once at the end, also after an error or an interrupt, if ``on_stream_start`` went well.

        The last callback of the list is called first, and all are called even if one fails.
        """


class MemoryCallback(StreamCallback, ABC):
    """The callback that the stream asks before a rehearsal, and tells after the video exists; there is one at most."""

    once = True

    @abstractmethod
    def open(self, folder: RunFolder, module: LayoutTTO) -> None:
        """Called once, before prompts are planned."""

    @abstractmethod
    def recall(self, scene: Scene) -> Recall | None:
        """Return what a scene starts from; ``None`` where there is no memory. Nothing is changed by asking."""

    @abstractmethod
    def propose(self, request: Request, scene: Scene, recall: Recall, fit: Fit) -> Proposal:
        """Return what is to be remembered of a prompt."""

    @abstractmethod
    def commit(self, proposal: Proposal) -> Decision:
        """Remember it; the same proposal again, after a stop, changes nothing more."""

    @abstractmethod
    def close(self) -> None:
        """Called once at the end, also after an error or an interrupt, if :meth:`open` went well."""
