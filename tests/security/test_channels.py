"""No way out is left without a guard: who opens connections, who pushes, who writes to GitHub."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.github.outgoing import examined
from shared.guard.own import OURS

ROOT = Path(__file__).parents[2]
CLIENTS = {
    *("httpx", "httpx2", "githubkit", "ollama", "google", "openai", "anthropic", "aiohttp"),
    *("requests", "smtplib", "ftplib", "websockets", "urllib3", "socket", "xmlrpc", "telnetlib"),
}
KNOWN = {
    "shared/github/client.py": "examined() on every body; errors are read",
    "shared/github/connection.py": "makes the client above",
    "shared/github/failures.py": "reads errors",
    "shared/github/retry.py": "reads errors",
    "shared/github/tokens.py": "asks GitHub for tokens; sends no text",
    "shared/frontier/sending.py": "sends what release() let through as a cloud payload",
    "shared/frontier/gemini.py": "as above",
    "shared/frontier/gpt.py": "as above",
    "shared/frontier/claude.py": "as above",
    "shared/ollama/client.py": "the owner's own machines",
    "shared/ollama/chat.py": "as above",
    "shared/ollama/nodes.py": "as above",
    "bot/tunnel.py": "receives deliveries, and hands them to this machine",
    "bot/serving.py": "listens",
    "bot/workers/presence.py": "asks for this machine's name",
    "bot/setup/manifest.py": "a code for GitHub, typed by the operator",
    "bot/doctor/reading.py": "asks, and sends no text",
    "bot/doctor/github.py": "as above",
}


def modules(*packages: str) -> Iterator[tuple[str, ast.Module]]:
    """Return the product's modules, the demo's forge aside, which plays GitHub."""
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            if not name.startswith("bot/demo/"):
                yield name, ast.parse(path.read_text("utf-8"))


def imported(tree: ast.Module) -> set[str]:
    """Return the top-level packages that a module imports, wherever it does so."""
    nodes = list(ast.walk(tree))
    plain = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    plain |= {n.module or "" for n in nodes if isinstance(n, ast.ImportFrom)}
    return {name.split(".")[0] for name in plain} | _requests(plain)


def _requests(names: set[str]) -> set[str]:
    return {"requests"} if names & {"urllib.request", "http.client"} else set()


def calls(node: ast.AST) -> set[str]:
    """Return the names of what is called within a piece of code, without what they belong to."""
    called = [one.func for one in ast.walk(node) if isinstance(one, ast.Call)]
    methods = {one.attr for one in called if isinstance(one, ast.Attribute)}
    return methods | {one.id for one in called if isinstance(one, ast.Name)}


def test_every_module_that_opens_connections_is_known() -> None:
    """A new client somewhere fails here until somebody has said what guards it."""
    found = {
        name
        for name, tree in modules("bot", "agents", "webhooks", "shared")
        if imported(tree) & CLIENTS
    }
    assert found == set(KNOWN)


def test_every_write_to_github_passes_the_one_function() -> None:
    """Requests are made in one place, which is reached through ``send``, which examines."""
    makers, senders = [], []
    for name, tree in modules("shared/github", "bot"):
        for function in ast.walk(tree):
            if isinstance(function, ast.AsyncFunctionDef | ast.FunctionDef):
                made = calls(function)
                makers += [(name, function.name)] if "arequest" in made else []
                senders += [(name, function.name, made)] if "_send_patiently" in made else []
    assert makers == [("shared/github/client.py", "_send_patiently")]
    ((name, sender, made),) = senders
    assert (name, sender) == ("shared/github/client.py", "send")
    assert "examined" in made


def test_every_push_to_github_passes_the_gate() -> None:
    """Whoever pushes from the gateway's mirror has looked at these commits in the same function."""
    pushers = {}
    for name, tree in modules("bot"):
        for function in tree.body:
            if isinstance(function, ast.AsyncFunctionDef):
                made = calls(function)
                if made & {"push", "replace"} and "mirror" in made:
                    pushers[f"{name}:{function.name}"] = "require_may_leave" in made
    assert pushers == {
        "bot/followup.py:push_answer": True,
        "bot/proposal.py:_open": True,
        "bot/proposal.py:_follow": True,
    }


@pytest.mark.parametrize("key", ["name", "path", "external_id", "commit_title", "labels", "x"])
def test_no_field_of_a_request_is_passed_over(key: str) -> None:
    """What is no text for people is looked through for secrets all the same."""
    secret = "Zk3-" + "q8W7e6R5t4Y3u2I1o0Pa" * 2
    OURS.learn(secret, lasting=False)
    sent = examined("https://api/repos/o/r/issues", {key: [f"a {secret}"], "n": 7}, "github.com")
    assert sent == {key: ["a ‹redacted: own-secret›"], "n": 7}
