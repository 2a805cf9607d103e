"""Make the pictures in docs/: run the demo and look at its pages with headless Chromium."""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

import platformdirs
from playwright.async_api import Page, async_playwright

from bot.demo import story
from bot.demo.session import Session, open_session
from bot.views import RunView
from shared.domain import Stage
from tests.road.world import plan_for

DOCS = Path(__file__).parents[2] / "docs"
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
SIZE = {"width": 1240, "height": 1500}
_PATIENCE = 180.0


def find_chromium() -> str:
    """Return the path of an installed browser, or leave with the line that installs one."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    sys.exit("browser: no Chromium on this machine. Debian: apt-get install chromium.")


async def until(session: Session, number: int, stage: Stage) -> RunView:
    """Wait for a stage of the issue's run."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            for run in await session.reader.runs():
                if run.number == number and run.stage is stage:
                    return run
            await asyncio.sleep(0.1)


async def take(page: Page, url: str, name: str, *, top: str = "") -> None:
    """Photograph a page from its top, or from where a text stands."""
    await page.goto(url)
    if top:
        shown = page.get_by_text(top).first
        await shown.evaluate("text => window.scrollTo(0, text.getBoundingClientRect().top - 70)")
    await page.screenshot(path=DOCS / name)
    print(f"docs/{name}")  # noqa: T201  a script that tells what it made


async def photograph(page: Page, home: Path) -> None:
    """Run the demo and take each picture when its moment has come."""
    plan = plan_for(home, platformdirs.user_cache_path("baton"))
    async with open_session(plan, on_restart=lambda _: None) as session:
        text = story.issue_text()
        number = await session.alice.open_issue(text.title, text.body)
        await until(session, number, Stage.AWAITING_PLANNER)
        await session.alice.comment(number, "/approve")
        run = await until(session, number, Stage.PROPOSED)
        await take(
            page, session.page(f"/issues/{number}"), "issue.png", top="Pull request is ready"
        )
        pull = session.page(f"/pull/{run.pull_number}")
        await take(page, pull, "pull-request.png")
        await take(page, f"{pull}/files", "files.png")


async def main() -> None:
    """Start the browser and the demo."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = await browser.new_page(viewport=SIZE)  # type: ignore[arg-type]  # a TypedDict
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
            await photograph(page, Path(home))
        await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
