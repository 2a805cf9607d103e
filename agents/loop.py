"""The tool loop: ask for an action, carry it out, tell the result, until the work is submitted.

Deterministic, given the replies and the observations: no clock, no chance, no I/O of its own. So
the whole loop can be replayed from a log of both. Its times are those that the replies and the
observations carry.
"""

from dataclasses import dataclass, field

from agents import prompting, stuck, summary
from agents.attempts import Attempt, Brief, Ended, Limits, Support, over, scarce
from agents.budget import clip
from agents.dialect import Dialect, Said
from agents.history import History
from agents.stuck import Step
from shared.chat import Chat, Spent
from shared.errors import PromptTruncated
from shared.workspace.actions import Action, Observation, Submit, Workspace

__all__ = ["ALONE", "Attempt", "Brief", "Ended", "Limits", "Support", "work"]

MALFORMED_IN_A_ROW = 3
_TRUNCATED_IN_A_ROW = 2
_CHARACTERS_A_TOKEN = 3
_LONGEST_MALFORMED = 2_000  # characters of a reply that is kept only to be corrected
_UNCHANGED = "No file differs from the start, so there is nothing to submit. Make the change first."
ALONE = Support()
"""An attempt without helpers."""


async def work(
    chat: Chat, workspace: Workspace, brief: Brief, limits: Limits, support: Support = ALONE
) -> Attempt:
    """Let a model act on a worktree until it submits, is stuck, or a budget is spent.

    Raises what the chat and the workspace raise; a truncated prompt only after the conversation
    was begun anew with half the context, twice.
    """
    history = History(brief.system, brief.task, limits.context)
    return await _Loop(
        Dialect(chat, support.tools), workspace, brief, limits, support, history
    ).run()


@dataclass
class _Loop:
    dialect: Dialect
    workspace: Workspace
    brief: Brief
    limits: Limits
    support: Support
    history: History
    taken: list[Step] = field(default_factory=list)
    spent: Spent = field(default_factory=Spent)
    commands: float = 0.0
    malformed: int = 0
    noted: int = 0
    notes: str = ""

    async def run(self) -> Attempt:
        """Take turns until one ends the attempt."""
        while True:
            if spent := over(self.limits, len(self.taken), self.spent, self.commands):
                return self._ended(*spent)
            said = await self._ask()
            if ended := await self._answer(said):
                return ended
            if self.history.is_full:
                await self._begin_anew()

    async def _ask(self) -> Said:
        truncated = 0
        while True:
            try:
                said = await self.dialect.ask(self.history.messages())
                break
            except PromptTruncated:
                truncated += 1
                if truncated > _TRUNCATED_IN_A_ROW:
                    raise
                self.history.shrink()
                await self._begin_anew()
        if said.usage is not None:
            self.history.counted(said.usage.prompt_tokens)
            self.spent = self.spent.plus(said.usage)
        return said

    async def _answer(self, said: Said) -> Attempt | None:
        """Carry out what was said; return how the attempt ended, if it did."""
        if said.action is None:
            self.malformed += 1
            # What could not be read is worth remembering, but not the context that it may fill.
            self.history.add(clip(said.text, _LONGEST_MALFORMED), said.fault)
            is_last = self.malformed == MALFORMED_IN_A_ROW
            return self._ended(Ended.MALFORMED, said.fault) if is_last else None
        self.malformed = 0
        seen = await self._act(said.action)
        self.taken.append(Step(action=said.action, seen=seen))
        if isinstance(said.action, Submit) and seen.ok:
            return self._ended(Ended.SUBMITTED, said.action.message)
        if reason := stuck.reason(self.taken):
            return self._ended(Ended.STUCK, reason)
        self.history.add(said.text, self._told(said.action, seen))
        return None

    async def _act(self, action: Action) -> Observation:
        keeper = self.support.keeper
        if isinstance(action, Submit) and keeper is not None and not (await keeper.diff()).strip():
            return Observation(text=_UNCHANGED, ok=False)
        seen = await self.workspace.act(action)
        self.commands += seen.seconds
        if keeper is not None and action.may_change_files:
            await keeper.keep(len(self.taken) + 1)
        return seen

    async def _begin_anew(self) -> None:
        """Go on from notes and the change so far instead of the whole conversation."""
        new = self.taken[self.noted :]
        if new:
            chat = summary.Metered(self.support.summariser) if self.support.summariser else None
            self.notes = await summary.notes(chat, self.brief.reminder, self.notes, new)
            self.noted = len(self.taken)
            if chat is not None:
                self.spent = summary.together(self.spent, chat.spent)
        keeper = self.support.keeper
        diff = await keeper.diff() if keeper is not None else None
        room = self.history.room
        self.history.begin_anew(summary.state(self.notes, diff, self.brief.reminder, room))

    def _told(self, action: Action, seen: Observation) -> str:
        outcome = "done" if seen.ok else "failed"
        # A quarter of the context: more than one result has to fit beside the task.
        text = prompting.plain(clip(seen.text, self.limits.context // 4 * _CHARACTERS_A_TOKEN))
        lines = [f"Result of {action.kind} ({outcome}):", "", text]
        if warning := scarce(self.limits, len(self.taken), self.spent, self.commands):
            lines += ["", warning]
        return "\n".join(lines)

    def _ended(self, why: Ended, message: str) -> Attempt:
        return Attempt(
            ended=why,
            message=message,
            steps=len(self.taken),
            spent=self.spent,
            command_seconds=self.commands,
        )
