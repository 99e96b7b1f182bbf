"""The doctor, on the machine of the tests and on machines that lack something."""

import json
import os
import shutil
import tomllib
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from huggingface_hub import constants

from ttom_pl.backbones.attention_backends import AttentionBackends, attention_backends
from ttom_pl.cli import main
from ttom_pl.doctor import Check, examine
from ttom_pl.doctor import devices as devices_module
from ttom_pl.doctor import disks as disks_module
from ttom_pl.doctor import packages as packages_module
from ttom_pl.doctor.devices import check_attention, check_devices
from ttom_pl.doctor.disks import check_disks
from ttom_pl.doctor.packages import DEVELOPERS, EXTRAS, check_extras, check_packages
from ttom_pl.doctor.presets import presets

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
REQUIRES = [*PROJECT["dependencies"]]
REQUIRES += [
    f'{each}; extra == "{name}"' for name, wanted in PROJECT["optional-dependencies"].items() for each in wanted
]


class Usage(NamedTuple):
    total: int
    used: int
    free: int


class Metadata:
    def get_all(self, key: str) -> list[str]:
        assert key == "Provides-Extra"
        return list(PROJECT["optional-dependencies"])


@pytest.fixture(autouse=True)
def this_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the repository asks for, which an installation that is older may not know yet."""
    monkeypatch.setattr(packages_module, "requires", lambda _: REQUIRES)
    monkeypatch.setattr(packages_module, "metadata", lambda _: Metadata())


@pytest.fixture
def versions(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let packages have other versions; ``None`` is one that is missing."""
    real = packages_module.version

    def change(**changes: str | None) -> None:
        names = {name.replace("_", "-"): value for name, value in changes.items()}

        def version(name: str) -> str:
            there = names[name] if name in names else real(name)
            if there is None:
                raise PackageNotFoundError(name)
            return there

        monkeypatch.setattr(packages_module, "version", version)

    return change


def doctor(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    capsys.readouterr()
    try:
        main(["doctor", *words])
    except SystemExit as stopped:
        return int(stopped.code or 0), capsys.readouterr().out
    return 0, capsys.readouterr().out


def named(checks: list[Check], name: str) -> Check:
    (check,) = [check for check in checks if check.name == name]
    return check


def test_this_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The tests run here, so nothing essential is broken."""
    code, out = doctor(capsys, "--out", str(tmp_path / "runs"))
    assert code == 0, out
    for word in ("packages", "torch 2.", "extras", "devices", "attention", "native: in use", "disks", "nothing broken"):
        assert word in out
    assert not list(tmp_path.iterdir())


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = doctor(capsys, "--json", "--out", str(tmp_path))
    told = json.loads(out)
    assert (code, told["broken"]) == (0, False)
    assert {check["topic"] for check in told["checks"]} == {"packages", "extras", "devices", "attention", "disks"}
    assert all(check["remedy"] for check in told["checks"] if check["state"] != "ok")
    assert not any(check["remedy"] for check in told["checks"] if check["state"] == "ok")


def test_every_package_is_looked_at() -> None:
    assert len(list(check_packages())) == len(PROJECT["dependencies"])


def test_every_extra_says_what_is_missing_without_it() -> None:
    assert set(EXTRAS) | DEVELOPERS == set(PROJECT["optional-dependencies"])


@pytest.mark.parametrize("name", sorted(EXTRAS))
def test_a_missing_extra_is_a_note(
    name: str, versions: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    package = {"index": "hnswlib"}.get(name, name)
    versions(**{package.replace("-", "_"): None})
    check = named(list(check_extras()), name)
    assert check.state == "note"
    assert check.text == f"{EXTRAS[name]} ({package} is missing)"
    assert check.remedy == f"pip install 'ttom_pl[{name}]'"
    assert all(other.state == "ok" for other in check_packages())


@pytest.mark.parametrize(
    ("there", "text"), [(None, "is missing"), ("2.12.1", "2.12.1 is not >=2.13, which is tested")], ids=["none", "old"]
)
def test_a_package_that_is_needed(
    there: str | None, text: str, versions: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    versions(torch=there)
    code, out = doctor(capsys, "--json", "--out", str(tmp_path))
    told = {check["name"]: check for check in json.loads(out)["checks"]}
    assert code == 1
    assert told["torch"] == {
        "topic": "packages",
        "name": "torch",
        "state": "broken",
        "text": text,
        "remedy": "pip install 'torch>=2.13'",
    }


def test_an_extra_that_is_too_old(versions: Callable[..., None]) -> None:
    """PEFT is needed anyway, and newer with torchao."""
    versions(peft="0.20.0")
    assert "peft 0.20.0 is not >=0.21, which is tested" in named(list(check_extras()), "torchao").text
    assert named(list(check_packages()), "peft").state == "ok"


@pytest.mark.parametrize(
    ("topic", "name", "state"), [("index", "hnswlib", "note"), ("safetensors", "safetensors", "broken")]
)
def test_a_package_that_cannot_be_imported(topic: str, name: str, state: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shared library that does not fit raises whatever it likes."""
    real = packages_module.import_module

    def broken(module: str) -> Any:
        if module == name:
            raise OSError("libstdc++.so.6: version `GLIBCXX_3.4.99' not found\nrequired by it")
        return real(module)

    monkeypatch.setattr(packages_module, "import_module", broken)
    check = named([*check_packages(), *check_extras()], topic)
    assert check.state == state
    assert "cannot be imported (libstdc++.so.6: version `GLIBCXX_3.4.99' not found)" in check.text


def test_a_package_that_was_never_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> list[str]:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(packages_module, "requires", missing)
    monkeypatch.setattr(packages_module, "metadata", missing)
    (check,) = check_packages()
    assert (check.name, check.state) == ("ttom_pl", "broken")
    assert not list(check_extras())


# Devices


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """A card of some memory, as PyTorch would tell of it."""

    def put(gigabytes: float, bfloat16: bool = True) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda _: (int(gigabytes * 9e8), int(gigabytes * 1e9)))
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "A Card")
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: bfloat16)

    return put


