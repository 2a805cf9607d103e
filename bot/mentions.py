"""Whether a text calls Baton: by a command, by words to it, or somewhere by its name. Pure."""

import re

from bot.commands import Command, Words, parse
from shared.guard.text import clean

_UNSPOKEN = re.compile(
    r"^ {0,3}(```|~~~).*?(?:^ {0,3}\1|\Z)|`[^`\n]*`|^ {0,3}>.*$", re.DOTALL | re.MULTILINE
)


def mentions(text: str, name: str) -> bool:
    """Tell whether a text calls somebody by name, outside of quotes and code."""
    said = _UNSPOKEN.sub(" ", clean(text).text)
    slug = re.escape(name.removesuffix("[bot]"))
    return re.search(rf"(?<![\w/@.-])@{slug}(?:\[bot\])?(?![\w-])", said, re.IGNORECASE) is not None


def calls(text: str, name: str) -> bool:
    """Tell whether a comment may set Baton to work: by a command, by words to it, by a mention."""
    asked = any(isinstance(one, Command | Words) for one in parse(text, name))
    return asked or ("@" in text and mentions(text, name))
