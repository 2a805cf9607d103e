import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest

from shared import profiles
from shared.domain import Role
from shared.errors import ConfigurationError
from shared.profiles import (
    Approvals,
    Budgets,
    FrontierPolicy,
    ModelSpec,
    Node,
    NodeRole,
    Profile,
)
from shared.profiles.schema import schema

DOCS = Path(__file__).parents[2] / "docs"
GOOD = """
name = "one"
[[nodes]]
name = "mac"
url = "http://127.0.0.1:11434"
memory_gb = 20
[[models]]
name = "small:1b"
node = "mac"
size_gb = 1
num_ctx = 8192
[roles]
router = "small:1b"
planner = "small:1b"
coder = "small:1b"
reviewer = "small:1b"
tester = "small:1b"
documenter = "small:1b"
"""
SECOND = '[[models]]\nname = "big:9b"\nnode = "mac"\nsize_gb = 9\nnum_ctx = 8192\n'
MODEL = '[[models]] "small:1b"'


def refusal(tmp_path: Path, text: str, name: str = "mine.toml") -> str:
    """Write a faulty profile and return what is said about it, without the file's name."""
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        profiles.load(str(file))
    assert str(caught.value).startswith(str(file))
    return str(caught.value).removeprefix(str(file))


@pytest.mark.parametrize("name", profiles.built_in())
def test_the_built_in_profiles_are_complete(name: str) -> None:
    """Each profile that comes with Baton has a model for every role, on a node that exists."""
    profile = profiles.load(name)
    assert profile.name == name
    for role in Role:
        assert profile.node(profile.model(role).node).url.startswith("http")
    assert any(node.role is NodeRole.GATEWAY for node in profile.nodes)
    assert all(model.gb_per_1k_tokens for model in profile.models)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('url = "http://127.0.0.1:11434"', 'url = "mac.local"', 'line 5, [[nodes]] "mac", url: is'),
        ("num_ctx = 8192", "num_ctx = 0", f"line 11, {MODEL}, num_ctx: is 0; write a number"),
        ("num_ctx = 8192", 'num_ctx = "8192"', "write a whole number, without quotes"),
        ("num_ctx = 8192", "num_ctx = true", "num_ctx: is true; write a whole number"),
        ("memory_gb = 20", 'memory_gb = "20"', 'is "20"; write a number, without quotes'),
        ("memory_gb = 20", "memory_gb = inf", "is inf; write a number that ends"),
        ("memory_gb = 20", "memory_gb = 20\nram_gb = 16", "more than the machine has"),
        ("memory_gb = 20", 'memory_gb = 20\nrole = "boss"', "write 'gateway' or 'worker'"),
        ("num_ctx = 8192", "num_ctx = 8192\nnum_context = 1", 'did you mean "num_ctx"?'),
        ("num_ctx = 8192", "num_ctx = 8192\nzzz = 1", "is not known here; there are name, node,"),
        ("num_ctx = 8192", "", f"line 7, {MODEL}, num_ctx: is missing; add num_ctx = ..."),
        ("num_ctx = 8192", "num_ctx = 8192\nnum_predict = 8192", "num_predict: 8192 leaves no"),
        ("num_ctx = 8192", "num_ctx = 4096", "4096 leaves no room for a prompt beside the reply"),
        ("num_ctx = 8192", 'num_ctx = 8192\nkeep_alive = "long"', 'write a time such as "30m"'),
        ("num_ctx = 8192", 'num_ctx = 8192\nthink = "no"', "write true or false, without quotes"),
        ("num_ctx = 8192", "num_ctx = 8192\ntop_p = 2", "top_p: is 2; write a number up to 1"),
        ("size_gb = 1\n", "size_gb = 21\n", 'needs 21.0 GB, and node "mac" has a budget of 20'),
        (
            "num_ctx = 8192",
            "num_ctx = 100_000\ngb_per_1k_tokens = 0.2",
            "with its context the model needs 21.0 GB",
        ),
        ('node = "mac"', 'node = "mak"', '"mak" is not in [[nodes]]; did you mean "mac"?'),
        ("num_ctx = 8192", 'num_ctx = 8192\nfallback = "none:1b"', '"none:1b" is not in'),
        ("num_ctx = 8192", 'num_ctx = 8192\nfallback = "small:1b"', "cannot stand in for itself"),
        ("num_ctx = 8192", 'num_ctx = 8192\nmeanwhile = ["big:9b"]', '"big:9b" is no other model'),
        ("[roles]", f"{SECOND}\n{SECOND}[roles]", '"big:9b" on node "mac" stands here twice'),
        ("[[models]]", '[[nodes]]\nname="mac"\nurl="http://b"\nmemory_gb=1\n[[models]]', "twice"),
        ('coder = "small:1b"', "", "line 12, [roles], coder: has no model; add coder ="),
        ('coder = "small:1b"', 'coder = "smal:1b"', 'coder: "smal:1b" is not in [[models]]; did'),
        ('coder = "small:1b"', 'coder = "small:1b"\ncodr = "x"', 'did you mean "coder"?'),
        ('name = "one"', 'nam = "one"', 'line 2, nam: is not known here; did you mean "name"?'),
        ("[roles]", "[approvals]\nplam = true\n[roles]", "[approvals], plam: is not known"),
        ("[roles]", "[budgets]\nattempts = 0\n[roles]", "[budgets], attempts: is 0; write"),
        ("[roles]", "[frontier]\nprovider = 'gpt'\n[roles]", "write 'gemini', 'openai' or"),
        ("[roles]", "[frontier]\nprovider = 'openai'\n[roles]", 'a model of "openai"'),
        ("[roles]", "[frontier]\nmodle = 'x'\n[roles]", 'did you mean "model"?'),
        ("[roles]", "[frontier]\nrun_budget_usd = -1\n[roles]", "write a number from 0.0 on"),
        (
            "[roles]",
            "[frontier]\nmonthly_budget_usd = 2\nrun_budget_usd = 3\n[roles]",
            "[frontier], run_budget_usd: 3 is more than a month may cost",
        ),
        (
            "[roles]",
            "[frontier]\nusd_per_million_input = 2\n[roles]",
            "usd_per_million_output: is missing; usd_per_million_input needs it",
        ),
        ('name = "one"', 'name = "one', "not valid TOML"),
    ],
)  # fmt: skip
def test_a_wrong_profile_is_told_by_file_line_key_and_mend(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    """The error names the file, the line, the key, and what to write instead."""
    assert told in refusal(tmp_path, GOOD.replace(old, new, 1))


def test_a_fallback_must_stand_on_a_node(tmp_path: Path) -> None:
    """A model that is on no node cannot stand in for another."""
    lost = SECOND.replace('"mac"', '"attic"')
    text = GOOD.replace("num_ctx = 8192", 'num_ctx = 8192\nfallback = "big:9b"')
    assert '"big:9b" is on no node' in refusal(tmp_path, text.replace("[roles]", f"{lost}[roles]"))


def test_all_faults_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    """One round of mending is enough, also where one fault might hide another."""
    text = GOOD
    for old, new in (
        ("memory_gb = 20", "memory_gb = -1"),
        ("num_ctx = 8192", "num_ctx = 8192\nnum_predict = 9000\nsise = 2"),
        ('coder = "small:1b"', 'coder = "large:1b"'),
        ('tester = "small:1b"\n', ""),
    ):
        text = text.replace(old, new, 1)
    head, *faults = refusal(tmp_path, text).splitlines()
    assert head == " has 5 faults:"
    assert [fault.partition(":")[0].split(", ")[0].strip() for fault in faults] == [
        "line 6", "line 12", "line 13", "line 14", "line 17",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "text",
    [
        GOOD.replace('name = "one"', 'name = "one"\ndescription = """\n[roles]\ncoder = 1\n"""'),
        'name = "x"\nnodes = [{ name = "mac", url = "u", memory_gb = 1 }]\nmodels = []\nroles = {}',
    ],
)
def test_no_line_is_better_than_a_wrong_one(tmp_path: Path, text: str) -> None:
    """Where the scan for lines cannot be certain, the fault is told by key alone."""
    told = refusal(tmp_path, text.replace('url = "http://127.0.0.1:11434"', 'url = "u"'))
    assert '[[nodes]] "mac", url: is "u"' in told
    assert not re.search(r"line \d+, \[\[nodes", told)


@pytest.mark.parametrize("text", ["nodes = 3\nroles = []", "models = [1]", "", "budgets = 3"])
def test_odd_forms_are_faults_too(tmp_path: Path, text: str) -> None:
    """A profile of quite another form is refused in words, never with a crash."""
    assert "name: is missing" in refusal(tmp_path, text)


def test_credentials_in_an_address_are_not_repeated(tmp_path: Path) -> None:
    """A faulty address is shown without the password in it."""
    told = refusal(tmp_path, GOOD.replace("http://127.0.0.1", "http//me:hush@mac"))
    assert "hush" not in told


def test_json_is_read_as_well(tmp_path: Path) -> None:
    """What a program has written loads as the same profile, and its faults are told."""
    profile = profiles.load("single-64gb")
    file = tmp_path / "p.json"
    file.write_text(profile.model_dump_json(), encoding="utf-8")
    assert profiles.load(str(file)) == profile
    assert "not valid JSON" in refusal(tmp_path, "{", "q.json")


def test_a_profile_made_in_code_is_held_to_the_same_rules() -> None:
    """A contradiction is found without a file, too."""
    good = profiles.load("embedded")
    with pytest.raises(ValueError, match="has no model"):
        Profile.model_validate({**good.model_dump(), "roles": {}})


def test_a_profile_that_is_not_there_lists_those_that_are() -> None:
    """A mistyped name is answered with the names that exist."""
    with pytest.raises(ConfigurationError, match="distributed, embedded, single-64gb"):
        profiles.load("distribute")


def test_one_model_can_play_every_role() -> None:
    """`--model` puts one model on one node into all roles."""
    profile = profiles.load("single-64gb").at("http://127.0.0.1:1", model="small:1b")
    assert {profile.model(role).name for role in Role} == {"small:1b"}
    assert {node.url for node in profile.nodes} == {"http://127.0.0.1:1"}


def test_memory_counts_weights_and_context() -> None:
    """A loaded model takes its weights and the whole of its context; a Mac's GPU not all memory."""
    model = ModelSpec(name="m", node="n", size_gb=10, gb_per_1k_tokens=0.5, num_ctx=8000)
    assert model.memory_gb == pytest.approx(14)
    assert model.is_resident
    assert not model.model_copy(update={"keep_alive": 0}).is_resident
    assert Node(name="n", url="http://n", memory_gb=56, ram_gb=64).metal_gb == pytest.approx(
        51.5, abs=0.1
    )
    assert Node(name="n", url="http://n", memory_gb=16, ram_gb=24).metal_gb == pytest.approx(
        17.2, abs=0.1
    )


def test_the_schema_is_in_step() -> None:
    """The published schema is the one of this code; else: python -m shared.profiles.schema."""
    assert (DOCS / "profile.schema.json").read_text("utf-8") == schema()


@pytest.mark.parametrize("name", profiles.built_in())
def test_the_schema_takes_the_built_in_profiles(name: str) -> None:
    """An editor finds the schema by the first line and sees no fault in what comes with Baton."""
    file = Path(profiles.__file__).parent / f"{name}.toml"
    first = file.read_text("utf-8").partition("\n")[0]
    linked = file.parent / first.removeprefix("#:schema ")
    body = json.loads(linked.read_text("utf-8"))
    profile = profiles.load(name).model_dump(mode="json", exclude_unset=True)
    jsonschema.validate(profile, body)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**profile, "budgets": {"attempts": 0}}, body)


def test_every_key_is_documented_and_no_other() -> None:
    """The page of profiles names exactly the keys there are, with their defaults."""
    page = (DOCS / "profiles.md").read_text("utf-8")
    for title, table in (
        ("[[nodes]]", Node),
        ("[[models]]", ModelSpec),
        ("[approvals]", Approvals),
        ("[budgets]", Budgets),
        ("[frontier]", FrontierPolicy),
    ):
        section = page.partition(f"## `{title}`")[2].partition("\n## ")[0]
        rows = [row.split("|")[1:3] for row in section.splitlines() if row.startswith("| `")]
        keys = [key for names, _ in rows for key in re.findall(r"`(\w+)`", names)]
        assert keys == list(table.model_fields)
        for names, default in rows:
            written = re.findall(r"`(.+)`", default)
            if written:  # as it would stand in the file
                value = tomllib.loads(f"x = {written[0]}")["x"]
                assert value == table.model_fields[names.strip(" `")].default
