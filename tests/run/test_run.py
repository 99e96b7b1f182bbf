"""The folder of a run."""

import json
import resource
import warnings
from pathlib import Path

import pytest

from ttom_pl.cli._errors import explain
from ttom_pl.run import Result, RunError, RunFolder, Skipped, read_results


def served(id: str, number: int = 1, prompt: str = "a cat") -> Result:
    return Result(id, number, prompt)


def test_results_survive_reopening(tmp_path: Path) -> None:
    """By id; the last line of an id counts."""
    folder = RunFolder.open(tmp_path / "new" / "run", "a: 1")
    assert len(folder.results()) == 0
    for result in (served("x", 1), served("ü", 2), Skipped("y", "a dog", "why"), served("x", 3)):
        folder.append(result)
    results = RunFolder.open(folder.path, "a: 1").results()
    assert list(results.lines) == ["x", "ü", "y"]
    assert results.served == {"x": served("x", 3), "ü": served("ü", 2)}
    assert results.skipped == {"y": Skipped("y", "a dog", "why")}
    with pytest.raises(KeyError, match="'y' was skipped: why"):
        results["y"]
    assert (folder.path / "config.yaml").read_text() == "a: 1"
    assert (folder.path / "videos").is_dir()


@pytest.mark.parametrize("cut", [1, 5, 10])
def test_a_torn_last_line_does_not_count_and_does_no_harm(tmp_path: Path, cut: int) -> None:
    folder = RunFolder.open(tmp_path)
    folder.append(served("a"))
    folder.append(served("b"))
    path = tmp_path / "results.jsonl"
    path.write_bytes(path.read_bytes()[:-cut])
    assert "a" in folder.results().lines
    folder.append(served("c"))
    expected = {"a", "b", "c"} if cut == 1 else {"a", "c"}
    assert folder.results().lines.keys() == expected
    assert json.loads(path.read_text().splitlines()[-1])["id"] == "c"


def test_text_torn_within_a_character(tmp_path: Path) -> None:
    """A kill can leave half of a UTF-8 sequence."""
    folder = RunFolder.open(tmp_path)
    folder.append(served("a"))
    with open(tmp_path / "results.jsonl", "ab") as file:
        file.write('{"id": "ü'.encode()[:-1])
    assert folder.results().lines.keys() == {"a"}
    folder.append(served("b"))
    assert folder.results().lines.keys() == {"a", "b"}


def test_line_separators_within_a_prompt(tmp_path: Path) -> None:
    """JSON leaves U+2028 as it is; it ends no line."""
    folder = RunFolder.open(tmp_path)
    folder.append(served("a", prompt="two\u2028lines\x85"))
    assert folder.results()["a"].prompt == "two\u2028lines\x85"


@pytest.mark.parametrize(
    "line",
    [
        "3",
        "[]",
        '{"id": "a"}',
        '{"id": "a", "number": "x", "prompt": ""}',
        '{"id": "a", "number": 1e999, "prompt": ""}',
    ],
)
def test_a_line_that_is_no_result_is_named(tmp_path: Path, line: str) -> None:
    """It is whole, so that no kill has left it."""
    folder = RunFolder.open(tmp_path)
    folder.append(served("a"))
    with open(tmp_path / "results.jsonl", "a") as file:
        file.write(line + "\n")
    with pytest.raises(RunError, match=r"line 2 of .*results\.jsonl' is no result"):
        folder.results()


def test_another_config_is_refused(tmp_path: Path) -> None:
    RunFolder.open(tmp_path, "a: 1").append(served("x"))
    with pytest.raises(RunError, match="holds a run with another config"):
        RunFolder.open(tmp_path, "a: 2")
    assert (tmp_path / "config.yaml").read_text() == "a: 1"


def test_what_differs_in_another_config_is_named(tmp_path: Path) -> None:
    """With both values; how the file is written does not matter, nor the prompts' file, nor where the folder
    is now, nor what changes no video."""
    old = "model: {lr: 0.1, rank: 4}\ndata: {prompts: a.txt}\nstream: {on_error: skip, out: runs/a}\n"
    RunFolder.open(tmp_path, old).append(served("x"))
    same = "# the same\nstream:\n  on_error: raise\n  out: /moved/a\nmodel: {rank: 4, lr: 0.1}\ndata: {prompts: b.txt}"
    RunFolder.open(tmp_path, same)
    with pytest.raises(RunError, match=r"another config \(model\.lr was 0\.1, is 0\.2; seed was null, is 3\)"):
        RunFolder.open(tmp_path, old.replace("0.1", "0.2") + "seed: 3\n")


