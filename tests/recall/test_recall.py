"""What answers a scene, and what of a rehearsal is remembered: the policy of the memory as a table."""

import json
from typing import Any

import numpy as np
import pytest
import torch

from ttom_pl.memory import SHIFT, AdapterSpec, Entry, Match, Memory
from ttom_pl.recall import KeepPolicy, KeyPolicy, Proposal, RecallPolicy, SceneMemory
from ttom_pl.recall.learnt import pack, unpack
from ttom_pl.recall.policy import hit_read, iterations_saved
from ttom_pl.run import Decision
from ttom_pl.scene import Fit

SPEC = AdapterSpec(2, 2.0, ("blocks.0.attn2.to_q",), 5)
ADAPTER = {"transformer.blocks.0.attn2.to_q.lora_A.weight": torch.ones(2, 4)}


def match(similarity: float, merged: int = 1, **extra: Any) -> Match:
    numbers = {"iterations": 0, "iterations_saved": 0, "hits": 0, "weight": 1.0, "created": 0.0, "last_used": 0.0}
    texts = {"id": f"{similarity}", "key_text": "", "prompt": "", "fingerprint": "", "content_hash": ""}
    rest = {"key": np.ones(1, np.float32), "layout": {}, "spec": SPEC, "loss_before": None, "loss_after": None}
    entry = Entry(**numbers, **texts, **rest, merged=merged, parents=(), nbytes=0, extra=extra)
    return Match(entry, similarity)


def fit(losses: tuple[float, ...] = (0.5, 0.1), updates: int = 5, **changes: Any) -> Fit:
    nothing = torch.zeros(1)
    return Fit(nothing, nothing, (losses,), updates, **({"learnt": ADAPTER} | changes))


@pytest.mark.parametrize(
    ("min_merged", "found", "answers"),
    [
        (1, [], []),
        (1, [match(0.9)], [0.9]),
        (1, [match(0.99), match(0.95)], [0.99, 0.95]),
        (3, [match(0.99, merged=2), match(0.95, merged=9)], []),  # the nearest is learnt first
        (3, [match(0.99, merged=3), match(0.95, merged=2)], [0.99]),
        (3, [match(0.99, merged=3), match(0.95, merged=4)], [0.99, 0.95]),
    ],
)
def test_what_answers(min_merged: int, found: list[Match], answers: list[float]) -> None:
    assert [each.similarity for each in RecallPolicy(min_merged=min_merged).answers(found)] == answers


@pytest.mark.parametrize(
    ("iterations", "verified", "read"),
    [
        (0, False, "used as it is"),
        (None, False, "warm start"),
        (4, False, "warm start"),
        (4, True, "verified hit"),
        (None, True, "verified hit"),
    ],
)
def test_how_a_hit_is_used(iterations: int | None, verified: bool, read: str) -> None:
    assert hit_read(iterations, fit(verified=verified)) == read


@pytest.mark.parametrize(
    ("policy", "known", "hit", "rehearsal", "write", "reason"),
    [
        ({}, [], False, fit(), "insert", "the loss fell by 80%"),
        ({}, [], False, fit(updates=0), "none", "nothing was optimised"),
        ({}, [0.95], True, fit(updates=0), "none", "warm start"),
        ({}, [0.95], True, fit(), "update", "the loss fell by 80%"),
        ({}, [0.95], False, fit(), "update", "the loss fell by 80%"),  # a young entry
        ({}, [], False, fit((0.5, 0.49)), "none", "the loss fell by 2%, less than 10%"),
        ({}, [], False, fit((0.0, 0.0)), "none", "the loss fell by 0%, less than 10%"),
        ({"min_gain": -1}, [], False, fit((0.5, 0.6)), "insert", "the loss fell by -20%"),
        ({}, [], False, fit((0.5, float("nan"))), "none", "the fit diverged"),
        ({}, [], False, fit(learnt={"a": torch.tensor([float("inf")])}), "none", "the fit diverged"),
        ({}, [], False, fit(shifts=(torch.tensor([float("nan")]),)), "none", "the fit diverged"),
        ({"merge_threshold": 0.96}, [0.95], True, fit(), "insert", "the loss fell"),
        ({"merge_threshold": 0.95}, [0.95], True, fit(), "update", "the loss fell"),
        ({"merge_threshold": 0.0}, [0.95], True, fit(), "update", "the loss fell"),
    ],
)
def test_what_is_written(
    policy: dict[str, Any], known: list[float], hit: bool, rehearsal: Fit, write: str, reason: str
) -> None:
    made = KeepPolicy(**policy).write("warm start" if hit else "miss", list(map(match, known)), hit, rehearsal)
    assert made[0] == write
    assert made[1].startswith(reason)


@pytest.mark.parametrize(
    ("entry", "updates", "saved"),
    [(match(1.0), 10, 30), (match(1.0, cold_iterations=26), 10, 16), (match(1.0, cold_iterations=5), 10, 0)],
)
def test_what_a_hit_saves(entry: Match, updates: int, saved: int) -> None:
    """Against what its scene took cold; where nobody knows, against the most that it may take."""
    assert iterations_saved(entry.entry, updates, 40) == saved


