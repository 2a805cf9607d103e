"""Answer commands that no kernel would start, as a shell does: exit code and a sentence."""

from shared.sandbox.values import Command, Ended, Finished

# Linux: MAX_ARG_STRLEN for one word. macOS: 1 MiB for all, of which some is left for the rest.
_LONGEST_WORD = 131_071
_LONGEST_COMMAND = 900_000
_CANNOT_RUN = 126


def unfit(command: Command) -> Finished | None:
    """Return the end of a command that cannot be started; None when it can.

    Models write commands, so one of these is an observation, not an error.
    """
    words = [*command.argv, *command.env, *command.env.values()]
    try:
        sizes = [len(word.encode()) for word in words]
    except UnicodeEncodeError:
        return _never_started("The command holds half a character: write it in plain text.")
    if any("\0" in word for word in words):
        return _never_started("The command holds a NUL character: leave it out.")
    if max(sizes) > _LONGEST_WORD or sum(sizes) > _LONGEST_COMMAND:
        return _never_started("The command is too long: put its data in a file first.")
    return None


def _never_started(why: str) -> Finished:
    return Finished(exit_code=_CANNOT_RUN, output=f"{why}\n", ended=Ended.EXITED, seconds=0)
