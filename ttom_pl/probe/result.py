"""What a probe found, and which blocks it recommends."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

_SHARE = 0.5


@dataclass(frozen=True)
class ProbeResult:
    """How well each block's attention matched where the objects were.

    Attributes:
        iou: overlap with the detected boxes, see :func:`~ttom_pl.probe.scores.attention_iou`; shape
            (prompts, steps, blocks), NaN for prompts of which no object was seen.
        auc: see :func:`~ttom_pl.probe.scores.attention_auc`; of the same shape.
        chance: the overlap that a flat map would have; the AUC of one is 0.5.
        objects: objects asked for, over all prompts.
        seen: objects that the detector saw.
        fingerprint: the model.
        by: what says where the objects are: the ``videos``, or the model's ``attention`` in its last step.
    """

    iou: NDArray[np.float64]
    auc: NDArray[np.float64]
    chance: float
    objects: int
    seen: int
    fingerprint: str = ""
    by: Literal["videos", "attention"] = "videos"

    @property
    def num_prompts(self) -> int:
        """Prompts of which an object was seen."""
        return int((~np.isnan(self.iou).all((1, 2))).sum())

    @property
    def num_steps(self) -> int:
        """Denoising steps that were measured."""
        return int(self.iou.shape[1])

    @property
    def num_blocks(self) -> int:
        """Blocks of the model."""
        return int(self.iou.shape[2])

    def mean(self, metric: str) -> NDArray[np.float64]:
        """Return the mean of ``"iou"`` or ``"auc"`` over the prompts, shape (steps, blocks)."""
        mean: NDArray[np.float64] = np.nanmean(getattr(self, metric), axis=0)
        return mean

    def gap(self, block: int, resamples: int = 10_000, seed: int = 0) -> tuple[float, float]:
        """Return the 95% paired bootstrap interval, over prompts, of the best block's overlap minus a block's."""
        values = self._per_prompt()
        delta = values[:, int(values.mean(0).argmax())] - values[:, block]
        drawn = np.random.default_rng(seed).integers(len(delta), size=(resamples, len(delta)))
        low, high = np.quantile(delta[drawn].mean(1), (0.025, 0.975))
        return float(low), float(high)

    def recommended(self) -> list[int]:
        """Return the blocks that overlap at least half as far above chance as the best block does, over all steps.

        The bound does not depend on how many prompts there are, as a test against the best block would. No block is
        recommended where none overlaps above chance.
        """
        above = self._per_prompt().mean(0) - self.chance
        return [block for block in range(self.num_blocks) if above[block] >= _SHARE * above.max() > 0]

    def _per_prompt(self) -> NDArray[np.float64]:
        """Overlap averaged over the steps, shape (prompts, blocks)."""
        values = self.iou[~np.isnan(self.iou).all((1, 2))]
        mean: NDArray[np.float64] = values.mean(1)
        return mean

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: means over the prompts, by step and block."""
        return {
            "recommended": self.recommended(),
            "by": self.by,
            "prompts": self.num_prompts,
            "objects": self.objects,
            "seen": self.seen,
            "chance_iou": round(self.chance, 5),
            "iou": self.mean("iou").round(5).tolist(),
            "auc": self.mean("auc").round(5).tolist(),
            "blocks": [
                {
                    "block": block,
                    "iou": round(float(self.mean("iou")[:, block].mean()), 5),
                    "auc": round(float(self.mean("auc")[:, block].mean()), 5),
                    "behind_best": [round(side, 5) for side in self.gap(block)],
                }
                for block in range(self.num_blocks)
            ],
            "fingerprint": self.fingerprint,
        }

    def loss_blocks(self) -> str:
        """Return the recommended blocks as YAML: a further ``--config`` of ``ttom stream``.

        Raises:
            ValueError: if no block is recommended.
        """
        chosen = self.recommended()
        if not chosen:
            raise ValueError("no block can be recommended: none is above chance")
        head = f"# recommended by ttom probe for {self.fingerprint or 'a model'}, from {self.num_prompts} prompts"
        return f"{head}\nmodel:\n  loss_blocks: {chosen}\n"

    def table(self) -> str:
        """Return a Markdown table: a row for each block, its means over all steps and its overlap in each step."""
        iou, auc = self.mean("iou"), self.mean("auc")
        chosen = self.recommended()
        heads = ["block", "mIoU", "AUC", "behind the best (95%)", *(f"step {step + 1}" for step in range(len(iou)))]
        rows = [heads, ["---"] * len(heads)]
        for block in range(self.num_blocks):
            low, high = self.gap(block)
            name = f"**{block}**" if block in chosen else str(block)
            cells = [name, f"{iou[:, block].mean():.3f}", f"{auc[:, block].mean():.3f}", f"{low:.3f} … {high:.3f}"]
            rows.append([*cells, *(f"{value:.3f}" for value in iou[:, block])])
        lines = ["| " + " | ".join(row) + " |" for row in rows]
        where = {
            "videos": f"{self.seen} of {self.objects} objects seen",
            "attention": f"{self.objects} objects, where the attention of the last step is",
        }
        note = (
            f"{self.num_prompts} prompts, {where[self.by]}; chance: mIoU {self.chance:.3f}, "
            f"AUC 0.500. The steps' columns are mIoU. "
            + (f"Recommended: loss_blocks: {chosen}" if chosen else "No block can be recommended: none is above chance")
        )
        return "\n".join([*lines, "", note])
