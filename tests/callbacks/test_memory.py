"""The memory around the fit: what is read, what is written, and what is said about it."""

import json
from dataclasses import replace

import pytest
import torch
from memories import memory

from ttom_pl.callbacks import ParametricMemory, StreamCallback
from ttom_pl.memory import AdapterSpec, Memory, Replace
from ttom_pl.memory.attention_maps import pack_maps, unpack_maps
from ttom_pl.prompts import Prompt
from ttom_pl.recall import SceneMemory
from ttom_pl.recall.keys import scene_key
from ttom_pl.rehearsal import JointTTO, LayoutTTO
from ttom_pl.run import read_results
from ttom_pl.stream import Stream

SAME = ["a red circle moves left and a blue square moves up", "a green square moves left and a cyan circle moves up"]
OTHER = "a red circle moves right and a blue square moves down"


@pytest.fixture
def serve(make_backbone, make_trainer, tmp_path):
    """Serve prompts by a fresh model and return their results."""

    def run(texts, out="run", *callbacks, **options):
        steps, lr = options.pop("guided_steps", 2), options.pop("lr", 0.05)
        method = options.pop("method", None)
        module = LayoutTTO(
            make_backbone(), steps, iterations=3, loss_blocks=[1], rank=2, lr=lr, stop_loss=0.0, method=method
        )
        callback = memory(**({"path": tmp_path / "memory", "min_gain": -9.0} | options))
        prompts = [Prompt(f"{i:04d}", text) for i, text in enumerate(texts)]
        folder = Stream(tmp_path / out, on_error="raise").run(make_trainer(callback, *callbacks), module, prompts)
        return [result.memory for result in folder.results().served.values()]

    return run


@pytest.fixture
def stored(tmp_path):
    def entries():
        with Memory(tmp_path / "memory") as opened:
            return list(opened)

    return entries


def test_a_hit_starts_from_the_shifts_too(serve, stored, tmp_path):
    """The same prompt and noise again: with no share of what is remembered its losses are a miss's."""

    def losses(out, adapter, shift, mode="read-only"):
        (decision,) = serve(SAME[:1], out, method=JointTTO(), mode=mode, adapter=adapter, shift=shift)
        (result,) = read_results(tmp_path / out).served.values()
        assert decision.hit == (mode == "read-only")
        return result.iterations

    cold = losses("cold", 1.0, 1.0, "read-write")
    (entry,) = stored()
    assert entry.spec.shift == (2, 4, 5, 8, 8)
    assert entry.nbytes > 2 * 2 * 4 * 5 * 8 * 8
    assert losses("neither", 0.0, 0.0) == cold
    assert losses("shift", 0.0, 1.0)[0] < cold[0]
    assert losses("both", 1.0, 1.0)[0] < losses("shift again", 0.0, 1.0)[0]


def test_adapters_of_tto_do_not_answer_a_joint_rehearsal(serve, stored):
    serve(SAME[:1], "adapter")
    (joint,) = serve(SAME[:1], "joint", method=JointTTO())
    assert joint.read == "miss"
    assert [entry.spec.shift for entry in stored()] == [(), (2, 4, 5, 8, 8)]


def test_miss_then_warm_start(serve, stored):
    first, second, third = serve([*SAME, OTHER])
    assert (first.read, first.write, first.hit) == ("miss", "insert", False)
    assert (second.read, second.write, second.entry) == ("warm start", "update", first.entry)
    assert second.similarity > 0.9
    assert (third.read, third.hit_rate) == ("miss", 0.3333)
    entry = next(entry for entry in stored() if entry.id == first.entry)
    assert (entry.hits, entry.merged, entry.iterations, entry.extra["cold_iterations"]) == (1, 2, 12, 6)
    assert all(json.dumps(result.to_dict()) for result in (first, second, third))


def test_history_counts_each_prompt_once(serve, tmp_path):
    serve([SAME[0], SAME[1], OTHER], iterations=0)
    with Memory(tmp_path / "memory") as opened:
        assert [(lookup.entry is not None, lookup.iterations_saved) for lookup in opened.history()] == [
            (False, 0),
            (True, 6),
            (False, 0),
        ]


def test_verified_hit_is_not_optimised(serve, stored):
    serve(SAME[:1])
    (verified,) = serve(SAME[1:], "verified", verified_loss=1.0)
    assert (verified.read, verified.write, verified.reason) == ("verified hit", "none", "verified hit")
    assert 0 < verified.loaded_loss < 1
    assert verified.iterations_saved == 6
    (failed,) = serve(SAME[1:], "failed", verified_loss=0.0)
    assert (failed.read, failed.write) == ("warm start", "update")
    assert failed.loaded_loss == verified.loaded_loss


def test_used_as_it_is(serve):
    _, second = serve(SAME, iterations=0)
    assert (second.read, second.write, second.iterations_saved) == ("used as it is", "none", 6)


