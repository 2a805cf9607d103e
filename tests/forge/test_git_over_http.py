from pathlib import Path

import pytest

from tests.forge.git import git
from tests.forge.world import REPO, World

_FIX = {"parcel/weight.py": "def total(weights):\n    return 0\n"}


async def test_a_token_clones_and_pushes(world: World, tmp_path: Path) -> None:
    """Real git clones with a token, pushes a new file, and a second clone has it."""
    sha = await world.branch(tmp_path, "fix", {"big.txt": "line\n" * 500_000})
    url = world.git_url(await world.token(permissions={"contents": "read"}))
    await git("clone", "--quiet", "--branch", "fix", url, str(tmp_path / "again"))
    assert (tmp_path / "again" / "big.txt").stat().st_size == 2_500_000
    assert (await git("-C", str(tmp_path / "again"), "rev-parse", "HEAD")).strip() == sha


async def test_the_app_signs_with_its_noreply_address(world: World, tmp_path: Path) -> None:
    """A commit with the bot's noreply address is shown as the bot's."""
    bot = await world.bot()
    account = (await bot.get("/users/baton[bot]")).json()
    assert account["type"] == "Bot"
    email = f"{account['id']}+baton[bot]@users.noreply.github.com"
    clone = tmp_path / "clone"
    await git("clone", "--quiet", world.git_url(await world.token()), str(clone))
    author = ("-c", "user.name=baton[bot]", "-c", f"user.email={email}")
    commit = ("commit", "--quiet", "--allow-empty", "--author", f"baton[bot] <{email}>")
    await git("-C", str(clone), *author, *commit, "-m", "Empty")
    await git("-C", str(clone), "push", "--quiet", "origin", "HEAD:refs/heads/fix")
    head = (await bot.get(f"{REPO}/commits/fix")).json()
    assert head["author"]["login"] == "baton[bot]"
    assert head["commit"]["author"]["email"] == email


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("nonsense", "Authentication failed"),
        ("token-of-mallory", "403"),
    ],
)
async def test_a_push_needs_the_right_to(
    world: World, tmp_path: Path, token: str, words: str
) -> None:
    """A bad token fails to authenticate; readers are told that they may not push."""
    clone = tmp_path / "clone"
    await git("clone", "--quiet", f"{world.url}/alice/parcel.git", str(clone))
    with pytest.raises(RuntimeError, match=words):
        await git("-C", str(clone), "push", world.git_url(token), "HEAD:refs/heads/mine")
    assert "push" not in await world.events()


async def test_a_token_without_contents_does_not_push(world: World, tmp_path: Path) -> None:
    """The token's own grants count, not the App's."""
    reader = world.git_url(await world.token(permissions={"contents": "read"}))
    await git("clone", "--quiet", reader, str(tmp_path / "clone"))
    with pytest.raises(RuntimeError, match="denied to baton"):
        await git("-C", str(tmp_path / "clone"), "push", reader, "HEAD:refs/heads/mine")


async def test_a_private_repository_cannot_be_cloned_by_others(
    world: World, tmp_path: Path
) -> None:
    """Strangers get not found, nobody is asked to log in, the owner clones."""
    private = "bob/secret"
    for token, words in (("token-of-alice", "not found"), (await world.token(), "not found")):
        with pytest.raises(RuntimeError, match=words):
            await git("clone", world.git_url(token, private), str(tmp_path / "none"))
    with pytest.raises(RuntimeError, match="could not read Username"):
        await git("clone", f"{world.url}/{private}.git", str(tmp_path / "none"))
    await git("clone", "--quiet", world.git_url("token-of-bob", private), str(tmp_path / "own"))


async def test_an_app_does_not_touch_workflows(world: World, tmp_path: Path) -> None:
    """A push of the App that changes a workflow is refused; the same by a person passes."""
    with pytest.raises(RuntimeError, match="without `workflows` permission"):
        await world.branch(tmp_path, "fix", {".github/workflows/ci.yml": "on: push\n"})
    person = world.git_url("token-of-bob")
    await git("-C", str(tmp_path / "clone-fix"), "push", "--quiet", person, "HEAD:refs/heads/ci")
    heads = await git("ls-remote", "--heads", person)
    assert [line.rpartition("/")[2] for line in heads.splitlines()] == ["ci", "main"]


async def test_a_push_moves_the_pull_request(world: World, tmp_path: Path) -> None:
    """A second push sends push and synchronize with both commits; a forced one says so."""
    bot = await world.bot()
    first = await world.branch(tmp_path, "fix", _FIX)
    await bot.post(f"{REPO}/pulls", json={"title": "Fix", "head": "fix", "base": "main"})
    clone = str(tmp_path / "clone-fix")
    await git("-C", clone, "commit", "--quiet", "--allow-empty", "-m", "Second")
    second = (await git("-C", clone, "rev-parse", "HEAD")).strip()
    await git("-C", clone, "push", "--quiet", "origin", "fix")
    await git("-C", clone, "push", "--quiet", "--force", "origin", f"{first}:fix")
    await world.events()
    sent = world.sent()
    synchronized = [
        (body["before"], body["after"]) for _, body in sent if body.get("action") == "synchronize"
    ]
    assert synchronized == [(first, second), (second, first)]
    pushes = [body for event, body in sent if event == "push"]
    assert [push["forced"] for push in pushes] == [False, False, True]
    assert [len(push["commits"]) for push in pushes] == [1, 1, 0]
    assert pushes[0]["commits"][0]["modified"] == ["parcel/weight.py"]
    assert pushes[0]["sender"]["login"] == "baton[bot]"
    assert (await bot.get(f"{REPO}/pulls/1")).json()["head"]["sha"] == first


async def test_deleting_the_branch_closes_the_pull_request(world: World, tmp_path: Path) -> None:
    """Without its branch a pull request is closed, and refs of pull requests cannot be pushed."""
    bot = await world.bot()
    await world.branch(tmp_path, "fix", _FIX)
    await bot.post(f"{REPO}/pulls", json={"title": "Fix", "head": "fix", "base": "main"})
    clone = str(tmp_path / "clone-fix")
    with pytest.raises(RuntimeError, match="hidden ref"):
        await git("-C", clone, "push", "origin", "HEAD:refs/pull/9/head")
    await git("-C", clone, "push", "--quiet", "origin", ":fix")
    assert (await bot.get(f"{REPO}/pulls/1")).json()["state"] == "closed"
