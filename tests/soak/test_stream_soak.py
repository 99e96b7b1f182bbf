"""All faults of a stream for minutes: kills, four streams, full disks, flips; prints its counts (pytest -m slow -s)."""

import json
import random
import shutil
import subprocess
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from commands import ENVIRONMENT, ROOT, Command, Forks
from test_replay import frames, state

from ttom_pl.memory import Memory, verify_folder
from ttom_pl.run import read_results

KILLS, STARTS, FOURS, STREAMS, DISKS, FLIPS = 36, 3, 2, 4, 4, 28
DISK = 6_000_000  # bytes
PROMPTS = (
    "a red circle moves left",
    "a green triangle moves left",
    "a blue square moves up",
    "three yellow squares move down",
    "a cyan circle moves up",
    "a purple triangle moves left",
)
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The main job on the embedded model, in few steps, with a memory that takes up everything and answers at once."""
    folder = tmp_path_factory.mktemp("config")
    (folder / "prompts.txt").write_text("\n".join(PROMPTS))
    config: dict[str, Any] = yaml.safe_load((ROOT / "configs" / "sprites.yaml").read_text())
    config["data"]["prompts"] = str(folder / "prompts.txt")
    config["model"]["backbone"]["init_args"]["num_inference_steps"] = 4
    config["model"] |= {"guided_steps": 1, "iterations": 2, "rank": 2}
    config["memory"] |= {"recall": {"min_merged": 1, "iterations": 1}, "keep": {"min_gain": -9.0}}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder / "config.yaml"


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    forks = Forks(tmp_path_factory.mktemp("logs"))
    yield forks
    forks.close()


@pytest.fixture(scope="module")
def words(config: Path) -> Callable[..., list[str]]:
    """The command that serves into a folder."""
    return lambda out, *more: ["stream", "--config", str(config), "--stream.out", str(out), *more]


@pytest.fixture(scope="module")
def whole(forks: Forks, words: Callable[..., list[str]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that nobody stopped."""
    run = new_run(tmp_path_factory.mktemp("runs") / "whole")
    start = time.monotonic()
    status, said = forks.run(words(run))
    assert status == 0, said
    (run.parent / "seconds").write_text(str(time.monotonic() - start))
    read = [result.memory and result.memory.read for result in read_results(run).served.values()]
    assert read == ["miss", "warm start", "miss", "miss", "warm start", "warm start"]
    return run


def new_run(path: Path) -> Path:
    """Make a run folder of the same name as all others, so that what it learns has the same name."""
    path.mkdir()
    (path / ".run_id").write_text("0123456789abcdef")
    return path


def seconds(whole: Path) -> float:
    """Return how long a whole run takes here."""
    return float((whole.parent / "seconds").read_text())


def lines(run: Path) -> list[bytes]:
    """Return the whole lines of the results."""
    path = run / "results.jsonl"
    return path.read_bytes().split(b"\n")[:-1] if path.exists() else []


def memory_of(run: Path) -> Path:
    return run / "memory"


def check_equal(run: Path, whole: Path) -> None:
    """All is as in the run that nobody stopped, and written once."""
    assert state(run) == state(whole)
    assert [json.loads(line)["id"] for line in lines(run)] == [json.loads(line)["id"] for line in lines(whole)]
    assert (frames(run) - frames(whole)).abs().mean() < 0.01  # x264 is not exact
    assert verify_folder(memory_of(run)).clean
    assert not (run / ".pending.safetensors").exists()
    unfinished = [str(path.relative_to(run)) for path in run.rglob("*.unfinished")]
    assert not [name for name in unfinished if not name.startswith("report")]
    for name in ("contact_sheet.png", "report.html"):
        assert (run / name).is_file()


