"""A fake of servers that speak some of the Messages API, for small models: llama.cpp, Ollama, vLLM, proxies."""

from tests.support.fake_local.habits import HABITS, Answer, Habit, call, message, say, stream, whole
from tests.support.fake_local.server import FakeLocal, Seen

__all__ = ["HABITS", "Answer", "FakeLocal", "Habit", "Seen", "call", "message", "say", "stream", "whole"]
