"""Prompts: the files that hold them, with or without layouts, in all their formats."""

from ttom_pl.prompts.prompt import Prompt, PromptError

__all__ = ["Prompt", "PromptError"]
