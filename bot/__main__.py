"""Run as ``python -P -m bot``: the same as the console script ``baton``."""

from bot.cli import main

main()
