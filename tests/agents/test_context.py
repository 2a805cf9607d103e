from agents import context

FILES = {
    "src/shop/dates.py": "def add_months(day, months):\n    return day\n",
    "src/shop/prices.py": "def discount(price):\n    return price\n",
    "tests/test_dates.py": "from shop.dates import add_months\n\ndef test_it():\n    pass\n",
    "README.md": "A shop. It sells things.\n",
    "logo.png": None,
}
ISSUE = "addMonths breaks at the end of a month. 31 January plus one month should not raise."


def test_identifiers_are_split() -> None:
    """A word of the issue finds parts of names, in either spelling, and the whole name too."""
    assert context.words("addMonths add_months HTTPServer2") == [
        *("addmonths", "add", "months"),
        *("add_months", "add", "months"),
        *("httpserver2", "http", "server", "2"),
    ]
    assert context.words("월말 날짜 the a") == ["월말", "날짜"]


def test_the_file_that_defines_the_name_comes_first() -> None:
    """A definition weighs more than a use, and files without a common word are left out."""
    ranked = context.rank(ISSUE, FILES, FILES.get)
    assert [r.path for r in ranked][:2] == ["src/shop/dates.py", "tests/test_dates.py"]
    assert "README.md" not in [r.path for r in ranked]


def test_a_path_named_in_the_issue_comes_first() -> None:
    """Whoever names a file is believed; a path that only ends alike is another file."""
    named = f"{ISSUE} See src/shop/prices.py."
    assert context.rank(named, FILES, FILES.get)[0].path == "src/shop/prices.py"
    longer = f"{ISSUE} See lib/src/shop/prices.py."
    assert context.rank(longer, FILES, FILES.get)[0].path == "src/shop/dates.py"


def test_no_files_is_no_ranking() -> None:
    """An empty repository is not an error."""
    assert context.rank(ISSUE, [], FILES.get) == ()
    assert context.excerpt(ISSUE, [], FILES.get, budget=100) == ""


def test_small_files_are_shown_whole() -> None:
    """What fits is shown with its path."""
    shown = context.excerpt(ISSUE, list(FILES), FILES.get, budget=2000)
    assert shown.startswith("--- src/shop/dates.py\ndef add_months")


def test_an_excerpt_stays_within_its_budget_and_shows_what_matters() -> None:
    """Of a large file the lines about the issue are shown, with a mark where some are missing."""
    filler = [f"x{n} = {n}" for n in range(500)]
    large = "\n".join([*filler, "def add_months(day): ...", *filler])
    texts = {"a.py": large, "b.py": "months = 12\n"}
    for budget in (200, 400, 1000):
        shown = context.excerpt(ISSUE, list(texts), texts.get, budget=budget)
        assert len(shown) <= budget
        assert "def add_months(day): ..." in shown
        assert "...\n" in shown
    assert "...\nx496 = 496\n" in shown
