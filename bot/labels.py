"""The labels that Baton may set, and how they look. It never removes a person's label."""

from shared.domain import Difficulty, IssueType, Stage, Triage
from shared.github import Label

WORKING = "baton:working"
WAITING = "baton:needs-you"
PROPOSED = "baton:proposed"

_STATES = {
    WORKING: ("1d76db", "Baton is at work on this"),
    WAITING: ("fbca04", "Baton waits for a person"),
    PROPOSED: ("0e8a16", "Baton has opened a pull request"),
}
_TYPES = {
    IssueType.BUG: ("d73a4a", "Something does not work"),
    IssueType.FEATURE: ("a2eeef", "Something new"),
    IssueType.REFACTOR: ("c5def5", "Better structure, same behaviour"),
    IssueType.DOCUMENTATION: ("0075ca", "Words, not code"),
    IssueType.QUESTION: ("d876e3", "Asks rather than tells"),
}
_DIFFICULTIES = {
    Difficulty.LOW: ("c2e0c6", "First guess: a small change"),
    Difficulty.MEDIUM: ("fef2c0", "First guess: wants a plan"),
    Difficulty.HIGH: ("f9d0c4", "First guess: wants a plan and close review"),
}


def of_triage(triage: Triage) -> tuple[Label, ...]:
    """Return the labels that say what the router guessed."""
    kind, level = _TYPES[triage.type], _DIFFICULTIES[triage.difficulty]
    return (
        Label(name=f"type:{triage.type}", color=kind[0], description=kind[1]),
        Label(name=f"difficulty:{triage.difficulty}", color=level[0], description=level[1]),
    )


def of_stage(stage: Stage) -> Label | None:
    """Return the one label that says where a run stands; none once it is over."""
    if stage in {Stage.CANCELLED, Stage.CLOSED}:
        return None
    waits = stage.awaits_person or stage is Stage.STOPPED
    name = PROPOSED if stage is Stage.PROPOSED else WAITING if waits else WORKING
    color, description = _STATES[name]
    return Label(name=name, color=color, description=description)


def states() -> tuple[str, ...]:
    """Return the names of the labels that say where a run stands."""
    return tuple(_STATES)
