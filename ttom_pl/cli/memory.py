"""``ttom memory``: look at a memory, check it, carry it elsewhere."""

import argparse
import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args

from ttom_pl.io.plain import plain_json, plain_lines
from ttom_pl.memory import (
    FIFO,
    LFU,
    LRU,
    AgeingLFU,
    DamagedDatabaseError,
    Entry,
    EntryNotFoundError,
    LeastIterationsSaved,
    Memory,
    block_norms,
    export_adapter,
    export_memory,
    import_memory,
    memory_folder,
    merge_memories,
    verify_folder,
    windows,
)
from ttom_pl.memory.formats import Format
from ttom_pl.memory.rows_and_files import DATABASE
from ttom_pl.report.hit_rate_plot import write_history_plot
from ttom_pl.report.memory_tables import entry_facts, entry_table, norm_table, size, window_table

POLICIES = {policy.__name__: policy for policy in (LFU, LRU, FIFO, AgeingLFU, LeastIterationsSaved)}
_UNBOUNDED = sys.maxsize


def main(args: Sequence[str]) -> None:
    """Run a subcommand, e.g. ``list runs/sprites/memory``."""
    options = _parser().parse_args(list(args))
    options.path = _folder(options)
    result, text = options.run(options)
    print(plain_json(json.dumps(result, indent=2, ensure_ascii=False)) if options.json else plain_lines(text))
    if options.command == "verify" and not (result["clean"] or result["repaired"]):
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ttom memory", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(run: Any, text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(run.__name__.strip("_"), help=text, description=text)
        sub.add_argument("memory", nargs="?", type=Path, help="folder of a memory, or of a run (default: here)")
        sub.add_argument("--path", type=Path, help="the same, as an option")
        sub.add_argument("--json", action="store_true", help="print JSON in place of text")
        sub.set_defaults(run=run)
        return sub

    sub = command(_list, "list the entries, the latest used first")
    sub.add_argument("--limit", type=_positive, default=_UNBOUNDED, help="print at most so many")
    sub = command(_show, "tell where an entry comes from and how it was used, and draw it")
    sub.add_argument("id", help="the entry, or the beginning of its id")
    sub.add_argument("--picture", type=Path, help="file of the picture (default: pictures/ID.png in the memory)")
    sub = command(_verify, "read everything and check it; exits with 1 if anything is wrong")
    sub.add_argument("--repair", action="store_true", help="put right what can be, from the adapter files")
    sub = command(_export, "write the memory to one file, or an entry for another tool")
    sub.add_argument(
        "out", type=Path, help="file to write, e.g. memory.ttom or lora.safetensors; with --format peft a folder"
    )
    sub.add_argument("--id", help="export this entry alone")
    sub.add_argument("--format", choices=get_args(Format), help="of an entry (default: diffusers)")
    sub = command(_import, "take over the entries of an exported file")
    sub.add_argument("file", type=Path, help="what `ttom memory export` wrote")
    _add_capacity(sub)
    sub = command(_prune, "forget entries until no more than the capacity is left")
    _add_capacity(sub)
    sub = command(_merge, "take over the entries of another memory")
    sub.add_argument("other", type=Path, help="folder of the other memory, which stays as it is")
    _add_capacity(sub)
    sub = command(_stats, "tell how well the memory has served, over time")
    sub.add_argument("--windows", type=_positive, default=10, help="lines of the table")
    sub.add_argument("--plot", type=Path, help="file of the plot (default: pictures/stats.png in the memory)")
    return parser


def _add_capacity(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--capacity", type=_positive, default=_UNBOUNDED, help="entries to keep at most (default: all)")
    sub.add_argument("--capacity-bytes", type=_positive, help="bytes of adapters to keep at most (default: all)")
    sub.add_argument("--eviction", choices=POLICIES, default="LFU", help="which go first (default: LFU)")


def _positive(text: str) -> int:
    number = int(text) if text.lstrip("-").isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"it must be a whole number of at least 1, not {text!r}")
    return number


def _folder(options: argparse.Namespace) -> Path:
    if options.memory and options.path:
        raise ValueError(f"two memories are given, {options.memory} and --path {options.path}; give one")
    path: Path = options.memory or options.path or Path()
    if options.command == "import" and (not path.exists() or (path.is_dir() and not any(path.iterdir()))):
        return path
    return _existing(path, options.command == "verify")


def _existing(path: Path, damaged: bool = False) -> Path:
    """Return the folder of a memory, which may lie in the given one; ``damaged`` accepts one without a database."""
    folder = memory_folder(path)
    if folder is None:
        raise FileNotFoundError(
            f"there is no memory in {str(path)!r}; give the folder of a run or of a memory, one that holds {DATABASE}"
        )
    if not damaged and not (folder / DATABASE).is_file():
        raise DamagedDatabaseError(folder, "missing")
    return folder


def _open(options: argparse.Namespace) -> Memory:
    if "capacity" not in options:
        return Memory(options.path, capacity=_UNBOUNDED, read_only=True)
    return Memory(options.path, options.capacity, options.capacity_bytes, POLICIES[options.eviction]())


def _find(memory: Memory, prefix: str) -> Entry:
    beginning = [entry for entry in memory if entry.id.startswith(prefix)]
    if not beginning:
        raise EntryNotFoundError(prefix)
    if len(beginning) > 1 and prefix not in {entry.id for entry in beginning}:
        raise ValueError(f"{len(beginning)} entries begin with {prefix!r}; give more of the id, as {beginning[0].id!r}")
    return next((entry for entry in beginning if entry.id == prefix), beginning[0])


def _public(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in entry.to_dict().items() if name not in ("key", "extra")}


