"""From `app.yml` to a ping that has arrived, as a browser goes: every step over real HTTP."""

import asyncio
import io
import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from rich.console import Console

from bot.demo.forge.config import utc_now
from bot.serving import listen, serve
from bot.setup.command import Wishes, check_env_file, set_up
from bot.setup.keeping import merged
from bot.setup.manifest import Registered, exchange, form_url, hook_url, manifest
from bot.setup.page import Setup, create_page
from shared.errors import ConfigurationError, GitHubUnavailable, NotFound
from shared.github import GitHub, GitHubUrls
from shared.settings import load_settings
from tests.forge.honesty import Honesty, honesty
from tests.forge.world import World, open_world
from tests.github.test_app_manifest import MANIFEST
from tests.road.test_people_kit import patiently
from tests.setup.smee import Smee

__all__ = ["honesty"]


def form(page: httpx.Response) -> tuple[str, dict[str, str]]:
    """Read where a page's form goes and what it carries."""
    found = re.search(r'<form[^>]*action="([^"]+)"', page.text)
    assert found, page.text
    inputs = re.findall(r'<input(?: type="hidden")? name="([^"]+)" value="([^"]*)"', page.text)
    return unescape(found[1]), {name: unescape(value) for name, value in inputs}


async def agree(browser: httpx.AsyncClient, page: httpx.Response, name: str = "") -> str:
    """Send the manifest to GitHub and press its button; return where that leads."""
    target, fields = form(page)
    asked = await browser.post(target, data=fields)
    assert asked.status_code == 200, asked.text
    policy = asked.headers["content-security-policy"]
    assert "form-action 'self' http://127.0.0.1:" in policy, "browsers would stop the way back"
    action, fields = form(asked)
    origin = "{0.scheme}://{0.netloc}".format(urlsplit(target))
    wanted = fields | ({"name": name} if name else {})
    gone = await browser.post(origin + action, data=wanted, headers={"Origin": origin})
    assert gone.status_code == 302, gone.text
    return str(gone.headers["location"])


async def test_the_whole_way(tmp_path: Path, honesty: Honesty) -> None:
    """A person's three clicks leave an App, its secrets in files of one's own, and a ping."""
    smee, said = Smee(), io.StringIO()
    env_file = tmp_path / "kept" / "baton.env"
    env_file.parent.mkdir()
    env_file.write_text('BATON_PORT="9000"\nBATON_GITHUB_TOKEN="old"\n', "utf-8")
    free = listen()
    free.socket.close()
    async with (
        open_world(tmp_path, honesty, clock=utc_now) as world,
        serve(smee.app()) as at,
        httpx.AsyncClient(timeout=20, trust_env=False) as browser,
    ):
        wishes = Wishes(
            name="Baton of Alice",
            urls=GitHubUrls.of_server(world.url),
            env_file=env_file,
            channel=f"{at}/channel",
            port=int(free.url.rpartition(":")[2]),
            browser=False,
        )
        setting_up = asyncio.create_task(set_up(wishes, Console(file=said, width=200)))
        await patiently(lambda: asyncio.sleep(0, bool(said.getvalue())))
        page = await browser.get(free.url)
        done = await browser.get(await agree(browser, page))
        assert "/apps/baton-of-alice/installations/new" in done.text
        assert await setting_up == 0, said.getvalue()
        smee.hang_up()
        settings = load_settings(env_file)
        assert settings.app_id == 2
        assert settings.port == 9000
        assert settings.token is None
        assert settings.smee_url == f"{at}/channel"
        assert {path.stat().st_mode & 0o777 for path in env_file.parent.iterdir()} == {0o600}
        github = GitHub.as_app(2, settings.private_key(), wishes.urls)
        app = await github.registration()
        await github.aclose()
        assert app is not None
        assert app.permissions == MANIFEST["default_permissions"]
        assert set(app.events) == set(MANIFEST["default_events"])
        secret = settings.require_webhook_secret().get_secret_value()
        for text in (said.getvalue(), done.text):
            assert secret not in text
            assert "PRIVATE KEY" not in text
        assert "ping has arrived" in said.getvalue()


async def test_another_pages_answer_is_refused(tmp_path: Path, honesty: Honesty) -> None:
    """Without the state of this setup no code is fetched and no file written (CSRF)."""
    async with (
        open_world(tmp_path, honesty) as world,
        httpx.AsyncClient(timeout=20, trust_env=False) as browser,
    ):
        setup = a_setup(world, tmp_path)
        async with serve(create_page(setup)) as here:
            setup.manifest = manifest("Baton", "https://baton.example.com", here)
            back = urlsplit(await agree(browser, await browser.get(here), name="Another name"))
            code = parse_qs(back.query)["code"][0]
            for state in ("", "x" * 43, "é"):
                answer = await browser.get(
                    f"{here}{back.path}", params={"code": code, "state": state}
                )
                assert answer.status_code == 400
                assert "does not belong to this setup" in answer.text
            assert not setup.registered.done()
            assert not (tmp_path / "kept").exists()
            answer = await browser.get(f"{here}{back.path}?{back.query}")
            assert (await setup.registered).slug == "another-name"
            again = await browser.get(f"{here}{back.path}?{back.query}")
            assert again.text == answer.text, "loading the page again fetches nothing again"


