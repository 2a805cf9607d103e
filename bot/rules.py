"""What a repository asks of Baton: ``.github/baton.yml`` of its default branch, and of no other.

A pull request that changes the file changes nothing before it is merged. A file that cannot be
read wholly is told about once for each version of it; what it would have said is replaced by what
asks people most.
"""

import hashlib
from types import NoneType

from bot.durable import step
from bot.notices import text
from bot.services import services
from shared.domain import Language, RepoRef, Value
from shared.profiles import Approvals
from shared.repository import PATH, Reading, RepositoryConfig, read_config


class Rules(Value):
    """The rules of a repository as of one commit; ``version`` identifies the file's text."""

    reading: Reading = Reading()
    version: str = ""

    @property
    def config(self) -> RepositoryConfig:
        """Return what holds."""
        return self.reading.config

    @property
    def approvals(self) -> Approvals:
        """Return what waits for a person: by the operator's profile, and here beyond it."""
        return self.config.approvals.beyond(services().profile.approvals)

    @property
    def start_on_open(self) -> bool:
        """Tell whether an opened issue starts a run."""
        asked = self.config.triggers.start_on_open
        return services().settings.start_on_open if asked is None else asked

    def is_trigger(self, label: str) -> bool:
        """Tell whether a label starts a run; GitHub does not tell names apart by case."""
        labels = self.config.triggers.labels or (services().settings.label,)
        return label.casefold() in {name.casefold() for name in labels}


_KNOWN: dict[tuple[RepoRef, str], Rules] = {}
"""The rules of commits that this process has read, the oldest first."""
_MOST_KNOWN = 64


async def rules_of(ref: RepoRef, sha: str | None = None) -> Rules:
    """Read the rules at a commit of the default branch, at its newest one if none is named."""
    return await step("read rules", Rules, lambda: read_rules(ref, sha))


async def read_rules(ref: RepoRef, sha: str | None = None) -> Rules:
    """Read the rules within a step; those of one commit never change."""
    repo = await services().repo(ref)
    key = (ref, sha or (await repo.default_branch()).sha)
    if key not in _KNOWN:
        told = await repo.file(PATH, key[1]) or ""
        version = hashlib.sha256(told.encode()).hexdigest()[:12] if told else ""
        while len(_KNOWN) >= _MOST_KNOWN:
            del _KNOWN[next(iter(_KNOWN))]
        _KNOWN[key] = Rules(reading=read_config(told), version=version)
    return _KNOWN[key]


async def complain(ref: RepoRef, number: int, rules: Rules, language: Language) -> None:
    """Say on an issue what is wrong with the file, with line and mend; once for each version."""
    faults = rules.reading.faults
    if not faults:
        return
    body = text("bad_rules", language, path=PATH, faults=[str(fault) for fault in faults])

    async def work() -> None:
        repo = await services().repo(ref)
        await repo.upsert_comment(number, f"rules {rules.version}", body)

    await step("say what is wrong with the rules", NoneType, work)
