"""The commands ``baton demo`` and ``baton run``: their options, and what is started with them."""

import asyncio
from pathlib import Path
from typing import Annotated

import platformdirs
import typer
from rich.console import Console

from bot.demo import story
from bot.demo.models import check_live_models
from bot.demo.repositories import copy_last_commit, repository_name
from bot.demo.run import Manner, go, read_issue, workplace
from bot.demo.session import Plan
from bot.running import run_command
from shared import profiles
from shared.domain import RepoRef
from shared.profiles import Profile

# GB a second at which the demo's models load: a Mac's SSD gives about 1 to 3 of them.
_DEMO_LOAD = 40.0

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Let alice say yes by herself.")]
Leave = Annotated[bool, typer.Option("--exit", help="Leave when the pull request stands.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port of the web page; 0: a free one.")]
Ollama = Annotated[
    str | None,
    typer.Option(metavar="URL", help="Ask live models there, e.g. http://127.0.0.1:11434."),
]
Model = Annotated[
    str | None, typer.Option(metavar="NAME", help="With --ollama: this model in every role.")
]
Keep = Annotated[
    Path | None,
    typer.Option("--keep", metavar="DIR", help="Keep the state and logs in this folder."),
]
RootSandbox = Annotated[
    bool,
    typer.Option(
        "--allow-root-sandbox",
        help="Run the sandbox as root, as CI containers do. It is a weaker boundary then.",
    ),
]


def demo(  # noqa: PLR0913  a command's options
    *,
    yes: Yes = False,
    leave: Leave = False,
    port: Port = 8421,
    profile: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Recorded models in this household, e.g. single-64gb."),
    ] = None,
    ollama: Ollama = None,
    model: Model = None,
    keep: Keep = None,
    allow_root_sandbox: RootSandbox = False,
) -> None:
    """Watch an issue on a sample repository become a pull request.

    Git, tests, sandbox, webhooks and signatures are real. Without --ollama the models' answers
    are a recording, and loading a model takes a twentieth of the time that it would.
    """
    if profile is not None and ollama is not None:
        raise typer.BadParameter("give either --profile or --ollama")
    live = _live_profile(ollama, model)
    with workplace(keep) as home:
        plan = Plan(
            home=home,
            cache=platformdirs.user_cache_path("baton"),
            repository=story.REPOSITORY,
            ref=RepoRef(owner="alice", name="fortnight"),
            description="Recurring dates in plain words",
            profile=live or profiles.load(profile or "embedded"),
            recording=None if live else story.RECORDING,
            pace=0.02,
            load_gb_per_second=None if live else _DEMO_LOAD,
            port=port,
            allow_root_sandbox=allow_root_sandbox,
        )
        review = None if live else story.person_review()
        manner = Manner(yes=yes, leave=leave, review=review)
        run_command(go(plan, story.issue_text(), manner, Console()))


def run(  # noqa: PLR0913  a command's options
    *,
    repo: Annotated[Path, typer.Option(metavar="PATH", help="A local git repository.")],
    issue: Annotated[Path, typer.Option(metavar="FILE.md", help="The issue; line 1 its title.")],
    ollama: Ollama = None,
    model: Model = None,
    recording: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Recorded answers in place of models.")
    ] = None,
    patch: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write the change there, for git apply.")
    ] = None,
    yes: Yes = False,
    leave: Leave = False,
    port: Port = 0,
    keep: Keep = None,
    allow_root_sandbox: RootSandbox = False,
) -> None:
    """Solve an issue from a file in a local repository, on the embedded forge.

    The repository itself is not touched: its last commit is copied.
    """
    if (ollama is None) == (recording is None):
        raise typer.BadParameter("give either --ollama URL or --recording DIR")
    if patch is not None and not patch.resolve().parent.is_dir():
        raise typer.BadParameter(
            f"there is no folder {patch.resolve().parent}", param_hint="--patch"
        )
    live = _live_profile(ollama, model)
    text = read_issue(issue)
    with workplace(keep) as home:
        source = copy_last_commit(repo, home / "source")
        plan = Plan(
            home=home,
            cache=platformdirs.user_cache_path("baton"),
            repository=source,
            ref=RepoRef(owner="alice", name=repository_name(repo)),
            profile=live or profiles.load("embedded"),
            recording=recording,
            port=port,
            allow_root_sandbox=allow_root_sandbox,
        )
        run_command(go(plan, text, Manner(yes=yes, leave=leave, patch=patch), Console()))


def _live_profile(ollama: str | None, model: str | None) -> Profile | None:
    if ollama is None:
        if model is not None:
            raise typer.BadParameter("--model goes with --ollama")
        return None
    profile = profiles.load("single-64gb").at(ollama.rstrip("/"), model=model)
    asyncio.run(check_live_models(profile))
    return profile