def test_hit_may_take_fewer_iterations(serve):
    first, second = serve(SAME, iterations=2)
    assert (first.read, second.read, second.write) == ("miss", "warm start", "update")
    assert second.iterations_saved == 6 - 2 * 2
    with pytest.raises(ValueError, match=r"recall\.iterations is -1"):
        memory(iterations=-1)


def test_young_entry_is_learnt_before_it_answers(serve, stored):
    """Until it has been learnt from three prompts, they start from neutral adapters; their mean is what answers."""
    first, second, third, fourth = serve([*SAME, SAME[0], SAME[1]], min_merged=3)
    assert [each.read for each in (first, second, third, fourth)] == ["miss", *["young entry"] * 2, "warm start"]
    assert [each.hit for each in (first, second, third, fourth)] == [False, False, False, True]
    assert [each.write for each in (second, third, fourth)] == ["update"] * 3
    assert {each.entry for each in (first, second, third, fourth)} == {first.entry}
    assert second.parents == ()
    (entry,) = stored()
    assert (entry.hits, entry.merged) == (1, 4)


def test_young_entry_starts_nothing(serve, tmp_path):
    """The prompt is served as without a memory."""
    for n in (1, 2):
        serve(SAME, f"run-{n}", min_merged=n, path=None)
    serve(SAME[1:], "alone", mode="off")
    at_once, young = (read_results(tmp_path / f"run-{n}")["0001"].losses for n in (1, 2))
    assert young == read_results(tmp_path / "alone")["0000"].losses != at_once


def test_memory_that_is_only_read_answers_with_what_it_has(serve):
    serve(SAME[:1])
    (result,) = serve(SAME[1:], "reader", mode="read-only", min_merged=3)
    assert result.hit
    with pytest.raises(ValueError, match="min_merged is 0"):
        memory(min_merged=0)


def test_modes(serve, stored):
    serve(SAME[:1])
    before = stored()
    (result,) = serve(SAME[1:], "read", mode="read-only")
    assert (result.read, result.write, result.reason) == ("warm start", "none", "the memory is read-only")
    assert stored() == before
    assert serve(SAME[:1], "off", mode="off") == [None]


def test_reading_a_memory_that_is_not_there(serve, tmp_path):
    with pytest.raises(ValueError, match=r"no memory in .*; give memory\.path"):
        ParametricMemory("read-only", path=tmp_path / "memory")  # before a model is loaded
    with pytest.raises(ValueError, match=r"no memory in .*run/memory"):
        serve(SAME[:1], mode="read-only", path=None)
    assert not (tmp_path / "memory").exists()
    assert not (tmp_path / "run" / "memory").exists()


def test_reading_a_memory_of_another_model(serve, tmp_path):
    tensors = {"transformer.blocks.0.attn2.to_q.lora_A.weight": torch.ones(2, 4)}
    spec = AdapterSpec(2, 2, ("blocks.0.attn2.to_q",), 5)
    with Memory(tmp_path / "memory") as opened:
        opened.insert(tensors, key=[1.0], key_text="", prompt="", fingerprint="another", spec=spec)
    with pytest.warns(UserWarning, match="holds nothing for this model.*, of 1 entries"):
        (result,) = serve(SAME[:1], mode="read-only")
    assert result.read == "miss"


def test_the_folder_of_a_run_will_do_for_its_memory(serve, tmp_path):
    (first,) = serve(SAME[:1], "first", path=None)
    (result,) = serve(SAME[1:], "second", path=tmp_path / "first")
    assert (result.read, result.entry) == ("warm start", first.entry)


def test_another_run_of_the_same_prompts_is_a_hit(serve, stored):
    serve(SAME[:1])
    (result,) = serve(SAME[:1], "again")
    assert (result.read, result.write) == ("warm start", "update")


def test_quality_gate_says_why(serve, stored):
    (result,) = serve(SAME[:1], min_gain=2.0)
    assert result.write == "none"
    assert "less than 200%" in result.reason
    assert stored() == []


def test_damaged_entry_is_a_miss_and_the_stream_goes_on(serve, stored, tmp_path):
    serve(SAME[:1])
    path = next((tmp_path / "memory" / "adapters").iterdir())
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(UserWarning, match="left out"):
        (result,) = serve(SAME[1:], "again")
    assert (result.read, result.write) == ("miss", "insert")
    assert [entry.id for entry in stored()] == [result.entry]


def test_entry_that_does_not_fit_is_a_miss(serve, stored, tmp_path):
    serve(SAME[:1])
    (entry,) = stored()
    with Memory(tmp_path / "memory") as opened:
        tensors = dict(list(opened.load(entry).items())[:2])
        given = {"key_text": entry.key_text, "prompt": entry.prompt, "fingerprint": entry.fingerprint}
        opened.insert(tensors, key=entry.key, spec=entry.spec, **given)
        opened.delete(entry.id)
    with pytest.warns(UserWarning, match="left out: the adapter does not fit"):
        (result,) = serve(SAME[1:], "again")
    assert (result.read, result.write) == ("miss", "insert")


