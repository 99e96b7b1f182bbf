"""The parametric memory around the rehearsal of each prompt: lookup before, write after."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.utilities import rank_zero_warn

from ttom_pl.callbacks.base import MemoryCallback, StreamInfo
from ttom_pl.evaluation.metrics import HitRate
from ttom_pl.io.ranges import check_range
from ttom_pl.memory import LFU, AdapterSpec, EvictionPolicy, Memory, MergeRule, RunningAverage, memory_folder
from ttom_pl.memory.attention_maps import pack_maps
from ttom_pl.recall import KeepPolicy, KeyPolicy, Proposal, Recall, RecallPolicy, SceneMemory
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.run import Decision, RunFolder
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene


@dataclass(frozen=True)
class StorePolicy:
    """How much is remembered, and what becomes of it.

    Attributes:
        capacity: entries beyond which the memory forgets.
        capacity_bytes: bytes of adapters beyond which it forgets; no bound when not given.
        eviction: which entry it forgets.
        merge: how a hit's entry takes up what was learnt.

    Raises:
        ValueError: if a bound is less than 1.
    """

    capacity: int = 1000
    capacity_bytes: int | None = None
    eviction: EvictionPolicy = LFU()  # noqa: RUF009
    merge: MergeRule = RunningAverage()  # noqa: RUF009

    def __post_init__(self) -> None:
        check_range("memory.store.capacity", self.capacity, least=1, meaning="entries; memory.mode off remembers none")
        check_range("memory.store.capacity_bytes", self.capacity_bytes, least=1)


class ParametricMemory(MemoryCallback):
    """Warm-start each prompt from the most similar scene so far, and remember what was learnt.

    Before the rehearsal the nearest entry that answers is loaded into the adapter (hit), or the adapter stays neutral
    (miss, or an entry that is still young). After the video exists, a miss is inserted, and what a hit or the prompt of
    a young entry has learnt is merged into the entry, if the optimisation lowered the loss enough. Remembered is the
    mean of the adapters of the guided steps, which serves other prompts better than the last of them (stochastic
    weight averaging, Izmailov et al. 2018). The decision and its reason are in the results.

    Args:
        mode: ``read-write``, ``read-only`` (nothing is remembered) or ``off``.
        path: folder of the memory, or of a run that has one; ``memory`` in the run folder when not given.
        key: what makes two scenes similar.
        recall: which entries answer, and how far a hit is rehearsed.
        keep: what is remembered.
        store: how much is remembered, and what becomes of it.

    Raises:
        ValueError: if there is no memory to read only.
    """

    def __init__(
        self,
        mode: Literal["read-write", "read-only", "off"] = "read-write",
        path: Path | None = None,
        key: KeyPolicy = KeyPolicy(),  # noqa: B008
        recall: RecallPolicy = RecallPolicy(),  # noqa: B008
        keep: KeepPolicy = KeepPolicy(),  # noqa: B008
        store: StorePolicy = StorePolicy(),
    ) -> None:
        if mode == "read-only" and path is not None:  # before a model is loaded
            _existing(path)
        self.mode = mode
        self.path = path
        self.key_policy = key
        self.recall_policy = recall
        self.keep_policy = keep
        self.store_policy = store
        self._hit_rate = HitRate()
        self._scenes: SceneMemory | None = None

    def open(self, folder: RunFolder, module: LayoutTTO) -> None:
        """Open the memory, if there is an adapter to remember."""
        if self.mode == "off" or module.adapter is None:
            return
        self._module, self._run = module, folder.id
        place, read_only = self.path or folder.path / "memory", self.mode == "read-only"
        path = _existing(place) if read_only else memory_folder(place) or place
        store = self.store_policy
        self._scenes = SceneMemory(
            Memory(path, store.capacity, store.capacity_bytes, store.eviction, store.merge, read_only=read_only),
            module.backbone.embed,
            module.backbone.fingerprint,
            _spec(module, self.keep_policy.shift_steps),
            module.guided_steps * module.iterations,
            read_only,
            self.key_policy,
            self.recall_policy,
            self.keep_policy,
        )
        memory = self._scenes.memory
        if read_only and not any(map(self._scenes.fits, memory)):
            rank_zero_warn(
                f"the read-only memory {str(path)!r} holds nothing for this model and adapter (rank, alpha, layers, "
                f"guided steps), of {len(memory)} entries in all: every prompt will be a miss"
            )

    def on_stream_start(self, stream: StreamInfo) -> None:
        """Take up the hit rate of the part before a stop."""
        self._hit_rate.reset()
        again = {request.prompt.id for request in stream.requests}
        for id, result in stream.folder.results().served.items():
            if id not in again:
                self._hit_rate.update(result.memory)

    def recall(self, scene: Scene) -> Recall | None:
        """Look the scene up."""
        if self._scenes is None:
            return None
        adapter = self._module.adapter
        assert adapter is not None
        return self._scenes.recall(scene.layout, adapter.check)

    def propose(self, request: Request, scene: Scene, recall: Recall, fit: Fit) -> Proposal:
        """Say what is worth keeping."""
        assert self._scenes is not None

        def maps(stored: Fit) -> Mapping[str, Any]:
            looks = {
                "before": self._module.first_attention(scene),
                "after": self._module.first_attention(scene, stored),
            }
            return {when: pack_maps(look) for when, look in looks.items()}

        proposal = self._scenes.propose(request, request.digest(self._run), recall, fit, maps)
        self._hit_rate.update(proposal.decision)
        hit_rate = round(float(self._hit_rate.compute()), 4)
        return replace(proposal, decision=replace(proposal.decision, hit_rate=hit_rate))

    def commit(self, proposal: Proposal) -> Decision:
        """Write it."""
        return proposal.decision if self._scenes is None else self._scenes.commit(proposal)

    def close(self) -> None:
        """Close the memory."""
        if self._scenes is not None:
            self._scenes.memory.close()
            self._scenes = None


def _existing(path: Path) -> Path:
    folder = memory_folder(path)
    if folder is None:
        raise ValueError(
            f"memory.mode is read-only, but there is no memory in {str(path)!r}; give memory.path the memory of a run "
            "that has filled one, or set memory.mode to read-write"
        )
    return folder


def _spec(module: LayoutTTO, shift_steps: int | None) -> AdapterSpec:
    adapter, guided = module.adapter, module.guided_steps
    assert adapter is not None
    steps = min(guided, guided if shift_steps is None else shift_steps) if module.method.moves else 0
    shift = (steps, *module.backbone.start(0).shape[1:]) if steps else ()
    return AdapterSpec(adapter.rank, adapter.alpha, adapter.target_modules, guided, shift)
