"""Evaluation: videos of this or any other tool against what their prompts ask for, and methods side by side."""
