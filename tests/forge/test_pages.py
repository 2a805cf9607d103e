from pathlib import Path

import httpx
import pytest

from tests.forge.world import REPO, World

_FIX = {"parcel/weight.py": "def total(weights):\n    return 0\n"}
_BODY = """\
<!-- baton:status hidden -->
| a | b |
|---|---|
| 1 | 2 |

- [x] done
- [ ] open, see #7

<details><summary>Log</summary>

```
red
```

</details>

<script>alert(1)</script>

Text <img src=x onerror=alert(1)> ![pic](https://example.com/x.png)
[bad](javascript:alert(1)) <b onclick=x>bold</b> H<sub>2</sub>O
"""


def _browser(world: World, **headers: str) -> httpx.AsyncClient:
    same = {"Origin": world.url} | headers
    return httpx.AsyncClient(base_url=world.url, headers=same, follow_redirects=True, timeout=30)


async def _pull(world: World, root: Path) -> None:
    await world.branch(root, "fix", _FIX)
    wanted = {"title": "Fix", "head": "fix", "base": "main", "body": "Closes #1"}
    await (await world.bot()).post(f"{REPO}/pulls", json=wanted)


async def test_markdown_is_shown_and_nothing_runs(world: World) -> None:
    """Tables, boxes and folds are rendered; scripts, handlers and hidden comments are not."""
    await (await world.bot()).post(f"{REPO}/issues", json={"title": "One", "body": _BODY})
    async with _browser(world) as browser:
        answer = await browser.get("/alice/parcel/issues/1")
    page = answer.text
    for shown in (
        "<td>1</td>",
        '<input type="checkbox" disabled checked> done',
        '<a href="/alice/parcel/issues/7">#7</a>',
        "<details><summary>Log</summary>",
        "<pre><code>red\n</code></pre>\n</details>",
        "H<sub>2</sub>O",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        '<a href="https://example.com/x.png" rel="nofollow">pic</a>',
    ):
        assert shown in page
    for hidden in ("baton:status", "<script>", "<img src=x", "<b onclick", 'href="javascript:'):
        assert hidden not in page
    assert "script-src 'self'" in answer.headers["content-security-policy"]


async def test_a_person_does_everything_on_the_pages(world: World, tmp_path: Path) -> None:
    """Open an issue, answer the bot, review with a remark, approve, merge: by forms alone."""
    async with _browser(world) as browser:
        new = {"title": "Empty fails", "body": "See."}
        page = await browser.post("/alice/parcel/issues/new", data=new)
        assert page.url.path == "/alice/parcel/issues/1"
        assert "/approve" not in page.text
        bot = await world.bot()
        await bot.post(f"{REPO}/issues/1/comments", json={"body": "Answer with `/approve`."})
        assert 'value="/approve"' in (await browser.get("/alice/parcel/issues/1")).text
        page = await browser.post("/alice/parcel/issues/1/comment", data={"do": "/approve"})
        assert 'value="/approve"' not in page.text
        assert 'value="/status"' in page.text

        await _pull(world, tmp_path)
        spot = "parcel/weight.py:RIGHT:2"
        files = await browser.get(f"/alice/parcel/pull/2/files?at={spot}")
        assert f'value="{spot}"' in files.text
        review = {"event": "REQUEST_CHANGES", "body": "No", "at": spot, "remark": "Why 0?"}
        page = await browser.post("/alice/parcel/pull/2/review", data=review)
        assert "requested changes" in page.text
        assert "Why 0?" in (await browser.get("/alice/parcel/pull/2/files")).text
        await browser.post("/alice/parcel/pull/2/review", data={"event": "APPROVE"})
        page = await browser.post("/alice/parcel/pull/2/merge")
        assert '<span class="badge merged">' in page.text
        closed = await browser.get("/alice/parcel/issues/1")
        assert 'closed this in <a href="/alice/parcel/pull/2">#2</a>' in closed.text
        page = await browser.post("/alice/parcel/issues/1/comment", data={"do": "open"})
        assert "reopened this" in page.text
    comments = (await bot.get(f"{REPO}/issues/1/comments")).json()
    assert [one["user"]["login"] for one in comments] == ["baton[bot]", "alice"]
    assert (await world.events())[-1] == "issues.reopened"


