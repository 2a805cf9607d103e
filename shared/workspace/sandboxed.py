"""The workspace of a run: files are read and written by the host, commands run in the sandbox."""

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from shared.sandbox.values import Command, Ended, Finished, Limits, Mount, Sandbox
from shared.workspace import showing
from shared.workspace.actions import (
    Action,
    CreateFile,
    EditFile,
    Observation,
    RunCommand,
    Search,
    Submit,
    ViewFile,
)
from shared.workspace.edits import EditRefused, replace_lines
from shared.workspace.syntax import lint
from shared.workspace.tree import PathRefused, Tree, components

Writable = Callable[[str], str | None]
_SHELL = "/bin/bash" if os.access("/bin/bash", os.X_OK) else "/bin/sh"
_UNSEARCHED = (".git", ".venv", "venv", "node_modules", "__pycache__", ".mypy_cache", ".tox")
_NO_MATCH, _TROUBLE = 1, 2  # grep's exit codes
_SEARCH_SECONDS = 30.0
_OVERLOOKED = "The place was found by overlooking whitespace; this was changed:"


class SandboxWorkspace:
    """One worktree, as an agent may use it.

    ``writable`` returns why a path may not be written, or None. It holds for edits and new files;
    what commands changed is for the caller to judge afterwards (see policy.violations).
    """

    def __init__(  # noqa: PLR0913 - everything a command needs to run, given by name
        self,
        root: Path,
        sandbox: Sandbox,
        *,
        git_dir: Path | None = None,
        env: Mapping[str, str] | None = None,
        mounts: Sequence[Mount] = (),
        limits: Limits | None = None,
        writable: Writable = lambda _: None,
    ) -> None:
        self._root = root
        self._tree = Tree(root)
        self._sandbox = sandbox
        self._git_dir = git_dir
        self._env = dict(env or {})
        self._mounts = tuple(mounts)
        self._limits = limits or Limits()
        self._writable = writable

    async def act(self, action: Action) -> Observation:
        """Carry out an action.

        Raises SandboxError when a command could not be contained.
        """
        try:
            return await self._act(action)
        except (PathRefused, EditRefused) as refusal:
            return Observation(text=showing.cap(str(refusal)), ok=False)

    async def _act(self, action: Action) -> Observation:
        match action:
            case RunCommand(command=command):
                return await self._run(command)
            case Search(pattern=pattern, path=path):
                return await self._search(pattern, path)
            case ViewFile():
                return await asyncio.to_thread(self._view, action)
            case EditFile(path=path):
                before, after, exact = await asyncio.to_thread(self._edit, action)
                told = showing.diff(path, before, after)
                if not exact:
                    told = f"{_OVERLOOKED}\n{told}"
                return await _written(path, told, before, after)
            case CreateFile(path=path, content=content):
                await asyncio.to_thread(self._create, path, content)
                lines = content.count("\n")
                return await _written(path, f"Wrote {path} ({lines} lines).", None, content)
            case Submit():
                return Observation(text="Submitted.", ok=True)

    async def _run(self, command: str) -> Observation:
        done = await self._sandbox.run(
            self._command((_SHELL, "-c", command), self._limits), self._root, git_dir=self._git_dir
        )
        status = {
            Ended.EXITED: f"exit code {done.exit_code}",
            Ended.TIMED_OUT: f"stopped: longer than {self._limits.seconds:g} seconds",
            Ended.OUTPUT_LIMIT: "stopped: too much output",
            Ended.DISK_LIMIT: "stopped: wrote too much to the disk",
            Ended.KILLED: "stopped: used too much memory or too many processes",
        }[done.ended]
        output = showing.cap(done.output.strip("\n")) or "(no output)"
        return Observation(text=f"{output}\n({status})", ok=done.ok, seconds=done.seconds)

    async def _search(self, pattern: str, path: str) -> Observation:
        where = "/".join((".", *components(path, top=True)))
        done = await self._grep("-E", pattern, where)
        if done.exit_code == _TROUBLE and done.output.startswith("grep:"):
            # A text such as "parse(" is no regular expression; it is then meant as it stands.
            done = await self._grep("-F", pattern, where)
        if done.ended is not Ended.EXITED:
            return Observation(text="The search took too long. Name a smaller path.", ok=False)
        if done.exit_code == _NO_MATCH:
            return Observation(text=f"Nothing matches in {path}.", ok=True)
        if not done.output:
            return Observation(text=f"{path} cannot be searched. Does it exist?", ok=False)
        return Observation(text=showing.matches(done.output), ok=True)

    async def _grep(self, syntax: str, pattern: str, where: str) -> Finished:
        skipped = (f"--exclude-dir={name}" for name in _UNSEARCHED)
        argv = ("grep", "-rnIs", syntax, *skipped, "-e", pattern, "--", where)
        limits = self._limits.model_copy(update={"seconds": _SEARCH_SECONDS})
        command = self._command(argv, limits)
        return await self._sandbox.run(command, self._root, git_dir=self._git_dir)

    def _command(self, argv: tuple[str, ...], limits: Limits) -> Command:
        return Command(argv=argv, env=self._env, mounts=self._mounts, limits=limits)

    def _view(self, action: ViewFile) -> Observation:
        entries = self._tree.entries(action.path)
        if entries is not None:
            return Observation(text=showing.directory(action.path, entries), ok=True)
        return showing.view(self._tree.read(action.path), action)

    def _edit(self, action: EditFile) -> tuple[str, str, bool]:
        self._refuse(action.path)
        before = self._tree.read(action.path)
        mark = "\ufeff" if before.startswith("\ufeff") else ""
        edited = replace_lines(before.removeprefix(mark), action.search, action.replace)
        after = mark + edited.text
        self._tree.replace(action.path, after)
        return before, after, edited.exact

    def _create(self, path: str, content: str) -> None:
        self._refuse(path)
        self._tree.create(path, content)

    def _refuse(self, path: str) -> None:
        if reason := self._writable("/".join(components(path))):
            raise PathRefused(reason)


async def _written(path: str, told: str, before: str | None, after: str) -> Observation:
    found = await lint(path, before, after)
    # Last, and never cut: what is wrong matters more than what was written.
    text = "\n".join(part for part in (showing.cap(told), found.sentences()) if part)
    return Observation(text=text, ok=not found.error)
