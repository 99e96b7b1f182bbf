"""``ttom memory``: every subcommand, as text and as JSON."""

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file

from ttom_pl.cli import main as ttom
from ttom_pl.memory import AdapterSpec, Memory
from ttom_pl.memory.attention_maps import pack_maps

SPEC = AdapterSpec(rank=2, alpha=2, target_modules=("blocks.0.attn2.to_q", "blocks.1.attn2.to_q"), active_steps=5)


@pytest.fixture
def folder(tmp_path, layout):
    """A memory in a run folder: three entries, a history, attention maps with the first."""
    generator = torch.Generator().manual_seed(0)
    maps = torch.rand(2, 3, 8, 8, generator=generator)
    with Memory(tmp_path / "run" / "memory") as memory:
        for i in range(3):
            adapter = {
                f"transformer.blocks.{block}.attn2.to_q.lora_{matrix}.weight": torch.randn(shape, generator=generator)
                for block in range(2)
                for matrix, shape in (("A", (2, 4)), ("B", (4, 2)))
            }
            memory.record_miss()
            entry = memory.insert(
                adapter,
                key=np.eye(4)[i],
                key_text=f"<object_0> scene {i}",
                prompt=layout.prompt,
                fingerprint="wan",
                spec=SPEC,
                layout=layout.to_dict() if i < 2 else None,
                loss_before=0.5,
                loss_after=0.1,
                iterations=40,
                parents=("abc",) if i else (),
                extra={"attention": {"before": pack_maps(maps), "after": pack_maps(maps**2)}} if i == 0 else None,
            )
            memory.record_use(entry.id, 10 * i)
    return tmp_path / "run" / "memory"


@pytest.fixture
def run(capsys):
    """Run a command and return what it prints, and as JSON too."""

    def run(*words):
        ttom(["memory", *map(str, words)])
        return capsys.readouterr().out

    return run


def refused(capsys, *words):
    with pytest.raises(SystemExit) as exit:
        ttom(["memory", *map(str, words)])
    assert exit.value.code == 2
    return capsys.readouterr().err


def ids(folder):
    with Memory(folder) as memory:
        return [entry.id for entry in memory]


def test_list(run, folder):
    text = run("list", folder)
    assert text.splitlines()[0].split() == ["id", "hits", "saved", "loss", "size", "last", "used", "scene"]
    assert "0.500 → 0.100" in text
    assert text.splitlines()[-1].startswith("3 entries")
    listed = json.loads(run("list", "--path", folder, "--json", "--limit", 2))
    assert [entry["id"] for entry in listed] == ids(folder)[:0:-1]
    assert "key" not in listed[0]


def test_a_run_folder_and_the_current_one_will_do(run, folder, monkeypatch):
    expected = run("list", folder)
    assert run("list", folder.parent) == expected
    monkeypatch.chdir(folder)
    assert run("list") == expected


def test_show(run, folder):
    first, second, third = ids(folder)
    text = run("show", folder, first[:8])
    for fact in ("<object_0> scene 0", "the neutral adapter", "blocks.0", "blocks.1", "█", "first 5 denoising steps"):
        assert fact in text
    with Image.open(folder / "pictures" / f"{first}.png") as picture:
        wide = picture.width
    shown = json.loads(run("show", second, "--path", folder, "--json", "--picture", folder / "x.png"))
    assert shown["parents"] == ["abc"]
    assert set(shown["block_norms"]) == {"blocks.0", "blocks.1"}
    with Image.open(shown["picture"]) as picture:  # no attention maps
        assert picture.width < wide
    assert json.loads(run("show", folder, third, "--json"))["picture"] is None


