"""What a workflow carries along: the run it serves, and the few things every stage does."""

from collections.abc import Awaitable, Callable
from types import NoneType
from typing import Any

from bot import notices, pausing, status
from bot.asking import DurableChat
from bot.durable import step
from bot.rendering import phrase
from bot.services import services
from shared.domain import Language, RepoRef, Role, Stage, Value
from shared.git import Author, Mirror
from shared.profiles import Budgets


class RunContext(Value):
    """A run on its way."""

    run_id: str
    ref: RepoRef
    number: int
    language: Language
    attempt: int
    author: Author
    """Whom commits name: the App, or the owner of the token."""

    @property
    def budgets(self) -> Budgets:
        """What the run may spend."""
        return services().profile.budgets

    async def mirror(self) -> Mirror:
        """Return the repository's commits, as far as this run may see them here."""
        return await services().mirror(self.ref, self.run_id)

    def chat(self, role: Role, *, prompt_hash: str = "") -> DurableChat:
        """Return the model that plays a role in this run."""
        return DurableChat(self, role, prompt_hash=prompt_hash)

    async def do(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """Do a piece of work once, of which nothing is kept."""

        async def discard() -> None:
            await work()

        await step(name, NoneType, discard)

    async def keep(self, **facts: Any) -> None:  # noqa: ANN401  columns differ
        """Keep facts about the run; `facts` are its columns."""
        await self.do("keep facts", lambda: services().store.update_run(self.run_id, **facts))

    async def enter(self, stage: Stage, note: str = "", **facts: Any) -> None:  # noqa: ANN401  as above
        """Move the run to a stage, with facts to keep, and show it; a paused run halts first."""
        is_end = stage.is_final or stage is Stage.PROPOSED

        async def work() -> None:
            await services().store.update_run(self.run_id, stage=stage, reason=note, **facts)
            # Where a person's turn begins or the run ends, what they see holds; else work goes on.
            if stage.awaits_person:
                services().scheduler.forget(self.run_id)
            if is_end or stage.awaits_person:
                await status.publish(self.run_id)
            else:
                status.publish_soon(self.run_id)

        if is_end:
            await self.do(f"enter {stage}", work)
        else:
            await pausing.step_unless_paused(self, f"enter {stage}", NoneType, work)

    async def note(self, text: str) -> None:
        """Say beside the present stage what is going on there."""

        async def work() -> None:
            run = await services().store.run(self.run_id)
            assert run is not None
            await services().store.update_run(self.run_id, stage=run.stage, reason=text)
            status.publish_soon(self.run_id)

        await self.do("note", work)

    def phrase(self, kind: str, **values: Any) -> str:  # noqa: ANN401  values of a template
        """Put a short text into the issue's language."""
        return phrase(self.language, kind, **values)

    async def say(self, marker: str, kind: str, **values: Any) -> None:  # noqa: ANN401  values of a template
        """Post a notice on the issue, once for each marker.

        `values` fill the template of that kind.
        """
        marker = f"{marker} {self.run_id}"
        await notices.say(self.ref, self.number, marker, kind, language=self.language, **values)
