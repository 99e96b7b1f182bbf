"""What users and their machines do to the command line: always a line, never a traceback, and no secret in it."""

import errno
import json
import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import threading
import warnings
import zipfile
from argparse import ArgumentError
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from jsonargparse import Namespace
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from safetensors import SafetensorError

from ttom_pl.chat.endpoint import Endpoint
from ttom_pl.cli import main, plan
from ttom_pl.cli._errors import explain
from ttom_pl.cli._quiet import quieten
from ttom_pl.cli._terminal import make_printable, stopping_at_sigterm
from ttom_pl.cli._trainer import check_trainer_config
from ttom_pl.io.redact import redact

ROOT = Path(__file__).parents[2]
URL = "http://me:hunter2@example.com/v1"


def cli(*words: object, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "ttom_pl", *map(str, words)]
    return subprocess.run(command, capture_output=True, cwd=ROOT, env=os.environ | environment, check=False)


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as stopped:
        main(list(map(str, words)))
    error = capsys.readouterr().err
    assert stopped.value.code == 2, error
    assert "Traceback" not in error
    return error


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("x is 3; it must be 4"), "x is 3; it must be 4"),
        (ArgumentError(None, "unknown option"), "unknown option"),
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device; make room"),
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "No space left on device: /a/b; make room"),
        (OSError(errno.EROFS, "Read-only file system", "/a"), "Read-only file system: /a; nothing can be written"),
        (PermissionError(errno.EACCES, "Permission denied", "/a"), "Permission denied: /a; get the permission"),
        (FileNotFoundError("there is no memory in 'x'"), "there is no memory in 'x'"),
        (FileExistsError(errno.EEXIST, "File exists", "/a", None, "/b"), "File exists: /a → /b"),
        (yaml.YAMLError("while scanning\n  a token"), "a YAML file cannot be read: while scanning a token"),
        (MisconfigurationException("No supported gpu backend found!"), "Lightning refuses the settings: No supported"),
        (ModuleNotFoundError("No module named 'x'", name="x.y"), "No module named 'x'; pip install x"),
        (MemoryError(), "there is not enough memory"),
        (torch.OutOfMemoryError("CUDA out of memory.\nTried"), "there is not enough memory (CUDA out of memory.)"),
        (SafetensorError("header too small"), "a file of weights cannot be read or written: header too small"),
        (zipfile.BadZipFile("no zip"), "a file is damaged: no zip"),
        (pickle.UnpicklingError("bad"), "a file is damaged: bad"),
        (sqlite3.OperationalError("disk I/O error"), "a database cannot be used: disk I/O error"),
        (RecursionError("maximum"), "nested too deeply"),
        (RuntimeError("No CUDA GPUs are available"), "the device cannot be used: No CUDA GPUs"),
        (AssertionError("Torch not compiled with CUDA enabled"), "the device cannot be used: Torch not compiled"),
        (ValueError(f"cannot open {URL}"), "cannot open http://***@example.com/v1"),
        (OSError(errno.EIO, "bad", URL), "bad: http://***@example.com/v1"),
        (ValueError("a \x1b[2J prompt\nin two lines"), "a \\x1b[2J prompt\nin two lines"),
    ],
)
def test_what_users_can_cause_is_told(error: Exception, text: str) -> None:
    told = explain(error)
    assert told is not None
    assert text in told
    assert "hunter2" not in told


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        TypeError("x"),
        AttributeError("x"),
        RuntimeError("x"),
        AssertionError(),
        ZeroDivisionError(),
        ImportError("x", name="ttom_pl.y"),
    ],
)
def test_faults_of_the_program_are_not_hidden(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    assert explain(error) is None
    monkeypatch.setattr(plan, "main", lambda _: (_ for _ in ()).throw(error))
    with pytest.raises(type(error)):
        main(["plan"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (URL, "http://***@example.com/v1"),
        ("https://me@host", "https://***@host"),
        ("https://me:p@ss/w@host:8000/v1 is it", "https://***@host:8000/v1 is it"),
        ("me:hunter2@example.com/v1", "***@example.com/v1"),
        ("'me:hunter2@[::1]:80'", "'***@[::1]:80'"),
        ("http://host/v1?api_key=hunter2&x=1", "http://host/v1?api_key=***&x=1"),
        ("http://host?x=1;access_token=hunter2", "http://host?x=1;access_token=***"),
        ("http://host:8000/v1 and me@example.com", "http://host:8000/v1 and me@example.com"),
        ("base_url='http://me:hunt er2@exa mple.com'", "base_url='http://***@exa mple.com'"),
        ("'me:hunt er2@host'", "'***@host'"),
        ("a cat: it sits @ home", "a cat: it sits @ home"),
        ("'a cat: it sits @ home'", "'a cat: it sits @ home'"),
        ("/a/b:c/d", "/a/b:c/d"),
    ],
)
def test_redaction(text: str, shown: str) -> None:
    assert redact(text) == shown


@pytest.mark.parametrize(
    "url",
    [
        URL,
        "me:hunter2@example.com/v1",
        "http://me:hunter2@[::1",
        "http://hunter2@example.com",
        "ftp://me:hunter2@example.com",
        "http://example.com/v1?key=hunter2",
        "//me:hunter2@example.com",
        "http://me:hunter2@example.com:port/v1",
        "http://me:hunt er2@exa mple.com/v1",
    ],
)
@pytest.mark.parametrize("way", ["option", "environment", "judge"])
def test_a_base_url_with_a_password(
    tmp_path: Path, url: str, way: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.txt").write_text("a cat")
    out = tmp_path / "l.jsonl"
    words: list[object] = ["plan", tmp_path / "p.txt", "--out", out, "--planner", "llm", "--planner.model=m"]
    if way == "judge":
        (tmp_path / "0001.mp4").touch()
        words = ["evaluate", tmp_path, "--prompts", tmp_path / "p.txt", "--judge=llm", "--judge.model=m"]
        words += [f"--judge.base_url={url}", "--out", tmp_path / "s"]
    elif way == "option":
        words.append(f"--planner.base_url={url}")
    else:
        monkeypatch.setenv("OPENAI_BASE_URL", url)
    error = refused(capsys, *words)
    assert "base_url" in error
    assert "hunt" not in error, error
    assert not out.exists()


@pytest.mark.parametrize(
    "url", ["localhost:8000", "http://", "http://[::1", "http://host:port/v1", "http://a b/v1", "x"]
)
def test_a_base_url_that_is_none(url: str) -> None:
    with pytest.raises(ValueError, match=r"base_url is .*; give an address such as 'http://localhost:8000/v1'"):
        Endpoint(url, "KEY", 1.0)


def test_no_model_to_plan_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_MODEL", raising=False)
    (tmp_path / "p.txt").write_text("a cat")
    error = refused(capsys, "plan", tmp_path / "p.txt", "--out", tmp_path / "l.jsonl", "--planner", "llm")
    assert "there is no model to plan with; give model, or set $OPENAI_MODEL" in error


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"planner: [", "config"),
        (b"\xff\xfe", "a file is not text: byte 0 is not UTF-8"),
        (b"[" * 5000, ""),
        (b"a: &a [*a, *a]\n", "a"),
        (b"5", ""),
    ],
)
@pytest.mark.parametrize("command", ["plan", "stream", "pretrain"])
def test_a_broken_config(
    tmp_path: Path, command: str, content: bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "c.yaml").write_bytes(content)
    (tmp_path / "p.txt").write_text("a cat")
    words = [tmp_path / "p.txt", "--out", tmp_path / "l.jsonl"] if command == "plan" else []
    assert message in refused(capsys, command, "--config", tmp_path / "c.yaml", *words)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--limit", "x"], """Parser key "limit": Expected a <class 'int'>, got x"""),
        (
            ["--planner", "gramar"],
            "there is no planner 'gramar'; did you mean 'grammar'; choose from grammar, llm, file, or give the path",
        ),
        (["--planner", "grammar", "--planner.max_objects", "0"], "max_objects is 0; it must be at least 1"),
        (["--planner", "grammar", "--planner.speed", "3"], "speed"),
    ],
)
def test_wrong_options_in_one_line(
    tmp_path: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "p.txt").write_text("a cat")
    error = refused(capsys, "plan", tmp_path / "p.txt", "--out", tmp_path / "l.jsonl", *words)
    assert message in error
    assert error.count("\n") == 1


# The disk and the terminal


def test_a_full_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.txt").write_text("a cat")
    error = refused(capsys, "plan", tmp_path / "p.txt", "--out", "/dev/full")
    assert error == "ttom plan: error: No space left on device; make room, then give the same command again\n"


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.txt").write_text("a cat")
    for out in ("/proc/none/l.jsonl", tmp_path / "p.txt" / "l.jsonl", tmp_path):
        error = refused(capsys, "plan", tmp_path / "p.txt", "--out", out)
        assert error.count("\n") == 1
        assert str(out)[:5] in error


def test_output_that_is_full() -> None:
    """What is printed goes to a full disk: said on standard error, and with the exit status."""
    with open("/dev/full", "wb") as full:
        command = [sys.executable, "-m", "ttom_pl"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert done.stderr.decode() == (
        "ttom: error: No space left on device; make room, then give the same command again\n"
    )


@pytest.mark.parametrize(
    "environment",
    [{"PYTHONIOENCODING": "ascii"}, {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}],
    ids=["ascii", "C"],
)
def test_an_ascii_terminal(tmp_path: Path, environment: dict[str, str]) -> None:
    """Prompts, errors and JSON in other letters, where nothing but ASCII can be shown."""
    (tmp_path / "p.jsonl").write_text(
        '{"prompt": "\u0444 😀 ein B\u00e4r l\u00e4uft", "id": "\u00e9"}\n', encoding="utf-8"
    )
    done = cli("plan", tmp_path / "p.jsonl", "--out", tmp_path / "l.jsonl", **environment)
    assert done.returncode == 0, done.stderr
    assert b"\\u00e9" in done.stdout
    assert b"ein B\\u00e4r" in done.stdout
    assert json.loads((tmp_path / "l.jsonl").read_text(encoding="utf-8"))["id"] == "\u00e9"


def test_json_on_an_ascii_terminal() -> None:
    """Escapes are those of JSON, pairs of surrogates for what lies beyond 16 bits."""
    code = (
        "import json, sys; from ttom_pl.cli._terminal import make_printable; make_printable(); "
        "print(json.dumps(sys.argv[1], ensure_ascii=False))"
    )
    text = "\u00e9 \u2026 😀 x"
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-c", code, text], capture_output=True, cwd=ROOT, env=environment, check=True
    )
    assert done.stdout.isascii()
    assert json.loads(done.stdout) == text


def test_output_without_an_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream that is no file of text is left as it is."""
    monkeypatch.setattr(sys, "stdout", object())
    make_printable()