def _list(options: argparse.Namespace) -> tuple[Any, str]:
    with _open(options) as memory:
        entries = sorted(memory, key=lambda entry: entry.last_used, reverse=True)[: options.limit]
        total = f"{len(memory)} entries, {size(memory.nbytes)}"
    return [_public(entry) for entry in entries], f"{entry_table(entries)}\n{total}"


def _show(options: argparse.Namespace) -> tuple[Any, str]:
    with _open(options) as memory:
        entry = _find(memory, options.id)
        norms = block_norms(entry, memory.load(entry))
    blocks: dict[str, float] = {}
    for module, norm in norms.items():
        block = ".".join(module.split(".")[:2])
        blocks[block] = math.hypot(blocks.get(block, 0.0), norm)
    lines = [entry_facts(entry), "", norm_table(blocks)]
    result = _public(entry) | {"block_norms": blocks, "layer_norms": norms, "picture": None}
    if entry.layout:
        picture = options.picture or options.path / "pictures" / f"{entry.id}.png"
        result["picture"], note = _drawn(lambda: _draw(entry, picture), picture, bool(options.picture), "picture")
        lines += ["", note]
    return result, "\n".join(lines)


def _draw(entry: Entry, path: Path) -> None:
    from ttom_pl.io.media import write_picture  # video libraries, for this command alone
    from ttom_pl.report.entry_picture import entry_picture

    picture = entry_picture(entry)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_picture(path, picture)


def _drawn(draw: Callable[[], None], path: Path, asked_for: bool, name: str) -> tuple[str | None, str]:
    """Draw, and return the file and a line about it; where nobody asked for it, it may fail."""
    try:
        draw()
    except (OSError, ValueError, ModuleNotFoundError) as error:
        if asked_for and isinstance(error, OSError):
            raise
        hint = f"; name a file that can be written with --{name}" if isinstance(error, OSError) else ""
        return None, f"no {name}: {error}{hint}"
    return str(path), f"{name}: {path}"


def _verify(options: argparse.Namespace) -> tuple[Any, str]:
    report = verify_folder(options.path, options.repair)
    lines = [f"{report.entries} sound entries"]
    done = {"damaged": ", quarantined", "left over": ", put right", "damaged index": ", to be made anew"}
    faults = {"damaged": report.damaged, "left over": report.orphans, "damaged index": report.index}
    for what, names in faults.items():
        lines += [f"{what}{done[what] if report.repaired else ''}: {name}" for name in names]
    lines += [f"database: {report.database}"] if report.database else []
    return vars(report) | {"clean": report.clean}, "\n".join(lines)


def _export(options: argparse.Namespace) -> tuple[Any, str]:
    if options.format and not options.id:
        raise ValueError(f"--format {options.format} is for one entry; name it with --id")
    if options.format == "peft" and options.out.is_file():
        raise ValueError(f"{str(options.out)!r} is a file; --format peft writes a folder, give another name")
    if options.format != "peft" and options.out.is_dir():
        raise ValueError(f"{str(options.out)!r} is a folder; give the name of a file to write")
    with _open(options) as memory:
        if options.id is None:
            number = export_memory(memory, options.out)
            return {"entries": number, "file": str(options.out)}, f"{number} entries: {options.out}"
        entry = _find(memory, options.id)
        path = export_adapter(entry, memory.load(entry), options.out, options.format or "diffusers")
    note = f"switch it on for the first {entry.spec.active_steps} denoising steps only"
    return {"id": entry.id, "file": str(path), "active_steps": entry.spec.active_steps}, f"{path}\n{note}"


def _import(options: argparse.Namespace) -> tuple[Any, str]:
    with _open(options) as memory:
        adopted = import_memory(memory, options.file)
    return vars(adopted), _adopted(*map(len, vars(adopted).values()))


def _merge(options: argparse.Namespace) -> tuple[Any, str]:
    with _open(options) as memory, Memory(_existing(options.other), read_only=True) as other:
        adopted = merge_memories(memory, other)
    return vars(adopted), _adopted(*map(len, vars(adopted).values()))


def _prune(options: argparse.Namespace) -> tuple[Any, str]:
    if options.capacity == _UNBOUNDED and options.capacity_bytes is None:
        raise ValueError("nothing to prune to; give --capacity or --capacity-bytes")
    with _open(options) as memory:
        evicted = memory.prune()
        left = len(memory)
    return {"evicted": evicted, "left": left}, f"{len(evicted)} entries forgotten, {left} left"


def _stats(options: argparse.Namespace) -> tuple[Any, str]:
    with _open(options) as memory:
        history, number, nbytes = memory.history(), len(memory), memory.nbytes
    hits = sum(lookup.entry is not None for lookup in history)
    saved = sum(lookup.iterations_saved for lookup in history)
    summed = windows(history, options.windows)
    rate = hits / len(history) if history else 0.0
    result: dict[str, Any] = {"entries": number, "nbytes": nbytes, "lookups": len(history), "hits": hits}
    result |= {"hit_rate": rate, "iterations_saved": saved, "plot": None}
    result["windows"] = [vars(w) | {"hit_rate": w.hit_rate} for w in summed]
    lines = [f"{number} entries, {size(nbytes)}"]
    if not history:
        return result, "\n".join([*lines, "it has not been asked about any prompt yet"])
    lines += [f"{len(history)} prompts, {hits} hits ({rate:.0%}), {saved} iterations saved", ""]
    lines.append(window_table(summed))
    plot = options.plot or options.path / "pictures" / "stats.png"
    result["plot"], note = _drawn(lambda: write_history_plot(history, plot), plot, bool(options.plot), "plot")
    return result, "\n".join([*lines, "", note])


def _adopted(added: int, changed: int, evicted: int) -> str:
    return f"{added} entries added, {changed} brought up to date, {evicted} forgotten"
