import pytest

from agents import language
from shared.domain import Issue, Language, RepoRef

KOREAN = {
    "plain": "월말 날짜를 더하면 잘못된 결과가 나옵니다.",
    "with English names": "add_months() 함수가 date(2024, 1, 31)에서 ValueError 를 냅니다.",
    "with much English code": "고쳐 주세요.\n```python\n" + "print('hello world')\n" * 50 + "```",
    "with an open fence": "고쳐 주세요.\n```\n" + "print('hello world')\n" * 50,
    "with a long link": "여기를 보세요 https://example.com/" + "a" * 300,
}
ENGLISH = {
    "plain": "Adding a month to the 31st is wrong.",
    "with Korean code": "It prints this:\n```\n안녕하세요 여러분 반갑습니다\n```",
    "with one Korean word": "The name 한글 is printed as question marks in the log of the server.",
    "nothing": "",
    "no letters": "12 + 3 = ?",
}


@pytest.mark.parametrize("case", KOREAN)
def test_korean_issues_are_answered_in_korean(case: str) -> None:
    """English names and code do not make a Korean issue English."""
    assert language.detect(KOREAN[case]) is Language.KOREAN


@pytest.mark.parametrize("case", ENGLISH)
def test_everything_else_is_answered_in_english(case: str) -> None:
    """Korean within code, or a single word, does not make an English issue Korean."""
    assert language.detect(ENGLISH[case]) is Language.ENGLISH


def test_the_title_counts() -> None:
    """An issue without a body is told by its title."""
    issue = Issue(repo=RepoRef.parse("a/b"), number=1, title="날짜 오류", body="", author="a")
    assert language.of(issue) is Language.KOREAN
    assert "Korean" in language.name(Language.KOREAN)