def test_presets_name_their_cards() -> None:
    """As the table of the README has them."""
    table = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(presets()) >= 5
    for preset in presets():
        assert f"| `{preset.name}.yaml` | {preset.card} GB" in table
        assert preset.model.count("/") == 1


@pytest.mark.parametrize("gigabytes", [12.0, 25.4, 85.0])
def test_what_fits_a_card(gigabytes: float, card: Callable[..., None]) -> None:
    card(gigabytes)
    checks = list(check_devices())
    assert named(checks, "cuda:0").text == f"A Card, {gigabytes:.0f} GB, {gigabytes * 0.9:.0f} GB of them free"
    told = {check.state: check.text for check in checks if check.name == "presets"}
    for preset in presets():
        assert preset.name in told["ok" if preset.card <= gigabytes else "note"]
    assert ("ok" in told, "note" in told) == (gigabytes > 16, gigabytes < 80)


def test_a_card_without_bfloat16(card: Callable[..., None]) -> None:
    card(24, bfloat16=False)
    assert named(list(check_devices()), "bfloat16").state == "note"


@pytest.mark.parametrize(
    ("driver", "cuda", "text"),
    [
        (False, None, "no card that PyTorch can use"),
        (True, None, "this PyTorch was built for the processor alone"),
        (True, "12.8", "PyTorch, built for CUDA 12.8, can use no card (the driver is too old)"),
    ],
)
def test_no_card(driver: bool, cuda: str | None, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def init() -> None:
        raise RuntimeError("the driver is too old\n(found version 11040)")

    (tmp_path / "version").touch()
    monkeypatch.setattr(devices_module, "_DRIVER", tmp_path / ("version" if driver else "nowhere"))
    monkeypatch.setattr(shutil, "which", lambda _: None)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", cuda)
    monkeypatch.setattr(torch.cuda, "init", init)
    check = named(list(check_devices()), "cuda")
    assert check.state == "note"
    assert text in check.text


def test_attention_backends_are_those_that_work() -> None:
    backends = attention_backends()
    assert backends.active == "native"
    assert {"native", "_native_math"} <= set(backends.usable)
    assert not set(backends.usable) & set(backends.unusable)
    if not torch.cuda.is_available():
        assert "_native_cudnn" in backends.unusable


def test_an_attention_backend_that_is_chosen_and_cannot_be_used(monkeypatch: pytest.MonkeyPatch) -> None:
    made = AttentionBackends("sage", ("native",), {"sage": "Please install `sageattention>=2.1.1`."})
    monkeypatch.setattr("ttom_pl.backbones.attention_backends.attention_backends", lambda: made)
    checks = list(check_attention())
    assert checks[0].state == "broken"
    assert "$DIFFUSERS_ATTN_BACKEND" in checks[0].remedy
    assert checks[-1].remedy == "install `sageattention>=2.1.1`"


def test_a_topic_that_cannot_be_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as devices, where PyTorch is broken."""

    def broken() -> bool:
        raise OSError("libcudart.so.12: cannot open shared object file")

    monkeypatch.setattr(torch.cuda, "is_available", broken)
    check = named(examine(tmp_path), "devices")
    assert check.state == "broken"
    assert "libcudart.so.12" in check.text


# Disks


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    code, out = doctor(capsys, "--out", str(tmp_path / "file" / "runs"))
    assert code == 1
    assert "broken  run folder" in out


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**12, 10**12 - 10**8, 10**8))
    checks = {check.name: check for check in check_disks(tmp_path)}
    for name, text in (("run folder", "less than 1 GB"), ("hub cache", "less than 15 GB for a model")):
        assert checks[name].state == "note"
        assert checks[name].text.endswith(text)


def test_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = presets()[0].model
    (tmp_path / f"models--{model.replace('/', '--')}" / "snapshots").mkdir(parents=True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    checks = list(check_disks(tmp_path))
    assert named(checks, "models there").text == model
    assert named(checks, "hub").state == "note"


def test_files_of_the_package_that_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disks_module, "shipped_root", lambda: tmp_path)
    monkeypatch.setattr(disks_module, "presets", list)
    check = named(list(check_disks(tmp_path)), "package files")
    assert check.state == "broken"
    assert "checkpoints/sprites/model_index.json" in check.text


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert named(list(check_disks(tmp_path / "runs")), "run folder").state == "broken"
