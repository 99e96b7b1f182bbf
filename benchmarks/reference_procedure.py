"""The reference procedure: an iteration of TTO as the authors' code makes it, with diffusers and PEFT alone.

Every block runs and holds LoRA parameters; at the probed block, attention is called a second time with a one-hot value
for each text token, which returns its whole matrix of probabilities; the loss goes over frames and objects in Python
and upsamples each map five times. It shares no code with the package beyond the layout's boxes. Upsampling repeats
cells, of map and target alike, so that the loss is the one on the attention grid.
"""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import ModelMixin
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ttom_pl.layout import Layout

NAME = "reference"
"""PEFT's name of the adapter."""
UPSAMPLING = 5


class ReferenceProcedure:
    """TTO of a transformer by the reference procedure.

    Args:
        transformer: a diffusers transformer; LoRA is inserted into it, and stays on.
        blocks_name: name of its list of blocks.
        attention_name: name of the attention to the text in a block.
        loss_blocks: blocks whose attention the loss reads.
        rank: rank of the LoRA matrices, and their scale times the rank.
        lr: learning rate of AdamW.
        weight_decay: weight decay of AdamW.
        text_tokens: length of the text.
        grid: frames, rows and columns (T, h, w) of the attention grid.
    """

    def __init__(
        self,
        transformer: ModelMixin,
        blocks_name: str,
        attention_name: str,
        loss_blocks: Sequence[int],
        rank: int,
        lr: float,
        weight_decay: float,
        text_tokens: int,
        grid: tuple[int, int, int],
    ) -> None:
        self.transformer = transformer
        self.grid = grid
        layers = [
            f"{blocks_name}.{block}.{attention_name}.{layer}"
            for block in range(len(getattr(transformer, blocks_name)))
            for layer in ("to_q", "to_k", "to_v", "to_out.0")
        ]
        transformer.requires_grad_(False)
        transformer.add_adapter(LoraConfig(r=rank, lora_alpha=rank, target_modules=layers), adapter_name=NAME)
        self.parameters = [p for p in transformer.parameters() if p.requires_grad]
        for parameter in self.parameters:
            parameter.data = parameter.data.float()
        self.optimizer = torch.optim.AdamW(self.parameters, lr=lr, weight_decay=weight_decay)
        video_tokens = grid[0] * grid[1] * grid[2]
        self._found: dict[int, Tensor] = {}
        for block in loss_blocks:
            attention = getattr(getattr(transformer, blocks_name)[block], attention_name)
            _OneHotReading(attention, self._found, block, text_tokens, video_tokens)

    def iteration(self, inputs: dict[str, Any], objects: Sequence[Sequence[int]], layout: Layout) -> float:
        """Take one optimiser iteration and return the loss before it."""
        loss = self.loss(inputs, objects, layout)
        self.optimizer.zero_grad()
        loss.backward()
        self._found.clear()  # filled once more where blocks are recomputed
        self.optimizer.step()
        return loss.item()

    def loss(self, inputs: dict[str, Any], objects: Sequence[Sequence[int]], layout: Layout) -> Tensor:
        """Return the layout loss.

        Args:
            inputs: what the transformer is called with.
            objects: for each of M objects the positions of its tokens.
            layout: where the objects, of M different phrases, should be.
        """
        try:
            self.transformer(**inputs, return_dict=False)
            targets = target_maps(layout, self.grid)
            losses = [reference_loss(found, objects, targets, self.grid) for found in self._found.values()]
        finally:
            self._found.clear()
        return torch.stack(losses).mean()

    def state_dict(self) -> dict[str, Tensor]:
        """Return the LoRA parameters."""
        return get_peft_model_state_dict(self.transformer, adapter_name=NAME)

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Set the LoRA parameters."""
        set_peft_model_state_dict(self.transformer, state, adapter_name=NAME)


class _OneHotReading(TorchFunctionMode):
    """While an attention module runs, calls its attention a second time and keeps the probabilities, shape (S, L)."""

    def __init__(
        self, attention: nn.Module, found: dict[int, Tensor], block: int, text_tokens: int, video_tokens: int
    ) -> None:
        super().__init__()
        self._found, self._block = found, block
        self._text, self._video = text_tokens, video_tokens
        attention.register_forward_pre_hook(self._begin)
        attention.register_forward_hook(self._end, always_call=True)

    def _begin(self, *_: Any) -> None:
        self.__enter__()

    def _end(self, *_: Any) -> None:
        self.__exit__(None, None, None)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention:
            given = dict(zip(("query", "key", "value"), args, strict=False)) | kwargs
            self._found[self._block] = self._read(given["query"], given["key"], given.get("attn_mask"))
        return func(*args, **kwargs)

    def _read(self, query: Tensor, key: Tensor, mask: Tensor | None) -> Tensor:
        # In joint attention the text comes first and asks as well. Fused attention wants a width of whole eights.
        video = query[:, :, -self._video :]
        one_hot = torch.eye(key.shape[2], -(-self._text // 8) * 8, dtype=query.dtype, device=query.device)
        values = one_hot.expand(*key.shape[:2], -1, -1)
        probabilities = F.scaled_dot_product_attention(video, key, values, attn_mask=mask)
        return probabilities[0, :, :, : self._text].float().mean(0)


def reference_loss(
    probabilities: Tensor, objects: Sequence[Sequence[int]], targets: Tensor, grid: tuple[int, int, int]
) -> Tensor:
    """Return the mean Jensen-Shannon divergence between attention and targets, over frames and objects.

    Args:
        probabilities: attention from video to text, shape (S, L).
        objects: for each of M objects the positions of its tokens.
        targets: shape (M, T, h, w).
        grid: frames, rows and columns (T, h, w) of the attention grid.
    """
    losses = []
    for positions, target in zip(objects, targets.to(probabilities.device), strict=True):
        attention = probabilities[:, list(positions)].mean(-1).unflatten(0, grid)
        for frame in range(grid[0]):
            p, q = _distribution(attention[frame]), _distribution(target[frame])
            log_m = ((p + q) / 2).log()
            losses.append((F.kl_div(log_m, p, reduction="sum") + F.kl_div(log_m, q, reduction="sum")) / 2)
    return torch.stack(losses).mean()


def _distribution(map_: Tensor) -> Tensor:
    upsampled = F.interpolate(map_[None, None], scale_factor=UPSAMPLING, mode="nearest")[0, 0]
    return upsampled / upsampled.sum()


def target_maps(layout: Layout, grid: tuple[int, int, int]) -> Tensor:
    """Return a Gaussian on each box, sigma a quarter of its sides; those of one phrase are summed; (M, T, h, w).

    Every object must be present in all keyframes.
    """
    frames, height, width = grid
    rows, columns = (torch.arange(height) + 0.5) / height, (torch.arange(width) + 0.5) / width
    maps: dict[str, Tensor] = {}
    for track in layout.tracks:
        boxes = torch.tensor(track.boxes, dtype=torch.float32)
        for frame in range(frames):
            at = frame * (len(boxes) - 1) / (frames - 1) if frames > 1 else 0.0
            before, after = boxes[int(at)], boxes[min(int(at) + 1, len(boxes) - 1)]
            x0, y0, x1, y1 = (before + (at - int(at)) * (after - before)).tolist()
            x = ((columns - (x0 + x1) / 2) / ((x1 - x0) / 4)) ** 2
            y = ((rows - (y0 + y1) / 2) / ((y1 - y0) / 4)) ** 2
            maps.setdefault(track.phrase, torch.zeros(grid))[frame] += torch.exp(-(x + y[:, None]) / 2)
    return torch.stack(list(maps.values()))
