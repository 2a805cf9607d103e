"""Pages of a list, with the ``Link`` header that leads through them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Query
from sqlalchemy import Select, func, select

from bot.demo.forge.rest.access import Call

T = TypeVar("T")
_DEFAULT, _MOST = 30, 100


@dataclass(frozen=True)
class Page:
    """Which page of a list is asked for."""

    number: int
    size: int


def _page(page: Annotated[int, Query()] = 1, per_page: Annotated[int, Query()] = _DEFAULT) -> Page:
    # GitHub corrects nonsense instead of refusing it.
    return Page(max(1, page), min(_MOST, per_page) if per_page > 0 else _DEFAULT)


AnyPage = Annotated[Page, Depends(_page)]


async def page_of(call: Call, page: Page, query: Select[T]) -> list[T]:
    """Fetch one page of a query and say where the others are."""
    counting = select(func.count()).select_from(query.order_by(None).subquery())
    total = await call.session.scalar(counting) or 0
    link(call, page, total)
    rows = await call.session.scalars(query.offset((page.number - 1) * page.size).limit(page.size))
    return list(rows.unique())


def cut(call: Call, page: Page, items: Sequence[T]) -> list[T]:
    """Take one page of a list that is at hand and say where the others are."""
    link(call, page, len(items))
    start = (page.number - 1) * page.size
    return list(items[start : start + page.size])


def link(call: Call, page: Page, total: int) -> None:
    """Set the ``Link`` header."""
    last = max(1, -(-total // page.size))
    targets: dict[str, int] = {}
    if page.number > 1:
        targets |= {"first": 1, "prev": min(page.number - 1, last)}
    if page.number < last:
        targets |= {"next": page.number + 1, "last": last}
    if targets:
        parts = (f'<{_url(call, number)}>; rel="{rel}"' for rel, number in targets.items())
        call.response.headers["Link"] = ", ".join(parts)


def _url(call: Call, number: int) -> str:
    request: Any = call.request
    url = request.url.include_query_params(page=number)
    path = url.path.removeprefix(request.scope.get("root_path", ""))
    return f"{call.unit.urls.api}{path}?{url.query}"
