from hypothesis import given
from hypothesis import strategies as st

from agents.context import Digests, Located, Repository, digest, locate
from agents.context.clues import clues
from agents.context.imports import around, graph
from shared.sources import Change, Digest
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
    written: dict[str, tuple[str, ...]] = {
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
    found = graph(written, written)
    assert found["src/a/b.py"] == {"src/a/c.py", "src/a/d/__init__.py"}
    assert found["src/a/d/__init__.py"] == {"src/a/c.py"}
    assert found["web/x.ts"] == {"web/y/index.ts"}
    assert found["web/y/index.ts"] == {"web/x.ts"}
    assert found["go/cmd/main.go"] == {"go/store/store.go"}
    assert found["lib/src/main.rs"] == {"lib/src/deep.rs"}
    assert found["java/org/One.java"] == {"java/org/Two.java"}


_names = st.sampled_from(["a", "b", "index", "__init__", "mod", "a.b", "x-y"])
_paths = st.builds(
    lambda folders, name, end: "/".join((*folders, f"{name}{end}")),
    st.lists(_names, max_size=2),
    _names,
    st.sampled_from([".py", ".ts", ".go", ".rs", ".h"]),
)
_imports = st.builds(
    lambda up, names, sign: f"{up}{sign.join(names)}",
    st.sampled_from(["", ".", "..", "./", "../", "../..", "crate::"]),
    st.lists(_names, max_size=3),
    st.sampled_from([".", "/", "::"]),
)


@given(st.dictionaries(_paths, st.lists(_imports, max_size=4), max_size=9), st.data())
def test_what_stands_around_a_file_is_as_if_all_were_looked_at(
    written: dict[str, list[str]], data: st.DataObject
) -> None:
    """No file that imports a seed is missed, although most files are never looked at."""
    seeds = data.draw(st.sets(st.sampled_from(sorted(written)))) if written else set[str]()
    everything = graph(written, written)
    index = Digests({p: Digest(0, {}, (), tuple(names)) for p, names in written.items()})
    near = around({path: path for path in written}, seeds, index)
    assert {path: near[path] for path in seeds} == {path: everything[path] for path in seeds}
    for seed in seeds:
        importers = {path for path, targets in everything.items() if seed in targets}
        assert importers == {path for path, targets in near.items() if seed in targets}
