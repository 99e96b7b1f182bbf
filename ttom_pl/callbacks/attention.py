"""Attention maps of every prompt, to look at."""

import json

from torch import Tensor

from ttom_pl.callbacks.base import Findings, StreamCallback, StreamInfo
from ttom_pl.io.whole_files import write_text
from ttom_pl.memory.attention_maps import pack_maps
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene


class AttentionMaps(StreamCallback):
    """Write small attention maps of each prompt, before and after its rehearsal, as ``attention/0001.json``.

    ``before`` and ``after`` are of the first denoising step, without and with what was learnt, or under another
    method's guidance; ``content`` is the plain model's at the latents that it takes over from the guided steps. All are
    means over the loss blocks. It takes three truncated forward passes a prompt; for the plain model there is nothing
    to compare, and nothing is written.
    """

    once = True

    def on_stream_start(self, stream: StreamInfo) -> None:
        """Take note of the model and of where to write."""
        self._module = stream.module
        self._folder = stream.folder.path

    def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: Tensor) -> Findings | None:
        """Write the maps."""
        if not self._module.guided_steps:
            return None
        maps = {
            "before": pack_maps(self._module.first_attention(scene)),
            "after": pack_maps(self._module.first_attention(scene, fit)),
            "content": pack_maps(self._module.content_attention(scene, fit)),
        }
        name = f"attention/{request.number:04d}.json"
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        write_text(path, json.dumps(maps))
        return Findings(files={"attention": name})
