"""What is prepared for a graphics card runs through at tiny sizes on the CPU, and loses nothing when it is stopped."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    import card

    return card


def cells(path: Path, first: str) -> list[list[str]]:
    """The cells of the rows of a file's tables whose first cell starts so."""
    rows = [line.strip("| ").split(" | ") for line in path.read_text().splitlines() if line.startswith("|")]
    return [row for row in rows if row[0].startswith(first)]


def test_all_parts_by_the_script(tmp_path: Path) -> None:
    """As it is called on a card, but for ``--tiny``: each part has its result, the second prompt is a hit."""
    done = subprocess.run(
        [str(BENCHMARKS / "card.sh"), "--tiny", "--out", str(tmp_path), "--parts", "caps", "stream"],
        env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=500,
    )
    log = tmp_path / "log.txt"
    assert done.returncode == 0, done.stderr + (log.read_text()[-3000:] if log.exists() else "")
    assert [line.split(" after")[0] for line in done.stdout.splitlines()] == ["caps: done", "stream: done"]
    presets = ["wan2.1-1.3b", "wan2.1-14b", "wan2.2-a14b", "cogvideox-2b", "cogvideox-5b"]
    for name in presets:
        rows = cells(tmp_path / "caps.md", name)
        assert len(rows) == 1 + (name == "wan2.1-14b")
        assert all(cell.endswith(" s") for cell in (*rows[0][3:6], rows[0][7]))
        assert rows[0][6].endswith(" s") == (name == "wan2.2-a14b")
    first, second = cells(tmp_path / "stream.md", "a ")
    assert (first[1], second[1]) == ("miss, insert", "warm start, update")
    assert (tmp_path / "contact_sheet.png").stat().st_size < 1e6


def test_iteration_tables(card: ModuleType, tmp_path: Path) -> None:
    card.iteration(tmp_path, tiny=True)
    text = (tmp_path / "iteration.md").read_text()
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        f"## {name}-tiny, cpu" for name in card.ITERATIONS
    ]


def test_a_part_that_time_runs_out_on_is_stopped(card: ModuleType, tmp_path: Path) -> None:
    """The others are not begun; what they would have said is said."""
    card.main(["--tiny", "--out", str(tmp_path), "--parts", "iteration", "stream", "--seconds", "1"])
    first, second = (tmp_path / "parts.txt").read_text().splitlines()
    assert first.startswith("iteration: stopped, its time was up after 1 s")
    assert second == "stream: not begun, the time was up"


def test_a_part_that_fails(card: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "ttom_pl.py").write_text("raise RuntimeError('broken')")
    monkeypatch.setattr(card, "ROOT", tmp_path)
    with pytest.raises(SystemExit, match="1"):
        card.main(["--tiny", "--out", str(tmp_path / "out"), "--parts", "caps"])
    assert "caps: failed with 1" in (tmp_path / "out" / "parts.txt").read_text()
    assert "broken" in (tmp_path / "out" / "log.txt").read_text()


def test_a_model_that_does_not_fit(card: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a row that says so; the others are measured."""
    import caps
    import torch

    def full(self: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 3 GiB")

    monkeypatch.setattr(caps.Stages, "_iteration", full)
    row = caps.row("wan2.1-1.3b-tiny", "as shipped", 24, torch.device("cpu"), {})
    assert row[3] == "out of memory: CUDA out of memory"
    assert len(row) == 3 + len(caps.STAGES)


def test_cards_of_the_presets(card: ModuleType) -> None:
    from preset_models import PRESETS

    assert {name: model.card for name, model in PRESETS.items()} == {
        "wan2.1-1.3b": 24,
        "wan2.1-14b": 80,
        "wan2.2-a14b": 80,
        "skyreels-v2-14b": 80,
        "cogvideox-2b": 16,
        "cogvideox-5b": 24,
        "kandinsky5-2b": 24,
        "mochi-10b": 48,
        "hunyuanvideo-13b": 48,
        "hunyuanvideo1.5-480p": 48,
    }


def test_stages_are_counted(card: ModuleType) -> None:
    """What is on the card with a text encoder kept there is more, by the encoder, in all stages but its own."""
    import stages

    shipped = stages.stages("cogvideox-5b-tiny")
    kept = stages.stages("cogvideox-5b-tiny", release_text_encoder=False)
    encoder = stages._size(stages._encoder("cogvideox-5b-tiny"))
    assert encoder > 0
    assert kept.text == shipped.text
    for stage in ("iteration", "step", "decode"):
        assert getattr(kept, stage) - getattr(shipped, stage) == pytest.approx(encoder, rel=0.05)
    whole, alone = stages.stages("wan2.2-a14b-tiny", offload="none"), stages.stages("wan2.2-a14b-tiny")
    assert all(getattr(whole, stage) > getattr(alone, stage) for stage in ("text", "iteration", "step", "decode"))
