"""Comments that want to be commands, approvals that want to count twice, names that want out."""

from pathlib import Path

import pytest

from bot.approvals import digest
from bot.commands import Command, Unknown, Verb, parse
from shared.domain import Issue, Language, RepoRef
from shared.github.client import path as github_path
from shared.store import Approval, ApprovalState, Run, Store
from shared.workspace.tree import PathRefused, components

YES = Command(verb=Verb.APPROVE)
COMMENTS: dict[str, tuple[str, tuple[Command | Unknown, ...]]] = {
    "plain": ("/approve", (YES,)),
    "below a line of text": (
        "I read it.\n/approve",
        (Unknown(word="approve", nearest=Verb.APPROVE, misplaced=True),),
    ),
    "in a sentence": ("please /approve this", ()),
    "behind a blank": (" /approve", ()),
    "quoted": ("> /approve", ()),
    "quoted without a blank": (">/approve", ()),
    "quoted twice": ("> > /approve", ()),
    "in a quote, behind a line separator": ("> hello\u2028/approve", ()),
    "in a quote, behind a paragraph separator": ("> hello\u2029/approve", ()),
    "in a quote, behind a next line": ("> hello\x85/approve", ()),
    "in a quote, behind a vertical tab": ("> hello\x0b/approve", ()),
    "in a quote, behind a form feed": ("> hello\x0c/approve", ()),
    "in a quote, behind a file separator": ("> hello\x1c/approve", ()),
    "in a quote, behind a carriage return": ("> hello\r/approve", ()),
    "with line ends of Windows": ("> ok\r\n\r\n/approve\r\n", (YES,)),
    "in a fence": ("```\n/approve\n```", ()),
    "in a fence of tildes": ("~~~\n/approve\n~~~", ()),
    "in a fence that does not end": ("```\n/approve", ()),
    "in a longer fence": ("````\n```\n/approve\n````", ()),
    "indented as code": ("    /approve", ()),
    "behind a tab": ("\t/approve", ()),
    "in a comment": ("<!-- \n/approve\n-->", ()),
    "in a comment that does not end": ("<!--\n/approve", ()),
    "in a code span": ("`/approve`", ()),
    "in a list": ("- /approve", ()),
    "in capitals": ("/APPROVE", ()),
    "with a Cyrillic letter": ("/аpprove", ()),
    "in full width": ("／approve", ()),
    "with an invisible letter": ("/app\u200brove", ()),
    "with a soft hyphen": ("/ap\u00adprove", ()),
    "turned round": ("\u202eevorppa/", ()),
    "as an address": ("/approve/../deny", ()),
    "with two slashes": ("//approve", ()),
    "misspelt": ("/aprove", (Unknown(word="aprove", nearest=Verb.APPROVE),)),
    "of another bot": ("/lgtm", (Unknown(word="lgtm"),)),
    "with a hostile argument": (
        "/approve $(rm -rf ~) `x`",
        (Command(verb=Verb.APPROVE, argument="$(rm -rf ~) `x`"),),
    ),
    "yes and no": ("/approve\n/deny", (YES, Command(verb=Verb.DENY))),
    "over two lines": ("/approve\nfrontier", (YES,)),
    "with a very long word": ("/" + "a" * 10_000, ()),
}


@pytest.mark.parametrize("name", COMMENTS)
def test_only_a_line_of_ones_own_is_a_command(name: str) -> None:
    """Exactly these commands are read; what is quoted, hidden or disguised is none."""
    body, commands = COMMENTS[name]
    assert parse(body) == commands


TERMS = {"kind": "frontier", "issue_digest": "a", "base_sha": "b", "model": "m", "bytes": "c"}


@pytest.mark.parametrize("term", TERMS)
def test_an_approval_covers_only_what_was_shown(term: str) -> None:
    """Another issue text, commit, model or payload has another digest."""
    assert digest(TERMS | {term: "other"}) != digest(TERMS)


def test_an_approval_covers_no_more_than_was_shown() -> None:
    """A term that was not there makes another request."""
    assert digest(TERMS | {"extra": ""}) != digest(TERMS)


def test_an_edited_issue_is_another() -> None:
    """Text moved from the title to the body gives another digest; nothing is glued together."""
    issue = Issue(repo=RepoRef(owner="o", name="r"), number=1, title="ab", body="c", author="a")
    assert issue.digest != issue.model_copy(update={"title": "a", "body": "bc"}).digest


@pytest.fixture
async def store(tmp_path: Path) -> Store:
    """Give a store with one run that waits."""
    store = Store.open(tmp_path / "baton.db")
    run = Run(origin="x", repo="o/r", number=1, requester="a", title="t", language=Language.ENGLISH)
    await store.add_run(run)
    await store.add_approval(
        Approval(id="p", run_id="o/r#1.1", kind="planner", digest="d", shown={})
    )
    return store


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ApprovalState.APPROVED, ApprovalState.APPROVED),
        (ApprovalState.APPROVED, ApprovalState.DENIED),
        (ApprovalState.DENIED, ApprovalState.APPROVED),
        (ApprovalState.EXPIRED, ApprovalState.APPROVED),
    ],
)
async def test_the_first_answer_counts(
    store: Store, first: ApprovalState, second: ApprovalState
) -> None:
    """A request takes one answer; a second one, of whatever kind, changes nothing."""
    counts = [
        await store.decide("p", state, decision=f"comment {n}", by="a", reason="")
        for n, state in enumerate((first, second))
    ]
    kept = await store.approval("p")
    assert kept is not None
    assert (counts, kept.state) == ([True, False], first)
    await store.close()


async def test_a_void_approval_does_not_come_back(store: Store) -> None:
    """What was taken back cannot be approved again, and nothing that does not exist can."""
    await store.void_approval("p", "the issue was edited")
    answers = [
        await store.decide(name, ApprovalState.APPROVED, decision="c", by="a", reason="")
        for name in ("p", "q")
    ]
    assert answers == [False, False]
    await store.close()


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "~/.ssh/id_rsa", "../x", "a/../../x", "a\0b", "a/" * 600),
        *(".git/config", "a/.git/hooks/x", ".GIT/config", ".git./config", ".g\u200cit/config"),
        *(".git /config", "..", "/proc/self/environ", "/dev/stdin"),
    ],
)
def test_no_path_leads_out_of_a_worktree(path: str) -> None:
    """Absolute paths, homes, folders above and git's own are refused before anything is opened."""
    with pytest.raises(PathRefused):
        components(path)


@pytest.mark.parametrize("part", ["", ".", ".."])
def test_no_name_leads_to_another_place_at_github(part: str) -> None:
    """A part of an address that names another place is refused."""
    with pytest.raises(ValueError, match="cannot be a path"):
        github_path("repos", "o", part)


def test_names_are_quoted_in_addresses() -> None:
    """A slash, a question mark or a hash in a label's name stays a part of the name."""
    assert github_path("labels", "a/../b?x#y") == "/labels/a%2F..%2Fb%3Fx%23y"


@pytest.mark.parametrize(
    "name", ["..", ".", "", "a/b", "a b", "a\n", "-x/../y", "a" * 101, "r?x", "r#x", "../o/r"]
)
def test_no_repository_has_such_a_name(name: str) -> None:
    """Names that would lead out of the folders named after repositories are refused."""
    with pytest.raises(ValueError, match="validation error"):
        RepoRef(owner="o", name=name)
