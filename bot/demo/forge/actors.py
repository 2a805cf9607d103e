"""Who calls: nobody, a person, the App itself, or one of its installations."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.demo.forge.tables import Account, Installation, Repository

_GRADES = {"": 0, "read": 1, "write": 2}


@dataclass(frozen=True)
class Actor:
    """The caller of one request.

    An installation acts as the App's bot account, within its token's permissions.
    """

    account: Account | None = None
    is_app: bool = False
    installation: Installation | None = None
    permissions: Mapping[str, str] = field(default_factory=dict)
    repository_ids: frozenset[int] | None = None

    def granted(self, permission: str, grade: str) -> bool:
        """Tell whether the installation's token carries a permission."""
        if permission == "metadata" and grade == "read":
            return True
        return _GRADES[self.permissions.get(permission, "")] >= _GRADES[grade]

    def covers(self, repository: Repository) -> bool:
        """Tell whether a repository belongs to the installation's token."""
        if not self.installation or self.installation.account_id != repository.owner_id:
            return False
        return self.repository_ids is None or repository.id in self.repository_ids

    @property
    def key(self) -> str:
        """Name the caller for rate limits."""
        if self.installation:
            return f"installation-{self.installation.id}"
        if self.is_app:
            return "app"
        return f"account-{self.account.id}" if self.account else "anonymous"


NOBODY = Actor()
