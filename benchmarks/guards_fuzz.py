"""Coverage-guided fuzzing of everything that reads what strangers write.

atheris is no dependency; run it as ``uv run --with atheris python -m benchmarks.guards_fuzz
-max_total_time=300``. A crash, or a text that is let out and changed when let out again, ends it.
"""

import contextlib
import sys

import atheris  # type: ignore[import-untyped]  # brought in for this run alone

with atheris.instrument_imports(include=["shared.guard", "bot.commands", "agents", "webhooks"]):
    from agents import protocol
    from bot import commands
    from shared.errors import BatonError
    from shared.guard import injection
    from shared.guard.change import Blob, Entry
    from shared.guard.egress import Channel, Rules, release
    from shared.guard.own import OwnSecrets
    from shared.guard.patch import judge
    from shared.guard.text import clean
    from webhooks.body import parse_object
    from webhooks.delivery import to_delivery

_OWN = OwnSecrets()
_OWN.learn("0123456789abcdefghijABCDEFGHIJ-own-secret")


def _release(text: str) -> None:
    sent = release(text, Channel.PULL_BODY, Rules(own=_OWN)).text
    assert release(sent, Channel.PULL_BODY, Rules(own=_OWN)).text == sent


def _judge(text: str) -> None:
    blob = Blob(mode="100644", size=1, data=text.encode("utf-8", "replace"))
    judge([Entry(path=text[:40], after=blob)], own=_OWN)


def _deliver(text: str) -> None:
    body = parse_object(text.encode("utf-8", "replace"), "application/json")
    to_delivery("guid", "issues", body)


_READERS = (clean, _release, injection.caution, commands.parse, protocol.parse, _judge, _deliver)


def _one(data: bytes) -> None:
    provider = atheris.FuzzedDataProvider(data)
    read = _READERS[provider.ConsumeIntInRange(0, len(_READERS) - 1)]
    with contextlib.suppress(BatonError):
        read(provider.ConsumeUnicode(2_000))


if __name__ == "__main__":
    atheris.Setup([sys.argv[0], "-timeout=20", *sys.argv[1:]], _one)
    atheris.Fuzz()
