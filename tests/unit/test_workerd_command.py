"""`wrangler/workerd.sh`: the options that it adds, with and without the commands that only Linux has."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "wrangler" / "workerd.sh"


@pytest.fixture
def commands(tmp_path: Path) -> Path:
    """Make a folder for PATH with a workerd that prints its arguments, and nothing that only Linux has."""
    folder = tmp_path / "bin"
    folder.mkdir()
    write_command(folder / "workerd", 'printf "%s\\n" "$@"')
    for name in ("dirname", "true"):
        (folder / name).symlink_to(shutil.which(name) or name)
    return folder


def write_command(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run(commands: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {"PATH": str(commands), "WORKERD_BINARY": str(commands / "workerd"), **variables}
    return subprocess.run([str(SCRIPT), *arguments], env=environment, capture_output=True, text=True, check=False)


def test_workerd_when_setpriv_is_missing_then_receives_bundle(commands: Path) -> None:
    result = run(commands, "serve", "a b.capnp", "--binary", PYODIDE_BUNDLE_DIR="/bundles/a b")

    assert result.stdout.splitlines() == [
        "serve",
        "--pyodide-bundle-disk-cache-dir=/bundles/a b",
        "a b.capnp",
        "--binary",
    ]
    assert result.stderr == ""


def test_workerd_when_snapshot_is_set_then_receives_all_folders(commands: Path) -> None:
    folders = {"PYODIDE_BUNDLE_DIR": "/b", "PYODIDE_PACKAGE_DIR": "/p", "PYTHON_SNAPSHOT_DIR": "/s"}

    loading = run(commands, "serve", **folders)
    saving = run(commands, "serve", **folders, PYTHON_SNAPSHOT="save")

    assert sorted(loading.stdout.splitlines()) == [
        "--pyodide-bundle-disk-cache-dir=/b",
        "--pyodide-package-disk-cache-dir=/p",
        "--python-load-snapshot=snapshot.bin",
        "--python-snapshot-dir=/s",
        "serve",
    ]
    assert "--python-save-snapshot" in saving.stdout.splitlines()


def test_workerd_when_the_snapshot_mode_is_unknown_then_refused(commands: Path) -> None:
    result = run(commands, "serve", PYODIDE_BUNDLE_DIR="/b", PYTHON_SNAPSHOT_DIR="/s", PYTHON_SNAPSHOT="any")

    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == "workerd.sh: PYTHON_SNAPSHOT must be 'load' or 'save', not 'any'\n"


def test_workerd_when_it_does_not_serve_then_no_option_is_added(commands: Path) -> None:
    assert run(commands, "--version").stdout == "--version\n"


def test_workerd_when_setpriv_is_old_then_it_is_not_used(commands: Path) -> None:
    write_command(commands / "setpriv", "echo unrecognized option >&2; exit 1")

    result = run(commands, "serve", PYODIDE_BUNDLE_DIR="/b")

    assert result.stdout.splitlines() == ["serve", "--pyodide-bundle-disk-cache-dir=/b"]
    assert result.stderr == ""


def test_workerd_when_setpriv_is_new_then_it_is_used(commands: Path) -> None:
    write_command(commands / "setpriv", 'echo "$1 $2"; shift 3; exec "$@"')

    result = run(commands, "serve", PYODIDE_BUNDLE_DIR="/b")

    assert result.stdout.splitlines() == [
        "--pdeathsig KILL",
        "serve",
        "--pyodide-bundle-disk-cache-dir=/b",
    ]


def test_workerd_when_sh_is_another_shell_then_it_starts_too(commands: Path) -> None:
    shells = [shell for shell in ("dash", "bash", "ksh", "zsh") if shutil.which(shell)]

    for shell in shells:
        environment = {
            "PATH": str(commands),
            "WORKERD_BINARY": str(commands / "workerd"),
            "PYODIDE_BUNDLE_DIR": "/b",
            **({"POSIXLY_CORRECT": "1"} if shell == "bash" else {}),
        }
        command = [str(shutil.which(shell)), str(SCRIPT), "serve"]
        result = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        assert result.stdout.splitlines() == ["serve", "--pyodide-bundle-disk-cache-dir=/b"], shell

    assert os.access(SCRIPT, os.X_OK)
