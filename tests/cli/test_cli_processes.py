"""``ttom stream`` is one process, whatever the environment says, and refuses to be several before it loads a model."""

import logging
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from diffusers import WanPipeline
from lightning.fabric.plugins.environments import SLURMEnvironment
from lightning.pytorch.utilities import rank_zero_only

from ttom_pl.cli import main
from ttom_pl.rehearsal import alone
from ttom_pl.run import read_results

ROOT = Path(__file__).parents[2]
SLURM = {
    "SLURM_JOB_ID": "4711",
    "SLURM_JOB_NAME": "videos",
    "SLURM_NTASKS": "4",
    "SLURM_PROCID": "3",
    "SLURM_LOCALID": "3",
    "SLURM_NODEID": "1",
    "SLURM_NNODES": "2",
    "SLURM_NODELIST": "node[1-2]",
}
TORCHRUN = {
    "RANK": "1",
    "LOCAL_RANK": "1",
    "GROUP_RANK": "0",
    "WORLD_SIZE": "2",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29511",
    "TORCHELASTIC_RUN_ID": "none",
}
JSRUN = {
    "LSB_JOBID": "1",
    "LSB_DJOB_RANKFILE": "no_such_file",
    "JSM_NAMESPACE_LOCAL_RANK": "2",
    "JSM_NAMESPACE_SIZE": "4",
    "JSM_NAMESPACE_RANK": "2",
}
LAUNCHERS = {
    "slurm": SLURM,
    "slurm, tasks per node": SLURM | {"SLURM_NTASKS_PER_NODE": "4", "SLURM_NNODES": "1"},
    "torchrun": TORCHRUN,
    "jsrun": JSRUN,
}


@pytest.fixture
def command(tmp_path: Path, tiny_config: dict[str, Any]) -> list[str]:
    """``ttom stream`` of two prompts on the tiny model."""
    prompts = ("a red circle moves left and a blue square moves up", "a dragon moves left")
    (tmp_path / "prompts.txt").write_text("\n".join(prompts))
    tiny_config["data"]["prompts"] = str(tmp_path / "prompts.txt")
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(tiny_config))
    return ["stream", "--config", str(tmp_path / "config.yaml"), "--trainer.accelerator", "cpu"]


@pytest.mark.parametrize("name", LAUNCHERS)
def test_variables_of_a_launcher_change_nothing(
    name: str,
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    """The same losses, no prompt twice; what is skipped is said, which a process of another rank would not do."""
    main([*command, "--stream.out", str(tmp_path / "plain")])
    for key, value in LAUNCHERS[name].items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(rank_zero_only, "rank", 3)
    capsys.readouterr()
    with pytest.warns(UserWarning, match="'0002' is skipped"):
        main([*command, "--stream.out", str(tmp_path / "launched")])
    assert "served: 1, skipped: 1" in capsys.readouterr().out
    plain, launched = (read_results(tmp_path / out) for out in ("plain", "launched"))
    assert launched["0001"].losses == plain["0001"].losses
    assert len((tmp_path / "launched" / "results.jsonl").read_text().splitlines()) == 2
    assert len(list((tmp_path / "launched" / "videos").glob("*.mp4"))) == 1
    configs = [(tmp_path / out / "config.yaml").read_text() for out in ("plain", "launched")]
    assert configs[0].replace("/plain", "/launched") == configs[1]


def test_a_process_of_slurm(command: list[str], tmp_path: Path) -> None:
    """From its start, since Lightning reads the rank when it is imported."""
    done = subprocess.run(
        [sys.executable, "-m", "ttom_pl", *command],
        env={"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | SLURM,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "'0002' is skipped" in done.stderr
    assert "served: 1, skipped: 1" in done.stdout
    assert len((tmp_path / "run" / "results.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--trainer.devices", "2"], "trainer.devices is 2.* 2 processes, each of which would serve every prompt"),
        (["--trainer.devices", "2", "--trainer.strategy", "ddp"], "trainer.devices is 2.* 2 processes"),
        (["--trainer.devices", "1", "--trainer.num_nodes", "2"], "trainer.num_nodes is 2.* 2 processes"),
        (["--trainer.strategy", "ddp_spawn", "--trainer.devices", "3"], "has 3 processes"),
        (["--trainer.strategy", "ddp"], "trainer.strategy is DDPStrategy"),
        (["--trainer.devices", "0"], "trainer.devices 0 cannot be used here"),
    ],
)
@pytest.mark.parametrize("variables", [{}, SLURM], ids=["alone", "slurm"])
def test_several_processes_are_refused_before_the_model_is_loaded(
    options: list[str],
    reason: str,
    variables: Mapping[str, str],
    command: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(WanPipeline, "from_pretrained", lambda *_, **__: pytest.fail("the model was loaded"))
    monkeypatch.setattr(logging.getLogger("lightning.pytorch.utilities.rank_zero"), "filters", [])
    for key, value in variables.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(SystemExit) as stopped:
        main([*command, *options])
    error = capsys.readouterr().err
    assert stopped.value.code == 2
    assert "Traceback" not in error
    assert re.search(reason, error), error
    assert not (tmp_path / "run").exists()


def test_an_environment_of_the_user_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in (SLURM | {"SLURM_NTASKS_PER_NODE": "4"}).items():
        monkeypatch.setenv(key, value)
    theirs = SLURMEnvironment()
    assert alone(theirs) == [theirs]
    assert alone([theirs]) == [theirs]


def test_others_see_this_process_as_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rank_zero_only, "rank", 3)
    alone(None)
    assert rank_zero_only.rank == 0