@pytest.mark.parametrize(
    ("policy", "options", "message"),
    [
        (RecallPolicy, {"threshold": 0.0}, r"recall\.threshold is 0\.0"),
        (RecallPolicy, {"threshold": 1.5}, r"recall\.threshold is 1\.5"),
        (RecallPolicy, {"threshold": float("nan")}, r"recall\.threshold is nan"),
        (RecallPolicy, {"k": 0}, r"recall\.k is 0"),
        (RecallPolicy, {"min_merged": 0}, r"recall\.min_merged is 0"),
        (RecallPolicy, {"iterations": -1}, r"recall\.iterations is -1"),
        (RecallPolicy, {"verified_loss": -0.1}, r"recall\.verified_loss is -0\.1"),
        (RecallPolicy, {"verified_loss": float("nan")}, r"recall\.verified_loss is nan"),
        (RecallPolicy, {"adapter": -0.1}, r"recall\.adapter is -0\.1"),
        (RecallPolicy, {"shift": 1.5}, r"recall\.shift is 1\.5"),
        (KeepPolicy, {"shift_steps": -1}, r"keep\.shift_steps is -1"),
        (KeepPolicy, {"min_gain": float("nan")}, r"keep\.min_gain is nan"),
        (KeepPolicy, {"merge_threshold": float("inf")}, r"keep\.merge_threshold is inf"),
        (KeyPolicy, {"text_weight": 1.5}, r"key\.text_weight is 1\.5"),
        (KeyPolicy, {"text_weight": float("nan")}, r"key\.text_weight is nan"),
    ],
)
def test_options_out_of_range(policy: type, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        policy(**options)


def test_a_proposal_comes_back_from_json() -> None:
    decision = Decision("scene", True, "warm start", 0.5, "aaa", 0.97, 3, ("aaa", "bbb"), ("aaa", "bbb"), 0.2, "insert")
    entry = {"key": [0.1, 0.2], "extra": {"seed": 3}}
    proposal = Proposal("mark", decision, "insert", 3, 0.9712345678, ADAPTER, {"iterations": 4}, entry, SPEC)
    again = Proposal.from_dict(json.loads(json.dumps(proposal.to_dict())), ADAPTER)
    assert again == proposal
    assert Proposal.from_dict(Proposal("m", Decision("", False, "miss"), "none").to_dict(), {}).spec is None


def test_what_is_learnt_comes_back_from_an_entrys_tensors() -> None:
    """The adapter in the precision asked for, the shifts in half, as many as are kept."""
    shifts = tuple(torch.full((1, 2, 1, 1, 1), 0.25 * (i + 1)) for i in range(3))
    tensors = pack(fit(shifts=shifts), torch.bfloat16, 2)
    assert {name: (tuple(each.shape), each.dtype) for name, each in tensors.items()} == {
        **{name: (tuple(each.shape), torch.bfloat16) for name, each in ADAPTER.items()},
        SHIFT: ((2, 2, 1, 1, 1), torch.float16),
    }
    adapter, known = unpack(tensors)
    assert adapter.keys() == ADAPTER.keys()
    assert len(known) == 2
    assert all(torch.equal(a, b) for a, b in zip(known, shifts, strict=False))
    assert SHIFT not in pack(fit(shifts=shifts), torch.float32, 0)
    assert unpack(pack(fit(), torch.float32, 2))[1] == ()


def test_shares_of_what_is_loaded() -> None:
    """An adapter is scaled by its matrix B alone, so that the update of the weights has the share; 0 leaves it out."""
    names = {matrix: f"transformer.blocks.0.attn2.to_q.lora_{matrix}.weight" for matrix in "AB"}
    tensors = {names["A"]: torch.ones(2, 4), names["B"]: torch.ones(4, 2), SHIFT: torch.ones(1, 1, 1, 1, 1).half()}
    adapter, shifts = unpack(tensors, 0.5, 0.25)
    assert torch.equal(adapter[names["A"]], torch.ones(2, 4))
    assert torch.equal(adapter[names["B"]], torch.full((4, 2), 0.5))
    assert shifts[0].item() == 0.25
    assert unpack(tensors, 0.0, 0.0) == ({}, ())


def test_an_insert_says_the_same_again_when_its_entry_is_forgotten_meanwhile() -> None:
    """As another process may do before a run that was stopped goes on."""
    entry = {"key": [1.0, 0.0], "key_text": "", "prompt": "", "fingerprint": ""}
    proposal = Proposal(
        "0123456789abcdef", Decision("", False, "miss"), "insert", adapter=ADAPTER, entry=entry, spec=SPEC
    )
    with Memory() as memory:
        scenes = SceneMemory(memory, lambda texts: torch.eye(2)[: len(texts)], "", SPEC, 5)
        decision = scenes.commit(proposal)
        assert (decision.write, decision.entry) == ("insert", "0123456789ab")
        memory.delete("0123456789ab")
        assert scenes.commit(proposal) == decision
        assert len(memory) == 0
