"""Every file that is rewritten: a failure or a kill in the middle of it leaves what was there."""

import ast
import os
import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ttom_pl.chat.cache import AnswerCache
from ttom_pl.io.media import contact_sheet, film_strip, read_mp4, write_mp4, write_picture
from ttom_pl.io.whole_files import UNFINISHED, replacing, replacing_in, write_bytes, write_text
from ttom_pl.layout import Layout, Track
from ttom_pl.memory import AdapterSpec, Memory, MemoryWriteError, export_adapter, export_memory
from ttom_pl.memory.history import Lookup
from ttom_pl.probe.result import ProbeResult
from ttom_pl.prompts.authors import write_authors_cache
from ttom_pl.prompts.layout_files import read_layouts, write_layouts
from ttom_pl.report.heat_map import write_heat_map
from ttom_pl.report.hit_rate_plot import write_history_plot
from ttom_pl.report.page import write_page
from ttom_pl.report.preview import Plan, write_preview
from ttom_pl.report.preview.plans import write_gif

PACKAGE = Path(__file__).parents[2] / "ttom_pl"
LAYOUT = Layout("a red circle", (Track(0, "a red circle", ("circle",), ((0.0, 0.0, 0.5, 0.5), (0.5, 0.5, 1, 1))),), "a")
VIDEO = torch.rand(5, 3, 32, 32, generator=torch.Generator().manual_seed(0))
PROBED = ProbeResult(np.random.default_rng(0).random((2, 2, 3)), np.ones((2, 2, 3)), 0.1, 4, 4)


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Memory]:
    with Memory(tmp_path_factory.mktemp("memory")) as memory:
        adapter = {
            f"transformer.blocks.0.attn2.{layer}.lora_{m}.weight": torch.rand(*((2, 64), (64, 2))["AB".index(m)])
            for m in "AB"
            for layer in ("to_q", "to_k")
        }
        spec = AdapterSpec(2, 2.0, ("blocks.0.attn2.to_q", "blocks.0.attn2.to_k"), 2)
        memory.insert(
            adapter,
            key=np.eye(4, dtype=np.float32)[0],
            key_text="x",
            prompt="x",
            layout={},
            fingerprint="f",
            spec=spec,
            loss_before=0.5,
            loss_after=0.1,
            iterations=3,
        )
        yield memory


def export_entry(memory: Memory, out: Path, format: Any) -> None:
    (entry,) = memory
    export_adapter(entry, memory.load(entry), out, format)


def answer(out: Path) -> None:
    """Answers are named by what was asked, so the one that is there is found by asking again."""
    AnswerCache(out.parent).put({"q": 1}, "yes " * 50)
    if not out.is_symlink():
        out.symlink_to(next(out.parent.glob("*.json")))


WRITERS: dict[str, tuple[str, Callable[[Memory, Path], Any]]] = {
    "text": ("a.txt", lambda _, out: write_text(out, "new" * 9)),
    "bytes": ("a.bin", lambda _, out: write_bytes(out, b"new" * 9)),
    "layouts": ("a.jsonl", lambda _, out: write_layouts(out, [LAYOUT] * 9)),
    "authors' cache": ("a.json", lambda _, out: write_authors_cache(out, [LAYOUT])),
    "answer of a language model": ("answer", lambda _, out: answer(out)),
    "video": ("a.mp4", lambda _, out: write_mp4(out, VIDEO, 8)),
    "picture": ("a.png", lambda _, out: write_picture(out, contact_sheet([("a", [film_strip(VIDEO)])]))),
    "preview": ("contact_sheet.png", lambda _, out: write_preview(out.parent, [Plan("a", "a", LAYOUT)])),
    "film of boxes": ("0001.gif", lambda _, out: write_gif(out, LAYOUT, (832, 480))),
    "page": ("report.html", lambda _, out: write_page(out.parent, "x", [])),
    "plot": ("a.png", lambda _, out: write_history_plot([Lookup(0.0, None, 0)] * 3, out)),
    "heat map": ("a.svg", lambda _, out: write_heat_map(PROBED, out)),
    "memory": ("a.ttom", export_memory),
    "adapter for diffusers": ("a.safetensors", lambda memory, out: export_entry(memory, out, "diffusers")),
    "adapter for ComfyUI": ("a.safetensors", lambda memory, out: export_entry(memory, out, "comfyui")),
    "adapter for PEFT": (
        "adapter_model.safetensors",
        lambda memory, out: export_entry(memory, out.parent, "peft"),
    ),
}


