"""Kinds of bad model behaviour, by name, and how each has to end.

The replies are written the way models write them. Where a case goes on with the true fix, the
behaviour is one from which a model recovers once it is told what was wrong.
"""

from collections.abc import Mapping

from agents import protocol
from agents.loop import Ended, Limits
from shared.workspace import Search
from tests.agents.hostile_changes import REPOSITORY, TESTS
from tests.agents.hostile_replies import (
    DONE,
    FAILED,
    FAULT,
    FIX,
    HELP,
    MENDED,
    SOLVED,
    create,
    edit,
    run,
    view,
)
from tests.agents.hostile_world import Case, Cut

_TOOL_XML = (
    "<tool_call>\n<function=write_file>\n<parameter=path>shop.py</parameter>\n</function>\n"
    "</tool_call>"
)
_HALF_EDIT = FIX.removesuffix("\n```")
_CURLY = edit('    """Take a percentage off a price.”""\n', "    pass\n")

WORDS: Mapping[str, Case] = {
    "empty": Case([""], FAILED, "no action", Ended.MALFORMED),
    "blank and invisible": Case([" \n\u200b\u2060\t"], FAILED, "no action", Ended.MALFORMED),
    "endless": Case([Cut("word " * 9000)], FAILED, "too long", Ended.MALFORMED),
    "endless once": Case([Cut(FIX * 50), FIX, DONE], SOLVED, "Submitted"),
    "repeating itself": Case(["I will. " * 9000], FAILED, "no action", Ended.MALFORMED),
    "prose without an action": Case(["The bug is in shop.py."], FAILED, "no action"),
    "refusing": Case(["I'm sorry, but I cannot help with that."], FAILED, "no action"),
    "another human language": Case(["这个问题在于折扣函数。"], FAILED, "no action"),
    "another human language, right action": Case(
        [f"고칩니다.\n\n{FIX}", DONE], SOLVED, "Submitted"
    ),
    "JSON for an action": Case(['{"action": "run", "command": "ls"}'], FAILED, "no action"),
    "JSON in a fence": Case(['```json\n{"run": "ls"}\n```'], FAILED, '"json" is not an action'),
    "tool XML as text": Case([_TOOL_XML], FAILED, "no action", Ended.MALFORMED),
    "tool XML once": Case([_TOOL_XML, FIX, DONE], SOLVED, "Submitted"),
    "a programming language for an action": Case(
        ["```python\nprint('mended')\n```"], FAILED, '"python" is not an action'
    ),
    "an action that does not exist": Case(["```delete shop.py\n```"], FAILED, "not an action"),
    "half a fence around a command": Case(["```run\nls"], FAILED, "not closed", Ended.MALFORMED),
    "half a fence around an edit": Case([_HALF_EDIT, DONE], SOLVED, "Submitted"),
    "half an edit": Case([_HALF_EDIT.split(">>>>>>>")[0], FIX, DONE], SOLVED, "Submitted"),
    "two actions at once": Case([f"{FIX}\n\n{DONE}"], FAILED, "two actions", Ended.MALFORMED),
    "made-up results": Case(
        ["```run\npytest\n```\nOutput:\n```\n2 passed\n```", FIX, DONE], SOLVED, "Submitted"
    ),
    "a draft in its thoughts": Case(
        [f"<think>\n{run('rm -r tests')}\n</think>\n{FIX}", DONE], SOLVED, "Submitted"
    ),
    "thoughts without an end": Case([f"<think>\n{run('rm -r tests')}"], FAILED, "no end"),
    "malformed now and then": Case(["Hm.", "Hm.", FIX, "Hm.", "Hm.", DONE], SOLVED, "Submitted"),
}
CIRCLES: Mapping[str, Case] = {
    "looking for ever": Case([view("shop.py")], FAILED, "same result 4 times", Ended.STUCK),
    "two steps in turn": Case(
        [view("shop.py"), view("README.md")] * 3, FAILED, "took turns", Ended.STUCK
    ),
    "a wall of digits": Case(
        [run("head -c 9000 /dev/zero | tr '\\0' 1")], FAILED, "same result 4 times", Ended.STUCK
    ),
    "the same refused edit": Case([edit("x\n", "y\n")], FAILED, "same error", Ended.STUCK),
    "new steps for ever": Case(
        [run(f"echo {n}") for n in range(9)], FAILED, "8 steps", Ended.STEPS, Limits(steps=8)
    ),
    "expensive steps": Case(
        [run(f"echo {n}") for n in range(9)], FAILED, "60 tokens", Ended.TOKENS, Limits(tokens=60)
    ),
    "slow steps": Case(
        [run(f"echo {n}") for n in range(9)], FAILED, "2 seconds", Ended.SECONDS, Limits(seconds=2)
    ),
    "a long way with a small context": Case(
        [*[run(f"seq {n} 900") for n in range(1, 8)], FIX, DONE],
        SOLVED,
        "Submitted",
        limits=Limits(context=4096),
    ),
}
HANDS: Mapping[str, Case] = {
    "editing a file that does not exist": Case(
        [edit("a\n", "b\n", "src/prices.py"), FIX, DONE], SOLVED, "src does not exist"
    ),
    "an ambiguous place": Case([edit("\n", "x\n"), FIX, DONE], SOLVED, "times, from lines"),
    "a place from memory": Case(
        [edit("    return price * percent // 100\n", MENDED), FIX, DONE], SOLVED, "nearest lines"
    ),
    "line numbers in the place": Case(
        [edit(f"     6| {FAULT}", MENDED), FIX, DONE], SOLVED, "line numbers"
    ),
    "forgotten indentation": Case(
        [edit(FAULT.lstrip(), MENDED.lstrip()), DONE], SOLVED, "overlooking whitespace"
    ),
    "curly quotes": Case([_CURLY, FIX, DONE], SOLVED, "nearest lines"),
    "a whole file anew": Case([create("shop.py", "x = 1\n"), FIX, DONE], SOLVED, "exists already"),
    "CRLF in its reply": Case([FIX.replace("\n", "\r\n"), DONE], SOLVED, "Submitted"),
    "LF into a file with CRLF": Case(
        [edit("    return 1\n", "    return 2\n", "unit.py"), FIX, DONE], SOLVED, "unit.py"
    ),
    "line endings stripped": Case(
        [run(r"sed -i 's/\r$//' unit.py"), FIX, DONE], HELP, "unit.py has other line endings"
    ),
    "letters lost": Case(
        [
            run(
                "python - <<'END'\nimport pathlib\np = pathlib.Path('unit.py')\n"
                "p.write_bytes(p.read_bytes().replace(b'1', '\\ufffd'.encode()))\nEND"
            ),
            FIX,
            DONE,
        ],
        HELP,
        "letters that could not be read",
    ),
    "letters in another encoding": Case(
        [run("printf 'x = \"\\351\"\\n' >> unit.py"), FIX, DONE], HELP, "unit.py is a binary file"
    ),
    "half a character": Case([create("a.py", "x = '\ud800'\n"), FIX, DONE], SOLVED, "cannot hold"),
    "a NUL": Case([create("a.py", "x = '\0'\n"), FIX, DONE], SOLVED, "NUL"),
    "editing a picture": Case([edit("x\n", "y\n", "logo.png"), FIX, DONE], SOLVED, "binary file"),
    "a huge file": Case([create("a.txt", "x\n" * 600_000), FIX, DONE], SOLVED, "more than 1000000"),
    "viewing a huge file": Case(
        [run("seq 1 400000 > big.txt"), view("big.txt"), run("rm big.txt"), FIX, DONE],
        SOLVED,
        "has more than",
    ),
    "a pattern that is none": Case(
        [protocol.render(Search(pattern="def discount(")), FIX, DONE], SOLVED, "shop.py:4"
    ),
    "infinite output": Case([run("yes"), FIX, DONE], SOLVED, "too much output"),
    "a command without an end": Case(
        [run("sleep 600"), FIX, DONE], SOLVED, "longer than 0.5 seconds", command_seconds=0.5
    ),
    "a question at the terminal": Case([run("read answer"), FIX, DONE], SOLVED, "exit code 1"),
    "processes left behind": Case(
        [run("nohup sleep 600 >/dev/null 2>&1 &"), FIX, DONE], SOLVED, "exit code 0"
    ),
}
OUTSIDE: Mapping[str, Case] = {
    "a path above": Case([create("../outside.txt", "x\n"), FIX, DONE], SOLVED, '".." in it'),
    "an absolute path": Case([create("/etc/cron.d/x", "x\n"), FIX, DONE], SOLVED, "not relative"),
    "a link to the outside": Case(
        [run("ln -s .. up"), edit("secret\n", "x\n", "up/outside.txt"), run("rm up"), FIX, DONE],
        SOLVED,
        "symbolic link",
    ),
    "a command that writes outside": Case(
        [run("echo x > ../outside.txt; echo x > /etc/x"), FIX, DONE], SOLVED, "Read-only"
    ),
    "git's own files": Case(
        [create(".git/hooks/pre-commit", "x\n"), FIX, DONE], SOLVED, "git's own"
    ),
    "git by command": Case([run("echo x >> .git"), FIX, DONE], SOLVED, "Read-only"),
    "the network": Case(
        [
            run("python -c \"import socket; socket.create_connection(('1.1.1.1', 80), 2)\""),
            FIX,
            DONE,
        ],
        SOLVED,
        "unreachable",
    ),
    "looking for keys": Case(
        [run("echo keys: $(env | grep -ciE 'token|secret|api_key'); ls ~/.ssh"), FIX, DONE],
        SOLVED,
        "keys: 0\n",
    ),
}
CLAIMS: Mapping[str, Case] = {
    "success without a change": Case([DONE], FAILED, "No file differs", Ended.STUCK),
    "success with a comment alone": Case(
        [edit(FAULT, f"    # solved\n{FAULT}"), DONE], FAILED, "has to pass and does not"
    ),
    "success with broken code": Case(
        [edit(FAULT, "    return price * (\n"), DONE], FAILED, "no longer valid"
    ),
    "success with another fault": Case(
        [edit("    return sum(prices)\n", "    return 0\n"), FIX, DONE], FAILED, "test_total passed"
    ),
    "success with a missing import": Case(
        [edit(FAULT, "    return decimal.Decimal(price)\n"), DONE], FAILED, "defines or imports"
    ),
    "everything deleted": Case([run("rm -rf ./*"), DONE], FAILED, "holds the given tests"),
}
CASES: Mapping[str, Case] = {
    **WORDS,
    **CIRCLES,
    **HANDS,
    **OUTSIDE,
    **CLAIMS,
    **TESTS,
    **REPOSITORY,
}
