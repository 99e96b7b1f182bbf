"""Videos to files, and a contact sheet of them all."""

import json
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

from ttom_pl.callbacks.base import Findings, StreamCallback, StreamInfo
from ttom_pl.evaluation.metadata import category
from ttom_pl.evaluation.naming import Naming, video_name
from ttom_pl.io.media import contact_sheet, film_strip, read_mp4, write_mp4, write_picture
from ttom_pl.io.ranges import check_range
from ttom_pl.io.whole_files import write_text
from ttom_pl.prompts.prompt import Prompt
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Scene


class VideoWriter(StreamCallback):
    """Write each video as ``videos/0001.mp4`` and, at the end, ``contact_sheet.png`` with the layouts drawn over them.

    With other names the videos are laid out for a benchmark's own scripts: ``videos/motion_binding/0001.mp4``, numbered
    within the category, for T2V-CompBench, and ``videos/PROMPT-0.mp4`` for VBench, with a file ``videos_prompts.json``
    for its ``--prompt_file``; see :data:`~ttom_pl.evaluation.naming.Naming`.

    Args:
        scale: enlargement without smoothing, for very small videos.
        sheet_prompts: prompts on the contact sheet, from the first; 0 for none.
        frames: frames of each video on the contact sheet.
        naming: names of the files: ``number``, ``t2v-compbench`` or ``vbench``.
        category: T2V-CompBench's category of prompts whose metadata does not tell it, e.g. ``object_interactions``.
        sample: VBench's number of the first video of a prompt; where several runs write into one folder, give each
            seed's run another one.
        folder: where the videos go; ``videos`` in the run folder when not given.

    Raises:
        ValueError: if a number is out of its range; at the start of the stream, if a prompt has no name of the kind
            that is asked for.
    """

    once = True

    def __init__(
        self,
        scale: int = 1,
        sheet_prompts: int = 24,
        frames: int = 5,
        naming: Naming = "number",
        category: str = "",
        sample: int = 0,
        folder: Path | None = None,
    ) -> None:
        check_range("videos.scale", scale, least=1, most=64, meaning="pixels for each pixel")
        check_range("videos.sheet_prompts", sheet_prompts, least=0, meaning="0 for no contact sheet")
        check_range("videos.frames", frames, least=1, meaning="frames on the contact sheet")
        check_range("videos.sample", sample, least=0, most=99_999, meaning="number of a prompt's first video")
        self.naming = naming
        self.category = category
        self.sample = sample
        self.videos = folder
        self.scale = scale
        self.sheet_prompts = sheet_prompts
        self.frames = frames

    def on_stream_start(self, stream: StreamInfo) -> None:
        """Take note of where to write."""
        self.folder = stream.folder.path
        self.fps = stream.module.backbone.fps
        self._names = self.names(stream.prompts)
        for name in self._names.values():
            (self.folder / name).parent.mkdir(parents=True, exist_ok=True)

    def on_prompt_end(self, request: Request, scene: Scene, fit: Fit, video: Tensor) -> Findings:
        """Write the video."""
        name = self._names[request.number]
        write_mp4(self.folder / name, video, self.fps, self.scale)
        return Findings(files={"video": name})

    def names(self, prompts: Sequence[Prompt]) -> dict[int, str]:
        """Return the file of each prompt by its number in the stream, relative to the run folder.

        Raises:
            ValueError: if a prompt has no name of the kind that is asked for, or two have the same.
        """
        folder = "videos" if self.videos is None else str(self.videos.resolve())
        names: dict[int, str] = {}
        members: Counter[str] = Counter()
        taken: set[str] = set()
        for number, prompt in enumerate(prompts, start=1):
            kind = (category(prompt) or self.category) if self.naming == "t2v-compbench" else ""
            members[kind] += prompt.sample == 0
            name = video_name(self.naming, prompt.text, members[kind], kind, self._sample(prompt))
            if name in taken:
                raise ValueError(
                    f"two prompts would be written to {name!r}: {prompt.text!r} comes twice; leave one out"
                    + " (in VBench_full_info.json itself repeats are taken together)" * (self.naming == "vbench")
                )
            taken.add(name)
            names[number] = f"{folder}/{name}"
        return names

    def _sample(self, prompt: Prompt) -> int | None:
        """Return the number of a video among those of its prompt, ``None`` where it is the only one."""
        if self.naming == "vbench":
            return self.sample + prompt.sample
        return prompt.sample if prompt.sample_of else None

    def on_stream_end(self, stream: StreamInfo) -> None:
        """Draw the contact sheet from the files, so that it is whole after a run that was resumed."""
        if self.naming == "vbench":
            self._write_prompt_file(stream)
        results = [result for result in stream.folder.results().served.values() if "video" in result.files]
        results = sorted(results, key=lambda result: result.number)[: self.sheet_prompts]
        if results:
            rows = []
            for result in results:
                assert result.layout is not None
                video = read_mp4(self.folder / result.files["video"])
                rows.append((f"{result.id}  {result.prompt}", [film_strip(video, result.layout, self.frames)]))
            write_picture(self.folder / "contact_sheet.png", contact_sheet(rows))
            rank_zero_info(f"contact sheet: {self.folder / 'contact_sheet.png'}")

    def _write_prompt_file(self, stream: StreamInfo) -> None:
        """Write which prompt each video shows: beside the folder, since VBench takes all that is in it for videos.

        Where several runs write into one folder, what the others have written stays.
        """
        videos = (self.videos or self.folder / "videos").resolve()
        path = videos.with_name(f"{videos.name}_prompts.json")
        served = stream.folder.results().served.values()
        ours = {Path(result.files["video"]).name: result.prompt for result in served if "video" in result.files}
        known = {}
        with suppress(FileNotFoundError, ValueError, TypeError):  # none yet, or none that VBench could read
            known = dict(json.loads(path.read_text(encoding="utf-8")))
        there = {name: prompt for name, prompt in (known | ours).items() if (videos / name).is_file()}
        write_text(path, json.dumps(there, indent=1, ensure_ascii=True) + "\n")
        rank_zero_info(f"prompts of the videos, for VBench: {path}")
