from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.approvals import digest

_TERMS = st.dictionaries(st.text(max_size=8), st.text(max_size=8) | st.integers() | st.floats(0, 1))


@given(_TERMS, st.randoms(use_true_random=False))
def test_the_order_of_terms_does_not_matter(terms: dict[str, Any], random: Any) -> None:  # noqa: ANN401  hypothesis hands out Random without a stub
    """The same terms have the same digest, however they were put together."""
    names = list(terms)
    random.shuffle(names)
    assert digest({name: terms[name] for name in names}) == digest(terms)


@given(_TERMS, _TERMS)
def test_other_terms_have_another_digest(left: dict[str, Any], right: dict[str, Any]) -> None:
    """No two sets of terms share a digest, unless they are written alike."""
    assert (digest(left) == digest(right)) == (as_written(left) == as_written(right))


def as_written(terms: dict[str, Any]) -> set[tuple[str, str]]:
    """Return terms as a person would see them."""
    return {(name, repr(value)) for name, value in terms.items()}