def test_an_option_that_is_gone_does_not_keep_a_run_from_going_on(tmp_path: Path) -> None:
    """One that had no effect on results; any other is named."""
    old = "model: {backbone: {init_args: {chunk_size: 1024, height: 32}}}"
    RunFolder.open(tmp_path, old).append(served("a"))
    RunFolder.open(tmp_path, "model: {backbone: {init_args: {height: 32}}}")
    with pytest.raises(RunError, match="height was 32, is null"):
        RunFolder.open(tmp_path, "model: {backbone: {init_args: {}}}")


def test_another_config_is_fine_before_the_first_result(tmp_path: Path) -> None:
    RunFolder.open(tmp_path, "a: 1")
    RunFolder.open(tmp_path, "a: 2")
    assert (tmp_path / "config.yaml").read_text() == "a: 2"


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """A file is in the way: this holds for every user, root too."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(RunError, match="cannot write to the run folder"):
            RunFolder.open(path)


def test_folder_that_is_no_run(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"is no run: it has no results\.jsonl"):
        read_results(tmp_path)


def test_what_a_kill_has_left_is_removed(tmp_path: Path) -> None:
    """But for the files of a memory and a report, which another process may be writing now."""
    names = ["config.yaml", "videos/0001.mp4", "attention/0001.json", "memory/pictures/a.png", "report/0001.js"]
    paths = [tmp_path / f"{name}.0123abcd.unfinished" for name in [*names, "report.html"]]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    RunFolder.open(tmp_path)
    assert [path for path in paths if path.exists()] == paths[3:]


def test_a_full_disk_is_told_as_one(tmp_path: Path) -> None:
    """Another folder on the same disk would not help."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as raised:
            RunFolder.open(tmp_path, "a: 1\n" * 100)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "config.yaml; make room, or let files grow further" in str(explain(raised.value))


def test_flipped_bits_of_results(tmp_path: Path) -> None:
    """Every bit: the line does not count or tells what it did, and those beside it stay."""
    folder = RunFolder.open(tmp_path)
    written = [served("a", 1, "a ü"), served("b", 2), Skipped("c", "a dog", "why")]
    for line in written:
        folder.append(line)
    path = tmp_path / "results.jsonl"
    whole = path.read_bytes()
    ends = [at for at, byte in enumerate(whole) if byte == ord("\n")]
    for at in range(len(whole)):
        for bit in range(8):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << bit]) + whole[at + 1 :])
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                lines = folder.results().lines
            line = sum(end < at for end in ends)
            hit = {line, line + 1} if at in ends else {line}
            assert all(lines.get(each.id) == each for i, each in enumerate(written) if i not in hit), (at, bit)
            assert all(each in written for each in lines.values()), (at, bit)
            assert not told or f"line {line + 1} of" in str(told[0].message)


def test_results_of_earlier_versions_and_edited_ones(tmp_path: Path) -> None:
    """They have no checksum."""
    folder = RunFolder.open(tmp_path)
    folder.append(served("a"))
    path = tmp_path / "results.jsonl"
    edited = {**json.loads(path.read_text()), "prompt": "a cow"}
    path.write_text(json.dumps(edited) + "\n")
    with pytest.warns(UserWarning, match=r"line 1 of .* is damaged .* removes its crc32"):
        assert len(folder.results()) == 0
    path.write_text(json.dumps({name: value for name, value in edited.items() if name != "crc32"}) + "\n")
    assert folder.results()["a"].prompt == "a cow"


@pytest.mark.parametrize("content", [b"", b"\xff123", b"12 4", b"12\x004"])
def test_a_damaged_name_is_drawn_anew(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".run_id").write_bytes(content)
    name = RunFolder(tmp_path).id
    assert name.isalnum()
    assert RunFolder(tmp_path).id == name
