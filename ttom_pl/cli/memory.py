"""``ttom memory``: look at a memory, check it, carry it elsewhere."""

import json
import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from ttom_pl.cli._parser import make_parser
from ttom_pl.io.plain import plain_json, plain_lines
from ttom_pl.io.ranges import check_range
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
from ttom_pl.memory.entry import first_steps
from ttom_pl.memory.formats import Format
from ttom_pl.memory.rows_and_files import DATABASE
from ttom_pl.report.hit_rate_plot import write_history_plot
from ttom_pl.report.memory_tables import entry_facts, entry_table, norm_table, size, window_table

POLICIES = {policy.__name__: policy for policy in (LFU, LRU, FIFO, AgeingLFU, LeastIterationsSaved)}
_UNBOUNDED = sys.maxsize
_POSITIVE = {"limit", "windows", "capacity", "capacity_bytes"}


def main(args: Sequence[str]) -> None:
    """Run a subcommand, e.g. ``list runs/sprites/memory``."""
    config = _parser().parse_args(list(args))
    command = config.command
    options = config[command]
    for name in _POSITIVE & set(options.keys()):
        check_range(name, options[name], least=1)
    options.path = _folder(command, options)
    result, text = _COMMANDS[command](options)
    print(plain_json(json.dumps(result, indent=2, ensure_ascii=False)) if options.json else plain_lines(text))
    if command == "verify" and not (result["clean"] or result["repaired"]):
        sys.exit(1)


