"""What bad models write, in the agents' own protocol: actions, the true fix, the submission."""

from agents import protocol
from shared.workspace import CreateFile, EditFile, RunCommand, Submit, ViewFile
from tests.agents.hostile_world import Ends

FAILED, HELP, SOLVED = Ends.FAILED, Ends.HELP, Ends.SOLVED
FAULT, MENDED = "    return price * percent / 100\n", "    return price * (100 - percent) / 100\n"


def run(command: str) -> str:
    """Write a command."""
    return protocol.render(RunCommand(command=command))


def create(path: str, content: str) -> str:
    """Write a new file."""
    return protocol.render(CreateFile(path=path, content=content))


def edit(search: str, replace: str, path: str = "shop.py") -> str:
    """Write an edit."""
    return protocol.render(EditFile(path=path, search=search, replace=replace))


def view(path: str) -> str:
    """Write a look at a file."""
    return protocol.render(ViewFile(path=path))


FIX = f"I take the percentage off.\n\n{edit(FAULT, MENDED)}"
DONE = protocol.render(Submit(message="discount() gives the price; all tests pass."))
