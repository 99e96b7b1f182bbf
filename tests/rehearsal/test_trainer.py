"""Settings of the Trainer that would change a rehearsal without a word: each is refused by name, before the model."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from diffusers import WanPipeline
from lightning.pytorch import Callback, Trainer
from lightning.pytorch.callbacks import (
    EarlyStopping,
    EMAWeightAveraging,
    GradientAccumulationScheduler,
    LearningRateMonitor,
    ModelCheckpoint,
    StochasticWeightAveraging,
    Timer,
)

from ttom_pl.callbacks import SpritesEvaluation, StreamProgress, VideoWriter
from ttom_pl.cli import main
from ttom_pl.planners import Planner
from ttom_pl.rehearsal import check_trainer
from ttom_pl.run import RunError, RunFolder, read_results

ROOT = Path(__file__).parents[2]
QUIET: dict[str, Any] = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "barebones": False}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"devices": 2}, r"trainer\.devices is 2.*2 processes, each of which would serve every prompt"),
        ({"devices": 1, "num_nodes": 2}, r"trainer\.num_nodes is 2.*2 processes"),
        ({"devices": 1, "strategy": "ddp"}, r"trainer\.strategy is DDPStrategy.*leave it out"),
        ({"accumulate_grad_batches": 2}, r"trainer\.accumulate_grad_batches is 2.*one update"),
        ({"limit_train_batches": 3}, r"trainer\.limit_train_batches is 3.*model\.iterations"),
        ({"limit_train_batches": 0.5}, r"trainer\.limit_train_batches is 0\.5"),
        ({"max_steps": 10}, r"trainer\.max_steps is 10.*model\.guided_steps"),
        ({"precision": "bf16-true"}, r"trainer\.precision is bf16-true.*model\.backbone\.init_args\.dtype"),
        ({"precision": "bf16-mixed"}, r"trainer\.precision is bf16-mixed"),
        ({"precision": "64-true"}, r"trainer\.precision is 64-true"),
        ({"gradient_clip_val": 1.0}, r"trainer\.gradient_clip_val is 1\.0"),
        ({"fast_dev_run": True}, r"trainer\.(fast_dev_run|max_steps|limit_train_batches) is"),
        ({"overfit_batches": 1}, r"trainer\.(overfit_batches|limit_train_batches) is"),
        ({"max_time": timedelta(seconds=5)}, "the callback Timer: it would cut a rehearsal short"),
    ],
    ids=str,
)
def test_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_trainer(Trainer(**(QUIET | settings)))


@pytest.mark.parametrize(
    "callback",
    [
        EarlyStopping("layout_loss"),
        ModelCheckpoint(),
        GradientAccumulationScheduler({0: 2}),
        StochasticWeightAveraging(0.1),
        EMAWeightAveraging(),
        Timer(timedelta(seconds=5)),
        LearningRateMonitor(),
    ],
    ids=lambda callback: type(callback).__name__,
)
def test_callbacks(callback: Callback) -> None:
    settings = QUIET | {"enable_checkpointing": isinstance(callback, ModelCheckpoint)}
    with pytest.raises(ValueError, match=rf"cannot use the callback {type(callback).__name__}: .*; take it out"):
        check_trainer(Trainer(**settings, callbacks=[callback]))


def test_one_that_is_listed_twice() -> None:
    twice = [SpritesEvaluation(), VideoWriter(), SpritesEvaluation()]
    with pytest.raises(ValueError, match="SpritesEvaluation is there 2 times"):
        check_trainer(Trainer(**QUIET, callbacks=twice))


def test_what_a_stream_can_use() -> None:
    class Mine(Callback):
        pass

    callbacks = [VideoWriter(), SpritesEvaluation(), StreamProgress(), Mine(), Mine.__new__(Mine)]
    check_trainer(Trainer(**QUIET, callbacks=callbacks[:4], detect_anomaly=True, log_every_n_steps=3))
    check_trainer(Trainer(**(QUIET | {"devices": 1, "precision": "32"})))


@pytest.fixture
def words(tmp_path: Path, tiny_config: dict[str, Any], planner: Planner) -> list[str]:
    """A command that serves two prompts with the tiny model."""
    texts = ["a red circle moves left and a blue square moves up", "three yellow squares stay still"]
    lines = (json.dumps(planner.plan(text, f"p{i}").to_dict()) for i, text in enumerate(texts))
    (tmp_path / "prompts.jsonl").write_text("\n".join(lines))
    tiny_config["data"]["prompts"] = str(tmp_path / "prompts.jsonl")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(tiny_config))
    return ["stream", "--config", str(tmp_path / "config.yaml")]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--trainer.devices=2"], "trainer.devices is 2"),
        (["--trainer.devices=0"], "devices"),
        (["--trainer.accelerator=gpu"], "trainer.accelerator gpu cannot be used here"),
        (["--trainer.precision=16-true"], "precision"),
        (["--trainer.strategy=ddp"], "trainer.strategy is DDPStrategy"),
        (["--trainer.enable_checkpointing=true"], "callback ModelCheckpoint"),
        (["--trainer.max_steps=3"], "trainer.max_steps is 3"),
        (["--trainer.callbacks+=EarlyStopping", "--trainer.callbacks.monitor=layout_loss"], "callback EarlyStopping"),
        (["--trainer.callbacks+=LearningRateMonitor"], "callback LearningRateMonitor"),
        (["--trainer.callbacks+=ttom_pl.callbacks.Report"], "Report is there 2 times"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_before_the_model_is_loaded(
    words: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    options: list[str],
    message: str,
) -> None:
    monkeypatch.setattr(WanPipeline, "from_pretrained", lambda *_, **__: pytest.fail("the model was loaded"))
    with pytest.raises(SystemExit) as stopped:
        main([*words, *options])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_without_a_progress_bar(words: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Our bar is left out too; a run that was started with one goes on without."""
    main([*words, "--data.limit=1"])
    assert "prompt/s" in capfd.readouterr().err
    main([*words, "--trainer.enable_progress_bar=false"])
    assert "prompt/s" not in capfd.readouterr().err
    assert len(read_results(tmp_path / "run").served) == 2