def a_setup(world: World, root: Path) -> Setup:
    """Return a setup whose files go below a folder."""
    kept = root / "kept"

    def keep(app: Registered) -> None:
        kept.mkdir()
        (kept / app.slug).touch()

    return Setup(GitHubUrls.of_server(world.url), {}, keep)


async def test_the_page_is_for_this_machine_alone(tmp_path: Path, honesty: Honesty) -> None:
    """By a tunnel's name nothing is there; nothing is kept in caches or told to other sites."""
    async with open_world(tmp_path, honesty) as world, httpx.AsyncClient(trust_env=False) as client:
        setup = a_setup(world, tmp_path)
        setup.manifest = manifest("Baton", "https://baton.example.com", "http://127.0.0.1:1")
        async with serve(create_page(setup)) as here:
            own = await client.get(here)
            assert own.headers["cache-control"] == "no-store"
            assert own.headers["referrer-policy"] == "no-referrer"
            foreign = await client.get(here, headers={"Host": "baton.example.com"})
            assert foreign.status_code == 404
            assert setup.state not in foreign.text
            door = await client.post(f"{here}/webhooks/github", content=b"{}")
            assert door.status_code == 404, "before there is a secret there is no door"


async def test_a_code_works_once_and_for_an_hour(tmp_path: Path, honesty: Honesty) -> None:
    """What GitHub refuses or cannot answer is one sentence, and says how to go on."""
    async with (
        open_world(tmp_path, honesty) as world,
        httpx.AsyncClient(timeout=20, trust_env=False) as browser,
    ):
        setup = a_setup(world, tmp_path)
        urls = setup.urls
        async with serve(create_page(setup)) as here:
            setup.manifest = manifest("Baton", "https://baton.example.com", here)
            page = await browser.get(here)
            codes = [parse_qs(urlsplit(await agree(browser, page)).query)["code"][0] for _ in "ab"]
        assert (await exchange(urls, codes[0])).id == 2
        with pytest.raises(NotFound, match="works once"):
            await exchange(urls, codes[0])
        world.clock.forward(minutes=61)
        with pytest.raises(NotFound, match="works once"):
            await exchange(urls, codes[1])
        world.faults.fail("POST", "/conversions$", status=503)
        with pytest.raises(GitHubUnavailable, match="githubstatus"):
            await exchange(urls, "any")
    with pytest.raises(GitHubUnavailable, match="within the hour"):
        await exchange(urls, "any")


@pytest.mark.parametrize("text", ["{}", "no JSON", '{"name":"x","url":"y","redirect_url":7}'])
async def test_a_manifest_that_github_cannot_read_is_refused(
    tmp_path: Path, honesty: Honesty, text: str
) -> None:
    """The forge says which field is wrong, on a page with a way back."""
    async with open_world(tmp_path, honesty) as world, httpx.AsyncClient(trust_env=False) as client:
        url = f"{world.url}/settings/apps/new"
        answer = await client.post(
            url, data={"manifest": text}, headers={"Referer": f"{world.url}/alice"}
        )
        assert answer.status_code == 422
        assert "Invalid request" in answer.text
        assert 'href="/alice"' in answer.text
        away = await client.post(url, data={"manifest": text}, headers={"Referer": "http://else/x"})
        assert "else" not in away.text


def test_names_and_addresses_are_checked_before_anything_happens() -> None:
    """What GitHub would refuse is told here first."""
    hook = hook_url("https://baton.example.com/")
    assert hook == "https://baton.example.com/webhooks/github"
    filled = manifest(" Baton ", hook, "http://127.0.0.1:8420")
    assert filled["name"] == "Baton"
    assert filled["url"] == "https://baton.example.com"
    assert filled["redirect_url"] == "http://127.0.0.1:8420/setup/callback"
    with pytest.raises(ConfigurationError, match="34 characters"):
        manifest("x" * 35, hook, "http://127.0.0.1:8420")
    with pytest.raises(ConfigurationError, match="no address"):
        manifest("Baton", "baton.example.com", "http://127.0.0.1:8420")


def test_enterprise_and_organizations_have_their_own_pages() -> None:
    """The form goes to the server and the owner that were named, and nowhere else."""
    assert form_url(GitHubUrls(), "s") == "https://github.com/settings/apps/new?state=s"
    server = GitHubUrls.of_server("https://git.example.com")
    there = form_url(server, "a&b", "acme/../x")
    assert there == (
        "https://git.example.com/organizations/acme%2F..%2Fx/settings/apps/new?state=a%26b"
    )


def test_an_env_file_keeps_what_is_not_the_apps(tmp_path: Path) -> None:
    """Other settings and remarks stay; an App that is set up is never replaced unasked."""
    before = '# mine\nexport BATON_APP_ID=1\nBATON_PORT=9000\nBATON_APP_IDS="no"\n'
    after = merged(before, {"BATON_APP_ID": "2"})
    assert after == '# mine\nBATON_PORT=9000\nBATON_APP_IDS="no"\nBATON_APP_ID="2"\n'
    env_file = tmp_path / "baton.env"
    check_env_file(env_file)
    env_file.write_text(after, "utf-8")
    with pytest.raises(ConfigurationError, match="has an App already"):
        check_env_file(env_file)
