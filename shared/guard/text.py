"""Foreign text on its way in: made fit to be read, with an account of what was taken out.

Pure; does no I/O. What it takes out is no longer there to steer a model; what it leaves is
still data, to be fenced and never obeyed.
"""

from shared.domain import Value
from shared.guard.characters import strip_characters
from shared.guard.hidden import Findings, Found, Hidden
from shared.guard.lookalikes import disguised_commands, mixed_words
from shared.guard.markup import strip_markup

LIMIT = 65_536
"""Characters of one text; GitHub takes as many in an issue or comment."""


class Cleaned(Value):
    """A text as a person sees it, what was found in the other, and what that said.

    ``hidden`` is for judging only: it must not reach a prompt.
    """

    text: str
    found: tuple[Found, ...] = ()
    hidden: str = ""

    @property
    def is_suspicious(self) -> bool:
        """Tell whether something was hidden that hardly anybody hides by accident."""
        return any(one.kind.is_deliberate for one in self.found)


def clean(
    text: str,
    *,
    markdown: bool = True,
    limit: int = LIMIT,
    verbs: frozenset[str] = frozenset(),
) -> Cleaned:
    """Return what people see of a text, at most ``limit`` characters of it.

    ``markdown`` is False for what GitHub does not render: titles, files, logs. ``verbs`` are the
    slash commands that a line may be disguised as.
    """
    findings = Findings()
    if len(text) > limit:
        findings.note(Hidden.LENGTH, count=len(text) - limit)
        text = text[:limit]
    if disguised := disguised_commands(text, verbs):
        findings.note(Hidden.LOOKALIKE_COMMAND, count=disguised)
    seen = strip_characters(text, findings)
    if markdown:
        seen = strip_markup(seen, findings)
    if mixed := mixed_words(seen):
        findings.note(Hidden.LOOKALIKE, count=mixed)
    return Cleaned(text=seen, found=findings.counted, hidden=findings.said)
