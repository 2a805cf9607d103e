"""Judge whether GitHub's deliveries arrive, by the App's own list of them."""

from collections.abc import Sequence
from datetime import timedelta

from bot.doctor.findings import Finding, Section
from shared.github import HookDelivery
from shared.settings import Settings

LOOKED_AT = timedelta(days=1)
_UNAUTHORIZED, _UNREACHED = 401, 0


def judge_deliveries(
    section: Section, attempts: Sequence[HookDelivery], page: str, settings: Settings
) -> Finding:
    """Judge the attempts of the last day, newest first; ``page`` is the App's settings page."""
    subject = "deliveries"
    guids = {one.guid for one in attempts}
    arrived = {one.guid for one in attempts if _ok(one)}
    lost = len(guids - arrived)
    if not guids:
        return section.ok(subject, "GitHub has sent none within the last day")
    if not lost:
        through = ", to a smee channel, which does not say what became of them"
        told = f"all {len(guids)} of the last day arrived"
        return section.ok(subject, told + (through if settings.smee_url else ""))
    newest = attempts[0]
    found = f"{lost} of {len(guids)} of the last day did not arrive"
    again = "`baton serve` asks for them again, up to three days back."
    if _ok(newest):
        return section.warn(subject, f"{found}; the newest did", again)
    why, mend = _reason(newest.status_code, page)
    return section.bad(subject, f"{found}; the newest {why}", f"{mend} Then {again}")


def _reason(status: int, page: str) -> tuple[str, str]:
    if status == _UNAUTHORIZED:
        return (
            "was refused for its signature",
            f"The webhook secret at {page} and BATON_WEBHOOK_SECRET differ: set both to one value.",
        )
    if status == _UNREACHED:
        return (
            "found nobody",
            f"Start `baton serve` and the tunnel, and compare the tunnel's address with {page}.",
        )
    return (
        f"was answered with {status}",
        f"See what answered at {page}/advanced, and the gateway's log.",
    )


def _ok(attempt: HookDelivery) -> bool:
    return 200 <= attempt.status_code < 300  # noqa: PLR2004  HTTP's successes