async def test_every_page_opens(world: World, tmp_path: Path) -> None:
    """Each page answers and carries the banner's place, the tabs and its own content."""
    alice, bot = await world.person("alice"), await world.bot()
    await alice.post(f"{REPO}/issues", json={"title": "One", "labels": ["bug"]})
    await _pull(world, tmp_path)
    head = (await bot.get(f"{REPO}/pulls/2")).json()["head"]["sha"]
    output = {"title": "Red, then green", "summary": "| a |\n|---|\n| 1 |"}
    run = {"name": "tests", "head_sha": head, "conclusion": "success", "output": output}
    await bot.post(f"{REPO}/check-runs", json=run)
    await world.events()
    pages = {
        "/": "alice/parcel",
        "/alice": "alice/parcel",
        "/alice/parcel": "Weighs parcels.",
        "/alice/parcel/tree/fix/parcel": "weight.py",
        "/alice/parcel/blob/fix/parcel/weight.py": "return 0",
        "/alice/parcel/raw/main/README.md": "# parcel",
        "/alice/parcel/commits": "Initial commit",
        f"/alice/parcel/commit/{head}": "return 0",
        "/alice/parcel/issues": "One",
        "/alice/parcel/issues?state=closed": "Nothing here yet.",
        "/alice/parcel/issues/new": "New issue",
        "/alice/parcel/pulls": "Fix",
        "/alice/parcel/pull/2": "All checks have passed",
        "/alice/parcel/pull/2/checks": "Red, then green",
        "/alice/parcel/pull/2/commits": "Work on fix",
        "/alice/parcel/pull/2/files": "return 0",
        "/alice/parcel/pull/2.diff": "+    return 0",
        "/-/deliveries": "check_run",
        "/-/deliveries/1": "X-Hub-Signature-256",
        "/-/avatars/baton[bot].svg": "<svg",
        "/-/page.css": "prefers-color-scheme",
        "/-/page.js": "/-/version",
    }
    async with _browser(world) as browser:
        for path, text in pages.items():
            answer = await browser.get(path)
            assert answer.status_code == 200, path
            assert text in answer.text, path
        for path in ("/bob/secret", "/alice/none", "/alice/parcel/issues/99", "/-/other.css"):
            assert (await browser.get(path)).status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"},
    ],
)
async def test_a_form_of_another_site_is_refused(world: World, headers: dict[str, str]) -> None:
    """A cross-site post changes nothing, whatever page it comes from."""
    async with _browser(world, **headers) as browser:
        answer = await browser.post("/alice/parcel/issues/new", data={"title": "Spam"})
    assert answer.status_code == 403
    assert "from another site" in answer.text
    assert (await (await world.bot()).get(f"{REPO}/issues")).json() == []


async def test_the_version_moves_with_the_state(world: World) -> None:
    """A page can tell by the version that something happened, and by nothing else."""
    await world.events()
    async with _browser(world) as browser:
        before = (await browser.get("/-/version")).text
        await browser.get("/alice/parcel")
        assert (await browser.get("/-/version")).text == before
        await (await world.person("alice")).post(f"{REPO}/issues", json={"title": "One"})
        assert (await browser.get("/-/version")).text != before


async def test_what_the_api_refuses_is_said_on_a_page(world: World) -> None:
    """A form that does not work ends on a page with the reason."""
    async with _browser(world) as browser:
        await browser.post("/alice/parcel/issues/new", data={"title": "One"})
        empty = await browser.post("/alice/parcel/issues/1/comment", data={"body": " "})
        long = await browser.post("/alice/parcel/issues/new", data={"title": "x" * 257})
    assert (empty.status_code, long.status_code) == (422, 422)
    assert "needs a text" in empty.text
    assert "title is too long (maximum is 256 characters)" in long.text


async def test_a_webhook_is_sent_again_from_its_page(world: World) -> None:
    """The button redelivers under the same GUID."""
    await world.events()
    async with _browser(world) as browser:
        page = await browser.post("/-/deliveries/1/redeliver")
    assert page.url.path == "/-/deliveries"
    await world.events()
    first, last = world.target.received[0][0], world.target.received[-1][0]
    assert first["x-github-delivery"] == last["x-github-delivery"]
