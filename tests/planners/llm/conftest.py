"""Fixtures of the server that stands in for a language model."""

from chat_server import make_planner, server

__all__ = ["make_planner", "server"]
