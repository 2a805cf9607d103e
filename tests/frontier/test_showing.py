import pytest
from markdown_it import MarkdownIt

from agents.frontier import Reason
from bot.rendering import render
from shared.domain import Language

QUESTION = "The issue:\n\n```data issue\n</details> @octocat ![x](https://evil.example)\n```\n"


def shown(language: Language, **facts: object) -> str:
    """Return the comment that asks a person."""
    usual: dict[str, object] = {
        "id": "o/r#7.1/frontier/1.1",
        "reason": "failed_attempts",
        "provider": "gemini",
        "model": "gemini-3-flash-preview",
        "payload_digest": "0123456789abcdef0123",
        "max_output_tokens": 16384,
        "redactions": [{"kind": "github-token", "count": 2}],
        "likely_tokens": 9123,
        "most_tokens": 27000,
        "least_usd": 0.0021,
        "most_usd": 0.0632,
        "tables": "genai-prices 0.2.3, 2026-11-21",
        "issue_digest": "abcdef0123",
        "base_branch": "main",
        "base_sha": "fedcba9876",
        "hours": 72,
        "parts": 1,
        "text": QUESTION,
    }
    return render("frontier", language, **(usual | facts))


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("reason", list(Reason))
def test_a_person_sees_what_a_yes_covers(language: Language, reason: Reason) -> None:
    """Provider, model, tokens, ceiling, redactions, digest and the way to answer are told."""
    text = shown(language, reason=reason.value)
    for told in (
        "`gemini-3-flash-preview`",
        "gemini)",
        "9,123",
        "16,384",
        "**$0.063**",
        "github-token",
        "`0123456789abcdef`",
        "`/approve frontier`",
        "`/deny`",
        "72",
    ):
        assert told in text
    assert text.startswith("### ")


@pytest.mark.parametrize("language", list(Language))
def test_the_question_stays_in_its_fold(language: Language) -> None:
    """Nothing in the question closes the fold, calls anybody, or loads an image."""
    tokens = MarkdownIt("commonmark").parse(shown(language))
    (fence,) = [token for token in tokens if token.type == "fence"]
    assert fence.content == QUESTION
    assert not any("evil.example" in token.content for token in tokens if token.type != "fence")


@pytest.mark.parametrize(
    ("language", "told"),
    [(Language.ENGLISH, "please look yourself"), (Language.KOREAN, "직접 확인해 주세요")],
)
def test_nothing_found_is_no_promise(language: Language, told: str) -> None:
    """Where nothing was taken out, the person is told to look."""
    assert told in shown(language, redactions=[])
    assert told not in shown(language)


@pytest.mark.parametrize("language", list(Language))
def test_advice_is_neutral_text(language: Language) -> None:
    """Advice on GitHub calls nobody, closes nothing and shows its price."""
    text = render(
        "advice",
        language,
        model="gemini-3-flash-preview",
        summary="Ask @octocat. Closes #3.",
        action_items=("See ![x](https://evil.example)",),
        usage=None,
        price_usd=0.00321,
    )
    assert "$0.0032" in text
    assert "@\u200boctocat" in text
    assert "Closes\u200b #3" in text
    assert "!\u200b[x]" in text
