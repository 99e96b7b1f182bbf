"""The parametric memory around the fit of each prompt: read before, write after."""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.utilities import rank_zero_warn
from numpy.typing import NDArray
from torch import Tensor

from ttom_pl.callbacks.base import StreamCallback
from ttom_pl.callbacks.worth import iterations_saved, worth_keeping
from ttom_pl.keys import TEXT_WEIGHT, Embed, scene_key, sentence_embedder
from ttom_pl.memory import (
    LFU,
    AdapterSpec,
    CorruptEntryError,
    Entry,
    EntryNotFoundError,
    EvictionPolicy,
    Match,
    Memory,
    MergeRule,
    RunningAverage,
    blend,
    memory_folder,
)
from ttom_pl.memory.maps import pack_maps
from ttom_pl.metrics import HitRate
from ttom_pl.ranges import check_range
from ttom_pl.tto import LayoutTTO

if TYPE_CHECKING:
    from ttom_pl.stream import Served, Stream

Read = Literal["miss", "young entry", "warm start", "used as it is", "verified hit"]


@dataclass
class _Lookup:
    """What the memory said about the prompt that is served, and what came of it.

    Attributes:
        text: the abstracted scene.
        key: its embedding.
        known: entries of similar scenes, nearest first: those that were loaded, or the one that is still young.
        matches: those that were loaded.
        read: how they are used.
        loss: layout loss with what was loaded, if that was looked at.
    """

    text: str
    key: NDArray[np.float32]
    known: list[Match]
    matches: list[Match]
    read: Read
    loss: float | None = None


