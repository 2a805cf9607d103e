"""What a change may do to a repository: a judgement of its entries, without any I/O.

Who may write which tests, and what decides how tests run, is judged elsewhere
(``shared.workspace.policy`` and ``.integrity``); here is what holds for every change.
"""

import re
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache

from shared.domain import Value
from shared.guard import dependencies
from shared.guard.change import (
    EXECUTABLE,
    FILE,
    LINK,
    SUBMODULE,
    Blob,
    Concern,
    Entry,
    Reason,
    Verdict,
)
from shared.guard.own import OURS, OwnSecrets
from shared.guard.secret_rules import find_secrets
from shared.workspace.tree import is_git


class PatchPolicy(Value):
    """Where a change needs a person, and how large it may be; paths are shell patterns.

    ``protected`` adds to what always is; a pattern without a slash holds in every folder.
    """

    protected: tuple[str, ...] = ()
    most_files: int = 200
    most_bytes_a_file: int = 1_000_000
    most_bytes: int = 5_000_000


_DEFAULT = PatchPolicy()
_WORKFLOWS = (
    *(".github/workflows/*", ".github/actions/*", ".gitea/workflows/*", ".forgejo/workflows/*"),
    # The folder itself, which a file or a link could take the place of.
    *(".github/workflows", ".github/actions", ".gitea/workflows", ".forgejo/workflows", ".github"),
)
_ALWAYS_PROTECTED = (
    *(".github/*", "codeowners", ".gitlab-ci.yml", ".circleci/*", "jenkinsfile", ".travis.yml"),
    *("azure-pipelines.yml", ".pre-commit-config.yaml", ".husky/*", ".devcontainer/*", ".vscode/*"),
    *(".envrc", ".npmrc", ".pypirc", ".netrc", "pip.conf", "dockerfile", "makefile", "agents.md"),
    *("security.md", "license", "license.md", "license.txt", "claude.md"),
    *(".idea/*", ".claude/*", ".cursor/*", ".cursorrules", ".windsurfrules", ".clinerules"),
    *("gemini.md", ".mcp.json", "agents.override.md", "renovate.json*", ".renovaterc*"),
    *(".mergify.yml", ".mergify/*", ".kodiak.toml", "bors.toml", "action.yml", "action.yaml"),
    *(".gitlab/*", ".buildkite/*", ".drone.yml", ".woodpecker*", "appveyor.yml", ".appveyor.yml"),
    *("bitbucket-pipelines.yml", "cloudbuild.y*ml", "buildspec.yml", "jenkinsfile*"),
    *("dockerfile.*", "*.dockerfile", "containerfile", "compose.y*ml", "docker-compose*.y*ml"),
    *("gnumakefile", ".npmrc", ".yarnrc*", "pip.ini", "uv.toml", ".releaserc*"),
)
_LOCK_FILES = (
    *("uv.lock", "poetry.lock", "pdm.lock", "pipfile.lock", "package-lock.json", "yarn.lock"),
    *("pnpm-lock.yaml", "bun.lock*", "cargo.lock", "go.sum", "gemfile.lock", "composer.lock"),
    *("npm-shrinkwrap.json", "flake.lock", "gradle.lockfile"),
)
_REFUSED = frozenset(
    {
        *(Concern.WORKFLOW, Concern.GIT, Concern.PATH, Concern.LINK_OUT, Concern.SUBMODULE),
        *(Concern.MODE, Concern.OWN_SECRET, Concern.SIZE, Concern.FILES),
    }
)
_OF_GIT = {".gitmodules", ".gitconfig", ".lfsconfig"}
_LFS = b"version https://git-lfs.github.com/spec/"
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
# https://learn.microsoft.com/windows/win32/fileio/naming-a-file; the last is a short name of .git.
_NOT_ON_WINDOWS = re.compile(
    r'.*[<>:"|?*]|(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.|$)|git~\d', re.IGNORECASE
)
_LONGEST_PATH = 1000
_MOST_NAMED = 20  # reasons of one concern; a person reads no more


# A change is judged several times on its way; the last few files of up to 1 MB are kept for it.
_secrets_of_file = lru_cache(maxsize=16)(find_secrets)


def judge(
    entries: Iterable[Entry], policy: PatchPolicy = _DEFAULT, own: OwnSecrets = OURS
) -> Verdict:
    """Judge a change: refused, allowed after a person's look, or allowed."""
    changed = list(entries)
    reasons = [
        *_of_whole(changed, policy),
        *(reason for entry in changed for reason in _of_entry(entry, policy, own)),
    ]
    refusals = [reason for reason in reasons if reason.concern in _REFUSED]
    questions = [reason for reason in reasons if reason.concern not in _REFUSED]
    return Verdict(refusals=tuple(refusals), questions=tuple(questions))


def _of_whole(entries: list[Entry], policy: PatchPolicy) -> Iterator[Reason]:
    if len(entries) > policy.most_files:
        yield Reason(concern=Concern.FILES, path="", detail=str(len(entries)))
    size = sum(entry.after.size for entry in entries if entry.after)
    if size > policy.most_bytes:
        yield Reason(concern=Concern.SIZE, path="The change", detail=str(size))