@contextmanager
def no_file_longer_than(size: int) -> Iterator[None]:
    """What a full disk does to a process: writing goes wrong in the middle of a file, in C libraries as in Python."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("kind", list(WRITERS))
def test_a_full_disk_in_the_middle_of_a_file_leaves_the_old_one(kind: str, tmp_path: Path, memory: Memory) -> None:
    name, write = WRITERS[kind]
    path = tmp_path / "out" / name
    path.parent.mkdir()
    write(memory, path)
    size = path.stat().st_size
    assert size > 8
    path.write_bytes(b"old")  # through the link where there is one
    before = sorted(path.parent.iterdir())
    with no_file_longer_than(size // 2), pytest.raises((OSError, MemoryWriteError)):
        write(memory, path)
    assert path.read_bytes() == b"old"
    assert sorted(path.parent.iterdir()) == before
    assert not list(tmp_path.glob(f"*{UNFINISHED}"))
    write(memory, path)  # and with space again it is written
    assert path.stat().st_size > 3


@pytest.mark.parametrize("kind", ["video", "layouts", "picture", "film of boxes"])
def test_what_is_written_beside_is_what_was_meant(kind: str, tmp_path: Path, memory: Memory) -> None:
    """The ending of the unfinished file does not tell the format any more."""
    name, write = WRITERS[kind]
    write(memory, tmp_path / name)
    match kind:
        case "video":
            assert read_mp4(tmp_path / name).shape == VIDEO.shape
        case "layouts":
            assert list(read_layouts(tmp_path / name)) == [LAYOUT] * 9
        case "picture":
            assert Image.open(tmp_path / name).format == "PNG"
        case "film of boxes":
            with Image.open(tmp_path / name) as film:
                assert (film.format, film.n_frames > 5) == ("GIF", True)  # type: ignore[attr-defined]


def fail(path: Path, error: BaseException) -> None:
    """Write a file halfway."""
    with replacing(path) as unfinished:
        unfinished.write_text("new")
        raise error


def test_an_exception_or_a_kill_while_writing(tmp_path: Path) -> None:
    """An exception leaves nothing behind; a kill leaves a file that says what it is."""
    path = tmp_path / "table.txt"
    path.write_text("old")
    with pytest.raises(KeyboardInterrupt):
        fail(path, KeyboardInterrupt())
    assert [each.name for each in tmp_path.iterdir()] == ["table.txt"]
    child = os.fork()
    if child == 0:
        with replacing(path) as unfinished:
            unfinished.write_text("new")
            os._exit(9)
    os.waitpid(child, 0)
    assert path.read_text() == "old"
    (left,) = (each for each in tmp_path.iterdir() if each != path)
    assert left.suffix == UNFINISHED


def test_two_writers_of_one_file(tmp_path: Path) -> None:
    """The file is that of one of them, whole."""
    path = tmp_path / "a.txt"
    with replacing(path) as first, replacing(path) as second:
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"


def test_permissions_links_and_pipes(tmp_path: Path) -> None:
    path, link = tmp_path / "a.txt", tmp_path / "link"
    write_text(path, "1")
    path.chmod(0o640)
    link.symlink_to(path)
    write_text(link, "2")
    assert link.is_symlink()
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("2", 0o640)
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_text(tmp_path / "pipe", "through")
    assert os.read(reader, 99) == b"through"
    os.close(reader)
    with pytest.raises(IsADirectoryError):
        write_text(tmp_path, "x")
    with pytest.raises(FileNotFoundError, match=r"nowhere/a\.txt'"):  # not the name of the unfinished file
        write_text(tmp_path / "nowhere" / "a.txt", "x")


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is protected from root")
def test_a_protected_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "1")
    path.chmod(0o444)
    with pytest.raises(PermissionError):
        write_text(path, "2")
    assert path.read_text() == "1"


def fill(folder: Path, error: OSError | None = None) -> None:
    """Write a file of a folder, and perhaps fail to write the next one."""
    with replacing_in(folder) as unfinished:
        (unfinished / "vae").mkdir()
        (unfinished / "vae" / "a").write_text("new")
        if error is not None:
            raise error


def test_a_folder_of_files(tmp_path: Path) -> None:
    """All are written before the first takes its place; others stay."""
    folder = tmp_path / "model"
    (folder / "vae").mkdir(parents=True)
    (folder / "vae" / "a").write_text("old")
    (folder / "README").write_text("read me")
    with pytest.raises(OSError, match="full"):
        fill(folder, OSError("full"))
    assert (folder / "vae" / "a").read_text() == "old"
    fill(folder)
    assert (folder / "vae" / "a").read_text() == "new"
    assert (folder / "README").read_text() == "read me"
    assert [each.name for each in tmp_path.iterdir()] == ["model"]


ALLOWED = {
    "io/whole_files.py",
    "run/results.py",  # appends
    "run/pending.py",  # within replacing()
    "memory/files.py",  # whole files too, durable or not, with names that a memory knows as left over
    "memory/database/header.py",  # two bytes of SQLite's
    "memory/database/raw_bytes.py",  # a copy in a folder of its own
    "memory/search/by_group.py",  # a snapshot of the index, beside
    "memory/search/approximate.py",  # the same
    "memory/rows_and_files.py",  # the same
}
_METHODS = {"write_text", "write_bytes", "savefig", "save_pretrained", "save_file", "tofile"}


def writes(tree: ast.AST) -> Iterator[ast.Call]:
    """Calls that write a file, but for those into memory or on one that is called ``unfinished``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            modes = [a.value for a in (*node.args, *(k.value for k in node.keywords)) if isinstance(a, ast.Constant)]
            opens = name == "open" and any(isinstance(m, str) and m[:1] in "wx" and len(m) < 4 for m in modes if m)
            method = isinstance(node.func, ast.Attribute) and name in _METHODS
            saves = name == "save" and not (modes == [] and not node.args)
            text = ast.unparse(node)
            elsewhere = "unfinished" in text or "buffer" in text or text.startswith("safetensors.torch.save(")
            if (opens or method or saves) and not elsewhere:
                yield node


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_other_code_writes_a_file_in_place(path: Path) -> None:
    if str(path.relative_to(PACKAGE)) not in ALLOWED:
        found = [f"line {call.lineno}: {ast.unparse(call)}" for call in writes(ast.parse(path.read_text()))]
        assert not found, "write it with ttom_pl.io.whole_files"


def test_the_search_for_such_code_finds_it() -> None:
    """Guards the test above."""
    code = "p.write_text('x')\nopen(p, 'w')\np.open('wb')\npicture.save(p)\ntorch.save(x, p)\nav.open(p, mode='w')"
    assert len(list(writes(ast.parse(code)))) == 6
    assert not list(
        writes(ast.parse("open(p)\np.read_text()\nself.open([n])\nopen(unfinished, 'w')\nwrite_text(p, t)"))
    )
