"""Paragraphs: what they are about, and what they say of it in one sentence after the other."""

from ttom_pl.planners.passage.from_sentences import is_passage, read_passage

__all__ = ["is_passage", "read_passage"]
