"""The memory as a stage of the path: recall, propose, commit."""

import json
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from ttom_pl.io.ranges import check_range
from ttom_pl.layout import Layout
from ttom_pl.memory import (
    AdapterSpec,
    CorruptEntryError,
    Entry,
    EntryNotFoundError,
    Match,
    Memory,
    MemoryBusyError,
    Transaction,
    blend,
)
from ttom_pl.recall.keys import TEXT_WEIGHT, Embed, scene_key, sentence_embedder
from ttom_pl.recall.learnt import pack, unpack
from ttom_pl.recall.policy import KeepPolicy, RecallPolicy, hit_read, iterations_saved
from ttom_pl.recall.records import Proposal, Recall
from ttom_pl.run import Decision
from ttom_pl.run.request import Request
from ttom_pl.scene import Fit, Start

_T = TypeVar("_T")
_PAUSE = 1.0  # seconds until a busy memory is asked again


@dataclass(frozen=True)
class KeyPolicy:
    """What makes two scenes similar.

    Attributes:
        text_weight: share of the text in the key, from 0 to 1; the rest is the layout's.
        text_encoder: a sentence-transformers model for the text; the backbone's own when not given.

    Raises:
        ValueError: if the share is out of its range.
    """

    text_weight: float = TEXT_WEIGHT
    text_encoder: str | None = None

    def __post_init__(self) -> None:
        check_range("memory.key.text_weight", self.text_weight, least=0, most=1, meaning="a share of the key")

    def embedder(self, own: Embed) -> Embed:
        """Return what embeds the text of keys, which is the backbone's own if not told otherwise."""
        return own if self.text_encoder is None else sentence_embedder(self.text_encoder)

    def fingerprint(self, model: str) -> str:
        """Return a model's fingerprint, with all that keeps keys of another kind from answering these."""
        encoder = "" if self.text_encoder is None else f"+{self.text_encoder}"
        weight = "" if self.text_weight == TEXT_WEIGHT else f"+text weight {self.text_weight:g}"
        return f"{model}{encoder}{weight}"


