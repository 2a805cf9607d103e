"""Models on Ollama nodes."""

from shared.ollama.chat import OllamaChat
from shared.ollama.nodes import ModelCheck, check_models

__all__ = ["ModelCheck", "OllamaChat", "check_models"]
