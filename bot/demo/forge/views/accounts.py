"""Accounts, the App and its installations as JSON."""

from urllib.parse import quote

from bot.demo.forge.core import Json, Unit, node_id, stamp
from bot.demo.forge.tables import Account, Installation


def html_url(unit: Unit, account: Account) -> str:
    """Return the page of an account."""
    path = f"apps/{account.login.removesuffix('[bot]')}" if account.is_bot else account.login
    return f"{unit.urls.html}/{path}"


def simple_user(unit: Unit, account: Account) -> Json:
    """Write an account in short."""
    api = unit.urls.user(account.login)
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("BOT" if account.is_bot else "U", account.id),
        "avatar_url": f"{unit.urls.html}/-/avatars/{quote(account.login)}.svg",
        "gravatar_id": "",
        "url": api,
        "html_url": html_url(unit, account),
        "followers_url": f"{api}/followers",
        "following_url": f"{api}/following{{/other_user}}",
        "gists_url": f"{api}/gists{{/gist_id}}",
        "starred_url": f"{api}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{api}/subscriptions",
        "organizations_url": f"{api}/orgs",
        "repos_url": f"{api}/repos",
        "events_url": f"{api}/events{{/privacy}}",
        "received_events_url": f"{api}/received_events",
        "type": "Bot" if account.is_bot else "User",
        "user_view_type": "public",
        "site_admin": False,
    }


def maybe_user(unit: Unit, account: Account | None) -> Json | None:
    """Write an account in short, or null."""
    return simple_user(unit, account) if account else None


def public_user(unit: Unit, account: Account, repositories: int) -> Json:
    """Write an account with its profile."""
    return simple_user(unit, account) | {
        "name": account.name or None,
        "company": None,
        "blog": "",
        "location": None,
        "email": account.email or None,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": repositories,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": stamp(account.created_at),
        "updated_at": stamp(account.created_at),
    }


def private_user(unit: Unit, account: Account, repositories: int) -> Json:
    """Write an account for its own eyes."""
    return public_user(unit, account, repositories) | {
        "user_view_type": "private",
        "private_gists": 0,
        "total_private_repos": 0,
        "owned_private_repos": 0,
        "disk_usage": 0,
        "collaborators": 0,
        "two_factor_authentication": True,
    }


async def integration(unit: Unit) -> Json:
    """Write the App."""
    app = unit.forge.config.app
    owner = await unit.account(unit.forge.config.people[0].login)
    assert owner is not None
    created = stamp(owner.created_at)
    return {
        "id": app.id,
        "slug": app.slug,
        "client_id": f"Iv23li{app.id:014d}",
        "node_id": node_id("A", app.id),
        "owner": simple_user(unit, owner),
        "name": app.name,
        "description": "",
        "external_url": unit.urls.html,
        "html_url": f"{unit.urls.html}/apps/{app.slug}",
        "created_at": created,
        "updated_at": created,
        "permissions": dict(app.permissions),
        "events": list(app.events),
    }


def installation(unit: Unit, row: Installation) -> Json:
    """Write an installation of the App."""
    app = unit.forge.config.app
    api = unit.urls.api
    return {
        "id": row.id,
        "client_id": f"Iv23li{app.id:014d}",
        "account": simple_user(unit, row.account),
        "repository_selection": "all",
        "access_tokens_url": f"{api}/app/installations/{row.id}/access_tokens",
        "repositories_url": f"{api}/installation/repositories",
        "html_url": f"{unit.urls.html}/settings/installations/{row.id}",
        "app_id": app.id,
        "app_slug": app.slug,
        "target_id": row.account_id,
        "target_type": "User",
        "permissions": row.permissions,
        "events": list(app.events),
        "created_at": stamp(row.created_at),
        "updated_at": stamp(row.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": None,
    }