class ParametricMemory(StreamCallback):
    """Warm-start each prompt from the most similar scene so far, and remember what was learnt.

    Before the fit the nearest entry above ``threshold`` is loaded into the adapter (hit) or the adapter stays neutral
    (miss, or an entry that is still young). After the video exists, a miss is inserted, and what a hit or the prompt of
    a young entry has learnt is merged into the entry, if the optimisation lowered the loss enough. Remembered is the
    mean of the adapters of the guided steps, which serves other prompts better than the last of them (stochastic
    weight averaging, Izmailov et al. 2018). The decision and its reason are in the results.

    Args:
        mode: ``read-write``, ``read-only`` (nothing is remembered) or ``off``.
        path: folder of the memory, or of a run that has one; ``memory`` in the run folder when not given.
        threshold: least cosine similarity of keys for a hit.
        k: nearest entries above the threshold that are blended by similarity; 1 is the paper's.
        hit_iterations: iterations in a guided step, at most, for a hit: 0 uses what was loaded as it is, and not given
            it may take as many as a miss.
        verified_loss: layout loss at the first step under which a hit is used as it is, after one forward pass with
            what was loaded; not looked at when not given.
        min_merged: prompts that an entry must have been learnt from, and merged into it, before it answers. Until then
            those of its scene are rehearsed from neutral adapters, as misses: their mean serves other prompts better
            than any one of them. A memory that is only read answers with what it has.
        min_gain: least relative fall of the layout loss from the first to the last for an adapter to be remembered.
        merge_threshold: similarity from which a hit is merged into its entry; what was learnt from a less similar one
            becomes an entry of its own, with those that it started from as parents. All hits are merged when not given.
        text_weight: share of the text in the key, the rest is the layout's.
        text_encoder: a sentence-transformers model for the text of the key; the backbone's own when not given.
        dtype: precision of remembered adapters.
        keep_attention: keep small attention maps without and with the adapter in each entry, for ``ttom memory show``.
        capacity: entries beyond which the memory forgets.
        capacity_bytes: bytes of adapters beyond which it forgets; no bound when not given.
        eviction: which entry it forgets.
        merge: how a hit's entry takes up what was learnt.

    Raises:
        ValueError: if ``k`` or ``min_merged`` is less than 1, ``threshold`` not above 0 or ``hit_iterations`` less than
            0, or if there is no memory to read only.
    """

    def __init__(
        self,
        mode: Literal["read-write", "read-only", "off"] = "read-write",
        path: Path | None = None,
        threshold: float = 0.9,
        k: int = 1,
        hit_iterations: int | None = None,
        verified_loss: float | None = None,
        min_merged: int = 1,
        min_gain: float = 0.1,
        merge_threshold: float | None = None,
        text_weight: float = TEXT_WEIGHT,
        text_encoder: str | None = None,
        dtype: Literal["float32", "bfloat16", "float16"] = "float32",
        keep_attention: bool = True,
        capacity: int = 1000,
        capacity_bytes: int | None = None,
        eviction: EvictionPolicy = LFU(),  # noqa: B008
        merge: MergeRule = RunningAverage(),  # noqa: B008
    ) -> None:
        check_range("memory.k", k, least=1, meaning="entries to blend")
        check_range("memory.min_merged", min_merged, least=1, meaning="1 lets entries answer at once")
        check_range("memory.threshold", threshold, above=0, meaning="a cosine similarity, up to 1")
        check_range("memory.hit_iterations", hit_iterations, least=0, meaning="0 uses hits as they are")
        check_range("memory.verified_loss", verified_loss, least=0)
        check_range("memory.min_gain", min_gain, meaning="a share of the loss")
        check_range("memory.merge_threshold", merge_threshold, least=-1, meaning="a cosine similarity")
        check_range("memory.text_weight", text_weight, least=0, most=1, meaning="a share of the key")
        check_range("memory.capacity", capacity, least=1, meaning="entries")
        check_range("memory.capacity_bytes", capacity_bytes, least=1)
        if mode == "read-only" and path is not None:  # before a model is loaded
            _existing(path)
        self.mode = mode
        self.path = path
        self.threshold = threshold
        self.k = k
        self.hit_iterations = hit_iterations
        self.verified_loss = verified_loss
        self.min_merged = 1 if mode == "read-only" else min_merged
        self.min_gain = min_gain
        self.merge_threshold = merge_threshold
        self.text_weight = text_weight
        self.text_encoder = text_encoder
        self.dtype: torch.dtype = getattr(torch, dtype)
        self.keep_attention = keep_attention
        self.capacity = capacity
        self.capacity_bytes = capacity_bytes
        self.eviction = eviction
        self.merge = merge
        self._hit_rate = HitRate()
        self._memory: Memory | None = None

    def on_stream_start(self, stream: "Stream") -> None:
        """Open the memory."""
        if self.mode == "off" or stream.module.adapter is None:
            return
        self._hit_rate.reset()
        again = {request.prompt.id for request in stream.requests}
        for id, result in stream.folder.results().items():  # of the part before a stop
            if id not in again:
                self._hit_rate.update(result)
        self._module = stream.module
        self._spec = _spec(stream.module)
        self._embed: Embed = stream.module.backbone.embed
        self._fingerprint = stream.module.backbone.fingerprint
        if self.text_encoder is not None:  # keys of other encoders or weights must not answer each other
            self._embed = sentence_embedder(self.text_encoder)
            self._fingerprint = f"{self._fingerprint}+{self.text_encoder}"
        if self.text_weight != TEXT_WEIGHT:
            self._fingerprint = f"{self._fingerprint}+text weight {self.text_weight:g}"
        self._run = stream.folder.id
        given = self.path or stream.folder.path / "memory"
        path = _existing(given) if self.mode == "read-only" else memory_folder(given) or given
        self._memory = Memory(
            path, self.capacity, self.capacity_bytes, self.eviction, self.merge, read_only=self.mode == "read-only"
        )
        if self.mode == "read-only" and not any(map(self._fits, self._memory)):
            rank_zero_warn(
                f"the read-only memory {str(path)!r} holds nothing for this model and adapter (rank, alpha, layers, "
                f"guided steps), of {len(self._memory)} entries in all: every prompt will be a miss"
            )

    def on_prompt_start(self, served: "Served") -> None:
        """Take note of who will have written what is written."""
        if self._memory is not None:
            name = json.dumps([self._run, served.prompt.id, served.prompt.text])
            self._writer = hashlib.sha256(name.encode()).hexdigest()[:16]

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Read the memory and load what it holds into the adapter."""
        if self._memory is None:
            return
        module = self._module
        text, key = scene_key(module.rehearsal.layout, self._embed, self.text_weight)
        found = self._read(key)
        young = bool(found) and self._is_young(found[0].entry)
        matches = [] if young else self._load([match for match in found if not self._is_young(match.entry)])
        known = found[:1] if young else matches
        self._lookup = _Lookup(text, key, known, matches, "young entry" if young else "miss")
        if matches:
            self._lookup.read = self._begin_hit(module)

    def _begin_hit(self, module: LayoutTTO) -> Read:
        """Set how many iterations the hit may take, and return how it is used."""
        if self.hit_iterations is not None:
            module.budget = min(module.budget, self.hit_iterations)
        if module.budget == 0:
            return "used as it is"
        if self.verified_loss is None:
            return "warm start"
        with torch.no_grad():
            self._lookup.loss = module.layout_loss(0).item()
        if self._lookup.loss >= self.verified_loss:
            return "warm start"
        module.budget = 0
        return "verified hit"

    def on_prompt_end(self, served: "Served") -> None:
        """Write to the memory what is worth keeping, and say what was decided."""
        if self._memory is None or served.plain:
            return
        with served.clock("memory"):
            self._decide(served)

    def _decide(self, served: "Served") -> None:
        lookup = self._lookup
        served.memory = {"key": lookup.text, "hit": bool(lookup.matches), "read": lookup.read}
        self._hit_rate.update({"memory": served.memory})
        served.memory["hit_rate"] = round(float(self._hit_rate.compute()), 4)
        if lookup.known:
            nearest = lookup.known[0]
            served.memory |= {"entry": nearest.entry.id, "similarity": round(nearest.similarity, 4)}
        if lookup.matches:
            most = self._module.guided_steps * self._module.iterations
            served.memory["iterations_saved"] = iterations_saved(lookup.matches[0].entry, served.updates, most)
            served.memory["parents"] = [match.entry.id for match in lookup.matches]
        if len(lookup.matches) > 1:
            served.memory["blended"] = [match.entry.id for match in lookup.matches]
        if lookup.loss is not None:
            served.memory["loaded_loss"] = round(lookup.loss, 5)
        served.memory["write"], served.memory["reason"] = self._write(served)

    def on_stream_end(self, stream: "Stream") -> None:
        """Close the memory."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def _read(self, key: NDArray[np.float32]) -> list[Match]:
        """Return the nearest entries.

        A prompt whose run was killed before its result was on disk is served again. What it had inserted by then is
        deleted, or it would be a hit of its own.
        """
        memory = self._memory
        assert memory is not None
        while True:
            matches = memory.read(
                key, fingerprint=self._fingerprint, spec=self._spec, threshold=self.threshold, k=self.k
            )
            own = [m.entry.id for m in matches if self._wrote(m.entry) and m.entry.merged == 1]
            if not own or self.mode == "read-only":
                return matches
            for entry_id in own:
                with suppress(EntryNotFoundError):
                    memory.delete(entry_id)

    def _wrote(self, entry: Entry) -> bool:
        """Whether the prompt that is served has written this entry last."""
        return entry.extra.get("writer") == self._writer

    def _is_young(self, entry: Entry) -> bool:
        """Whether it was learnt from too few prompts, not counting one that was stopped and is served again."""
        return entry.merged - self._wrote(entry) < self.min_merged

    def _fits(self, entry: Entry) -> bool:
        return (entry.fingerprint, entry.spec) == (self._fingerprint, self._spec)

    def _load(self, matches: Sequence[Match]) -> list[Match]:
        """Load a blend of the matches into the adapter and return those that could be read."""
        memory, adapter = self._memory, self._module.adapter
        assert memory is not None
        assert adapter is not None
        loaded: list[tuple[Match, dict[str, Tensor]]] = []
        for match in matches:
            try:
                tensors = memory.load(match.entry)
                adapter.load_state_dict(tensors)
            except (CorruptEntryError, EntryNotFoundError, ValueError) as error:
                rank_zero_warn(f"entry {match.entry.id} of the memory is left out: {error}")
            else:
                loaded.append((match, tensors))
        if len(loaded) > 1:
            adapter.load_state_dict(blend([each for _, each in loaded], [match.similarity for match, _ in loaded]))
        return [match for match, _ in loaded]

    def _write(self, served: "Served") -> tuple[str, str]:
        """Insert, update or leave be; return which, and why."""
        memory, matches, known = self._memory, self._lookup.matches, self._lookup.known
        assert memory is not None
        if self.mode == "read-only":
            return "none", "the memory is read-only"
        if known and self._wrote(known[0].entry):
            return "none", "it was merged already, before the run was stopped"
        if not matches:
            memory.record_miss(mark=self._writer)
        else:
            with suppress(EntryNotFoundError):  # another process has evicted it
                blended = [match.entry.id for match in matches[1:]]
                memory.record_use(matches[0].entry.id, served.memory["iterations_saved"], blended, mark=self._writer)
        if served.updates == 0:
            return "none", self._lookup.read if matches else "nothing was optimised"
        losses = [loss for step in served.losses for loss in step]
        worth, reason = worth_keeping(losses, self._module.learnt, self.min_gain)
        if not worth:
            return "none", reason
        record: dict[str, Any] = {"loss_before": losses[0], "loss_after": losses[-1], "iterations": served.updates}
        if known and known[0].similarity >= (self.merge_threshold or -1.0):
            try:
                extra = {"writer": self._writer}
                memory.update(known[0].entry.id, self._adapter(), known[0].similarity, extra=extra, **record)
            except (CorruptEntryError, EntryNotFoundError) as error:
                reason += f"; it could not be merged: {error}"
            else:
                return "update", reason
        served.memory["entry"] = self._insert(memory, served, record).id
        return "insert", reason

    def _insert(self, memory: Memory, served: "Served", record: dict[str, Any]) -> Entry:
        matches = self._lookup.matches
        cold = matches[0].entry.extra.get("cold_iterations") if matches else served.updates
        extra: dict[str, Any] = {"seed": served.seed, "writer": self._writer}
        extra |= {} if cold is None else {"cold_iterations": cold}
        stored = self._adapter()
        if self.keep_attention:
            maps = {"before": self._module.first_attention(False), "after": self._module.first_attention(True, stored)}
            extra["attention"] = {when: pack_maps(each) for when, each in maps.items()}
        return memory.insert(
            stored,
            key=self._lookup.key,
            key_text=self._lookup.text,
            prompt=served.prompt.text,
            layout=served.layout.to_dict(),
            fingerprint=self._fingerprint,
            spec=self._spec,
            parents=[match.entry.id for match in matches],
            extra=extra,
            **record,
        )

    def _adapter(self) -> dict[str, Tensor]:
        return {name: tensor.to(self.dtype) for name, tensor in self._module.learnt.items()}


def _existing(path: Path) -> Path:
    folder = memory_folder(path)
    if folder is None:
        raise ValueError(
            f"memory.mode is read-only, but there is no memory in {str(path)!r}; give memory.path the memory of a run "
            "that has filled one, or set memory.mode to read-write"
        )
    return folder


def _spec(module: LayoutTTO) -> AdapterSpec:
    adapter = module.adapter
    assert adapter is not None
    return AdapterSpec(adapter.rank, adapter.alpha, adapter.target_modules, module.guided_steps)