def test_verify(run, folder):
    assert json.loads(run("verify", folder, "--json"))["clean"]
    path = next(folder.glob("adapters/*"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(SystemExit) as exit:
        run("verify", folder)
    assert exit.value.code == 1
    with pytest.warns(UserWarning, match="quarantined"):
        assert "damaged, quarantined" in run("verify", folder, "--repair")
    assert "2 sound entries" in run("verify", folder)
    (folder / "memory.sqlite").unlink()
    assert "rebuilt" in run("verify", folder, "--repair")
    assert len(ids(folder)) == 2


def test_export_and_import(run, folder, tmp_path):
    assert "3 entries" in run("export", folder, tmp_path / "out.ttom")
    assert "3 entries added" in run("import", tmp_path / "new", tmp_path / "out.ttom")
    assert ids(tmp_path / "new") == ids(folder)
    (tmp_path / "made").mkdir()
    assert "3 entries added" in run("import", tmp_path / "made", tmp_path / "out.ttom")
    imported = json.loads(run("import", tmp_path / "small", tmp_path / "out.ttom", "--capacity", 1, "--json"))
    assert len(imported["evicted"]) == 2


@pytest.mark.parametrize(
    ("format", "file"), [("diffusers", ""), ("comfyui", ""), ("peft", "adapter_model.safetensors")]
)
def test_export_of_an_entry(run, folder, tmp_path, format, file):
    out = tmp_path / "exported"
    text = run("export", folder, out, "--id", ids(folder)[0], "--format", format)
    assert "first 5 denoising steps only" in text
    names = set(load_file(out / file if file else out))
    expected = {
        "diffusers": "transformer.blocks.1.attn2.to_q.lora_A.weight",
        "comfyui": "diffusion_model.blocks.1.cross_attn.q.lora_A.weight",
        "peft": "base_model.model.blocks.1.attn2.to_q.lora_A.weight",
    }
    assert expected[format] in names


def test_prune(run, folder):
    kept = ids(folder)[1:]
    assert "1 entries forgotten, 2 left" in run("prune", folder, "--capacity", 2)
    assert ids(folder) == kept
    assert (
        json.loads(run("prune", folder, "--capacity-bytes", 130, "--eviction", "LeastIterationsSaved", "--json"))[
            "left"
        ]
        == 1
    )
    assert ids(folder) == kept[1:]


def test_merge(run, folder, tmp_path):
    with Memory(tmp_path / "empty"):
        pass
    assert "3 entries added" in run("merge", tmp_path / "empty", folder)
    assert ids(tmp_path / "empty") == ids(folder)
    assert "0 entries added, 0 brought up to date" in run("merge", tmp_path / "empty", folder)


def test_stats(run, folder):
    text = run("stats", folder, "--windows", 2)
    assert "6 prompts, 3 hits (50%), 30 iterations saved" in text
    assert "1-3" in text
    plotted = json.loads(run("stats", folder, "--json", "--plot", folder / "plot.png"))
    assert (plotted["hit_rate"], plotted["iterations_saved"], len(plotted["windows"])) == (0.5, 30, 6)
    with Image.open(folder / "plot.png") as picture:
        assert picture.width > 400


def test_stats_of_a_new_memory(run, tmp_path):
    with Memory(tmp_path / "new"):
        pass
    assert "not been asked" in run("stats", tmp_path / "new")


def test_errors_say_what_to_do(capsys, folder, tmp_path):
    assert "give the folder of a run or of a memory" in refused(capsys, "list", tmp_path / "absent")
    assert not (tmp_path / "absent").exists()
    assert "no entry 'zz'" in refused(capsys, "show", folder, "zz")
    assert "give more of the id" in refused(capsys, "show", folder, "")
    assert "give one" in refused(capsys, "list", folder, "--path", folder)
    assert "--id" in refused(capsys, "export", folder, tmp_path / "x", "--format", "peft")
    assert "--capacity" in refused(capsys, "prune", folder)
    (tmp_path / "bad").write_bytes(b"x")
    assert "is refused" in refused(capsys, "import", folder, tmp_path / "bad")
    assert "limit is -1; it must be at least 1" in refused(capsys, "list", folder, "--limit", "-1")
    assert "capacity is 0; it must be at least 1" in refused(capsys, "prune", folder, "--capacity", 0)
    assert 'Parser key "windows"' in refused(capsys, "stats", folder, "--windows", "x")
    assert "'MRU'" in refused(capsys, "prune", folder, "--capacity", 1, "--eviction", "MRU")
    assert "choose from 'list', 'show'" in refused(capsys, "forget", folder)
    assert "--lim" in refused(capsys, "list", folder, "--lim", "1")
    assert "is a folder" in refused(capsys, "export", folder, tmp_path)
    assert "is a folder" in refused(capsys, "export", folder, tmp_path, "--id", ids(folder)[0])
    assert "is a file" in refused(
        capsys, "export", folder, tmp_path / "bad", "--id", ids(folder)[0], "--format", "peft"
    )
    below_a_file = tmp_path / "bad" / "x"
    assert str(tmp_path / "bad") in refused(capsys, "export", folder, below_a_file, "--id", ids(folder)[0])
    (folder / "memory.sqlite").write_bytes(b"garbage" * 1000)
    assert "ttom memory verify --repair" in refused(capsys, "list", folder)


@pytest.fixture
def hostile(tmp_path):
    """A memory whose texts tell a terminal what to do."""
    text = "\x1b]0;owned\x07 a cat\x9b2J\n\r\u202emoves\u200b left"
    with Memory(tmp_path / "hostile") as memory:
        name = "transformer.blocks.0.attn2.to_q.lora_A.weight"
        given = {"key_text": text, "prompt": text, "fingerprint": text, "parents": [text], "extra": {text: text}}
        memory.insert({name: torch.ones(2, 4)}, key=np.ones(4), spec=SPEC, layout={"prompt": text}, **given)
    return tmp_path / "hostile"


def test_nothing_that_a_terminal_obeys_is_printed(run, capsys, hostile):
    (entry,) = ids(hostile)
    for words in (["list", hostile], ["show", hostile, entry]):
        for extra in ([], ["--json"]):
            printed = run(*words, *extra)
            assert all(each.isprintable() or each == "\n" for each in printed)
            assert "moves" in printed
    assert json.loads(run("list", hostile, "--json"))[0]["prompt"].startswith("\x1b]0;owned\x07 a cat\x9b2J\n")
    assert "no picture" in run("show", hostile, entry)
    path = next(hostile.glob("adapters/*"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(UserWarning, match="stays") as warned:
        refused(capsys, "show", hostile, entry)
    assert all(str(each.message).isprintable() for each in warned)
    path.unlink()
    with pytest.warns(UserWarning, match="quarantined") as warned:
        run("verify", hostile, "--repair")
    assert all(str(each.message).isprintable() for each in warned)


def test_looking_changes_no_byte(run, folder, tmp_path):
    def image():
        return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before, entry = image(), ids(folder)[0]
    before = image()
    for words in (
        ["list", folder],
        ["show", folder, entry, "--picture", tmp_path / "x.png"],
        ["stats", folder, "--plot", tmp_path / "y.png"],
        ["verify", folder],
        ["export", folder, tmp_path / "out"],
        ["export", folder, tmp_path / "lora", "--id", entry],
        ["merge", tmp_path / "out2", folder],
    ):
        if words[0] == "merge":
            with Memory(tmp_path / "out2"):
                pass
        run(*words)
        assert image() == before, words


def test_verify_tells_each_kind_of_damage(run, folder):
    with Memory(folder) as memory:
        memory.read(np.eye(4)[0], fingerprint="wan", spec=SPEC)
    snapshot = next(folder.glob("index/*"))
    snapshot.write_bytes(snapshot.read_bytes()[:-1] + b"x")
    (folder / "adapters" / "half.safetensors.tmp").write_bytes(b"x")
    with pytest.raises(SystemExit) as exit:
        run("verify", folder)
    assert exit.value.code == 1
    text = run("verify", folder, "--repair")
    assert f"damaged index, to be made anew: {snapshot.name}" in text
    assert "left over, put right: half.safetensors.tmp" in text
    assert run("verify", folder) == "3 sound entries\n"
    assert not snapshot.exists()
