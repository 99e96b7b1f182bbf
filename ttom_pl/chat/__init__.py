"""Language models behind OpenAI-compatible endpoints: one request, retries, answers kept on disk."""

from ttom_pl.chat.cache import AnswerCache
from ttom_pl.chat.chat import Chat, Message, Reply
from ttom_pl.chat.endpoint import OPENAI, Endpoint, EndpointError

__all__ = ["OPENAI", "AnswerCache", "Chat", "Endpoint", "EndpointError", "Message", "Reply"]
