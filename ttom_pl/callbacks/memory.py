"""The parametric memory around the fit of each prompt: read before, write after."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lightning.pytorch import LightningModule, Trainer

from ttom_pl.callbacks.base import StreamCallback
from ttom_pl.keys import scene_key
from ttom_pl.memory import LFU, AdapterSpec, EvictionPolicy, Match, Memory, MergeRule, RunningAverage
from ttom_pl.tto import LayoutTTO

if TYPE_CHECKING:
    from ttom_pl.stream import Served, Stream


class ParametricMemory(StreamCallback):
    """Warm-start each prompt from the most similar scene so far, and remember what was learnt.

    Before the fit the nearest entry above ``threshold`` is loaded into the adapter (hit) or the adapter stays neutral
    (miss). After the video exists, a miss is inserted and a hit that was optimised further is merged into its entry,
    if the optimisation lowered the loss enough. The decision and its reason are in the results.

    Args:
        mode: ``read-write``, ``read-only`` (nothing is remembered) or ``off``.
        path: folder of the memory; ``memory`` in the run folder when not given.
        threshold: least cosine similarity of keys for a hit.
        optimise_hits: whether a hit is optimised further, or used as it is.
        min_gain: least relative fall of the layout loss from the first to the last for an adapter to be remembered.
        text_weight: share of the text in the key, the rest is the layout's.
        capacity: entries beyond which the memory forgets.
        eviction: which entry it forgets.
        merge: how a hit's entry takes up what was learnt.
    """

    def __init__(
        self,
        mode: Literal["read-write", "read-only", "off"] = "read-write",
        path: Path | None = None,
        threshold: float = 0.9,
        optimise_hits: bool = True,
        min_gain: float = 0.1,
        text_weight: float = 0.5,
        capacity: int = 1000,
        eviction: EvictionPolicy = LFU(),  # noqa: B008
        merge: MergeRule = RunningAverage(),  # noqa: B008
    ) -> None:
        self.mode = mode
        self.path = path
        self.threshold = threshold
        self.optimise_hits = optimise_hits
        self.min_gain = min_gain
        self.text_weight = text_weight
        self.capacity = capacity
        self.eviction = eviction
        self.merge = merge
        self.hits = 0
        self.misses = 0
        self._memory: Memory | None = None

    @property
    def hit_rate(self) -> float:
        """Hits per prompt read so far."""
        return self.hits / max(1, self.hits + self.misses)

    def on_stream_start(self, stream: "Stream") -> None:
        """Open the memory."""
        if self.mode == "off" or stream.module.adapter is None:
            return
        path = self.path or stream.folder.path / "memory"
        self._memory = Memory(path, self.capacity, eviction=self.eviction, merge=self.merge)
        self._module = stream.module
        self._spec = _spec(stream.module)

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the memory and load what it holds into the adapter."""
        if self._memory is None:
            return
        module, memory = self._module, self._memory
        assert module.adapter is not None
        backbone, layout = module.backbone, module.rehearsal.layout
        self._text, self._key = scene_key(layout, backbone.embed, self.text_weight)
        matches = memory.read(self._key, fingerprint=backbone.fingerprint, spec=self._spec, threshold=self.threshold)
        self._match: Match | None = matches[0] if matches else None
        if self._match is None:
            self.misses += 1
            return
        self.hits += 1
        module.adapter.load_state_dict(memory.load(self._match.entry))
        module.optimise = self.optimise_hits

    def on_prompt_end(self, served: "Served") -> None:
        """Write to the memory what is worth keeping, and say what was decided."""
        if self._memory is None:
            return
        served.memory = {"key": self._text, "hit": self._match is not None, "hit_rate": round(self.hit_rate, 4)}
        if self._match is not None:
            served.memory |= {"entry": self._match.entry.id, "similarity": round(self._match.similarity, 4)}
        served.memory["write"], served.memory["reason"] = self._write(served)

    def on_stream_end(self, stream: "Stream") -> None:
        """Close the memory."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _write(self, served: "Served") -> tuple[str, str]:
        """Insert, update or leave be; return which, and why."""
        memory, module = self._memory, self._module
        assert memory is not None
        assert module.adapter is not None
        match = self._match
        losses = [loss for step in served.losses for loss in step]
        before, after = (losses[0], losses[-1]) if losses else (None, None)
        if self.mode == "read-only":
            return "none", "the memory is read-only"
        if match is not None:
            full = module.guided_steps * module.iterations
            memory.record_use(match.entry.id, max(0, (match.entry.iterations or full) - served.updates))
        if served.updates == 0:
            return "none", "used as it is" if match else "nothing was optimised"
        assert before is not None
        assert after is not None
        gain = 1 - after / before
        if gain < self.min_gain:
            return "none", f"the loss fell by {gain:.0%}, less than {self.min_gain:.0%}"
        record: dict[str, Any] = {"loss_before": before, "loss_after": after, "iterations": served.updates}
        adapter = module.adapter.state_dict()
        if match is not None:
            memory.update(match.entry.id, adapter, match.similarity, **record)
            return "update", f"the loss fell by {gain:.0%}"
        entry = memory.insert(
            adapter,
            key=self._key,
            key_text=self._text,
            prompt=served.prompt.text,
            layout=served.layout.to_dict(),
            fingerprint=module.backbone.fingerprint,
            spec=self._spec,
            **record,
        )
        served.memory["entry"] = entry.id
        return "insert", f"the loss fell by {gain:.0%}"


def _spec(module: LayoutTTO) -> AdapterSpec:
    adapter = module.adapter
    assert adapter is not None
    return AdapterSpec(adapter.rank, adapter.alpha, adapter.target_modules, module.guided_steps)
