"""The keys of ``.github/baton.yml``; docs/repository.md explains them, a schema is made from them.

Whoever may merge to the default branch writes this file, so it may ask Baton for more care and
never for less than the operator's profile does.
"""

from typing import Annotated

from pydantic import ConfigDict, Field

from shared.domain import Difficulty, Language, Value
from shared.profiles import Approvals

PATH = ".github/baton.yml"

Line = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$")]
Command = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$")]
Pattern = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
LabelName = Annotated[str, Field(min_length=1, max_length=50)]
# What git takes in the middle of a branch's name, and nothing that a shell or a URL would mind.
Prefix = Annotated[
    str, Field(max_length=40, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*(/[A-Za-z0-9][A-Za-z0-9_-]*)*$")
]


class _Section(Value):
    """Base of the tables of the file; a docstring below a key is its text in the schema."""

    model_config = ConfigDict(use_attribute_docstrings=True)


class Triggers(_Section):
    """What starts a run, apart from commands. Only people with write permission can start one."""

    start_on_open: bool | None = None
    """Whether an opened issue starts a run; unset: as the operator has set BATON_START_ON_OPEN."""
    labels: Annotated[tuple[LabelName, ...], Field(max_length=10)] = ()
    """Labels that start a run; unset: the operator's BATON_LABEL."""
    mention: bool = True
    """Whether a comment that mentions Baton is taken as a request to start or to follow up."""


class RepositoryApprovals(_Section):
    """What waits for a person, beyond what the operator's profile asks for."""

    planner: bool = False
    """Loading the planner."""
    plan: bool = False
    """Every finished plan, before anything is built."""
    plan_labels: Annotated[tuple[LabelName, ...], Field(max_length=20)] = ()
    """The plan of issues with one of these labels."""
    plan_paths: Annotated[tuple[Pattern, ...], Field(max_length=50)] = ()
    """A plan that names a file of these patterns, such as `src/payment/*`."""
    plan_difficulty: Difficulty | None = None
    """The plan of issues of this difficulty or a higher one."""
    approvers: Annotated[int, Field(ge=1, le=2)] = 1
    """How many different people have to say yes to the planner, a plan or a cloud model."""

    def beyond(self, policy: Approvals) -> Approvals:
        """Return what waits for a person: what a policy asks for, and more, never less."""
        order = list(Difficulty)
        levels = [one for one in (policy.plan_difficulty, self.plan_difficulty) if one is not None]
        return policy.model_copy(
            update={
                "planner": policy.planner or self.planner,
                "plan": policy.plan or self.plan,
                "plan_labels": _both(policy.plan_labels, self.plan_labels),
                "plan_paths": _both(policy.plan_paths, self.plan_paths),
                "plan_difficulty": min(levels, key=order.index, default=None),
                "approvers": max(policy.approvers, self.approvers),
            }
        )


def _both(first: tuple[str, ...], second: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))


class RepositoryConfig(_Section):
    """What ``.github/baton.yml`` on the default branch says."""

    triggers: Triggers = Triggers()
    setup: Command = ""
    """A shell line that is run before each run of the tests, in the sandbox, without network."""
    test: Command = ""
    """The shell line that runs the tests; unset: found out from the repository's files."""
    lint: Command = ""
    """A shell line that has to succeed on a change if it did before it."""
    requirements: Annotated[tuple[Line, ...], Field(max_length=200)] = ()
    """Python packages that the tests need, as lines of a requirements file."""
    protected_paths: Annotated[tuple[Pattern, ...], Field(max_length=100)] = ()
    """Files that a change may touch after a person's yes only, as shell patterns; they add to
    those that always need one. A pattern without a slash holds in every folder."""
    language: Language | None = None
    """The language Baton writes in; unset: the issue's."""
    branch_prefix: Prefix = "baton"
    """What the names of Baton's branches begin with."""
    approvals: RepositoryApprovals = RepositoryApprovals()


SAFE = RepositoryConfig(
    triggers=Triggers(start_on_open=False),
    approvals=RepositoryApprovals(planner=True, plan=True),
)
"""What stands in, key by key, for what cannot be read: Baton waits to be asked."""
