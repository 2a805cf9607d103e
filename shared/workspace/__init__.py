"""The hands of an agent: path-safe edits on the host, commands in the sandbox."""

from shared.workspace.actions import (
    ACTIONS,
    Action,
    CreateFile,
    EditFile,
    Keeper,
    Observation,
    RunCommand,
    Search,
    Submit,
    ViewFile,
    Workspace,
)
from shared.workspace.policy import coder_writes, fixed_files, tester_writes, violations
from shared.workspace.sandboxed import SandboxWorkspace

__all__ = [
    "ACTIONS",
    "Action",
    "CreateFile",
    "EditFile",
    "Keeper",
    "Observation",
    "RunCommand",
    "SandboxWorkspace",
    "Search",
    "Submit",
    "ViewFile",
    "Workspace",
    "coder_writes",
    "fixed_files",
    "tester_writes",
    "violations",
]
