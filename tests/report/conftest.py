"""A run folder as a stream writes it, without the stream."""

import json
from pathlib import Path

import pytest
import torch
from run_folder import WriteRun

from ttom_pl.io.media import write_mp4
from ttom_pl.memory.attention_maps import pack_maps
from ttom_pl.run import Result, RunFolder, Skipped


@pytest.fixture
def write_run(tmp_path: Path) -> WriteRun:
    """Write results with the files that they name; return the folder."""

    def write(*results: Result | Skipped, name: str = "run") -> Path:
        folder = RunFolder.open(tmp_path / name, "seed: 1\n")
        (folder.path / "attention").mkdir(exist_ok=True)
        for result in results:
            folder.append(result)
            files = getattr(result, "files", {})
            if "video" in files:
                write_mp4(folder.path / files["video"], torch.rand(5, 3, 32, 48), fps=8)
            if "attention" in files:
                maps = {name: pack_maps(torch.rand(1, 3, 4, 6)) for name in ("before", "after")}
                (folder.path / files["attention"]).write_text(json.dumps(maps))
        return folder.path

    return write
