"""Videos to files, and a contact sheet of them all."""

from typing import TYPE_CHECKING

from lightning.pytorch.utilities import rank_zero_info

from ttom_pl.callbacks.base import StreamCallback
from ttom_pl.layout import Layout
from ttom_pl.media import contact_sheet, film_strip, read_mp4, write_mp4

if TYPE_CHECKING:
    from ttom_pl.stream import Served, Stream


class VideoWriter(StreamCallback):
    """Write each video as ``videos/0001.mp4`` and, at the end, ``contact_sheet.png`` with the layouts drawn over them.

    Args:
        scale: enlargement without smoothing, for very small videos.
        sheet_prompts: prompts on the contact sheet, from the first; 0 for none.
        frames: frames of each video on the contact sheet.
    """

    def __init__(self, scale: int = 1, sheet_prompts: int = 24, frames: int = 5) -> None:
        self.scale = scale
        self.sheet_prompts = sheet_prompts
        self.frames = frames

    def on_stream_start(self, stream: "Stream") -> None:
        """Take note of where to write."""
        self.folder = stream.folder.path
        self.fps = stream.module.backbone.fps

    def on_prompt_end(self, served: "Served") -> None:
        """Write the video."""
        assert served.video is not None
        name = f"videos/{served.number:04d}.mp4"
        write_mp4(self.folder / name, served.video, self.fps, self.scale)
        served.files["video"] = name

    def on_stream_end(self, stream: "Stream") -> None:
        """Draw the contact sheet from the files, so that it is whole after a run that was resumed."""
        results = [r for r in stream.folder.results().values() if "video" in r.get("files", {})]
        results = sorted(results, key=lambda result: int(result["number"]))[: self.sheet_prompts]
        if results:
            rows = []
            for result in results:
                video = read_mp4(self.folder / result["files"]["video"])
                rows.append(
                    (
                        f"{result['id']}  {result['prompt']}",
                        [film_strip(video, Layout.from_dict(result["layout"]), self.frames)],
                    )
                )
            contact_sheet(rows).save(self.folder / "contact_sheet.png")
            rank_zero_info(f"contact sheet: {self.folder / 'contact_sheet.png'}")
