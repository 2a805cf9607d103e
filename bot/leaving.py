"""The gate before a push: what would leave with the commits, as the gateway finds it in git.

Whoever built the change has been told the same rules. Here they hold: on every push, by this
process, which knows the secrets, and on the very commits that would go.
"""

from pathlib import Path

from bot.context import RunContext
from bot.durable import step
from bot.services import services
from shared.domain import Value
from shared.errors import RunStopped
from shared.git.entries import changed_entries
from shared.git.lineage import Lineage
from shared.guard.egress import Channel, Decision, release
from shared.guard.patch import judge


class Leaving(Value):
    """What would leave: why it may not, in sentences, and the packages it would bring in."""

    faults: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()


async def require_may_leave(run: RunContext, base: str, sha: str, branch: str) -> tuple[str, ...]:
    """Examine commits, their messages and the branch's name; return the new dependencies.

    Raises RunStopped that names what is wrong, and what to do.
    """

    async def work() -> Leaving:
        mirror = await services().mirror(run.ref)
        return await examine(mirror.path, base, sha, branch)

    found = await step("examine what leaves", Leaving, work)
    if found.faults:
        raise RunStopped(run.phrase("may_not_leave"), "\n".join(found.faults))
    return found.dependencies


async def examine(git_dir: Path, base: str, sha: str, branch: str) -> Leaving:
    """Look at what a push would bring out of a repository. Raises GitError."""
    judged = judge(await changed_entries(git_dir, base, sha))
    messages = await Lineage(git_dir).messages(base, sha)
    faults = [reason.sentence for reason in judged.refusals]
    faults += _of_texts(Channel.COMMIT_MESSAGE, messages)
    faults += _of_texts(Channel.BRANCH_NAME, (branch,))
    return Leaving(faults=tuple(faults), dependencies=judged.dependencies)


def _of_texts(channel: Channel, texts: tuple[str, ...]) -> list[str]:
    """Name what would have to be taken out of texts that git has already; nothing is changed."""
    name = channel.value.replace("_", " ")
    seen = (release(text, channel) for text in texts)
    return [f"A {name} holds {r.told}." for r in seen if r.decision is not Decision.PASS]
