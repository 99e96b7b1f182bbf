"""The memory of a rehearsal: its scenes, looked up and remembered, whoever asks."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ttom_pl.evaluation.metrics import HitRate
from ttom_pl.layout import Layout
from ttom_pl.memory import AdapterSpec, Entry, Memory, Origin
from ttom_pl.memory.attention_maps import pack_maps
from ttom_pl.memory.lora_files import as_adapter, read_lora
from ttom_pl.recall import KeepPolicy, KeyPolicy, Proposal, Recall, RecallPolicy, SceneMemory
from ttom_pl.rehearsal import LayoutTTO
from ttom_pl.run import Decision
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene


class Remembering:
    """A memory for the scenes of a rehearsal that has an adapter.

    Args:
        memory: the store, opened; it is not closed here.
        module: the rehearsal.
        read_only: whether nothing is remembered.
        key: what makes two scenes similar.
        recall: which entries answer, and how far a hit is rehearsed.
        keep: what is remembered.
        hit_rate: counts hits.
    """

    def __init__(
        self,
        memory: Memory,
        module: LayoutTTO,
        read_only: bool,
        key: KeyPolicy,
        recall: RecallPolicy,
        keep: KeepPolicy,
        hit_rate: HitRate,
    ) -> None:
        assert module.adapter is not None
        self.module = module
        self.adapter = module.adapter
        self.hit_rate = hit_rate
        self.scenes = SceneMemory(
            memory,
            module.backbone.embed,
            module.backbone.fingerprint,
            _spec(module, keep.shift_steps),
            module.guided_steps * module.iterations,
            read_only,
            key,
            recall,
            keep,
            Origin.from_dict(facts) if (facts := module.backbone.facts) else None,
        )

    def recall(self, scene: Scene) -> Recall:
        """Look a scene up."""
        return self.scenes.recall(scene.layout, self.adapter.check)

    def bring(self, path: Path | str, layout: Layout) -> Entry:
        """Remember the LoRA of a file, of this tool or another, under a scene.

        Args:
            path: the file, or a folder of PEFT's.
            layout: the scene.

        Raises:
            FileNotFoundError: if there is no such file.
            ValueError: if it is no LoRA that the rehearsal's adapter can hold, or the layout's words are not in the
                prompt.
        """
        for track in layout.tracks:
            self.module.backbone.token_positions(layout.prompt, track.words, track.spans)
        self.adapter.reset(self.module.adapter_seed)
        lora = as_adapter(read_lora(path), self.adapter.state_dict(), self.adapter.rank, self.adapter.alpha)
        return self.scenes.bring(layout, {name: tensor.cpu() for name, tensor in lora.items()}, Path(path).name)

    def propose(self, request: Request, run: str, scene: Scene, recall: Recall, fit: Fit) -> Proposal:
        """Say what is worth keeping of a prompt, and count it.

        Args:
            request: the prompt.
            run: name of the run that it belongs to.
            scene: the prompt as the model sees it.
            recall: what its rehearsal started from.
            fit: its rehearsal.
        """

        def maps(stored: Fit) -> Mapping[str, Any]:
            looks = {"before": self.module.first_attention(scene), "after": self.module.first_attention(scene, stored)}
            return {when: pack_maps(look) for when, look in looks.items()}

        proposal = self.scenes.propose(request, request.digest(run), recall, fit, maps)
        self.hit_rate.update(proposal.decision)
        hit_rate = round(float(self.hit_rate.compute()), 4)
        return replace(proposal, decision=replace(proposal.decision, hit_rate=hit_rate))

    def commit(self, proposal: Proposal) -> Decision:
        """Write it; the same proposal again changes nothing."""
        return self.scenes.commit(proposal)


def _spec(module: LayoutTTO, shift_steps: int | None) -> AdapterSpec:
    adapter, guided = module.adapter, module.guided_steps
    assert adapter is not None
    steps = min(guided, guided if shift_steps is None else shift_steps) if module.method.moves else 0
    shift = (steps, *module.backbone.start(0).shape[1:]) if steps else ()
    return AdapterSpec(adapter.rank, adapter.alpha, adapter.target_modules, guided, shift)
