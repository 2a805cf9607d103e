"""Short comments that answer a person or end a run; each is posted once."""

from types import NoneType
from typing import Any

from agents import language as languages
from bot.durable import patient, step
from bot.rendering import render
from bot.services import services
from shared.domain import Language, RepoRef


async def say(
    ref: RepoRef,
    number: int,
    marker: str,
    kind: str,
    *,
    language: Language,
    **values: Any,  # noqa: ANN401  the values of a template
) -> None:
    """Post a notice on an issue or pull request, once for each marker, however long it takes."""
    body = text(kind, language, **values)

    async def work() -> None:
        repo = await services().repo(ref)
        await repo.post_once(number, marker, body)

    with patient():
        await step(f"say {kind}", NoneType, work)


def text(kind: str, language: Language, **values: Any) -> str:  # noqa: ANN401  as above
    """Write a notice."""
    return render("notice", language, kind=kind, **values)


def language_of(title: str, body: str) -> Language:
    """Return the language in which to answer an issue."""
    return languages.detect(f"{title}\n{body}")
