"""What the three providers send over the wire, from their published API descriptions."""

from dataclasses import dataclass
from typing import Any

from shared.profiles import FrontierProvider

Body = dict[str, Any]
ADVICE = '{"summary": "Lock it.", "action_items": ["Take the lock in store.py."]}'


@dataclass(frozen=True)
class Tokens:
    """The tokens of one call; `read` has the cached, `written` the thinking ones among them."""

    read: int = 1200
    cached: int = 200
    written: int = 900
    thinking: int = 700


class GeminiWire:
    """https://ai.google.dev/api/generate-content."""

    provider = FrontierProvider.GEMINI
    model = "gemini-3-flash-preview"
    key_header = "x-goog-api-key"
    path = f"/v1beta/models/{model}:generateContent"

    def answer(
        self, text: str = ADVICE, *, cut: bool = False, tokens: Tokens | None = None
    ) -> Body:
        """Return a finished answer; its first part is a thought."""
        parts: list[Body] = [{"text": "Let me think.", "thought": True}]
        parts += [{"text": text}] if text else []
        candidate = {
            "content": {"role": "model", "parts": parts},
            "finishReason": "MAX_TOKENS" if cut else "STOP",
            "index": 0,
        }
        return {"candidates": [candidate], **self.usage(tokens or Tokens())}

    def usage(self, tokens: Tokens) -> Body:
        """Return the part that tells what is billed."""
        told = {
            "promptTokenCount": tokens.read,
            "cachedContentTokenCount": tokens.cached,
            "candidatesTokenCount": tokens.written - tokens.thinking,
            "thoughtsTokenCount": tokens.thinking,
            "totalTokenCount": tokens.read + tokens.written,
        }
        return {"usageMetadata": told, "modelVersion": self.model}

    def error(self, status: int, message: str, details: list[Body] | None = None) -> Body:
        """Return a google.rpc.Status."""
        return {"error": {"code": status, "message": message, "details": details or []}}

    def sent_text(self, body: Body) -> tuple[str, str, int]:
        """Return system text, text and limit of a request as it arrived."""
        return (
            body["systemInstruction"]["parts"][0]["text"],
            body["contents"][0]["parts"][0]["text"],
            body["generationConfig"]["maxOutputTokens"],
        )


class GptWire:
    """https://platform.openai.com/docs/api-reference/responses."""

    provider = FrontierProvider.OPENAI
    model = "gpt-5"
    key_header = "authorization"
    path = "/responses"

    def answer(
        self, text: str = ADVICE, *, cut: bool = False, tokens: Tokens | None = None
    ) -> Body:
        """Return a finished answer after some reasoning."""
        part = {"type": "output_text", "text": text, "annotations": []}
        output: list[Body] = [{"type": "reasoning", "id": "rs_1", "summary": []}]
        output += [self.message(part)] if text else []
        return self.response(
            output,
            status="incomplete" if cut else "completed",
            incomplete_details={"reason": "max_output_tokens"} if cut else None,
            tokens=tokens,
        )

    def message(self, part: Body) -> Body:
        """Return an output item."""
        return {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [part],
        }

    def response(self, output: list[Body], tokens: Tokens | None = None, **facts: object) -> Body:
        """Return a Response; `facts` replace its fields."""
        counted = tokens or Tokens()
        return {
            "id": "resp_1",
            "object": "response",
            "created_at": 1_800_000_000,
            "model": self.model,
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": counted.read,
                "input_tokens_details": {"cached_tokens": counted.cached},
                "output_tokens": counted.written,
                "output_tokens_details": {"reasoning_tokens": counted.thinking},
                "total_tokens": counted.read + counted.written,
            },
        } | facts

    def error(self, status: int, message: str, code: str | None = None) -> Body:
        """Return an error."""
        return {"error": {"message": message, "type": f"error_{status}", "code": code}}

    def sent_text(self, body: Body) -> tuple[str, str, int]:
        """Return system text, text and limit of a request as it arrived."""
        return body["instructions"], body["input"], body["max_output_tokens"]


class ClaudeWire:
    """https://platform.claude.com/docs/en/api/messages."""

    provider = FrontierProvider.ANTHROPIC
    model = "claude-sonnet-5"
    key_header = "authorization"
    path = "/v1/messages"

    def answer(
        self, text: str = ADVICE, *, cut: bool = False, tokens: Tokens | None = None
    ) -> Body:
        """Return a finished message after some thinking."""
        counted = tokens or Tokens()
        content: list[Body] = [{"type": "thinking", "thinking": "Hm.", "signature": "s"}]
        content += [{"type": "text", "text": text}] if text else []
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
            "stop_reason": "max_tokens" if cut else "end_turn",
            "stop_sequence": None,
            "usage": {
                "input_tokens": counted.read - counted.cached,
                "cache_read_input_tokens": counted.cached,
                "cache_creation_input_tokens": 0,
                "output_tokens": counted.written,
                "output_tokens_details": {"thinking_tokens": counted.thinking},
            },
        }

    def error(self, status: int, message: str) -> Body:
        """Return an error."""
        return {"type": "error", "error": {"type": f"error_{status}", "message": message}}

    def sent_text(self, body: Body) -> tuple[str, str, int]:
        """Return system text, text and limit of a request as it arrived."""
        return body["system"], body["messages"][0]["content"], body["max_tokens"]


Wire = GeminiWire | GptWire | ClaudeWire
WIRES: tuple[Wire, ...] = (GeminiWire(), GptWire(), ClaudeWire())
