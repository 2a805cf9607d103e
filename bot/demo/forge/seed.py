"""Fill a forge: accounts, repositories with real commits, the App's installations."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select

from bot.demo.forge.actors import NOBODY, Actor
from bot.demo.forge.bare import Signature
from bot.demo.forge.config import ForgeConfig, Level, Person
from bot.demo.forge.core import Forge, Json, Unit, digest, node_id, stamp
from bot.demo.forge.git_http import PRE_RECEIVE
from bot.demo.forge.hookshot import HOOK_ID
from bot.demo.forge.tables import Account, Collaborator, Installation, Label, Repository
from bot.demo.forge.views import accounts
from shared.errors import ConfigurationError

# The labels that GitHub gives a new repository, with their colours.
_LABELS = (
    ("bug", "d73a4a", "Something isn't working"),
    ("documentation", "0075ca", "Improvements or additions to documentation"),
    ("duplicate", "cfd3d7", "This issue or pull request already exists"),
    ("enhancement", "a2eeef", "New feature or request"),
    ("good first issue", "7057ff", "Good for newcomers"),
    ("help wanted", "008672", "Extra attention is needed"),
    ("invalid", "e4e669", "This doesn't seem right"),
    ("question", "d876e3", "Further information is requested"),
    ("wontfix", "ffffff", "This will not be worked on"),
)


async def seed(forge: Forge) -> None:
    """Make what the configuration names and the state does not have yet."""
    config = forge.config
    async with forge.writing(NOBODY) as unit:
        known = await unit.session.scalar(select(Account.id).limit(1))
        for person in config.people:
            await _person(unit, person)
        await add_bot(unit, config)
        if known is None and config.webhook_url:
            await unit.send("ping", None, ping(unit))
    for wanted in config.repositories:
        await create_repository(
            forge,
            wanted.owner,
            wanted.name,
            from_directory=wanted.from_directory,
            collaborators=wanted.collaborators,
            description=wanted.description,
            private=wanted.private,
        )


async def create_repository(  # noqa: PLR0913  what a repository is made of, given by name
    forge: Forge,
    owner: str,
    name: str,
    *,
    from_directory: Path | None = None,
    collaborators: Mapping[str, Level] | None = None,
    description: str = "",
    private: bool = False,
) -> None:
    """Make a repository with a first commit by its owner, and install the App on it.

    The commit holds a copy of the directory, or else a README. Nothing happens when the
    repository exists. Raises ConfigurationError for an unknown owner or collaborator.
    """
    async with forge.writing(NOBODY) as unit:
        if await unit.repository(owner, name):
            return
        account = await _known(unit, owner)
        row = Repository(
            owner=account,
            name=name,
            description=description,
            private=private,
            created_at=unit.now,
            updated_at=unit.now,
            pushed_at=unit.now,
        )
        unit.session.add(row)
        await unit.session.flush()
        unit.session.add_all(
            Label(repository_id=row.id, name=label, color=color, description=text, default=True)
            for label, color, text in _LABELS
        )
        for login, level in (collaborators or {}).items():
            person = await _known(unit, login)
            unit.session.add(Collaborator(repository_id=row.id, account_id=person.id, level=level))
        await _first_commit(unit, row, from_directory)
        unit.actor = Actor(account=account)
        await _install(unit, row)


async def _known(unit: Unit, login: str) -> Account:
    account = await unit.account(login)
    if account is None:
        raise ConfigurationError(f"The forge has no person {login}; add one to its people.")
    return account


async def _person(unit: Unit, person: Person) -> None:
    if await unit.account(person.login):
        return
    token = person.token.get_secret_value() if person.token else None
    unit.session.add(
        Account(
            login=person.login,
            name=person.name or person.login,
            email=person.email or f"{person.login}@example.com",
            token_digest=digest(token) if token else None,
            created_at=unit.now,
        )
    )
    await unit.session.flush()


async def add_bot(unit: Unit, config: ForgeConfig) -> None:
    """Make the account that the App writes as, where it is missing."""
    login = f"{config.app.slug}[bot]"
    if await unit.account(login) is None:
        unit.session.add(
            Account(login=login, name=login, email="", is_bot=True, created_at=unit.now)
        )


async def _first_commit(unit: Unit, repo: Repository, source: Path | None) -> None:
    bare = unit.forge.bare(repo)
    await bare.create(PRE_RECEIVE)
    owner = repo.owner
    by = Signature(owner.name, owner.email, unit.now.isoformat())
    if source:
        await bare.import_directory(source, repo.default_branch, by, "Initial commit\n")
        return
    with TemporaryDirectory() as made:
        text = f"# {repo.name}\n\n{repo.description}".rstrip() + "\n"
        (Path(made) / "README.md").write_text(text, "utf-8")
        await bare.import_directory(Path(made), repo.default_branch, by, "Initial commit\n")


async def _install(unit: Unit, repo: Repository) -> None:
    """Install the App on the owner's account, once."""
    if await unit.installation(repo.owner_id):
        return
    row = Installation(
        account=repo.owner,
        permissions=dict(unit.forge.config.app.permissions),
        created_at=unit.now,
    )
    unit.session.add(row)
    await unit.session.flush()
    if not unit.forge.config.webhook_url:
        return
    payload = {
        "action": "created",
        "installation": accounts.installation(unit, row),
        "repositories": [
            {
                "id": repo.id,
                "node_id": node_id("R", repo.id),
                "name": repo.name,
                "full_name": repo.full_name,
                "private": repo.private,
            }
        ],
        "requester": None,
        "sender": accounts.simple_user(unit, repo.owner),
    }
    await unit.deliver("installation", None, row, payload)


def ping(unit: Unit) -> Json:
    """Return what GitHub sends to try an App's webhook."""
    config = unit.forge.config
    return {
        "zen": "Approachable is better than simple.",
        "hook_id": HOOK_ID,
        "hook": {
            "type": "App",
            "id": HOOK_ID,
            "name": "web",
            "active": True,
            "app_id": config.app.id,
            "events": list(config.app.events),
            "config": {
                "content_type": "json",
                "insecure_ssl": "0",
                "secret": "********",
                "url": config.webhook_url,
            },
            "created_at": stamp(unit.now),
            "updated_at": stamp(unit.now),
            "deliveries_url": f"{unit.urls.api}/app/hook/deliveries",
        },
    }
