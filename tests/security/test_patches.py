"""Changes as a hostile or careless model would make them, and the exact judgement of each."""

import pytest

from shared.guard.change import (
    EXECUTABLE,
    FILE,
    LINK,
    SUBMODULE,
    Blob,
    Concern,
    Entry,
    Outcome,
    Reason,
)
from shared.guard.own import OwnSecrets
from shared.guard.patch import PatchPolicy, judge

OWN = "baton-own-webhook-secret-8f1c2d3e4a5b6978"
TOKEN = "ghp_" + "Ab3dE6gH9" * 4


def blob(text: str | bytes | None, mode: str = FILE) -> Blob | None:
    """Return a file with this content."""
    if text is None:
        return None
    data = text.encode() if isinstance(text, str) else text
    return Blob(mode=mode, size=len(data), data=data)


def entry(
    path: str, after: str | bytes | None = "x\n", before: str | None = None, mode: str = FILE
) -> Entry:
    """Return a changed path."""
    return Entry(path=path, before=blob(before), after=blob(after, mode))


C = Concern
REFUSED: dict[str, tuple[Entry, Concern]] = {
    "a workflow": (entry(".github/workflows/ci.yml"), C.WORKFLOW),
    "a workflow in other letters": (entry(".GitHub/Workflows/ci.yml"), C.WORKFLOW),
    "a workflow taken away": (entry(".github/workflows/ci.yml", None, "x"), C.WORKFLOW),
    "an action of the repository": (entry(".github/actions/a/action.yml"), C.WORKFLOW),
    "git's configuration": (entry(".git/config"), C.GIT),
    "git's hooks in other letters": (entry("sub/.GIT/hooks/pre-commit"), C.GIT),
    "git's folder with an invisible letter": (entry(".g\u200cit/config"), C.GIT),
    "submodules": (entry(".gitmodules"), C.GIT),
    "where large files are kept": (entry(".lfsconfig"), C.GIT),
    "a submodule": (entry("vendor", "a" * 40, mode=SUBMODULE), C.SUBMODULE),
    "a file in place of a submodule": (
        Entry(path="vendor", before=blob("a" * 40, SUBMODULE), after=blob("x")),
        C.SUBMODULE,
    ),
    "a device": (entry("disk", mode="060000"), C.MODE),
    "a group-writable file": (entry("a.py", mode="100664"), C.MODE),
    "the folder above": (entry("../outside.py"), C.PATH),
    "an absolute path": (entry("/etc/passwd"), C.PATH),
    "an empty part": (entry("a//b.py"), C.PATH),
    "the folder itself": (entry("a/./b.py"), C.PATH),
    "a home": (entry("~/x"), C.PATH),
    "an option": (entry("tests/--pwn"), C.PATH),
    "a stream of Windows": (entry("a/.git::$INDEX_ALLOCATION/x"), C.PATH),
    "a device of Windows": (entry("src/aux.py"), C.PATH),
    "git's folder by its short name": (entry("GIT~1/config"), C.PATH),
    "a link in place of the workflows": (
        entry(".github/workflows", "../ci", mode=LINK),
        C.WORKFLOW,
    ),
    "a link in place of their folder": (entry(".github", "ci", mode=LINK), C.WORKFLOW),
    "a path of Windows": (entry("a\\..\\b"), C.PATH),
    "a control character": (entry("a\nb.py"), C.PATH),
    "a turned name": (entry("a\u202eyp.exe"), C.PATH),
    "an end that Windows drops": (entry("a.py."), C.PATH),
    "a very long path": (entry("a/" * 600 + "b"), C.PATH),
    "a link to the host": (entry("x", "/etc/passwd", mode=LINK), C.LINK_OUT),
    "a link to the folder above": (entry("x", "../x", mode=LINK), C.LINK_OUT),
    "a link far above": (entry("a/b/x", "../../../x", mode=LINK), C.LINK_OUT),
    "a link through another link": (entry("a/x", "../b/..", mode=LINK), C.LINK_OUT),
    "a link to git's folder": (entry("x", ".git/config", mode=LINK), C.LINK_OUT),
    "a link to a home": (entry("x", "~/.ssh", mode=LINK), C.LINK_OUT),
    "a link to nothing readable": (entry("x", b"\xff\xfe", mode=LINK), C.LINK_OUT),
    "an empty link": (entry("x", "", mode=LINK), C.LINK_OUT),
    "our own secret": (entry("a.py", f"KEY = '{OWN}'\n"), C.OWN_SECRET),
    "our own secret, reversed": (entry("a.py", f"KEY = '{OWN[::-1]}'\n"), C.OWN_SECRET),
    "our own secret in a binary": (entry("a.bin", b"\0" + OWN.encode()), C.OWN_SECRET),
    "a huge file": (entry("a.txt", "x" * 1_000_001), C.SIZE),
}
ASKED: dict[str, tuple[Entry, Concern, str]] = {
    "owners": (entry("CODEOWNERS"), C.PROTECTED, ""),
    "owners in a folder": (entry("docs/CODEOWNERS"), C.PROTECTED, ""),
    "settings of the forge": (entry(".github/baton.yml"), C.PROTECTED, ""),
    "instructions to agents": (entry("AGENTS.md"), C.PROTECTED, ""),
    "pip's settings": (entry("pip.conf"), C.PROTECTED, ""),
    "a lock file": (entry("uv.lock"), C.LOCK_FILE, ""),
    "a lock file in a folder": (entry("web/package-lock.json"), C.LOCK_FILE, ""),
    "attributes": (entry(".gitattributes", "* filter=x"), C.ATTRIBUTES, ""),
    "a path that the repository protects": (entry("deploy/prod/a.tf"), C.PROTECTED, ""),
    "an executable": (entry("run.sh", mode=EXECUTABLE), C.EXECUTABLE, ""),
    "a file made executable": (
        Entry(path="run.sh", before=blob("x"), after=blob("x", EXECUTABLE)),
        C.EXECUTABLE,
        "",
    ),
    "a link inside": (entry("docs/x", "../README.md", mode=LINK), C.LINK, "../README.md"),
    "a binary": (entry("a.png", b"\x89PNG\0"), C.BINARY, ""),
    "text that is no UTF-8": (entry("a.txt", b"\xff\xfe"), C.BINARY, ""),
    "a file that nobody read": (
        Entry(path="a.txt", after=Blob(mode=FILE, size=10)),
        C.BINARY,
        "",
    ),
    "a pointer to large storage": (
        entry("a.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
        C.LFS,
        "",
    ),
    "a token": (entry("a.py", f"TOKEN = '{TOKEN}'\n"), C.SECRET, "github-token"),
    "text that turns": (entry("a.py", "if admin: # \u202e } \u2066\n"), C.HIDDEN_TEXT, ""),
    "orders to other tools": (entry(".cursorrules"), C.PROTECTED, ""),
    "the merging of pull requests": (entry(".mergify.yml"), C.PROTECTED, ""),
    "an action at the top": (entry("action.yml"), C.PROTECTED, ""),
    "an image's recipe by another name": (entry("deploy/Dockerfile.prod"), C.PROTECTED, ""),
    "a requirement": (
        entry("requirements.txt", "a\nEvil_Pkg==1\n", "a\n"),
        C.DEPENDENCY,
        "evil-pkg==1",
    ),
    "an index": (
        entry("requirements.txt", "--index-url http://e.example\n", ""),
        C.DEPENDENCY,
        "--index-url http://e.example",
    ),
    "a requirement with an address": (
        entry("requirements-dev.txt", "a @ https://e.example/a.whl\n", "a\n"),
        C.DEPENDENCY,
        "a @ https://e.example/a.whl",
    ),
    "a project's dependency": (
        entry(
            "pyproject.toml",
            "[project]\ndependencies = [\"Evil[x] > 1; python_version>'3'\"]",
            "[project]",
        ),
        C.DEPENDENCY,
        'evil[x]>1; python_version > "3"',
    ),
    "a build's dependency": (
        entry("pyproject.toml", '[build-system]\nrequires = ["evil"]', ""),
        C.DEPENDENCY,
        "evil",
    ),
    "a manifest that does not parse": (
        entry("pyproject.toml", "not [ toml", ""),
        C.DEPENDENCY,
        "(cannot be read)",
    ),
    "a module of Node": (
        entry("package.json", '{"dependencies": {"evil": "1"}}', "{}"),
        C.DEPENDENCY,
        "evil 1",
    ),
    "a module of Node from elsewhere": (
        entry(
            "package.json", '{"dependencies": {"a": "git+https://e"}}', '{"dependencies":{"a":"1"}}'
        ),
        C.DEPENDENCY,
        "a from git+https://e",
    ),
    "a script that runs on install": (
        entry("package.json", '{"scripts": {"postinstall": "sh x"}}', "{}"),
        C.DEPENDENCY,
        "script postinstall: sh x",
    ),
    "a crate": (
        entry("Cargo.toml", '[dependencies]\nevil = "1"', ""),
        C.DEPENDENCY,
        "evil 1",
    ),
    "a module of Go": (
        entry("go.mod", "module m\nrequire (\n\te.example/evil v1.0.0\n)\n", "module m\n"),
        C.DEPENDENCY,
        "e.example/evil v1.0.0",
    ),
    "a replaced module of Go": (
        entry("go.mod", "module m\nreplace a => e.example/b v1\n", "module m\n"),
        C.DEPENDENCY,
        "replaced by e.example/b",
    ),
}
ALLOWED: dict[str, Entry] = {
    "code": entry("src/a.py", "def f():\n    return 2\n", "def f():\n    return 1\n"),
    "a new test": entry("tests/test_a.py"),
    "an odd name that was there": entry("docs/what?.md", "b\n", "a\n"),
    "a Korean name": entry("문서/안내.md"),
    "a name with a blank": entry("docs/a b.md"),
    "a file taken away": entry("src/a.py", None, "x"),
    "a script that was executable": Entry(
        path="run.sh", before=blob("x", EXECUTABLE), after=blob("y", EXECUTABLE)
    ),
    "a version of a dependency": entry("requirements.txt", "a==2\n", "a==1\n"),
    "a token that was there": entry("a.py", f"X = 1\n{TOKEN}\n", f"{TOKEN}\n"),
    "what resembles a workflow": entry("docs/github/workflows/a.yml"),
    "what resembles a lock file": entry("src/uv.lock.py"),
}


def verdict_on(*entries: Entry) -> tuple[Outcome, list[tuple[Concern, str]]]:
    """Judge a change in a repository that protects its deployment."""
    own = OwnSecrets()
    own.learn(OWN)
    verdict = judge(entries, PatchPolicy(protected=("deploy/**",)), own)
    return verdict.outcome, [(r.concern, r.detail) for r in verdict.refusals + verdict.questions]


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    """The change is refused, for this reason first."""
    change, concern = REFUSED[name]
    outcome, reasons = verdict_on(change)
    assert (outcome, reasons[0][0]) == (Outcome.REFUSED, concern)


@pytest.mark.parametrize("name", ASKED)
def test_asked(name: str) -> None:
    """The change waits for a person, who is told this and nothing else."""
    change, concern, detail = ASKED[name]
    assert verdict_on(change) == (Outcome.NEEDS_APPROVAL, [(concern, detail)])


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed(name: str) -> None:
    """Ordinary work is nobody's concern."""
    assert verdict_on(ALLOWED[name]) == (Outcome.ALLOWED, [])


def test_one_refusal_is_enough() -> None:
    """Among many good entries a bad one decides, and the questions are still told."""
    outcome, reasons = verdict_on(*ALLOWED.values(), entry("uv.lock"), entry("../x"))
    assert outcome is Outcome.REFUSED
    assert {concern for concern, _ in reasons} == {Concern.PATH, Concern.LOCK_FILE}


def test_too_many_files() -> None:
    """A change that nobody can review is refused as a whole."""
    outcome, reasons = verdict_on(*(entry(f"src/a{n}.py") for n in range(201)))
    assert (outcome, reasons) == (Outcome.REFUSED, [(Concern.FILES, "201")])


def test_too_many_bytes() -> None:
    """Many files below the bound are still too much together."""
    large = Blob(mode=FILE, size=900_000, data=b"x")
    outcome, reasons = verdict_on(*(Entry(path=f"a{n}.txt", after=large) for n in range(6)))
    assert (outcome, reasons) == (Outcome.REFUSED, [(Concern.SIZE, "5400000")])


def test_new_dependencies_are_listed() -> None:
    """New dependencies come ready for the pull request; none is passed over in silence."""
    change = entry("requirements.txt", "b>=2\na\nkept\n", "kept\n")
    assert judge([change]).dependencies == ("a", "b>=2")
    many = entry("requirements.txt", "".join(f"p{n}\n" for n in range(25)), "")
    assert judge([many]).dependencies[-1] == "5 more"


def test_every_concern_has_a_sentence() -> None:
    """Whatever is said against a change can be read by the one who made it."""
    said = {Reason(concern=concern, path="p", detail="d").sentence for concern in Concern}
    assert len(said) == len(Concern)