# The end


def test_sigterm_outside_of_a_fit(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """One line and the status that shells give; what was there before is there again."""
    monkeypatch.setattr(plan, "main", lambda _: signal.raise_signal(signal.SIGTERM))
    with pytest.raises(SystemExit) as stopped:
        main(["plan"])
    assert stopped.value.code == 143
    assert capsys.readouterr().err == "ttom plan: terminated\n"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_ctrl_c_outside_of_a_fit(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """As in a terminal; a shell has what it starts in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    request.addfinalizer(lambda: signal.signal(signal.SIGINT, before))
    monkeypatch.setattr(plan, "main", lambda _: signal.raise_signal(signal.SIGINT))
    with pytest.raises(SystemExit) as stopped:
        main(["plan"])
    assert stopped.value.code == 130


def test_sigterm_to_a_process(tmp_path: Path) -> None:
    """In the middle of a command, from outside; what is being written is closed, and nothing half is left."""
    (tmp_path / "p.txt").write_text("a cat")
    slow = (
        "import sys, time; from ttom_pl.cli import main, plan; import ttom_pl.prompts.layout_files as files\n"
        "dumps = files.json.dumps\n"
        "def slowly(*a, **k):\n    print('writing', flush=True); time.sleep(60)\n"
        "files.json.dumps = slowly; main(sys.argv[1:])"
    )
    words = ["plan", str(tmp_path / "p.txt"), "--out", str(tmp_path / "l.jsonl")]
    process = subprocess.Popen(
        [sys.executable, "-c", slow, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"writing\n"
    process.terminate()
    _, error = process.communicate()
    assert process.returncode == 143
    assert error.decode().splitlines()[-1] == "ttom plan: terminated"
    assert b"Traceback" not in error
    assert [path.name for path in tmp_path.iterdir()] == ["p.txt"]


def test_sigterm_of_others_is_left_to_them() -> None:
    """To a handler that somebody else has set, and in threads, where no handler can be set."""
    old = signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with stopping_at_sigterm() as came:
            signal.raise_signal(signal.SIGTERM)
        assert came == []
    finally:
        signal.signal(signal.SIGTERM, old)
    done: list[bool] = []

    def run() -> None:
        with stopping_at_sigterm():
            done.append(True)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert done == [True]


# The trainer


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"accelerator": "gpu"}, "trainer.accelerator gpu cannot be used here: No supported gpu backend found"),
        ({"accelerator": "cpu", "devices": 0}, "trainer.devices 0 cannot be used here"),
        ({"accelerator": "cpu", "devices": -1}, "trainer.devices -1 cannot be used here"),
        ({"accelerator": "cpu", "devices": "x"}, "trainer.devices x cannot be used here"),
        ({"accelerator": "abacus"}, "trainer.accelerator abacus cannot be used here: You selected an invalid"),
        ({"precision": "17"}, "trainer.precision 17 cannot be used here"),
        ({"precision": "transformer-engine"}, "trainer.precision transformer-engine cannot be used here"),
        ({"strategy": "hope"}, "trainer.strategy hope cannot be used here"),
        (
            {"strategy": "fsdp", "accelerator": "cpu"},
            "trainer.strategy fsdp cannot be used here: The strategy",
        ),
        ({"num_nodes": 0}, "trainer.num_nodes 0 cannot be used here"),
        ({"max_epochs": -5}, "trainer.max_epochs -5 cannot be used here"),
        ({"limit_train_batches": -1, "max_epochs": 3}, "trainer.limit_train_batches -1 cannot be used here"),
        ({"max_time": "soon"}, "trainer.max_time soon cannot be used here"),
        ({"profiler": "guess"}, "trainer.profiler guess cannot be used here"),
    ],
)
def test_settings_that_lightning_refuses(settings: dict[str, Any], message: str) -> None:
    if settings.get("accelerator") == "gpu" and torch.cuda.is_available():
        pytest.skip("there is a card here")
    with pytest.raises(ValueError, match=message) as error:
        check_trainer_config(section(settings), {})
    assert "\n" not in str(error.value)
    assert str(error.value).endswith("; change it, or leave it out")


def section(settings: dict[str, Any]) -> Namespace:
    """The section of a config, with what a parser adds."""
    return Namespace(**({"callbacks": None, "logger": None} | settings))


def test_settings_that_lightning_takes(recwarn: pytest.WarningsRecorder, caplog: pytest.LogCaptureFixture) -> None:
    """Without a word, and with what is no plain value left alone."""
    taken: list[dict[str, Any]] = [
        {},
        {"accelerator": "auto", "devices": 1, "strategy": "auto", "num_nodes": 1, "precision": "32-true"},
        {"max_epochs": None, "logger": {"class_path": "nowhere.Logger"}, "callbacks": [Namespace(class_path="x")]},
        {"strategy": {"class_path": "x"}, "plugins": ["x"], "enable_progress_bar": True, "detect_anomaly": True},
    ]
    for settings in taken:
        check_trainer_config(section(settings), {})
    assert not recwarn.list
    assert not caplog.records


def test_a_stream_is_refused_before_the_model(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "p.txt").write_text("a red circle moves left")
    words = ["stream", "--config", ROOT / "configs" / "sprites.yaml", "--stream.out", tmp_path / "run"]
    words += ["--data.prompts", tmp_path / "p.txt", "--model.backbone.init_args.pretrained=/nowhere"]
    assert "trainer.devices 0 cannot be used here" in refused(capsys, *words, "--trainer.devices", 0)
    assert "videos.scale is 0; it must be from 1 to 64" in refused(capsys, *words, "--videos.scale", 0)
    assert not (tmp_path / "run").exists()


def test_warnings_are_shown_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warnings, "formatwarning", warnings.formatwarning)
    quieten()
    shown = warnings.formatwarning(UserWarning(f"{URL} \x1b[2J"), UserWarning, "m.py", 3)
    assert shown == "warning: http://***@example.com/v1 \\x1b[2J\n"
