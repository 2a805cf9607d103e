"""The profile's text and the arguments; what macOS makes of them was never seen."""

import re
from pathlib import Path, PurePosixPath

import pytest

from shared.sandbox import Command, Limits, Mount
from shared.sandbox.seatbelt import arguments, environment, profile_text


def rules(profile: str, start: str) -> list[str]:
    """Return the rules of a profile that begin with some words."""
    return [line for line in profile.splitlines() if line.startswith(start)]


def test_everything_is_denied_first() -> None:
    """The profile starts closed and is well formed."""
    profile = profile_text((), None)
    assert profile.splitlines()[:2] == ["(version 1)", "(deny default)"]
    assert profile.count("(") == profile.count(")")
    assert profile.count('"') % 2 == 0


def test_writing_is_for_the_workspace_and_its_home() -> None:
    """Only two parameters are writable, and the last word on writing is that .git is not."""
    profile = profile_text((), None)
    (write,) = rules(profile, "(allow file-write* ")
    assert write == ('(allow file-write* (subpath (param "WORKSPACE")) (subpath (param "TMP")))')
    assert '"/.git"' in profile.strip().splitlines()[-1]
    assert profile.strip().splitlines()[-1].startswith("(deny file-write* ")


def test_no_network_and_one_service() -> None:
    """The network is denied, and of Mach's services one is open: no keychain, no Apple Events."""
    profile = profile_text((), None)
    assert rules(profile, "(deny network*)")
    assert not rules(profile, "(allow network")
    assert [re.findall('"([^"]*)"', rule) for rule in rules(profile, "(allow mach")] == [
        ["com.apple.system.opendirectoryd.libinfo"]
    ]
    assert not rules(profile, "(allow appleevent")


def test_home_directories_cannot_be_read() -> None:
    """No rule for reading contents covers a home directory, /Users or the whole disk."""
    (read,) = rules(profile_text((), None), "(allow file-read* (subpath")
    readable = re.findall(r'\(subpath "([^"]*)"\)', read)
    assert readable
    assert not [p for p in readable if PurePosixPath("/Users", "a", ".ssh").is_relative_to(p)]
    assert not [p for p in readable if PurePosixPath("/private/var/root").is_relative_to(p)]


def test_mounts_are_real_paths(tmp_path: Path) -> None:
    """A mount is named by its real path, and written only when it says so."""
    real = tmp_path / "real"
    real.mkdir()
    (tmp_path / "link").symlink_to(real)
    target = PurePosixPath("/ignored")
    shown = profile_text((Mount(source=tmp_path / "link", target=target),), None)
    shared = profile_text((Mount(source=tmp_path / "link", target=target, writable=True),), None)
    assert f'(subpath "{real}")' in rules(shown, "(allow file-read* (sub")[0]
    assert str(real) not in rules(shown, "(allow file-write* ")[0]
    assert f'(subpath "{real}")' in rules(shared, "(allow file-write* ")[0]


def test_git_is_readable_from_outside(tmp_path: Path) -> None:
    """The worktree's git directory and the one it shares can be read, never written."""
    git_dir = tmp_path / "mirror" / "worktrees" / "run"
    git_dir.mkdir(parents=True)
    (git_dir / "commondir").write_text("../..\n")
    profile = profile_text((), git_dir)
    (read,) = rules(profile, "(allow file-read* (subpath")
    assert f'(subpath "{git_dir}")' in read
    assert f'(subpath "{tmp_path / "mirror"}")' in read
    assert str(tmp_path) not in rules(profile, "(allow file-write* ")[0]


@pytest.mark.parametrize("name", ['a"b', "a\\b", 'a")(allow default)("'])
def test_paths_cannot_write_rules(tmp_path: Path, name: str) -> None:
    """A quote in a path stays inside its string."""
    (tmp_path / name).mkdir()
    mount = Mount(source=tmp_path / name, target=PurePosixPath("/ignored"))
    profile = profile_text((mount,), None)
    strings = re.sub(r'"(?:[^"\\]|\\.)*"', "", profile)
    assert '"' not in strings
    assert "allow default" not in strings


def test_arguments_set_limits_then_profile_then_command() -> None:
    """Limits are set first, the profile second, and the command's words stay its own."""
    command = Command(
        argv=("pytest", "-k", "$(id) and -f"),
        limits=Limits(cpu_seconds=7, file_bytes=10_240, files=99),
    )
    argv = arguments(Path("/p/profile.sb"), Path("/w"), Path("/t"), command)
    assert argv[:2] == ["/bin/sh", "-c"]
    assert argv[2] == ('ulimit -t 7 && ulimit -f 20 && ulimit -n 99 && ulimit -c 0; exec "$@"')
    assert argv[4:] == [
        *("/usr/bin/sandbox-exec", "-f", "/p/profile.sb"),
        *("-D", "WORKSPACE=/w", "-D", "TMP=/t", "--"),
        *("pytest", "-k", "$(id) and -f"),
    ]


def test_the_environment_is_its_own() -> None:
    """Home and temporary directory are the one that goes away; nothing is inherited."""
    env = environment(Command(argv=("true",), env={"A": "b"}), Path("/t"))
    assert set(env) == {"PATH", "HOME", "TMPDIR", "LANG", "USER", "A"}
    assert env["HOME"] == env["TMPDIR"] == "/t"
