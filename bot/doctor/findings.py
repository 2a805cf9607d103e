"""What a check has found, and how a check is kept from holding up the others."""

import asyncio
from collections.abc import Awaitable, Sequence
from enum import StrEnum

from shared.domain import Value
from shared.errors import BatonError


class Level(StrEnum):
    """How a finding weighs: ``warn`` works for now, ``bad`` does not work."""

    OK = "ok"
    WARN = "warn"
    BAD = "bad"


class Finding(Value):
    """One line of the report: what was found, why it matters, and what to type."""

    group: str
    subject: str
    level: Level
    found: str
    mend: str = ""
    commands: tuple[str, ...] = ()


class Report(Value):
    """All findings, in the order in which they are shown."""

    version: str
    findings: tuple[Finding, ...]

    @property
    def healthy(self) -> bool:
        """Tell whether nothing has to be mended before Baton works."""
        return self.count(Level.BAD) == 0

    def count(self, level: Level) -> int:
        """Count the findings of a level."""
        return sum(finding.level is level for finding in self.findings)


class Section:
    """Makes the findings of one group."""

    def __init__(self, group: str) -> None:
        self.group = group

    def ok(self, subject: str, found: str) -> Finding:
        """Report what is as it should be."""
        return Finding(group=self.group, subject=subject, level=Level.OK, found=found)

    def warn(self, subject: str, found: str, mend: str = "", *commands: str) -> Finding:
        """Report what works, yet not well."""
        return self._finding(Level.WARN, subject, found, mend, commands)

    def bad(self, subject: str, found: str, mend: str = "", *commands: str) -> Finding:
        """Report what does not work."""
        return self._finding(Level.BAD, subject, found, mend, commands)

    async def within(
        self, seconds: float, subject: str, check: Awaitable[Sequence[Finding]]
    ) -> Sequence[Finding]:
        """Wait for a check; one that fails or takes too long is a finding itself."""
        try:
            async with asyncio.timeout(seconds):
                return await check
        except TimeoutError:
            return [self.bad(subject, f"no answer within {seconds:g} s")]
        except BatonError as error:
            # The group's title has said already where.
            return [self.bad(subject, str(error).removeprefix(self.group).strip())]
        except Exception as error:  # noqa: BLE001  one broken check must not hide the others
            # The type only: the text of a foreign error may hold what it was given.
            return [self.bad(subject, f"the check itself failed ({type(error).__name__})")]

    def _finding(
        self, level: Level, subject: str, found: str, mend: str, commands: tuple[str, ...]
    ) -> Finding:
        return Finding(
            group=self.group,
            subject=subject,
            level=level,
            found=found,
            mend=mend,
            commands=commands,
        )
