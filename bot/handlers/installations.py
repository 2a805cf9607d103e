"""Installations: where the App is not at home any more, its runs are over."""

import logging

from bot.durable import step
from bot.rendering import phrase
from bot.services import services
from bot.starting import RunView, end
from shared.domain import Stage
from shared.errors import BatonError
from webhooks.delivery import Delivery
from webhooks.events import InstallationEvent, InstallationRepositoriesEvent

_GONE = {"deleted", "suspend"}
_log = logging.getLogger(__name__)


async def handle(_delivery: Delivery, event: InstallationEvent) -> None:
    """React to an App that was installed, removed or paused; nobody is greeted."""
    account = event.installation.account
    _log.info("installation %d: %s", event.installation.id, event.action)
    if event.action in _GONE and account is not None:
        names = [repository.full_name for repository in event.repositories]
        await _end_runs(names, f"{account.login}/")


async def handle_repositories(_delivery: Delivery, event: InstallationRepositoriesEvent) -> None:
    """React to repositories that were given to the App or taken from it."""
    gone = [repository.full_name for repository in event.repositories_removed]
    given = len(event.repositories_added)
    _log.info("installation %d: %d given, %d taken", event.installation.id, given, len(gone))
    if gone:
        await _end_runs(gone)


async def _end_runs(names: list[str], prefix: str = "") -> None:
    """End the runs of repositories by their names, and of all whose names begin alike."""

    async def work() -> list[RunView]:
        runs = [run for run in await services().store.runs() if not run.stage.is_final]
        lost = {name.casefold() for name in names}
        return [
            RunView.of(run)
            for run in runs
            if run.repo.casefold() in lost
            or (prefix and run.repo.casefold().startswith(prefix.casefold()))
        ]

    for run in await step("find runs", list[RunView], work):
        try:
            await end(run, Stage.CLOSED, phrase(run.language, "not_installed"))
        except BatonError as error:  # what GitHub would have to be asked for cannot be had
            _log.warning("%s: ended, but not tidied up: %s", run.run_id, error)
