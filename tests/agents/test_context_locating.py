from agents.context import Digests, Located, Repository, digest, locate
from agents.context.clues import clues
from agents.context.imports import graph
from shared.sources import Change
from shared.workspace.policy import is_test_file

FILES = {
    "shop/__init__.py": "from .prices import discount\n",
    "shop/prices.py": "class Price:\n    def discount(self, percent):\n        return percent\n",
    "shop/taxes.py": "def vat(price):\n    return price\n",
    "shop/till.py": "from shop.prices import Price\n\ndef pay(price):\n    return price\n",
    "tests/test_prices.py": "import shop\n\ndef test_it():\n    assert shop\n",
    "tests/test_money.py": "from shop.taxes import vat\n\ndef test_rate():\n    assert vat(1)\n",
    "docs/discount.md": "A discount of ten percent.\n",
}
NOTHING: tuple[Change, ...] = ()


def located(title: str, body: str = "", changes: tuple[Change, ...] = NOTHING) -> Located:
    """Locate an issue in FILES."""
    index = Digests({path: digest(path, text) for path, text in FILES.items()})
    known = Repository(files={path: path for path in FILES}, changes=changes)
    return locate(title, body, known, index, is_test=is_test_file)


def first(found: Located) -> tuple[str, str]:
    """Return the best file and all that speaks for it."""
    return found.code[0].path, " ".join(found.code[0].reasons)


def test_the_definition_is_found_with_reasons() -> None:
    """Words lead to the file and to the symbol, and the ranking says why."""
    found = located("discount() forgets the percent")
    path, why = first(found)
    assert path == "shop/prices.py"
    assert "discount" in why
    assert found.code[0].symbols[0].name == "discount"


def test_a_traceback_leads_to_the_file_in_which_it_ends() -> None:
    """Frames below another root are recognised, and the last one weighs most."""
    trace = (
        'File "/usr/lib/site-packages/shop/till.py", line 4, in pay\n'
        'File "/usr/lib/site-packages/shop/taxes.py", line 2, in vat\n'
    )
    path, why = first(located("It breaks", trace))
    assert path == "shop/taxes.py"
    assert "traceback" in why


def test_a_named_file_is_believed() -> None:
    """A whole path in the issue outweighs all words."""
    assert first(located("discount percent", "see shop/taxes.py"))[0] == "shop/taxes.py"


def test_past_changes_speak_for_files() -> None:
    """A file that an earlier commit changed for the same words is found by them alone."""
    past = (Change("Round halves to even", ("shop/taxes.py",)),)
    assert located("Halves are rounded up").code == ()
    path, why = first(located("Halves are rounded up", changes=past))
    assert path == "shop/taxes.py"
    assert "Round halves" in why


def test_the_tests_of_a_file_are_found_by_name_import_and_past() -> None:
    """Tests that share no word with the issue are found by how they belong to the code."""
    assert located("discount() forgets the percent").tests[0].path == "tests/test_prices.py"
    assert located("the vat of a price").tests[0].path == "tests/test_money.py"
    past = (Change("x", ("shop/prices.py", "tests/test_money.py")),) * 3
    why = [t.reasons for t in located("discount() forgets", changes=past).tests]
    assert any("changed together with shop/prices.py" in reasons for reasons in why)


def test_the_map_stays_within_its_budget_and_shows_the_neighbours() -> None:
    """The map holds the signature that matters, what imports its file, and no more than allowed."""
    index = Digests({path: digest(path, text) for path, text in FILES.items()})
    known = Repository(files={path: path for path in FILES})
    for tokens in (60, 100, 1000):
        found = locate("discount percent", "", known, index, is_test=is_test_file, tokens=tokens)
        assert len(found.outline) <= tokens * 3
        assert "def discount(self, percent)  :2" in found.outline
    assert "shop/till.py\n  def pay(price)  :3" in found.outline


def test_an_empty_repository_is_no_error() -> None:
    """Nothing in, nothing out."""
    found = locate("a", "b", Repository(files={}), Digests({}), is_test=is_test_file)
    assert found == Located(code=(), tests=(), outline="")


def test_an_issue_gives_its_clues() -> None:
    """Names in code, paths and frames are told from plain words; links are left out."""
    found = clues("`Price.discount` is wrong", "in .\\shop\\prices.py https://x.org/a_b.py")
    assert "discount" in found.names
    assert "Price.discount" in found.dotted
    assert "shop/prices.py" in found.paths
    assert "b" not in found.words


def test_imports_lead_to_files() -> None:
    """Every language's way to name a module is followed inside the repository only."""
    found = graph(
        {
            "src/a/b.py": ("os", ".c", "a.d.thing", "a.d"),
            "src/a/c.py": (),
            "src/a/d/__init__.py": ("..c",),
            "web/x.ts": ("./y", "react"),
            "web/y/index.ts": ("../x",),
            "go/cmd/main.go": ("example.org/me/go/store",),
            "go/store/store.go": (),
            "lib/src/main.rs": ("crate::deep::Thing",),
            "lib/src/deep.rs": (),
            "java/org/One.java": ("org.Two",),
            "java/org/Two.java": (),
        }
    )
    assert found["src/a/b.py"] == {"src/a/c.py", "src/a/d/__init__.py"}
    assert found["src/a/d/__init__.py"] == {"src/a/c.py"}
    assert found["web/x.ts"] == {"web/y/index.ts"}
    assert found["web/y/index.ts"] == {"web/x.ts"}
    assert found["go/cmd/main.go"] == {"go/store/store.go"}
    assert found["lib/src/main.rs"] == {"lib/src/deep.rs"}
    assert found["java/org/One.java"] == {"java/org/Two.java"}
