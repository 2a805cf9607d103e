"""The command line: ``baton demo``, ``baton run``, ``baton serve``, ``baton setup``."""

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import platformdirs
import typer
import uvicorn
from rich.console import Console

from bot import resume as resuming
from bot.app import create_app
from bot.demo import story
from bot.demo.models import check_live_models
from bot.demo.repositories import copy_last_commit, repository_name
from bot.demo.run import Manner, go, read_issue, workplace
from bot.demo.session import Plan
from bot.doctor.command import examine
from bot.guarding import learn
from bot.serving import listen
from bot.setup.command import Wishes, check_env_file, set_up
from bot.setup.ways import ask_for_address
from bot.usage import tell
from bot.workers.process import run_worker
from shared import profiles
from shared.domain import RepoRef
from shared.errors import BatonError
from shared.github import GitHubUrls
from shared.guard.logs import Redaction
from shared.profiles import Profile
from shared.settings import Settings, load_settings

cli = typer.Typer(
    name="baton",
    help="Turn an issue into a reviewed, tested pull request with models on your own machines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

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


@cli.callback(invoke_without_command=True)
def top(
    *,
    show_version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False,
) -> None:
    """Turn an issue into a reviewed, tested pull request with models on your own machines."""
    if show_version:
        typer.echo(f"baton {version('baton-bot')}")
        raise typer.Exit


@cli.command()
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
        _run(go(plan, story.issue_text(), manner, Console()))


@cli.command()
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
        _run(go(plan, text, Manner(yes=yes, leave=leave, patch=patch), Console()))


@cli.command()
def serve(
    *,
    env_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings as BATON_NAME=value lines.")
    ] = None,
) -> None:
    """Run the gateway: take GitHub's deliveries and work on issues."""
    settings = _begin(env_file)
    settings.require_webhook_secret()
    door = listen(settings.port, settings.host)
    app = create_app(settings)
    config = uvicorn.Config(app, log_config=None, access_log=False)
    uvicorn.Server(config).run(sockets=[door.socket])


@cli.command()
def worker(
    *,
    node: Annotated[
        str, typer.Option(metavar="NAME", help="The node of the profile that this machine is.")
    ],
    env_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings as BATON_NAME=value lines.")
    ] = None,
) -> None:
    """Build for a gateway on another machine: tests, code and review. Holds no key."""
    _run(run_worker(_begin(env_file), node))


@cli.command()
def setup(  # noqa: PLR0913  a command's options
    *,
    name: Annotated[str, typer.Option(prompt="A name for your App", help="Unique on GitHub.")],
    url: Annotated[
        str, typer.Option(metavar="URL", help="The public address of this gateway.")
    ] = "",
    smee: Annotated[str, typer.Option(metavar="URL", help="A channel of smee.io to use.")] = "",
    github: Annotated[
        str, typer.Option(metavar="URL", help="A GitHub Enterprise server, https://HOST.")
    ] = "",
    organization: Annotated[
        str, typer.Option(metavar="NAME", help="Let this organization own the App.")
    ] = "",
    env_file: Annotated[
        Path, typer.Option(metavar="FILE", help="Where the settings and secrets are kept.")
    ] = Path("baton.env"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="The gateway's port.")] = 8420,
    browser: Annotated[bool, typer.Option(help="Open the page in a browser.")] = True,
) -> None:
    """Register the GitHub App and see its first delivery arrive."""
    check_env_file(env_file)
    wishes = Wishes(
        name=name,
        urls=GitHubUrls.of_server(github.rstrip("/")) if github else GitHubUrls(),
        env_file=env_file,
        public_url=url if url or smee else ask_for_address(port),
        channel=smee,
        organization=organization,
        port=port,
        browser=browser,
    )
    _run(set_up(wishes, Console()))


@cli.command()
def resume(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder with current_task.json.")],
    *,
    env_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings as BATON_NAME=value lines.")
    ] = None,
) -> None:
    """Go on with a run from the files of a snapshot, also one of another machine.

    The gateway of this machine takes it up at once, or when it is started.
    """
    stored = asyncio.run(resuming.resume(load_settings(env_file), path))
    typer.echo(f"{stored.id} goes on from {path}. If no gateway runs here, start it: baton serve")


@cli.command()
def doctor(
    *,
    env_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings as BATON_NAME=value lines.")
    ] = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="Look at this profile, by name or path.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
) -> None:
    """Look whether settings, this machine, GitHub and every node are as they should be.

    Exit code 0 when nothing has to be mended.
    """
    _run(examine(env_file, profile, Console(), as_json=as_json))


@cli.command()
def usage(
    *,
    env_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Settings as BATON_NAME=value lines.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
) -> None:
    """Show what the runs have cost: calls, tokens and seconds by model, and the cloud's dollars."""
    _run(tell(load_settings(env_file), Console(), as_json=as_json))


def main() -> None:
    """Run the command line; a BatonError is one sentence on standard error and exit code 1."""
    try:
        cli(prog_name="baton")
    except BatonError as error:
        _complain(error)
        sys.exit(1)


def _begin(env_file: Path | None) -> Settings:
    """Read the settings of a service, and let its log show none of them that is secret."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)-7s %(name)s: %(message)s"
    )
    for handler in logging.getLogger().handlers:
        handler.addFilter(Redaction())
    logging.getLogger("httpx").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    settings = load_settings(env_file)
    learn(settings)
    return settings


def _live_profile(ollama: str | None, model: str | None) -> Profile | None:
    if ollama is None:
        if model is not None:
            raise typer.BadParameter("--model goes with --ollama")
        return None
    profile = profiles.load("single-64gb").at(ollama.rstrip("/"), model=model)
    asyncio.run(check_live_models(profile))
    return profile


def _complain(error: BatonError) -> None:
    Console(stderr=True, soft_wrap=True).print(f"baton: {error}", markup=False, style="red")


def _run(work: Coroutine[Any, Any, int]) -> None:
    try:
        code = asyncio.run(_until_told(work))
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = 130
    raise typer.Exit(code)


async def _until_told(work: Coroutine[Any, Any, int]) -> int:
    """End on SIGTERM as on Ctrl-C, with everything that was started."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task