# Several processes


def test_a_run_folder_has_one_owner(tmp_path: Path) -> None:
    """Another process is refused while it is served into, and not after its owner was killed."""
    folder = RunFolder(tmp_path / "run")
    program = "import sys; from pathlib import Path; from ttom_pl.run import RunFolder\n"
    program += "with RunFolder(Path(sys.argv[1])).owned():\n    print('mine', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(folder.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"
        with pytest.raises(RunError, match="another process serves into the run folder"), folder.owned():
            pass
        other.kill()
        other.wait()
        with folder.owned(), folder.owned():  # once more in the same process
            pass


@pytest.mark.slow
def test_two_streams_at_once(words: list[str], tmp_path: Path) -> None:
    """One of them serves; the other is told why it does not."""
    command = [sys.executable, "-m", "ttom_pl", *words]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    both = [subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [each.communicate()[1] for each in both]
    assert sorted(each.returncode for each in both) == [0, 2]
    assert sum("another process serves into the run folder" in error for error in errors) == 1
    lines = (tmp_path / "run" / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["id"] for line in lines] == ["p0", "p1"]


# Runs of earlier versions


@pytest.fixture
def older(words: list[str], tmp_path: Path) -> Iterator[Callable[[Callable[[dict[str, Any]], None]], None]]:
    """Serve one prompt, and rewrite the run's config as another version would have written it."""

    def rewrite(change: Callable[[dict[str, Any]], None]) -> None:
        main([*words, "--data.limit=1"])
        path = tmp_path / "run" / "config.yaml"
        config = yaml.safe_load(path.read_text())
        change(config)
        path.write_text(yaml.safe_dump(config))

    return rewrite


def test_a_run_that_knew_fewer_options_goes_on(
    words: list[str], older: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that it lacks had their defaults; where they are set to something else it is another run."""

    def change(config: dict[str, Any]) -> None:
        del config["stream"]["min_confidence"]
        del config["model"]["backbone"]["init_args"]["negative_prompt"]
        memory = config["memory"]
        config["memory"] = {
            "mode": memory["mode"],
            "path": None,
            "threshold": 0.9,
            "min_merged": memory["recall"]["min_merged"],
            "hit_iterations": memory["recall"]["iterations"],
            "capacity": 1000,
            "eviction": memory["store"]["eviction"],
            "merge": memory["store"]["merge"],
        }
        config["model"]["guidance"] = config["model"].pop("method")

    older(change)
    with pytest.raises(SystemExit):
        main([*words, "--stream.min_confidence=0.5"])
    assert "another config (stream.min_confidence was 0.0, is 0.5)" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*words, "--memory.recall.min_merged=2"])
    assert "another config (memory.recall.min_merged was 3, is 2)" in capsys.readouterr().err
    main(words)
    assert len(read_results(tmp_path / "run").served) == 2


def test_results_without_their_config(
    words: list[str], older: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody knows what they were made with."""
    older(lambda _: None)
    path = tmp_path / "run" / "config.yaml"
    for spoil, message in (
        (lambda: path.write_bytes(b"model: [\xff"), "cannot be read"),
        (lambda: path.write_text("a: [1"), "cannot be read"),
        (path.unlink, "has results and no config.yaml"),
    ):
        spoil()
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert stopped.value.code == 2
        assert message in capsys.readouterr().err