def _parser() -> ArgumentParser:
    parser = make_parser("memory", __doc__)
    commands = parser.add_subcommands(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> ArgumentParser:
        sub = make_parser(f"memory {name}", text)
        sub.add_argument(
            "memory", nargs="?", type=Path, help="folder of a memory, or of a run; else the working folder"
        )
        sub.add_argument("--path", type=Path | None, help="the same, as an option")
        sub.add_argument("--json", action="store_true", help="print JSON in place of text")
        commands.add_subcommand(name, sub, help=text)
        sub.prog = f"ttom memory {name}"
        return sub

    sub = command("list", "list the entries, the latest used first")
    sub.add_argument("--limit", type=int | None, help="print at most so many")
    sub = command("show", "tell where an entry comes from and how it was used, and draw it")
    sub.add_argument("id", type=str, help="the entry, or the beginning of its id")
    sub.add_argument("--picture", type=Path | None, help="file of the picture; else pictures/ID.png in the memory")
    sub = command("verify", "read everything and check it; exits with 1 if anything is wrong")
    sub.add_argument("--repair", action="store_true", help="put right what can be, from the adapter files")
    sub = command("export", "write the memory to one file, or an entry for another tool")
    sub.add_argument(
        "out", type=Path, help="file to write, e.g. memory.ttom or lora.safetensors; with --format peft a folder"
    )
    sub.add_argument("--id", type=str | None, help="export this entry alone")
    sub.add_argument("--format", type=Format | None, help="of an entry; else diffusers")
    sub = command("import", "take over the entries of an exported file")
    sub.add_argument("file", type=Path, help="what `ttom memory export` wrote")
    _add_capacity(sub)
    sub = command("prune", "forget entries until no more than the capacity is left")
    _add_capacity(sub)
    sub = command("merge", "take over the entries of another memory")
    sub.add_argument("other", type=Path, help="folder of the other memory, which stays as it is")
    _add_capacity(sub)
    sub = command("stats", "tell how well the memory has served, over time")
    sub.add_argument("--windows", type=int, default=10, help="lines of the table")
    sub.add_argument("--plot", type=Path | None, help="file of the plot; else pictures/stats.png in the memory")
    return parser


def _add_capacity(sub: ArgumentParser) -> None:
    sub.add_argument("--capacity", type=int | None, help="entries to keep at most; else all")
    sub.add_argument("--capacity-bytes", type=int | None, help="bytes of adapters to keep at most; else all")
    sub.add_argument("--eviction", choices=list(POLICIES), default="LFU", help="which go first")


def _folder(command: str, options: Namespace) -> Path:
    if options.memory and options.path:
        raise ValueError(f"two memories are given, {options.memory} and --path {options.path}; give one")
    path: Path = options.memory or options.path or Path()
    if command == "import" and (not path.exists() or (path.is_dir() and not any(path.iterdir()))):
        return path
    return _existing(path, command == "verify")


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


def _open(options: Namespace) -> Memory:
    if "capacity" not in options:
        return Memory(options.path, capacity=_UNBOUNDED, read_only=True)
    return Memory(options.path, options.capacity or _UNBOUNDED, options.capacity_bytes, POLICIES[options.eviction]())


def _find(memory: Memory, prefix: str) -> Entry:
    beginning = [entry for entry in memory if entry.id.startswith(prefix)]
    if not beginning:
        raise EntryNotFoundError(prefix)
    if len(beginning) > 1 and prefix not in {entry.id for entry in beginning}:
        raise ValueError(f"{len(beginning)} entries begin with {prefix!r}; give more of the id, as {beginning[0].id!r}")
    return next((entry for entry in beginning if entry.id == prefix), beginning[0])


def _public(entry: Entry) -> dict[str, Any]:
    return {name: value for name, value in entry.to_dict().items() if name not in ("key", "extra")}


def _list(options: Namespace) -> tuple[Any, str]:
    with _open(options) as memory:
        entries = sorted(memory, key=lambda entry: entry.last_used, reverse=True)[: options.limit]
        total = f"{len(memory)} entries, {size(memory.nbytes)}"
    return [_public(entry) for entry in entries], f"{entry_table(entries)}\n{total}"


def _show(options: Namespace) -> tuple[Any, str]:
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


def _verify(options: Namespace) -> tuple[Any, str]:
    report = verify_folder(options.path, options.repair)
    lines = [f"{report.entries} sound entries"]
    done = {"damaged": ", quarantined", "left over": ", put right", "damaged index": ", to be made anew"}
    faults = {"damaged": report.damaged, "left over": report.orphans, "damaged index": report.index}
    for what, names in faults.items():
        lines += [f"{what}{done[what] if report.repaired else ''}: {name}" for name in names]
    lines += [f"database: {report.database}"] if report.database else []
    return vars(report) | {"clean": report.clean}, "\n".join(lines)


def _export(options: Namespace) -> tuple[Any, str]:
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
    note = f"switch it on for {first_steps(entry.spec.active_steps)} only"
    return {"id": entry.id, "file": str(path), "active_steps": entry.spec.active_steps}, f"{path}\n{note}"


def _import(options: Namespace) -> tuple[Any, str]:
    with _open(options) as memory:
        adopted = import_memory(memory, options.file)
    return vars(adopted), _adopted(*map(len, vars(adopted).values()))


def _merge(options: Namespace) -> tuple[Any, str]:
    with _open(options) as memory, Memory(_existing(options.other), read_only=True) as other:
        adopted = merge_memories(memory, other)
    return vars(adopted), _adopted(*map(len, vars(adopted).values()))


def _prune(options: Namespace) -> tuple[Any, str]:
    if options.capacity is None and options.capacity_bytes is None:
        raise ValueError("nothing to prune to; give --capacity or --capacity-bytes")
    with _open(options) as memory:
        evicted = memory.prune()
        left = len(memory)
    return {"evicted": evicted, "left": left}, f"{len(evicted)} entries forgotten, {left} left"


def _stats(options: Namespace) -> tuple[Any, str]:
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


_COMMANDS: dict[str, Callable[[Namespace], tuple[Any, str]]] = {
    "list": _list,
    "show": _show,
    "verify": _verify,
    "export": _export,
    "import": _import,
    "prune": _prune,
    "merge": _merge,
    "stats": _stats,
}
