"""What a live model is asked, and how fast the answers come; by the ``ollama`` client itself."""

import random
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import ollama

from shared.chat import Message, Speaker
from shared.ollama import OllamaChat
from shared.profiles import Profile
from tests.live.front import Front
from tests.live.house import SMALL

_TEXT = (
    "the model reads a file and the test fails because a list of names is empty when the user "
    "writes no words so we change one line of the code and run it again before the review"
)
_WORDS = _TEXT.split()


class Check(NamedTuple):
    """A row of the table, and what of it goes into the last line."""

    what: str
    found: str
    ok: bool
    values: dict[str, str]


@dataclass(frozen=True)
class Live:
    """The node, and the clients that talk to it."""

    front: Front
    profile: Profile
    client: ollama.AsyncClient

    def chat(self) -> OllamaChat:
        """Return Baton's own client for the small model."""
        return OllamaChat(self.profile.node("live"), SMALL)


class Spoken(NamedTuple):
    """An answer, the seconds until its first piece, and Ollama's own account of it."""

    pieces: tuple[str, ...]
    first: float
    last: ollama.ChatResponse


async def speak(live: Live, messages: Sequence[Message], tokens: int) -> Spoken:
    """Stream an answer of so many tokens at most."""
    began, pieces, first = time.perf_counter(), [], 0.0
    stream = await live.client.chat(**request(messages, tokens))
    async with aclosing(cast("Any", stream)) as parts:
        async for part in parts:
            first = first or time.perf_counter() - began
            pieces.append(part.message.content or "")
            if part.done:
                return Spoken(tuple(pieces[:-1]), first, part)
    raise ollama.ResponseError("the answer has no end")


def request(messages: Sequence[Message], tokens: int) -> dict[str, Any]:
    """Return the arguments of the client's ``chat``."""
    return {
        "model": SMALL.name,
        "messages": [{"role": m.role.value, "content": m.content} for m in messages],
        "options": {"num_ctx": SMALL.num_ctx, "num_predict": tokens},
        "stream": True,
    }


def asked(text: str, system: str = "You are a helpful engineer.") -> list[Message]:
    """Return a conversation of one question."""
    return [
        Message(role=Speaker.SYSTEM, content=system),
        Message(role=Speaker.USER, content=text),
    ]


def prose(words: int, seed: int) -> str:
    """Return text about a token a word; another seed begins with another word."""
    rng = random.Random(seed)
    return f"{seed} " + " ".join(rng.choice(_WORDS) for _ in range(words))