def test_fit_that_diverges_is_not_remembered(serve, stored):
    (result,) = serve(SAME[:1], lr=1e20)
    assert (result.write, result.reason) == ("none", "the fit diverged: its loss or what it learnt is not finite")
    assert not stored()


def test_entry_that_is_gone_when_it_is_to_be_merged(serve, stored, monkeypatch):
    (first,) = serve(SAME[:1])
    commit = SceneMemory.commit

    def evicted(scenes, proposal):
        scenes.memory.delete(proposal.decision.entry)
        return commit(scenes, proposal)

    monkeypatch.setattr(SceneMemory, "commit", evicted)
    (result,) = serve(SAME[1:], "again")
    assert result.write == "insert"
    assert "could not be merged" in result.reason
    (entry,) = stored()
    assert (entry.id, entry.parents) == (result.entry, (first.entry,))


def test_less_similar_hit_becomes_an_entry_with_parents(serve, stored):
    first, second = serve([SAME[0], OTHER], threshold=0.1, merge_threshold=0.99)
    assert (second.read, second.write) == ("warm start", "insert")
    assert [entry.parents for entry in stored()] == [(), (first.entry,)]
    assert stored()[1].extra["cold_iterations"] == 6


def test_blend_of_the_nearest(serve, tmp_path):
    first, second = serve([SAME[0], OTHER])
    (result,) = serve(SAME[1:], "blend", threshold=0.1, k=2, iterations=0)
    assert result.blended == (first.entry, second.entry)
    with Memory(tmp_path / "memory") as opened:
        assert [entry.hits for entry in opened] == [1, 1]
        assert sum(lookup.entry is not None for lookup in opened.history()) == 1
    with pytest.raises(ValueError, match="k is 0"):
        memory(k=0)
    with pytest.raises(ValueError, match="threshold is 0"):
        memory(threshold=0.0)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_precision_of_entries(serve, tmp_path, dtype):
    _, second = serve(SAME, dtype=dtype, merge=Replace())
    assert second.write == "update"
    with Memory(tmp_path / "memory") as opened:
        (entry,) = opened
        assert {tensor.dtype for tensor in opened.load(entry).values()} == {getattr(torch, dtype)}


def test_attention_is_kept_small_or_not_at_all(serve, stored, backbone):
    serve(SAME[:1])
    maps = {name: unpack_maps(packed) for name, packed in stored()[0].extra["attention"].items()}
    frames, height, width = backbone.grid
    assert {each.shape for each in maps.values()} == {(2, min(frames, 6), min(height, 24), min(width, 24))}
    assert (maps["before"] != maps["after"]).any()
    assert all((each.max((-2, -1)) == 255).all() for each in maps.values())


def test_attention_after_is_with_what_is_stored(serve, stored, tmp_path):
    """Not with the last adapter: what is stored is the mean over the guided steps."""
    seen = {}

    class Look(StreamCallback):
        def on_stream_start(self, stream):
            self.module = stream.module

        def on_prompt_end(self, request, scene, fit, video):
            self.scene, self.fit, self.last = scene, fit, self.module.adapter.state_dict()

        def on_prompt_served(self, result):
            seen["last"] = self.maps(self.last)
            with Memory(tmp_path / "memory") as opened:
                (entry,) = opened
                seen["stored"] = self.maps(opened.load(entry))
            assert all(torch.equal(now, self.last[name]) for name, now in self.module.adapter.state_dict().items())

        def maps(self, learnt):
            return pack_maps(self.module.first_attention(self.scene, replace(self.fit, learnt=learnt)))

    serve(SAME[:1], "run", Look(), guided_steps=4)
    after = stored()[0].extra["attention"]["after"]
    assert after == seen["stored"]
    assert after != seen["last"]


def test_attention_can_be_left_out(serve, stored):
    serve(SAME[:1], attention=False)
    assert "attention" not in stored()[0].extra


def test_keys_of_another_text_encoder_are_kept_apart(serve, stored, monkeypatch, make_backbone):
    own = make_backbone()
    monkeypatch.setattr("ttom_pl.recall.scene_memory.sentence_embedder", lambda _: own.embed)
    serve(SAME[:1])
    (result,) = serve(SAME[:1], "other", text_encoder="some/model")
    assert result.read == "miss"
    assert {entry.fingerprint.endswith("+some/model") for entry in stored()} == {True, False}


def test_keys_of_another_text_weight_are_kept_apart(serve, stored):
    serve(SAME[:1], text_weight=0.5)
    (other,) = serve(SAME[:1], "other", text_weight=0.3)
    (again,) = serve(SAME[:1], "again", text_weight=0.3)
    assert (other.read, again.read) == ("miss", "warm start")
    assert {entry.fingerprint.endswith("+text weight 0.3") for entry in stored()} == {True, False}


def test_key_text_is_the_abstraction(serve, layout, backbone):
    (result,) = serve(SAME[:1])
    assert result.key == scene_key(layout, backbone.embed)[0]
    assert result.key.startswith("Direction: [left left left | up up up]. <object_0> <verb_0> left and")
