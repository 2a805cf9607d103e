"""One visit to a page: the state as the signed-in person sees it, and the template's context."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from sqlalchemy import func, select

from bot.demo.forge.actors import Actor
from bot.demo.forge.config import Level
from bot.demo.forge.core import Forge, Unit
from bot.demo.forge.pages import markdown
from bot.demo.forge.problems import not_found
from bot.demo.forge.tables import Account, Issue, Repository


@dataclass
class Visit:
    """A look at the forge, on a repository or on none."""

    unit: Unit
    request: Request
    repo: Repository | None = None

    @property
    def repository(self) -> Repository:
        """Return the repository that the address names."""
        assert self.repo is not None
        return self.repo

    async def page(self, template: str, status: int = 200, **context: Any) -> HTMLResponse:  # noqa: ANN401  values of a template differ
        """Render a page."""
        forge = self.unit.forge
        base = {
            "banner": forge.config.banner,
            "app": forge.config.app,
            "me": self.unit.user,
            "repo": self.repo,
            "now": self.unit.now,
            "version": version(forge),
            "open": await self._open_counts() if self.repo else {},
            "home": f"/{self.repo.full_name}" if self.repo else "",
        }
        text = _TEMPLATES.get_template(template).render(**base, **context)
        return HTMLResponse(text, status)

    async def _open_counts(self) -> dict[str, int]:
        counts = {}
        for name, is_pull in (("issues", False), ("pulls", True)):
            query = select(func.count(Issue.id)).where(
                Issue.repository_id == self.repository.id,
                Issue.state == "open",
                Issue.pull_row.has() if is_pull else ~Issue.pull_row.has(),
            )
            counts[name] = await self.unit.session.scalar(query) or 0
        return counts


@contextlib.asynccontextmanager
async def visit(request: Request, owner: str = "", repo: str = "") -> AsyncIterator[Visit]:
    """Open the state for the signed-in person. Raises Problem 404 for what they may not see."""
    forge: Forge = request.app.state.forge
    async with forge.reading(Actor()) as unit:
        unit.actor = Actor(account=await unit.account(forge.config.signed_in))
        if not owner:
            yield Visit(unit, request)
            return
        row = await unit.repository(owner, repo)
        if row is None or await unit.level(row, unit.user) < Level.READ:
            raise not_found()
        yield Visit(unit, request, row)


def version(forge: Forge) -> str:
    """Name the present state; it changes with every write and every start."""
    return f"{forge.born}-{forge.version}"


def _time(moment: datetime) -> Markup:
    iso, text = moment.isoformat(), f"{moment:%b} {moment.day}, {moment:%Y, %H:%M} UTC"
    return Markup('<time datetime="{}" title="{}">{}</time>').format(iso, text, text)


def _ink(color: str) -> str:
    """Choose black or white on a label's colour."""
    red, green, blue = (int(color[at : at + 2], 16) for at in (0, 2, 4))
    return "#1f2328" if 0.299 * red + 0.587 * green + 0.114 * blue > 150 else "#ffffff"  # noqa: PLR2004  the weights of ITU-R BT.601 luma, and half of its range


def _avatar(account: Account, size: int = 32) -> Markup:
    return Markup(
        '<img class="avatar" src="/-/avatars/{}.svg" alt="" width="{}" height="{}">'
    ).format(account.login, size, size)


def _who(account: Account) -> Markup:
    login = account.login.removesuffix("[bot]")
    bot = Markup(' <span class="pill">bot</span>') if account.is_bot else Markup("")
    return Markup('<strong class="who">{}</strong>{}').format(escape(login), bot)


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("bot.demo.forge", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "markdown": markdown.render,
        "when": _time,
        "ink": _ink,
        "avatar": _avatar,
        "who": _who,
    }
    return made


_TEMPLATES = _environment()