def check_acknowledged(memory: Path, runs: list[Path]) -> None:
    """What a result says was written is there, and counted once."""
    decisions = [result.memory for run in runs for result in read_results(run).served.values()]
    with Memory(memory) as opened:
        entries = {entry.id: entry for entry in opened}
        for entry in entries.values():
            opened.load(entry)
        history = opened.history()
    inserted = [each.entry for each in decisions if each and each.write == "insert"]
    merged = Counter(each.entry for each in decisions if each and each.write == "update")
    hits = Counter(entry for each in decisions if each for entry in each.parents)
    assert len(set(inserted)) == len(inserted)
    assert set(inserted) == set(entries)
    assert {id: entry.merged for id, entry in entries.items()} == {id: 1 + merged[id] for id in entries}
    assert {id: entry.hits for id, entry in entries.items()} == {id: hits[id] for id in entries}
    assert len(history) == len(decisions)


def check_refused(said: str, *names: str) -> str:
    """Return the error, one line that names what is wrong; a stream never shows where in the program it was."""
    assert "Traceback" not in said, said
    (error,) = [line for line in said.replace("\r", "\n").split("\n") if line.startswith("ttom stream: error: ")]
    assert any(name in error for name in names), said
    return error


def go_on(forks: Forks, command: list[str], run: Path, rng: random.Random, longest: float) -> tuple[bool, list[bytes]]:
    """Start the command and kill it at a random moment; return whether it was at its end, and the lines of before."""
    before = lines(run)
    process = forks.start(command)
    time.sleep(rng.random() * longest)
    process.kill()
    status = process.wait()
    assert status in (0, -9), process.said()
    assert lines(run)[: len(before)] == before
    return status == 0, before


