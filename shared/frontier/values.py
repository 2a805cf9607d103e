"""What goes to a cloud model and what comes back; the request names the very bytes of a yes."""

import hashlib
import json
from collections.abc import Sequence
from typing import Annotated, Protocol

from pydantic import Field

from shared.chat import Reply, Usage
from shared.domain import Value
from shared.profiles import FrontierProvider

Count = Annotated[int, Field(ge=0)]


class Redaction(Value):
    """A kind of secret that was taken out of a request, and how often."""

    kind: str
    count: Annotated[int, Field(gt=0)]


class FrontierRequest(Value):
    """A question for a cloud model, redacted, as it is shown to a person and then sent.

    All that decides what leaves the house is in ``payload``, and a yes is bound to ``digest``.
    """

    provider: FrontierProvider
    model: str
    system: str
    text: str
    max_output_tokens: Annotated[int, Field(gt=0)]
    redactions: tuple[Redaction, ...] = ()

    @property
    def payload(self) -> bytes:
        """Return what is sent, as canonical JSON; the provider's dialect carries the same."""
        sent = self.model_dump(mode="json", exclude={"redactions"})
        return json.dumps(sent, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

    @property
    def digest(self) -> str:
        """Identify what is sent. SHA-256 of the payload, hexadecimal."""
        return hashlib.sha256(self.payload).hexdigest()


class FrontierUsage(Value):
    """The tokens of one call, each counted once by whatever provider.

    ``input_tokens`` has the cached ones among them, ``output_tokens`` the thinking.
    """

    input_tokens: Count
    output_tokens: Count
    cached_tokens: Count = 0
    thinking_tokens: Count = 0


class FrontierReply(Value):
    """What a cloud model said; ``cut`` when its output limit ended it.

    ``usage`` is None when the provider did not tell; the price then counts as the ceiling.
    """

    text: str
    usage: FrontierUsage | None
    model: str
    cut: bool = False
    seconds: float = 0.0

    @property
    def as_reply(self) -> Reply:
        """Return this as the reply of any model, for the agents to read."""
        usage = Usage(
            model=self.model,
            node="cloud",
            prompt_tokens=self.usage.input_tokens if self.usage else 0,
            output_tokens=self.usage.output_tokens if self.usage else 0,
            seconds=self.seconds,
        )
        return Reply(text=self.text, usage=usage, cut=self.cut)


class Frontier(Protocol):
    """A cloud model. It gives advice in text and has no tools."""

    async def ask(self, request: FrontierRequest) -> FrontierReply:
        """Send a request, again only where nothing can have been billed; cancelling it hangs up.

        Raises FrontierRefused, FrontierUnavailable, FrontierUnknown, FrontierBlocked or
        FrontierEmpty.
        """
        ...


def counted(kinds: Sequence[str]) -> tuple[Redaction, ...]:
    """Count redactions by kind, in the order of the alphabet."""
    return tuple(Redaction(kind=kind, count=kinds.count(kind)) for kind in sorted(set(kinds)))
