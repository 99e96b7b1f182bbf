"""Attention maps of every prompt, to look at."""

import json
from typing import TYPE_CHECKING

from ttom_pl.callbacks.base import StreamCallback
from ttom_pl.memory.maps import pack_maps

if TYPE_CHECKING:
    from ttom_pl.stream import Served, Stream


class AttentionMaps(StreamCallback):
    """Write small attention maps of each prompt, without and with an adapter, as ``attention/0001.json``.

    They are those of the first denoising step, with the adapter of that step, the mean over the loss blocks. It takes
    two truncated forward passes a prompt; the plain model has no adapter, and nothing is written for it.
    """

    def on_stream_start(self, stream: "Stream") -> None:
        """Take note of the model and of where to write."""
        self._module = stream.module
        self._folder = stream.folder.path

    def on_prompt_end(self, served: "Served") -> None:
        """Write the maps."""
        if self._module.adapter is None:
            return
        maps = {
            "before": pack_maps(self._module.first_attention()),
            "after": pack_maps(self._module.first_attention(self._module.learnt)),
        }
        name = f"attention/{served.number:04d}.json"
        path = self._folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(maps), encoding="utf-8")
        served.files["attention"] = name
