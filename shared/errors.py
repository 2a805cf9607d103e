"""The one error tree of Baton.

::

    BatonError                  a sentence that says what happened, and what to do next
    ├── ConfigurationError      a setting, profile or key is missing or wrong
    ├── DeliveryError           a webhook delivery that cannot be accepted
    │   ├── BadSignature        401
    │   ├── BodyTooLarge        413
    │   ├── BadBody             400
    │   ├── WrongContentType    415
    │   └── BadEvent            422, names the field
    ├── GitHubError             GitHub answered no, or not at all
    │   ├── NotFound            404: missing, or not visible to this installation
    │   ├── Refused             401, 403 or 422: credentials, permission or validation
    │   └── GitHubUnavailable   time-outs, 5xx, rate limits beyond the bound
    ├── GitError                a git command failed
    │   ├── RemoteUnavailable   the remote does not answer, or broke off; may be tried again
    │   └── PushRejected        the remote branch holds commits that are not ours
    ├── SandboxError            a command could not be contained
    │   └── SandboxUnavailable  no sandbox on this machine; fails closed
    ├── TargetError             the repository under repair cannot be set up or tested
    ├── ModelError              a model call failed
    │   ├── ModelMissing        the node does not hold the model
    │   ├── ModelUnavailable    the node does not answer, or broke off
    │   │   └── NodeUnreachable the node is away: asleep, switched off, or its network is down
    │   ├── PromptTruncated     the node dropped a part of the prompt
    │   └── MalformedReply      the reply does not have the form asked for
    │       └── MalformedAction no single action can be read; the message tells the model why
    ├── FrontierError           the cloud model gave no advice
    │   ├── FrontierRefused     key, balance or request turned away; not billed
    │   ├── FrontierUnavailable overloaded or out of reach; not billed, may be tried again
    │   ├── FrontierUnknown     sent, and how it ended is not known; may have been billed
    │   ├── FrontierBlocked     a filter of the provider stopped the request or the answer
    │   ├── FrontierEmpty       an answer without any text
    │   └── OverBudget          it could cost more than the run or the month may cost
    ├── StoreUnavailable        the database does not answer; the same may be tried again
    └── RunStopped              a run ends without a pull request, for a reason people can read

Messages are written for the person who reads them. They never hold a secret.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the values know these errors
    from shared.frontier.values import FrontierUsage


class BatonError(Exception):
    """Base of everything Baton raises on purpose."""


class ConfigurationError(BatonError):
    """A setting, profile or key is missing or wrong."""


class DeliveryError(BatonError):
    """A webhook delivery that cannot be accepted."""


class BadSignature(DeliveryError):
    """The signature is missing, not SHA-256, or does not match the body."""


class BodyTooLarge(DeliveryError):
    """The body is longer than GitHub's cap for deliveries."""


class BadBody(DeliveryError):
    """The body is not a JSON object."""


class WrongContentType(DeliveryError):
    """The body is a form; the App has to be set to application/json."""


class BadEvent(DeliveryError):
    """The payload lacks a field that Baton reads; the message names it."""


class GitHubError(BatonError):
    """GitHub answered no, or not at all."""


class NotFound(GitHubError):
    """GitHub answered 404: missing, or not visible to this installation."""


class Refused(GitHubError):
    """GitHub answered 401, 403 or 422: credentials, permission or validation."""


class GitHubUnavailable(GitHubError):
    """GitHub timed out, failed, or limits the rate beyond the bound."""


class GitError(BatonError):
    """A git command failed."""


class RemoteUnavailable(GitError):
    """The remote does not answer, or broke off; the same may be tried again."""


class PushRejected(GitError):
    """The remote branch holds commits that are not Baton's."""


class SandboxError(BatonError):
    """A command could not be contained."""


class SandboxUnavailable(SandboxError):
    """This machine offers no sandbox; nothing is run without one."""


class TargetError(BatonError):
    """The repository under repair cannot be set up or tested."""


class ModelError(BatonError):
    """A model call failed."""


class ModelMissing(ModelError):
    """The node does not hold the model; the message has the line to type."""


class ModelUnavailable(ModelError):
    """The node does not answer, or broke off in mid-stream."""


class NodeUnreachable(ModelUnavailable):
    """The node is away: asleep, switched off, or its network is down."""


class PromptTruncated(ModelError):
    """The node dropped a part of the prompt; the reply must not be used."""


class MalformedReply(ModelError):
    """The reply does not have the form asked for, after one correction."""


class MalformedAction(MalformedReply):
    """No single action can be read from a reply; the message is a correction for the model."""


class FrontierError(BatonError):
    """The cloud model gave no advice."""


class FrontierRefused(FrontierError):
    """Key, balance or request were turned away; nothing was billed."""


class FrontierUnavailable(FrontierError):
    """The provider is overloaded or out of reach; nothing was billed.

    `wait` is the number of seconds it asked to wait, if it did.
    """

    def __init__(self, message: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.wait = wait


class FrontierUnknown(FrontierError):
    """The request was sent and how it ended is not known; it may have been billed."""


class FrontierBlocked(FrontierError):
    """A filter of the provider stopped the request or the answer; `usage` is what was billed."""

    def __init__(self, message: str, usage: "FrontierUsage | None" = None) -> None:
        super().__init__(message)
        self.usage = usage


class FrontierEmpty(FrontierError):
    """The answer holds no text; `usage` is what was billed."""

    def __init__(self, message: str, usage: "FrontierUsage | None" = None) -> None:
        super().__init__(message)
        self.usage = usage


class OverBudget(FrontierError):
    """The call could cost more than the run or the month may cost; nothing was sent."""


class StoreUnavailable(BatonError):
    """The database does not answer, or broke off; the same may be tried again."""


class RunPaused(BatonError):
    """A run may not go on before it is resumed; the message is the login of who paused it."""


class RunStopped(BatonError):
    """A run ends without a pull request, for a reason people can read.

    `details` is what a person may want to unfold: verdicts, or the end of a log. `resumable`
    tells that the work itself was in order, so that another try may go on where it stood.
    """

    def __init__(self, message: str, details: str = "", *, resumable: bool = False) -> None:
        super().__init__(message)
        self.details = details
        self.resumable = resumable
