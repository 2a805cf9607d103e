"""A comment with commands, and one command of it on its way."""

from datetime import datetime
from typing import Any

from bot import notices
from bot.commands import Command
from bot.durable import step
from bot.services import services
from bot.starting import RunView
from shared.domain import Issue, Language, RepoRef, Value
from shared.errors import NotFound
from shared.github import Reaction

Refusal = tuple[str, dict[str, Any]] | None
"""The notice that says why a command was not done, and its values; None when it was."""


class Saying(Value):
    """A comment with commands, and where it stands."""

    ref: RepoRef
    number: int
    comment: int
    login: str
    language: Language
    at: datetime

    async def reply(self, index: int, kind: str, **values: Any) -> None:  # noqa: ANN401  values of a template differ
        """Answer one of the comment's commands, once."""
        marker = f"command {self.comment}.{index}"
        await notices.say(self.ref, self.number, marker, kind, language=self.language, **values)

    async def react(self, content: Reaction) -> bool:
        """Set a reaction on the comment; tell whether it is still there."""

        async def work() -> bool:
            repo = await services().repo(self.ref)
            try:
                await repo.react(self.comment, content)
            except NotFound:
                return False
            return True

        return await step(f"react {content}", bool, work)


class Order(Value):
    """One command, by somebody who may give it, and the run that it is about, if there is one."""

    saying: Saying
    index: int
    command: Command
    run: RunView | None

    @property
    def login(self) -> str:
        """Name who gave it."""
        return self.saying.login

    @property
    def cause(self) -> str:
        """Identify it, so that it starts one run however often it is told."""
        return f"comment {self.saying.ref} {self.saying.comment}.{self.index}"

    @property
    def argument(self) -> str:
        """Return what stands behind the command."""
        return self.command.argument.strip()

    @property
    def word(self) -> str:
        """Return the first word behind the command, in small letters."""
        return self.argument.split()[0].lower() if self.argument else ""

    async def reply(self, kind: str, **values: Any) -> None:  # noqa: ANN401  values of a template differ
        """Say what was done."""
        await self.saying.reply(self.index, kind, **values)

    async def issue(self) -> Issue:
        """Read the issue that it is about, as it is now."""
        number = self.saying.number if self.run is None else self.run.number

        async def read() -> Issue:
            repo = await services().repo(self.saying.ref)
            return await repo.issue(number)

        return await step("read issue", Issue, read)
