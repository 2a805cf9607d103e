"""From a composed question to the bytes that are shown: redact first, then nothing changes."""

from collections.abc import Callable, Sequence

from shared.frontier.values import FrontierRequest, counted
from shared.profiles import FrontierPolicy

Redact = Callable[[str], tuple[str, Sequence[str]]]
"""Takes secrets out of a text; returns it with the kinds of what was taken out, one for each."""


def prepare(policy: FrontierPolicy, system: str, text: str, redact: Redact) -> FrontierRequest:
    """Make the request that is shown to a person; both parts pass the redaction.

    Raises whatever ``redact`` raises when it blocks a text.
    """
    clean_system, in_system = redact(system)
    clean_text, in_text = redact(text)
    return FrontierRequest(
        provider=policy.provider,
        model=policy.model,
        system=clean_system,
        text=clean_text,
        max_output_tokens=policy.max_output_tokens,
        redactions=counted([*in_system, *in_text]),
    )
