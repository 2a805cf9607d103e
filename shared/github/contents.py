"""What a repository holds, and who may do what in it."""

import base64
import binascii

from pydantic import Field

from shared.domain import Issue
from shared.errors import NotFound, Refused
from shared.github.client import json_of
from shared.github.facet import Facet
from shared.github.values import Branch, Login, Permission, Read, Text


class _Repository(Read):
    default_branch: str


class _IssueLabel(Read):
    name: str


class _Issue(Read):
    number: int
    title: str
    body: Text = ""
    author: Login = Field(validation_alias="user")
    labels: tuple[_IssueLabel | str, ...] = ()
    state: str
    pull_request: dict[str, object] | None = None


class _Role(Read):
    permission: str = "none"
    role_name: str = ""


class _File(Read):
    type: str
    encoding: str = ""
    content: str = ""


class Contents(Facet):
    """Issues, branches, files and permissions, read only."""

    async def issue(self, number: int) -> Issue:
        """Read an issue as it stands now."""
        read = await self._client.get(self._at("issues", number), _Issue)
        return Issue(
            repo=self.ref,
            number=read.number,
            title=read.title,
            body=read.body,
            author=read.author,
            labels=tuple(one if isinstance(one, str) else one.name for one in read.labels),
            is_open=read.state == "open",
            is_pull=read.pull_request is not None,
        )

    async def default_branch(self) -> Branch:
        """Read the default branch with its head. Raises NotFound for an empty repository."""
        name = (await self._client.get(self._at(), _Repository)).default_branch
        branch = await self.branch(name)
        if branch is None:
            raise NotFound(
                f"{self.ref} has no commit on its default branch {name}. Push a first commit."
            )
        return branch

    async def branch(self, name: str) -> Branch | None:
        """Read a branch, or return None when there is none of that name."""
        return await self._client.find(self._at("branches", name), Branch)

    async def permission(self, login: str) -> Permission:
        """Ask what somebody may do at this moment; a stranger may do nothing."""
        url = self._at("collaborators", login, "permission")
        role = await self._client.find(url, _Role)
        if role is None:
            return Permission.NONE
        # A custom role has a name of its own; `permission` then tells what it is built on.
        named = (role.role_name.upper(), role.permission.upper())
        return next(
            (Permission[name] for name in named if name in Permission.__members__), Permission.NONE
        )

    async def file(self, name: str, ref: str) -> str | None:
        """Read a text file at a commit or branch; None when there is no such file.

        Bytes that are not UTF-8 become U+FFFD. Raises Refused above 1 MB.
        """
        url = self._at("contents", *name.strip("/").split("/"))
        try:
            response = await self._client.send("GET", url, params={"ref": ref})
        except NotFound:
            return None
        answer = json_of(response)
        if not isinstance(answer, dict):
            return None  # a folder
        file = _File.model_validate(answer)
        if file.type != "file":
            return None
        if file.encoding != "base64":
            raise Refused(f"{name} in {self.ref} is larger than 1 MB. Make it smaller.")
        try:
            return base64.b64decode(file.content).decode("utf-8", "replace")
        except binascii.Error:
            raise Refused(f"{name} in {self.ref} came back garbled. Try again.") from None
