"""The command line: ``baton demo``, ``baton run``, ``baton serve``, ``baton setup``."""

import asyncio
import logging
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
import uvicorn
from rich.console import Console

from bot import resume as resuming
from bot.app import create_app
from bot.demo.command import demo, run
from bot.doctor.command import examine
from bot.guarding import learn
from bot.running import keep_modules, run_command
from bot.serving import listen
from bot.setup.command import Wishes, check_env_file, set_up
from bot.setup.ways import ask_for_address
from bot.usage import tell
from bot.workers.process import run_worker
from shared.errors import BatonError
from shared.github import GitHubUrls
from shared.guard.logs import Redaction
from shared.settings import Settings, load_settings

cli = typer.Typer(
    name="baton",
    help="Turn an issue into a reviewed, tested pull request with models on your own machines.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

EnvFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Settings as BATON_NAME=value lines.")
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


cli.command()(demo)
cli.command()(run)


@cli.command()
def serve(
    *,
    env_file: EnvFile = None,
) -> None:
    """Run the gateway: take GitHub's deliveries and work on issues."""
    settings = _begin(env_file)
    settings.require_webhook_secret()
    door = listen(settings.port, settings.host)
    app = create_app(settings)
    config = uvicorn.Config(app, log_config=None, access_log=False)
    keep_modules()
    uvicorn.Server(config).run(sockets=[door.socket])


@cli.command()
def worker(
    *,
    node: Annotated[
        str, typer.Option(metavar="NAME", help="The node of the profile that this machine is.")
    ],
    env_file: EnvFile = None,
) -> None:
    """Build for a gateway on another machine: tests, code and review. Holds no key."""
    run_command(run_worker(_begin(env_file), node))


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
    run_command(set_up(wishes, Console()))


@cli.command()
def resume(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder with current_task.json.")],
    *,
    env_file: EnvFile = None,
) -> None:
    """Go on with a run from the files of a snapshot, also one of another machine.

    The gateway of this machine takes it up at once, or when it is started.
    """
    stored = asyncio.run(resuming.resume(load_settings(env_file), path))
    typer.echo(f"{stored.id} goes on from {path}. If no gateway runs here, start it: baton serve")


@cli.command()
def doctor(
    *,
    env_file: EnvFile = None,
    profile: Annotated[
        str | None, typer.Option(metavar="NAME", help="Look at this profile, by name or path.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
) -> None:
    """Look whether settings, this machine, GitHub and every node are as they should be.

    Exit code 0 when nothing has to be mended.
    """
    run_command(examine(env_file, profile, Console(), as_json=as_json))


@cli.command()
def usage(
    *,
    env_file: EnvFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
) -> None:
    """Show what the runs have cost: calls, tokens and seconds by model, and the cloud's dollars."""
    run_command(tell(load_settings(env_file), Console(), as_json=as_json))


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


def _complain(error: BatonError) -> None:
    Console(stderr=True, soft_wrap=True).print(f"baton: {error}", markup=False, style="red")
