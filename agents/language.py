"""Which language an issue is written in."""

import re

from shared.domain import Issue, Language

_NOT_PROSE = re.compile(r"```.*?(?:```|\Z)|~~~.*?(?:~~~|\Z)|`[^`\n]*`|https?://\S+", re.DOTALL)
_HANGUL = re.compile(r"[\uac00-\ud7a3\u1100-\u11ff\u3130-\u318f]")
_KOREAN_SHARE = 0.2  # Korean issues are full of English names; English ones have no Hangul


def detect(text: str) -> Language:
    """Tell Korean from English by the share of Hangul among the letters outside of code."""
    prose = _NOT_PROSE.sub(" ", text)
    letters = sum(character.isalpha() for character in prose)
    hangul = len(_HANGUL.findall(prose))
    return Language.KOREAN if letters and hangul / letters >= _KOREAN_SHARE else Language.ENGLISH


def of(issue: Issue) -> Language:
    """Tell the language of an issue from its title and body."""
    return detect(f"{issue.title}\n{issue.body}")


def name(language: Language) -> str:
    """Name a language as a prompt does."""
    return {Language.ENGLISH: "English", Language.KOREAN: "Korean (한국어)"}[language]