def test_kills(
    forks: Forks, words: Callable[..., list[str]], whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """At random moments, until the command is at its end; run after run."""
    rng, counts, start = random.Random(0), Counter(), time.monotonic()
    while counts["kills"] < KILLS:
        run = new_run(tmp_path / str(counts["runs"]))
        done = False
        while not done:
            done, before = go_on(forks, words(run), run, rng, 0.7 * seconds(whole))
            counts["kills"] += not done
            counts["kills that left a pending prompt"] += (run / ".pending.safetensors").exists()
            counts["kills among results"] += not done and 0 < len(lines(run)) < len(PROMPTS)
            counts["attempts that served something"] += len(lines(run)) > len(before)
        check_equal(run, whole)
        counts["runs"] += 1
    with capsys.disabled():
        print(f"\nkills of forked streams: {dict(counts)}, all equal; {time.monotonic() - start:.0f} s")


def test_kills_from_the_start(
    words: Callable[..., list[str]], whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of ``python -m ttom_pl stream`` as a user starts it, a moment after it has served something."""
    rng, run, kills, start = random.Random(1), new_run(tmp_path / "run"), 0, time.monotonic()
    command = [sys.executable, "-m", "ttom_pl", *words(run)]
    while True:
        before = len(lines(run))
        with open(tmp_path / "log", "wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env=ENVIRONMENT)
        while kills < STARTS and process.poll() is None and len(lines(run)) == before:
            time.sleep(0.01)
        if kills == STARTS:
            break
        time.sleep(rng.random() * 0.3)
        process.kill()
        kills += process.wait() == -9
    assert process.wait() == 0, (tmp_path / "log").read_text()
    check_equal(run, whole)
    with capsys.disabled():
        print(f"\nkills of python -m ttom_pl stream: {kills}, equal; {time.monotonic() - start:.0f} s")


def test_four_streams_with_one_memory(
    forks: Forks, words: Callable[..., list[str]], whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All at once, killed at random moments, until each is at its end; in turns, each with new run folders."""
    rng, counts, start, memory = random.Random(2), Counter(), time.monotonic(), tmp_path / "memory"
    runs: list[Path] = []
    for turn in range(FOURS):
        waiting = [tmp_path / f"{turn}-{number}" for number in range(STREAMS)]
        runs += waiting
        while waiting:
            before = {run: lines(run) for run in waiting}
            started: dict[Path, Command] = {
                run: forks.start(words(run, "--memory.path", str(memory))) for run in waiting
            }
            for run in rng.sample(waiting, len(waiting)):
                time.sleep(rng.random() * 0.4 * seconds(whole))
                started[run].kill()
            for run, process in started.items():
                status = process.wait()
                assert status in (0, -9), process.said()
                assert lines(run)[: len(before[run])] == before[run]
                counts["kills"] += status == -9
                waiting = waiting if status else [each for each in waiting if each != run]
            check_there(memory, [run for run in runs if run.is_dir()])
    check_acknowledged(memory, runs)
    assert verify_folder(memory).clean
    results = [result for run in runs for result in read_results(run).served.values()]
    assert len(results) == len(runs) * len(PROMPTS)
    assert all(len(lines(run)) == len(PROMPTS) for run in runs)
    counts += Counter(result.memory.write for result in results if result.memory)
    with capsys.disabled():
        said = f"{dict(counts)}, {len(results)} results, all there and counted once"
        print(f"\n{STREAMS} streams with one memory: {said}; {time.monotonic() - start:.0f} s")


def test_full_disks_by_the_size_of_files(
    forks: Forks, words: Callable[..., list[str]], whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file grows beyond a random size, in the run folder and the memory alike; then there is room again."""
    rng, counts, start = random.Random(3), Counter(), time.monotonic()
    for number in range(DISKS):
        run = new_run(tmp_path / str(number))
        for size in (int(10 ** rng.uniform(2, 5.2)) for _ in range(2)):
            counts += fill(forks, words(run), run, size)
            check_there(memory_of(run), [run])
        status, said = forks.run(words(run))
        assert status == 0, said
        check_equal(run, whole)
        counts["runs"] += 1
    assert counts["full"] >= DISKS
    with capsys.disabled():
        print(f"\nfull by the size of files: {dict(counts)}, all equal; {time.monotonic() - start:.0f} s")


def fill(forks: Forks, command: list[str], run: Path, size: int | None) -> Counter[str]:
    """Serve while the disk is full, and count what came of it."""
    before = lines(run)
    status, said = forks.run(command, size)
    assert lines(run)[: len(before)] == before
    if status == 0:
        return Counter(["had room"])
    assert status == 2, said
    error = check_refused(said, "make room", "free space")
    return Counter(["full", "full: " + ("memory" if "memory" in error else "run folder")])


def test_full_disks(
    words: Callable[..., list[str]], whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk of some MB, of which a random part is taken; then there is room again."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["unshare", "-rm", "sh", "-c", f'mount -t tmpfs -o size={DISK} none {disk} && exec "$@"', "sh"]
    if subprocess.run([*mount, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no disk can be mounted here")
    rng, counts, start = random.Random(4), Counter(), time.monotonic()
    forks = Forks(tmp_path, mount)
    seen = Path(f"/proc/{forks.pid}/root{disk}")  # the mount is that process's own
    for number in range(DISKS):
        run = new_run(seen / str(number))
        command = words(disk / str(number))
        for free in (int(10 ** rng.uniform(3, 6)) for _ in range(2)):
            taken = seen / "taken"
            taken.write_bytes(bytes(max(0, shutil.disk_usage(seen).free - free)))
            counts += fill(forks, command, run, None)
            taken.unlink()
            copy = copied(run, tmp_path)
            check_there(memory_of(copy), [copy])
        status, said = forks.run(command)
        assert status == 0, said
        check_equal(copied(run, tmp_path), whole)
        shutil.rmtree(run)
        counts["runs"] += 1
    forks.close()
    assert counts["full"] >= DISKS
    with capsys.disabled():
        print(f"\nfull disks: {dict(counts)}, all equal; {time.monotonic() - start:.0f} s")


def copied(run: Path, folder: Path) -> Path:
    """Copy a run from a mount of another process, where SQLite does not find its way."""
    shutil.rmtree(folder / "copy", ignore_errors=True)
    return Path(shutil.copytree(run, folder / "copy"))


def check_there(memory: Path, runs: list[Path]) -> None:
    """What a result says was written is there, whatever has become of the process that wrote it."""
    written = {
        result.memory.entry
        for run in runs
        if (run / "results.jsonl").exists()
        for result in read_results(run).served.values()
        if result.memory and result.memory.write != "none"
    }
    if not (memory / "memory.sqlite").exists():
        assert not written
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with Memory(memory) as opened:
            for entry in written:
                opened.load(entry)
    assert verify_folder(memory).clean


def test_flips(
    forks: Forks, words: Callable[..., list[str]], whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bit turned over in a stopped run or its memory, which has the last prompt already; its result is missing."""
    stopped, counts, start = new_run(tmp_path / "stopped"), Counter(), time.monotonic()
    process = forks.start(words(stopped), lines=4)
    assert process.wait() == -9
    assert len(lines(stopped)) == 4
    assert (stopped / ".pending.safetensors").is_file()
    for seed in range(FLIPS):
        rng, run = random.Random(5000 + seed), tmp_path / "flipped"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(stopped, run)
        place = rng.choices(list(PLACES), [share for _, share in PLACES.values()])[0]
        path = rng.choice(sorted(each for each in run.glob(PLACES[place][0]) if each.is_file()))
        hit = flip(path, rng)
        counts += Counter([place]) + go_on_after(forks, words(run), run, path, hit, stopped)
    with capsys.disabled():
        print(f"\n{FLIPS} flips in a stopped run: {dict(sorted(counts.items()))}; {time.monotonic() - start:.0f} s")


PLACES = {
    "results": ("results.jsonl", 0.25),
    "pending": (".pending.safetensors", 0.15),
    "config": ("config.yaml", 0.1),
    "run id": (".run_id", 0.05),
    "videos": ("videos/*", 0.1),
    "attention": ("attention/*", 0.05),
    "database": ("memory/memory.sqlite*", 0.15),
    "adapters": ("memory/adapters/*", 0.15),
}


def flip(path: Path, rng: random.Random) -> set[int]:
    """Turn over a bit, and return the lines that it may spoil, from 0."""
    data = bytearray(path.read_bytes())
    at = rng.randrange(len(data))
    ends = {place for place, byte in enumerate(data) if byte == ord("\n")}
    data[at] ^= 1 << rng.randrange(8)
    path.write_bytes(data)
    line = sum(end < at for end in ends)
    return {line, line + 1} if at in ends else {line}


def go_on_after(forks: Forks, command: list[str], run: Path, path: Path, hit: set[int], stopped: Path) -> Counter[str]:
    """Go on, after the remedy that an error names where there is one, and count what came of it."""
    place, counts = path.relative_to(run), Counter[str]()
    sound = [line for number, line in enumerate(lines(stopped)) if path.name != "results.jsonl" or number not in hit]
    known = {line: json.loads(line)["id"] for line in sound}
    status, said = forks.run(command)
    assert "Traceback" not in said, f"{place}: {said}"
    if status:
        assert status == 2, f"{place}: {said}"
        error = check_refused(said, path.name, str(run))
        counts["told, with a remedy that helps"] += 1
        if place.parts[0] == "memory":
            assert "ttom memory verify --repair" in error
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                verify_folder(memory_of(run), repair=True)
        else:
            assert path.name in error
            shutil.copy(stopped / place, path)  # "put it back", "mend it"
        status, said = forks.run(command)
        assert status == 0, f"{place}: {said}"
    else:
        counts["told, and gone on" if "damaged" in said or "served again" in said else "gone on"] += 1
    results = read_results(run)
    assert sorted(results.served) == [f"{number:04}" for number in range(1, len(PROMPTS) + 1)]
    assert set(lines(run)) >= set(sound), place
    served = [json.loads(line)["id"] for line in lines(run)[len(lines(stopped)) :]]
    assert not set(served) & set(known.values()), place  # what is sound is not served once more
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not verify_folder(memory_of(run)).clean:
            assert place.parts[0] == "memory", place
            counts["found by verify"] += 1
            verify_folder(memory_of(run), repair=True)
        assert verify_folder(memory_of(run)).clean
        with Memory(memory_of(run)) as opened:
            entries, history = {entry.id for entry in opened}, opened.history()
    written = {result.memory.entry for result in results.served.values() if result.memory}
    lost = path.name.split("-")[0] if place.parent.name == "adapters" else None
    assert entries >= written - {lost}, place
    assert len(history) == len(PROMPTS) or place.parts[0] == "memory" or place.name == ".run_id", place
    return counts
