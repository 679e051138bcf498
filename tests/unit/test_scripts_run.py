"""`scripts/run.py` finds a Python that is new enough."""

import ast
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN = ROOT / "scripts" / "run.py"

RUN_AS_PYTHON_3_9 = f"""
import runpy, sys
sys.version_info = (3, 9, 6)
sys.argv = ["run.py", "start", "a b", "$c"]
runpy.run_path({str(RUN)!r}, run_name="__main__")
"""


def write_command(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def run_with_old_python(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN_AS_PYTHON_3_9]
    return subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)


def test_run_when_no_python_is_new_enough_then_one_error_line(tmp_path: Path) -> None:
    result = run_with_old_python(tmp_path)

    assert result.returncode == 1
    assert result.stderr.startswith("setup: Python 3.11 or later is needed; this is 3.")
    assert result.stderr.count("\n") == 1


def test_run_when_python_is_too_old_then_the_latest_on_path(tmp_path: Path) -> None:
    write_command(tmp_path / "python3.14", "exit 127")
    write_command(tmp_path / "python3.12", '[ "$1" = -c ] || printf "%s|" 3.12 "$@"')
    write_command(tmp_path / "python3.11", "echo 3.11")
    write_command(tmp_path / "python3.10", "echo 3.10")

    result = run_with_old_python(tmp_path)

    assert (result.stdout, result.returncode) == (f"3.12|{RUN.with_name('start.py')}|a b|$c|", 0)


def test_run_when_python_is_new_enough_then_it_runs_the_script(tmp_path: Path) -> None:
    command = [sys.executable, str(RUN), "vendor", "nobody"]

    result = subprocess.run(command, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False)

    assert result.returncode == 2
    assert "nobody" in result.stderr


def test_run_when_an_old_python_parses_it_then_it_is_valid() -> None:
    ast.parse(RUN.read_text(), feature_version=(3, 8))


def test_every_npm_command_starts_without_packages() -> None:
    commands = json.loads((ROOT / "package.json").read_text())["scripts"].values()
    names = [command.partition("scripts/run.py ")[2].split()[0] for command in commands]
    code = f"import sys; sys.path.insert(0, {str(RUN.parent)!r}); import {', '.join(names)}"

    result = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=False)

    assert result.stderr == ""