class SceneMemory:
    """A memory of what rehearsals have learnt, asked by scenes.

    Args:
        memory: the store.
        embed: texts to unit vectors, shape (N, D).
        fingerprint: tells the model, and the kind of keys, from any other.
        spec: what the adapter adapts, and how.
        most_iterations: optimiser iterations that a prompt may take.
        read_only: whether nothing is remembered.
        key: what makes two scenes similar.
        recall: which entries answer.
        keep: what is remembered.
    """

    def __init__(
        self,
        memory: Memory,
        embed: Embed,
        fingerprint: str,
        spec: AdapterSpec,
        most_iterations: int,
        read_only: bool = False,
        key: KeyPolicy = KeyPolicy(),
        recall: RecallPolicy = RecallPolicy(),  # noqa: B008
        keep: KeepPolicy = KeepPolicy(),  # noqa: B008
    ) -> None:
        self.memory = memory
        self.read_only = read_only
        self.recall_policy = replace(recall, min_merged=1) if read_only else recall
        self.keep_policy = keep
        self._key_policy = key
        self._embed = key.embedder(embed)
        self._fingerprint = key.fingerprint(fingerprint)
        self._spec = spec
        self._most = most_iterations

    def fits(self, entry: Entry) -> bool:
        """Whether an entry could answer."""
        return (entry.fingerprint, entry.spec) == (self._fingerprint, self._spec)

    def recall(self, layout: Layout, check: Callable[[Mapping[str, Tensor]], None]) -> Recall:
        """Return what a scene starts from. Nothing is changed, but that a damaged entry is quarantined.

        Args:
            layout: the layout of the scene.
            check: raises ``ValueError`` for an adapter that does not fit.
        """
        policy = self.recall_policy
        text, key = scene_key(layout, self._embed, self._key_policy.text_weight)
        nearest = patiently(
            lambda: self.memory.read(
                key, fingerprint=self._fingerprint, spec=self._spec, threshold=policy.threshold, k=policy.k
            )
        )
        if nearest and policy.is_young(nearest[0].entry):
            return Recall(text, key, tuple(nearest[:1]), (), "young entry", Start())
        matches, tensors = self._load(policy.answers(nearest), check)
        if not matches:
            return Recall(text, key, (), (), "miss", Start())
        adapter, shifts = unpack(tensors, policy.adapter, policy.shift)
        start = Start(adapter, policy.iterations, policy.verified_loss, shifts)
        return Recall(text, key, tuple(matches), tuple(matches), "warm start", start)

    def _load(
        self, matches: Sequence[Match], check: Callable[[Mapping[str, Tensor]], None]
    ) -> tuple[list[Match], dict[str, Tensor]]:
        """Return the matches that can be used, and the blend of their tensors."""
        loaded: list[tuple[Match, dict[str, Tensor]]] = []
        for match in matches:
            try:
                tensors = patiently(lambda match=match: self.memory.load(match.entry))  # type: ignore[misc]
                check(unpack(tensors)[0])
            except (CorruptEntryError, EntryNotFoundError, ValueError) as error:
                warnings.warn(f"entry {match.entry.id} of the memory is left out: {error}", stacklevel=2)
            else:
                loaded.append((match, tensors))
        if len(loaded) > 1:
            mixed = blend([tensors for _, tensors in loaded], [match.similarity for match, _ in loaded])
            return [match for match, _ in loaded], mixed
        return [match for match, _ in loaded], loaded[0][1] if loaded else {}

    def propose(
        self, request: Request, mark: str, recall: Recall, fit: Fit, maps: Callable[[Fit], Mapping[str, Any]]
    ) -> Proposal:
        """Return what is to be remembered of a prompt, and what was decided.

        Args:
            request: the prompt.
            mark: names run, prompt and what was asked for.
            recall: what its rehearsal started from.
            fit: its rehearsal.
            maps: makes small attention maps with what is stored.
        """
        hit, nearest = bool(recall.matches), recall.known[0] if recall.known else None
        read = hit_read(self.recall_policy.iterations, fit) if hit else recall.read
        saved = iterations_saved(recall.matches[0].entry, fit.updates, self._most) if hit else 0
        parents = tuple(match.entry.id for match in recall.matches)
        write, reason = self.keep_policy.write(read, recall.known, hit, fit)
        if self.read_only:
            write, reason = "none", "the memory is read-only"
        decision = Decision(
            key=recall.text,
            hit=hit,
            read=read,
            entry=None if nearest is None else nearest.entry.id,
            similarity=None if nearest is None else round(nearest.similarity, 4),
            iterations_saved=saved if hit else None,
            parents=parents,
            blended=parents if len(parents) > 1 else (),
            loaded_loss=None if fit.loaded_loss is None else round(fit.loaded_loss, 5),
            write=write,
            reason=reason,
        )
        if write == "none":
            return Proposal(mark, decision, write, saved)
        similarity = 0.0 if nearest is None else nearest.similarity
        shift_steps = self._spec.shift[0] if self._spec.shift else 0
        stored = pack(fit, getattr(torch, self.keep_policy.dtype), shift_steps)
        known = recall.matches[0].entry.extra.get("cold_iterations") if hit else fit.updates
        extra: dict[str, Any] = {"seed": request.seed} | ({} if known is None else {"cold_iterations": known})
        if self.keep_policy.attention and write == "insert":
            extra["attention"] = dict(maps(replace(fit, learnt=unpack(stored)[0])))
        entry = {
            "key": recall.key.tolist(),
            "key_text": recall.text,
            "prompt": request.prompt.text,
            "layout": json.loads(json.dumps(request.layout.to_dict())),
            "fingerprint": self._fingerprint,
            "parents": list(parents),
            "extra": extra,
        }
        record = {"loss_before": fit.iterations[0], "loss_after": fit.iterations[-1], "iterations": fit.updates}
        return Proposal(mark, decision, write, saved, similarity, stored, record, entry, self._spec)

    def commit(self, proposal: Proposal) -> Decision:
        """Remember what was proposed, in one transaction; the same proposal again changes nothing.

        Raises:
            MemoryStoreError: if the disk refuses; nothing has changed.
        """
        if self.read_only:
            return proposal.decision
        try:
            return patiently(lambda: self._commit(proposal, proposal.write))
        except (CorruptEntryError, EntryNotFoundError) as error:
            made = patiently(lambda: self._commit(proposal, "insert"))
            return replace(made, reason=f"{made.reason}; it could not be merged: {error}")

    def _commit(self, proposal: Proposal, write: str) -> Decision:
        decision, entry_id = proposal.decision, proposal.mark[:12]
        with self.memory.transaction() as transaction:
            if transaction.is_marked(proposal.mark):
                made = write == "insert" or transaction.holds(entry_id)
                return _inserted(decision, entry_id) if made else decision
            _count(transaction, proposal)
            if write == "update":
                assert decision.entry is not None
                transaction.update(decision.entry, proposal.adapter, proposal.similarity, **proposal.record)
            elif write == "insert":
                assert proposal.spec is not None
                fields = {**proposal.entry, **proposal.record, "spec": proposal.spec, "entry_id": entry_id}
                transaction.insert(proposal.adapter, **fields)
                return _inserted(decision, entry_id)
        return decision


def patiently(ask: Callable[[], _T]) -> _T:
    """Return what a memory answers, and wait while another process has it busy."""
    told = False
    while True:
        try:
            return ask()
        except MemoryBusyError as error:
            if not told:
                warnings.warn(f"{error}; waiting for it", stacklevel=2)
                told = True
            time.sleep(_PAUSE)


def _inserted(decision: Decision, entry_id: str) -> Decision:
    return replace(decision, write="insert", entry=entry_id)


def _count(transaction: Transaction, proposal: Proposal) -> None:
    decision = proposal.decision
    if decision.hit:
        transaction.record(decision.entry, proposal.saved, decision.parents[1:], mark=proposal.mark)
    else:
        transaction.record(None, mark=proposal.mark)
