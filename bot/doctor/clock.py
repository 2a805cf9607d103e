"""Compare this machine's clock with the Date header of another's answer."""

import sys
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from bot.doctor.findings import Finding, Section

NOTED = 5.0  # seconds; below, network and whole-second headers explain it
REFUSED = 60.0  # GitHub refuses the App's signature when it comes from the future
_SET = (
    "sudo sntp -sS time.apple.com" if sys.platform == "darwin" else "sudo timedatectl set-ntp true"
)


def ahead(date: str | None, now: datetime | None = None) -> float | None:
    """Return by how many seconds this clock is ahead of a Date header; None without one."""
    try:
        told = parsedate_to_datetime(date or "").replace(tzinfo=UTC)
    except ValueError:
        return None
    # The header leaves fractions out; on the average half a second is gone.
    return ((now or datetime.now(UTC)) - told).total_seconds() - 0.5


def judge_clock(section: Section, seconds: float | None, *, strict: bool) -> Finding:
    """Judge how far two clocks are apart; ``strict`` where tokens depend on them."""
    if seconds is None:
        return section.warn("clock", "the answers carry no date, so the clocks were not compared")
    if abs(seconds) < NOTED:
        return section.ok("clock", "agrees with this machine's")
    way = "ahead of" if seconds > 0 else "behind"
    found = f"this machine is {_length(abs(seconds))} {way} it"
    if not strict:
        return section.warn("clock", found, "Set the wrong one of the two; times in logs mislead.")
    why = "GitHub refuses an App's tokens when the clocks differ by a minute. Set the clock:"
    report = section.bad if abs(seconds) >= REFUSED else section.warn
    return report("clock", found, why, _SET)


def _length(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"  # noqa: PLR2004  two minutes