def _of_entry(entry: Entry, policy: PatchPolicy, own: OwnSecrets) -> Iterator[Reason]:
    found = [*_of_path(entry, policy), *_of_mode(entry)]
    if entry.after is not None and entry.after.mode in {FILE, EXECUTABLE}:
        found += _of_content(entry, entry.after, policy, own)
    for concern, detail in found:
        yield Reason(concern=concern, path=entry.path, detail=detail)


def _of_path(entry: Entry, policy: PatchPolicy) -> Iterator[tuple[Concern, str]]:
    path, is_new = entry.path, entry.before is None
    parts = path.split("/")
    name = parts[-1].casefold()
    if any(is_git(part) for part in parts):
        yield Concern.GIT, ""
    elif not _is_portable(path, parts) or (is_new and any(map(_misleads, parts))):
        yield Concern.PATH, ""
    elif name in _OF_GIT:
        yield Concern.GIT, ""
    elif name == ".gitattributes":
        yield Concern.ATTRIBUTES, ""
    elif _matches(path, _WORKFLOWS):
        yield Concern.WORKFLOW, ""
    elif _matches(path, _LOCK_FILES):
        yield Concern.LOCK_FILE, ""
    elif _matches(path, (*_ALWAYS_PROTECTED, *policy.protected)):
        yield Concern.PROTECTED, ""


def _is_portable(path: str, parts: list[str]) -> bool:
    if len(path) > _LONGEST_PATH or not path.isprintable() or "\\" in path or path[:1] == "~":
        return False
    return not any(part in {"", ".", ".."} or part.endswith((" ", ".")) for part in parts)


def _misleads(part: str) -> bool:
    """Tell whether a command takes a name for an option, or Windows for something else."""
    return part.startswith("-") or _NOT_ON_WINDOWS.match(part) is not None


def _matches(path: str, patterns: Iterable[str]) -> bool:
    """Tell whether a path, its letters' case aside, fits a shell pattern."""
    small = path.casefold()
    name = small.rpartition("/")[2]
    for pattern in patterns:
        wanted = pattern.casefold().removeprefix("/")
        wanted = f"{wanted}*" if wanted.endswith("/") else wanted.replace("**", "*")
        if fnmatchcase(small if "/" in wanted else name, wanted):
            return True
    return False


def _of_mode(entry: Entry) -> Iterator[tuple[Concern, str]]:
    before, after = entry.before, entry.after
    modes = {blob.mode for blob in (before, after) if blob is not None}
    if SUBMODULE in modes:
        yield Concern.SUBMODULE, ""
    elif unknown := modes - {FILE, EXECUTABLE, LINK}:
        yield Concern.MODE, min(unknown)
    elif after is not None and after.mode == LINK:
        yield _of_link(entry.path, after)
    elif _mode(after) == EXECUTABLE != _mode(before):
        yield Concern.EXECUTABLE, ""


def _mode(blob: Blob | None) -> str:
    return blob.mode if blob is not None else ""


def _of_link(path: str, blob: Blob) -> tuple[Concern, str]:
    """Judge a link by where it leads from its folder, without following anything."""
    target = blob.text
    if target is None:
        return Concern.LINK_OUT, "an unreadable place"
    if not target or target.startswith(("/", "~")) or "\\" in target or not target.isprintable():
        return Concern.LINK_OUT, target
    parts = [part for part in target.split("/") if part not in {"", "."}]
    up = next((n for n, part in enumerate(parts) if part != ".."), len(parts))
    # Behind a name ".." may lead anywhere: the name may be a link itself.
    if up > path.count("/") or ".." in parts[up:] or any(is_git(part) for part in parts):
        return Concern.LINK_OUT, target
    return Concern.LINK, target


def _of_content(
    entry: Entry, after: Blob, policy: PatchPolicy, own: OwnSecrets
) -> Iterator[tuple[Concern, str]]:
    if after.size > policy.most_bytes_a_file:
        yield Concern.SIZE, str(after.size)
        return
    text = after.text
    if text is None:
        yield Concern.BINARY, ""
        if after.data is not None and own.find(after.data.decode("latin-1")):
            yield Concern.OWN_SECRET, ""
        return
    if (after.data or b"").startswith(_LFS):
        yield Concern.LFS, ""
    before = entry.before.text if entry.before is not None else None
    yield from _of_text(entry.path, before, text, own)


def _of_text(
    path: str, before: str | None, text: str, own: OwnSecrets
) -> Iterator[tuple[Concern, str]]:
    if own.find(text):
        yield Concern.OWN_SECRET, ""
    old = before or ""
    known = {old[span.start : span.end] for span in _secrets_of_file(old)}
    new = {s.rule for s in _secrets_of_file(text) if text[s.start : s.end] not in known}
    yield from ((Concern.SECRET, rule) for rule in sorted(new))
    if _BIDI.search(text) and not _BIDI.search(old):
        yield Concern.HIDDEN_TEXT, ""
    added = dependencies.added(path, before, text)
    yield from ((Concern.DEPENDENCY, name) for name in added[:_MOST_NAMED])
    if len(added) > _MOST_NAMED:
        yield Concern.DEPENDENCY, f"{len(added) - _MOST_NAMED} more"
