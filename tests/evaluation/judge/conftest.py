"""Fixtures of the server that stands in for a multimodal language model."""

from chat_server import server

__all__ = ["server"]
