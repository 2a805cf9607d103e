"""Runs are shown to this machine only."""

import pytest
from fastapi import HTTPException, Request

from bot.views import require_local

LOCAL = "127.0.0.1"


def request(client: str, *headers: tuple[str, str]) -> Request:
    """Make a request as the server hands it over."""
    raw = [(name.encode(), value.encode()) for name, value in headers]
    scope = {"type": "http", "method": "GET", "path": "/api/runs", "scheme": "http"}
    return Request({**scope, "headers": raw, "client": (client, 1), "server": (LOCAL, 80)})


@pytest.mark.parametrize(
    "host",
    [
        *("evil.com", "127.0.0.1.evil.com", "127.0.0.1@evil.com", "x@127.0.0.1", "", " "),
        *("evil.com:127.0.0.1", "evil.com/@127.0.0.1", "localhost.evil.com", "0.0.0.0"),
    ],
)
def test_other_names_are_refused(host: str) -> None:
    """A page that a browser was lured to, under whatever name, is not answered."""
    with pytest.raises(HTTPException):
        require_local(request(LOCAL, ("host", host)))


@pytest.mark.parametrize("name", ["forwarded", "x-forwarded-for", "cf-connecting-ip"])
def test_what_a_tunnel_passes_on_is_refused(name: str) -> None:
    """A tunnel that writes our own name is known by what else it says."""
    with pytest.raises(HTTPException):
        require_local(request(LOCAL, ("host", LOCAL), (name, "203.0.113.1")))


def test_others_are_refused() -> None:
    """Another machine is not answered, nor one that gives no or two names."""
    for asked in (
        request("203.0.113.1", ("host", LOCAL)),
        request(LOCAL),
        request(LOCAL, ("host", LOCAL), ("host", "evil.com")),
    ):
        with pytest.raises(HTTPException):
            require_local(asked)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:8000", "[::1]:8000"])
def test_this_machine_is_answered(host: str) -> None:
    """The terminal and the browser of this machine are let in."""
    require_local(request(LOCAL, ("host", host)))
