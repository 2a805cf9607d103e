"""What the agents of a build are given, and what becomes of an attempt that fails."""

from agents import difficulty
from agents.budget import room_of
from agents.difficulty import Helper
from agents.frontier import Attempt as Tried
from agents.loop import Attempt, Limits, Support
from agents.prompting import SUMMARY, prompt_hash
from bot.asking import DurableChat
from bot.checkout import DurableHands
from bot.context import RunContext
from bot.services import services
from bot.task import Task
from shared.domain import Role

_LONGEST_NOTE = 300


def support(run: RunContext, hands: DurableHands, chat: DurableChat) -> Support:
    """Give an attempt a small model for its notes, who keeps its files, and tools if it has any."""
    summariser = run.chat(Role.DOCUMENTER, prompt_hash=prompt_hash(SUMMARY))
    return Support(summariser=summariser, keeper=hands, tools=chat.tools)


def limits(run: RunContext, role: Role) -> Limits:
    """Return what one attempt of a role may spend."""
    return Limits.of(run.budgets, services().profile.model(role))


def room(role: Role) -> int:
    """Return the tokens that a role's prompt may take."""
    return room_of(services().profile.model(role))


async def note_failure(
    run: RunContext, task: Task, tried: Attempt, verdicts: tuple[str, ...]
) -> Task:
    """Note a failed attempt: it raises the difficulty, and in the end somebody has to help."""
    task = task.failed(Tried(message=tried.message, verdicts=verdicts))
    failures = len(task.tried)
    task = task.assessed(difficulty.failed(task.assessment, failures))
    await run.keep(difficulty=task.assessment.difficulty)
    has_plan = task.blueprint is not None
    bound = services().profile.frontier.attempts_before if has_plan else difficulty.FAILURES
    helper = difficulty.next_helper(failures, has_plan=has_plan, bound=bound)
    if helper is Helper.FRONTIER and task.unadvised:
        return task
    return task.with_(wanted=helper)


def attempt_note(run: RunContext, task: Task, attempt: int) -> str:
    """Say beside the stage which attempt this is, and why the work counts as so hard."""
    told = [run.phrase("attempt", n=attempt, of=run.budgets.attempts)]
    if len(task.parts) > 1:
        told.insert(0, run.phrase("part", n=len(task.finished) + 1, of=len(task.parts)))
    if task.tried:
        told.append(run.phrase("assessed", **task.assessment.model_dump()))
    return "; ".join(told)[:_LONGEST_NOTE]
